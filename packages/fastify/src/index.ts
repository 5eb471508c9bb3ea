import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Permission, TokenValidator, ValidatedToken } from '@countersign/core'
import {
  createBearerAuth,
  createGuard,
  createResourceMetadata,
  isBearerError,
  viewNodeRequest,
  waitForKeys,
  type BearerAuthOptions as CommonOptions,
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

/** Options of `bearerAuth`: those of every adapter, and `waitForKeys`. */
export type BearerAuthOptions = CommonOptions & {
  /**
   * Let the application start only once the signing keys are there. It fails to start when they are not there within
   * four fifths of Fastify's `pluginTimeout`. Default: false; the first request waits for them.
   */
  readonly waitForKeys?: boolean | undefined
}

/** The validator that admitted this request. The same in all copies of this package in one process. */
const validatorOf = Symbol.for('@countersign/fastify:validator')

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` accepts. */
    auth: ValidatedToken
  }
}

interface AuthenticatedRequest {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/** The part of Fastify's reply that is used. */
interface Reply {
  /** Whether an answer was sent. */
  readonly sent: boolean
  /** Sets headers of the answer. */
  headers(values: Record<string, string>): unknown
}

/** An `onRequest` hook, for routes of every type provider and server. */
export type OnRequest = (request: object, reply: Reply, done: (error?: Error) => void) => void

/**
 * Authenticates every request of the scope it is registered in, before the body is read, and puts the token on
 * `request.auth`. A refusal goes to the scope's error handler as a `BearerError`, its headers already on the reply. It
 * checks who calls, not what they may do: see `requirePermission`.
 *
 * Fails at start-up with a TypeError if an option is wrong, missing or unknown, or if the scope has a `bearerAuth` already.
 *
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { bearerAuth, entra, requirePermission } from '@countersign/fastify'
 *
 * const app = fastify()
 * await app.register(bearerAuth, {
 *   issuer: entra({
 *     tenantId: '11111111-1111-4111-8111-111111111111',
 *     clientId: '22222222-2222-4222-8222-222222222222',
 *   }),
 * })
 * const onRequest = requirePermission({ delegated: { scopes: 'Orders.Read' } })
 * app.get('/orders', { onRequest }, (request) => ({ user: request.auth.objectId }))
 * ```
 */
export const bearerAuth: FastifyPluginAsync<BearerAuthOptions> = fastifyPlugin(
  async (app: FastifyInstance, { waitForKeys: waits = false, ...options }: BearerAuthOptions) => {
    if ('prefix' in options) {
      throw new TypeError(
        'bearerAuth: prefix has no effect here; register bearerAuth inside a prefixed scope',
      )
    }
    if (typeof waits !== 'boolean') throw new TypeError('bearerAuth: "waitForKeys" must be true or false')
    if (app.hasRequestDecorator(validatorOf)) {
      throw new TypeError('bearerAuth: this scope, or one above it, has a bearerAuth already')
    }
    const bearer = createBearerAuth(options as CommonOptions)

    function admit(request: AuthenticatedRequest, auth: ValidatedToken | null, done: () => void): void {
      request.auth = auth
      request[validatorOf] = bearer.validator
      done()
    }

    app.decorateRequest('auth')
    app.decorateRequest(validatorOf)
    app.addHook('onRequest', (request, reply, done) => {
      const view = viewNodeRequest(request.raw, request)
      let auth
      try {
        const headers = bearer.responseHeaders(view)
        if (headers !== undefined) reply.headers(headers)
        auth = bearer.authenticate(view)
      } catch (error) {
        return refuse(reply, error as Error, done)
      }
      if (!(auth instanceof Promise)) return admit(request, auth, done)
      auth.then(
        (result) => admit(request, result, done),
        (error: Error) => refuse(reply, error, done),
      )
    })
    // Fastify's own time-out names the plugin, and not what it waits for.
    if (waits) await waitForKeys(bearer.validator, ((app.initialConfig.pluginTimeout || 10_000) / 1000) * 0.8)
  },
  { name: '@countersign/fastify', fastify: '5.x' },
)

/**
 * Guards a route, as its `onRequest` hook or one of them: refuses with 403 a caller whose token lacks the permission, and
 * with a bare 401 an anonymous one. Where `bearerAuth` did not run first it fails every request with a plain error (500).
 *
 * Throws a TypeError if the permission is malformed or requires nothing.
 */
export function requirePermission(permission: Permission): OnRequest {
  const guard = createGuard(permission)

  return (request: AuthenticatedRequest, reply, done) => {
    let pending
    try {
      pending = guard(request.auth, request[validatorOf], request)
    } catch (error) {
      return refuse(reply, error as Error, done)
    }
    if (pending === undefined) return done()
    pending.then(
      () => done(),
      (error: Error) => refuse(reply, error, done),
    )
  }
}

/**
 * Serves the metadata of this API (RFC 9728) at `/.well-known/oauth-protected-resource`, followed by the API's own path.
 * Register it at the root of the application, before `bearerAuth`: its readers have no token yet.
 *
 * Fails at start-up with a TypeError if an option is wrong, missing or unknown, or if `bearerAuth` came first.
 */
export const protectedResourceMetadata: FastifyPluginAsync<ProtectedResourceOptions> = fastifyPlugin(
  async (app: FastifyInstance, options: ProtectedResourceOptions) => {
    const metadata = createResourceMetadata(options)
    if (app.hasRequestDecorator(validatorOf)) {
      throw new TypeError('protectedResourceMetadata: register it before bearerAuth, which asks for a token')
    }
    // A hook and no route: hooks of a scope hold for all its routes, and bearerAuth would guard this one too.
    app.addHook('onRequest', (request, reply, done) => {
      const answer = metadata.answer(request.method, request.url)
      if (answer === undefined) return done()
      reply.status(answer.status).headers(answer.headers).send(answer.body)
    })
  },
  { name: '@countersign/fastify/protected-resource-metadata', fastify: '5.x' },
)

/** The headers go on the reply too: an application's error handler may not read `error.headers`. */
function refuse(reply: Reply, error: Error, done: (error: Error) => void): void {
  if (isBearerError(error) && !reply.sent) reply.headers(error.headers)
  done(error)
}
