import { createShape } from '../base/shape.js'
import { isPairOf } from '../keys/certificates.js'
import type { StoredAuthority } from '../keys/tls-certificates.js'
import { keyOwnerPattern, type StoredKey } from '../keys/types.js'
import type { DirectoryChanges } from './directory-changes.js'

/**
 * Plain data that another instance can continue from, and the content of a state file. It CONTAINS PRIVATE KEYS: anyone
 * who has it can sign and read what the emulator can.
 */
export interface EmulatorState {
  /** The version of this shape. */
  readonly version: 2
  /** The key that seals refresh tokens: 32 bytes, base64. A secret. */
  readonly seal: string
  /** All signing keys, oldest first. */
  readonly keys: readonly StoredKey[]
  /** What consent and tests changed. */
  readonly directory: DirectoryChanges
  /** Authorization codes that were redeemed and are not expired: their ids and their expiry, seconds since the epoch. */
  readonly redeemedCodes: Readonly<Record<string, number>>
  /** What signed the certificate of the https server. Absent if there never was one with this file. */
  readonly certificateAuthority?: StoredAuthority | undefined
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
const seconds = { type: 'number', minimum: 0, maximum: 4_320_000_000_000 }

const findFault = createShape(
  record(
    {
      version: { const: 2 },
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
              record({ clientAppId: guid, resourceAppId: guid, userId: guid, scopes: list(name) }, [
                'userId',
              ]),
            ),
            assignments: list(record({ principalId: guid, resourceAppId: guid, role: name }, ['role'])),
            users: byId(
              record({ isEnabled: { type: 'boolean' }, sessionsValidFrom: seconds }, [
                'isEnabled',
                'sessionsValidFrom',
              ]),
            ),
          }),
        ),
      }),
      redeemedCodes: byId(seconds),
      certificateAuthority: record({ certificate: encoded, privateKey: encoded, names: list(name) }),
    },
    ['certificateAuthority'],
  ),
)

/**
 * The state in a value, copied and checked against its shape. Throws a TypeError naming the place. Does not check the
 * keys: `openStoredKeys` does.
 */
export function readState(value: unknown): EmulatorState {
  let state: unknown
  try {
    state = JSON.parse(JSON.stringify(value))
  } catch {
    throw new TypeError('state: must be plain data, as exportState returns it')
  }
  const fault = findFault(state)
  if (fault !== undefined) throw placed(fault.path, fault.problem)
  const { seal } = state as EmulatorState
  if (Buffer.from(seal, 'base64').toString('base64') !== seal) throw placed('seal', 'is not base64')
  const { certificateAuthority } = state as EmulatorState
  if (
    certificateAuthority !== undefined &&
    !isPairOf(certificateAuthority.certificate, certificateAuthority.privateKey)
  ) {
    throw placed('certificateAuthority', 'must be a certificate and its private key')
  }
  return state as EmulatorState
}

function placed(path: string, problem: string): TypeError {
  return new TypeError(`state: ${path === '' ? '' : `${path}: `}${problem}`)
}
