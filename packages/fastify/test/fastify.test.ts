import {
  acceptedRequests,
  setupOptions,
  startIssuer,
  tokenWith,
  type Issuer,
} from '@countersign/test-fixtures'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import * as adapter from '../src/index.js'
import {
  bearerAuth,
  createTokenValidator,
  protectedResourceMetadata,
  requirePermission,
  type BearerAuthOptions,
  type TokenValidator,
  type ValidatedToken,
} from '../src/index.js'

let issuer: Issuer
let options: BearerAuthOptions

beforeAll(async () => {
  issuer = await startIssuer()
  options = setupOptions(adapter, { setup: 'entra' }, issuer)
})
afterAll(() => issuer.stop())

const bearer = (token: string = tokenWith()): { authorization: string } => ({
  authorization: `Bearer ${token}`,
})
const reading = { delegated: { scopes: 'Files.Read' } }

describe('registering', () => {
  it('fails at start-up with a TypeError when the scope has a bearerAuth already', async () => {
    const app = Fastify()
    app.register(bearerAuth, options)
    app.register(bearerAuth, options)
    await expect(app.ready()).rejects.toThrow(
      new TypeError('bearerAuth: this scope, or one above it, has a bearerAuth already'),
    )
  })

  it('fails at start-up with a TypeError when a scope above has a bearerAuth already', async () => {
    const app = Fastify()
    app.register(bearerAuth, options)
    app.register(async (scope) => {
      await scope.register(bearerAuth, options)
    })
    await expect(app.ready()).rejects.toThrow(TypeError)
  })

  it('fails at start-up with a TypeError when given a prefix, which would not limit it', async () => {
    const app = Fastify()
    app.register(bearerAuth, { ...options, prefix: '/api' })
    await expect(app.ready()).rejects.toThrow(/^bearerAuth: prefix has no effect here/)
  })

  it('fails at start-up with a TypeError that names an unknown option', async () => {
    const app = Fastify()
    app.register(bearerAuth, Object.assign({ audiences: ['x'] }, options))
    await expect(app.ready()).rejects.toThrow(/"audiences"/)
  })

  it('refuses to guard with a permission that demands nothing', () => {
    expect(() => requirePermission({ delegated: {} })).toThrow(TypeError)
  })

  it('gives each prefixed scope its own validator, and guards no other scope', async () => {
    const app = Fastify()
    const generic = setupOptions(adapter, { setup: 'oidc' }, issuer)
    app.get('/health', async () => 'open')
    for (const [prefix, own] of [
      ['/entra', options],
      ['/generic', generic],
    ] as const) {
      app.register(
        async (scope) => {
          await scope.register(bearerAuth, own)
          scope.get('/', async (request) => request.auth.issuer)
        },
        { prefix },
      )
    }
    const genericToken = bearer(tokenWith({ from: 'generic' }))
    expect((await app.inject({ url: '/health' })).statusCode).toBe(200)
    expect((await app.inject({ url: '/entra', headers: bearer() })).statusCode).toBe(200)
    expect((await app.inject({ url: '/entra', headers: genericToken })).statusCode).toBe(401)
    expect((await app.inject({ url: '/generic', headers: genericToken })).statusCode).toBe(200)
    expect((await app.inject({ url: '/generic', headers: bearer() })).statusCode).toBe(401)
  })

  it('fails at start-up with a TypeError when the metadata come after bearerAuth, which would guard them', async () => {
    const app = Fastify()
    app.register(bearerAuth, options)
    app.register(protectedResourceMetadata, { resource: 'https://files.example' })
    await expect(app.ready()).rejects.toThrow(/^protectedResourceMetadata: register it before bearerAuth/)
  })

  it('accepts a validator that was made before', async () => {
    const app = Fastify()
    const validator = createTokenValidator(setupOptions(adapter, { setup: 'entra' }, issuer))
    await app.register(bearerAuth, { validator })
    app.get('/', async (request) => request.auth.subject)
    expect((await app.inject({ url: '/', headers: bearer() })).body).toBe(acceptedRequests[0]?.auth.subject)
  })
})

describe('answering', () => {
  async function post(app: FastifyInstance, headers: Record<string, string>): Promise<number> {
    const brokenJson = { payload: '{', headers: { 'content-type': 'application/json', ...headers } }
    return (await app.inject({ method: 'POST', url: '/', ...brokenJson })).statusCode
  }

  it('refuses a caller without a token and one without permission before it reads their body', async () => {
    const app = Fastify()
    await app.register(bearerAuth, options)
    app.post('/', { onRequest: requirePermission(reading) }, async () => 'done')
    expect(await post(app, {})).toBe(401)
    expect(await post(app, bearer(tokenWith({ claims: { scp: 'Mail.Read' } })))).toBe(403)
    expect(await post(app, bearer())).toBe(400)
  })

  it('answers 500 where a guard runs before bearerAuth', async () => {
    const app = Fastify()
    app.addHook('onRequest', requirePermission(reading))
    await app.register(bearerAuth, options)
    app.get('/', async () => 'done')
    expect((await app.inject({ url: '/', headers: bearer() })).json()).toMatchObject({
      statusCode: 500,
      message: expect.stringContaining('bearerAuth did not run'),
    })
  })

  it.each([
    [
      'throws',
      () => {
        throw undefined
      },
    ],
    ['rejects', () => Promise.reject(undefined)],
  ] as [string, () => never][])(
    'answers 500 when a validator %s without an error',
    async (_, authenticate) => {
      const app = Fastify()
      const validator: TokenValidator = {
        ...createTokenValidator(setupOptions(adapter, { setup: 'entra' }, issuer)),
        authenticate,
      }
      await app.register(bearerAuth, { validator })
      let ran = false
      app.get('/', async () => (ran = true))
      expect((await app.inject({ url: '/', headers: bearer() })).statusCode).toBe(500)
      expect(ran).toBe(false)
    },
  )

  it('types request.auth, and narrows it by kind', () => {
    Fastify().get('/', async (request) => {
      expectTypeOf(request.auth).toEqualTypeOf<ValidatedToken>()
      if (request.auth.kind === 'application')
        expectTypeOf(request.auth.roles).toEqualTypeOf<readonly string[]>()
    })
  })
})
