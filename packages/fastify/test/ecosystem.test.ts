import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import {
  sendRequest,
  setupOptions,
  startIssuer,
  tokenWith,
  userSubject,
  type Issuer,
} from '@countersign/test-fixtures'
import Fastify, { type FastifyInstance } from 'fastify'
import FastifyFloor from 'fastify-floor'
import { Type } from 'typebox'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import * as adapter from '../src/index.js'
import {
  bearerAuth,
  isBearerError,
  requirePermission,
  type BearerAuthOptions,
  type ValidatedToken,
} from '../src/index.js'

let issuer: Issuer
let options: BearerAuthOptions
const started: FastifyInstance[] = []

beforeAll(async () => {
  issuer = await startIssuer()
  options = setupOptions(adapter, { setup: 'entra' }, issuer)
})
afterEach(async () => {
  for (const app of started.splice(0)) await app.close()
})
afterAll(() => issuer.stop())

const authorization = [`Bearer ${tokenWith()}`]
const weak = [`Bearer ${tokenWith({ claims: { scp: 'Mail.Read' } })}`]
const reading = { delegated: { scopes: 'Files.Read' } }

async function listen(app: FastifyInstance): Promise<string> {
  started.push(app)
  return app.listen({ port: 0, host: '127.0.0.1' })
}

describe('@fastify/cors', () => {
  it('answers a preflight without a token and marks refusals, when it is registered before', async () => {
    const app = Fastify()
    await app.register(cors, { origin: 'https://app.example' })
    await app.register(bearerAuth, options)
    app.get('/', async () => 'done')
    const origin = await listen(app)
    const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' }
    const preflight = await sendRequest(origin, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    const refused = await sendRequest(origin, { headers })
    expect(refused.status).toBe(401)
    expect(refused.header('www-authenticate')).toEqual(['Bearer'])
    expect(refused.header('access-control-allow-origin')).toEqual(['https://app.example'])
  })

  it('is refused its preflight when it is registered after', async () => {
    const app = Fastify()
    await app.register(bearerAuth, options)
    await app.register(cors, { origin: 'https://app.example' })
    const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' }
    expect((await sendRequest(await listen(app), { method: 'OPTIONS', headers })).status).toBe(401)
  })
})

describe('@fastify/swagger', () => {
  it('describes guarded routes with their security, and is itself guarded inside a guarded scope', async () => {
    const app = Fastify()
    await app.register(swagger, {
      openapi: { components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } },
    })
    app.get('/openapi.json', async () => app.swagger())
    app.register(async (scope) => {
      await scope.register(bearerAuth, options)
      scope.get(
        '/files',
        { schema: { security: [{ bearer: [] }] }, onRequest: requirePermission(reading) },
        async () => 'done',
      )
    })
    const origin = await listen(app)
    const { body, status } = await sendRequest(origin, { path: '/openapi.json' })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ paths: { '/files': { get: { security: [{ bearer: [] }] } } } })
    expect((await sendRequest(origin, { path: '/files' })).status).toBe(401)
  })
})

describe('@fastify/websocket', () => {
  async function upgrade(origin: string, values: readonly string[]): Promise<number | undefined> {
    const key = Buffer.alloc(16).toString('base64')
    const sent = request(origin, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': key,
        ...(values.length === 0 ? {} : { Authorization: values[0] }),
      },
    }).end()
    const [response] = (await Promise.race([once(sent, 'upgrade'), once(sent, 'response')])) as [
      IncomingMessage,
    ]
    response.socket.destroy()
    return response.statusCode
  }

  it('upgrades callers with the permission, and refuses others before the upgrade', async () => {
    const app = Fastify()
    await app.register(websocket)
    await app.register(bearerAuth, options)
    const subjects: (string | undefined)[] = []
    app.get('/', { websocket: true, onRequest: requirePermission(reading) }, (_socket, { auth }) => {
      subjects.push(auth.subject)
    })
    const origin = await listen(app)
    expect(await upgrade(origin, [])).toBe(401)
    expect(await upgrade(origin, ['Bearer not-a-token'])).toBe(401)
    expect(await upgrade(origin, weak)).toBe(403)
    expect(subjects).toEqual([])
    expect(await upgrade(origin, authorization)).toBe(101)
    expect(subjects).toEqual([userSubject])
  })
})

describe('setErrorHandler', () => {
  it('receives refusals of bearerAuth and of a guard, recognisable and with their headers set', async () => {
    const app = Fastify()
    const codes: string[] = []
    app.setErrorHandler((error, _request, reply) => {
      if (!isBearerError(error)) return reply.send(error)
      codes.push(error.code)
      return reply.status(error.status).send(error.toJSON())
    })
    await app.register(bearerAuth, options)
    app.get('/', { onRequest: requirePermission(reading) }, async () => 'done')
    const origin = await listen(app)
    for (const values of [[], ['Bearer not-a-token'], weak]) {
      const answer = await sendRequest(origin, { authorization: values })
      expect(answer.header('www-authenticate')).toHaveLength(1)
      expect(JSON.parse(answer.body)).toHaveProperty('error_description')
    }
    expect(codes).toEqual(['credentials_missing', 'token_malformed', 'scope_insufficient'])
  })

  it('answers 500, and does not end the process, where it throws itself', async () => {
    const app = Fastify()
    app.setErrorHandler(() => {
      throw new Error('The error handler crashed')
    })
    await app.register(bearerAuth, { ...options })
    const cold = tokenWith({ key: 'attacker' })
    const answer = await sendRequest(await listen(app), { authorization: [`Bearer ${cold}`] })
    expect(answer.status).toBe(500)
  })

  it('answers 500 where a later hook throws at once, also on a first token', async () => {
    const app = Fastify()
    await app.register(bearerAuth, { ...options })
    app.addHook('onRequest', () => {
      throw new Error('The next hook crashed')
    })
    app.get('/', async () => 'done')
    const origin = await listen(app)
    for (let time = 0; time < 2; time++) {
      expect((await sendRequest(origin, { authorization })).status).toBe(500)
    }
  })
})

describe('type providers', () => {
  it('type parameters and body beside request.auth in guarded routes', async () => {
    const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
    await app.register(bearerAuth, options)
    app.post(
      '/files/:id',
      {
        schema: { params: Type.Object({ id: Type.Number() }), body: Type.Object({ name: Type.String() }) },
        onRequest: [requirePermission(reading)],
      },
      async (typed) => {
        expectTypeOf(typed.params.id).toEqualTypeOf<number>()
        expectTypeOf(typed.body.name).toEqualTypeOf<string>()
        expectTypeOf(typed.auth).toEqualTypeOf<ValidatedToken>()
        return { id: typed.params.id, name: typed.body.name, subject: typed.auth.subject }
      },
    )
    const answer = await app.inject({
      method: 'POST',
      url: '/files/7',
      headers: { authorization: authorization.join() },
      payload: { name: 'report' },
    })
    expect(answer.json()).toEqual({ id: 7, name: 'report', subject: userSubject })
    await app.close()
  })
})

describe.each([
  ['Fastify 5', Fastify],
  ['Fastify 5.0.0', FastifyFloor],
])('waitForKeys on %s', (_, createApp) => {
  it('starts once the keys are there', async () => {
    await using own = await startIssuer()
    const app = createApp()
    app.register(bearerAuth, { ...setupOptions(adapter, { setup: 'entra' }, own), waitForKeys: true })
    await app.ready()
    expect(own.requests.at(-1)).toMatch(/keys$/)
    await app.close()
  })

  it('starts without a request to the issuer where it is not set', async () => {
    await using own = await startIssuer()
    const app = createApp()
    app.register(bearerAuth, setupOptions(adapter, { setup: 'entra' }, own))
    await app.ready()
    expect(own.requests).toEqual([])
    await app.close()
  })

  it.each(['hang', { status: 500 }] as const)(
    'fails to start with its own message, before the time-out of plugins, while the issuer answers %j',
    async (fault) => {
      await using silent = await startIssuer()
      silent.fail(fault)
      const app = createApp({ pluginTimeout: 500 })
      app.register(bearerAuth, { ...setupOptions(adapter, { setup: 'entra' }, silent), waitForKeys: true })
      await expect(app.ready()).rejects.toThrow(
        new Error('bearerAuth: the signing keys could not be fetched within 0.4 seconds'),
      )
    },
  )

  it('must be true or false', async () => {
    const app = createApp()
    app.register(bearerAuth, { ...options, waitForKeys: 'yes' as unknown as boolean })
    await expect(app.ready()).rejects.toThrow(
      new TypeError('bearerAuth: "waitForKeys" must be true or false'),
    )
  })
})
