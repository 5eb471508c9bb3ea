import { execFile } from 'node:child_process'
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

describe('the tour', () => {
  it('plays both scenarios on both versions, meets every expectation, and leaves nothing running', async () => {
    const { output, errors, code } = await play()
    expect(output).toMatch(/\n\d+ expectations, 0 not met, [\d.]+ s\n$/)
    for (const version of ['v1.0', 'v2.0']) {
      for (const scene of ['Scenario 1', 'Scenario 2', 'Multi-tenant', 'Refusals']) {
        expect(output).toContain(`${scene}, ${version}: `)
      }
    }
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })

  it('prints no token, no secret and no colour where nobody looks', async () => {
    const { output } = await play()
    for (const text of ['eyJ', 'not-a-secret', '\u001b[']) expect(output).not.toContain(text)
  })

  it('ends with one clear line and exit code 1 where it is asked for what it does not know', async () => {
    const { errors, code } = await play('--nonsense')
    expect(errors).toMatch(/^\nThe tour stopped: Unknown option '--nonsense'.*\n$/)
    expect(code).toBe(1)
  })
})
