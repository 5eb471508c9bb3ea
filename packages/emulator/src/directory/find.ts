import type { Application, Directory, ServicePrincipal, Tenant, User } from './directory.js'

/*
 * What a developer's own code names, in whichever way it is known. Each throws a TypeError for names nobody has; `what`
 * is the function that was called.
 */

export function findApplication(
  directory: Directory,
  reference: string,
  what: string,
  option: string,
): Application {
  const applications = [...directory.applications.values()]
  const found =
    directory.applications.get(String(reference).toLowerCase()) ??
    applications.find(({ identifierUris }) => identifierUris.includes(reference)) ??
    applications.find(({ displayName }) => displayName === reference)
  if (found === undefined) {
    throw new TypeError(`${what}: ${option}: expected an application of the registration`)
  }
  return found
}

export function findUser(directory: Directory, reference: string, what: string): User {
  const name = String(reference).toLowerCase()
  const user = [...directory.tenants.values()]
    .flatMap(({ users }) => [...users.values()])
    .find(({ id, userPrincipalName }) => id === name || userPrincipalName.toLowerCase() === name)
  if (user === undefined) throw new TypeError(`${what}: user: expected a user of the registration`)
  return user
}

export function findTenant(directory: Directory, reference: string, what: string): Tenant {
  const name = String(reference).toLowerCase()
  const tenant = [...directory.tenants.values()].find(
    ({ id, domains }) => id === name || domains.includes(name),
  )
  if (tenant === undefined) throw new TypeError(`${what}: tenant: expected a tenant of the registration`)
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
    throw new TypeError(`${what}: ${option}: has no service principal in the tenant`)
  }
  return principal
}
