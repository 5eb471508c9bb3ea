import { isStrings, words, type Claims } from './claims.js'
import { BearerError } from './errors.js'
import { valueAt } from './shape.js'

/** A path to a claim inside objects: made by `claimPath`. */
export interface ClaimPath {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:claim-path': never
}

/**
 * Where a value is found in a token: the name of a claim, a path made by `claimPath`, or a function of all claims. A function
 * runs once for each token, after its signature was verified. What it throws, and what it returns beyond strings, counts as
 * no value.
 */
export type ClaimSource = string | ClaimPath | ((claims: Claims) => unknown)

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const pathKey = Symbol.for('@countersign/core:claim-path')

/**
 * A path to a claim inside objects, name by name, since names may contain dots. Throws a TypeError for an empty path.
 *
 * @example
 * ```ts
 * import { claimPath, oidcIssuer } from '@countersign/core'
 *
 * const issuer = oidcIssuer({
 *   issuer: 'https://id.example/realms/shop',
 *   audience: 'orders-api',
 *   claims: { roles: claimPath('resource_access', 'orders-api', 'roles') },
 * })
 * ```
 */
export function claimPath(...names: readonly string[]): ClaimPath {
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError('claimPath: expected the names of the members, from the outside to the inside')
  }
  return Object.freeze({ [pathKey]: Object.freeze([...names]) }) as unknown as ClaimPath
}

/** A source that was read. */
export interface CompiledSource {
  /** For messages: the name, the path, or the word `function`. */
  readonly label: string
  read(claims: Claims): unknown
}

/** Reads one source or several. Throws a TypeError where one is malformed. */
export function compileSources(what: string, name: string, value: unknown): readonly CompiledSource[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const sources = list.map(compileSource)
  if (sources.length > 0 && !sources.includes(undefined)) return sources as readonly CompiledSource[]
  throw new TypeError(
    `${what}: "${name}" must be the name of a claim, a claimPath, a function, or a non-empty list of them`,
  )
}

function compileSource(source: unknown): CompiledSource | undefined {
  if (typeof source === 'string' && source !== '') return pathSource([source])
  if (typeof source === 'function') return functionSource(source as (claims: Claims) => unknown)
  if (typeof source !== 'object' || source === null) return undefined
  const { [pathKey]: path } = source as { [pathKey]?: readonly string[] }
  return path === undefined ? undefined : pathSource(path)
}

function pathSource(path: readonly string[]): CompiledSource {
  return { label: path.join('.'), read: (claims) => valueAt(claims, path) }
}

function functionSource(source: (claims: Claims) => unknown): CompiledSource {
  return {
    label: 'function',
    read(claims) {
      try {
        return source(claims) ?? undefined
      } catch {
        return undefined
      }
    },
  }
}

/**
 * The first source that has a value decides: one string, or a list of one. Undefined if none has a value. Throws a refusal
 * where the value is something else: another source must not step in for it.
 */
export function readOneString(sources: readonly CompiledSource[], claims: Claims): string | undefined {
  for (const source of sources) {
    const value = source.read(claims)
    if (value === undefined) continue
    const only: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
    if (typeof only === 'string' && only !== '') return only
    throw new BearerError('claim_malformed', { claim: source.label })
  }
  return undefined
}

/** The strings of all sources together: a list of strings, or one string. An unreadable value grants nothing. */
export function readStrings(sources: readonly CompiledSource[], claims: Claims): readonly string[] {
  return joined(sources, (source) => stringsIn(source.read(claims)))
}

/** The same for scopes, where one string holds words separated by spaces (RFC 6749 section 3.3). */
export function readWords(sources: readonly CompiledSource[], claims: Claims): readonly string[] {
  return joined(sources, (source) => {
    const value = source.read(claims)
    return typeof value === 'string' ? words(value) : stringsIn(value)
  })
}

function joined(
  sources: readonly CompiledSource[],
  read: (source: CompiledSource) => readonly string[],
): readonly string[] {
  return Object.freeze([...new Set(sources.flatMap(read))])
}

export function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  return isStrings(value) ? value : []
}
