import { EntraError } from '../base/errors.js'
import { guidPattern } from '../base/guid.js'
import type { ServicePrincipal, Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/**
 * What a claims mapping policy adds to an API's tokens. Such tokens need a key of the API's own (AADSTS50146), or
 * `acceptMappedClaims` and an audience that no other tenant can choose (AADSTS501461).
 */
export function mappedClaimsOf(
  { keys }: Service,
  tenant: Tenant,
  { application, mappedClaims }: ServicePrincipal,
  identifier: string,
): Readonly<Record<string, unknown>> {
  if (Object.keys(mappedClaims).length === 0 || keys.hasOwnKey(application.appId)) return mappedClaims
  if (!application.acceptsMappedClaims) throw new EntraError(50146)
  if (!guidPattern.test(identifier) && !isUnderDomain(tenant, identifier)) throw new EntraError(501461)
  return mappedClaims
}

function isUnderDomain({ domains }: Tenant, identifier: string): boolean {
  if (!URL.canParse(identifier)) return false
  const { hostname } = new URL(identifier)
  return domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`))
}
