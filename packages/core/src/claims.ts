import { isJsonObject } from './json.js'
import type { Refuse } from './refuse.js'

/** The payload of a token: frozen at every depth. Names it does not have are not looked up on `Object.prototype`. */
export type Claims = Readonly<Record<string, unknown>>

/** A member of the payload itself, never of a prototype that something else in the process has changed. */
export function claim(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

export function optionalString(claims: Claims, name: string, refuse: Refuse): string | undefined {
  const value = claim(claims, name)
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw refuse('claim_malformed', { claim: name })
}

export function requiredString(claims: Claims, name: string, refuse: Refuse): string {
  const value = optionalString(claims, name, refuse)
  if (value === undefined) throw refuse('claim_missing', { claim: name })
  return value
}

/** A NumericDate (RFC 7519 section 2): a finite JSON number; `1e999` is none. */
export function optionalNumericDate(claims: Claims, name: string, refuse: Refuse): number | undefined {
  const value = claim(claims, name)
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  throw refuse('claim_malformed', { claim: name })
}

const none: readonly string[] = Object.freeze([])

export function optionalStrings(claims: Claims, name: string, refuse: Refuse): readonly string[] {
  const value = claim(claims, name)
  if (value === undefined) return none
  if (isStrings(value)) return value
  throw refuse('claim_malformed', { claim: name })
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

export function readTimes(claims: Claims, refuse: Refuse): TokenTimes {
  const expiresAt = optionalNumericDate(claims, 'exp', refuse)
  if (expiresAt === undefined) throw refuse('claim_missing', { claim: 'exp' })
  return {
    expiresAt,
    notBefore: optionalNumericDate(claims, 'nbf', refuse),
    issuedAt: optionalNumericDate(claims, 'iat', refuse),
  }
}

export interface TimeRules {
  readonly clockToleranceSeconds: number
  readonly maxTokenAgeSeconds: number | undefined
}

/** Compares the times with the clock (RFC 7519 sections 4.1.4 to 4.1.6): expired on the second it names, tolerance apart. */
export function checkTimes(times: TokenTimes, now: number, rules: TimeRules, refuse: Refuse): void {
  const tolerance = rules.clockToleranceSeconds
  if (now >= times.expiresAt + tolerance) throw refuse('token_expired', { claim: 'exp' })
  if (times.notBefore !== undefined && now < times.notBefore - tolerance) {
    throw refuse('token_not_yet_valid', { claim: 'nbf' })
  }
  if (times.issuedAt !== undefined && now < times.issuedAt - tolerance) {
    throw refuse('token_issued_in_future', { claim: 'iat' })
  }
  if (rules.maxTokenAgeSeconds !== undefined) {
    if (times.issuedAt === undefined) throw refuse('claim_missing', { claim: 'iat' })
    if (now >= times.issuedAt + rules.maxTokenAgeSeconds + tolerance) {
      throw refuse('token_too_old', { claim: 'iat' })
    }
  }
}

/** `aud` (RFC 7519 section 4.1.3) against what this API answers to: exact, case and trailing slash included. */
export function checkAudience(claims: Claims, accepted: readonly string[], refuse: Refuse): void {
  const value = claim(claims, 'aud')
  if (value === undefined) throw refuse('claim_missing', { claim: 'aud' })
  if (typeof value === 'string') {
    if (accepted.includes(value)) return
    throw refuse('audience_mismatch', { claim: 'aud', ...hintFor([value], accepted) })
  }
  if (!isStrings(value)) throw refuse('claim_malformed', { claim: 'aud' })
  if (value.some((audience) => accepted.includes(audience))) return
  throw refuse('audience_mismatch', { claim: 'aud', ...hintFor(value, accepted) })
}

const graphAudiences = [
  '00000003-0000-0000-c000-000000000000',
  'https://graph.microsoft.com',
  'https://graph.microsoft.com/',
]

/** What the operator most often got wrong, as a fixed word. */
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

/** Membership of groups, as far as the token tells. */
export type Groups =
  | {
      /** The token lists them all. */
      readonly overage: false
      readonly ids: readonly string[]
    }
  | {
      /** There are too many to list (Entra: above 200): ask the directory, and never read this as "no groups". */
      readonly overage: true
    }

/** Reads `groups` and the markers that stand in their place (Entra, "Groups overage claim"). Undefined: no word on groups. */
export function readGroups(claims: Claims, refuse: Refuse): Groups | undefined {
  const sources = claim(claims, '_claim_names')
  if (sources !== undefined && !isJsonObject(sources)) {
    throw refuse('claim_malformed', { claim: '_claim_names' })
  }
  const overage = sources !== undefined && Object.hasOwn(sources, 'groups')
  if (overage || claim(claims, 'hasgroups') !== undefined) return Object.freeze({ overage: true })
  if (claim(claims, 'groups') === undefined) return undefined
  return Object.freeze({ overage: false, ids: optionalStrings(claims, 'groups', refuse) })
}
