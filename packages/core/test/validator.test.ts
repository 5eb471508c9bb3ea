import { clock, genericAudience, genericIssuer, keySet, now, tokenWith } from '@countersign/test-fixtures'
import { createTokenValidator, staticIssuer } from '@countersign/core'
import { describe, expect, it } from 'vitest'

const options = {
  issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
  audience: genericAudience,
  clock,
}
const good = tokenWith({ from: 'generic' })

describe('tryValidateToken', () => {
  const { tryValidateToken } = createTokenValidator(options)

  it('answers a good token with the token and no error', async () => {
    const { token, error } = await tryValidateToken(good)
    expect(token).toMatchObject({ kind: 'delegated', issuer: genericIssuer })
    expect(error).toBeUndefined()
  })

  it('answers a refused token with the refusal and no token', async () => {
    const { token, error } = await tryValidateToken(
      tokenWith({ from: 'generic', claims: { exp: now - 1000 } }),
    )
    expect(token).toBeUndefined()
    expect(error).toMatchObject({ code: 'token_expired', status: 401 })
  })

  it('answers a lacking permission with the refusal', async () => {
    const { error } = await tryValidateToken(good, { scopes: 'more' })
    expect(error).toMatchObject({ code: 'scope_insufficient', scope: 'more' })
  })

  it('rejects with a TypeError for a malformed permission', async () => {
    await expect(tryValidateToken(good, {})).rejects.toThrow(TypeError)
  })
})

describe('a validated token', () => {
  it('has the time it was issued at, in seconds', async () => {
    const { validateToken } = createTokenValidator(options)
    expect(await validateToken(tokenWith({ from: 'generic', claims: { iat: now - 5 } }))).toMatchObject({
      issuedAt: now - 5,
    })
  })

  it('has no issuedAt where the token has no iat', async () => {
    const { validateToken } = createTokenValidator(options)
    const token = await validateToken(tokenWith({ from: 'generic', claims: { iat: undefined } }))
    expect('issuedAt' in token).toBe(false)
  })
})

describe('a challenge of a validator with resource metadata', () => {
  const resourceMetadata = 'https://api.example/.well-known/oauth-protected-resource'
  const validator = createTokenValidator({ ...options, resourceMetadata })
  const parameter = `resource_metadata="${resourceMetadata}"`

  it('names it, with every method that refuses', async () => {
    const refused = await validator.tryValidateToken('x')
    expect(refused.error?.headers['WWW-Authenticate']).toContain(parameter)
    expect((await validator.explain('x')).refusal?.headers['WWW-Authenticate']).toContain(parameter)
    expect(() => validator.checkPermission(null, { scopes: 'a' })).toThrow(
      expect.objectContaining({ headers: { 'WWW-Authenticate': `Bearer scope="a", ${parameter}` } }) as Error,
    )
  })

  it('keeps scope, claim and reason beside it', async () => {
    const token = await validator.validateToken(good)
    const challenge = `Bearer error="insufficient_scope", error_description="A required scope is missing", scope="a b", ${parameter}`
    expect(() => validator.checkPermission(token, { scopes: ['a', 'b'] })).toThrow(
      expect.objectContaining({ scope: 'a b', headers: { 'WWW-Authenticate': challenge } }) as Error,
    )
    const { error } = await validator.tryValidateToken('x')
    expect(error).toMatchObject({ code: 'token_malformed', reason: 'parts' })
  })

  it('tells a caller without a usable token the scopes that every caller needs', async () => {
    const { tryValidateToken } = createTokenValidator({
      ...options,
      resourceMetadata,
      permission: { delegated: { scopes: ['a', 'b'] }, application: { roles: 'c' } },
    })
    const refused = await tryValidateToken('x')
    expect(refused.error?.headers['WWW-Authenticate']).toContain(`scope="a b", ${parameter}`)
    expect(refused.error?.scope).toBeUndefined()
  })

  it('names scopes as clients ask for them, while permissions compare the short names', async () => {
    const { checkPermission, validateToken } = createTokenValidator({
      ...options,
      resourceMetadata,
      scopePrefix: 'api://files/',
    })
    const token = await validateToken(good, { scopes: 'files:read' })
    expect(() => checkPermission(token, { scopes: ['a', 'b'] })).toThrow(
      expect.objectContaining({
        headers: {
          'WWW-Authenticate': expect.stringContaining('scope="api://files/a api://files/b"') as string,
        },
      }) as Error,
    )
  })

  it.each(['', 'a b', 'a"b', 7])('refuses the prefix %j with a TypeError', (scopePrefix) => {
    const make = () => createTokenValidator({ ...options, scopePrefix: scopePrefix as string })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('"scopePrefix"')
  })
})
