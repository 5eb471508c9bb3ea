import { algorithmRows } from './refused/algorithm.js'
import { anyIssuerRows } from './refused/any-issuer.js'
import { audienceRows } from './refused/audience.js'
import { headerRows } from './refused/header.js'
import { issuerRows } from './refused/issuer.js'
import { kindRows } from './refused/kind.js'
import { permissionRows } from './refused/permission.js'
import { shapeRows } from './refused/shape.js'
import { signatureRows } from './refused/signature.js'
import { timeRows } from './refused/time.js'
import { versionRows } from './refused/version.js'
import type { RefusedRequest } from './refused/row.js'

export type { RefusedRequest }

/** Every request that must be refused: one table for each theme. */
export const refusedRequests: readonly RefusedRequest[] = [
  ...headerRows,
  ...shapeRows,
  ...algorithmRows,
  ...signatureRows,
  ...timeRows,
  ...issuerRows,
  ...versionRows,
  ...audienceRows,
  ...anyIssuerRows,
  ...kindRows,
  ...permissionRows,
]

/** The values of every Authorization header that a row's request carries. */
export function authorizationValues(made: string | readonly string[]): readonly string[] {
  return typeof made === 'string' ? [`Bearer ${made}`] : made
}
