import type { SigningAlgorithm } from './algorithms.js'
import { FetchError, type Fetch } from './fetch-json.js'
import type { FetchedKeys, TrustedIssuer } from './issuer.js'
import { fits, readJwk, type SigningKey, type SkippedKeyReason } from './jwk.js'
import { snapshotKey, type IssuerSnapshot } from './key-snapshot.js'
import type { Refuse } from './refuse.js'
import { platform } from '#platform'

/** What a key store tells its observers. Nothing in it comes from a token. */
export interface KeyEvents {
  keysRefreshed(event: { issuer: string; keys: number; skipped: number; durationSeconds: number }): void
  keysRefreshFailed(event: { issuer: string; fault: string; status?: number; retryInSeconds: number }): void
  keySkipped(event: { issuer: string; reason: SkippedKeyReason }): void
}

export interface KeyStoreOptions {
  readonly issuer: TrustedIssuer
  readonly clock: () => number
  readonly fetch: Fetch
  readonly deniedKeys: ReadonlySet<string>
  readonly events: KeyEvents
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

const keyLifeSeconds = 24 * 3600
const refreshAfterSeconds = 3600
const refreshJitter = 0.1
const maximumKeys = 1000
const maximumWaiters = 10_000
const maximumBackOffSeconds = 60
/** A fetch this recent is proof enough that the issuer does not list a key. */
const freshSeconds = 30
const bucketSize = 2
const bucketRefillSeconds = 30
const secondTryAfterSeconds = 3
/** How many keys are tried where an issuer gives several the same id, or none. */
const maximumCandidates = 4

/**
 * The signing keys of one issuer and their life.
 *
 * A key serves until a day after it was last listed; once a later fetch lacked it, for the issuer's grace. Front ends of
 * one issuer disagree for hours while it rolls out a key, so one set without a key is no withdrawal. Refreshing happens
 * behind requests while keys serve; failures back off; an unknown key id may cause a few fetches and no more.
 */
export class KeyStore {
  readonly #options: KeyStoreOptions
  #keys: SigningKey[] = []
  #byKid = new Map<string | undefined, SigningKey[]>()
  readonly #forgotten = new Set<string>()
  #metadataIssuer: string | undefined
  #cloudInstanceName: string | undefined

  #inFlight: Promise<boolean> | undefined
  #waiters = 0
  #lastSuccess = -Infinity
  #refreshAt = -Infinity
  #lastAttemptFailed = false
  #failures = 0
  #retryAt = -Infinity

  #bucket = bucketSize
  #bucketFilledAt = -Infinity
  #secondTry: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #generation = 0

  constructor(options: KeyStoreOptions) {
    this.#options = options
  }

  /** `issuer` of the metadata document, once it was fetched. */
  get metadataIssuer(): string | undefined {
    return this.#metadataIssuer
  }

  /** `cloud_instance_name` of the metadata document, once it was fetched. */
  get cloudInstanceName(): string | undefined {
    return this.#cloudInstanceName
  }

  /**
   * The keys that may have signed a token with this key id. With keys at hand it answers at once. `checkWorthFetching` is
   * asked before a fetch is spent on an unknown key id, and throws where the token would be refused anyhow.
   */
  find(
    kid: string | undefined,
    algorithm: SigningAlgorithm,
    checkWorthFetching: () => void,
    refuse: Refuse,
  ): readonly SigningKey[] | Promise<readonly SigningKey[]> {
    const now = this.#options.clock()
    if (kid !== undefined && this.#isDenied(kid)) throw refuse('key_denied', { claim: 'kid' })
    const live = this.#candidates(kid, algorithm, now)
    if (live.length > 0) {
      this.refreshIfDue(now)
      return live
    }
    checkWorthFetching()
    return this.#findAfterFetch(kid, algorithm, refuse, now)
  }

  /** Starts a refresh behind the request, where one is due. */
  refreshIfDue(now: number): void {
    // A clock that went back counts as due: what was planned by it means nothing any more.
    if ((now >= this.#refreshAt || now < this.#lastSuccess - freshSeconds) && this.#mayTry(now)) {
      this.#behind(this.#refresh(now))
    }
  }

  /** Fetches where no key serves: throws a 503 if there is none after that. */
  async load(refuse: Refuse): Promise<void> {
    const now = this.#options.clock()
    if (this.#hasLiveKeys(now)) return
    if (this.#inFlight === undefined && (this.#isFresh(now) || !this.#mayTry(now)))
      throw refuse('keys_unavailable')
    await this.#await(this.#refresh(now), refuse)
    if (!this.#hasLiveKeys(this.#options.clock())) throw refuse('keys_unavailable')
  }

  /** Drops keys at once. A named key id stays refused for the life of this store, also if it is listed again. */
  forget(kid: string | undefined): void {
    this.#generation++
    if (kid !== undefined) this.#forgotten.add(kid)
    for (const key of this.#keys) {
      if (kid === undefined || key.kid === kid) key.servesUntil = -Infinity
    }
    this.#index(this.#keys.filter((key) => key.servesUntil > -Infinity))
    if (kid === undefined) {
      this.#lastSuccess = -Infinity
      this.#refreshAt = -Infinity
    }
  }

  snapshot(): IssuerSnapshot {
    const metadataIssuer = this.#metadataIssuer
    const cloudInstanceName = this.#cloudInstanceName
    return {
      name: this.#options.issuer.name,
      ...(metadataIssuer === undefined ? {} : { metadataIssuer }),
      ...(cloudInstanceName === undefined ? {} : { cloudInstanceName }),
      keys: this.#keys.map(snapshotKey),
    }
  }

  /** Adds keys it does not hold. What it holds knows better, and a key's time is never lengthened. */
  restore({ metadataIssuer, cloudInstanceName, keys }: IssuerSnapshot): void {
    const newest = keys.reduce((latest, { lastListed }) => Math.max(latest, lastListed), -Infinity)
    const known = new Map(this.#keys.map((key) => [sameness(key), key]))
    for (const { jwk, lastListed } of keys.slice(0, maximumKeys)) {
      const life = lastListed < newest ? this.#options.issuer.absentKeyGraceSeconds : keyLifeSeconds
      const read = readJwk(jwk, lastListed, lastListed + life)
      if ('skipped' in read || (read.key.kid !== undefined && this.#isDenied(read.key.kid))) continue
      if (!known.has(sameness(read.key))) known.set(sameness(read.key), read.key)
    }
    this.#index([...known.values()].slice(0, maximumKeys))
    this.#metadataIssuer ??= metadataIssuer
    this.#cloudInstanceName ??= cloudInstanceName
    if (newest > this.#lastSuccess) {
      this.#lastSuccess = newest
      this.#refreshAt = newest + refreshAfterSeconds
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#secondTry)
  }

  async #findAfterFetch(
    kid: string | undefined,
    algorithm: SigningAlgorithm,
    refuse: Refuse,
    now: number,
  ): Promise<readonly SigningKey[]> {
    const isCold = !this.#hasLiveKeys(now)
    if (this.#inFlight !== undefined) {
      await this.#await(this.#inFlight, refuse)
    } else if (
      // A set without a usable key is an answer too: it is not asked for again with every request.
      isCold && !this.#isFresh(now) ? this.#mayTry(now) : this.#takeFromBucket(now)
    ) {
      await this.#await(this.#refresh(now), refuse)
      if (!isCold) this.#tryAgainBehind(kid, algorithm)
    }
    const after = this.#options.clock()
    const found = this.#candidates(kid, algorithm, after)
    if (found.length > 0) return found
    if (kid !== undefined && this.#isDenied(kid)) throw refuse('key_denied', { claim: 'kid' })
    const isKnownToBeAbsent = !this.#lastAttemptFailed && this.#isFresh(after)
    throw isKnownToBeAbsent ? refuse('key_unknown', { claim: 'kid' }) : refuse('keys_unavailable')
  }

  #candidates(kid: string | undefined, algorithm: SigningAlgorithm, now: number): readonly SigningKey[] {
    const keys = this.#named(kid)
    if (keys === undefined) return noKeys
    const only = keys.length === 1 ? keys[0] : undefined
    if (only !== undefined) return isFit(only, algorithm, now) ? keys : noKeys
    return keys.filter((key) => isFit(key, algorithm, now)).slice(0, maximumCandidates)
  }

  #named(kid: string | undefined): readonly SigningKey[] | undefined {
    // Without a key id any key may be meant; with one, a key that has none may be.
    if (kid === undefined) return this.#keys
    return (
      this.#byKid.get(kid) ?? (this.#options.issuer.requiresKeyId ? undefined : this.#byKid.get(undefined))
    )
  }

  #isFresh(now: number): boolean {
    return Math.abs(now - this.#lastSuccess) <= freshSeconds
  }

  /** Whether no failure is so recent that the next try has to wait. A time too far off was set by a clock that was wrong. */
  #mayTry(now: number): boolean {
    return now >= this.#retryAt || now < this.#retryAt - maximumBackOffSeconds
  }

  #hasLiveKeys(now: number): boolean {
    return this.#keys.some((key) => now < key.servesUntil)
  }

  #isDenied(kid: string): boolean {
    return this.#forgotten.has(kid) || this.#options.deniedKeys.has(kid)
  }

  async #await(fetching: Promise<boolean>, refuse: Refuse): Promise<boolean> {
    if (this.#waiters >= maximumWaiters) throw refuse('keys_unavailable')
    this.#waiters++
    try {
      return await fetching
    } finally {
      this.#waiters--
    }
  }

  #behind(work: Promise<unknown>): void {
    try {
      this.#options.waitUntil?.(work)
    } catch {
      // The hook is the application's; the fetch goes on without it.
    }
  }

  /** One fetch at a time. Resolves to whether it succeeded; never rejects. */
  #refresh(now: number): Promise<boolean> {
    this.#inFlight ??= this.#fetchKeys(now).finally(() => {
      this.#inFlight = undefined
    })
    return this.#inFlight
  }

  async #fetchKeys(startedAt: number): Promise<boolean> {
    const { issuer, clock, fetch, events } = this.#options
    try {
      let generation: number
      let fetched: FetchedKeys
      do {
        generation = this.#generation
        fetched = await issuer.keySource(fetch)
        // What was asked for before keys were dropped may still hold them.
      } while (generation !== this.#generation)
      const { issuer: named = this.#metadataIssuer } = fetched
      // A domain is resolved once: whoever it is given to later is somebody else.
      if (named !== (this.#metadataIssuer ?? named)) throw new FetchError('issuer')
      const now = clock()
      this.#metadataIssuer = named
      this.#cloudInstanceName = fetched.cloudInstanceName
      const skipped = this.#accept(fetched.jwks, now)
      this.#lastSuccess = now
      this.#refreshAt = now + refreshAfterSeconds * (1 - refreshJitter * Math.random())
      this.#lastAttemptFailed = false
      this.#failures = 0
      this.#retryAt = -Infinity
      events.keysRefreshed({
        issuer: issuer.name,
        keys: this.#keys.length,
        skipped,
        durationSeconds: now - startedAt,
      })
      return true
    } catch (error) {
      this.#lastAttemptFailed = true
      this.#failures++
      const backOff = Math.min(2 ** (this.#failures - 1), maximumBackOffSeconds)
      const retryInSeconds = backOff * (1 - 0.5 * Math.random())
      this.#retryAt = this.#timeOr(startedAt) + retryInSeconds
      const { fault, status } = error instanceof FetchError ? error : { fault: 'internal', status: undefined }
      events.keysRefreshFailed({
        issuer: issuer.name,
        fault,
        ...(status === undefined ? {} : { status }),
        retryInSeconds,
      })
      return false
    }
  }

  /** Takes in a fetched set: keys seen before live on as the same objects, so that what they verified stays tied to them. */
  #accept(jwks: readonly unknown[], now: number): number {
    const { issuer, events } = this.#options
    const before = new Map(this.#keys.map((key) => [sameness(key), key]))
    const listed = new Map<string, SigningKey>()
    let skipped = 0
    const skip = (reason: SkippedKeyReason): void => {
      skipped++
      events.keySkipped({ issuer: issuer.name, reason })
    }
    for (const jwk of jwks.slice(0, maximumKeys)) {
      const read = readJwk(jwk, now, now + keyLifeSeconds)
      if ('skipped' in read) skip(read.skipped)
      else if (read.key.kid !== undefined && this.#isDenied(read.key.kid)) skip('denied')
      else {
        const key = before.get(sameness(read.key)) ?? read.key
        key.lastListed = now
        key.servesUntil = now + keyLifeSeconds
        listed.set(sameness(key), key)
      }
    }
    if (jwks.length > maximumKeys) {
      skip('too_many')
      skipped += jwks.length - maximumKeys - 1
    }
    for (const [same, key] of before) {
      if (listed.has(same)) continue
      key.servesUntil = Math.min(key.servesUntil, key.lastListed + issuer.absentKeyGraceSeconds)
      if (now < key.servesUntil && listed.size < maximumKeys) listed.set(same, key)
      else key.servesUntil = -Infinity
    }
    this.#index([...listed.values()])
    return skipped
  }

  #index(keys: SigningKey[]): void {
    this.#keys = keys
    this.#byKid = new Map()
    for (const key of keys) {
      const others = this.#byKid.get(key.kid)
      if (others === undefined) this.#byKid.set(key.kid, [key])
      else others.push(key)
    }
  }

  #takeFromBucket(now: number): boolean {
    const refilled = Math.floor((now - this.#bucketFilledAt) / bucketRefillSeconds)
    if (refilled > 0 || now < this.#bucketFilledAt) {
      this.#bucket = Math.min(bucketSize, this.#bucket + Math.max(refilled, 0))
      this.#bucketFilledAt = now
    }
    if (this.#bucket === 0) return false
    this.#bucket--
    return true
  }

  /** The time for what runs behind requests: a clock that fails there has nobody to be told, and must not end the process. */
  #timeOr(before: number): number {
    try {
      return this.#options.clock()
    } catch {
      return before
    }
  }

  /** The front end that answered may lag behind the one that signed: one more look a little later, behind the request. */
  #tryAgainBehind(kid: string | undefined, algorithm: SigningAlgorithm): void {
    if (!platform.timers || this.#closed || this.#secondTry !== undefined) return
    const now = this.#options.clock()
    if (this.#candidates(kid, algorithm, now).length > 0) return
    this.#secondTry = setTimeout(() => {
      this.#secondTry = undefined
      const then = this.#timeOr(now)
      if (!this.#closed && this.#takeFromBucket(then)) this.#behind(this.#refresh(then))
    }, secondTryAfterSeconds * 1000)
    if (typeof this.#secondTry === 'object') this.#secondTry.unref()
  }
}

const noKeys: readonly SigningKey[] = Object.freeze([])

function isFit(key: SigningKey, algorithm: SigningAlgorithm, now: number): boolean {
  return (
    now < key.servesUntil &&
    (key.algorithm === undefined || key.algorithm === algorithm) &&
    fits(key.jwk, algorithm)
  )
}

/** The same key: the same material under the same id, bound to the same issuer and cloud. */
function sameness(key: SigningKey): string {
  return JSON.stringify([key.identity, key.kid, key.algorithm, key.issuer, key.cloudInstanceName])
}
