import { badOption, checkNames } from './options-reader.js'

/** The API that a token is for. `resource`, `scopes` or both are required; with Entra exactly one of them. */
export interface Target {
  /**
   * The API: its application ID URI or client id, without spaces. Works with every authority; on Entra's v2.0 endpoint
   * the client requests `<resource>/.default`. With `oauthAuthority` it may be a list, for services that issue one token for
   * several APIs.
   */
  readonly resource?: string | readonly string[] | undefined
  /**
   * Scopes in full, such as `api://orders/Orders.Read`. Not available on Entra's v1.0 endpoint. `offline_access` is
   * refused: work that continues without the user is a session (`startSession`). With `oauthAuthority` they may come with a
   * `resource`.
   */
  readonly scopes?: readonly string[] | undefined
  /**
   * A claims challenge: the JSON text that a service or an API sent, at most 8192 characters (only Entra's v2.0 endpoint
   * takes it). A call with `claims` is never answered from the cache. The new token replaces the cached one.
   */
  readonly claims?: string | undefined
}

/** A target, and whether a cached token of it will do. */
export interface RequestedTarget extends Target {
  /**
   * Acquires a new token even when the cached one is still valid: after a change of permissions, or when the target refused
   * the token. All calls that ask for it at the same time share one request. The new token replaces the cached one; when
   * there is none, the call fails and the cached token stays. Default: false.
   */
  readonly refresh?: boolean | undefined
}

/** What a call asks for, and when it gives up. */
export interface AcquireOptions extends RequestedTarget {
  /** Ends this caller's wait: the call rejects with the signal's reason. A request that others share continues. */
  readonly signal?: AbortSignal | undefined
}

const names = ['resource', 'scopes', 'claims', 'refresh', 'signal']
const namesWithTenant = [...names, 'tenantId']

/** Checks the names of what a caller passed: for every call, also one that the cache answers. Throws `TypeError`. */
export function checkTargetNames(target: RequestedTarget, takesTenant = false): void {
  if (typeof target !== 'object' || target === null) {
    throw new TypeError('target: expected { resource } or { scopes }')
  }
  checkNames('target', target, takesTenant ? namesWithTenant : names)
  if (target.refresh !== undefined && typeof target.refresh !== 'boolean') {
    throw badOption('target', 'refresh', 'must be a boolean')
  }
}

/** Checks everything that a caller passed. A token is cached only for what has passed. Throws `TypeError`. */
export function checkTarget(target: RequestedTarget, takesTenant = false): void {
  checkTargetNames(target, takesTenant)
  const { resource, scopes, claims } = target
  if (resource === undefined && scopes === undefined) throw badTarget()
  if (typeof resource === 'string') checkResource(resource)
  else if (resource !== undefined) checkResources(resource)
  if (scopes !== undefined) checkScopes(scopes)
  if (claims !== undefined) checkClaims(claims)
}

function checkResources(resources: unknown): void {
  if (!Array.isArray(resources) || resources.length === 0) checkResource(undefined)
  else resources.forEach(checkResource)
}

function checkResource(resource: unknown): void {
  if (!isWord(resource)) throw badOption('target', 'resource', 'must be an identifier without spaces')
  if (resource.endsWith('/.default')) {
    throw badOption(
      'target',
      'resource',
      'must be the identifier alone, without /.default, such as api://orders: the client appends it',
    )
  }
}

function checkScopes(scopes: unknown): void {
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every(isWord)) {
    throw badOption('target', 'scopes', 'must be a list of at least one scope, each without spaces')
  }
  if (scopes.includes('offline_access')) {
    throw badOption(
      'target',
      'scopes',
      'must not contain offline_access: for work that continues without the user, call startSession',
    )
  }
}

/** For an authority that takes one of them. */
export function badTarget(): TypeError {
  return new TypeError('target: exactly one of "resource" and "scopes" is required')
}

/** The target without a claims challenge. */
export function withoutChallenge({ resource, scopes }: Target): Target {
  return Object.freeze({
    ...(resource === undefined
      ? {}
      : { resource: typeof resource === 'string' ? resource : copyOf(resource) }),
    ...(scopes === undefined ? {} : { scopes: copyOf(scopes) }),
  })
}

function copyOf(words: readonly string[]): readonly string[] {
  return Object.freeze([...words])
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]{1,2048}$/.test(value)
}

function checkClaims(claims: unknown): void {
  let value: unknown
  try {
    value = typeof claims === 'string' && claims.length <= 8192 ? JSON.parse(claims) : undefined
  } catch {
    value = undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badOption('target', 'claims', 'must be the JSON text of an object, at most 8192 characters')
  }
}
