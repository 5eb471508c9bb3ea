import type { Target } from '../base/target.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'

/** The options of `createFetch`. */
export interface CreateFetchOptions {
  /** The API that the token is for. */
  readonly target: Pick<Target, 'resource' | 'scopes'>
  /**
   * The target's origin, such as `https://orders.example`, or several. The token is sent there and nowhere else. https, or
   * http on loopback.
   */
  readonly origin: string | readonly string[]
  /** The user for whom the requests are made. Default: the application itself. */
  readonly userToken?: string | ValidatedUserToken | undefined
  /** The tenant of the application's token, where the authority is for many tenants. Not together with `userToken`. */
  readonly tenantId?: string | undefined
  /** What sends the requests. It must follow the Fetch standard, redirects included. Default: the global `fetch`. */
  readonly fetch?: typeof fetch | undefined
}
