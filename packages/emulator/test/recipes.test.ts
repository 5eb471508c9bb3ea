import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const require = createRequire(import.meta.url)
const root = new URL('..', import.meta.url).pathname
let folder = ''
beforeAll(async () => {
  // Inside the package, where its own name and its dependencies are found, and out of sight of git.
  folder = await mkdtemp(join(root, 'dist', '.recipe-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** The code of a recipe, under the name its first line says. */
async function writeCode(recipe: string): Promise<string> {
  const text = await readFile(new URL(`../../../docs/recipes/${recipe}`, import.meta.url), 'utf8')
  const [, name, code] = /```[jt]s\n\/\/ ([\w.-]+)\n([\s\S]*?)```/.exec(text) ?? []
  if (name === undefined || code === undefined) throw new Error(`${recipe} has no code`)
  await writeFile(join(folder, name), code)
  return name
}

interface Ended {
  readonly code: number
  readonly output: string
}

function run(args: readonly string[], cwd: string): Promise<Ended> {
  const env = { ...process.env }
  // Of the outer run.
  delete env['VITEST']
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` })
    })
  })
}

describe('the code of the recipe', () => {
  test('for Vitest runs', { timeout: 70_000 }, async () => {
    const name = await writeCode('emulator-vitest.md')
    await writeFile(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['${name}'] } }`)
    const vitest = join(require.resolve('vitest/package.json'), '..', 'vitest.mjs')
    const { code, output } = await run([vitest, 'run', '--root', folder], folder)
    expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/Tests .*7 passed/) })
  })

  test('for Jest runs', { timeout: 70_000 }, async () => {
    const name = await writeCode('emulator-jest.md')
    // A project of its own, of CommonJS as npm makes it, with the package among its dependencies.
    await writeFile(join(folder, 'package.json'), '{}')
    await mkdir(join(folder, 'node_modules/@countersign'), { recursive: true })
    await symlink(root, join(folder, 'node_modules/@countersign/emulator'))
    const args = [require.resolve('jest/bin/jest'), '--watchman=false', '--runTestsByPath', name]
    const { code, output } = await run(args, folder)
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('2 passed, 2 total') })
  })
})
