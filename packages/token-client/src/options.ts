import type { Authority } from './authority.js'
import type { ClientCredential } from './credentials.js'
import { type Fetch, guardFetch } from './http.js'
import type { SessionLimits } from './session-store.js'
import type { TokenCacheLimits } from './token-cache.js'

export interface TokenClientOptions {
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
    /** A session that is not used for so long ends. Default: 7 days. */
    readonly idleSeconds?: number
  }
  /** How long one token request may take. Default: 5. */
  readonly timeoutSeconds?: number
  /** The most that is read of one answer, after decompression. Default: 256 KiB. */
  readonly maxResponseBytes?: number
  /** Seconds since the epoch. Default: this machine's clock. */
  readonly clock?: () => number
  /** Default: the global `fetch`. Whatever it is, it is called with `redirect: 'error'`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
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
  ])
  const { authority, clientId, credential, audience, cache = {}, sessions = {} } = options
  refuseUnknown('cache.', cache, ['maxEntries', 'maxBytes', 'maximumTokenLifeSeconds'])
  refuseUnknown('sessions.', sessions, ['maxSessions', 'idleSeconds'])
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

  return Object.freeze({
    authority,
    clientId,
    credential,
    audiences: readAudiences(audience),
    cacheLimits: {
      maxEntries: readNumber('cache.maxEntries', cache.maxEntries, 20_000, 0, 1e7),
      maxBytes: readNumber('cache.maxBytes', cache.maxBytes, 64 * 2 ** 20, 0, 2 ** 40),
    },
    maximumTokenLifeSeconds: readNumber(
      'cache.maximumTokenLifeSeconds',
      cache.maximumTokenLifeSeconds,
      day,
      0,
      7 * day,
    ),
    sessionLimits: {
      maxSessions: readNumber('sessions.maxSessions', sessions.maxSessions, 10_000, 1, 1e7),
      idleSeconds: readNumber('sessions.idleSeconds', sessions.idleSeconds, 7 * day, 1, 90 * day),
    },
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
