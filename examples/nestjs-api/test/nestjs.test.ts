import { fileURLToPath } from 'node:url'
import { compileProject } from '@countersign/test-fixtures'
import { expect, it } from 'vitest'

it('finds every answer of its API as it should be', async () => {
  // It throws where one is not. Imported by its path, as its decorators have a tsconfig of their own.
  await import(fileURLToPath(new URL('../src/main.ts', import.meta.url)))
})

it('compiles with the decorators of Nest', async () => {
  expect(await compileProject(new URL('../test/', import.meta.url))).toBe('')
})
