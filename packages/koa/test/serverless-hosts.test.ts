import { clock, genericAudience, genericIssuer, keySet, tokenWith } from '@countersign/test-fixtures'
import Koa from 'koa'
import serverless from 'serverless-http'
import { describe, expect, it } from 'vitest'
import { bearerAuth, staticIssuer, type AnonymousAuthState } from '../src/index.js'

/** A host that fills the parsed headers alone. */
async function send(allowAnonymous: boolean, headers: Record<string, string>): Promise<[number, string]> {
  const app = new Koa<AnonymousAuthState>()
  app.silent = true
  app.use(
    bearerAuth({
      issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
      audience: genericAudience,
      clock,
      allowAnonymous,
    }),
  )
  app.use((context) => {
    context.body = { subject: context.state.auth?.subject ?? null }
  })
  const event = { httpMethod: 'GET', path: '/', headers, requestContext: {} }
  const { statusCode, body } = (await serverless(app)(event, {})) as { statusCode: number; body: string }
  return [statusCode, body]
}

describe.each([false, true])('behind serverless-http, anonymous allowed: %s', (allowAnonymous) => {
  it('a valid token is accepted', async () => {
    const [status, body] = await send(allowAnonymous, {
      authorization: `Bearer ${tokenWith({ from: 'generic' })}`,
    })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ subject: expect.any(String) as string })
  })

  it('an expired token is refused', async () => {
    const token = tokenWith({ from: 'generic', claims: { exp: 1 } })
    expect((await send(allowAnonymous, { authorization: `Bearer ${token}` }))[0]).toBe(401)
  })

  it('a request without a token is anonymous only where that is allowed', async () => {
    expect((await send(allowAnonymous, {}))[0]).toBe(allowAnonymous ? 200 : 401)
  })
})
