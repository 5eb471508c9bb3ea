import { claim } from './claims.js'
import { isGuid } from './issuer-template.js'
import { checkNames, checkObject, readString } from './options-reader.js'
import type { ValidatedToken } from './validated-token.js'

/** Whose tokens are revoked. Times are seconds since the epoch. */
export type Revoked =
  | {
      /** A user: of Entra by tenant and object id, of any other issuer by issuer and subject. */
      readonly user:
        | {
            /** The tenant (Entra). */
            readonly tenantId: string
            /** The object id of the user (Entra). */
            readonly objectId: string
          }
        | {
            /** The issuer, as its tokens spell it. */
            readonly issuer: string
            /** The claim `sub`. */
            readonly subject: string
          }
      /** Tokens issued before this moment are revoked. Default: now. */
      readonly since?: number | undefined
    }
  | {
      /** The claim `sid` of a session. */
      readonly session: string
      /** The issuer, as its tokens spell it. */
      readonly issuer: string
      /** Whose session it is (`sub`): tokens of this user that name no session are then revoked, too. */
      readonly subject?: string | undefined
      /** Of the tokens that name no session, those issued before this moment. Default: now. */
      readonly since?: number | undefined
    }
  | {
      /** The id of one token: `uti` (Entra) or `jti`. */
      readonly token: string
      /** The issuer, as its tokens spell it. */
      readonly issuer: string
    }
  | {
      /** The client id of a client, whatever the issuer. */
      readonly client: string
      /** Only tokens issued before this moment are revoked. Default: all of them. */
      readonly since?: number | undefined
    }
  | {
      /** The client id of an agent blueprint (Entra): every agent identity made of it. */
      readonly agentBlueprint: string
      /** Only tokens issued before this moment are revoked. Default: all of them. */
      readonly since?: number | undefined
    }
  | {
      /** A tenant (Entra). */
      readonly tenant: string
      /** Only tokens issued before this moment are revoked. Default: all of them. */
      readonly since?: number | undefined
    }
  | {
      /** An issuer, as its tokens spell it: every token of it. */
      readonly allOfIssuer: string
      /** Only tokens issued before this moment are revoked. Default: all of them. */
      readonly since?: number | undefined
    }

/** What an entry names: each kind reads its own key in a token. */
export type RevokedKind =
  | 'entraUser'
  | 'user'
  | 'session'
  | 'userWithoutSession'
  | 'token'
  | 'client'
  | 'agentBlueprint'
  | 'tenant'
  | 'allOfIssuer'

/** An entry as the list holds it. `since` is infinite where every token is meant. */
export interface RevocationEntry {
  readonly kind: RevokedKind
  readonly key: string
  readonly since: number
  readonly expiresAt: number
}

/** The key of each kind in a token; undefined where the token has none. */
export const keyIn: { readonly [K in RevokedKind]: (token: ValidatedToken) => string | undefined } = {
  entraUser: ({ tenantId, objectId }) =>
    tenantId === undefined || objectId === undefined ? undefined : keyOf(tenantId, lowerGuid(objectId)),
  user: ({ issuer, subject }) => (subject === undefined ? undefined : keyOf(issuer, subject)),
  session: (token) => keyWithIssuer(token, claim(token.claims, 'sid')),
  userWithoutSession: (token) =>
    claim(token.claims, 'sid') === undefined ? keyWithIssuer(token, token.subject) : undefined,
  token: (token) => keyWithIssuer(token, claim(token.claims, token.version === undefined ? 'jti' : 'uti')),
  client: ({ clientId }) => (clientId === undefined ? undefined : lowerGuid(clientId)),
  agentBlueprint: ({ agent }) =>
    agent?.blueprintId === undefined ? undefined : lowerGuid(agent.blueprintId),
  tenant: ({ tenantId }) => tenantId,
  allOfIssuer: ({ issuer }) => issuer,
}

function keyWithIssuer({ issuer }: ValidatedToken, id: unknown): string | undefined {
  return typeof id === 'string' ? keyOf(issuer, id) : undefined
}

/** Two values in one key. The first is an issuer or a tenant, which has no line break. */
function keyOf(first: string, second: string): string {
  return `${first}\n${second}`
}

/** Entra writes its ids in small letters; a person may copy them in capitals. Other ids keep their case. */
function lowerGuid(id: string): string {
  const lower = id.toLowerCase()
  return isGuid(lower) ? lower : id
}

const what = 'revoke'
const maxLength = 2048
/** Two values, of which each character may be written as an escape of six. */
const maxLineLength = 2 * 6 * maxLength + 200
/** How far clocks of several machines may disagree. */
export const maxAheadSeconds = 600

/** Reads what is to be revoked, as one entry or two. Throws a TypeError that names the member and what was expected. */
export function readRevoked(value: unknown, now: number, lifeSeconds: number): readonly RevocationEntry[] {
  checkObject(what, value as object)
  const { kind, key, takesSince } = readKey(value as Readonly<Record<string, unknown>>)
  const { since, issuer, subject } = value as Readonly<Record<string, unknown>>
  const from = since === undefined ? undefined : readSince(since, now)
  if (kind === 'session' && subject !== undefined) {
    const own = entryOf(kind, key, Infinity, now, lifeSeconds)
    const user = keyOf(text('issuer', issuer), text('subject', subject))
    return [own, entryOf('userWithoutSession', user, from ?? now, now, lifeSeconds)]
  }
  if (from !== undefined && !takesSince) throw new TypeError(`${what}: "since" has no meaning here`)
  return [entryOf(kind, key, from ?? (isUser(kind) ? now : Infinity), now, lifeSeconds)]
}

function isUser(kind: RevokedKind): boolean {
  return kind === 'user' || kind === 'entraUser'
}

function entryOf(
  kind: RevokedKind,
  key: string,
  since: number,
  now: number,
  lifeSeconds: number,
): RevocationEntry {
  return { kind, key, since, expiresAt: (since === Infinity ? now : since) + lifeSeconds }
}

function readKey(value: Readonly<Record<string, unknown>>): {
  kind: RevokedKind
  key: string
  takesSince: boolean
} {
  const { user } = value
  if (user !== undefined) {
    checkNames(what, value, ['user', 'since'])
    return { ...readUser(user), takesSince: true }
  }
  for (const kind of ['session', 'token'] as const) {
    if (value[kind] === undefined) continue
    checkNames(what, value, kind === 'session' ? [kind, 'issuer', 'subject', 'since'] : [kind, 'issuer'])
    return { kind, key: keyOf(text('issuer', value.issuer), text(kind, value[kind])), takesSince: false }
  }
  for (const kind of ['client', 'agentBlueprint', 'tenant', 'allOfIssuer'] as const) {
    if (value[kind] === undefined) continue
    checkNames(what, value, [kind, 'since'])
    return { kind, key: lowerGuid(text(kind, value[kind])), takesSince: true }
  }
  throw new TypeError(
    `${what}: expected one of "user", "session", "token", "client", "agentBlueprint", "tenant", "allOfIssuer"`,
  )
}

function readUser(user: unknown): { kind: RevokedKind; key: string } {
  checkObject(`${what}: user`, user as object)
  const { tenantId, objectId, issuer, subject } = user as Readonly<Record<string, unknown>>
  if (tenantId !== undefined || objectId !== undefined) {
    checkNames(`${what}: user`, user as object, ['tenantId', 'objectId'])
    const [tenant, object] = [text('user.tenantId', tenantId), text('user.objectId', objectId)]
    return { kind: 'entraUser', key: keyOf(lowerGuid(tenant), lowerGuid(object)) }
  }
  checkNames(`${what}: user`, user as object, ['issuer', 'subject'])
  return { kind: 'user', key: keyOf(text('user.issuer', issuer), text('user.subject', subject)) }
}

function text(name: string, value: unknown): string {
  const read = readString(what, name, value)
  if (read.length > maxLength)
    throw new TypeError(`${what}: "${name}" must have at most ${maxLength} characters`)
  return read
}

function readSince(since: unknown, now: number): number {
  // Milliseconds in place of seconds would revoke tokens that are not issued yet.
  if (typeof since === 'number' && Number.isFinite(since) && since <= now + maxAheadSeconds) return since
  throw new TypeError(`${what}: "since" must be seconds since the epoch, at most ten minutes ahead`)
}

const kinds: ReadonlySet<unknown> = new Set(Object.keys(keyIn))

/** An entry as it is written in a shared store. */
export function writeEntry({ kind, key, since, expiresAt }: RevocationEntry): string {
  return JSON.stringify([1, kind, key, since === Infinity ? null : since, expiresAt])
}

/** Reads an entry of a shared store. Undefined where it is not one that this version wrote. */
export function readEntry(line: string): RevocationEntry | undefined {
  if (line.length > maxLineLength) return undefined
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!Array.isArray(value) || value.length !== 5) return undefined
  const [version, kind, key, since, expiresAt] = value as readonly unknown[]
  const isEntry =
    version === 1 &&
    kinds.has(kind) &&
    typeof key === 'string' &&
    (since === null || typeof since === 'number') &&
    typeof expiresAt === 'number'
  if (!isEntry) return undefined
  return { kind: kind as RevokedKind, key, since: since ?? Infinity, expiresAt }
}
