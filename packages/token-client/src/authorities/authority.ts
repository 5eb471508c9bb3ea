import type * as oauth from 'oauth4webapi'
import type { Fetch } from '../base/guarded-fetch.js'
import type { Target } from '../base/target.js'
import type { UserToken } from '../user-tokens/user-token.js'

/** Wire parameters of a token request, by their wire names. */
export type Parameters = Readonly<Record<string, string>>

/** One grant, ready to be sent. */
export interface Grant {
  readonly grantType: string
  readonly parameters: Parameters
}

/**
 * A token service, as a value: `entraAuthority` and `oauthAuthority` make it. A new kind of service is
 * another maker of this shape.
 */
export interface Authority {
  /** What tells this authority from every other in a cache key. */
  readonly identity: readonly string[]
  /** Whether an old refresh token stays valid after a new one was issued, so that a lost answer may be asked for again. */
  readonly refreshTokensAreReusable: boolean
  /** The tenant a daemon's token is asked for. Throws `TypeError` when there is no concrete one. */
  applicationTenant(requested: string | undefined): string | undefined
  /** Reads a user's token and refuses what this service would refuse. Throws `TokenClientError`. */
  readUserToken(token: string): UserToken
  /** Where to ask. The endpoint comes from configuration or from metadata whose issuer was compared. */
  tokenServer(tenantId: string | undefined, fetch: Fetch, now: number): Promise<oauth.AuthorizationServer>
  /** The parameters that name the target. Throws `TypeError` for a target this service cannot be asked for. */
  targetParameters(target: Target, offline?: 'offline'): Parameters
  /** Whether it takes `claims`: challenges and client capabilities. */
  readonly takesClaims: boolean
  /** Where a user of that tenant signs in: what a claims challenge to this API's own caller names. */
  authorizationUri(tenantId: string | undefined): string | undefined
  /** Whether a challenge that names this address is one of this service: nobody else's claims are taken there. */
  isOwnAddress(uri: URL): boolean
  /** How this service is asked for a token on a user's behalf. */
  onBehalfOf(userToken: string): Grant
}
