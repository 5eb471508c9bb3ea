import { type RequestedTarget, type Target, withoutChallenge } from '../base/target.js'

/** Everything that decides which token a request returns. */
export interface CacheKeyParts {
  /** Authority, version and client: `JSON.stringify` of a list, made once. */
  readonly client: string
  readonly grant: 'app' | 'obo' | 'session' | 'agent'
  /** The requested tenant. Where the user's token decides the tenant, the token's hash takes its place. */
  readonly tenantId: string | undefined
  /** SHA-256 of the user's token, or of the session's key. */
  readonly subject: string | undefined
  readonly target: Target
}

/** Every input in its place, preceded by its length: no two different inputs give the same text. */
export function cacheKey({ client, grant, tenantId, subject, target }: CacheKeyParts): string {
  const { resource, scopes, claims } = target
  return `${client}${grant}${field(tenantId)}${field(subject)}${typeof resource === 'object' ? `+${list(resource)}` : field(resource)}${list(scopes)}${field(claims)}`
}

/** The keys of a request: with its claims challenge and `refresh`, and without them. */
export function keysOf(parts: Omit<CacheKeyParts, 'target'> & { readonly target: RequestedTarget }): {
  requestKey: string
  cacheKey: string
} {
  const { claims, refresh } = parts.target
  const key = cacheKey(parts)
  const requestKey = refresh === true ? `${key}+` : key
  if (claims === undefined) return { requestKey, cacheKey: key }
  return { requestKey, cacheKey: cacheKey({ ...parts, target: withoutChallenge(parts.target) }) }
}

function field(value: string | undefined): string {
  return value === undefined ? '-' : `${value.length}:${value}`
}

/** The order of scopes means nothing (RFC 6749 section 3.3), nor that of audiences. */
function list(scopes: readonly string[] | undefined): string {
  if (scopes === undefined) return '-'
  const distinct = scopes.length < 2 ? scopes : [...new Set(scopes)].sort()
  return `${distinct.length};${distinct.map(field).join('')}`
}
