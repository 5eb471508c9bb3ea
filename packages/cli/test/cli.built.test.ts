import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const run = promisify(execFile)
const escape = '\u001B['
const isWindows = process.platform === 'win32'

/** Runs the command in a terminal of its own, which `script` makes. */
async function inTerminal(
  args: string,
  { input = '', ...environment }: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { NO_COLOR: _, ...inherited } = process.env
  const line = `${process.execPath} ${cli} ${args}`
  const running = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { ...inherited, TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  running.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    // A person types when the prompt is there.
    if (input !== '' && output.includes('Token (it is not shown): ') && running.stdin.writable)
      running.stdin.end(`${input}\r`)
  })
  await once(running, 'close')
  return output
}

describe.runIf(process.platform === 'linux')('the built command in a terminal', { timeout: 60_000 }, () => {
  it('prints colours into a terminal, unless NO_COLOR is set, and none into a pipe', async () => {
    expect(await inTerminal('explain token_expired')).toContain(`${escape}1mtoken_expired`)
    expect(await inTerminal('explain token_expired', { NO_COLOR: '1' })).not.toContain(escape)
    const { stdout, stderr } = await run(process.execPath, [cli, 'explain', 'token_expired'])
    expect(stdout).toMatch(/^token_expired {2}401 {2}invalid_token {2}"The token has expired"\n/)
    expect(stdout + stderr).not.toContain(escape)
  })

  it('does not show a token that is typed, and reads more of it than a line of a terminal holds', async () => {
    const claims = Buffer.from(JSON.stringify({ aud: 'orders', padding: 'x'.repeat(6000) })).toString(
      'base64url',
    )
    const output = await inTerminal('explain', { input: `e30.${claims}.AA`, NO_COLOR: '1' })
    expect(output).toContain('UNDECIDED')
    expect(output).toContain('for orders')
    expect(output).not.toContain(claims.slice(0, 40))
  })
})

describe('the built command', { timeout: 60_000 }, () => {
  it('ends with the code of its answer', async () => {
    await expect(run(process.execPath, [cli, 'explain', 'no_such_code'])).rejects.toMatchObject({ code: 64 })
    const running = spawn(process.execPath, [cli, 'explain'], { stdio: ['pipe', 'ignore', 'ignore'] })
    running.stdin.end('e30.e30.AA')
    expect(await once(running, 'exit')).toEqual([2, null])
  })

  it('says how an ES module is named that Node reads as CommonJS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-cli-'))
    try {
      await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }')
      await writeFile(join(folder, 'auth.js'), 'export default {}')
      const args = [cli, 'explain', '--config', join(folder, 'auth.js')]
      const running = run(process.execPath, args)
      running.child.stdin?.end('a.b.c')
      await expect(running).rejects.toMatchObject({
        code: 64,
        stderr: expect.stringContaining('(SyntaxError); an ES module is named .mjs, unless its package.json'),
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.skipIf(isWindows)('ends quietly where its reader has seen enough', async () => {
    const { stdout, stderr } = await run('bash', ['-c', `"${process.execPath}" "${cli}" --help | head -1`])
    expect({ stdout, stderr }).toEqual({
      stdout: 'Says why a token is refused, and whether an API refuses what it must.\n',
      stderr: '',
    })
  })

  it('starts the emulator with its own arguments, and ends with it', async () => {
    const running = spawn(process.execPath, [cli, 'emulator', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(running, 'exit')
    let address = ''
    for await (const line of createInterface({ input: running.stdout })) {
      address ||= /^ {2}address +(http\S+)$/.exec(line)?.[1] ?? ''
      if (line === 'Stop with Ctrl-C.') break
    }
    expect((await fetch(`${address}/_/health`)).status).toBe(200)
    running.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  it.skipIf(isWindows).each([
    ['countersign ex', 'explain'],
    ['countersign explain --cl', '--client-id --cloud'],
    ['countersign explain --cloud ', 'global usGovernment china'],
    ['countersign explain graph', 'graph_token'],
    ['countersign probe --jun', '--junit'],
    ['countersign token --flaw expi', 'expired'],
  ])('completes %j in bash', async (typed, proposed) => {
    const script = `
      source <("${process.execPath}" "${cli}" completion bash)
      IFS=' ' read -r -a COMP_WORDS <<< "$1"
      if [[ "$1" == *' ' ]]; then COMP_WORDS+=(''); fi
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _countersign
      echo "\${COMPREPLY[*]}"`
    const { stdout } = await run('bash', ['-c', script, 'bash', typed])
    expect(stdout.trim()).toBe(proposed)
  })

  it.each([
    ['zsh', '_countersign() {'],
    [
      'fish',
      "complete -c countersign -n '__fish_seen_subcommand_from explain' -l cloud -xa 'global usGovernment china'",
    ],
  ])('has a completion script for %s', async (shell, line) => {
    const { stdout } = await run(process.execPath, [cli, 'completion', shell])
    expect(stdout).toContain(line)
  })
})
