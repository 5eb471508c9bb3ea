import type { AcquiredToken } from '../base/acquired-token.js'
import type { AcquireOptions } from '../base/target.js'
import type { SessionFetchOptions } from '../fetch/fetch-options.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'

/** A session: work for a user that continues after the user's token has expired. Made by `startSession`. */
export interface TokenSession {
  /**
   * 256 random bits, base64url, with which `resumeSession` finds the session. Protect it like a session cookie. Not
   * enumerable.
   */
  readonly key: string
  /**
   * A token for the target that the session was started with, or for another target to which the user has consented.
   * Throws `TokenClientError`: with code `session_needs_user` when only a new token of the user helps (see `renew`), with
   * `session_unknown` when the session has ended. Throws `TypeError` for an invalid target.
   */
  readonly acquire: (options?: AcquireOptions) => Promise<AcquiredToken>
  /**
   * A `fetch` for one API with the tokens of this session: see `TokenClient.createFetch`. Throws `TypeError` for options that
   * cannot work; the returned function throws what `acquire` throws.
   */
  readonly createFetch: (options: SessionFetchOptions) => typeof fetch
  /**
   * Continues the session with a new token of the same user from the same client. Throws `TokenClientError`:
   * `session_unknown` for the token of anyone else, and what `acquireOnBehalfOf` throws. The token's signature is *not*
   * checked here.
   */
  readonly renew: (userToken: string | ValidatedUserToken) => Promise<void>
  /**
   * Ends the session: forgets its refresh token and its tokens, in every process. A renewal that is under way does not
   * undo it. Does not revoke the refresh token at the service. Throws `store_unavailable` when the shared store fails.
   */
  readonly end: () => Promise<void>
}

// The key is in a private field: neither JSON nor util.inspect, showHidden included, can print it.
class Session implements TokenSession {
  readonly #key: string
  readonly acquire: TokenSession['acquire']
  readonly createFetch: TokenSession['createFetch']
  readonly renew: TokenSession['renew']
  readonly end: TokenSession['end']

  constructor(key: string, methods: Omit<TokenSession, 'key'>) {
    this.#key = key
    this.acquire = methods.acquire
    this.createFetch = methods.createFetch
    this.renew = methods.renew
    this.end = methods.end
    Object.freeze(this)
  }

  get key(): string {
    return this.#key
  }
}

export function createTokenSession(key: string, methods: Omit<TokenSession, 'key'>): TokenSession {
  return new Session(key, methods)
}
