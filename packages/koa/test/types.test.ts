import { createRequire } from 'node:module'
import { compileProject } from '@countersign/test-fixtures'
import { describe, expect, it } from 'vitest'

const require = createRequire(import.meta.url)

describe('the types', () => {
  it('are tested beside the types of Koa 2', () => {
    expect(require.resolve('types-koa2/package.json')).toContain('@types+koa@2.')
  })

  it.each(['koa-3', 'koa-2'])('hold in the project %s', async (project) => {
    expect(await compileProject(new URL(`../type-tests/${project}/`, import.meta.url))).toBe('')
  })
})
