import { checkTarget, checkTargetNames, type RequestedTarget, type Target } from '../base/target.js'
import { requestedToken } from '../observers/reporter.js'
import { keysOf } from './cache-key.js'
import { type ClientContext, targetParameters } from './client-context.js'
import type { PreparedGrant, TokenGrant } from './grant.js'

/** A token for the application itself (RFC 6749 section 4.4). */
export class ClientCredentialsGrant implements TokenGrant {
  readonly name = 'app'
  readonly target: Target
  readonly requestKey: string
  readonly cacheKey: string
  readonly #context: ClientContext
  readonly #tenantId: string | undefined

  constructor(context: ClientContext, target: RequestedTarget & { readonly tenantId?: string | undefined }) {
    checkTargetNames(target, true)
    this.#context = context
    this.target = target
    this.#tenantId = target.tenantId
    const keys = keysOf({
      client: context.identity,
      grant: 'app',
      tenantId: target.tenantId,
      subject: undefined,
      target,
    })
    this.requestKey = keys.requestKey
    this.cacheKey = keys.cacheKey
  }

  prepare(): PreparedGrant {
    checkTarget(this.target, true)
    const { authority, endpoint, dpop } = this.#context
    const request = {
      tenantId: authority.applicationTenant(this.#tenantId),
      grantType: 'client_credentials',
      parameters: targetParameters(this.#context, this.target),
      requested: requestedToken('app', this.target),
      subject: undefined,
      key: dpop?.key,
      repeatable: true,
    } as const
    return { revokedWith: [], key: dpop?.key, notAfter: Infinity, redeem: () => endpoint.request(request) }
  }
}
