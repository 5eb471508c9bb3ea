import { EntraError } from '../base/errors.js'
import { deriveId, guidPattern } from '../base/guid.js'
import { tenantOfDomain } from './lookup.js'
import type {
  Application,
  Authority,
  Origin,
  Role,
  RoleAssignment,
  ServicePrincipal,
  Tenant,
  User,
} from './types.js'

/*
 * The live state of one emulator: the content of the registration, plus what consent has added since. `loadDirectory`
 * fills it; endpoints and grants read it.
 */

/** The tenant of personal accounts. */
export const consumersTenantId = '9188040d-6c67-4c5b-b112-36a304b66dad'
const dnsNamePattern =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

export class Directory {
  /** By id. */
  readonly tenants: ReadonlyMap<string, Tenant>
  /** By appId. */
  readonly applications: ReadonlyMap<string, Application>

  constructor(tenants: ReadonlyMap<string, Tenant>, applications: ReadonlyMap<string, Application>) {
    this.tenants = tenants
    this.applications = applications
  }

  /** The authority a path segment names. Refuses unknown ones as Entra does: AADSTS90002 or AADSTS900023. */
  readAuthority(segment: string): Authority {
    const name = segment.toLowerCase()
    if (name === 'common' || name === 'organizations') return { kind: name, segment: name }
    const id = name === 'consumers' ? consumersTenantId : name
    const tenant = this.tenants.get(id) ?? tenantOfDomain(this.tenants, name)
    if (tenant !== undefined) return { kind: 'tenant', segment, tenant }
    const isName = name === 'consumers' || guidPattern.test(name) || dnsNamePattern.test(name)
    throw new EntraError(isName ? 90002 : 900023, { tenant: segment })
  }

  /** The tenant of an authority that must name one. */
  readTenant(segment: string): Tenant {
    const authority = this.readAuthority(segment)
    if (authority.kind !== 'tenant') throw new EntraError(50059)
    return authority.tenant
  }

  /** The users who may sign in under an authority. */
  usersOf(authority: Authority): User[] {
    if (authority.kind === 'tenant') return [...authority.tenant.users.values()]
    const tenants = [...this.tenants.values()].filter(
      ({ id }) => authority.kind === 'common' || id !== consumersTenantId,
    )
    // Where no tenant is named, users sign in to their home tenant.
    return tenants.flatMap(({ users }) => [...users.values()]).filter(({ home }) => home === undefined)
  }

  /** Changes what is known of a user. */
  updateUser(
    user: User,
    changes: Partial<Pick<User, 'isEnabled' | 'isDisabledByControl' | 'sessionsValidFrom'>>,
  ): void {
    this.tenant(user.tenantId).users.set(user.id, { ...user, ...changes })
  }

  tenant(id: string): Tenant {
    const tenant = this.tenants.get(id)
    if (tenant === undefined) throw new EntraError(90002, { tenant: id })
    return tenant
  }

  /** The application with that client id, wherever it is registered. */
  application(clientId: string, directoryName: string): Application {
    const application = this.applications.get(clientId.toLowerCase())
    if (application !== undefined) return application
    if (guidPattern.test(clientId) && /^[0-]+$/.test(clientId)) {
      throw new EntraError(700038, { client: clientId })
    }
    throw new EntraError(700016, { client: clientId, tenant: directoryName })
  }

  /**
   * The client's service principal in a tenant. Without one the client is unknown there: AADSTS700016, or AADSTS7000229
   * for a multi-tenant application that asks for a token for itself. A disabled one is refused with AADSTS7000112.
   */
  clientIn(
    tenant: Tenant,
    application: Application,
    { asItself = false }: { asItself?: boolean } = {},
  ): ServicePrincipal {
    const { appId, displayName, audience } = application
    const principal = tenant.servicePrincipals.get(appId)
    if (principal === undefined && asItself && audience !== 'AzureADMyOrg') {
      throw new EntraError(7000229, { client: appId, tenant: tenant.id })
    }
    if (principal === undefined) throw new EntraError(700016, { client: appId, tenant: tenant.displayName })
    if (!principal.isEnabled) throw new EntraError(7000112, { client: appId, name: displayName })
    return principal
  }

  /**
   * The API that an identifier names in a tenant: one of its identifier URIs, or its appId. One that is not there is
   * refused with AADSTS500011, a disabled one with AADSTS500014.
   */
  resourceIn(tenant: Tenant, identifier: string): ServicePrincipal {
    const principal =
      tenant.servicePrincipals.get(identifier.toLowerCase()) ??
      [...tenant.servicePrincipals.values()].find(({ application }) =>
        application.identifierUris.includes(identifier),
      )
    if (principal === undefined) {
      throw new EntraError(500011, { resource: identifier, tenant: tenant.displayName })
    }
    if (!principal.isEnabled) throw new EntraError(500014, { resource: identifier })
    return principal
  }

  /**
   * Delegated scopes of an API that a client has for a user: by consent of the user, of an administrator, or by the API
   * itself.
   */
  grantedScopes(tenant: Tenant, client: Application, resource: Application, user: User): Set<string> {
    const values = tenant.grants
      .filter(
        ({ clientAppId, resourceAppId }) => clientAppId === client.appId && resourceAppId === resource.appId,
      )
      .filter(({ userId }) => userId === undefined || userId === user.id)
      .flatMap(({ scopes }) => [...scopes])
      .concat([...(resource.preAuthorized.get(client.appId) ?? [])])
    const enabled = new Set(resource.scopes.filter(({ isEnabled }) => isEnabled).map(({ value }) => value))
    return new Set(values.filter((value) => enabled.has(value)))
  }

  /** The application permissions a client has on an API. */
  applicationRoles(tenant: Tenant, client: ServicePrincipal, resource: Application): string[] {
    return this.#roles(tenant, [client.id], resource, ({ forApplications }) => forApplications)
  }

  /** The roles a user has in an application, directly or through a group. */
  userRoles(tenant: Tenant, user: User, application: Application): string[] {
    return this.#roles(tenant, [user.id, ...user.groupIds], application, ({ forUsers }) => forUsers)
  }

  isAssigned(tenant: Tenant, principalIds: readonly string[], resource: Application): boolean {
    return tenant.assignments.some(
      ({ principalId, resourceAppId }) =>
        resourceAppId === resource.appId && principalIds.includes(principalId),
    )
  }

  /** Makes an application known in a tenant, as consent does. */
  addServicePrincipal(
    tenant: Tenant,
    application: Application,
    origin: Origin = 'consent',
  ): ServicePrincipal {
    const known = tenant.servicePrincipals.get(application.appId)
    if (known !== undefined) return known
    const principal: ServicePrincipal = {
      id: deriveId('servicePrincipal', tenant.id, application.appId),
      origin,
      application,
      isEnabled: true,
      isAssignmentRequired: false,
      mappedClaims: {},
    }
    tenant.servicePrincipals.set(application.appId, principal)
    return principal
  }

  /** Records consent to delegated scopes, for one user or for all. */
  addGrant(
    tenant: Tenant,
    grant: {
      client: Application
      resource: Application
      userId?: string | undefined
      scopes: Iterable<string>
    },
    origin: Origin = 'consent',
  ): void {
    const { client, resource, userId } = grant
    const known = tenant.grants.find(
      (other) =>
        other.origin === origin &&
        other.clientAppId === client.appId &&
        other.resourceAppId === resource.appId &&
        other.userId === userId,
    )
    if (known !== undefined) for (const scope of grant.scopes) known.scopes.add(scope)
    else {
      tenant.grants.push({
        origin,
        clientAppId: client.appId,
        resourceAppId: resource.appId,
        userId,
        scopes: new Set(grant.scopes),
      })
    }
  }

  /**
   * Takes delegated scopes back: of one user, or (without `userId`) what was granted for all. False if there are none.
   */
  removeGrant(
    tenant: Tenant,
    clientAppId: string,
    resourceAppId: string,
    userId: string | undefined,
  ): boolean {
    const before = tenant.grants.length
    const kept = tenant.grants.filter(
      (grant) =>
        !(
          grant.clientAppId === clientAppId &&
          grant.resourceAppId === resourceAppId &&
          grant.userId === userId
        ),
    )
    tenant.grants.splice(0, before, ...kept)
    return kept.length < before
  }

  /** Takes roles of an API back from a principal. False if it has none of them. */
  removeRoles(tenant: Tenant, principalId: string, resourceAppId: string, roles: readonly string[]): boolean {
    const before = tenant.assignments.length
    const kept = tenant.assignments.filter(
      (assignment) =>
        !(
          assignment.principalId === principalId &&
          assignment.resourceAppId === resourceAppId &&
          roles.some((role) => role === assignment.role)
        ),
    )
    tenant.assignments.splice(0, before, ...kept)
    return kept.length < before
  }

  addAssignment(
    tenant: Tenant,
    assignment: Omit<RoleAssignment, 'origin'>,
    origin: Origin = 'consent',
  ): void {
    const isKnown = tenant.assignments.some(
      ({ origin: known, principalId, resourceAppId, role }) =>
        known === origin &&
        principalId === assignment.principalId &&
        resourceAppId === assignment.resourceAppId &&
        role === assignment.role,
    )
    if (!isKnown) tenant.assignments.push({ ...assignment, origin })
  }

  #roles(
    tenant: Tenant,
    principalIds: readonly string[],
    resource: Application,
    fits: (role: Role) => boolean,
  ): string[] {
    const assigned = new Set(
      tenant.assignments
        .filter(
          ({ principalId, resourceAppId }) =>
            resourceAppId === resource.appId && principalIds.includes(principalId),
        )
        .map(({ role }) => role),
    )
    return resource.roles
      .filter((role) => role.isEnabled && fits(role) && assigned.has(role.value))
      .map(({ value }) => value)
  }
}
