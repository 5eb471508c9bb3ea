import type { Target } from '../base/target.js'
import type { AgentUser } from '../grants/agent-user.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'

/** The options of a session's `createFetch`. */
export interface SessionFetchOptions {
  /** The API that the token is for. Default: the target that the session was started with. */
  readonly target?: Pick<Target, 'resource' | 'scopes'> | undefined
  /**
   * The target's origin, such as `https://orders.example`, or several. The token is sent there and nowhere else. https, or
   * http on loopback.
   */
  readonly origin: string | readonly string[]
  /**
   * What sends the requests. It must follow the Fetch standard, redirects included. Default: the global `fetch`; with
   * `mutualTls`, one that presents the client's certificate.
   */
  readonly fetch?: typeof fetch | undefined
}

/** The options of `createFetch`. */
export interface CreateFetchOptions extends SessionFetchOptions {
  /** The API that the token is for. */
  readonly target: Pick<Target, 'resource' | 'scopes'>
  /** The user for whom the requests are made. Default: the application itself. */
  readonly userToken?: string | ValidatedUserToken | undefined
  /** The user account of an agent for which the requests are made: see `acquireForAgentUser`. Not together with `userToken`. */
  readonly agentUser?: AgentUser | undefined
  /** The tenant of the application's token, where the authority is for many tenants. Not together with `userToken`. */
  readonly tenantId?: string | undefined
}
