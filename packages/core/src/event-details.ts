import { claim, type Claims } from './claims.js'
import type { Recognition } from './issuer.js'

/**
 * What an operator needs for an audit trail or for metrics. It is read only from a token whose signature was verified, and
 * identifies applications and tokens, never a person.
 */
export interface EventDetails {
  /** The issuer of the token, as configured. */
  readonly issuer: string
  /** The client that called. */
  readonly clientId?: string
  /** `tid` (Entra). */
  readonly tenantId?: string
  /** The id of the token: `uti` (Entra) or `jti`. */
  readonly tokenId?: string
  /** How long the validation took, waits included. */
  readonly durationSeconds: number
}

/** The details of one validation. `startedAt`: milliseconds of the monotonic clock. */
export function readDetails(
  issuer: string,
  { tenantId }: Recognition,
  claims: Claims,
  clientId: string | undefined,
  startedAt: number,
): EventDetails {
  const tokenId = claim(claims, 'uti') ?? claim(claims, 'jti')
  return {
    issuer,
    ...(clientId === undefined ? {} : { clientId }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(typeof tokenId === 'string' && tokenId.length <= 256 ? { tokenId } : {}),
    durationSeconds: (performance.now() - startedAt) / 1000,
  }
}
