import { EntraError, printedTime } from '../base/errors.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import type { AgentIdentity, Application, Tenant } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'
import { agentSubject } from '../tokens/agent-claims.js'
import type { Claims } from '../tokens/claims.js'
import type { TokenRequest } from './request.js'

/*
 * Agents at the token endpoint (https://learn.microsoft.com/entra/agent-id/identity-platform/agent-oauth-protocols). A
 * blueprint asks for a token that vouches for an agent (`fmi_path`). The agent presents it as its credential: to act as
 * itself, on behalf of a person who called the blueprint, or as its own user account (`user_fic`).
 */

/** What `fmi_path` changes in the token that a blueprint asks for: its subject is the agent. Nothing without it. */
export function vouchingClaims(
  { form, version }: TokenRequest,
  tenant: Tenant,
  client: Application,
  resource: Application,
): Claims {
  const path = form.get('fmi_path')
  if (path === undefined && !form.isSent('fmi_path')) return {}
  const isBlueprint = client.registration['@odata.type'] === '#microsoft.graph.agentIdentityBlueprint'
  const isAllowed = version === '2.0' && isBlueprint && resource.appId === tokenExchangeAppId
  if (!isAllowed || path === undefined || !/^[\w.~/-]{1,200}$/.test(path)) throw new EntraError(9002313)
  return {
    idtyp: 'app',
    sub: agentSubject(tenant, client, path),
    xms_act_fct: '9 1',
    xms_sub_fct: '1 9',
  }
}

/** Accepts the token by which the blueprint of an agent vouches for it, in place of a credential. */
export async function checkAgentAssertion(
  service: Service,
  tenant: Tenant,
  { application, blueprint }: AgentIdentity,
  assertion: string,
): Promise<void> {
  const claims = await exchangeClaims(service, tenant, assertion)
  const subject = agentSubject(tenant, blueprint, application.appId)
  const isVouched = claims['sub'] === subject && claims['azp'] === blueprint.appId
  if (!isVouched) throw new EntraError(700213, { value: String(claims['sub']) })
}

/** The claims of a valid token for exchange that this service issued in the same tenant. */
export async function exchangeClaims(service: Service, tenant: Tenant, text: string): Promise<Claims> {
  const { verifiedClaims } = await import('../tokens/own-token.js')
  let claims: Claims
  try {
    claims = { ...(await verifiedClaims(service, text)) }
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    throw new EntraError(700027, { reason: 'The signature of the federated token could not be verified.' })
  }
  const issuer = issuerOf(service, tenant.id, '2.0')
  if (claims['iss'] !== issuer) throw new EntraError(700211, { value: String(claims['iss']) })
  if (claims['aud'] !== tokenExchangeAppId) throw new EntraError(700212, { value: String(claims['aud']) })
  const [now, nbf, exp] = [service.clock.now(), Number(claims['nbf']), Number(claims['exp'])]
  if (!(nbf <= now && now < exp)) {
    throw new EntraError(700024, { now: printedTime(now), from: printedTime(nbf), expiry: printedTime(exp) })
  }
  return claims
}
