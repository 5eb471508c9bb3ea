import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import type { Fetch } from '../base/guarded-fetch.js'
import type { Target } from '../base/target.js'
import type { UserToken } from '../user-tokens/user-token.js'

/**
 * A token service: made by `entraAuthority` or `oauthAuthority`, and passed to a client as `authority`. Its members are
 * internal.
 */
export interface Authority {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/token-client:authority': never
}

/** Parameters of a token request, by their wire names. A list is sent as several parameters of that name. */
export type RequestParameters = Readonly<Record<string, string | readonly string[]>>

/** A grant type and the parameters that belong to it. */
export interface GrantRequest {
  readonly grantType: string
  readonly parameters: RequestParameters
  /** More parameters, from a function of the application: obtained for each request. */
  readonly obtainParameters?: (() => Promise<RequestParameters>) | undefined
}

/**
 * How to request tokens from one token service. Each factory fills this one shape; a new kind of service is a new
 * factory.
 */
export interface AuthorityRules {
  /** Distinguishes this authority from every other in a cache key. */
  readonly identity: readonly string[]
  /** Whether an old refresh token stays valid after a new one was issued, so that a lost answer can be requested again. */
  readonly refreshTokensAreReusable: boolean
  /** Whether the service takes `claims`: challenges and client capabilities. */
  readonly takesClaims: boolean
  /** The service and the tenant, for the person who reads an error. */
  describe(tenantId: string | undefined): string
  /** The tenant of an application's token. Throws `TypeError` when there is no single one. */
  applicationTenant(requested: string | undefined): string | undefined
  /** Reads a user's token and refuses what this service would refuse. Throws `TokenClientError`. */
  readUserToken(token: string): UserToken
  /** The token endpoint. Its address comes from configuration, or from metadata whose issuer was compared. */
  tokenServer(tenantId: string | undefined, fetch: Fetch, now: number): Promise<oauth.AuthorizationServer>
  /** A token endpoint nearer by for tokens of the application, if there is one. It may fail: `tokenServer` is the other. */
  regionalServer?(
    tenantId: string | undefined,
    fetch: Fetch,
    now: number,
  ): Promise<oauth.AuthorizationServer | undefined>
  /** The parameters that name the target. Throws `TypeError` for a target that this service does not support. */
  targetParameters(target: Target, offline?: 'offline'): RequestParameters
  /** Where a user of that tenant signs in: what a claims challenge to this API's own caller names. */
  authorizationUri(tenantId: string | undefined): string | undefined
  /** Whether a challenge that names this address belongs to this service. Claims of other services are not sent to it. */
  isOwnAddress(uri: URL): boolean
  /** How this service is asked for a token on behalf of a user; with `offline`, for a refresh token as well. */
  onBehalfOf(userToken: string, offline?: 'offline'): GrantRequest
}

/**
 * The values that factories made. It is shared by all copies of this package in one process, because an application may
 * load one by `import` and another by `require`. The number changes with the shape of `AuthorityRules`.
 */
const madeByFactories = sharedSet(Symbol.for('@countersign/token-client:authorities:3'))

function sharedSet(key: symbol): WeakSet<object> {
  const shared = globalThis as { [key: symbol]: WeakSet<object> | undefined }
  shared[key] ??= new WeakSet()
  return shared[key]
}

/** Makes an authority of its rules. A look-alike, say from a configuration file, is not one. */
export function createAuthority(rules: AuthorityRules): Authority {
  madeByFactories.add(rules)
  return Object.freeze(rules) as unknown as Authority
}

/** The rules of an authority; `undefined` for any other value. */
export function rulesOf(value: unknown): AuthorityRules | undefined {
  const isAuthority = typeof value === 'object' && value !== null && madeByFactories.has(value)
  return isAuthority ? (value as AuthorityRules) : undefined
}
