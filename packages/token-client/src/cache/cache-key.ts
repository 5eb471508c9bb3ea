import { hash } from 'node:crypto'
import type { Target } from '../base/target.js'
import { isGuid, type SessionOwner } from '../user-tokens/user-token.js'

/** Everything that decides which token a request would bring. */
export interface CacheKeyParts {
  /** Authority, version and client: `JSON.stringify` of a list, made once. */
  readonly client: string
  readonly grant: 'app' | 'obo' | 'session'
  /** The tenant that was asked for; where the user's token decides on it, the token's hash stands for it. */
  readonly tenantId: string | undefined
  /** sha256 of the user's token, or of the session's key. */
  readonly subject: string | undefined
  readonly target: Target
}

/** Every input in its place, its length before it: no two different inputs give the same text. */
export function cacheKey({ client, grant, tenantId, subject, target }: CacheKeyParts): string {
  const { resource, scopes, claims } = target
  return `${client}${grant}${field(tenantId)}${field(subject)}${field(resource)}${list(scopes)}${field(claims)}`
}

function field(value: string | undefined): string {
  return value === undefined ? '-' : `${value.length}:${value}`
}

/** The order of scopes means nothing (RFC 6749 section 3.3). */
function list(scopes: readonly string[] | undefined): string {
  if (scopes === undefined) return '-'
  const distinct = scopes.length < 2 ? scopes : [...new Set(scopes)].sort()
  return `${distinct.length};${distinct.map(field).join('')}`
}

export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** The name of a user in indexes: one user of one tenant. */
export function userKey({ tenantId, objectId }: { tenantId: string; objectId: string }): string {
  return JSON.stringify(['user', canonical(tenantId), canonical(objectId)])
}

/** The name of an owner, for comparison. */
export function ownerKey({ tenantId, objectId, clientId }: SessionOwner): string {
  return JSON.stringify([canonical(tenantId), canonical(objectId), canonical(clientId)])
}

// A GUID means the same in either case; a subject of another issuer does not.
function canonical(id: string): string {
  return isGuid(id) ? id.toLowerCase() : id
}
