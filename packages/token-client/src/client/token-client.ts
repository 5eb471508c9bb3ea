import type { AcquiredToken } from '../base/acquired-token.js'
import type { CreateFetchOptions } from '../fetch/create-fetch.js'
import type { TokenSession } from '../sessions/sessions.js'
import type { AcquireOptions } from '../base/target.js'
import type { SessionOwner, ValidatedUserToken } from '../user-tokens/user-token.js'

/** Acquires tokens for one application. Every method is bound, and throws `TokenClientError`. */
export interface TokenClient {
  /**
   * A token for this application itself (client credentials, RFC 6749 section 4.4). `tenantId` is needed when the
   * authority stands for many tenants. Throws `TypeError` for a target that cannot be asked for.
   */
  readonly acquireForApp: (options: AcquireOptions & { readonly tenantId?: string }) => Promise<AcquiredToken>
  /**
   * A token for the next API, on behalf of the user whose access token this API was called with. Refused before anything
   * is sent or looked up: an expired token, an id token, an application token, a token of another tenant, and, when
   * `audience` is configured, one that was made for another API. The token's signature is *not* checked here: hand in
   * what your resource server has validated. Never uses a refresh token.
   */
  readonly acquireOnBehalfOf: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<AcquiredToken>
  /** Starts work that outlives the user's token. Checks the same, and asks the service for a refresh token. */
  readonly startSession: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<TokenSession>
  /** Finds a session again, for the owner it was started for and nobody else. */
  readonly resumeSession: (key: string, owner: SessionOwner | ValidatedUserToken) => Promise<TokenSession>
  /**
   * A `fetch` for one API: it attaches the right token to requests to the target's origin, and to no other, also not after
   * a redirect (requests elsewhere go through untouched). When the API answers 401 with a claims challenge, the request is
   * sent exactly once more, with a token that meets it; a request whose body is a stream is not, and the 401 comes back.
   * Throws `TypeError` for options that cannot work; what it makes throws `TokenClientError` when there is no token.
   */
  readonly createFetch: (options: CreateFetchOptions) => typeof fetch
  /**
   * Drops everything held for a user, sessions included, also what is under way. On an issuer without tenants:
   * the issuer and the subject.
   */
  readonly forgetUser: (tenantId: string, objectId: string) => Promise<void>
}
