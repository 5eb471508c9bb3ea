import type { EmulatorClock } from '../base/clock.js'
import type { DeviceCodes } from './device-codes.js'
import type { Directory } from '../directory/directory.js'
import type { Faults } from './faults.js'
import type { Flows } from './flows.js'
import type { SigningKeys } from '../keys/signing-keys.js'
import type { OneTimeUse } from '../base/one-time-use.js'
import type { TokenIssuance } from './issuance-hook.js'
import type { RequestLog } from './request-log.js'
import type { Revocations } from './revocations.js'
import type { Seal } from '../base/seal.js'

/** What endpoints and grants work with: one running emulator. */
export interface Service {
  /** Scheme, host and port, as the documents name them: of the request that is being answered. Do not keep it. */
  readonly origin: string
  readonly issuers: Issuers
  /** Whether a token's issuer is one of this emulator, under any of its names. */
  isOwnIssuer(issuer: unknown, tenantId: string): boolean
  /** Every name that requests may have beside the loopback names. */
  readonly hostNames: readonly string[]
  readonly cloudInstanceName: string
  readonly accessTokenLifetimeSeconds: number
  /** Whether `grant_type=password` is known. */
  readonly allowsPasswordGrant: boolean
  /** What the application's own hook adds to a token. Throws an EntraError for a hook that fails. */
  customClaims(issuance: TokenIssuance): Promise<Readonly<Record<string, unknown>>>
  readonly clock: EmulatorClock
  /** The time, never the same twice: it orders sign-ins and revocations. */
  readonly moment: () => number
  /** Replaced by a reload: do not keep it across requests. */
  readonly directory: Directory
  readonly keys: SigningKeys
  readonly seal: Seal
  readonly redeemedCodes: OneTimeUse
  readonly deviceCodes: DeviceCodes
  readonly faults: Faults
  readonly revocations: Revocations
  readonly log: RequestLog
  /** The same requests and what APIs report, grouped. */
  readonly flows: Flows
  /**
   * To be called after every change that a state file keeps. Resolves when the file has it; at once without a file. Never
   * rejects.
   */
  changed(): Promise<void>
}

/** Issuers with the literal `{tenantid}`. */
export interface Issuers {
  readonly v1: string
  readonly v2: string
}

/** The issuer of a version's tokens in a tenant; `{tenantid}` gives the template. */
export function issuerOf(
  { issuers }: { issuers: Issuers },
  tenantId: string,
  version: '1.0' | '2.0',
): string {
  return (version === '1.0' ? issuers.v1 : issuers.v2).replaceAll('{tenantid}', tenantId)
}
