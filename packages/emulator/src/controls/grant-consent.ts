import { checkNames, checkObject, wrongValue } from '../base/options.js'
import { findParties } from '../directory/find.js'
import type { Application } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/** The options of `grantConsent`: which client gets which permissions of which API. */
export interface GrantConsentOptions {
  /** The client, by appId, displayName or identifier URI. */
  readonly client: string
  /** The API, named the same ways. */
  readonly resource: string
  /** The user who consents, by userPrincipalName or id. Default: an administrator consents for everyone. */
  readonly user?: string | undefined
  /** Delegated scopes by value. Default: those that the client's registration lists for the API. */
  readonly scopes?: readonly string[] | undefined
  /**
   * Roles by value, for the client as itself. Default: without a user, those that the client's registration lists for the
   * API; with a user, none.
   */
  readonly roles?: readonly string[] | undefined
  /** By id or domain. Default: the user's, else the client's home. */
  readonly tenant?: string | undefined
}

const names = [
  'client',
  'resource',
  'user',
  'scopes',
  'roles',
  'tenant',
] as const satisfies readonly (keyof GrantConsentOptions)[]

/** Grants as a consent page does, without asking; throws a TypeError for what the API does not offer. */
export function grantConsent(service: Service, options: GrantConsentOptions): void {
  const what = 'grantConsent'
  checkObject(what, options)
  checkNames(what, options, names)
  const { directory } = service
  const { client, resource, user, tenant } = findParties(directory, options, what)
  const listed = client.requiredAccess.filter(({ resourceAppId }) => resourceAppId === resource.appId)
  const scopes = options.scopes ?? listed.flatMap((access) => access.scopes)
  const roles = options.roles ?? (user === undefined ? listed.flatMap((access) => access.roles) : [])
  checkOffered(
    'scopes',
    scopes,
    resource.scopes.filter(({ isEnabled }) => isEnabled),
  )
  checkOffered(
    'roles',
    roles,
    resource.roles.filter((role) => role.isEnabled && role.forApplications),
  )
  if (user !== undefined && roles.length > 0) throw wrongValue(what, 'roles', 'absent for a user')
  if (scopes.length + roles.length === 0) {
    throw new TypeError(`${what}: name "scopes" or "roles": the client's registration lists none of this API`)
  }
  if ([client, resource].some((each) => isOfAnotherTenant(each, tenant.id))) {
    throw new TypeError(`${what}: an application of another tenant must be multi-tenant`)
  }
  const principal = directory.addServicePrincipal(tenant, client)
  directory.addServicePrincipal(tenant, resource)
  if (scopes.length > 0) directory.addGrant(tenant, { client, resource, userId: user?.id, scopes })
  for (const role of roles) {
    directory.addAssignment(tenant, { principalId: principal.id, resourceAppId: resource.appId, role })
  }
  void service.changed()
}

function checkOffered(
  option: 'scopes' | 'roles',
  values: readonly string[],
  offered: readonly { readonly value: string }[],
): void {
  if (!Array.isArray(values) || !values.every((value) => offered.some((each) => each.value === value))) {
    throw wrongValue('grantConsent', option, `a list of ${option} that the API offers and that are enabled`)
  }
}

/** Microsoft Graph and its like are in every tenant already. */
function isOfAnotherTenant({ homeTenantId, audience }: Application, tenantId: string): boolean {
  return homeTenantId !== tenantId && audience === 'AzureADMyOrg'
}
