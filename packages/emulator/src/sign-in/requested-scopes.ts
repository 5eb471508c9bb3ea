import { allRequired } from '../directory/consent.js'
import type { Directory } from '../directory/directory.js'
import { readScopeRequest, type ScopeRequest } from '../directory/scope-request.js'
import type { Application, Tenant, Version } from '../directory/types.js'

/**
 * A tenant as a combined consent would leave it: an API of another tenant that knows the client
 * (`knownClientApplications`) is brought in together with the client. Only `.default` asks for such a consent.
 */
export function withKnownApis(directory: Directory, tenant: Tenant, client: Application): Tenant {
  const known = allRequired(directory, client)
    .map(({ resource }) => resource)
    .filter(({ audience, knownClients }) => audience !== 'AzureADMyOrg' && knownClients.has(client.appId))
  return withApis(tenant, known)
}

/**
 * A tenant as it is, with those APIs present in it. For reading a request only: their service principals have no id.
 */
export function withApis(tenant: Tenant, applications: Iterable<Application>): Tenant {
  const servicePrincipals = new Map(tenant.servicePrincipals)
  for (const application of applications) {
    if (servicePrincipals.has(application.appId)) continue
    servicePrincipals.set(application.appId, {
      id: '',
      origin: 'consent',
      application,
      isEnabled: true,
      isAssignmentRequired: false,
      mappedClaims: {},
    })
  }
  return { ...tenant, servicePrincipals }
}

/** What is asked for at a sign-in page, where consent can still bring an API into the tenant. */
export function readScopeRequestAtSignIn(
  service: { directory: Directory },
  tenant: Tenant,
  client: Application,
  asked: { version: Version; scope: string | undefined; resource: string | undefined },
): ScopeRequest {
  const request = readScopeRequest(service, withKnownApis(service.directory, tenant, client), asked)
  for (const { identifier, resource, scopes } of request.targets) {
    const isPresent = tenant.servicePrincipals.has(resource.application.appId)
    if (!isPresent && scopes !== '.default') service.directory.resourceIn(tenant, identifier)
  }
  return request
}
