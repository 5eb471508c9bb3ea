import { sha256 } from '../base/identifiers.js'
import { checkTarget, checkTargetNames, type RequestedTarget, type Target } from '../base/target.js'
import type { DpopKey } from '../bound-tokens/dpop-key.js'
import { requestedToken } from '../observers/reporter.js'
import type { TokenAnswer } from '../token-answers/token-answer.js'
import type { TokenEndpoint, TokenRequest } from '../token-endpoint/token-endpoint.js'
import { userRevocationName } from '../user-tokens/owner.js'
import type { UserToken } from '../user-tokens/user-token.js'
import { keysOf } from './cache-key.js'
import { type ClientContext, readUserToken, targetParameters } from './client-context.js'
import type { PreparedGrant, TokenGrant } from './grant.js'

/**
 * A token on behalf of a user (OBO). Entra: `jwt-bearer` with `requested_token_use=on_behalf_of`; other services: token
 * exchange (RFC 8693). `token-answers/token-answer.ts` reads the answer, as it reads every grant's.
 */
export class OnBehalfOfGrant implements TokenGrant {
  readonly name = 'obo'
  readonly target: Target
  readonly requestKey: string
  readonly cacheKey: string
  readonly #context: ClientContext
  readonly #userToken: string

  constructor(context: ClientContext, userToken: string, target: RequestedTarget) {
    checkTargetNames(target)
    this.#context = context
    this.#userToken = userToken
    this.target = target
    const keys = keysOf({
      client: context.identity,
      grant: 'obo',
      tenantId: undefined,
      subject: sha256(userToken),
      target,
    })
    this.requestKey = keys.requestKey
    this.cacheKey = keys.cacheKey
  }

  prepare(): PreparedGrant {
    checkTarget(this.target)
    const userToken = readUserToken(this.#context, this.#userToken)
    const { endpoint } = this.#context
    const request = onBehalfOfRequest(this.#context, userToken, this.target, this.#context.dpop?.key)
    return {
      revokedWith: userToken.owner === undefined ? [] : [userRevocationName(userToken.owner)],
      key: request.key,
      notAfter: userToken.expiresAt,
      redeem: () => redeem(endpoint, request),
    }
  }
}

/** v1.0 always sends a refresh token. It is thrown away: it would outlive a revocation of the user's token. */
async function redeem(endpoint: TokenEndpoint, request: TokenRequest): Promise<TokenAnswer> {
  const answer = await endpoint.request(request)
  return { ...answer, refreshToken: undefined }
}

/** The request for a token on behalf of a user; with `offline` it also asks for a refresh token. */
export function onBehalfOfRequest(
  context: ClientContext,
  userToken: UserToken,
  target: Target,
  key: DpopKey | undefined,
  offline?: 'offline',
): TokenRequest {
  const { grantType, parameters, obtainParameters } = context.authority.onBehalfOf(userToken.text, offline)
  return {
    tenantId: userToken.tenantId,
    grantType,
    obtainParameters,
    parameters: { ...parameters, ...targetParameters(context, target, offline) },
    requested: requestedToken('obo', target),
    subject: userToken.owner === undefined ? sha256(userToken.text) : userRevocationName(userToken.owner),
    key,
    repeatable: true,
  }
}
