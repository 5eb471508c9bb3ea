import { createRequire } from 'node:module'
import { compileProject } from '@countersign/test-fixtures'
import { describe, expect, it } from 'vitest'

const require = createRequire(import.meta.url)

const compile = (project: string): Promise<string> =>
  compileProject(new URL(`../type-tests/${project}/`, import.meta.url))

describe('the types', () => {
  it('are tested beside the types of Express 4 and of express-oauth2-jwt-bearer', () => {
    expect(require.resolve('types-express4/package.json')).toContain('@types+express@4.')
    expect(require.resolve('express-oauth2-jwt-bearer')).toContain('express-oauth2-jwt-bearer@1.')
  })

  it.each(['express-5', 'express-4', 'without-express-types'])('hold in the project %s', async (project) => {
    expect(await compile(project)).toBe('')
  })

  it('clash with those of express-oauth2-jwt-bearer, which names request.auth too', async () => {
    expect(await compile('beside-express-oauth2-jwt-bearer')).toMatch(/'auth'/)
  })

  it('hold beside express-oauth2-jwt-bearer once its types are replaced', async () => {
    expect(await compile('leaving-express-oauth2-jwt-bearer')).toBe('')
  })
})
