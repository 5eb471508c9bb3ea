import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TokenClient, ValidatedUserToken } from '@countersign/token-client'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createBench,
  nativeAppId,
  objectId,
  refusalOf,
  target,
  tenantId,
  theSecret,
  userToken,
} from './setup.js'
import { type Answer, refusal } from './token-endpoint.js'

const claims = '{"access_token":{"capolids":{"essential":true,"values":["é"]}}}'
const encodedClaims = Buffer.from(claims).toString('base64')

function validated(changes: Partial<ValidatedUserToken> = {}): ValidatedUserToken {
  return {
    kind: 'delegated',
    issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    token: userToken(),
    tenantId,
    objectId,
    clientId: nativeAppId,
    claims: { xms_cc: ['cp1'] },
    ...changes,
  }
}

interface Expected {
  readonly status: number
  readonly challenge?: string | RegExp
  readonly retryAfter?: string
}

/** The service's refusal, the caller's token, and the answer that the caller gets. */
const cases: readonly [string, Answer, Partial<ValidatedUserToken>, Expected][] = [
  [
    'a claims challenge, with cp1 in xms_cc',
    refusal('interaction_required', 50076, { claims }),
    {},
    {
      status: 401,
      challenge: new RegExp(
        `^Bearer authorization_uri="http://127\\.0\\.0\\.1:\\d+/${tenantId}/oauth2/v2\\.0/authorize", error="insufficient_claims", claims="${encodedClaims.replaceAll('+', '\\+')}"$`,
      ),
    },
  ],
  [
    'a claims challenge, with CP1 in xms_cc that is not a list',
    refusal('invalid_grant', 53003, { claims }),
    { claims: { xms_cc: 'CP1' } },
    { status: 401, challenge: /insufficient_claims/ },
  ],
  [
    '403 instead of a claims challenge, with another word in xms_cc',
    refusal('interaction_required', 50076, { claims }),
    { claims: { xms_cc: ['cp2'] } },
    { status: 403 },
  ],
  [
    '403 instead of a claims challenge, without xms_cc',
    refusal('interaction_required', 50076, { claims }),
    { claims: undefined },
    { status: 403 },
  ],
  [
    '403 for claims that are not JSON',
    refusal('interaction_required', 50076, { claims: '"\r\nx: y' }),
    {},
    { status: 403 },
  ],
  ['that the user must sign in', refusal('invalid_grant', 50076), {}, { status: 403 }],
  ['that consent is missing', refusal('invalid_grant', 65001), {}, { status: 403 }],
  ['that the user is disabled', refusal('invalid_grant', 50057), {}, { status: 403 }],
  ['that the user is not assigned', refusal('invalid_grant', 50105), {}, { status: 403 }],
  [
    "that the user's token has expired",
    refusal('invalid_grant', 500133),
    {},
    {
      status: 401,
      challenge: `Bearer error="invalid_token", error_description="The user's token has expired (AADSTS500133)"`,
    },
  ],
  [
    'to wait',
    { status: 429, headers: { 'retry-after': '17' }, body: {} },
    {},
    { status: 503, retryAfter: '17' },
  ],
  ['503 for a service that is unavailable', { status: 503, body: {} }, {}, { status: 503, retryAfter: '5' }],
  ['that the secret is wrong', refusal('invalid_client', 7000215), {}, { status: 500 }],
]

/** An API: it passes the error on, as a handler without special treatment does. */
type FirstTier = (acquire: () => Promise<unknown>, custom: boolean) => Promise<RequestListener | string>

const frameworks: readonly [string, FirstTier][] = [
  [
    'fastify',
    async (acquire, custom) => {
      const app = fastify()
      if (custom) {
        app.setErrorHandler((error, _request, reply) => {
          const { status, headers } = error as { status?: number; headers?: Record<string, string> }
          return reply
            .status(status ?? 500)
            .headers(headers ?? {})
            .send(JSON.stringify(error))
        })
      }
      app.get('/', async () => acquire())
      onTestFinished(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
  ],
  [
    'express',
    async (acquire, custom) => {
      const app = express()
      app.set('env', 'production')
      app.get('/', async () => {
        await acquire()
      })
      const handler: express.ErrorRequestHandler = (
        error: Record<string, never>,
        _request,
        response,
        _next,
      ) => {
        response
          .status(error['status'] ?? 500)
          .set(error['headers'] ?? {})
          .json(error)
      }
      if (custom) app.use(handler)
      // The default handler logs in every environment but `test`.
      else app.set('env', 'test')
      return app
    },
  ],
  [
    'koa',
    async (acquire, custom) => {
      const app = new Koa()
      app.silent = true
      if (custom) {
        app.use(async (context, next) => {
          try {
            await next()
          } catch (error) {
            const { status, headers } = error as { status?: number; headers?: Record<string, string> }
            context.status = status ?? 500
            context.set(headers ?? {})
            context.body = JSON.stringify(error)
          }
        })
      }
      app.use(() => acquire())
      return app.callback() as RequestListener
    },
  ],
]

async function ask(tier: RequestListener | string): Promise<{ response: Response; body: string }> {
  const response = await fetch(typeof tier === 'string' ? tier : await listen(tier))
  return { response, body: await response.text() }
}

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close().closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(frameworks)('through %s', (_name, createFirstTier) => {
  describe.each([
    ['its default error handler', false],
    ["an application's own", true],
  ])('and %s', (_handler, custom) => {
    it.each(cases)('the caller learns %s', async (_what, answer, changes, expected) => {
      const { client, endpoint } = await createBench()
      endpoint.answer = () => answer
      const tier = await createFirstTier(() => client.acquireOnBehalfOf(validated(changes), target), custom)
      const { response, body } = await ask(tier)
      expect(response.status).toBe(expected.status)
      const challenge = response.headers.get('www-authenticate')
      if (expected.challenge === undefined) expect(challenge).toBeNull()
      else expect(challenge).toMatch(expected.challenge)
      expect(response.headers.get('retry-after')).toBe(expected.retryAfter ?? null)
      const printed = `${body} ${JSON.stringify([...response.headers])}`
      for (const secret of [theSecret, 'contoso', ...userToken().split('.')])
        expect(printed).not.toContain(secret)
      if (custom && expected.status === 500) {
        expect(JSON.parse(body)).toEqual({ error_description: 'Internal Server Error' })
      }
    })
  })
})

describe('an error for a caller', () => {
  const asks: readonly [
    string,
    (client: TokenClient, token: ValidatedUserToken | string) => Promise<unknown>,
  ][] = [
    ['acquireOnBehalfOf', (client, token) => client.acquireOnBehalfOf(token, target)],
    ['startSession', (client, token) => client.startSession(token, target)],
    [
      'createFetch',
      (client, userToken) =>
        client.createFetch({ target, origin: 'http://localhost', userToken })('http://localhost/'),
    ],
  ]

  it.each(asks)(
    'of %s is an answer when a validated token was given, and none for a string',
    async (_name, ask) => {
      const { client, endpoint } = await createBench()
      endpoint.answer = () => refusal('invalid_grant', 65001)
      expect(await refusalOf(ask(client, validated()))).toMatchObject({
        status: 403,
        statusCode: 403,
        headers: {},
        expose: true,
      })
      const plain = await refusalOf(ask(client, userToken()))
      for (const name of ['status', 'statusCode', 'headers', 'expose']) expect(plain).not.toHaveProperty(name)
    },
  )

  it('of a renewal is an answer too', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(validated(), target)
    endpoint.answer = () => refusal('invalid_grant', 500133)
    expect(await refusalOf(session.renew(validated()))).toMatchObject({ status: 401 })
  })

  it('is an object of its own when two callers share the request', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('interaction_required', 50076, { claims })
    const [knowing, plain, text] = await Promise.all([
      refusalOf(client.acquireOnBehalfOf(validated(), target)),
      refusalOf(client.acquireOnBehalfOf(validated({ claims: {} }), target)),
      refusalOf(client.acquireOnBehalfOf(userToken(), target)),
    ])
    expect(endpoint.requests).toHaveLength(1)
    expect([knowing.status, plain.status, text.status]).toEqual([401, 403, undefined])
    expect([knowing, plain, text].map((error) => (error.toJSON() as { claims?: string }).claims)).toEqual([
      claims,
      undefined,
      undefined,
    ])
  })

  it('is 403 for an application token, which has no user', async () => {
    const { client, endpoint } = await createBench()
    expect(
      await refusalOf(client.acquireOnBehalfOf(validated({ kind: 'application' }), target)),
    ).toMatchObject({ code: 'user_token_is_application_token', status: 403 })
    expect(endpoint.requests).toEqual([])
  })

  it('holds as JSON only what the caller may know', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('interaction_required', 50076, { claims })
    const error = await refusalOf(client.acquireOnBehalfOf(validated(), target))
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      error: 'interaction_required',
      error_description: 'The token service requires the user to sign in again (AADSTS50076)',
      action: 'interact',
      claims,
    })
  })

  it('omits a challenge that is too long for a header', async () => {
    const { client, endpoint } = await createBench()
    const long = JSON.stringify({ access_token: { x: 'x'.repeat(5000) } })
    endpoint.answer = () => refusal('interaction_required', 50076, { claims: long })
    expect(await refusalOf(client.acquireOnBehalfOf(validated(), target))).toMatchObject({
      status: 403,
      headers: {},
    })
  })

  it('names the v1.0 authorize endpoint when the authority is v1.0', async () => {
    const { client, endpoint } = await createBench('1.0')
    endpoint.answer = () => refusal('interaction_required', 50076, { claims })
    const error = await refusalOf(client.acquireOnBehalfOf(validated(), target))
    expect(error.headers?.['WWW-Authenticate']).toContain(
      `authorization_uri="${endpoint.origin}/${tenantId}/oauth2/authorize"`,
    )
  })
})
