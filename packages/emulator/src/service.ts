import type { EmulatorClock } from './clock.js'
import type { Directory } from './directory.js'
import type { SigningKeys } from './keys.js'
import type { Seal } from './seal.js'
import type { OneTimeUse } from './one-time-use.js'

/** What endpoints and grants work with: one running emulator, seen from inside. */
export interface Service {
  /** Scheme, host and port, as every document and token of this instance names them. */
  readonly origin: string
  readonly cloudInstanceName: string
  readonly accessTokenLifetimeSeconds: number
  readonly clock: EmulatorClock
  readonly directory: Directory
  readonly keys: SigningKeys
  readonly seal: Seal
  readonly redeemedCodes: OneTimeUse
}

/** The issuer of a version's tokens: v1.0 ends with a slash, v2.0 does not. `{tenantid}` gives the template. */
export function issuerOf(origin: string, tenantId: string, version: '1.0' | '2.0'): string {
  return version === '1.0' ? `${origin}/${tenantId}/` : `${origin}/${tenantId}/v2.0`
}
