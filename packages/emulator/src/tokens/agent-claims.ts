import type { Application, Tenant, User } from '../directory/types.js'
import type { Claims } from './claims.js'

/*
 * What tokens say of agents. Numbers are facets: 11 is an agent identity, 13 the user account of an agent. The rest
 * stands there as in a decoded token of 2025-10-20; only these two are documented
 * (https://learn.microsoft.com/entra/agent-id/identity-platform/agent-token-claims).
 */

/** By claim name. Nothing, if the client is no agent. */
export function agentClaims(tenant: Tenant, client: Application, user: User | undefined): Claims {
  const agent = tenant.agentIdentities.get(client.appId)
  if (agent === undefined) return {}
  return {
    xms_act_fct: '1 9 11',
    xms_par_app_azp: agent.blueprint.appId,
    ...(user === undefined ? { xms_sub_fct: '11 1 9' } : {}),
    ...(user?.agentId === undefined ? {} : { xms_sub_fct: '1 13' }),
  }
}

/** The subject of the token by which a blueprint vouches for an agent: the GUIDs in the byte order of .NET. */
export function agentSubject(tenant: Tenant, blueprint: Application, path: string): string {
  return `/eid1/c/pub/t/${encodedGuid(tenant.id)}/a/${encodedGuid(blueprint.appId)}/${path}`
}

function encodedGuid(guid: string): string {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return Buffer.concat([
    bytes.subarray(0, 4).reverse(),
    bytes.subarray(4, 6).reverse(),
    bytes.subarray(6, 8).reverse(),
    bytes.subarray(8),
  ]).toString('base64url')
}
