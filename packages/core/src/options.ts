import type { Fetch } from './fetch-json.js'
import { rulesOf, type IssuerRules, type TrustedIssuer } from './issuer.js'
import { oidcIssuer } from './oidc.js'
import {
  checkNames,
  checkObject,
  readFunction,
  readSeconds,
  readString,
  readStringList,
  readUrl,
} from './options-reader.js'
import { compilePermission, roleOfNoKind, type CompiledPermission, type Permission } from './permission.js'
import type { ValidatorObservers } from './observers.js'
import { readRevocation, type Revocation, type RevocationCheck } from './revocation.js'
import { readSenderProofs, type SenderProof, type Senders } from './sender-proof.js'
import type { CompiledShape } from './shape.js'
import type { TokenCacheOptions } from './token-cache.js'
import { readTokenSources, type TokenReader, type TokenSource } from './token-source.js'

/** The options of a validator. Only `issuer` is always required. Durations are seconds. */
export interface TokenValidatorOptions extends ValidatorObservers {
  /** Whom the API trusts: an issuer's address (any OpenID Connect issuer but Entra), a trusted issuer, or a list of them. */
  readonly issuer: string | TrustedIssuer | readonly (string | TrustedIssuer)[]
  /**
   * The values of `aud` that mean this API, compared exactly. Required, unless `entra` or `entraMultiTenant` has the API's
   * own `clientId`. With several issuers it is set on each of them: an issuer must not issue tokens for another's audience.
   */
  readonly audience?: string | readonly string[] | undefined
  /** What every token needs, whatever the route. A refusal is 403. */
  readonly permission?: Permission | undefined
  /** Client ids that may call; any other is refused with 403. With several issuers it is set on each of them. */
  readonly allowedClients?: readonly string[] | undefined
  /** How far clocks may disagree, in seconds. Default: 60, at most 600. */
  readonly clockToleranceSeconds?: number | undefined
  /** The oldest token accepted, by `iat`, which is then required. Default: no limit but `exp`. */
  readonly maxTokenAgeSeconds?: number | undefined
  /** The largest token that is read, in bytes. Default: 16384; Node itself refuses headers above that. */
  readonly maxTokenBytes?: number | undefined
  /** Key ids that are never accepted, even if an issuer lists them. */
  readonly deniedKeys?: readonly string[] | undefined
  /** Bounds of the cache of verified tokens: a repeated token costs no signature. `false` turns the cache off. */
  readonly tokenCache?: TokenCacheOptions | false | undefined
  /** Address of this API's protected resource metadata (RFC 9728), for every challenge. */
  readonly resourceMetadata?: string | undefined
  /**
   * What clients write before the API's scopes when they ask for them: with Entra `api://<client id>/`. Challenges then name
   * scopes in full, while permissions and tokens have the short names. Default: nothing.
   */
  readonly scopePrefix?: string | undefined
  /** Where requests carry their token. Two of the configured places used at once are a 400. Default: `Authorization`. */
  readonly tokenFrom?: TokenSource | readonly TokenSource[] | undefined
  /**
   * How a request proves that it comes from the client a token is bound to: `dpop`, `mutualTls`, or both. A bound token (one
   * with `cnf`) is refused without its proof; without this option every bound token is refused.
   */
  readonly senderProofs?: SenderProof | readonly SenderProof[] | undefined
  /**
   * Which tokens are revoked: a list made by `createRevocationList`, or an object of the application with a function
   * `isRevoked`. It is asked at every use of a token, after every check but the permission. Default: none.
   */
  readonly revocation?: Revocation | undefined
  /**
   * Add client id, tenant id, token id and duration to the events of accepted and refused tokens: for audit and metrics.
   * Nothing of a person is in them. Default: false.
   */
  readonly eventDetails?: boolean | undefined
  /** The time in seconds since the epoch. Default: the system clock. */
  readonly clock?: (() => number) | undefined
  /** Fetches metadata and keys. Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined
  /** Keeps an edge runtime alive until background work is done. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** One trusted issuer with what the API requires of its tokens. */
export interface IssuerEntry {
  readonly rules: IssuerRules
  readonly audience: readonly string[]
  readonly allowedClients: readonly string[] | undefined
  readonly requiredClaims: CompiledShape | undefined
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
  readonly scopePrefix: string | undefined
  /** Scopes of the permission, for a caller who has none: only where clients read challenges (RFC 9728). */
  readonly scope: string | undefined
  readonly tokenReader: TokenReader
  /** Undefined where no sender proof is configured: every bound token is then refused. */
  readonly senders: Senders | undefined
  readonly revocation: RevocationCheck | undefined
  readonly eventDetails: boolean
  readonly clock: () => number
  readonly fetch: Fetch
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
  readonly observers: ValidatorObservers
}

export const observerNames = [
  'onAccepted',
  'onRefused',
  'onKeysRefreshed',
  'onKeysRefreshFailed',
  'onKeySkipped',
  'onIntrospectionFailed',
] as const

/** Names of all options, for adapters that add options of their own. */
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
  'scopePrefix',
  'tokenFrom',
  'senderProofs',
  'revocation',
  'eventDetails',
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
  const { eventDetails = false } = options
  if (typeof eventDetails !== 'boolean') throw new TypeError(`${what}: "eventDetails" must be true or false`)
  const issuers = readIssuers(options)
  const clockToleranceSeconds = readSeconds(
    what,
    'clockToleranceSeconds',
    options.clockToleranceSeconds ?? 60,
    { from: 0, to: 600 },
  )
  const senders = readSenderProofs(what, options.senderProofs, clockToleranceSeconds)
  const required = permission === undefined ? undefined : readPermission(permission, issuers)
  return {
    issuers,
    permission: required,
    scope: options.resourceMetadata === undefined ? undefined : required?.scope,
    scopePrefix:
      options.scopePrefix === undefined ? undefined : readScopePrefix('scopePrefix', options.scopePrefix),
    tokenReader: readTokenSources(what, options.tokenFrom, senders?.dpop !== undefined),
    senders,
    revocation: readRevocation(what, options.revocation),
    eventDetails,
    clockToleranceSeconds,
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
  if (compiled.hasRoleOfAnyKind && issuers.some(({ rules }) => rules.family !== undefined)) {
    throw roleOfNoKind(`${what}: permission`)
  }
  return compiled
}

export function systemClock(): number {
  return Date.now() / 1000
}

/** Read at each use: some runtimes install their fetch late. */
export const globalFetch: Fetch = (url, init) => fetch(url, init)

function readIssuers(options: TokenValidatorOptions): readonly IssuerEntry[] {
  const given: readonly unknown[] = Array.isArray(options.issuer) ? options.issuer : [options.issuer]
  if (given.length === 0) throw new TypeError(`${what}: "issuer" must not be an empty list`)
  const issuers = given.map(readIssuer)
  checkOneFamily(options, issuers)
  checkNoOverlap(issuers)
  checkOneOpaqueIssuer(issuers)
  const audience = options.audience === undefined ? [] : readStringList(what, 'audience', options.audience)
  const allowedClients =
    options.allowedClients === undefined
      ? undefined
      : readStringList(what, 'allowedClients', options.allowedClients)
  return issuers.map((rules) => entryOf(rules, { audience, allowedClients }))
}

/** What one API requires of an issuer's tokens: its own settings, beside those of the validator. */
export function entryOf(
  rules: IssuerRules,
  { audience, allowedClients }: Pick<IssuerEntry, 'audience' | 'allowedClients'>,
): IssuerEntry {
  const entry = {
    rules,
    audience: Object.freeze([...audience, ...(rules.settings.audience ?? [])]),
    allowedClients: rules.settings.allowedClients ?? allowedClients,
    requiredClaims: rules.settings.requiredClaims,
  }
  checkHasAudience(entry)
  for (const name of entry.audience) rules.checkAudience?.(name)
  return entry
}

function readIssuer(issuer: unknown): IssuerRules {
  const rules = rulesOf(typeof issuer === 'string' ? oidcIssuer(issuer) : issuer)
  if (rules !== undefined) return rules
  throw new TypeError(
    `${what}: "issuer" must be an address, or a value made by entra, entraMultiTenant, oidcIssuer or staticIssuer`,
  )
}

/** An issuer must not issue tokens for the audience of another, unless audiences are unique across both. */
function checkOneFamily(options: TokenValidatorOptions, issuers: readonly IssuerRules[]): void {
  const family = issuers[0]?.family
  if (issuers.length === 1 || (family !== undefined && issuers.every((rules) => rules.family === family)))
    return
  for (const name of ['audience', 'allowedClients'] as const) {
    if (options[name] !== undefined) {
      throw new TypeError(`${what}: "${name}" must be set on each issuer where there are several`)
    }
  }
}

/** Two issuers that recognise one `iss`: which of their rules holds must not depend on the order of a list. */
function checkNoOverlap(issuers: readonly IssuerRules[]): void {
  for (const [index, first] of issuers.entries()) {
    for (const second of issuers.slice(index + 1)) {
      if (!overlap(first, second) && !overlap(second, first)) continue
      throw new TypeError(
        `${what}: "issuer" must not hold two values for the same tokens: ${first.name} and ${second.name}; join their audiences, clients and key addresses in one value`,
      )
    }
  }
}

/** An opaque token does not name its issuer: with two, one of them would see the other's tokens. */
function checkOneOpaqueIssuer(issuers: readonly IssuerRules[]): void {
  const opaque = issuers.filter(({ introspection }) => introspection?.tokens === 'opaque')
  if (opaque.length < 2) return
  throw new TypeError(`${what}: "issuer" must hold at most one introspectedIssuer of opaque tokens`)
}

function overlap(first: IssuerRules, second: IssuerRules): boolean {
  return first.issuers.some((issuer) => {
    const recognition = second.recognise(issuer, undefined)
    return recognition !== undefined && second.excludes?.(recognition) !== true
  })
}

function checkHasAudience({ rules, audience }: IssuerEntry): void {
  // Where issuers appear at run time, each of them is checked when it does.
  if (rules.acceptsMissingAudience || rules.realms !== undefined) return
  const implied = (['1.0', '2.0'] as const).some((version) => rules.impliedAudiences({ version }).length > 0)
  if (audience.length > 0 || implied) return
  throw new TypeError(
    `${what}: "audience" is required for ${rules.name}: the aud of tokens for this API (for Entra, "clientId" on the issuer is enough)`,
  )
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

/** An address that may be quoted in a challenge without change. */
export function readHeaderUrl(name: string, value: unknown): string {
  const url = readUrl(what, name, value)
  if (/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(url)) return url
  throw new TypeError(`${what}: "${name}" must be percent-encoded`)
}

function readScopePrefix(name: string, value: unknown): string {
  const prefix = readString(what, name, value)
  if (/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(prefix)) return prefix
  throw new TypeError(`${what}: "${name}" must be without spaces, quotes and backslashes`)
}

function readObservers(options: TokenValidatorOptions): ValidatorObservers {
  const observers: Record<string, unknown> = {}
  for (const name of observerNames) {
    if (options[name] !== undefined) observers[name] = readFunction(what, name, options[name])
  }
  return observers
}
