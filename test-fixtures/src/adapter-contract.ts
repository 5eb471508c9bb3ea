import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptedRequests } from './accepted-requests.js'
import {
  daemonClientId,
  daemonObjectId,
  foreignTenantId,
  tenantId,
  userClientId,
  userObjectId,
  userSubject,
} from './identities.js'
import { startIssuer, type Issuer } from './issuer.js'
import { authorizationValues, refusedRequests } from './refused-requests.js'
import { sendRequest } from './send-request.js'
import {
  setupOptions,
  type IssuerMakers,
  type Permission,
  type SetupOptions,
  type Situation,
} from './setups.js'
import { tokenWith } from './tokens.js'

/** What the contract needs of a package under test: the makers of issuers and the table of refusals. */
export interface Adapter<TrustedIssuer> extends IssuerMakers<TrustedIssuer> {
  readonly refusals: Readonly<
    Record<string, { readonly status: number; readonly error?: string; readonly phrase: string }>
  >
}

export interface ContractOptions<TrustedIssuer> extends SetupOptions<TrustedIssuer> {
  readonly allowAnonymous?: boolean
}

/** A route of the API under test, for every method. The harness wires it, the contract says what it does. */
export interface ContractRoute {
  readonly path: string
  /** Stands behind `requirePermission(permission)` if given. */
  readonly permission?: Permission
  /** The handler: takes `auth` of the request and returns the JSON to answer with; it may throw. */
  readonly handle: (auth: unknown) => unknown
}

/** An API as the contract wants it built. */
export interface ContractApi<TrustedIssuer> {
  /** Options of `bearerAuth`; it is not registered at all if they are absent. */
  readonly bearerAuth?: ContractOptions<TrustedIssuer>
  readonly routes: readonly ContractRoute[]
  /**
   * `default`: the framework's own. `custom`: one that answers with the error's status and a JSON body, and reads neither
   * `headers` nor anything else of the error.
   */
  readonly errorHandler: 'default' | 'custom'
}

export interface RunningApi {
  readonly origin: string
  /** All that the application could log: the framework's own log, and every error it was handed, inspected whole. */
  logs(): string
  stop(): Promise<void>
}

/** How to start a real server of one framework. It must accept headers of 64 KiB, so that the token's own limit is met. */
export interface AdapterHarness<TrustedIssuer> {
  readonly adapter: Adapter<TrustedIssuer>
  start(api: ContractApi<TrustedIssuer>): Promise<RunningApi>
}

/** One contract for every adapter: the same requests, the same status, the same challenge byte for byte. */
export function describeAdapterContract<TrustedIssuer>(
  name: string,
  harness: AdapterHarness<TrustedIssuer>,
): void {
  describe(name, () => {
    let issuer: Issuer
    const running = new Set<RunningApi>()

    beforeAll(async () => {
      issuer = await startIssuer()
    })

    afterAll(async () => {
      await Promise.all([...running].map((api) => api.stop()))
      await issuer.stop()
    })

    async function start(api: ContractApi<TrustedIssuer>): Promise<RunningApi> {
      const started = await harness.start(api)
      running.add(started)
      return started
    }

    const optionsOf = (row: Situation): ContractOptions<TrustedIssuer> =>
      setupOptions(harness.adapter, row, issuer)

    describe.each(['default', 'custom'] as const)('with the %s error handler', (errorHandler) => {
      let handlerRuns = 0
      const handle = (auth: unknown): unknown => {
        handlerRuns++
        return { auth }
      }

      // Rows that need the same validator share a server, with one route for each permission among them.
      const servers = new Map<string, Promise<RunningApi>>()
      function serverFor(row: Situation): Promise<RunningApi> {
        const key = validatorKey(row)
        let server = servers.get(key)
        if (server === undefined) {
          const rows: readonly Situation[] = [...refusedRequests, ...acceptedRequests]
          const routes = new Map<string, ContractRoute>()
          for (const { permission } of rows.filter((other) => validatorKey(other) === key)) {
            const path = pathOf(permission)
            routes.set(path, { path, ...(permission && { permission }), handle })
          }
          server = start({ bearerAuth: optionsOf(row), routes: [...routes.values()], errorHandler })
          servers.set(key, server)
        }
        return server
      }

      it.each(titled(refusedRequests))('refuses %s', async (_, row) => {
        const api = await serverFor(row)
        const authorization = authorizationValues(row.make())
        const loggedBefore = api.logs().length
        const runsBefore = handlerRuns
        const answer = await sendRequest(api.origin, { path: pathOf(row.permission), authorization })
        expect(answer.status).toBe(row.status)
        expect(answer.header('www-authenticate')).toEqual([challengeOf(harness.adapter, row.code, row.scope)])
        expect(handlerRuns).toBe(runsBefore)
        expectNoSecret(answer.text, authorization)
        expectNoSecret(api.logs().slice(loggedBefore), authorization)
      })

      it.each(titled(acceptedRequests))('accepts %s', async (_, row) => {
        const api = await serverFor(row)
        const authorization = authorizationValues(row.make())
        const loggedBefore = api.logs().length
        const runsBefore = handlerRuns
        const answer = await sendRequest(api.origin, { path: pathOf(row.permission), authorization })
        expect(answer.status).toBe(200)
        expect(JSON.parse(answer.body)).toMatchObject({ auth: row.auth })
        expect(answer.header('www-authenticate')).toEqual([])
        expect(handlerRuns).toBe(runsBefore + 1)
        // The handler answers with the claims; the token itself must not come along.
        expectNoToken(answer.text, authorization)
        expectNoSecret(api.logs().slice(loggedBefore), authorization)
      })

      describe('where anonymous callers are let in', () => {
        let api: RunningApi
        const permission: Permission = { delegated: { scopes: 'Files.Read' } }

        beforeAll(async () => {
          api = await start({
            bearerAuth: { ...optionsOf({ setup: 'entra' }), allowAnonymous: true },
            routes: [
              { path: '/', handle },
              { path: '/guarded', permission, handle },
            ],
            errorHandler,
          })
        })

        it('lets a request without credentials through with auth null', async () => {
          const answer = await sendRequest(api.origin)
          expect(answer.status).toBe(200)
          expect(JSON.parse(answer.body)).toEqual({ auth: null })
        })

        it('lets a valid token through with its auth', async () => {
          const answer = await sendRequest(api.origin, { authorization: [`Bearer ${tokenWith()}`] })
          expect(answer.status).toBe(200)
          expect(JSON.parse(answer.body)).toMatchObject({ auth: { objectId: userObjectId } })
        })

        it.each([
          ['an expired token', 'token_expired', 401, () => [`Bearer ${tokenWith({ claims: { exp: 1 } })}`]],
          ['an empty Authorization header', 'authorization_malformed', 400, () => ['']],
          ['two Authorization headers', 'authorization_repeated', 400, () => ['Bearer a', 'Bearer b']],
          ['another scheme', 'scheme_unsupported', 401, () => ['Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0']],
        ] as const)('refuses %s with %s all the same', async (_, code, status, make) => {
          const runsBefore = handlerRuns
          const answer = await sendRequest(api.origin, { authorization: make() })
          expect(answer.status).toBe(status)
          expect(answer.header('www-authenticate')).toEqual([challengeOf(harness.adapter, code)])
          expect(handlerRuns).toBe(runsBefore)
        })

        it('answers an anonymous caller of a guarded route with 401 and a bare challenge', async () => {
          const runsBefore = handlerRuns
          const answer = await sendRequest(api.origin, { path: '/guarded' })
          expect(answer.status).toBe(401)
          expect(answer.header('www-authenticate')).toEqual(['Bearer'])
          expect(handlerRuns).toBe(runsBefore)
        })

        it('lets a permitted caller of a guarded route through', async () => {
          const answer = await sendRequest(api.origin, {
            path: '/guarded',
            authorization: [`Bearer ${tokenWith()}`],
          })
          expect(answer.status).toBe(200)
        })
      })

      describe('around the handler', () => {
        let api: RunningApi

        beforeAll(async () => {
          api = await start({
            bearerAuth: optionsOf({ setup: 'entra' }),
            routes: [
              { path: '/', handle },
              {
                path: '/crash',
                handle() {
                  throw new Error('The handler crashed')
                },
              },
              {
                path: '/reject',
                handle: () => Promise.reject(new Error('The handler crashed a little later')),
              },
            ],
            errorHandler,
          })
        })

        it.each(['/crash', '/reject'])(
          'answers a crash in the handler of %s with 500, not 401',
          async (path) => {
            const answer = await sendRequest(api.origin, { path, authorization: [`Bearer ${tokenWith()}`] })
            expect(answer.status).toBe(500)
            expect(answer.header('www-authenticate')).toEqual([])
          },
        )

        it('answers an unknown path with 401 to a stranger and 404 to a caller with a token', async () => {
          const stranger = await sendRequest(api.origin, { path: '/nowhere' })
          expect(stranger.status).toBe(401)
          expect(stranger.header('www-authenticate')).toEqual(['Bearer'])
          const known = await sendRequest(api.origin, {
            path: '/nowhere',
            authorization: [`Bearer ${tokenWith()}`],
          })
          expect(known.status).toBe(404)
        })

        it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
          'refuses %s without a token',
          async (method) => {
            const runsBefore = handlerRuns
            const answer = await sendRequest(api.origin, { method })
            expect(answer.status).toBe(401)
            expect(answer.header('www-authenticate')).toEqual(['Bearer'])
            expect(handlerRuns).toBe(runsBefore)
          },
        )

        it('keeps the callers of simultaneous requests apart', async () => {
          const tenants = Array.from(
            { length: 24 },
            (_, index) => `0b1ec7ed-0000-4000-8000-${String(index).padStart(12, '0')}`,
          )
          const seen = await Promise.all(
            tenants.map(async (oid) => {
              const answer = await sendRequest(api.origin, {
                authorization: [`Bearer ${tokenWith({ claims: { oid } })}`],
              })
              return (JSON.parse(answer.body) as { auth: { objectId: string } }).auth.objectId
            }),
          )
          expect(seen).toEqual(tenants)
        })
      })

      describe('where bearerAuth was forgotten', () => {
        it('answers a guarded route with 500 and never runs its handler', async () => {
          const permission: Permission = { delegated: { scopes: 'Files.Read' } }
          const api = await start({ routes: [{ path: '/', permission, handle }], errorHandler })
          const runsBefore = handlerRuns
          for (const authorization of [[], [`Bearer ${tokenWith()}`]]) {
            const answer = await sendRequest(api.origin, { authorization })
            expect(answer.status).toBe(500)
            expect(answer.header('www-authenticate')).toEqual([])
          }
          expect(handlerRuns).toBe(runsBefore)
          expect(api.logs()).toContain('bearerAuth did not run')
        })
      })

      describe('while the issuer is out of reach', () => {
        it.each([
          ['answers 500', { status: 500 }],
          ['drops the connection', 'reset'],
          ['answers with a page instead of JSON', { body: '<html>maintenance window 4711-secret</html>' }],
        ] as const)('answers 503 with Retry-After and no challenge when it %s', async (_, fault) => {
          await using broken = await startIssuer()
          broken.fail(fault)
          const options = setupOptions(harness.adapter, { setup: 'entra' }, broken)
          const api = await start({ bearerAuth: options, routes: [{ path: '/', handle }], errorHandler })
          const authorization = [`Bearer ${tokenWith()}`]
          const runsBefore = handlerRuns
          const answer = await sendRequest(api.origin, { authorization })
          expect(answer.status).toBe(503)
          expect(answer.header('retry-after')).toEqual([expect.stringMatching(/^[1-9]\d*$/)])
          expect(answer.header('www-authenticate')).toEqual([])
          expect(handlerRuns).toBe(runsBefore)
          expectNoSecret(answer.text, authorization)
          expectNoSecret(api.logs(), authorization)
          expect(answer.text + api.logs()).not.toContain('4711-secret')
        })

        it('answers 503 when nobody listens at its address', async () => {
          const gone = await startIssuer()
          await gone.stop()
          const options = setupOptions(harness.adapter, { setup: 'entra' }, gone)
          const api = await start({ bearerAuth: options, routes: [{ path: '/', handle }], errorHandler })
          const answer = await sendRequest(api.origin, { authorization: [`Bearer ${tokenWith()}`] })
          expect(answer.status).toBe(503)
          expect(answer.header('www-authenticate')).toEqual([])
        })
      })
    })
  })
}

/** Rows with their titles: a refusal's ends in its code. */
const titled = <Row extends { name: string; code?: string }>(rows: readonly Row[]): [string, Row][] =>
  rows.map((row) => [row.code === undefined ? row.name : `${row.name} with ${row.code}`, row])

const validatorKey = ({ setup, issuerOptions, options }: Situation): string =>
  JSON.stringify([setup, issuerOptions, options])

/** A path of its own for each permission. */
function pathOf(permission: Permission | undefined): string {
  if (permission === undefined) return '/'
  return `/${Buffer.from(JSON.stringify(permission)).toString('hex')}`
}

/** The challenge as RFC 6750 section 3 wants it, from the table of refusals. */
function challengeOf(adapter: Pick<Adapter<unknown>, 'refusals'>, code: string, scope?: string): string {
  const refusal = adapter.refusals[code]
  if (refusal === undefined) throw new Error(`The table of refusals has no ${code}`)
  if (refusal.error === undefined) return 'Bearer'
  const scopeMember = scope === undefined ? '' : `, scope="${scope}"`
  return `Bearer error="${refusal.error}", error_description="${refusal.phrase}"${scopeMember}`
}

const personalValues = [
  tenantId,
  foreignTenantId,
  userClientId,
  daemonClientId,
  userObjectId,
  daemonObjectId,
  userSubject,
  'Lindqvist',
  'mara@contoso.example',
]

/** Nothing of a token, its claims or another credential may stand in the text. */
function expectNoSecret(text: string, authorization: readonly string[]): void {
  expectNoToken(text, authorization)
  for (const value of personalValues) expect(text).not.toContain(value)
}

function expectNoToken(text: string, authorization: readonly string[]): void {
  for (const part of authorization.flatMap((value) => value.split(/[\s.,]+/))) {
    // Shorter words, such as the scheme, are no secret.
    if (part.length >= 12) expect(text).not.toContain(part.slice(0, 200))
  }
}
