import { EventEmitter, once } from 'node:events'
import { createRequest, createResponse } from 'node-mocks-http'
import { configure } from '@codegenie/serverless-express'
import { apiClientId, clock, keySet, tokenWith, userObjectId } from '@countersign/test-fixtures'
import express, { type NextFunction, type Request, type Response } from 'express'
import serverless from 'serverless-http'
import { describe, expect, it } from 'vitest'
import { bearerAuth, staticIssuer, type BearerAuthOptions } from '../src/index.js'

/* Hosts that are not Node's own server: some of them fill the parsed headers alone. */

const address = 'https://issuer.example'
const token = (claims: Record<string, unknown> = {}): string =>
  tokenWith({ from: 'generic', claims: { iss: address, aud: apiClientId, sub: userObjectId, ...claims } })

function appWith(more: Partial<BearerAuthOptions> = {}): express.Express {
  const app = express()
  app.use(
    bearerAuth({
      issuer: staticIssuer({ issuer: address, jwks: keySet(['generic']) }),
      audience: apiClientId,
      clock,
      ...more,
    }),
  )
  app.get('/', (request, response) => {
    response.json({ auth: request.auth })
  })
  app.use((error: { status?: number }, _request: Request, response: Response, _next: NextFunction) => {
    response.status(error.status ?? 500).json(error)
  })
  return app
}

interface Answer {
  readonly status: number
  readonly body: string
}

type Headers = Readonly<Record<string, string | string[]>>

/** Each host answers a request with these headers. */
const hosts: Readonly<Record<string, (app: express.Express, headers: Headers) => Promise<Answer>>> = {
  async 'serverless-http'(app, headers) {
    const multiValueHeaders = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value].flat()]),
    )
    const event = { httpMethod: 'GET', path: '/', headers: {}, multiValueHeaders, requestContext: {} }
    const { statusCode, body } = (await serverless(app)(event, {})) as { statusCode: number; body: string }
    return { status: statusCode, body }
  },

  async '@codegenie/serverless-express'(app, headers) {
    const multiValueHeaders = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value].flat()]),
    )
    const event = { httpMethod: 'GET', path: '/', multiValueHeaders, requestContext: { stage: 'test' } }
    const handler = configure({ app }) as unknown as (
      event: object,
      context: object,
    ) => Promise<{ statusCode: number; body: string }>
    const { statusCode, body } = await handler(event, {})
    return { status: statusCode, body }
  },

  async 'node-mocks-http'(app, headers) {
    const request = createRequest({ method: 'GET', url: '/', headers: headers as Record<string, string> })
    const response = createResponse({ req: request, eventEmitter: EventEmitter })
    const ended = once(response, 'end')
    app(request as never, response as never)
    await ended
    return { status: response.statusCode, body: response._getData() as string }
  },
}

describe.each(Object.entries(hosts))('behind %s', (_, send) => {
  it('a valid token is accepted', async () => {
    const { status, body } = await send(appWith(), { authorization: `Bearer ${token()}` })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ auth: { subject: userObjectId } })
  })

  it('an expired token is refused, also where anonymous callers are accepted', async () => {
    const headers = { authorization: `Bearer ${token({ exp: 1 })}` }
    expect((await send(appWith(), headers)).status).toBe(401)
    expect((await send(appWith({ allowAnonymous: true }), headers)).status).toBe(401)
  })

  it('a request without a token is refused, or anonymous where that is accepted', async () => {
    expect((await send(appWith(), {})).status).toBe(401)
    const { status, body } = await send(appWith({ allowAnonymous: true }), {})
    expect([status, JSON.parse(body)]).toEqual([200, { auth: null }])
  })
})

describe('two Authorization headers', () => {
  it('are refused where the host keeps both', async () => {
    const { status } = await (hosts['node-mocks-http'] as (typeof hosts)[string])(appWith(), {
      authorization: [`Bearer ${token()}`, `Bearer ${token()}`],
    })
    expect(status).toBe(400)
  })

  it('are refused as malformed where the host joins them', async () => {
    const { status } = await (hosts['@codegenie/serverless-express'] as (typeof hosts)[string])(appWith(), {
      authorization: [`Bearer ${token()}`, `Bearer ${token()}`],
    })
    expect(status).toBe(400)
  })
})
