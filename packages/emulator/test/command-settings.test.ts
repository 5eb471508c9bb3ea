import { describe, expect, test } from 'vitest'
import { readFile } from 'node:fs/promises'
import { helpText, readSettings } from '../src/command-settings.js'
import { run, type Terminal } from '../src/run.js'

describe('settings of the command', () => {
  test('come from arguments and from the environment, and an argument wins', () => {
    const environment = {
      PATH: '/bin',
      COUNTERSIGN_EMULATOR_PORT: '1',
      COUNTERSIGN_EMULATOR_HTTPS: 'true',
      COUNTERSIGN_EMULATOR_HOST_NAME: 'one, two',
      COUNTERSIGN_EMULATOR_TOKEN: 'test-value-0123456789',
      COUNTERSIGN_EMULATOR_CONFIG: '',
    }
    expect(readSettings(['--port', '2', '--host-name', 'three'], environment)).toEqual({
      asked: 'start',
      values: { port: '2', https: true, 'host-name': ['three'], token: 'test-value-0123456789' },
    })
  })

  test('leave alone what Kubernetes sets for a service of that name', () => {
    const environment = {
      COUNTERSIGN_EMULATOR_PORT: 'tcp://10.0.0.1:8400',
      COUNTERSIGN_EMULATOR_SERVICE_HOST: '10.0.0.1',
      COUNTERSIGN_EMULATOR_PORT_8400_TCP_ADDR: '10.0.0.1',
    }
    expect(readSettings([], environment).values).toEqual({})
  })

  test.each([
    [{ COUNTERSIGN_EMULATOR_PROT: '1' }, 'COUNTERSIGN_EMULATOR_PROT: is not a setting; see --help'],
    [{ COUNTERSIGN_EMULATOR_HTTPS: 'yes' }, 'COUNTERSIGN_EMULATOR_HTTPS: must be true or false'],
  ])('refuse %j', (environment, message) => {
    expect(() => readSettings([], environment)).toThrow(message)
  })

  test('have no argument for the token: other users of the machine see arguments', () => {
    expect(() => readSettings(['--token', 'test-value-0123456789'], {})).toThrow(/Unknown option/)
  })
})

function terminal(): Terminal & { readonly lines: string[] } {
  const lines: string[] = []
  const add = (line: string): void => void lines.push(line)
  return { lines, write: add, complain: add, untilStopped: async () => {} }
}

describe('the command', () => {
  test('prints its version and ends with 0', async () => {
    const shown = terminal()
    expect(await run(['--version'], shown)).toBe(0)
    const manifest: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
    expect(shown.lines).toEqual([Object(manifest).version])
  })

  test('lists every setting in its help, within 100 columns', () => {
    const help = helpText()
    for (const name of [
      'config',
      'port',
      'watch',
      'state',
      'lifetime',
      'https',
      'cert',
      'key',
      'certificate-out',
      'origin',
      'host-name',
      'imitate-microsoft-issuers',
      'allow-connections-from-other-machines',
      'listen',
      'version',
      'help',
    ]) {
      expect([name, help.includes(`  --${name}`)]).toEqual([name, true])
    }
    expect(help).toContain('COUNTERSIGN_EMULATOR_TOKEN')
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  test('prints a random control token, and never a configured one', async () => {
    const random = terminal()
    expect(await run(['--port', '0'], random)).toBe(0)
    expect(random.lines.join('\n')).toMatch(/control +http:\/\/localhost:\d+\/_\/api\/v1 +token [\w-]{43}/)
    const configured = terminal()
    const token = 'test-value-0123456789'
    expect(await run(['--port', '0'], configured, { COUNTERSIGN_EMULATOR_TOKEN: token })).toBe(0)
    expect(configured.lines.join('\n')).toMatch(/token as configured/)
    expect(configured.lines.join('\n')).not.toContain(token)
    const short = terminal()
    expect(await run(['--port', '0'], short, { COUNTERSIGN_EMULATOR_TOKEN: 'test-value' })).toBe(1)
    expect(short.lines).toEqual(['startEmulator: "controlToken" must be 16 to 256 visible ASCII characters'])
  })

  test.each([
    [['--cert', 'a.pem'], '--cert and --key must be given together'],
    [['--certificate-out', 'a.pem'], '--certificate-out needs --https, or --cert and --key'],
  ])('exits with 64 for %j', async (args, message) => {
    const shown = terminal()
    expect(await run([...args, '--port', '0'], shown)).toBe(64)
    expect(shown.lines[0]).toBe(message)
  })

  test('exits with 1 for a certificate file that is not there, and for one that cannot be written', async () => {
    const missing = terminal()
    expect(await run(['--port', '0', '--cert', '/nowhere/a', '--key', '/nowhere/b'], missing)).toBe(1)
    expect(missing.lines).toEqual(['--cert: cannot read the file /nowhere/a (ENOENT)'])
    const unwritable = terminal()
    expect(await run(['--port', '0', '--https', '--certificate-out', '/nowhere/a'], unwritable)).toBe(1)
    expect(unwritable.lines).toEqual(['--certificate-out: cannot write the file (ENOENT)'])
  })
})
