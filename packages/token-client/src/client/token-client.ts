import type { AcquiredToken } from '../base/acquired-token.js'
import type { AcquireOptions } from '../base/target.js'
import type { CreateFetchOptions } from '../fetch/fetch-options.js'
import type { AgentUser } from '../grants/agent-user.js'
import type { TokenSession } from '../sessions/token-session.js'
import type { SessionOwner, ValidatedUserToken } from '../user-tokens/user-token.js'

/**
 * Acquires tokens for one application. Its methods work without `this`. They throw `TokenClientError` when there is no
 * token, and `TypeError` for arguments that cannot work.
 */
export interface TokenClient {
  /**
   * A token for this application itself (client credentials, RFC 6749 section 4.4). `tenantId`, a GUID, is required when
   * the authority is for many tenants (`organizations`). Does not check what the token permits: the target does.
   *
   * @example
   * ```ts
   * const { accessToken } = await client.acquireForApp({ resource: 'api://orders' })
   * await fetch('https://orders.example/', { headers: { Authorization: `Bearer ${accessToken}` } })
   * ```
   */
  readonly acquireForApp: (
    options: AcquireOptions & {
      /** The tenant to act in, a GUID. */
      readonly tenantId?: string | undefined
    },
  ) => Promise<AcquiredToken>
  /**
   * A token for the next API, on behalf of the user whose access token this API was called with. Before anything is sent,
   * it refuses an expired token, an ID token, an application token, a token of another tenant, and, when `audience` is
   * configured, a token for another API. The token's signature is *not* checked here: pass a token that your resource
   * server has validated. With a validated token as `userToken`, an error is also the HTTP answer to its caller. Never uses
   * a refresh token. Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow"; RFC 8693 for other services.
   *
   * @example
   * ```ts
   * const { accessToken } = await client.acquireOnBehalfOf(userToken, { resource: 'api://stock' })
   * await fetch('https://stock.example/', { headers: { Authorization: `Bearer ${accessToken}` } })
   * ```
   */
  readonly acquireOnBehalfOf: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<AcquiredToken>
  /**
   * A token of the user account of an agent identity (Entra Agent ID): for a client whose credential is `agentIdentity`.
   * `tenantId` as in `acquireForApp`. Throws `TypeError` for any other client, and for a user that is named twice. Does not
   * check that the account belongs to the agent: the token service does.
   *
   * @example
   * ```ts
   * const { accessToken } = await client.acquireForAgentUser(
   *   { username: 'agent@contoso.example' },
   *   { resource: 'api://orders' },
   * )
   * ```
   */
  readonly acquireForAgentUser: (
    user: AgentUser,
    options: AcquireOptions & {
      /** The tenant to act in, a GUID. */
      readonly tenantId?: string | undefined
    },
  ) => Promise<AcquiredToken>
  /**
   * Starts a session: work that continues after the user's token has expired. Checks the same as `acquireOnBehalfOf`, and
   * requests a refresh token (`offline_access`). Throws `session_not_renewable` when the service issues none.
   *
   * @example
   * ```ts
   * const session = await client.startSession(userToken, { resource: 'api://stock' })
   * const { accessToken } = await session.acquire()
   * await session.end()
   * ```
   */
  readonly startSession: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<TokenSession>
  /**
   * Finds a session by its key, for its owner only. Throws `session_unknown` for a wrong key and for another owner alike.
   * Does not check that the caller is the owner: pass a validated token, or an owner that you have authenticated.
   */
  readonly resumeSession: (key: string, owner: SessionOwner | ValidatedUserToken) => Promise<TokenSession>
  /**
   * A `fetch` for one API. It sends the right token with requests to the target's origin, and with no others, also after a
   * redirect (requests to other origins are sent unchanged). When the API answers 401 with a claims challenge, the request
   * is sent once more with a token that meets it; after a plain 401 with `invalid_token`, with a new token, if the refused
   * one is older than 30 seconds. A request whose body is a stream cannot be sent again: its 401 is
   * returned. Throws `TypeError` for options that cannot work; the returned function throws `TokenClientError` when there
   * is no token.
   *
   * @example
   * ```ts
   * const fetchStock = client.createFetch({
   *   target: { resource: 'api://stock' },
   *   origin: 'https://stock.example',
   *   userToken,
   * })
   * const response = await fetchStock('https://stock.example/items')
   * ```
   */
  readonly createFetch: (options: CreateFetchOptions) => typeof fetch
  /**
   * Forgets everything that is held for a user, sessions included, also what is under way. Other processes with the same
   * store follow within `recheckSeconds`. For an issuer without tenants: the issuer and the subject. Does not revoke
   * anything at the token service. Throws `store_unavailable` when the shared store fails: then call it again.
   */
  readonly forgetUser: (tenantId: string, objectId: string) => Promise<void>
  /**
   * Waits for everything that is under way: token requests, renewals in the background, writes to the shared store. Each
   * has a deadline. After it, disconnect the store, and the process can end. Later calls throw `client_closed`. Does not end
   * sessions, and does not disconnect the store: it is yours. Never throws.
   *
   * @example
   * ```ts
   * const { accessToken } = await client.acquireForApp({ resource: 'api://orders' })
   * await client.close()
   * ```
   */
  readonly close: () => Promise<void>
  /** The same as `close`, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
