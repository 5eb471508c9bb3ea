import type { KeyObject } from 'node:crypto'
import { EntraError } from '../base/errors.js'
import type { ApplicationRegistration, SignInAudience } from '../registration/types.js'

/*
 * The live state of one emulator: what the registration said, plus what consent has added since. The readers of the
 * registration fill it; endpoints and grants ask it.
 */

export type Version = '1.0' | '2.0'

/** The platform a redirect URI is registered for decides how its client must redeem. */
export type Platform = 'web' | 'spa' | 'publicClient'

export interface Scope {
  readonly id: string
  readonly value: string
  readonly adminOnly: boolean
  readonly isEnabled: boolean
  readonly title: string
  readonly description: string
}

export interface Role {
  readonly id: string
  readonly value: string
  readonly title: string
  readonly forUsers: boolean
  readonly forApplications: boolean
  readonly isEnabled: boolean
}

/** A time span in seconds since the epoch; an open end is infinite. */
export interface Period {
  readonly from: number
  readonly until: number
}

/** Whether a time lies in a span: its first second does, its last no longer. */
export function isWithin({ from, until }: Period, time: number): boolean {
  return from <= time && time < until
}

/** SHA-256 of the secret: the text itself is not kept. */
export interface Secret extends Period {
  readonly digest: Buffer
}

export interface Certificate extends Period {
  /** base64url(SHA-1(DER)) and base64url(SHA-256(DER)), as `x5t` and `x5t#S256` name it. */
  readonly sha1: string
  readonly sha256: string
  readonly publicKey: KeyObject
}

export interface RequiredAccess {
  readonly resourceAppId: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

/** A workload elsewhere whose tokens stand for this application's credential. */
export interface FederatedCredential {
  readonly issuer: string
  /** The exact subject, or an expression over the claims. */
  readonly subject: string | ((claims: Readonly<Record<string, unknown>>) => boolean)
  readonly audiences: readonly string[]
}

export interface Claim {
  readonly name: string
  readonly properties: readonly string[]
}

export interface Application {
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
  readonly audience: SignInAudience
  readonly identifierUris: readonly string[]
  readonly redirectUris: Readonly<Record<Platform, readonly string[]>>
  readonly isFallbackPublicClient: boolean
  readonly secrets: readonly Secret[]
  readonly certificates: readonly Certificate[]
  readonly federatedCredentials: readonly FederatedCredential[]
  /** Told when its user signs out elsewhere. */
  readonly logoutUrl: string | undefined
  /** May the authorize endpoint itself give out id tokens? */
  readonly issuesIdTokenAtSignIn: boolean
  readonly requiredAccess: readonly RequiredAccess[]
  readonly scopes: readonly Scope[]
  readonly roles: readonly Role[]
  readonly optionalClaims: { readonly accessToken: readonly Claim[]; readonly idToken: readonly Claim[] }
  readonly issuesGroups: boolean
  readonly issuesDirectoryRoles: boolean
  /** May claims be mapped without a signing key of its own? */
  readonly acceptsMappedClaims: boolean
  /** Of the access tokens issued for this application as an API. */
  readonly tokenVersion: Version
  /** Client appId → scope values it has without anybody's consent. */
  readonly preAuthorized: ReadonlyMap<string, ReadonlySet<string>>
  readonly knownClients: ReadonlySet<string>
  /** As it was registered, WITH ITS SECRETS: shown by `hideApplicationSecrets` alone. */
  readonly registration: ApplicationRegistration
}

export interface User {
  readonly id: string
  readonly tenantId: string
  readonly userPrincipalName: string
  readonly displayName: string
  readonly givenName: string | undefined
  readonly surname: string | undefined
  readonly mail: string | undefined
  readonly isEnabled: boolean
  readonly isGuest: boolean
  /** A guest's account at home, if the registration says which it is. */
  readonly home: { readonly tenantId: string; readonly userId: string } | undefined
  readonly isAdmin: boolean
  /** Template ids of directory roles. */
  readonly directoryRoleIds: readonly string[]
  /** Sign-ins before that no longer count, seconds since the epoch. */
  readonly sessionsValidFrom: number
  readonly groupIds: readonly string[]
}

/** An application's presence in one tenant. Its object id is never the application's id. */
export interface ServicePrincipal {
  readonly id: string
  readonly application: Application
  readonly isEnabled: boolean
  readonly isAssignmentRequired: boolean
  /** Claims that a policy maps into this API's tokens, with their values. */
  readonly mappedClaims: Readonly<Record<string, unknown>>
}

/** What a Conditional Access policy demands of a sign-in. */
export type Demand =
  | 'mfa'
  | 'mfaEnrolment'
  | 'deviceAuthentication'
  | 'otherCondition'
  | 'externalControl'
  | 'compliantDevice'
  | 'joinedDevice'
  | 'block'

export interface ConditionalAccessPolicy {
  readonly id: string
  readonly displayName: string
  /** For users at clients, or for applications that act as themselves. */
  readonly kind: 'user' | 'workload'
  readonly users: ReadonlySet<string> | 'all'
  readonly clients: ReadonlySet<string> | 'all'
  readonly resources: ReadonlySet<string> | 'all'
  readonly demand: Demand
}

/** A resource's own identity: a service principal without credentials, for code that runs on it. */
export interface ManagedIdentity {
  readonly principal: ServicePrincipal
  readonly isSystemAssigned: boolean
}

/** Consent to delegated scopes, by one user or (without `userId`) for all. */
export interface PermissionGrant {
  readonly clientAppId: string
  readonly resourceAppId: string
  readonly userId: string | undefined
  readonly scopes: Set<string>
}

export interface RoleAssignment {
  /** Object id of a user, group or service principal. */
  readonly principalId: string
  readonly resourceAppId: string
  /** The role's value; undefined is access without a role. */
  readonly role: string | undefined
}

export interface Tenant {
  readonly id: string
  readonly displayName: string
  readonly domains: readonly string[]
  readonly usersMayConsent: boolean
  readonly users: Map<string, User>
  readonly policies: ConditionalAccessPolicy[]
  /** `c1` and the like. */
  readonly authenticationContexts: readonly string[]
  /** The longest a sign-in may be refreshed, if a policy limits it. */
  readonly signInFrequencySeconds: number | undefined
  readonly managedIdentities: ManagedIdentity[]
  /** By appId. */
  readonly servicePrincipals: Map<string, ServicePrincipal>
  readonly grants: PermissionGrant[]
  readonly assignments: RoleAssignment[]
}

/** The tenant segment of an address: one tenant, or a class of them. */
export type Authority =
  | { readonly kind: 'tenant'; readonly segment: string; readonly tenant: Tenant }
  | { readonly kind: 'common' | 'organizations'; readonly segment: string }

/** Where personal accounts live. */
export const consumersTenantId = '9188040d-6c67-4c5b-b112-36a304b66dad'
export const guidPattern: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const dnsNamePattern = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i

export class Directory {
  /** By id. */
  readonly tenants: ReadonlyMap<string, Tenant>
  /** By appId. */
  readonly applications: ReadonlyMap<string, Application>
  readonly #createServicePrincipalId: (tenantId: string, appId: string) => string

  constructor(
    tenants: ReadonlyMap<string, Tenant>,
    applications: ReadonlyMap<string, Application>,
    createServicePrincipalId: (tenantId: string, appId: string) => string,
  ) {
    this.tenants = tenants
    this.applications = applications
    this.#createServicePrincipalId = createServicePrincipalId
  }

  /** The authority a path segment names. Refuses unknown ones as Entra does: AADSTS90002 or AADSTS900023. */
  readAuthority(segment: string): Authority {
    const name = segment.toLowerCase()
    if (name === 'common' || name === 'organizations') return { kind: name, segment: name }
    const id = name === 'consumers' ? consumersTenantId : name
    const tenant =
      this.tenants.get(id) ?? [...this.tenants.values()].find(({ domains }) => domains.includes(name))
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
    // Where no tenant is named, everybody signs in at home.
    return tenants.flatMap(({ users }) => [...users.values()]).filter(({ home }) => home === undefined)
  }

  /** Changes what is known of a user. */
  updateUser(user: User, changes: Partial<Pick<User, 'isEnabled' | 'sessionsValidFrom'>>): void {
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
    if (!guidPattern.test(clientId) || /^[0-]+$/.test(clientId))
      throw new EntraError(700038, { client: clientId })
    throw new EntraError(700016, { client: clientId, tenant: directoryName })
  }

  /** The client's presence in a tenant; without one it does not exist there. */
  clientIn(tenant: Tenant, application: Application): ServicePrincipal {
    const principal = tenant.servicePrincipals.get(application.appId)
    if (principal?.isEnabled) return principal
    throw new EntraError(700016, { client: application.appId, tenant: tenant.displayName })
  }

  /** The API that an identifier names in a tenant: one of its identifier URIs, or its appId. */
  resourceIn(tenant: Tenant, identifier: string): ServicePrincipal {
    const principal =
      tenant.servicePrincipals.get(identifier.toLowerCase()) ??
      [...tenant.servicePrincipals.values()].find(({ application }) =>
        application.identifierUris.includes(identifier),
      )
    if (principal?.isEnabled) return principal
    throw new EntraError(500011, { resource: identifier, tenant: tenant.displayName })
  }

  /** Delegated scopes of an API that a client has for a user: by consent of the user, of an administrator, or by the API itself. */
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
  addServicePrincipal(tenant: Tenant, application: Application): ServicePrincipal {
    const known = tenant.servicePrincipals.get(application.appId)
    if (known !== undefined) return known
    const principal: ServicePrincipal = {
      id: this.#createServicePrincipalId(tenant.id, application.appId),
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
  ): void {
    const { client, resource, userId } = grant
    const known = tenant.grants.find(
      (other) =>
        other.clientAppId === client.appId &&
        other.resourceAppId === resource.appId &&
        other.userId === userId,
    )
    if (known !== undefined) for (const scope of grant.scopes) known.scopes.add(scope)
    else {
      tenant.grants.push({
        clientAppId: client.appId,
        resourceAppId: resource.appId,
        userId,
        scopes: new Set(grant.scopes),
      })
    }
  }

  /** Takes delegated scopes back: of one user, or (without `userId`) what was granted for all. False if there are none. */
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

  addAssignment(tenant: Tenant, assignment: RoleAssignment): void {
    const isKnown = tenant.assignments.some(
      ({ principalId, resourceAppId, role }) =>
        principalId === assignment.principalId &&
        resourceAppId === assignment.resourceAppId &&
        role === assignment.role,
    )
    if (!isKnown) tenant.assignments.push(assignment)
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
