import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const main = new URL('../dist/main.js', import.meta.url).pathname
const run = promisify(execFile)

/** The tour as `npm start` runs it, built: its output and its exit code. */
async function play(...options: string[]): Promise<{ output: string; errors: string; code: number }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [main, ...options])
    return { output: stdout, errors: stderr, code: 0 }
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    return { output: stdout, errors: stderr, code }
  }
}

/** Each is played once for all tests. */
const story = play()
const everything = play('--verbose')

/** The arrows of a diagram in the README, in order: from, to, and whether it is an answer. */
function arrowsOf(title: string): string[] {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const diagram = readme.split(`### ${title}\n`)[1]?.split('```')[1] ?? ''
  return [...diagram.matchAll(/^ {2}(\w+)(-->>|->>)(\w+): /gm)].map(([, from = '', arrow, to = '']) =>
    arrow === '->>' ? `${parties[from]} → ${parties[to]}` : `${parties[to]} ← ${parties[from]}`,
  )
}

const parties: Readonly<Record<string, string>> = {
  D: 'nightly-daemon',
  A: 'reports-api-v2',
  S: 'token service',
  N: 'native app',
  T1: 'orders-api-v2',
  T2: 'inventory-api-v2',
}

/** The steps of a scenario as the story numbers them. */
function stepsOf(output: string, scenario: string): string[] {
  const scenes = output.split(/\n\n/).filter((scene) => scene.startsWith(`${scenario}: `))
  const steps = scenes.flatMap((scene) => [
    ...scene.matchAll(/^ *(\d+) {2}(.*?) +([→←]) (.*?) {2,}|^ *(\d+) {2}(.*?) +([→←]) (\S+) /gm),
  ])
  return steps.map(([, number, from, arrow, to, , from2, arrow2, to2], index) => {
    expect(Number(number ?? index + 1)).toBe(index + 1)
    return `${from ?? from2} ${arrow ?? arrow2} ${to ?? to2}`
  })
}

// Whole processes: on a loaded machine one takes many times its two seconds.
describe('the tour', { timeout: 60_000 }, () => {
  it('plays both scenarios in at most 100 lines, meets every expectation, and leaves nothing running', async () => {
    const { output, errors, code } = await story
    expect(output).toMatch(/\n50 expectations, 0 not met, [\d.]+ s\n$/)
    expect(output.split('\n').length).toBeLessThanOrEqual(101)
    expect(output).not.toContain(' NO ')
    for (const title of [
      'Scenario 1: a daemon calls an API as itself, with a secret',
      'Scenario 2: the app calls tier 1, which calls tier 2 on behalf of the user',
      'Multi-tenant',
      'Refusals: what a daemon may meet',
      'The same on the v1.0 endpoints',
    ]) {
      expect(output).toContain(`\n${title}\n`)
    }
    for (const scene of ['Scenario 1', 'Scenario 2', 'Multi-tenant', 'Refusals']) {
      expect(output).toContain(`\n  ✓  ${scene}: `)
    }
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })

  it('numbers the steps as the diagrams in the README do', async () => {
    const { output } = await story
    const daemon = arrowsOf('A daemon calls an API as itself')
    expect(daemon).toHaveLength(5)
    expect(stepsOf(output, 'Scenario 1').slice(0, daemon.length)).toEqual(daemon)
    const onBehalfOf = arrowsOf('An API calls the next one on behalf of a user')
    expect(onBehalfOf).toHaveLength(10)
    expect(stepsOf(output, 'Scenario 2').slice(0, onBehalfOf.length)).toEqual(onBehalfOf)
  })

  it('prints with --verbose every request and answer of both versions, with the claims that decide something', async () => {
    const { output, errors, code } = await everything
    expect(output).toMatch(/\n50 expectations, 0 not met, [\d.]+ s\n$/)
    for (const version of ['v1.0', 'v2.0']) {
      for (const scene of ['Scenario 1', 'Scenario 2', 'Multi-tenant', 'Refusals']) {
        expect(output).toContain(`${scene}, ${version}: `)
      }
    }
    expect(output).toMatch(
      /orders-api-v2 +→ token service +POST .*\/token\n +grant +jwt-bearer, on_behalf_of\n/,
    )
    expect(output.match(/ → /g)?.length).toBe(output.match(/ ← /g)?.length)
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })

  it.each([
    ['the story', story],
    ['everything', everything],
  ])('prints no token, no secret and no colour into a pipe: %s', async (_, played) => {
    const { output } = await played
    for (const text of ['eyJ', 'not-a-secret', '\u001b[']) expect(output).not.toContain(text)
  })

  it('leaves everything running with --keep, and names the page with the requests it played', async () => {
    const playing = spawn(process.execPath, [main, '--keep'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(playing, 'exit')
    let page = ''
    for await (const line of createInterface({ input: playing.stdout })) {
      if (/^ {2}http:\/\/localhost:\d+\/_\//.test(line)) page = line.trim()
      if (line === 'Ctrl+C stops everything.') break
    }
    const response = await fetch(page)
    const text = await response.text()
    playing.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(response.status).toBe(200)
    expect(text).toContain('orders-api-v2')
  })

  it('prints its options with --help, and plays nothing', async () => {
    const { output, code } = await play('--help')
    expect(output).toContain('npm start -- --verbose')
    expect(output).not.toContain('expectations,')
    expect(code).toBe(0)
  })

  it('ends with one clear line and exit code 1 for an option it does not know', async () => {
    const { errors, code } = await play('--nonsense')
    expect(errors).toMatch(/^\nThe tour stopped: Unknown option '--nonsense'.*\n$/)
    expect(code).toBe(1)
  })
})
