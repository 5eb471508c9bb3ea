import { createFetchAuth, isBearerError } from '@countersign/core'
import { createTestAuth } from '@countersign/core/testing'
import { describe, expect, it } from 'vitest'

describe('createTestAuth', () => {
  const test = createTestAuth()
  const auth = createFetchAuth({ validator: test.validator })
  const handler = auth
    .requirePermission({ delegated: { scopes: 'Orders.Read' } })
    .protect((_request, caller) => Response.json({ user: caller.objectId }))
  const ask = (headers: Record<string, string> = {}) =>
    handler(new Request('https://api.test/orders', { headers }))

  it('gives a request its identity', async () => {
    const answer = await ask({
      ...test.headersOf({ kind: 'delegated', scopes: 'Orders.Read', objectId: 'mara' }),
    })
    expect([answer.status, await answer.json()]).toEqual([200, { user: 'mara' }])
    expect((await ask()).status).toBe(401)
    expect((await ask({ ...test.headersOf({ kind: 'application' }) })).status).toBe(403)
  })

  it('makes a token that is frozen, and does not show its text', () => {
    test.signIn({ kind: 'delegated' })
    const token = test.validator.authenticate({
      method: 'GET',
      url: '/',
      header: () => undefined,
      peerCertificate: () => undefined,
      remoteAddress: undefined,
      native: undefined,
    })
    test.signIn(null)
    expect(Object.isFrozen(token)).toBe(true)
    expect(JSON.stringify(token)).not.toContain('test-identity')
  })

  it('is a whole validator', async () => {
    const { validator } = test
    const { authorization } = test.headersOf({ kind: 'unknown', scopes: 'a' })
    const token = authorization.slice('Bearer '.length)
    expect((await validator.validateToken(token, { scopes: 'a' })).kind).toBe('unknown')
    expect((await validator.tryValidateToken(token, { scopes: 'b' })).error?.code).toBe('scope_insufficient')
    expect((await validator.tryValidateToken('x')).error?.code).toBe('token_malformed')
    await expect(validator.explain(token)).rejects.toThrow('no checks to explain')
    await validator.ready()
    expect(validator.exportKeys()).toEqual({ version: 1, issuers: [] })
    expect(() => validator.checkPermission(null, { scopes: 'a' })).toThrow(
      expect.toSatisfy((error: unknown) => isBearerError(error) && error.code === 'credentials_missing'),
    )
  })
})
