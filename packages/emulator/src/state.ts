import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { Directory } from './directory.js'
import type { StoredKey } from './keys.js'
import { systemCode } from './system-error.js'

/** What consent and tests changed since the registration was read. */
export interface DirectoryChanges {
  readonly tenants: Readonly<
    Record<
      string,
      {
        /** Applications that consent made known, by appId. */
        readonly servicePrincipals: readonly string[]
        readonly grants: readonly {
          readonly clientAppId: string
          readonly resourceAppId: string
          readonly userId?: string
          readonly scopes: readonly string[]
        }[]
        readonly assignments: readonly {
          readonly principalId: string
          readonly resourceAppId: string
          readonly role?: string
        }[]
        readonly users: Readonly<
          Record<string, { readonly isEnabled: boolean; readonly sessionsValidFrom: number | null }>
        >
      }
    >
  >
}

/** A state file: keys included, so that tokens and refresh tokens outlive a restart. */
export interface State {
  readonly version: 1
  readonly seal: string
  readonly keys: readonly StoredKey[]
  readonly directory: DirectoryChanges
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

/** Brings changes into a directory. What the registration no longer has is passed over. */
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

/** Reads a state file; undefined if there is none yet. Throws a TypeError for one that is not ours or not private. */
export function readState(path: string): State | undefined {
  let text: string
  try {
    const file = openSync(path, constants.O_RDONLY)
    try {
      // It holds private keys.
      if ((fstatSync(file).mode & 0o077) !== 0 && process.platform !== 'win32') {
        throw new TypeError(`state: ${path} can be read by others; make it private (chmod 600)`)
      }
      text = readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof TypeError ? error : new TypeError(`state: cannot read the file ${path}`)
  }
  try {
    const state = JSON.parse(text) as State
    const isOurs =
      state.version === 1 && Array.isArray(state.keys) && typeof state.directory.tenants === 'object'
    if (isOurs && Buffer.from(state.seal, 'base64').length === 32) return state
  } catch {
    // Told below, without a word of what is in the file.
  }
  throw new TypeError(`state: ${path} is not a state file of this emulator`)
}

/** Writes a state file for its owner alone; whoever reads it meanwhile sees the old one whole. */
export function writeState(path: string, state: State): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(draft, path)
}
