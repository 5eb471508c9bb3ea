import {
  sendRequest,
  setupOptions,
  startIssuer,
  tokenWith,
  userSubject,
  type Issuer,
} from '@countersign/test-fixtures'
import express, { Router, type Express, type RequestHandler } from 'express'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import * as adapter from '../src/index.js'
import {
  bearerAuth,
  createTokenValidator,
  requirePermission,
  type BearerAuthOptions,
  type Middleware,
  type TokenValidator,
  type ValidatedToken,
} from '../src/index.js'
import { expressVersions } from './express-versions.js'
import { answering, listen } from './harness.js'

let issuer: Issuer
let options: BearerAuthOptions
const started: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  issuer = await startIssuer()
  options = setupOptions(adapter, { setup: 'entra' }, issuer)
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((api) => api.stop()))
})
afterAll(() => issuer.stop())

async function start(app: Express): Promise<string> {
  const api = await listen(app)
  started.push(api)
  return api.origin
}

const authorization = [`Bearer ${tokenWith()}`]
const reading = { delegated: { scopes: 'Files.Read' } }
const subject = answering((request) => request.auth.subject)

describe('setting up', () => {
  it('throws a TypeError that names an unknown option', () => {
    expect(() => bearerAuth(Object.assign({ audiences: ['x'] }, options))).toThrow(/"audiences"/)
  })

  it('throws a TypeError for a permission that demands nothing', () => {
    expect(() => requirePermission({ delegated: {} })).toThrow(TypeError)
  })

  it('types request.auth, and is a handler in every place where Express expects one', () => {
    expectTypeOf<Middleware>().toExtend<RequestHandler>()
    const handler: RequestHandler = (request) => {
      expectTypeOf(request.auth).toEqualTypeOf<ValidatedToken>()
    }
    expect(handler).toBeTypeOf('function')
  })
})

describe.each(expressVersions)('%s', (_, createApp) => {
  it('authenticates one router or one route, and leaves the rest open', async () => {
    const app = createApp()
    const router = Router()
    router.use(bearerAuth(options))
    router.get('/', requirePermission(reading), subject)
    app.use('/router', router)
    app.get('/route', bearerAuth(options), requirePermission(reading), subject)
    app.get(
      '/open',
      answering(() => 'open'),
    )
    const origin = await start(app)
    for (const path of ['/router', '/route']) {
      expect((await sendRequest(origin, { path })).status).toBe(401)
      expect((await sendRequest(origin, { path, authorization })).body).toBe(JSON.stringify(userSubject))
    }
    expect((await sendRequest(origin, { path: '/open' })).status).toBe(200)
  })

  it('returns no promise, neither on a first token nor on a refused one', async () => {
    const app = createApp()
    const returned: unknown[] = []
    const middleware: (...parameters: Parameters<Middleware>) => unknown = bearerAuth({ ...options })
    app.use((request, response, next) => void returned.push(middleware(request, response, next)))
    app.get('/', subject)
    const origin = await start(app)
    expect((await sendRequest(origin, { authorization })).status).toBe(200)
    expect((await sendRequest(origin, { authorization })).status).toBe(200)
    expect(
      (await sendRequest(origin, { authorization: [`Bearer ${tokenWith({ key: 'attacker' })}`] })).status,
    ).toBe(401)
    expect(returned).toEqual([undefined, undefined, undefined])
  })

  it('keeps a guard closed where an error handler continues a refused request', async () => {
    const app = createApp()
    app.use(bearerAuth(options))
    app.use(((_error, _request, _response, next) => next()) satisfies express.ErrorRequestHandler)
    app.get('/', requirePermission(reading), subject)
    expect((await sendRequest(await start(app), { authorization: ['Bearer x'] })).status).toBe(500)
  })

  it('answers 500 where what comes after a first token throws at once', async () => {
    const app = createApp()
    const middleware = bearerAuth({ ...options })
    app.use((request, response, next) =>
      middleware(request, response, (error) => {
        if (error !== undefined) return next(error)
        throw new Error('The next one crashed')
      }),
    )
    app.get('/', subject)
    expect((await sendRequest(await start(app), { authorization })).status).toBe(500)
  })

  it('ends the connection, and not the process, where next always throws', async () => {
    const app = createApp()
    const middleware = bearerAuth({ ...options })
    app.use((request, response) =>
      middleware(request, response, () => {
        throw new Error('This always crashes')
      }),
    )
    await expect(sendRequest(await start(app), { authorization })).rejects.toThrow(/hang up/)
  })

  it.each([
    ['at once', 'Bearer not-a-token'],
    ['later', `Bearer ${tokenWith()}`],
  ])(
    'leaves no caller on the request where a second bearerAuth refuses %s that a first accepted',
    async (_name, value) => {
      const app = createApp()
      const seen: unknown[] = []
      const generic = setupOptions(adapter, { setup: 'oidc' }, issuer)
      app.use((request, response, next) => {
        const { rawHeaders } = request
        request.rawHeaders = ['Authorization', `Bearer ${tokenWith()}`]
        bearerAuth(options)(request, response, (error) => {
          request.rawHeaders = rawHeaders
          seen.push((request.auth as ValidatedToken | undefined)?.subject)
          next(error)
        })
      })
      app.use(bearerAuth(generic))
      app.use(((_error, request, _response, next) => {
        seen.push(request.auth)
        next()
      }) satisfies express.ErrorRequestHandler)
      app.get('/', requirePermission(reading), subject)
      expect((await sendRequest(await start(app), { authorization: [value] })).status).toBe(500)
      expect(seen).toEqual([userSubject, undefined])
    },
  )

  it.each([
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers nothing', () => undefined as never],
    ['promises nothing', () => Promise.resolve() as never],
    [
      "throws the word 'route'",
      () => {
        throw 'route'
      },
    ],
  ] as [string, () => never][])('answers 500 when a validator %s', async (_name, authenticate) => {
    const made = createTokenValidator(setupOptions(adapter, { setup: 'entra' }, issuer))
    const validator: TokenValidator = { ...made, authenticate }
    let ran = false
    const app = createApp()
    app.get(
      '/',
      bearerAuth({ validator }),
      answering(() => (ran = true)),
    )
    expect((await sendRequest(await start(app), { authorization })).status).toBe(500)
    expect(ran).toBe(false)
  })
})
