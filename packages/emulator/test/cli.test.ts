import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { run, type Terminal } from '../src/run.js'
import { registrationSchema } from '../src/registration/schema.js'
import { registration } from './support.js'

let folder = ''
let config = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A terminal whose lines can be awaited, and whose user decides when to stop. */
class TestTerminal implements Terminal {
  readonly lines: string[] = []
  readonly complaints: string[] = []
  #wake: () => void = () => {}
  stop: () => void = () => {}
  readonly #stopped = new Promise<void>((resolve) => {
    this.stop = resolve
  })

  write(line: string): void {
    this.lines.push(line)
    this.#wake()
  }

  complain(line: string): void {
    this.complaints.push(line)
    this.#wake()
  }

  untilStopped(): Promise<void> {
    return this.#stopped
  }

  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = [...this.lines, ...this.complaints].find((line) => pattern.test(line))
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

let running: { terminal: TestTerminal; ended: Promise<number> } | undefined
function begin(...args: string[]): TestTerminal {
  const terminal = new TestTerminal()
  running = { terminal, ended: run(args, terminal) }
  return terminal
}
afterEach(async () => {
  running?.terminal.stop()
  await running?.ended
  running = undefined
})

const originOf = async (terminal: TestTerminal): Promise<string> =>
  (await terminal.line(/^ {2}address/)).replace(/^ +address +/, '')

describe('the command', () => {
  test('prints what it is and its address, answers requests, and stops with 0', async () => {
    const terminal = begin('--port', '0')
    const origin = await originOf(terminal)
    await terminal.line(/Ctrl-C/)
    expect(terminal.lines[0]).toContain('FOR DEVELOPMENT AND TESTS ONLY')
    expect(terminal.lines.join('\n')).not.toContain('LENIENT')
    expect((await fetch(`${origin}/common/discovery/v2.0/keys`)).status).toBe(200)
    terminal.stop()
    expect(await running?.ended).toBe(0)
    await expect(fetch(origin)).rejects.toThrow()
  })

  test('prints each lenient option by its name', async () => {
    const others = [
      '--allow-connections-from-other-machines',
      '--listen',
      '127.0.0.1',
      '--host-name',
      'emulator',
    ]
    const terminal = begin('--port', '0', '--imitate-microsoft-issuers', 'global', ...others)
    await terminal.line(/Ctrl-C/)
    const printed = terminal.lines.filter((line) => line.startsWith('LENIENT'))
    expect(printed.map((line) => line.split(/[: ]+/, 2)[1])).toEqual([
      '--imitate-microsoft-issuers',
      '--allow-connections-from-other-machines',
    ])
  })

  test('reads the registration again when the file changes, and keeps the old one if it is broken', async () => {
    config = join(folder, 'registration.json')
    await writeFile(config, JSON.stringify(registration))
    const terminal = begin('--port', '0', '--config', config, '--watch')
    const origin = await originOf(terminal)
    const keysOf = (domain: string): Promise<Response> =>
      fetch(`${origin}/${domain}/v2.0/.well-known/openid-configuration`)
    expect((await keysOf('added.example')).status).toBe(400)
    const added = { ...registration, tenants: [...registration.tenants, { domains: ['added.example'] }] }
    await writeFile(config, JSON.stringify(added))
    await terminal.line(/^read /)
    expect((await keysOf('added.example')).status).toBe(200)
    // What the page applied is not what is read again.
    const html = await (await fetch(`${origin}/_/registration`)).text()
    const pageToken = /name="page_token" value="([^"]*)"/.exec(html)?.[1] ?? ''
    const applied = await fetch(`${origin}/_/registration`, {
      method: 'POST',
      body: new URLSearchParams({
        page_token: pageToken,
        do: 'apply',
        registration: JSON.stringify({ tenants: [{ domains: ['applied.example'] }] }),
      }),
    })
    expect([applied.status, (await keysOf('added.example')).status]).toEqual([200, 400])
    terminal.lines.length = 0
    await writeFile(config, JSON.stringify(added, undefined, 1))
    await terminal.line(/^read /)
    expect((await keysOf('added.example')).status).toBe(200)
    await writeFile(config, '{')
    expect(await terminal.line(/the old registration stays in use/)).toContain('is not JSON')
    expect((await keysOf('added.example')).status).toBe(200)
  })

  test('prints one line and exits with 1 when the port is taken', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const terminal = begin('--port', String(port))
    expect(await running?.ended).toBe(1)
    expect(terminal.complaints).toEqual([`port ${port} is in use: choose another with --port, or 0 for any`])
    await new Promise((resolve) => other.close(resolve))
  })

  test.each([
    [['--prot', '1'], /Unknown option '--prot'/],
    [['--port', 'x'], /--port: must be a whole number/],
    [['--watch'], /--watch needs --config/],
    [['--listen', '0.0.0.0'], /must be given together/],
  ])('exits with 64 and prints the help for %j', async (args, message) => {
    const terminal = begin(...args)
    expect(await running?.ended).toBe(64)
    expect(terminal.complaints[0]).toMatch(message)
    expect(terminal.complaints[1]).toContain('--config <file>')
  })

  test('exits with 1 and prints the place in a registration that cannot be used', async () => {
    const file = join(folder, 'wrong.json')
    await writeFile(file, '{"tenants":[]}')
    const terminal = begin('--config', file, '--port', '0')
    expect(await running?.ended).toBe(1)
    expect(terminal.complaints).toEqual([expect.stringContaining('registration: tenants: ')])
  })

  test('prints its help and ends with 0', async () => {
    const terminal = begin('--help')
    expect(await running?.ended).toBe(0)
    expect(terminal.lines.join('\n')).toContain('--state <file>')
  })
})

test('the built program starts, and stops gracefully at SIGTERM', async () => {
  const program = new URL('../dist/cli.js', import.meta.url).pathname
  const child: ChildProcess = spawn(process.execPath, [program, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`it ended: ${output}`)))
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (output.includes('Ctrl-C')) resolve()
    })
  })
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(output).toContain('stopped')
})

describe('a state file', () => {
  const begun = async (file: string, port: string): Promise<TestTerminal> => {
    const terminal = begin('--port', port, '--state', file)
    await terminal.line(/Ctrl-C/)
    return terminal
  }

  test('is private, and keeps keys from one run to the next', async () => {
    const file = join(folder, 'state.json')
    const first = await begun(file, '0')
    const keys = async (terminal: TestTerminal): Promise<unknown> =>
      (await fetch(`${await originOf(terminal)}/common/discovery/keys`)).json()
    const before = await keys(first)
    first.stop()
    await running?.ended
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const second = await begun(file, '0')
    expect(await keys(second)).toEqual(before)
  })

  test('is refused when others can read it, or when it is not a state file, without its content in the message', async () => {
    const file = join(folder, 'open.json')
    await writeFile(file, '{"seal":"test-value"}', { mode: 0o644 })
    const open = begin('--port', '0', '--state', file)
    expect(await running?.ended).toBe(1)
    expect(open.complaints).toEqual([expect.stringContaining('can be read by others')])
    const other = join(folder, 'other.json')
    await writeFile(other, '{"seal":"test-value"}', { mode: 0o600 })
    const wrong = begin('--port', '0', '--state', other)
    expect(await running?.ended).toBe(1)
    expect(wrong.complaints).toEqual(['state: seal: does not match pattern'])
  })
})

test('the published schema is the one registrations are checked against', async () => {
  const file = new URL('../registration.schema.json', import.meta.url)
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(registrationSchema)))
})
