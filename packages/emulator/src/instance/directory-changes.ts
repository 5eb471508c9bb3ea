import type { Directory } from '../directory/directory.js'
import type { Origin } from '../directory/types.js'

/**
 * What consent and tests changed. What the registration itself says is not in it: a grant that is deleted from the file
 * is gone at the next start.
 */
export interface DirectoryChanges {
  /** By tenant id. */
  readonly tenants: Readonly<
    Record<
      string,
      {
        /** Applications that consent made present in the tenant, by appId. */
        readonly servicePrincipals: readonly string[]
        /** Consents to delegated scopes; without `userId` for all users. */
        readonly grants: readonly {
          /** The client. */
          readonly clientAppId: string
          /** The API. */
          readonly resourceAppId: string
          /** By object id. */
          readonly userId?: string
          /** By value. */
          readonly scopes: readonly string[]
        }[]
        /** Assigned roles; without `role` it is access without a role. */
        readonly assignments: readonly {
          /** Object id of a user, group or service principal. */
          readonly principalId: string
          /** The API. */
          readonly resourceAppId: string
          /** By value. */
          readonly role?: string
        }[]
        /**
         * Users that were changed, by object id. `isEnabled` can only be false: an account that the registration
         * disables stays disabled. Sign-ins before
         * `sessionsValidFrom` (seconds since the epoch) no longer count.
         */
        readonly users: Readonly<
          Record<
            string,
            {
              /** Absent: as the registration says. */
              readonly isEnabled?: boolean
              /** Absent: all count. */
              readonly sessionsValidFrom?: number
            }
          >
        >
      }
    >
  >
}

/** Everything that is not from the registration. */
export function readChanges({ tenants }: Directory): DirectoryChanges {
  return {
    tenants: Object.fromEntries(
      [...tenants.values()].map((tenant) => [
        tenant.id,
        {
          servicePrincipals: [...tenant.servicePrincipals]
            .filter(([, each]) => isKept(each))
            .map(([appId]) => appId),
          grants: tenant.grants.filter(isKept).map(({ clientAppId, resourceAppId, userId, scopes }) => ({
            clientAppId,
            resourceAppId,
            ...(userId === undefined ? {} : { userId }),
            scopes: [...scopes],
          })),
          assignments: tenant.assignments.filter(isKept).map(({ principalId, resourceAppId, role }) => ({
            principalId,
            resourceAppId,
            ...(role === undefined ? {} : { role }),
          })),
          users: Object.fromEntries(
            [...tenant.users.values()]
              .map(({ id, isDisabledByControl, sessionsValidFrom }) => {
                const change = {
                  ...(isDisabledByControl ? { isEnabled: false } : {}),
                  ...(Number.isFinite(sessionsValidFrom) ? { sessionsValidFrom } : {}),
                }
                return [id, change] as const
              })
              .filter(([, change]) => Object.keys(change).length > 0),
          ),
        },
      ]),
    ),
  }
}

function isKept({ origin }: { readonly origin: Origin }): boolean {
  return origin === 'consent'
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
      if (user === undefined) continue
      directory.updateUser(user, {
        ...(isEnabled === false ? { isEnabled, isDisabledByControl: true } : {}),
        ...(sessionsValidFrom === undefined ? {} : { sessionsValidFrom }),
      })
    }
  }
}
