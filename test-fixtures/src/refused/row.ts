import type { SetupName, Situation } from '../setups.js'
import { tokenWith, type TokenChange } from '../tokens.js'

/** A request that must be refused, and all that the caller and the operator must get. */
export interface RefusedRequest extends Situation {
  /** What arrives: "refuses <name> with <code>". */
  readonly name: string
  /** The token, or the raw values of every Authorization header. */
  make(): string | readonly string[]
  readonly code: string
  readonly reason?: string
  readonly claim?: string
  readonly status: 400 | 401 | 403
  /** `scope` of the challenge. */
  readonly scope?: string
}

/** What a row says beyond its name, code and token. */
export type Rest = Partial<Pick<RefusedRequest, keyof Situation | 'reason' | 'claim' | 'scope'>>

/** Raw Authorization values; the rows are about the header, so they need no token of their own. */
export function header(
  status: 400 | 401,
  code: string,
  name: string,
  make: () => readonly string[],
): RefusedRequest {
  return { name, setup: 'entra', make, code, status }
}

/** A valid token with one change, which makes it invalid. */
export function invalid(
  code: string,
  name: string,
  change: TokenChange | (() => string),
  rest: Rest = {},
): RefusedRequest {
  return { name, setup: setupFor(change), make: maker(change), code, status: 401, ...rest }
}

/** A valid token with one change, which leaves it valid and not allowed. */
export function forbidden(code: string, name: string, change: TokenChange, rest: Rest): RefusedRequest {
  return { name, setup: setupFor(change), make: maker(change), code, status: 403, ...rest }
}

function setupFor(change: TokenChange | (() => string)): SetupName {
  const from = typeof change === 'function' ? undefined : change.from
  return from === 'generic' || from === 'rfc9068' ? 'oidc' : 'entra'
}

function maker(change: TokenChange | (() => string)): () => string {
  return typeof change === 'function' ? change : () => tokenWith(change)
}

/** Where two tenants are allowed. */
export const multiTenant = { setup: 'entraMultiTenant' } as const
