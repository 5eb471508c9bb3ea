import { duration, printable } from '../text.js'
import { type Json, textOf, timeOf, type UnverifiedParts } from './unverified.js'

/** What a token says it is; nothing of it is verified, and nothing of it names a person. */
export interface TokenFacts {
  /** "access token, v2.0, for a user". */
  readonly kind: string
  readonly issuer?: string
  readonly tenant?: string
  readonly client?: string
  readonly audience?: string
  readonly issuedAt?: string
  readonly expiresAt?: string
  /** "issued 4 min ago, expires in 57 min". */
  readonly times?: string
}

export const graphAppId = '00000003-0000-0000-c000-000000000000'
const personalAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** Ids that mean the same everywhere. */
const wellKnown: Readonly<Record<string, string>> = {
  [graphAppId]: 'Microsoft Graph',
  'https://graph.microsoft.com': 'Microsoft Graph',
  '00000002-0000-0000-c000-000000000000': 'Azure AD Graph',
  [personalAccounts]: 'personal accounts',
  '04b07795-8ddb-461a-bbee-02f9e1bf7b46': 'Azure CLI',
}

/** An id with its name, where it has one: of the API that was described, or one that everybody knows. */
export function named(id: string, names: Readonly<Record<string, string>> = {}): string {
  const key = id.replace(/\/$/, '').toLowerCase()
  const name = names[key] ?? wellKnown[key]
  return name === undefined ? printable(id) : `${printable(id)} (${name})`
}

export function factsOf(
  { count, claims }: UnverifiedParts,
  now: number,
  names: Readonly<Record<string, string>>,
): TokenFacts {
  if (count === 5) return { kind: 'encrypted token (JWE)' }
  if (claims === undefined) return { kind: count === 3 ? 'not a JWT: a part cannot be read' : 'not a JWT' }
  const times = timesOf(claims, now)
  const [issuedAt, expiresAt] = [timeOf(claims, 'iat'), timeOf(claims, 'exp')]
  const client = ['azp', 'appid', 'client_id', 'cid'].map((name) => textOf(claims, name)).find(Boolean)
  const audience = claims['aud']
  return {
    kind: kindOf(claims),
    ...shown('issuer', textOf(claims, 'iss')),
    ...shown('tenant', textOf(claims, 'tid'), names),
    ...shown('client', client, names),
    ...shown('audience', Array.isArray(audience) ? audience.join(', ') : textOf(claims, 'aud'), names),
    ...(issuedAt === undefined ? {} : { issuedAt: timeText(issuedAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: timeText(expiresAt) }),
    ...(times === '' ? {} : { times }),
  }
}

function shown(
  name: string,
  value: string | undefined,
  names?: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: named(value, names) }
}

/** A time as people read it; beyond what a date can hold, the number. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.valueOf()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z')
}

/** Ends and beginnings relative to now. */
export function timesOf(claims: Json | undefined, now: number): string {
  const parts: string[] = []
  const [issuedAt, from, until] = ['iat', 'nbf', 'exp'].map((name) => timeOf(claims, name))
  if (issuedAt !== undefined) parts.push(`issued ${relative(issuedAt, now)}`)
  if (from !== undefined && from > now) parts.push(`valid ${relative(from, now)}`)
  if (until !== undefined) parts.push(`${until > now ? 'expires' : 'expired'} ${relative(until, now)}`)
  return parts.join(', ')
}

function relative(time: number, now: number): string {
  return time > now ? `in ${duration(time - now)}` : `${duration(now - time)} ago`
}

function kindOf(claims: Json): string {
  const version = textOf(claims, 'ver')
  const isEntra = textOf(claims, 'tid') !== undefined && version !== undefined
  return [
    isIdToken(claims) ? 'id token' : 'access token',
    ...(isEntra ? [`v${printable(version, 8)}`] : []),
    ...actorOf(claims),
  ].join(', ')
}

function isIdToken(claims: Json): boolean {
  const hasPermissions = ['scp', 'scope', 'roles', 'azp', 'appid', 'cid', 'client_id'].some((name) =>
    Object.hasOwn(claims, name),
  )
  return (
    !hasPermissions &&
    ['nonce', 'at_hash', 'c_hash', 'preferred_username'].some((name) => Object.hasOwn(claims, name))
  )
}

function actorOf(claims: Json): string[] {
  if (claims['idtyp'] === 'app') return ['for a client itself']
  if (textOf(claims, 'scp') !== undefined || textOf(claims, 'scope') !== undefined) return ['for a user']
  return Array.isArray(claims['roles']) ? ['for a client itself'] : []
}
