import { deriveId } from '../base/guid.js'
import type { Directory } from '../directory/directory.js'
import { isSameName, userNamed } from '../directory/lookup.js'
import type { ServicePrincipal, Tenant } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type {
  AppRoleAssignmentRegistration,
  GroupRegistration,
  PermissionGrantRegistration,
  TenantRegistration,
} from '../registration/types.js'
import { applicationAt, userAt, valueAt } from './references.js'

const accessWithoutRole = '00000000-0000-0000-0000-000000000000'

/** Fills a tenant with the delegated scopes it has consented to and the roles it has assigned. */
export function loadConsents(
  directory: Directory,
  tenant: Tenant,
  { oauth2PermissionGrants = [], appRoleAssignments = [], groups = [] }: TenantRegistration,
  path: string,
): void {
  for (const [index, grant] of oauth2PermissionGrants.entries()) {
    loadGrant(directory, tenant, grant, `${path}.oauth2PermissionGrants[${index}]`)
  }
  for (const [index, assignment] of appRoleAssignments.entries()) {
    loadAssignment(directory, tenant, assignment, groups, `${path}.appRoleAssignments[${index}]`)
  }
}

function loadGrant(
  directory: Directory,
  tenant: Tenant,
  grant: PermissionGrantRegistration,
  place: string,
): void {
  const { application: resource } = principalAt(directory, tenant, grant.resourceId, `${place}.resourceId`)
  const scopes = grant.scope.split(' ').filter((scope) => scope !== '')
  for (const scope of scopes) valueAt(scope, resource.scopes, `${place}.scope`)
  const { principalId } = grant
  if ((grant.consentType === 'Principal') !== (principalId !== undefined)) {
    throw new RegistrationError(
      `${place}.principalId`,
      'belongs to the consentType Principal, and only to it',
    )
  }
  const user = principalId === undefined ? undefined : userAt(tenant, principalId, `${place}.principalId`)
  const client = principalAt(directory, tenant, grant.clientId, `${place}.clientId`).application
  directory.addGrant(tenant, { client, resource, userId: user?.id, scopes }, 'registration')
}

function loadAssignment(
  directory: Directory,
  tenant: Tenant,
  { principalId, resourceId, appRoleId }: AppRoleAssignmentRegistration,
  groups: readonly GroupRegistration[],
  place: string,
): void {
  const { application: resource } = principalAt(directory, tenant, resourceId, `${place}.resourceId`)
  const group = groups.find(({ id, displayName }) => isSameName(principalId, id, displayName))
  const groupId = group && (group.id?.toLowerCase() ?? deriveId('group', tenant.id, group.displayName))
  const personal = userNamed(tenant.users.values(), principalId)?.id ?? groupId
  const roles = resource.roles.filter((role) =>
    personal === undefined ? role.forApplications : role.forUsers,
  )
  directory.addAssignment(
    tenant,
    {
      principalId: personal ?? principalAt(directory, tenant, principalId, `${place}.principalId`).id,
      resourceAppId: resource.appId,
      role: appRoleId === accessWithoutRole ? undefined : valueAt(appRoleId, roles, `${place}.appRoleId`),
    },
    'registration',
  )
}

/** A service principal of the tenant, by its object id or its application. */
function principalAt(
  { applications }: Directory,
  { servicePrincipals }: Tenant,
  reference: string,
  path: string,
): ServicePrincipal {
  const principal =
    [...servicePrincipals.values()].find(({ id }) => id === reference.toLowerCase()) ??
    servicePrincipals.get(applicationAt(applications.values(), reference, path).appId)
  if (principal === undefined) throw new RegistrationError(path, 'has no service principal in this tenant')
  return principal
}
