import type { Directory } from './directory.js'
import { applicationsNamed, tenantOfDomain, userNamed } from './lookup.js'
import type { Application, ServicePrincipal, Tenant, User } from './types.js'

/*
 * What an option of a function names. Each throws a TypeError for a name that the registration does not have; `what` is
 * the function that was called.
 */

/** By appId, identifier URI or displayName, in this order. */
export function findApplication(
  directory: Directory,
  reference: string,
  what: string,
  option: string,
): Application {
  const applications = [...directory.applications.values()]
  const name = String(reference)
  const found =
    directory.applications.get(name.toLowerCase()) ??
    applications.find(({ identifierUris }) => identifierUris.includes(name)) ??
    applicationsNamed(applications, name)[0]
  if (found === undefined) {
    throw new TypeError(`${what}: "${option}" must be an application of the registration`)
  }
  return found
}

/** By id or userPrincipalName. */
export function findUser(directory: Directory, reference: string, what: string): User {
  const users = [...directory.tenants.values()].flatMap((tenant) => [...tenant.users.values()])
  const user = userNamed(users, String(reference))
  if (user === undefined) throw new TypeError(`${what}: "user" must be a user of the registration`)
  return user
}

/** By id or domain. */
export function findTenant(directory: Directory, reference: string, what: string): Tenant {
  const name = String(reference).toLowerCase()
  const tenant = directory.tenants.get(name) ?? tenantOfDomain(directory.tenants, name)
  if (tenant === undefined) throw new TypeError(`${what}: "tenant" must be a tenant of the registration`)
  return tenant
}

export function findPrincipal(
  tenant: Tenant,
  application: Application,
  what: string,
  option: string,
): ServicePrincipal {
  const principal = tenant.servicePrincipals.get(application.appId)
  if (principal === undefined) {
    throw new TypeError(`${what}: "${option}" must have a service principal in the tenant`)
  }
  return principal
}

/** A client, an API, and maybe a user, as options name them; the tenant is the user's, else the client's home. */
export function findParties(
  directory: Directory,
  options: {
    readonly client: string
    readonly resource: string
    readonly user?: string | undefined
    readonly tenant?: string | undefined
  },
  what: string,
): { client: Application; resource: Application; user: User | undefined; tenant: Tenant } {
  const client = findApplication(directory, options.client, what, 'client')
  const resource = findApplication(directory, options.resource, what, 'resource')
  const user = options.user === undefined ? undefined : findUser(directory, options.user, what)
  const tenant = findTenant(directory, options.tenant ?? user?.tenantId ?? client.homeTenantId, what)
  return { client, resource, user, tenant }
}
