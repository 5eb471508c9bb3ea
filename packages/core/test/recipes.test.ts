import { runCode, codeUnder, readDocument } from '@countersign/test-fixtures'
import { createTokenValidator, oidcIssuer, type TokenSource } from '@countersign/core'
import { expect, it } from 'vitest'

it('takes the sources of the recipe as they are written there', async () => {
  const heading = '# Tokens from elsewhere than the Authorization header'
  const document = `\n${await readDocument('docs/recipes/token-sources.md')}`
  const exports = await runCode(codeUnder(heading, document), new URL('.', import.meta.url))
  for (const name of ['behindGateway', 'cookieOrHeader', 'events']) {
    const tokenFrom = exports[name] as TokenSource
    const make = () =>
      createTokenValidator({ issuer: oidcIssuer('https://issuer.example'), audience: 'a', tokenFrom })
    expect(make).not.toThrow()
  }
})

it('revokes as the recipe does', async () => {
  const document = await readDocument('docs/recipes/revocation.md')
  const code = codeUnder('## A list of one process', document)
  expect(Object.keys(await runCode(code, new URL('.', import.meta.url)))).toEqual([])
})
