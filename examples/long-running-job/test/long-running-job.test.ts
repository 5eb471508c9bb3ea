import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('finds every answer as it should be', async () => {
  const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program])
  expect(stdout + stderr).toMatch(/All answers are as they should be|DID NOT RUN/)
}, 30_000)
