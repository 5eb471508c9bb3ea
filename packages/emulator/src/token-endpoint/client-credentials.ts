import { EntraError } from '../base/errors.js'
import { readClaims } from '../base/parameters.js'
import { checkWorkloadPolicies } from '../directory/conditional-access.js'
import { signInScopes } from '../directory/graph.js'
import { checkSameResource } from '../directory/scope-request.js'
import type { ServicePrincipal, Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { applicationClaims, issueAccessToken } from '../tokens/access-token.js'
import { mappedClaimsOf } from '../tokens/mapped-claims.js'
import { vouchingClaims } from './agent-assertion.js'
import { type TokenAnswer, tokenAnswer } from './answer.js'
import { authenticateConfidentialClient } from './client-authentication.js'
import type { TokenRequest } from './request.js'

/**
 * A token for the application itself. Without any role granted it is issued all the same, without `roles`: only an API
 * that demands assignment stops it.
 */
export async function clientCredentials(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { directory } = service
  const tenant = directory.readTenant(request.segment)
  const client = await authenticateConfidentialClient(service, request, tenant, 7000216)
  const { identifier, resource } = readTarget(service, request, tenant)
  const isAssigned = directory.isAssigned(tenant, [client.principal.id], resource.application)
  if (resource.isAssignmentRequired && !isAssigned) {
    throw new EntraError(501051, {
      client: client.application.appId,
      application: resource.application.appId,
    })
  }
  checkWorkloadPolicies(tenant, request.version, client.application, resource.application)
  const token = {
    tenant,
    client,
    resource: resource.application,
    identifier,
    principal: client.principal,
    roles: directory.applicationRoles(tenant, client.principal, resource.application),
    claims: readClaims(request.form.get('claims')),
    mappedClaims: mappedClaimsOf(service, tenant, resource, identifier),
  }
  const issued = await issueAccessToken(service, token, {
    ...applicationClaims(service, token),
    ...vouchingClaims(request, tenant, client.application, resource.application),
  })
  return tokenAnswer(request.version, { issued, identifier })
}

/** One API: named by `resource` on v1.0, by its identifier and `/.default` on v2.0. */
function readTarget(
  { directory }: Service,
  { version, form }: TokenRequest,
  tenant: Tenant,
): { identifier: string; resource: ServicePrincipal } {
  if (version === '1.0') {
    const identifier = form.require('resource')
    return { identifier, resource: directory.resourceIn(tenant, identifier) }
  }
  const words = form
    .require('scope', 90014)
    .split(' ')
    .filter((word) => word !== '')
  const suffix = '/.default'
  const other = words.find((word) => !word.endsWith(suffix) || signInScopes.has(word))
  if (other !== undefined) throw new EntraError(1002012, { scope: other })
  const [identifier, ...more] = new Set(words.map((word) => word.slice(0, -suffix.length)))
  if (identifier === undefined) throw new EntraError(90014, { parameter: 'scope' })
  if (more.length > 0) throw new EntraError(700022)
  const resource = directory.resourceIn(tenant, identifier)
  checkSameResource(directory, tenant, form.get('resource'), [resource])
  return { identifier, resource }
}
