import type { Directory } from '../directory/directory.js'
import type { Application, Origin, Tenant, Version } from '../directory/types.js'
import type { SignInAudience } from '../registration/types.js'
import { describeUser, type UserDescription } from './users.js'

/** Tenants, users, applications and grants as they are now, with their derived ids and without secrets. */
export interface DirectoryDescription {
  readonly tenants: readonly TenantDescription[]
  readonly applications: readonly ApplicationDescription[]
}

/** One tenant. */
export interface TenantDescription {
  readonly id: string
  readonly displayName: string
  readonly domains: readonly string[]
  readonly users: readonly UserDescription[]
  /** Delegated scopes; without `userId` for everyone. */
  readonly grants: readonly {
    readonly origin: Origin
    readonly clientAppId: string
    readonly resourceAppId: string
    readonly userId?: string
    readonly scopes: readonly string[]
  }[]
  /** Roles of users, groups and service principals, by their object id; without `role` it is access without a role. */
  readonly assignments: readonly {
    readonly origin: Origin
    readonly principalId: string
    readonly resourceAppId: string
    readonly role?: string
  }[]
  /** Applications that are present, with the object id of their service principal. */
  readonly servicePrincipals: readonly {
    readonly id: string
    readonly origin: Origin
    readonly appId: string
    readonly isEnabled: boolean
    readonly isAssignmentRequired: boolean
  }[]
}

/** One application. */
export interface ApplicationDescription {
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
  readonly signInAudience: SignInAudience
  readonly identifierUris: readonly string[]
  /** Of its access tokens as an API. */
  readonly tokenVersion: Version
  readonly scopes: readonly {
    readonly value: string
    readonly isEnabled: boolean
    readonly adminOnly: boolean
  }[]
  readonly roles: readonly {
    readonly value: string
    readonly isEnabled: boolean
    readonly forUsers: boolean
    readonly forApplications: boolean
  }[]
  /** What its registration lists of other APIs. */
  readonly requiredAccess: readonly {
    readonly resourceAppId: string
    readonly scopes: readonly string[]
    readonly roles: readonly string[]
  }[]
}

export function describeDirectory({ tenants, applications }: Directory): DirectoryDescription {
  return {
    tenants: [...tenants.values()].map(describeTenant),
    applications: [...applications.values()].map(describeApplication),
  }
}

function describeTenant(tenant: Tenant): TenantDescription {
  const { id, displayName, domains } = tenant
  return {
    id,
    displayName,
    domains,
    users: [...tenant.users.values()].map(describeUser),
    grants: tenant.grants.map(({ userId, scopes, ...grant }) => ({
      ...grant,
      ...(userId === undefined ? {} : { userId }),
      scopes: [...scopes],
    })),
    assignments: tenant.assignments.map(({ role, ...assignment }) => ({
      ...assignment,
      ...(role === undefined ? {} : { role }),
    })),
    servicePrincipals: [...tenant.servicePrincipals.values()].map((principal) => ({
      id: principal.id,
      origin: principal.origin,
      appId: principal.application.appId,
      isEnabled: principal.isEnabled,
      isAssignmentRequired: principal.isAssignmentRequired,
    })),
  }
}

function describeApplication(application: Application): ApplicationDescription {
  const { appId, displayName, homeTenantId, audience, identifierUris, tokenVersion } = application
  return {
    appId,
    displayName,
    homeTenantId,
    signInAudience: audience,
    identifierUris,
    tokenVersion,
    scopes: application.scopes.map(({ value, isEnabled, adminOnly }) => ({ value, isEnabled, adminOnly })),
    roles: application.roles.map(({ value, isEnabled, forUsers, forApplications }) => ({
      value,
      isEnabled,
      forUsers,
      forApplications,
    })),
    requiredAccess: application.requiredAccess,
  }
}
