import {
  sendRequest,
  setupOptions,
  startIssuer,
  tokenWith,
  userSubject,
  type Issuer,
} from '@countersign/test-fixtures'
import cors from '@koa/cors'
import { Router } from '@koa/router'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import * as adapter from '../src/index.js'
import {
  bearerAuth,
  createTokenValidator,
  fromQuery,
  refusals,
  requirePermission,
  type AuthState,
  type RequestView,
  type TokenValidatorOptions,
  type BearerAuthOptions,
  type ValidatedToken,
} from '../src/index.js'
import { listen } from './harness.js'
import { koaVersions } from './koa-versions.js'

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

describe.each(koaVersions)('%s', (_, App) => {
  it('shows the checks the address as received, before a mount point was removed', async () => {
    const seen: string[] = []
    const own = createTokenValidator(options as TokenValidatorOptions)
    const validator = {
      ...own,
      authenticate: (view: RequestView) => {
        seen.push(view.url)
        return own.authenticate(view)
      },
    }
    const app = Object.assign(new App(), { silent: true })
    app.use((context, next) => {
      context.path = context.path.replace('/admin', '')
      return next()
    })
    app.use(bearerAuth({ validator }))
    await fetch(`${await start(app)}/admin/x?y=1`, { headers: { authorization: authorization[0] as string } })
    expect(seen).toEqual(['/admin/x?y=1'])
  })

  it.each<[string, () => unknown, number]>([
    ['an application that fails', () => new Error('private words'), 500],
    ['a guard', () => undefined, 403],
  ])('answers with no-store for a token in the query, also for %s', async (_, failure, status) => {
    const app = Object.assign(new App(), { silent: true })
    app.use(bearerAuth({ ...options, tokenFrom: fromQuery('t') } as BearerAuthOptions))
    app.use(requirePermission(failure() === undefined ? { delegated: { scopes: 'Other' } } : reading))
    app.use(() => {
      throw failure()
    })
    const answer = await fetch(`${await start(app)}/?t=${tokenWith()}`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  const silent = (): void => {}

  it('keeps the challenge and the phrase where the default handler removes the headers', async () => {
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

  it("adds to the application's state and keeps the rest of it", async () => {
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

  it('passes on a downstream error unchanged, with its headers', async () => {
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

  it('keeps the headers of CORS on a refusal, and answers a preflight without a token', async () => {
    const app = new App<AuthState>()
    app.on('error', silent)
    app.use(cors({ origin: 'https://app.example' }))
    app.use(bearerAuth(options))
    const origin = await start(app)
    const headers = { Origin: 'https://app.example' }
    const refused = await sendRequest(origin, { headers })
    expect(refused.status).toBe(401)
    expect(refused.header('access-control-allow-origin')).toEqual(['https://app.example'])
    expect(refused.header('www-authenticate')).toEqual(['Bearer'])
    const preflight = await sendRequest(origin, {
      method: 'OPTIONS',
      headers: { ...headers, 'Access-Control-Request-Method': 'GET' },
    })
    expect(preflight.status).toBe(204)
  })

  it('guards the routes of @koa/router, all or one', async () => {
    const app = new App()
    app.on('error', silent)
    const router = new Router<AuthState>()
    router.get('/open', (context) => {
      context.body = 'open'
    })
    router.get('/one/:id', bearerAuth(options), requirePermission(reading), (context) => {
      context.body = { id: context.params['id'], subject: context.state.auth.subject }
    })
    const inner = new Router<AuthState>({ prefix: '/all' })
    inner.use(bearerAuth(options))
    inner.get('/', requirePermission({ delegated: { scopes: 'Files.Delete' } }), (context) => {
      context.body = 'deleted'
    })
    app.use(router.routes())
    app.use(inner.routes())
    const origin = await start(app)
    expect((await sendRequest(origin, { path: '/open' })).status).toBe(200)
    expect((await sendRequest(origin, { path: '/one/7' })).status).toBe(401)
    const one = await sendRequest(origin, { path: '/one/7', authorization })
    expect(JSON.parse(one.body)).toEqual({ id: '7', subject: userSubject })
    expect((await sendRequest(origin, { path: '/all' })).status).toBe(401)
    const all = await sendRequest(origin, { path: '/all', authorization })
    expect(all.status).toBe(403)
    expect(all.header('www-authenticate')).toEqual([expect.stringContaining('scope="Files.Delete"')])
  })

  it('leaves no caller in the state where a second bearerAuth refuses one that a first accepted', async () => {
    const app = new App<AuthState>()
    app.on('error', silent)
    const seen: unknown[] = []
    app.use(bearerAuth(options))
    app.use(async (context, next) => {
      seen.push(context.state.auth.subject)
      await next().catch(() => undefined)
      seen.push(context.state.auth)
      await requirePermission(reading)(context, async () => seen.push('guarded'))
    })
    app.use(bearerAuth(setupOptions(adapter, { setup: 'oidc' }, issuer)))
    expect((await sendRequest(await start(app), { authorization })).status).toBe(500)
    expect(seen).toEqual([userSubject, undefined])
  })

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
