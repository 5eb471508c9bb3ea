import { badOption, checkNames } from '../base/options-reader.js'
import { isGuid } from '../base/identifiers.js'
import { checkTarget, type RequestedTarget, type Target } from '../base/target.js'
import { requestedToken } from '../observers/reporter.js'
import { userRevocationName } from '../user-tokens/owner.js'
import { keysOf } from './cache-key.js'
import { type ClientContext, targetParameters } from './client-context.js'
import type { PreparedGrant, TokenGrant } from './grant.js'

/** The user account of an agent: by its user principal name or by its object id, not by both. */
export interface AgentUser {
  /** The user principal name. */
  readonly username?: string | undefined
  /** The object id, a GUID. */
  readonly userId?: string | undefined
}

/** A token of an agent's own user account (`user_fic`): the agent proves itself twice. */
export class AgentUserGrant implements TokenGrant {
  readonly name = 'obo'
  readonly target: Target
  readonly requestKey: string
  readonly cacheKey: string
  readonly #context: ClientContext
  readonly #user: AgentUser
  readonly #tenantId: string | undefined
  readonly #exchangeToken: () => Promise<string>

  /** `exchangeToken` brings a token of the agent for exchange, in the same tenant. */
  constructor(
    context: ClientContext,
    user: AgentUser,
    target: RequestedTarget & { readonly tenantId?: string | undefined },
    exchangeToken: () => Promise<string>,
  ) {
    checkTarget(target, true)
    this.#context = context
    this.#user = readAgentUser(user)
    this.target = target
    this.#tenantId = target.tenantId
    this.#exchangeToken = exchangeToken
    const subject = JSON.stringify([this.#user.username?.toLowerCase(), this.#user.userId])
    const { tenantId } = target
    const keys = keysOf({ client: context.identity, grant: 'agent', tenantId, subject, target })
    this.requestKey = keys.requestKey
    this.cacheKey = keys.cacheKey
  }

  prepare(): PreparedGrant {
    const { authority, endpoint, dpop } = this.#context
    const { username, userId } = this.#user
    const tenantId = authority.applicationTenant(this.#tenantId)
    const subject =
      userId === undefined || tenantId === undefined
        ? undefined
        : userRevocationName({ tenantId, objectId: userId })
    const request = {
      tenantId,
      grantType: 'user_fic',
      parameters: {
        requested_token_use: 'on_behalf_of',
        ...(username === undefined ? { user_id: userId! } : { username }),
        ...targetParameters(this.#context, this.target),
      },
      obtainParameters: async () => ({ user_federated_identity_credential: await this.#exchangeToken() }),
      requested: requestedToken('obo', this.target),
      subject: subject ?? JSON.stringify(this.#user),
      key: dpop?.key,
      repeatable: true,
    } as const
    return {
      revokedWith: subject === undefined ? [] : [subject],
      key: dpop?.key,
      notAfter: Infinity,
      redeem: async () => ({ ...(await endpoint.request(request)), refreshToken: undefined }),
    }
  }
}

/** Refuses two names: a request that names two users must not be answered for one of them. */
function readAgentUser(user: AgentUser): AgentUser {
  const what = 'acquireForAgentUser'
  if (typeof user !== 'object' || user === null)
    throw badOption(what, 'user', 'must be { username } or { userId }')
  checkNames(what, user, ['username', 'userId'])
  const { username, userId } = user
  if ((username === undefined) === (userId === undefined)) {
    throw badOption(what, 'user', 'must be { username } or { userId }, exactly one of them')
  }
  if (userId !== undefined && !isGuid(userId)) throw badOption(what, 'userId', 'must be an object id, a GUID')
  if (username !== undefined && !(typeof username === 'string' && /^[^\s@]+@[^\s@]+$/.test(username))) {
    throw badOption(what, 'username', 'must be a user principal name')
  }
  return userId === undefined ? { username } : { userId: userId.toLowerCase() }
}
