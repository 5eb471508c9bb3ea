import type { Authority } from '../authorities/authority.js'
import type { ClientCredential } from '../credentials/client-credential.js'
import { type Fetch, guardFetch } from '../base/guarded-fetch.js'
import { observerNames, type TokenClientObservers } from '../observers/observers.js'
import type { SessionLimits } from '../sessions/session-store.js'
import type { KeyvLike, Lock, SharedStoreSettings, StoreKey } from '../store/encrypted-store.js'
import type { TokenCacheLimits } from '../cache/memory-cache.js'

export interface TokenClientOptions extends TokenClientObservers {
  /** The token service: `entraAuthority(…)` or `oauthAuthority(…)`. */
  readonly authority: Authority
  /** This application's client id. */
  readonly clientId: string
  /** How it proves who it is: `clientSecret(…)`, `clientCertificate(…)` or `clientAssertion(…)`. */
  readonly credential: ClientCredential
  /** This API's own audiences. When given, a user's token that was made for another API is refused before it is sent. */
  readonly audience?: string | readonly string[]
  readonly cache?: {
    /** Default: 20,000. */
    readonly maxEntries?: number
    /** Default: 64 MiB. */
    readonly maxBytes?: number
    /** A cached token ends at the smaller of this and what the service says. Default: 24 hours. */
    readonly maximumTokenLifeSeconds?: number
  }
  readonly sessions?: {
    /** Past this number the longest idle session ends. Default: 10,000. */
    readonly maxSessions?: number
    /** A session that is not used (in a shared store: not renewed) for so long ends. Default: 7 days. */
    readonly idleSeconds?: number
    /** Whether sessions are kept in `store`, when there is one. Default: true. In this process's memory otherwise. */
    readonly shared?: boolean
  }
  /** A store that a fleet of processes shares: a second tier behind each one's memory, and the home of sessions. */
  readonly store?: StoreOptions
  /** What this client can do, told to Entra's v2.0 endpoint in every request. Known to Entra: `cp1`, claims challenges. */
  readonly capabilities?: readonly string[]
  /** How long one token request may take. Default: 5. */
  readonly timeoutSeconds?: number
  /** The most that is read of one answer, after decompression. Default: 256 KiB. */
  readonly maxResponseBytes?: number
  /** Seconds since the epoch. Default: this machine's clock. */
  readonly clock?: () => number
  /** Default: the global `fetch`. Whatever it is, it is called with `redirect: 'error'`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface StoreOptions {
  /** A Keyv (of Redis, Valkey, Postgres, …), or anything with its `get`, `set` and `delete`. It sees nothing but ciphertext. */
  readonly keyv: KeyvLike
  /** The first encrypts, all decrypt. To change it, first add the new one behind, everywhere; then bring it to the front. */
  readonly keys: readonly [StoreKey, ...StoreKey[]]
  /** Stands before every name in the store. Default: `countersign`. */
  readonly namespace?: string
  /** How long a call waits for the store before it goes on without it. Default: 0.25. */
  readonly timeoutSeconds?: number
  /**
   * How long this process serves a user's token from its memory without asking the store whether another process forgot
   * that user. Default: 30.
   */
  readonly recheckSeconds?: number
  /**
   * Runs one piece of work at a time, in the whole fleet, for each name. Needed by sessions of issuers that end a session
   * when one refresh token is used twice, which is every `oauthAuthority`.
   */
  readonly lock?: Lock
}

export interface Settings {
  readonly authority: Authority
  readonly clientId: string
  readonly credential: ClientCredential
  readonly audiences: ReadonlySet<string> | undefined
  readonly cacheLimits: TokenCacheLimits
  readonly maximumTokenLifeSeconds: number
  readonly sessionLimits: SessionLimits
  readonly clock: () => number
  readonly fetch: Fetch
  readonly store: (SharedStoreSettings & { recheckSeconds: number; lock: Lock | undefined }) | undefined
  readonly sharesSessions: boolean
  readonly capabilities: readonly string[]
  readonly observers: TokenClientObservers
}

const day = 24 * 60 * 60

/** Checks and copies the options. Throws `TypeError` naming the option and what was expected. */
export function readOptions(options: TokenClientOptions): Settings {
  refuseUnknown('', options, [
    'authority',
    'clientId',
    'credential',
    'audience',
    'cache',
    'sessions',
    'timeoutSeconds',
    'maxResponseBytes',
    'clock',
    'fetch',
    'store',
    'capabilities',
    ...observerNames,
  ])
  const { authority, clientId, credential, audience, cache = {}, sessions = {} } = options
  refuseUnknown('cache.', cache, ['maxEntries', 'maxBytes', 'maximumTokenLifeSeconds'])
  refuseUnknown('sessions.', sessions, ['maxSessions', 'idleSeconds', 'shared'])
  if (typeof authority !== 'object' || authority === null || typeof authority.tokenServer !== 'function') {
    throw new TypeError('authority must be made by entraAuthority or oauthAuthority')
  }
  if (typeof clientId !== 'string' || !/^[\x20-\x7e]+$/.test(clientId)) {
    throw new TypeError('clientId must be a non-empty string of visible characters')
  }
  if (typeof credential !== 'function') {
    throw new TypeError('credential must be made by clientSecret, clientCertificate or clientAssertion')
  }
  const { clock = () => Date.now() / 1000, fetch = (url, init) => globalThis.fetch(url, init) } = options
  if (typeof clock !== 'function')
    throw new TypeError('clock must be a function that gives seconds since the epoch')
  if (typeof fetch !== 'function') throw new TypeError('fetch must be a function')

  for (const name of observerNames) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new TypeError(`${name} must be a function`)
  }
  const maximumTokenLifeSeconds = readNumber(
    'cache.maximumTokenLifeSeconds',
    cache.maximumTokenLifeSeconds,
    day,
    0,
    7 * day,
  )
  const sessionLimits = {
    maxSessions: readNumber('sessions.maxSessions', sessions.maxSessions, 10_000, 1, 1e7),
    idleSeconds: readNumber('sessions.idleSeconds', sessions.idleSeconds, 7 * day, 1, 90 * day),
  }
  const store =
    options.store === undefined
      ? undefined
      : readStore(options.store, Math.max(maximumTokenLifeSeconds, sessionLimits.idleSeconds) + 60 * 60)
  const sharesSessions = readSharesSessions(sessions.shared, store !== undefined)
  if (sharesSessions && store?.lock === undefined && !authority.refreshTokensAreReusable) {
    throw new TypeError(
      'store.lock is needed: this issuer may end a session when two processes use one refresh token (or set sessions.shared to false)',
    )
  }

  return Object.freeze({
    authority,
    clientId,
    credential,
    audiences: readAudiences(audience),
    cacheLimits: {
      maxEntries: readNumber('cache.maxEntries', cache.maxEntries, 20_000, 0, 1e7),
      maxBytes: readNumber('cache.maxBytes', cache.maxBytes, 64 * 2 ** 20, 0, 2 ** 40),
    },
    maximumTokenLifeSeconds,
    sessionLimits,
    store,
    sharesSessions,
    capabilities: readCapabilities(options.capabilities, authority),
    observers: readObservers(options),
    clock: checkedClock(clock),
    fetch: guardFetch(fetch, {
      timeoutSeconds: readNumber('timeoutSeconds', options.timeoutSeconds, 5, 0.001, 120),
      maxResponseBytes: readNumber(
        'maxResponseBytes',
        options.maxResponseBytes,
        256 * 1024,
        1024,
        16 * 2 ** 20,
      ),
    }),
  })
}

function readStore(options: StoreOptions, dropSeconds: number): Settings['store'] {
  refuseUnknown('store.', options, ['keyv', 'keys', 'namespace', 'timeoutSeconds', 'recheckSeconds', 'lock'])
  const { keyv, keys, namespace = 'countersign', lock } = options
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof keyv?.[method] !== 'function')
      throw new TypeError('store.keyv must be a Keyv, or have its get, set and delete')
  }
  if (typeof namespace !== 'string' || !/^[\w.-]{1,64}$/.test(namespace)) {
    throw new TypeError('store.namespace must be 1 to 64 letters, digits, dots, hyphens or underscores')
  }
  if (lock !== undefined && typeof lock !== 'function') throw new TypeError('store.lock must be a function')
  if (!Array.isArray(keys) || keys.length === 0)
    throw new TypeError('store.keys must be a list of at least one { secret }')
  return Object.freeze({
    keyv,
    keys: keys.map(readKey),
    namespace,
    timeoutSeconds: readNumber('store.timeoutSeconds', options.timeoutSeconds, 0.25, 0.001, 10),
    recheckSeconds: readNumber('store.recheckSeconds', options.recheckSeconds, 30, 0, day),
    dropSeconds,
    lock,
  })
}

function readKey(key: StoreKey, index: number): { secret: Uint8Array; readUntil: number } {
  refuseUnknown(`store.keys[${index}].`, key, ['secret', 'readUntil'])
  const { secret, readUntil } = key
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'base64') : secret
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== 32) {
    throw new TypeError(
      `store.keys[${index}].secret must be 32 random bytes, or their base64 or base64url text`,
    )
  }
  // Without an end, a key that was taken out of use for a reason would be read for ever.
  if (index > 0 && !Number.isFinite(readUntil)) {
    throw new TypeError(
      `store.keys[${index}].readUntil must say until when it is read, in seconds since the epoch`,
    )
  }
  if (index === 0 && readUntil !== undefined) {
    throw new TypeError('store.keys[0].readUntil must be left out: the first key is the one in use')
  }
  return { secret: new Uint8Array(bytes), readUntil: readUntil ?? Infinity }
}

function readSharesSessions(shared: unknown, hasStore: boolean): boolean {
  if (shared !== undefined && typeof shared !== 'boolean')
    throw new TypeError('sessions.shared must be a boolean')
  if (shared === true && !hasStore) throw new TypeError('sessions.shared needs a store')
  return shared ?? hasStore
}

function readCapabilities(capabilities: unknown, authority: Authority): readonly string[] {
  if (capabilities === undefined) return []
  if (
    !Array.isArray(capabilities) ||
    !capabilities.every((one) => typeof one === 'string' && /^\w{1,32}$/.test(one))
  ) {
    throw new TypeError("capabilities must be a list of words, such as ['cp1']")
  }
  if (capabilities.length > 0 && !authority.takesClaims) {
    throw new TypeError("capabilities need Entra's v2.0 endpoint: no other takes claims")
  }
  return Object.freeze([...new Set(capabilities as string[])].sort())
}

function readObservers(options: TokenClientOptions): TokenClientObservers {
  return Object.freeze(Object.fromEntries(observerNames.map((name) => [name, options[name]])))
}

function refuseUnknown(prefix: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${prefix === '' ? 'options' : prefix.slice(0, -1)} must be an object`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`there is no option "${prefix}${name}"`)
  }
}

function readNumber(name: string, value: unknown, standard: number, least: number, most: number): number {
  if (value === undefined) return standard
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new TypeError(`${name} must be a number from ${least} to ${most}`)
  }
  return value
}

function readAudiences(audience: unknown): ReadonlySet<string> | undefined {
  if (audience === undefined) return undefined
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (audiences.length === 0 || !audiences.every((one) => typeof one === 'string' && one !== '')) {
    throw new TypeError('audience must be a non-empty string, or a non-empty list of them')
  }
  return new Set(audiences as string[])
}

// Compared with a clock that says NaN, no token ever expires.
function checkedClock(clock: () => number): () => number {
  return () => {
    const now = clock()
    if (!Number.isFinite(now)) throw new TypeError('clock must give a finite number of seconds')
    return now
  }
}
