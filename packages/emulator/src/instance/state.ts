import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { Directory } from '../directory/directory.js'
import { keyOwnerPattern, type StoredKey } from '../keys/signing-keys.js'
import { createShape } from '../base/shape.js'
import { systemCode } from '../base/system-error.js'

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

/**
 * Plain data that another instance goes on from, and what a state file holds. It CONTAINS PRIVATE KEYS: whoever has it
 * can sign and read what the emulator can.
 */
export interface EmulatorState {
  readonly version: 1
  /** What refresh tokens are sealed with: 32 bytes, base64. */
  readonly seal: string
  readonly keys: readonly StoredKey[]
  readonly directory: DirectoryChanges
}

const guid = { type: 'string', format: 'uuid' }
const name = { type: 'string', minLength: 1, maxLength: 256 }
const encoded = { type: 'string', minLength: 1, maxLength: 10_000 }
const list = (items: object): object => ({ type: 'array', items })
const record = (properties: object, optional: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required: Object.keys(properties).filter((member) => !optional.includes(member)),
})
const byId = (values: object): object => ({
  type: 'object',
  propertyNames: guid,
  additionalProperties: values,
})
/** Far beyond any test, and still a date. */
const seconds = { type: ['number', 'null'], minimum: 0, maximum: 4_320_000_000_000 }

const findFault = createShape(
  record({
    version: { const: 1 },
    seal: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' },
    keys: {
      type: 'array',
      minItems: 1,
      items: record({
        owner: { type: 'string', pattern: keyOwnerPattern },
        state: { enum: ['next', 'signing', 'retiring', 'withdrawn'] },
        privateKey: encoded,
        certificate: encoded,
      }),
    },
    directory: record({
      tenants: byId(
        record({
          servicePrincipals: list(guid),
          grants: list(
            record({ clientAppId: guid, resourceAppId: guid, userId: guid, scopes: list(name) }, ['userId']),
          ),
          assignments: list(record({ principalId: guid, resourceAppId: guid, role: name }, ['role'])),
          users: byId(record({ isEnabled: { type: 'boolean' }, sessionsValidFrom: seconds })),
        }),
      ),
    }),
  }),
)

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
export function readStateFile(path: string): EmulatorState | undefined {
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
  return readStateText(text, `the file ${path}`)
}

/** Reads a state as it was written out. `source` says where it came from. */
export function readStateText(text: string, source: string): EmulatorState {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, which holds private keys.
    throw new TypeError(`state: ${source} is not JSON`)
  }
  return readState(parsed)
}

/**
 * The state in a value, copied and checked against its shape. Throws a TypeError naming the place. Does not check the
 * keys: whoever opens them does.
 */
export function readState(value: unknown): EmulatorState {
  let state: unknown
  try {
    state = JSON.parse(JSON.stringify(value))
  } catch {
    throw new TypeError('state: expected plain data, as exportState gives it')
  }
  const fault = findFault(state)
  if (fault !== undefined) throw placed(fault.path, fault.problem)
  const { seal } = state as EmulatorState
  if (Buffer.from(seal, 'base64').toString('base64') !== seal) throw placed('seal', 'is not base64')
  return state as EmulatorState
}

function placed(path: string, problem: string): TypeError {
  return new TypeError(`state: ${path === '' ? '' : `${path}: `}${problem}`)
}

/** Writes a state file for its owner alone; whoever reads it meanwhile sees the old one whole. */
export function writeState(path: string, state: EmulatorState): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(draft, path)
}
