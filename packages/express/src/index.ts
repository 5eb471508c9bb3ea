import type { IncomingMessage, ServerResponse } from 'node:http'
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
  AllowsAnonymous,
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

declare global {
  namespace Express {
    interface Request {
      /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` accepts. */
      auth: ValidatedToken
    }
  }
}

/** Middleware of Express 4 and 5, and of anything else that speaks Connect. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The validator that admitted this request. The same in all copies of this package in one process. */
const validatorOf = Symbol.for('@countersign/express:validator')

interface AuthenticatedRequest extends IncomingMessage {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/**
 * Authenticates requests by their bearer token and puts it on `request.auth`. A refusal goes to `next(error)` as a
 * `BearerError`, its headers already on the response. It checks who calls, not what they may do: see `requirePermission`.
 *
 * Throws a TypeError if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { bearerAuth, entra, requirePermission } from '@countersign/express'
 *
 * const app = express()
 * app.use(
 *   bearerAuth({
 *     issuer: entra({
 *       tenantId: '11111111-1111-4111-8111-111111111111',
 *       clientId: '22222222-2222-4222-8222-222222222222',
 *     }),
 *   }),
 * )
 * app.get('/orders', requirePermission({ delegated: { scopes: 'Orders.Read' } }), (request, response) => {
 *   response.json({ user: request.auth.objectId })
 * })
 * ```
 */
export function bearerAuth(options: BearerAuthOptions): Middleware {
  const bearer = createBearerAuth(options)

  function admit(request: AuthenticatedRequest, auth: ValidatedToken | null, next: () => void): void {
    request.auth = auth
    request[validatorOf] = bearer.validator
    next()
  }

  return (request: AuthenticatedRequest, response, next) => {
    // After a refusal no caller remains that an earlier bearerAuth accepted.
    request.auth = request[validatorOf] = undefined
    const view = viewNodeRequest(request)
    let auth
    try {
      setHeaders(response, bearer.responseHeaders(view))
      auth = bearer.authenticate(view)
    } catch (error) {
      return refuse(response, error, next)
    }
    if (!(auth instanceof Promise)) return admit(request, auth, next)
    continueLater(
      auth,
      (result) => admit(request, result, next),
      (error) => refuse(response, error, next),
      response,
      next,
    )
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

  return (request: AuthenticatedRequest, response, next) => {
    let pending
    try {
      pending = guard(request.auth, request[validatorOf], request)
    } catch (error) {
      return refuse(response, error, next)
    }
    if (pending === undefined) return next()
    continueLater(
      pending,
      () => next(),
      (error) => refuse(response, error, next),
      response,
      next,
    )
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

  return (request, response, next) => {
    const answer = metadata.answer(request.method, request.url)
    if (answer === undefined) return next()
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }
}

/**
 * Continues a request after a promise. No promise is returned, as Express 4 would drop it and never answer. What `next`
 * itself throws goes where Express sends it when the answer is immediate; if that throws too, the connection ends.
 */
function continueLater<T>(
  work: Promise<T>,
  accept: (result: T) => void,
  refuseWith: (error: unknown) => void,
  response: ServerResponse,
  next: (error: unknown) => void,
): void {
  work
    .then(accept, refuseWith)
    .catch(next)
    .catch(() => response.destroy())
}

/** The headers go on the response too: an application's error handler may not read `error.headers`. */
function refuse(response: ServerResponse, error: unknown, next: (error: unknown) => void): void {
  if (isBearerError(error) && !response.headersSent) setHeaders(response, error.headers)
  next(error)
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>> | undefined): void {
  if (headers === undefined) return
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}
