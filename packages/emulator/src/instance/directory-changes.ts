import type { Directory } from '../directory/directory.js'

/** What consent and tests changed since the registration was read. */
export interface DirectoryChanges {
  /** By tenant id. */
  readonly tenants: Readonly<
    Record<
      string,
      {
        /** Applications that are present in the tenant, by appId. */
        readonly servicePrincipals: readonly string[]
        /** Consents to delegated scopes; without `userId` for all users. */
        readonly grants: readonly {
          readonly clientAppId: string
          readonly resourceAppId: string
          readonly userId?: string
          readonly scopes: readonly string[]
        }[]
        /** Assigned roles; without `role` it is access without a role. */
        readonly assignments: readonly {
          readonly principalId: string
          readonly resourceAppId: string
          readonly role?: string
        }[]
        /**
         * By object id. Sign-ins before `sessionsValidFrom` (seconds since the epoch) no longer count; null: all count.
         */
        readonly users: Readonly<
          Record<string, { readonly isEnabled: boolean; readonly sessionsValidFrom: number | null }>
        >
      }
    >
  >
}

/** Everything that was granted, registered or not: applying it twice changes nothing. */
export function readChanges({ tenants }: Directory): DirectoryChanges {
  return {
    tenants: Object.fromEntries(
      [...tenants.values()].map((tenant) => [
        tenant.id,
        {
          servicePrincipals: [...tenant.servicePrincipals.keys()],
          grants: tenant.grants.map(({ clientAppId, resourceAppId, userId, scopes }) => ({
            clientAppId,
            resourceAppId,
            ...(userId === undefined ? {} : { userId }),
            scopes: [...scopes],
          })),
          assignments: tenant.assignments.map(({ principalId, resourceAppId, role }) => ({
            principalId,
            resourceAppId,
            ...(role === undefined ? {} : { role }),
          })),
          users: Object.fromEntries(
            [...tenant.users.values()].map(({ id, isEnabled, sessionsValidFrom }) => [
              id,
              { isEnabled, sessionsValidFrom: Number.isFinite(sessionsValidFrom) ? sessionsValidFrom : null },
            ]),
          ),
        },
      ]),
    ),
  }
}

/** Brings changes into a directory. What the registration no longer has is ignored. */
export function applyChanges(directory: Directory, changes: DirectoryChanges): void {
  for (const [tenantId, change] of Object.entries(changes.tenants)) {
    const tenant = directory.tenants.get(tenantId)
    if (tenant === undefined) continue
    for (const appId of change.servicePrincipals) {
      const application = directory.applications.get(appId)
      if (application !== undefined) directory.addServicePrincipal(tenant, application)
    }
    for (const { clientAppId, resourceAppId, userId, scopes } of change.grants) {
      const [client, resource] = [
        directory.applications.get(clientAppId),
        directory.applications.get(resourceAppId),
      ]
      const isKnown = userId === undefined || tenant.users.has(userId)
      if (client !== undefined && resource !== undefined && isKnown) {
        directory.addGrant(tenant, { client, resource, userId, scopes })
      }
    }
    for (const { principalId, resourceAppId, role } of change.assignments) {
      if (directory.applications.has(resourceAppId)) {
        directory.addAssignment(tenant, { principalId, resourceAppId, role })
      }
    }
    for (const [id, { isEnabled, sessionsValidFrom }] of Object.entries(change.users)) {
      const user = tenant.users.get(id)
      // A user that the registration disables stays disabled.
      if (user !== undefined) {
        directory.updateUser(user, {
          isEnabled: user.isEnabled && isEnabled,
          sessionsValidFrom: sessionsValidFrom ?? -Infinity,
        })
      }
    }
  }
}
