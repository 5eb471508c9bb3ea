import type { Claims, Groups } from './claims.js'
import { BearerError, refusals, type RefusalCode } from './errors.js'
import { systemClock } from './options.js'
import { checkNames, checkObject, readStringList } from './options-reader.js'
import { checkPermission, compilePermission, type PermissionContext } from './permission.js'
import type { RequestView } from './request-view.js'
import { readTokenSources } from './token-source.js'
import { createValidatedToken, type TokenIdentity, type ValidatedToken } from './validated-token.js'
import { outcomeOf, type TokenValidator } from './validator.js'

/** What every identity of a test may have. Whatever is left out has a value of the package's own. */
interface TestIdentityMembers {
  /** Claims beside those that the other members imply. */
  readonly claims?: Claims | undefined
  /** `iss`. Default: of Entra where there is a `tenantId`, else `https://issuer.test`. */
  readonly issuer?: string | undefined
  /** `tid`: makes the token one of Entra, of version 2.0. */
  readonly tenantId?: string | undefined
  /** `sub`. */
  readonly subject?: string | undefined
  /** `oid` (Entra). */
  readonly objectId?: string | undefined
  /** The client that calls. */
  readonly clientId?: string | undefined
  /** Scopes, as a list or one word. */
  readonly scopes?: string | readonly string[] | undefined
  /** Group membership. */
  readonly groups?: Groups | undefined
}

/** Who calls in a test. */
export type TestIdentity = TestIdentityMembers &
  (
    | {
        /** A user, through a client. */
        readonly kind: 'delegated'
        /** App roles of the user. */
        readonly userRoles?: string | readonly string[] | undefined
      }
    | {
        /** A client as itself. */
        readonly kind: 'application'
        /** Application permissions of the client. */
        readonly roles?: string | readonly string[] | undefined
      }
    | {
        /** Not known. */
        readonly kind: 'unknown'
        /** Roles of the caller, whose kind is not known. */
        readonly rolesOfUnknownKind?: string | readonly string[] | undefined
      }
  )

/** An `Authorization` header for one request of a test: `fetch` takes it as it is. */
export type TestHeaders = {
  /** The value of the header. */
  authorization: string
}

/** A validator that knows identities of a test, and no real token. Its methods are bound. */
export interface TestAuth {
  /** Pass it to `bearerAuth` or `createFetchAuth` as `validator`. It accepts no token of any issuer. */
  readonly validator: TokenValidator
  /**
   * From now on every request without an `Authorization` header is of this caller; `null`: of nobody, as at the beginning.
   * Throws a TypeError for a malformed identity.
   */
  readonly signIn: (identity: TestIdentity | null) => void
  /** The header with which one request is of this caller. Throws a TypeError for a malformed identity. */
  readonly headersOf: (identity: TestIdentity) => TestHeaders
  /** The header with which one request is refused with this code, as a bad token would be. */
  readonly refusedHeaders: (code: RefusalCode) => TestHeaders
}

/**
 * Makes a validator for tests of an API: requests have the identity that a test gives them, without tokens, keys or an issuer.
 * Guards, permissions, conditions, `allowAnonymous` and error answers work as in production. It checks no token, so use it in
 * tests alone: an application reaches it only where it imports this entry and passes `validator` on.
 *
 * @example
 * ```ts
 * import { createFetchAuth } from '@countersign/core'
 * import { createTestAuth } from '@countersign/core/testing'
 *
 * const testAuth = createTestAuth()
 * const auth = createFetchAuth({ validator: testAuth.validator })
 * const handler = auth
 *   .requirePermission({ delegated: { scopes: 'Orders.Read' } })
 *   .protect((_request, caller) => Response.json({ user: caller.objectId }))
 *
 * const headers = testAuth.headersOf({ kind: 'delegated', scopes: 'Orders.Read', objectId: 'mara' })
 * const answer = await handler(new Request('https://api.test/orders', { headers }))
 * ```
 */
export function createTestAuth(): TestAuth {
  const outcomes = new Map<string, ValidatedToken | RefusalCode>()
  const reader = readTokenSources('createTestAuth', undefined, false)
  let signedIn: ValidatedToken | null = null

  function remember(outcome: (token: string) => ValidatedToken | RefusalCode): TestHeaders {
    const token = `test-identity-${outcomes.size + 1}`
    outcomes.set(token, outcome(token))
    return { authorization: `Bearer ${token}` }
  }

  function find(token: string): ValidatedToken {
    const outcome = outcomes.get(token) ?? 'token_malformed'
    if (typeof outcome === 'string') throw new BearerError(outcome)
    return outcome
  }

  async function validateToken(
    token: string,
    permission?: Parameters<TokenValidator['validateToken']>[1],
  ): Promise<ValidatedToken> {
    const found = find(token)
    if (permission !== undefined) await check(found, permission, undefined)
    return found
  }

  function check(
    token: ValidatedToken | null,
    permission: Parameters<TokenValidator['checkPermission']>[1],
    request: unknown,
  ): void | Promise<void> {
    const compiled = compilePermission(permission)
    if (token === null) throw new BearerError('credentials_missing')
    return checkPermission(compiled, token, request, context)
  }

  const hasHeader = (request: RequestView): boolean => reader.hasCredentials(request)

  return Object.freeze<TestAuth>({
    signIn(identity) {
      signedIn = identity === null ? null : createToken(identity, 'test-identity')
    },
    headersOf: (identity) => remember((token) => createToken(identity, token)),
    refusedHeaders(code) {
      if (Object.hasOwn(refusals, code)) return remember(() => code)
      throw new TypeError('refusedHeaders: expected a code of "refusals"')
    },
    validator: Object.freeze<TokenValidator>({
      validateToken,
      tryValidateToken: (token, permission) => outcomeOf(validateToken(token, permission)),
      authenticate(request) {
        if (!hasHeader(request) && signedIn !== null) return signedIn
        return find(reader.readToken(request))
      },
      hasCredentials: (request) => signedIn !== null || hasHeader(request),
      responseHeaders: () => undefined,
      checkPermission: check,
      explain: () => Promise.reject(new Error('createTestAuth: a test identity has no checks to explain')),
      ready: async () => {},
      forgetKeys() {},
      exportKeys: () => ({ version: 1, issuers: [] }),
      importKeys() {},
      close() {},
    }),
  })
}

const context: PermissionContext = {
  now: systemClock,
  clockToleranceSeconds: 60,
  authorizationUri: ({ tenantId }) =>
    tenantId === undefined
      ? undefined
      : `https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/authorize`,
}

const rolesMember = { delegated: 'userRoles', application: 'roles', unknown: 'rolesOfUnknownKind' } as const
const lifeSeconds = 3600

function createToken(given: TestIdentity, token: string): ValidatedToken {
  const what = 'test identity'
  checkObject(what, given)
  const { kind } = given
  if (!Object.hasOwn(rolesMember, kind)) {
    throw new TypeError(`${what}: "kind" must be 'delegated', 'application' or 'unknown'`)
  }
  const rolesName = rolesMember[kind]
  checkNames(what, given, [...memberNames, rolesName])
  const members: Readonly<Record<string, unknown>> = { ...given }
  const { tenantId, objectId, clientId, groups, claims } = given
  const issuer = given.issuer ?? issuerOf(tenantId)
  const subject = given.subject ?? objectId ?? 'test-subject'
  const scopes = readWords(what, 'scopes', given.scopes)
  const roles = readWords(what, rolesName, members[rolesName])
  const issuedAt = Math.floor(systemClock())
  const identity: TokenIdentity = {
    kind,
    version: tenantId === undefined ? undefined : '2.0',
    tenantId,
    subject,
    objectId,
    clientId,
    scopes,
    roles,
    groups,
  }
  const payload: Record<string, unknown> = {
    iss: issuer,
    sub: subject,
    iat: issuedAt,
    exp: issuedAt + lifeSeconds,
    ...(tenantId === undefined ? {} : { tid: tenantId, ver: '2.0' }),
    ...(objectId === undefined ? {} : { oid: objectId }),
    ...(clientId === undefined ? {} : { [tenantId === undefined ? 'client_id' : 'azp']: clientId }),
    ...(scopes.length === 0 ? {} : { [tenantId === undefined ? 'scope' : 'scp']: scopes.join(' ') }),
    ...(roles.length === 0 ? {} : { roles }),
    ...claims,
  }
  return createValidatedToken(
    { token, unverifiedHeader: Object.freeze({}), unverifiedClaims: Object.freeze(payload) },
    { expiresAt: issuedAt + lifeSeconds, issuedAt, notBefore: undefined },
    identity,
  )
}

const memberNames: readonly string[] = [
  'kind',
  'claims',
  'issuer',
  'tenantId',
  'subject',
  'objectId',
  'clientId',
  'scopes',
  'groups',
]

function issuerOf(tenantId: string | undefined): string {
  return tenantId === undefined ? 'https://issuer.test' : `https://login.microsoftonline.com/${tenantId}/v2.0`
}

function readWords(what: string, name: string, value: unknown): readonly string[] {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return Object.freeze([])
  return readStringList(what, name, value)
}
