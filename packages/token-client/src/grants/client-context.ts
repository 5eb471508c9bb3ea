import type { AuthorityRules, RequestParameters } from '../authorities/authority.js'
import { TokenClientError } from '../base/errors.js'
import type { DpopSettings } from '../bound-tokens/dpop-options.js'
import type { Target } from '../base/target.js'
import type { TokenEndpoint } from '../token-endpoint/token-endpoint.js'
import { checkAudience, type UserToken } from '../user-tokens/user-token.js'

/** What every grant needs to know about its client. */
export interface ClientContext {
  readonly authority: AuthorityRules
  readonly clientId: string
  readonly endpoint: TokenEndpoint
  /** Authority, version, client and capabilities: the first part of every cache key. */
  readonly identity: string
  readonly clientCapabilities: readonly string[]
  readonly audiences: ReadonlySet<string> | undefined
  /** The key that tokens are bound to, except those of sessions with keys of their own. */
  readonly dpop: DpopSettings | undefined
  readonly clock: () => number
  /** Sends requests over TLS with the client's certificate (`mutualTls`). */
  readonly tlsFetch: typeof fetch | undefined
}

/** Reads a user's token and refuses one that the service, or this client's `audience`, does not accept. */
export function readUserToken({ authority, audiences, clock }: ClientContext, text: string): UserToken {
  const token = authority.readUserToken(text)
  if (clock() >= token.expiresAt) throw new TokenClientError('user_token_expired')
  if (audiences !== undefined) checkAudience(text, audiences)
  return token
}

/** The parameters of a token request that name its target, and what this client can do. */
export function targetParameters(
  { authority, clientCapabilities }: ClientContext,
  target: Target,
  offline?: 'offline',
): RequestParameters {
  return authority.targetParameters(withCapabilities(target, clientCapabilities), offline)
}

/**
 * Adds the client's capabilities (`xms_cc`) to the requested `claims`, next to a challenge if there is one.
 * Source: "Claims challenges, claims requests, and client capabilities".
 */
function withCapabilities(target: Target, capabilities: readonly string[]): Target {
  if (capabilities.length === 0) return target
  // checkTarget has checked it: the JSON text of an object.
  const challenge = JSON.parse(target.claims ?? '{}') as Record<string, unknown>
  const accessToken = challenge['access_token']
  const claims = {
    ...challenge,
    access_token: {
      ...(typeof accessToken === 'object' ? accessToken : {}),
      xms_cc: { values: capabilities },
    },
  }
  return { ...target, claims: JSON.stringify(claims) }
}
