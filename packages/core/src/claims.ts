import { BearerError } from './errors.js'
import { isJsonObject } from './json.js'

declare global {
  namespace Countersign {
    /** Claims of your own, for the compiler: extend this interface. Nothing checks at run time that a token has them. */
    interface Claims {}
  }
}

/**
 * The payload of a token: frozen at every depth.
 *
 * An application types its own claims by extending a global interface. That is a statement of yours to the compiler: no
 * check at run time proves that a token has such a claim, so the member is best declared as optional.
 *
 * @example
 * ```ts
 * import type { ValidatedToken } from '@countersign/core'
 *
 * declare global {
 *   namespace Countersign {
 *     interface Claims {
 *       department?: string
 *     }
 *   }
 * }
 *
 * function departmentOf(token: ValidatedToken): string {
 *   return token.claims.department ?? 'none'
 * }
 * ```
 */
export type Claims = Readonly<Record<string, unknown>> & Readonly<Countersign.Claims>

/**
 * A member of the payload itself, never of its prototype, which other code in the process may have changed. A `null` counts
 * as absent: some issuers write it for a claim that has no value.
 */
export function claim(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(claims, name) ? (claims[name] ?? undefined) : undefined
}

export function optionalString(claims: Claims, name: string): string | undefined {
  const value = claim(claims, name)
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw new BearerError('claim_malformed', { claim: name })
}

export function requiredString(claims: Claims, name: string): string {
  const value = optionalString(claims, name)
  if (value === undefined) throw new BearerError('claim_missing', { claim: name })
  return value
}

/** A NumericDate (RFC 7519 section 2): a finite JSON number, so not `1e999`. */
export function optionalNumericDate(claims: Claims, name: string): number | undefined {
  const value = claim(claims, name)
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  throw new BearerError('claim_malformed', { claim: name })
}

const none: readonly string[] = Object.freeze([])

export function optionalStrings(claims: Claims, name: string): readonly string[] {
  const value = claim(claims, name)
  if (value === undefined) return none
  if (isStrings(value)) return value
  throw new BearerError('claim_malformed', { claim: name })
}

/** A list of words in one string (RFC 8693 section 4.2, `scp` of Entra): whole words, case kept. */
export function words(text: string): readonly string[] {
  if (!text.includes(' ')) return Object.freeze(text === '' ? [] : [text])
  const list = text.split(' ')
  return Object.freeze(list.includes('') ? list.filter((word) => word !== '') : list)
}

export function isStrings(value: unknown): value is readonly string[] {
  if (!Array.isArray(value)) return false
  for (const member of value as unknown[]) if (typeof member !== 'string') return false
  return true
}

/** The times of a token, read once; they are compared with the clock at every use. */
export interface TokenTimes {
  readonly expiresAt: number
  readonly notBefore: number | undefined
  readonly issuedAt: number | undefined
}

export function readTimes(claims: Claims): TokenTimes {
  const expiresAt = optionalNumericDate(claims, 'exp')
  if (expiresAt === undefined) throw new BearerError('claim_missing', { claim: 'exp' })
  return {
    expiresAt,
    notBefore: optionalNumericDate(claims, 'nbf'),
    issuedAt: optionalNumericDate(claims, 'iat'),
  }
}

export interface TimeRules {
  readonly clockToleranceSeconds: number
  readonly maxTokenAgeSeconds: number | undefined
}

/** Compares the times with the clock (RFC 7519 sections 4.1.4 to 4.1.6): expired at the second of `exp` plus the tolerance. */
export function checkTimes(times: TokenTimes, now: number, rules: TimeRules): void {
  const tolerance = rules.clockToleranceSeconds
  if (now >= times.expiresAt + tolerance) throw new BearerError('token_expired', { claim: 'exp' })
  if (times.notBefore !== undefined && now < times.notBefore - tolerance) {
    throw new BearerError('token_not_yet_valid', { claim: 'nbf' })
  }
  if (times.issuedAt !== undefined && now < times.issuedAt - tolerance) {
    throw new BearerError('token_issued_in_future', { claim: 'iat' })
  }
  if (rules.maxTokenAgeSeconds !== undefined) {
    if (times.issuedAt === undefined) throw new BearerError('claim_missing', { claim: 'iat' })
    if (now >= times.issuedAt + rules.maxTokenAgeSeconds + tolerance) {
      throw new BearerError('token_too_old', { claim: 'iat' })
    }
  }
}

/** Compares `aud` (RFC 7519 section 4.1.3) with the accepted audiences: exactly, case and trailing slash included. */
export function checkAudience(claims: Claims, accepted: readonly string[]): void {
  const value = claim(claims, 'aud')
  if (value === undefined) throw new BearerError('claim_missing', { claim: 'aud' })
  if (typeof value === 'string') {
    if (accepted.includes(value)) return
    throw new BearerError('audience_mismatch', { claim: 'aud', ...hintFor([value], accepted) })
  }
  if (!isStrings(value)) throw new BearerError('claim_malformed', { claim: 'aud' })
  if (value.some((audience) => accepted.includes(audience))) return
  throw new BearerError('audience_mismatch', { claim: 'aud', ...hintFor(value, accepted) })
}

const graphAudiences = [
  '00000003-0000-0000-c000-000000000000',
  'https://graph.microsoft.com',
  'https://graph.microsoft.com/',
]

/** The most common mistakes of a set-up, as a fixed word for the operator. */
function hintFor(audiences: readonly string[], accepted: readonly string[]): { reason?: string } {
  if (audiences.some((audience) => graphAudiences.includes(audience))) return { reason: 'graph' }
  const withoutSlash = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text)
  const bare = accepted.map(withoutSlash)
  if (audiences.some((audience) => bare.includes(withoutSlash(audience)))) return { reason: 'trailing_slash' }
  if (audiences.some((audience) => accepted.some((own) => own.toLowerCase() === audience.toLowerCase()))) {
    return { reason: 'letter_case' }
  }
  return {}
}

/** Membership of groups, as far as the token lists it. */
export type Groups =
  | {
      /** The token lists them all. */
      readonly overage: false
      /** The ids of the groups. */
      readonly ids: readonly string[]
    }
  | {
      /** There are too many to list (Entra: above 200). Ask the directory, and never read this as "no groups". */
      readonly overage: true
    }

/** Whether markers replace `groups` (Entra, "Groups overage claim"): there are too many to list. */
export function hasGroupsOverage(claims: Claims): boolean {
  const sources = claim(claims, '_claim_names')
  if (sources !== undefined && !isJsonObject(sources)) {
    throw new BearerError('claim_malformed', { claim: '_claim_names' })
  }
  return (
    (sources !== undefined && Object.hasOwn(sources, 'groups')) || claim(claims, 'hasgroups') !== undefined
  )
}

/** Reads `groups`, or the markers that replace it. Undefined: the token has neither. */
export function readGroups(claims: Claims): Groups | undefined {
  if (hasGroupsOverage(claims)) return groupsOverage
  if (claim(claims, 'groups') === undefined) return undefined
  return Object.freeze({ overage: false, ids: optionalStrings(claims, 'groups') })
}

export const groupsOverage: Groups = Object.freeze({ overage: true })
