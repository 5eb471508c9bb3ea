import { BackOff } from './back-off.js'
import { CallBudget } from './call-budget.js'
import { BearerError } from './errors.js'
import { FetchError, isFetchError, type Fetch, type FetchDetail } from './fetch-json.js'
import type { FetchedKeys, IssuerRules, Metadata } from './issuer.js'
import type { SkippedKeyReason } from './jwk.js'
import { KeySet, type Candidates, type WantedKey } from './key-set.js'
import type { IssuerSnapshot } from './key-snapshot.js'
import { platform } from '#platform'

/** What a key store reports to observers. Nothing in it comes from a token. */
export interface KeyEvents {
  keysRefreshed(event: { issuer: string; keys: number; skipped: number; durationSeconds: number }): void
  keysRefreshFailed(
    event: { issuer: string; fault: string; retryInSeconds: number } & {
      [N in keyof FetchDetail]?: Exclude<FetchDetail[N], undefined>
    },
  ): void
  keySkipped(event: { issuer: string; reason: SkippedKeyReason }): void
}

export interface KeyStoreOptions {
  readonly rules: IssuerRules
  readonly clock: () => number
  readonly fetch: Fetch
  readonly deniedKeys: ReadonlySet<string>
  readonly events: KeyEvents
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

const refreshAfterSeconds = 3600
const refreshJitter = 0.1
const maxWaiters = 10_000
/** A fetch this recent is proof enough that the issuer does not list a key. */
const freshSeconds = 30
const secondTryAfterSeconds = 3
/**
 * Unknown key ids cause at most sixteen fetches at once and then one in two seconds, however many forged tokens come. A token
 * with a key that was just published waits no longer than that.
 */
const unknownKeyBurst = 16
const unknownKeyIntervalSeconds = 2
const maxAbsentKeys = 1000

/**
 * Decides when to fetch the key set of one issuer. It refreshes in the background while keys serve; failures back off; an
 * unknown key id may cause a few fetches and no more. Which keys serve until when is the key set's business.
 */
export class KeyStore {
  readonly #options: KeyStoreOptions
  readonly #keys: KeySet
  readonly #unknownKeyFetches = new CallBudget({
    size: unknownKeyBurst,
    refillSeconds: unknownKeyIntervalSeconds,
  })
  /** Keys that a fetch lacked, and when that fetch started. */
  readonly #absentKeys = new Map<string, number>()
  #plannedFetch: Promise<boolean> | undefined
  #metadata: Metadata | undefined
  #metadataReadAt = -Infinity
  /** From the metadata, or from a snapshot. */
  #metadataIssuer: string | undefined
  #cloudInstanceName: string | undefined

  #inFlight: Promise<boolean> | undefined
  #fetchesStarted = 0
  #waiters = 0
  #lastSuccess = -Infinity
  #refreshAt = -Infinity
  #lastAttemptFailed = false
  readonly #backOff = new BackOff()

  #secondTry: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #generation = 0

  constructor(options: KeyStoreOptions) {
    this.#options = options
    const { absentKeyGraceSeconds, requiresKeyId, rsaKeysServeAnyAlgorithm } = options.rules
    this.#keys = new KeySet({
      deniedKeys: options.deniedKeys,
      absentKeyGraceSeconds,
      requiresKeyId,
      rsaKeysServeAnyAlgorithm,
    })
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
   * The keys that may have signed a token. With keys at hand it answers at once. `checkWorthFetching` is called before a
   * fetch is spent on an unknown key, and throws where the token would be refused anyhow.
   */
  find(wanted: WantedKey, checkWorthFetching: () => void): Candidates | Promise<Candidates> {
    const now = this.#options.clock()
    const found = this.#candidates(wanted, now)
    if (found !== undefined) {
      this.refreshIfDue(now)
      return found
    }
    checkWorthFetching()
    // The issuer lists this key, for another algorithm: a fetch does not change that.
    if (this.#keys.isListed(wanted.kid, now))
      throw new BearerError('key_unknown', { claim: 'kid', reason: 'algorithm' })
    if (this.#hasGivenKeys() && this.#keys.size > 0) throw new BearerError('key_unknown', { claim: 'kid' })
    return this.#findAfterFetch(wanted, now)
  }

  /** Undefined where no key of the set can be meant. */
  #candidates(wanted: WantedKey, now: number): Candidates | undefined {
    this.#refuseDenied(wanted.kid)
    const found = this.#keys.candidates(wanted, now)
    if (found.isAmbiguous) throw new BearerError('key_id_missing', { claim: 'kid' })
    return found.keys.length === 0 ? undefined : found
  }

  /** Starts a refresh in the background, where one is due. */
  refreshIfDue(now: number): void {
    // A clock that went back counts as due: what was planned by it means nothing any more.
    if ((now >= this.#refreshAt || now < this.#lastSuccess - freshSeconds) && this.#backOff.mayTry(now)) {
      this.#runInBackground(this.#refresh(now))
    }
  }

  /** Fetches where no key serves: throws a 503 if there is none after that. */
  async load(): Promise<void> {
    const now = this.#options.clock()
    if (this.#keys.hasLiveKeys(now)) return
    if (this.#inFlight === undefined && (this.#isFresh(now) || !this.#backOff.mayTry(now)))
      throw new BearerError('keys_unavailable')
    await this.#waitFor(this.#refresh(now))
    if (!this.#keys.hasLiveKeys(this.#options.clock())) throw new BearerError('keys_unavailable')
  }

  /** Drops keys at once. A named key id stays refused for the life of this store, also if it is listed again. */
  forget(kid: string | undefined): void {
    this.#generation++
    this.#keys.forget(kid)
    this.#absentKeys.clear()
    if (kid === undefined) {
      this.#lastSuccess = -Infinity
      this.#refreshAt = -Infinity
    }
  }

  snapshot(name: string): IssuerSnapshot {
    const metadataIssuer = this.#metadataIssuer
    const cloudInstanceName = this.#cloudInstanceName
    return {
      name,
      ...(metadataIssuer === undefined ? {} : { metadataIssuer }),
      ...(cloudInstanceName === undefined ? {} : { cloudInstanceName }),
      keys: this.#keys.snapshot(),
    }
  }

  /** Adds keys it does not hold. */
  restore({ metadataIssuer, cloudInstanceName, keys }: IssuerSnapshot): void {
    const newest = keys.reduce((latest, { lastListed }) => Math.max(latest, lastListed), -Infinity)
    this.#keys.restore(keys, Math.max(newest, this.#lastSuccess))
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

  async #findAfterFetch(wanted: WantedKey, now: number): Promise<Candidates> {
    if (this.#keys.hasLiveKeys(now)) {
      const found = await this.#findNewKey(wanted, now)
      if (found !== undefined) return found
    } else {
      await this.#loadFor(now)
    }
    const after = this.#options.clock()
    const found = this.#candidates(wanted, after)
    if (found !== undefined) return found
    const isKnownToBeAbsent = !this.#lastAttemptFailed && this.#isFresh(after)
    throw isKnownToBeAbsent
      ? new BearerError('key_unknown', { claim: 'kid' })
      : new BearerError('keys_unavailable')
  }

  /** Fetches where no key serves. A set without a usable key is an answer too: it is not fetched again for each request. */
  async #loadFor(now: number): Promise<void> {
    if (this.#inFlight !== undefined) await this.#waitFor(this.#inFlight)
    else if (this.#isFresh(now) ? this.#unknownKeyFetches.take(now) : this.#backOff.mayTry(now)) {
      await this.#waitFor(this.#refresh(now))
    }
  }

  /** Only a fetch that started after the token came can tell that its key is not listed. */
  async #findNewKey(wanted: WantedKey, now: number): Promise<Candidates | undefined> {
    const name = JSON.stringify([wanted.kid, wanted.x5t, wanted.algorithm])
    const absentSince = this.#absentKeys.get(name) ?? -Infinity
    if (Math.abs(now - absentSince) <= freshSeconds) return undefined
    const startedBefore = this.#fetchesStarted
    if (this.#inFlight !== undefined) {
      await this.#waitFor(this.#inFlight)
      const found = this.#candidates(wanted, this.#options.clock())
      if (found !== undefined) return found
    }
    const started = this.#options.clock()
    if (!this.#backOff.mayTry(started)) return undefined
    const isUnderWay = this.#fetchesStarted > startedBefore ? this.#inFlight : undefined
    const succeeded = await this.#waitFor(isUnderWay ?? this.#fetchForUnknownKeys(started))
    const found = this.#candidates(wanted, this.#options.clock())
    if (found === undefined && succeeded) {
      this.#rememberAbsent(name, started)
      this.#tryAgainLater(wanted)
    }
    return found
  }

  /** One fetch for all tokens that wait for an unknown key: at once while the budget lasts, else when it is refilled. */
  #fetchForUnknownKeys(now: number): Promise<boolean> {
    if (this.#plannedFetch !== undefined) return this.#plannedFetch
    if (this.#unknownKeyFetches.take(now)) return this.#refresh(now, this.#knownMetadata(now))
    this.#plannedFetch = delay(this.#unknownKeyFetches.secondsUntilRefill(now)).then(() => {
      this.#plannedFetch = undefined
      const then = this.#timeOr(now)
      this.#unknownKeyFetches.take(then)
      return this.#refresh(then, this.#knownMetadata(then))
    })
    return this.#plannedFetch
  }

  /** Metadata is read again with every regular refresh; a new key of the same set needs only the set. */
  #knownMetadata(now: number): Metadata | undefined {
    return Math.abs(now - this.#metadataReadAt) < refreshAfterSeconds ? this.#metadata : undefined
  }

  #rememberAbsent(name: string, now: number): void {
    if (this.#absentKeys.size >= maxAbsentKeys) this.#absentKeys.clear()
    this.#absentKeys.set(name, now)
  }

  /** Keys that are configured do not change: a token with another key needs no second look. */
  #hasGivenKeys(): boolean {
    return this.#options.rules.snapshotName === undefined
  }

  #refuseDenied(kid: string | undefined): void {
    if (kid !== undefined && this.#keys.isDenied(kid)) throw new BearerError('key_denied', { claim: 'kid' })
  }

  #isFresh(now: number): boolean {
    return Math.abs(now - this.#lastSuccess) <= freshSeconds
  }

  async #waitFor(fetching: Promise<boolean>): Promise<boolean> {
    if (this.#waiters >= maxWaiters) throw new BearerError('keys_unavailable')
    this.#waiters++
    try {
      return await fetching
    } finally {
      this.#waiters--
    }
  }

  #runInBackground(work: Promise<unknown>): void {
    try {
      this.#options.waitUntil?.(work)
    } catch {
      // The hook is the application's; the fetch goes on without it.
    }
  }

  /** One fetch at a time. Resolves to whether it succeeded; never rejects. */
  #refresh(now: number, known?: Metadata): Promise<boolean> {
    if (this.#inFlight === undefined) {
      this.#fetchesStarted++
      this.#inFlight = this.#fetchKeys(now, known).finally(() => {
        this.#inFlight = undefined
      })
    }
    return this.#inFlight
  }

  async #fetchKeys(startedAt: number, known: Metadata | undefined): Promise<boolean> {
    const { rules, clock, fetch } = this.#options
    try {
      let generation: number
      let fetched: FetchedKeys
      do {
        generation = this.#generation
        fetched = await rules.keySource(fetch, known)
        // A request that was sent before keys were dropped may still answer with them.
      } while (generation !== this.#generation)
      this.#acceptFetched(fetched, clock(), startedAt)
      return true
    } catch (error) {
      this.#planRetry(error, startedAt)
      return false
    }
  }

  #acceptFetched(fetched: FetchedKeys, now: number, startedAt: number): void {
    const { rules, events } = this.#options
    this.#acceptMetadata(fetched.metadata, now)
    let skipped = 0
    this.#keys.accept(fetched.jwks, now, (reason, keys) => {
      skipped += keys
      events.keySkipped({ issuer: rules.name, reason })
    })
    this.#lastSuccess = now
    this.#refreshAt = now + refreshAfterSeconds * (1 - refreshJitter * Math.random())
    this.#lastAttemptFailed = false
    this.#backOff.succeed()
    events.keysRefreshed({
      issuer: rules.name,
      keys: this.#keys.size,
      skipped,
      durationSeconds: now - startedAt,
    })
  }

  #acceptMetadata(metadata: Metadata | undefined, now: number): void {
    if (metadata === undefined || metadata === this.#metadata) return
    // A domain is resolved once: it may be given to another tenant later.
    if (metadata.issuer !== (this.#metadataIssuer ?? metadata.issuer)) throw new FetchError('issuer')
    this.#metadata = metadata
    this.#metadataReadAt = now
    this.#metadataIssuer = metadata.issuer
    this.#cloudInstanceName = metadata.cloudInstanceName
  }

  #planRetry(error: unknown, startedAt: number): void {
    const { rules, events } = this.#options
    this.#lastAttemptFailed = true
    const retryInSeconds = this.#backOff.fail(this.#timeOr(startedAt))
    const { fault, detail } = isFetchError(error) ? error : { fault: 'internal', detail: {} }
    events.keysRefreshFailed({ issuer: rules.name, fault, ...given(detail), retryInSeconds })
  }

  /** The time for background work: a clock that fails there has no caller to report to, and must not end the process. */
  #timeOr(before: number): number {
    try {
      return this.#options.clock()
    } catch {
      return before
    }
  }

  /** The front end that answered may lag behind the one that signed: one more fetch a little later, in the background. */
  #tryAgainLater(wanted: WantedKey): void {
    if (!platform.timers || this.#closed || this.#secondTry !== undefined) return
    const now = this.#options.clock()
    if (this.#candidates(wanted, now) !== undefined) return
    this.#secondTry = setTimeout(() => {
      this.#secondTry = undefined
      const then = this.#timeOr(now)
      if (!this.#closed && this.#unknownKeyFetches.take(then)) {
        this.#runInBackground(this.#refresh(then, this.#knownMetadata(then)))
      }
    }, secondTryAfterSeconds * 1000)
    if (typeof this.#secondTry === 'object') this.#secondTry.unref()
  }
}

/** The members that have a value. */
function given<T extends object>(members: T): { [N in keyof T]: Exclude<T[N], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [N in keyof T]: Exclude<T[N], undefined> }
}

function delay(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000)
  })
}
