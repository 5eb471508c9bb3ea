import type { Fetch } from './fetch-json.js'
import { isTrustedIssuer, type TrustedIssuer } from './issuer.js'
import { oidcIssuer } from './oidc.js'
import {
  checkNames,
  checkObject,
  readFunction,
  readSeconds,
  readStringList,
  readUrl,
} from './options-reader.js'
import { compilePermission, roleOfNoKind, type CompiledPermission, type Permission } from './permission.js'
import type { Observers } from './observers.js'
import type { TokenCacheOptions } from './token-cache.js'

/** Everything a validator can be told. Only `issuer` is always required. Durations are seconds. */
export interface TokenValidatorOptions extends Observers {
  /** Whom this API trusts: an issuer's address (of any OpenID Connect issuer but Entra), a trusted-issuer value, or a list. */
  readonly issuer: string | TrustedIssuer | readonly (string | TrustedIssuer)[]
  /**
   * What tokens for this API carry as `aud`, exactly. Required, unless `entra` or `entraMultiTenant` was given the API's own
   * `clientId`. With several issuers it stands on each of them, for an issuer must not mint an audience of another.
   */
  readonly audience?: string | readonly string[]
  /** What every token needs, whatever the route. A refusal is 403. */
  readonly permission?: Permission
  /** Client ids that may call; any other is refused with 403. With several issuers it stands on each of them. */
  readonly allowedClients?: readonly string[]
  /** How far clocks may disagree. Default: 60, at most 600. */
  readonly clockToleranceSeconds?: number
  /** Oldest token accepted, by `iat`, which is then required. Default: no limit but `exp`. */
  readonly maxTokenAgeSeconds?: number
  /** Largest token read. Default: 16384; Node itself refuses headers above that. */
  readonly maxTokenBytes?: number
  /** Key ids that are never accepted, whoever lists them. */
  readonly deniedKeys?: readonly string[]
  /** Verified tokens that are remembered, so that a repeated token costs no signature. `false` turns it off. */
  readonly tokenCache?: TokenCacheOptions | false
  /** Address of this API's protected resource metadata (RFC 9728), told in every challenge. */
  readonly resourceMetadata?: string
  /** Seconds since the epoch. Default: the system clock. */
  readonly clock?: () => number
  /** Fetches metadata and keys. Default: the global `fetch`. */
  readonly fetch?: Fetch
  /** Keeps an edge runtime alive until work behind a request is done. */
  readonly waitUntil?: (work: Promise<unknown>) => void
}

/** One trusted issuer with what this API demands of its tokens. */
export interface IssuerEntry {
  readonly issuer: TrustedIssuer
  readonly audience: readonly string[]
  readonly allowedClients: readonly string[] | undefined
}

export interface ReadOptions {
  readonly issuers: readonly IssuerEntry[]
  readonly permission: CompiledPermission | undefined
  readonly clockToleranceSeconds: number
  readonly maxTokenAgeSeconds: number | undefined
  readonly maxTokenBytes: number
  readonly deniedKeys: ReadonlySet<string>
  readonly tokenCache: TokenCacheOptions | false
  readonly resourceMetadata: string | undefined
  readonly clock: () => number
  readonly fetch: Fetch
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly observers: Observers
}

export const observerNames = [
  'onAccepted',
  'onRefused',
  'onKeysRefreshed',
  'onKeysRefreshFailed',
  'onKeySkipped',
] as const

/** Names of all options, for those who pass some of their own along. */
export const optionNames: readonly string[] = [
  'issuer',
  'audience',
  'permission',
  'allowedClients',
  'clockToleranceSeconds',
  'maxTokenAgeSeconds',
  'maxTokenBytes',
  'deniedKeys',
  'tokenCache',
  'resourceMetadata',
  'clock',
  'fetch',
  'waitUntil',
  ...observerNames,
]

const what = 'createTokenValidator'

/** Reads and copies the options. Throws a TypeError that names the option and what was expected. */
export function readOptions(options: TokenValidatorOptions): ReadOptions {
  checkObject(what, options)
  checkNames(what, options, optionNames)
  const { permission, maxTokenAgeSeconds, maxTokenBytes = 16 * 1024, waitUntil } = options
  if (!Number.isInteger(maxTokenBytes) || maxTokenBytes < 256 || maxTokenBytes > 1024 * 1024) {
    throw new TypeError(`${what}: "maxTokenBytes" must be a whole number from 256 to 1048576`)
  }
  const issuers = readIssuers(options)
  return {
    issuers,
    permission: permission === undefined ? undefined : readPermission(permission, issuers),
    clockToleranceSeconds: readSeconds(what, 'clockToleranceSeconds', options.clockToleranceSeconds ?? 60, {
      from: 0,
      to: 600,
    }),
    maxTokenAgeSeconds:
      maxTokenAgeSeconds === undefined
        ? undefined
        : readSeconds(what, 'maxTokenAgeSeconds', maxTokenAgeSeconds, { from: 1, to: 10 * 365 * 86_400 }),
    maxTokenBytes,
    deniedKeys: new Set(
      options.deniedKeys === undefined || options.deniedKeys.length === 0
        ? []
        : readStringList(what, 'deniedKeys', options.deniedKeys),
    ),
    tokenCache: readTokenCache(options.tokenCache),
    resourceMetadata:
      options.resourceMetadata === undefined
        ? undefined
        : readHeaderUrl('resourceMetadata', options.resourceMetadata),
    clock: readFunction(what, 'clock', options.clock ?? systemClock),
    fetch: readFunction(what, 'fetch', options.fetch ?? globalFetch),
    waitUntil: waitUntil === undefined ? undefined : readFunction(what, 'waitUntil', waitUntil),
    observers: readObservers(options),
  }
}

function readPermission(permission: Permission, issuers: readonly IssuerEntry[]): CompiledPermission {
  const compiled = compilePermission(permission, `${what}: permission`)
  if (compiled.hasRoleOfAnyKind && issuers.some(({ issuer }) => issuer.family !== undefined)) {
    throw roleOfNoKind(`${what}: permission`)
  }
  return compiled
}

function systemClock(): number {
  return Date.now() / 1000
}

/** Looked up at each use: some runtimes install their fetch late. */
const globalFetch: Fetch = (url, init) => fetch(url, init)

function readIssuers(options: TokenValidatorOptions): readonly IssuerEntry[] {
  const given: readonly unknown[] = Array.isArray(options.issuer) ? options.issuer : [options.issuer]
  if (given.length === 0) throw new TypeError(`${what}: "issuer" must not be an empty list`)
  const issuers = given.map((issuer) => {
    if (typeof issuer === 'string') return oidcIssuer(issuer)
    if (isTrustedIssuer(issuer)) return issuer
    throw new TypeError(
      `${what}: "issuer" must be an address, or a value made by entra, entraMultiTenant, oidcIssuer or staticIssuer`,
    )
  })
  const isOneFamily =
    issuers.length === 1 ||
    issuers.every((issuer) => issuer.family !== undefined && issuer.family === issuers[0]?.family)
  for (const name of ['audience', 'allowedClients'] as const) {
    if (options[name] !== undefined && !isOneFamily) {
      throw new TypeError(`${what}: with several issuers "${name}" stands on each of them`)
    }
  }
  const audience = options.audience === undefined ? [] : readStringList(what, 'audience', options.audience)
  const allowedClients =
    options.allowedClients === undefined
      ? undefined
      : readStringList(what, 'allowedClients', options.allowedClients)
  return issuers.map((issuer) => {
    const own = issuer.settings.audience ?? []
    const entry = {
      issuer,
      audience: Object.freeze([...audience, ...own]),
      allowedClients: issuer.settings.allowedClients ?? allowedClients,
    }
    const implied = (['1.0', '2.0'] as const).some(
      (version) => issuer.impliedAudiences({ version }).length > 0,
    )
    if (entry.audience.length === 0 && !implied) {
      throw new TypeError(
        `${what}: "audience" is required for ${issuer.name}: what its tokens for this API carry as aud (with Entra, "clientId" on the issuer will do)`,
      )
    }
    return entry
  })
}

function readTokenCache(value: unknown): TokenCacheOptions | false {
  if (value === false) return false
  if (value === undefined) return {}
  checkObject(`${what}: tokenCache`, value)
  checkNames(`${what}: tokenCache`, value, ['maxEntries', 'maxBytes'])
  for (const name of ['maxEntries', 'maxBytes'] as const) {
    const number = value[name]
    if (number !== undefined && !(Number.isSafeInteger(number) && (number as number) > 0)) {
      throw new TypeError(`${what}: tokenCache: "${name}" must be a positive whole number`)
    }
  }
  return { ...value }
}

/** An address that can stand in a quoted string of a challenge as it is. */
export function readHeaderUrl(name: string, value: unknown): string {
  const url = readUrl(what, name, value)
  if (/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(url)) return url
  throw new TypeError(`${what}: "${name}" must be percent-encoded`)
}

function readObservers(options: TokenValidatorOptions): Observers {
  const observers: Record<string, unknown> = {}
  for (const name of observerNames) {
    if (options[name] !== undefined) observers[name] = readFunction(what, name, options[name])
  }
  return observers
}
