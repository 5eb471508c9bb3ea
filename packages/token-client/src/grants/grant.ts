import type { ProofKey } from '../base/acquired-token.js'
import type { Target } from '../base/target.js'
import type { RequestedToken } from '../observers/observers.js'
import type { TokenAnswer } from '../token-answers/token-answer.js'

/** One way to get a token, with its inputs, whose target was checked. A new grant is a new class of this shape. */
export interface TokenGrant {
  readonly name: RequestedToken['grant']
  readonly target: Target
  /** Holds every input: callers with the same key share one request. */
  readonly requestKey: string
  /** Where the token is cached: the same key without what only the request for it needs (a claims challenge, `refresh`). */
  readonly cacheKey: string
  /** Checks everything that a cached token does not need. Throws `TypeError` or `TokenClientError`. */
  prepare(): PreparedGrant
}

/** A grant that was checked and can be redeemed at the token endpoint. */
export interface PreparedGrant {
  /** The names of the user and of the session with which the token is revoked. */
  readonly revokedWith: readonly string[]
  /** The key that the token is bound to (DPoP). */
  readonly key?: ProofKey | undefined
  /** The token is not served from a cache after this time, in seconds: it ends with the user's token. */
  readonly notAfter: number
  /** Sends the request and reads the answer. Throws `TokenClientError`. */
  redeem(): Promise<TokenAnswer>
}
