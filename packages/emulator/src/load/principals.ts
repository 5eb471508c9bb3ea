import type { Directory } from '../directory/directory.js'
import { applicationsNamed } from '../directory/lookup.js'
import type { Application, Tenant } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type { ServicePrincipalRegistration, TenantRegistration } from '../registration/types.js'
import { applicationAt } from './references.js'

/** Gives each managed identity of a tenant its service principal. */
export function loadManagedIdentities(
  directory: Directory,
  tenant: Tenant,
  { managedIdentities = [] }: TenantRegistration,
  path: string,
): void {
  for (const [index, identity] of managedIdentities.entries()) {
    const place = `${path}.managedIdentities[${index}]`
    const isSystemAssigned = identity.type === 'systemAssigned'
    if (isSystemAssigned && tenant.managedIdentities.some((other) => other.isSystemAssigned)) {
      throw new RegistrationError(`${place}.type`, 'is already that of another identity of this tenant')
    }
    const [target, ...others] = applicationsNamed(
      directory.applications.values(),
      identity.appId ?? identity.displayName,
    )
    if (target === undefined || others.length > 0) {
      throw new RegistrationError(place, 'has the name of several applications: give it an appId of its own')
    }
    const principal = directory.addServicePrincipal(tenant, target, 'registration')
    const own = { ...principal, id: identity.id?.toLowerCase() ?? principal.id }
    tenant.servicePrincipals.set(target.appId, own)
    tenant.managedIdentities.push({ principal: own, isSystemAssigned })
  }
}

/** Applications of other tenants that the tenant has, and settings for those of its own. */
export function loadServicePrincipals(
  directory: Directory,
  tenant: Tenant,
  { servicePrincipals = [] }: TenantRegistration,
  path: string,
): void {
  for (const [index, principal] of servicePrincipals.entries()) {
    const place = `${path}.servicePrincipals[${index}]`
    const target = applicationAt(directory.applications.values(), principal.appId, `${place}.appId`)
    checkPrincipal(tenant, target, principal, place)
    tenant.servicePrincipals.set(target.appId, {
      id: principal.id?.toLowerCase() ?? directory.addServicePrincipal(tenant, target, 'registration').id,
      origin: 'registration',
      application: target,
      isEnabled: principal.accountEnabled ?? true,
      isAssignmentRequired: principal.appRoleAssignmentRequired ?? false,
      mappedClaims: principal.mappedClaims ?? {},
    })
  }
}

function checkPrincipal(
  tenant: Tenant,
  target: Application,
  { id }: ServicePrincipalRegistration,
  place: string,
): void {
  if (target.homeTenantId !== tenant.id && target.audience === 'AzureADMyOrg') {
    throw new RegistrationError(
      `${place}.appId`,
      'is an application of another tenant that is not multi-tenant',
    )
  }
  if (id?.toLowerCase() === target.appId) {
    throw new RegistrationError(
      `${place}.id`,
      'must not be the appId: a service principal has its own object id',
    )
  }
}
