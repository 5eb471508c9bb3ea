import type { IncomingMessage } from 'node:http'
import type { Permission, TokenValidator, ValidatedToken } from '@countersign/core'
import {
  createBearerAuth,
  createGuard,
  createResourceMetadata,
  isBearerError,
  viewNodeRequest,
  type BearerAuthOptions,
  type ProtectedResourceOptions,
} from '@countersign/core/adapter'

export {
  absent,
  allOf,
  anyOf,
  authContext,
  authentication,
  authorizationHeader,
  BearerError,
  claimPath,
  clouds,
  condition,
  createRevocationList,
  createSecurityEventReceiver,
  createTokenValidator,
  dpop,
  entra,
  entraMultiTenant,
  expectation,
  forwardedCertificate,
  fromCookie,
  fromHeader,
  fromQuery,
  fromWebSocketProtocol,
  introspectedIssuer,
  isBearerError,
  mutualTls,
  oidcIssuer,
  oidcIssuers,
  present,
  refusals,
  resourceMetadataUrl,
  staticIssuer,
} from '@countersign/core'
export type {
  AcceptedEvent,
  AgentFacts,
  AllOfPermissions,
  AnyOfPermissions,
  ApplicationToken,
  AuthenticationOptions,
  CheckName,
  CheckVerdict,
  ClaimPath,
  Claims,
  ClaimSource,
  ClaimSources,
  Condition,
  CookieOptions,
  DelegatedToken,
  DpopOptions,
  EntraCloud,
  EntraCloudName,
  EntraMultiTenantOptions,
  EntraOptions,
  EventDetails,
  Expectation,
  ExpectedValue,
  Explanation,
  Fetch,
  ForgetKeysOptions,
  ForwardedCertificate,
  ForwardedCertificateOptions,
  GenericIssuerSettings,
  GivenKeys,
  Groups,
  IntrospectedIssuerOptions,
  IntrospectionAuthentication,
  IntrospectionCredentials,
  IntrospectionFailedEvent,
  IssuerSettings,
  IssuerSnapshot,
  KeySkippedEvent,
  KeySnapshot,
  KeysRefreshedEvent,
  KeysRefreshFailedEvent,
  KindRule,
  MutualTlsOptions,
  OidcIssuerOptions,
  OidcIssuersOptions,
  Permission,
  PermissionByKind,
  PermissionOfAnyKind,
  ProtectedResourceOptions,
  RefusalCode,
  RefusedEvent,
  ReplayStore,
  RequestView,
  Revocation,
  RevocationList,
  RevocationListOptions,
  RevocationStore,
  Revoked,
  SecurityEvent,
  SecurityEventAnswer,
  SecurityEventReceiverOptions,
  SecurityEventRequest,
  SenderProof,
  Shape,
  SigningAlgorithm,
  SnapshotKey,
  StaticIssuerOptions,
  TenantPolicy,
  TokenCacheOptions,
  TokenKind,
  TokenOfUnknownKind,
  TokenSource,
  TokenType,
  TokenTypeRule,
  TokenValidator,
  TokenValidatorOptions,
  TrustedIssuer,
  ValidatedToken,
  ValidationOutcome,
  ValidatorObservers,
} from '@countersign/core'
export type { BearerAuthOptions }

/** What `bearerAuth` adds to `ctx.state`: `new Koa<AuthState & Mine>()`. */
export interface AuthState {
  /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` accepts. */
  auth: ValidatedToken
}

/** The same for an application whose `allowAnonymous` is set: `auth` may be null, which the compiler then enforces. */
export interface AnonymousAuthState {
  /** The caller's validated token, or null for an anonymous caller. */
  auth: ValidatedToken | null
}

/** The part of Koa's context that is used, which is the same in Koa 2 and 3. */
interface Context {
  /** Node's request. */
  readonly req: IncomingMessage
  /** The path and query as received, before a mount point was removed. */
  readonly originalUrl: string
  /** The application's state of this request. */
  readonly state: object
  /** The HTTP status of the answer. */
  status: number
  /** The body of the answer. */
  body: unknown
  /** Sets headers of the answer. */
  set(headers: Record<string, string>): void
}

/** Middleware of Koa 2 and 3. */
export type Middleware = (context: Context, next: () => Promise<unknown>) => Promise<unknown>

/** The validator that admitted this request. The same in all copies of this package in one process. */
const validatorOf = Symbol.for('@countersign/koa:validator')

interface AuthenticatedState {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/**
 * Authenticates requests by their bearer token and puts it on `ctx.state.auth`. A refusal is thrown as a `BearerError`, its
 * headers already on the response. It checks who calls, not what they may do: see `requirePermission`.
 *
 * Throws a TypeError if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import Koa from 'koa'
 * import { bearerAuth, entra, requirePermission, type AuthState } from '@countersign/koa'
 *
 * const app = new Koa<AuthState>()
 * app.use(
 *   bearerAuth({
 *     issuer: entra({
 *       tenantId: '11111111-1111-4111-8111-111111111111',
 *       clientId: '22222222-2222-4222-8222-222222222222',
 *     }),
 *   }),
 * )
 * app.use(requirePermission({ delegated: { scopes: 'Orders.Read' } }))
 * app.use((context) => {
 *   context.body = { user: context.state.auth.objectId }
 * })
 * ```
 */
export function bearerAuth(options: BearerAuthOptions): Middleware {
  const bearer = createBearerAuth(options)

  return async (context, next) => {
    const state: AuthenticatedState = context.state
    // After a refusal no caller remains that an earlier bearerAuth accepted.
    state.auth = state[validatorOf] = undefined
    const view = viewNodeRequest(context.req, context, context.originalUrl)
    let headers
    try {
      headers = bearer.responseHeaders(view)
      if (headers !== undefined) context.set({ ...headers })
      const auth = bearer.authenticate(view)
      state.auth = auth instanceof Promise ? await auth : auth
      state[validatorOf] = bearer.validator
    } catch (error) {
      throw withHeaders(context, error)
    }
    return headers === undefined ? next() : nextWithHeaders(next, headers)
  }
}

/** Koa's own handler of errors wipes the response's headers, and sends those of the error. */
async function nextWithHeaders(
  next: () => Promise<unknown>,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  try {
    return await next()
  } catch (error) {
    if (error instanceof Error && Object.isExtensible(error)) {
      const own = 'headers' in error ? (error.headers as object | undefined) : undefined
      Object.assign(error, { headers: { ...headers, ...own } })
    }
    throw error
  }
}

/**
 * Guards what comes after it: refuses with 403 a caller whose token lacks the permission, and with a bare 401 an anonymous
 * one. Where `bearerAuth` did not run first it fails every request with a plain error (500).
 *
 * Throws a TypeError if the permission is malformed or requires nothing.
 */
export function requirePermission(permission: Permission): Middleware {
  const guard = createGuard(permission)

  return async (context, next) => {
    const state: AuthenticatedState = context.state
    try {
      await guard(state.auth, state[validatorOf], context)
    } catch (error) {
      throw withHeaders(context, error)
    }
    return next()
  }
}

/**
 * Serves the metadata of this API (RFC 9728) at `/.well-known/oauth-protected-resource`, followed by the API's own path.
 * Use it at the root of the application, before `bearerAuth`: its readers have no token yet.
 *
 * Throws a TypeError if an option is wrong, missing or unknown.
 */
export function protectedResourceMetadata(options: ProtectedResourceOptions): Middleware {
  const metadata = createResourceMetadata(options)

  return async (context, next) => {
    const answer = metadata.answer(context.req.method, context.req.url)
    if (answer === undefined) return next()
    context.status = answer.status
    context.set(answer.headers)
    context.body = answer.body
  }
}

/** Koa's own handler wipes the response's headers and sends the error's; an application's handler may do the opposite. */
function withHeaders(context: Context, error: unknown): unknown {
  if (isBearerError(error)) context.set(error.headers)
  return error
}
