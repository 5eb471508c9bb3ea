/** What a token is asked for. Exactly one of `resource` and `scopes`. */
export interface Target {
  /** The API: its application id URI or client id. Works on every authority; on Entra v2.0 it asks for `<resource>/.default`. */
  readonly resource?: string
  /** Scopes, written in full. Not on Entra v1.0, which knows only resources. */
  readonly scopes?: readonly string[]
  /**
   * A claims challenge: the JSON text a service or a resource asked for (Entra v2.0 only). A call with `claims` is
   * never answered from the cache, and what it brings takes the place of the token that was challenged.
   */
  readonly claims?: string
}

export interface AcquireOptions extends Target {
  /** Ends this caller's wait. A request that others share goes on without it. */
  readonly signal?: AbortSignal
}

const names: readonly string[] = ['resource', 'scopes', 'claims', 'signal']

/** Checks what a caller of ours wrote; `more` names what only one method takes. Throws `TypeError`. */
export function checkTarget(target: Target, more: readonly string[] = []): void {
  if (typeof target !== 'object' || target === null)
    throw new TypeError('target must be { resource } or { scopes }')
  for (const name of Object.keys(target)) {
    if (!names.includes(name) && !more.includes(name))
      throw new TypeError(`target has no member "${name}": expected resource, scopes, claims or signal`)
  }
  const { resource, scopes, claims } = target
  if ((resource === undefined) === (scopes === undefined)) {
    throw new TypeError('target needs exactly one of resource and scopes')
  }
  if (resource !== undefined && !isWord(resource))
    throw new TypeError('target.resource must be an identifier without spaces')
  if (scopes !== undefined && (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every(isWord))) {
    throw new TypeError('target.scopes must be a list of at least one scope, each without spaces')
  }
  if (scopes?.includes('offline_access')) {
    throw new TypeError(
      'target.scopes must not hold offline_access: work that outlives the user is a session (startSession)',
    )
  }
  if (claims !== undefined) checkClaims(claims)
}

/** The target alone, without a claims challenge. */
export function plainTarget({ resource, scopes }: Target): Target {
  return Object.freeze(resource === undefined ? { scopes: Object.freeze([...(scopes ?? [])]) } : { resource })
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
    throw new TypeError('target.claims must be the JSON text of an object, at most 8192 characters')
  }
}
