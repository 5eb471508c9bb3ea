import {
  sendRequest,
  setupOptions,
  startIssuer,
  tokenWith,
  userSubject,
  type Issuer,
} from '@countersign/test-fixtures'
import Koa from 'koa'
import Koa2 from 'koa2'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import * as adapter from '../src/index.js'
import {
  bearerAuth,
  createTokenValidator,
  refusals,
  requirePermission,
  type AuthState,
  type BearerAuthOptions,
  type ValidatedToken,
} from '../src/index.js'
import { listen } from './harness.js'

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

async function start(app: Pick<Koa, 'callback'>): Promise<string> {
  const api = await listen(app)
  started.push(api)
  return api.origin
}

const authorization = [`Bearer ${tokenWith()}`]
const reading = { delegated: { scopes: 'Files.Read' } }

describe('setting up', () => {
  it('throws a TypeError that names an unknown option', () => {
    expect(() => bearerAuth(Object.assign({ audiences: ['x'] }, options))).toThrow(/"audiences"/)
  })

  it('throws a TypeError for a permission that demands nothing', () => {
    expect(() => requirePermission({ delegated: {} })).toThrow(TypeError)
  })

  it("types ctx.state.auth beside an application's own state", () => {
    const app = new Koa<AuthState & { visits: number }>()
    app.use(bearerAuth(options))
    app.use(requirePermission(reading))
    app.use((context) => {
      expectTypeOf(context.state.auth).toEqualTypeOf<ValidatedToken>()
      expectTypeOf(context.state.visits).toEqualTypeOf<number>()
    })
    new Koa().use(bearerAuth(options))
    expect(app.middleware).toHaveLength(3)
  })
})

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('%s', (_, App) => {
  const silent = (): void => {}

  it('keeps the challenge and the phrase where the default handler wipes the headers', async () => {
    const app = new App<AuthState>()
    app.on('error', silent)
    app.use((context, next) => {
      context.set('X-Set-Before', 'wiped')
      return next()
    })
    app.use(bearerAuth(options))
    const answer = await sendRequest(await start(app), { authorization: ['Bearer not-a-token'] })
    expect(answer.header('x-set-before')).toEqual([])
    expect(answer.header('www-authenticate')).toHaveLength(1)
    expect(answer.body).toBe(refusals.token_malformed.phrase)
  })

  it("adds to the application's state and leaves the rest of it", async () => {
    const app = new App<AuthState & { visits: number }>()
    app.use((context, next) => {
      context.state.visits = 7
      return next()
    })
    app.use(bearerAuth(options))
    app.use((context) => {
      context.body = { visits: context.state.visits, subject: context.state.auth.subject }
    })
    const answer = await sendRequest(await start(app), { authorization })
    expect(JSON.parse(answer.body)).toEqual({ visits: 7, subject: userSubject })
  })

  it('hands a downstream error on as it is, headers and all', async () => {
    const app = new App<AuthState>()
    app.on('error', silent)
    app.use(bearerAuth(options))
    app.use(() => {
      throw Object.assign(new Error('teapot'), { status: 418, expose: true, headers: { 'X-Kind': 'tea' } })
    })
    const answer = await sendRequest(await start(app), { authorization })
    expect(answer.status).toBe(418)
    expect(answer.header('x-kind')).toEqual(['tea'])
    expect(answer.header('www-authenticate')).toEqual([])
  })

  it.each([
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
  ] as [string, () => never][])('answers 500 when a validator %s', async (_name, authenticate) => {
    const made = createTokenValidator(setupOptions(adapter, { setup: 'entra' }, issuer))
    const app = new App<AuthState>()
    app.on('error', silent)
    app.use(bearerAuth({ validator: { ...made, authenticate } }))
    let ran = false
    app.use((context) => {
      ran = true
      context.body = 'done'
    })
    expect((await sendRequest(await start(app), { authorization })).status).toBe(500)
    expect(ran).toBe(false)
  })
})
