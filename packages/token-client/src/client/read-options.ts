import { type AuthorityRules, rulesOf } from '../authorities/authority.js'
import { readClock } from '../base/clock.js'
import { type Fetch, guardFetch, type ServiceFetch } from '../base/guarded-fetch.js'
import {
  badOption,
  checkNames,
  checkObject,
  readFunction,
  readGroup,
  readNumber,
  readStringList,
} from '../base/options-reader.js'
import { type DpopSettings, readDpop } from '../bound-tokens/dpop-options.js'
import { tlsFetchOf } from '../bound-tokens/mutual-tls.js'
import type { MemoryCacheLimits } from '../cache/memory-cache.js'
import type { ClientCredential } from '../credentials/client-credential.js'
import { observerNames, type TokenClientObservers } from '../observers/observers.js'
import type { SessionLimits } from '../sessions/session-store.js'
import { readStoreOptions, type StoreSettings } from '../store/store-options.js'
import type { TokenClientOptions } from './options.js'

/** The options of a client after they were read. */
export interface Settings {
  readonly authority: AuthorityRules
  readonly clientId: string
  readonly credential: ClientCredential
  readonly audiences: ReadonlySet<string> | undefined
  readonly cacheLimits: MemoryCacheLimits
  readonly maxTokenLifeSeconds: number
  readonly sessionLimits: SessionLimits
  readonly clock: () => number
  readonly fetch: Fetch
  readonly timeoutSeconds: number
  /** Sends requests over TLS with the client's certificate (`mutualTls`). */
  readonly tlsFetch: typeof fetch | undefined
  readonly store: StoreSettings | undefined
  readonly dpop: DpopSettings | undefined
  readonly sharesSessions: boolean
  readonly clientCapabilities: readonly string[]
  readonly observers: TokenClientObservers
}

const what = 'createTokenClient'
const day = 24 * 60 * 60

const names = [
  'authority',
  'clientId',
  'credential',
  'audience',
  'cache',
  'sessions',
  'store',
  'dpop',
  'clientCapabilities',
  'timeoutSeconds',
  'maxResponseBytes',
  'clock',
  'fetch',
  ...observerNames,
]

/** Checks and copies the options. Throws `TypeError` naming the option and what was expected. */
export function readOptions(options: TokenClientOptions): Settings {
  checkObject(what, options)
  checkNames(what, options, names)
  const authority = readAuthority(options.authority)
  const cache = readCache(options.cache)
  const { shared, ...sessionLimits } = readSessions(options.sessions)
  // A revocation must be remembered longer than anything that it revokes can live.
  const revocationSeconds = Math.max(cache.maxTokenLifeSeconds, sessionLimits.idleSeconds) + 60 * 60
  const store =
    options.store === undefined ? undefined : readStoreOptions(what, options.store, revocationSeconds)
  const clock = readClock(what, options.clock)
  const credential = readCredential(options.credential)
  const timeoutSeconds = readNumber(what, 'timeoutSeconds', options.timeoutSeconds, {
    from: 0.001,
    to: 120,
    standard: 5,
  })
  return Object.freeze({
    authority,
    clientId: readClientId(options.clientId),
    credential,
    audiences:
      options.audience === undefined
        ? undefined
        : new Set(readStringList(what, 'audience', options.audience)),
    cacheLimits: cache.limits,
    maxTokenLifeSeconds: cache.maxTokenLifeSeconds,
    sessionLimits,
    store,
    sharesSessions: readSharesSessions(shared, store, authority),
    clientCapabilities: readClientCapabilities(options.clientCapabilities, authority),
    observers: readObservers(options),
    clock,
    dpop: readDpop(what, options.dpop, clock),
    timeoutSeconds,
    fetch: readFetch(options, timeoutSeconds, tlsFetchOf(credential)),
    tlsFetch: tlsFetchOf(credential),
  })
}

function readAuthority(authority: unknown): AuthorityRules {
  const rules = rulesOf(authority)
  if (rules === undefined)
    throw badOption(what, 'authority', 'must be made by entraAuthority or oauthAuthority')
  return rules
}

function readClientId(clientId: unknown): string {
  if (typeof clientId === 'string' && /^[\x20-\x7e]+$/.test(clientId)) return clientId
  throw badOption(what, 'clientId', 'must be a non-empty string of printable ASCII characters')
}

function readCredential(credential: unknown): ClientCredential {
  if (typeof credential === 'function') return credential as ClientCredential
  throw badOption(
    what,
    'credential',
    'must be made by clientSecret, clientCertificate, clientAssertion or mutualTls',
  )
}

function readCache(options: TokenClientOptions['cache']): {
  limits: MemoryCacheLimits
  maxTokenLifeSeconds: number
} {
  const group = ['maxEntries', 'maxBytes', 'maxTokenLifeSeconds']
  const { maxEntries, maxBytes, maxTokenLifeSeconds } = readGroup(what, 'cache', options, group)
  return {
    limits: {
      maxEntries: readNumber(what, 'cache.maxEntries', maxEntries, { from: 0, to: 1e7, standard: 20_000 }),
      maxBytes: readNumber(what, 'cache.maxBytes', maxBytes, {
        from: 0,
        to: 2 ** 40,
        standard: 64 * 2 ** 20,
      }),
    },
    maxTokenLifeSeconds: readNumber(what, 'cache.maxTokenLifeSeconds', maxTokenLifeSeconds, {
      from: 0,
      to: 7 * day,
      standard: day,
    }),
  }
}

function readSessions(options: TokenClientOptions['sessions']): SessionLimits & { shared: unknown } {
  const group = ['maxSessions', 'idleSeconds', 'shared']
  const { maxSessions, idleSeconds, shared } = readGroup(what, 'sessions', options, group)
  return {
    maxSessions: readNumber(what, 'sessions.maxSessions', maxSessions, {
      from: 1,
      to: 1e7,
      standard: 10_000,
    }),
    idleSeconds: readNumber(what, 'sessions.idleSeconds', idleSeconds, {
      from: 1,
      to: 90 * day,
      standard: 7 * day,
    }),
    shared,
  }
}

function readSharesSessions(
  shared: unknown,
  store: StoreSettings | undefined,
  authority: AuthorityRules,
): boolean {
  if (shared !== undefined && typeof shared !== 'boolean') {
    throw badOption(what, 'sessions.shared', 'must be a boolean')
  }
  if (shared === true && store === undefined)
    throw badOption(what, 'sessions.shared', 'must come with a store')
  if (shared === false || store === undefined) return false
  if (store.lock === undefined && !authority.refreshTokensAreReusable) {
    throw badOption(
      what,
      'store.lock',
      'must be a lock, or "sessions.shared" false: this issuer may end a session when two processes use one refresh token',
    )
  }
  return true
}

function readClientCapabilities(capabilities: unknown, authority: AuthorityRules): readonly string[] {
  if (capabilities === undefined) return []
  if (
    !Array.isArray(capabilities) ||
    !capabilities.every((one) => typeof one === 'string' && /^\w{1,32}$/.test(one))
  ) {
    throw badOption(what, 'clientCapabilities', "must be a list of words, such as ['cp1']")
  }
  if (capabilities.length > 0 && !authority.takesClaims) {
    throw badOption(what, 'clientCapabilities', "must be left out: only Entra's v2.0 endpoint takes claims")
  }
  return Object.freeze([...new Set(capabilities as string[])].sort())
}

function readObservers(options: TokenClientOptions): TokenClientObservers {
  const observers = observerNames.map((name) => {
    const observer: unknown = options[name]
    return [name, observer === undefined ? undefined : readFunction(what, name, observer)]
  })
  return Object.freeze(Object.fromEntries(observers) as TokenClientObservers)
}

function readFetch(
  { fetch, maxResponseBytes }: TokenClientOptions,
  timeoutSeconds: number,
  tlsFetch: typeof globalThis.fetch | undefined,
): Fetch {
  const send: ServiceFetch =
    fetch === undefined
      ? (tlsFetch ?? ((url, init) => globalThis.fetch(url, init)))
      : readFunction(what, 'fetch', fetch)
  return guardFetch(send, {
    timeoutSeconds,
    maxResponseBytes: readNumber(what, 'maxResponseBytes', maxResponseBytes, {
      from: 1024,
      to: 16 * 2 ** 20,
      standard: 256 * 1024,
    }),
  })
}
