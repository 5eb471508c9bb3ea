import { Directory } from '../directory/directory.js'
import { azureApiRegistrations } from '../directory/azure-apis.js'
import { graphAppId } from '../directory/graph.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import type { ApplicationRegistration, Registration, TenantRegistration } from '../registration/types.js'
import { agentsOf, loadAgents } from './agents.js'
import { loadApplications } from './applications.js'
import { loadConsents } from './consents.js'
import { loadPolicies } from './policies.js'
import { loadManagedIdentities, loadServicePrincipals } from './principals.js'
import { loadTenants, tenantIdOf } from './tenants.js'

/**
 * The live directory of a registration that has the right shape. Throws a RegistrationError naming the place where it
 * contradicts itself: a name used twice, or a reference to what is not there.
 */
export function loadDirectory(registration: Registration): Directory {
  const tenants = loadTenants(registration.tenants)
  const applications = loadApplications(
    [
      ...(registration.applications ?? []),
      ...identitiesOf(registration.tenants),
      ...agentsOf(registration.tenants),
      ...azureApiRegistrations(registration.azureApis ?? []),
    ],
    tenants,
  )
  const directory = new Directory(tenants, applications)
  const inEveryTenant = new Set([
    graphAppId,
    tokenExchangeAppId,
    ...azureApiRegistrations(registration.azureApis ?? []).map(({ appId }) => appId),
  ])
  for (const application of applications.values()) {
    const homes = inEveryTenant.has(application.appId)
      ? tenants.values()
      : [directory.tenant(application.homeTenantId)]
    for (const tenant of homes) directory.addServicePrincipal(tenant, application, 'registration')
  }
  for (const [index, tenantRegistration] of registration.tenants.entries()) {
    const tenant = directory.tenant(tenantIdOf(tenantRegistration))
    const path = `tenants[${index}]`
    loadManagedIdentities(directory, tenant, tenantRegistration, path)
    loadServicePrincipals(directory, tenant, tenantRegistration, path)
    loadAgents(directory, tenant, tenantRegistration, path)
    tenant.policies.push(...loadPolicies(directory, tenant, tenantRegistration, path))
    loadConsents(directory, tenant, tenantRegistration, path)
  }
  return directory
}

/** The application of each managed identity, at home in the identity's tenant. */
function identitiesOf(tenants: readonly TenantRegistration[]): ApplicationRegistration[] {
  return tenants.flatMap(({ managedIdentities = [], domains }) =>
    managedIdentities.map(({ displayName, appId }) => ({
      displayName,
      publisherDomain: domains[0] ?? null,
      // Absent rather than undefined: the page shows the members that are there.
      ...(appId === undefined ? {} : { appId }),
    })),
  )
}
