import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const source = new URL('../src/', import.meta.url)
const folder = new URL('../node_modules/.cache/examples/', import.meta.url)
const binaries = new URL('../../../node_modules/.bin/', import.meta.url)

/** What an example of a method starts from. */
const prelude = `import type { Emulator } from '@countersign/emulator'\ndeclare const emulator: Emulator\n`

test('every example in a doc comment compiles', async () => {
  const examples = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => examplesOf(readFileSync(new URL(file, source), 'utf8')))
  expect(examples.length).toBeGreaterThanOrEqual(5)

  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(
    new URL('tsconfig.json', folder),
    JSON.stringify({
      extends: '../../../../../tsconfig.base.json',
      compilerOptions: {
        noEmit: true,
        composite: false,
        declaration: false,
        declarationMap: false,
        noUnusedLocals: false,
        lib: ['es2023', 'esnext.disposable', 'dom'],
        customConditions: ['countersign-source'],
      },
      include: ['*.ts'],
    }),
  )
  for (const [index, example] of examples.entries()) {
    const text = example.includes('startEmulator') ? example : `${prelude}${example}`
    await writeFile(new URL(`example-${index}.ts`, folder), `${text}\nexport {}\n`)
  }
  expect(await compile()).toBe('')
}, 60_000)

function examplesOf(text: string): string[] {
  return [...text.matchAll(/@example\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g)].map(([, example = '']) =>
    example.replaceAll(/^\s*\* ?/gm, ''),
  )
}

/** What the compiler says; nothing if all is well. */
function compile(): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      fileURLToPath(new URL('tsc', binaries)),
      ['-p', fileURLToPath(folder)],
      (error, output, errors) => resolve(error === null ? '' : `${output}${errors}${error.message}`),
    )
  })
}
