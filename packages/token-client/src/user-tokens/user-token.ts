import { TokenClientError } from '../base/errors.js'
import { badOption } from '../base/options-reader.js'
import { readUnverifiedClaims } from './unverified-claims.js'

/** The members of a validated token (as `@countersign/core` returns it) that this package reads. */
export interface ValidatedUserToken {
  /**
   * `delegated`: a user's token. An `application` token is refused where a user is needed. Where the kind is `unknown`, the
   * token service decides, as it does for a token's text.
   */
  readonly kind: 'delegated' | 'application' | 'unknown'
  /** The token's issuer (`iss`). */
  readonly issuer: string
  /** The token's text. */
  readonly token: string
  /** The user's tenant (`tid`). */
  readonly tenantId?: string | undefined
  /** The user's subject (`sub`). */
  readonly subject?: string | undefined
  /** The user's object id (`oid`). */
  readonly objectId?: string | undefined
  /** The application that called with the token (`azp`, `appid` or `client_id`). */
  readonly clientId?: string | undefined
  /** The token's claims. Only `xms_cc` is read: what the caller declared that it can do. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** The owner of a session: a user of a tenant, through one client application. */
export interface SessionOwner {
  /** The tenant's id. For an issuer without tenants: the issuer. */
  readonly tenantId: string
  /** The user's object id (`oid`). For an issuer without object ids: the subject (`sub`). */
  readonly objectId: string
  /** The client id of the application that called with the user's token (`azp` or `appid`). */
  readonly clientId: string
}

/**
 * What a user's token says about itself. The signature is *not* checked here: the resource server has checked it, and the
 * token service checks it again. These values never grant anything. They serve to refuse early, to choose the tenant's
 * endpoint, and to know whose token is cached.
 */
export interface UserToken {
  readonly text: string
  readonly tenantId: string | undefined
  readonly expiresAt: number
  readonly owner: SessionOwner | undefined
}

const maxTokenLength = 16_384

/** The token's text. Throws `TypeError` for anything that is not a user token. */
export function userTokenText(userToken: string | ValidatedUserToken): string {
  const text: unknown = typeof userToken === 'string' ? userToken : userToken?.token
  if (typeof text !== 'string') {
    throw badOption('TokenClient', 'userToken', "must be a token's text or a validated token")
  }
  if (text.length > maxTokenLength) {
    throw new TokenClientError('user_token_malformed', { reason: 'too_large' })
  }
  if (typeof userToken !== 'string' && userToken.kind === 'application') {
    throw new TokenClientError('user_token_is_application_token')
  }
  return text
}

/** Refuses a token that was not issued for this API. The audience of an opaque token is unknown, so it is refused too. */
export function checkAudience(token: string, audiences: ReadonlySet<string>): void {
  const audience = readUnverifiedClaims(token)?.aud
  const named: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (!named.some((one) => typeof one === 'string' && audiences.has(one))) {
    throw new TokenClientError('user_token_audience_mismatch')
  }
}
