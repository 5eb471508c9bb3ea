import { unlessAborted } from '../base/abort.js'
import { type AcquiredToken, createAcquiredToken } from '../base/acquired-token.js'
import { isTokenClientError, ownError, type TokenClientError } from '../base/errors.js'
import type { WorkInProgress } from '../base/work-in-progress.js'
import type { PreparedGrant, TokenGrant } from '../grants/grant.js'
import { type Reporter, requestedToken, secondsSince } from '../observers/reporter.js'
import type { TokenAnswer } from '../token-answers/token-answer.js'
import type { CachedToken } from './memory-cache.js'
import { RequestInFlight } from './requests-in-flight.js'
import type { StoreAnswer, StoredToken, StoredTokens } from './stored-tokens.js'
import type { TokenMemory } from './token-memory.js'

/** Why a request is made: for a caller that waits, or to renew a cached token in the background. */
type Purpose = 'call' | 'renewal'

const marginSeconds = 30
const refreshAheadSeconds = 300
const refreshPauseSeconds = 30

/**
 * Where tokens come from: this process's memory, the shared store, or the token endpoint, in this order. There is one
 * request under way for each key. A hit on a token that expires soon renews it in the background; there are no timers, so
 * a token that nobody asks for is not renewed.
 */
export class TokenSource {
  readonly #memory: TokenMemory
  readonly #stored: StoredTokens | undefined
  readonly #clock: () => number
  readonly #maxLifeSeconds: number
  readonly #reporter: Reporter
  readonly #work: WorkInProgress

  constructor(
    memory: TokenMemory,
    stored: StoredTokens | undefined,
    clock: () => number,
    maxLifeSeconds: number,
    reporter: Reporter,
    work: WorkInProgress,
  ) {
    this.#memory = memory
    this.#stored = stored
    this.#clock = clock
    this.#maxLifeSeconds = maxLifeSeconds
    this.#reporter = reporter
    this.#work = work
  }

  /**
   * A token for this grant. A cached one needs no further check: it passed every check that does not depend on the time
   * with the same inputs, and it is not served after the end of the user's token.
   */
  acquire(grant: TokenGrant, signal: AbortSignal | undefined): AcquiredToken | Promise<AcquiredToken> {
    if (needsNewToken(grant)) {
      const prepared = grant.prepare()
      // Its target wants more than the cached token has.
      if (grant.target.claims !== undefined) this.discard(grant)
      return this.request(grant, prepared, signal)
    }
    return this.cached(grant) ?? this.request(grant, grant.prepare(), signal)
  }

  /** The token in memory, if it may be served without asking the store. Renews it in the background when it is time. */
  cached(grant: TokenGrant): AcquiredToken | undefined {
    const now = this.#clock()
    const entry = this.#memory.tokens.get(grant.cacheKey, now)
    if (entry === undefined || (entry.recheckAt !== undefined && now >= entry.recheckAt)) return undefined
    if (now >= entry.refreshAt) {
      entry.refreshAt = now + refreshPauseSeconds
      this.#renewInBackground(grant)
    }
    this.#reporter.hit(grant.name, grant.target, 'memory')
    return entry.token
  }

  /** Whether there is a valid token in memory. */
  holds({ cacheKey }: TokenGrant): boolean {
    return this.#memory.tokens.get(cacheKey, this.#clock()) !== undefined
  }

  /** A token from the store or the token endpoint. Throws `TokenClientError`, or the signal's reason. */
  async request(
    grant: TokenGrant,
    prepared: PreparedGrant,
    signal: AbortSignal | undefined,
  ): Promise<AcquiredToken> {
    const startedAt = performance.now()
    try {
      return await unlessAborted(this.#requestOnce(grant, prepared, 'call'), signal)
    } catch (error) {
      if (!isTokenClientError(error)) throw error
      // The call may have joined a failed renewal of a token that is still valid.
      const entry = needsNewToken(grant) ? undefined : this.#memory.tokens.get(grant.cacheKey, this.#clock())
      if (entry !== undefined && !endsTheToken(error)) return entry.token
      if (needsNewToken(grant) && endsTheToken(error)) this.discard(grant)
      this.#reportFailure(grant, error, startedAt)
      throw ownError(error)
    }
  }

  /**
   * Caches a token that was issued together with something else, as the first token of a session is. `stamps` are those
   * that its names had before it was requested; without them it is not written to the store.
   */
  add(
    { cacheKey, target }: TokenGrant,
    { revokedWith, key, notAfter }: Omit<PreparedGrant, 'redeem'>,
    answer: TokenAnswer,
    askedAt: number,
    stamps: string | undefined,
  ): AcquiredToken {
    const lifeSeconds = Math.min(answer.expiresInSeconds, this.#maxLifeSeconds)
    const refreshInSeconds = answer.refreshInSeconds ?? refreshAfter(lifeSeconds)
    const token = {
      accessToken: answer.accessToken,
      requestedAt: askedAt,
      expiresAt: askedAt + lifeSeconds,
      scopes: answer.scopes ?? target.scopes ?? [],
      usableUntil: Math.min(askedAt + lifeSeconds - Math.min(marginSeconds, lifeSeconds / 10), notAfter),
      refreshAt: askedAt + Math.min(refreshInSeconds, lifeSeconds),
    }
    this.#addToMemory(cacheKey, { revokedWith, key, notAfter }, token, stamps)
    if (stamps !== undefined) this.#stored?.save(cacheKey, token, stamps)
    return createAcquiredToken({ ...token, key, source: 'network' })
  }

  /** Removes one token, from the store too. */
  discard({ cacheKey }: TokenGrant): void {
    this.#memory.tokens.delete(cacheKey)
    this.#stored?.remove(cacheKey)
  }

  #requestOnce(grant: TokenGrant, prepared: PreparedGrant, purpose: Purpose): Promise<AcquiredToken> {
    const { requests } = this.#memory
    const underWay = requests.get(grant.requestKey)
    if (underWay !== undefined) return underWay
    const request = new RequestInFlight(prepared.revokedWith)
    const token = this.#findOrRedeem(grant, prepared, purpose, request)
    requests.add(grant.requestKey, request, this.#work.track(token))
    return token
  }

  async #findOrRedeem(
    grant: TokenGrant,
    prepared: PreparedGrant,
    purpose: Purpose,
    request: RequestInFlight,
  ): Promise<AcquiredToken> {
    const { stamps, token: stored } = await this.#askStore(grant, prepared)
    if (request.isRevoked) return this.#redeem(grant, prepared, undefined, request)
    const now = this.#clock()
    if (purpose === 'call') {
      const cached = this.#recheck(grant, stamps, now)
      if (cached !== undefined) {
        this.#reporter.hit(grant.name, grant.target, 'memory')
        return cached
      }
    }
    // A renewal takes a token that another instance has already renewed, and none that is older.
    if (stored !== undefined && now < stored.usableUntil && (purpose === 'call' || now < stored.refreshAt)) {
      this.#reporter.hit(grant.name, grant.target, 'store')
      return this.#addToMemory(grant.cacheKey, prepared, stored, stamps)
    }
    if (purpose === 'call') this.#reporter.miss(requestedToken(grant.name, grant.target))
    return this.#redeem(grant, prepared, stamps, request)
  }

  async #askStore(grant: TokenGrant, { revokedWith }: PreparedGrant): Promise<StoreAnswer> {
    if (this.#stored === undefined) return {}
    return this.#stored.find(needsNewToken(grant) ? undefined : grant.cacheKey, revokedWith)
  }

  async #redeem(
    grant: TokenGrant,
    prepared: PreparedGrant,
    stamps: string | undefined,
    request: RequestInFlight,
  ): Promise<AcquiredToken> {
    const askedAt = this.#clock()
    const answer = await prepared.redeem()
    if (!request.isRevoked) return this.add(grant, prepared, answer, askedAt, stamps)
    return this.add(grant, { ...prepared, notAfter: -Infinity }, answer, askedAt, undefined)
  }

  /** The token in memory, when its stamps are still the current ones, or when the store is down. */
  #recheck(grant: TokenGrant, stamps: string | undefined, now: number): AcquiredToken | undefined {
    const cached = needsNewToken(grant) ? undefined : this.#memory.tokens.get(grant.cacheKey, now)
    if (cached === undefined) return undefined
    if (stamps === undefined) return cached.token
    if (cached.stamps === stamps) {
      cached.recheckAt = now + this.#stored!.recheckSeconds
      return cached.token
    }
    this.#memory.tokens.delete(grant.cacheKey)
    return undefined
  }

  #addToMemory(
    cacheKey: string,
    { revokedWith, key, notAfter }: Omit<PreparedGrant, 'redeem'>,
    { usableUntil, refreshAt, ...members }: StoredToken,
    stamps: string | undefined,
  ): AcquiredToken {
    const now = this.#clock()
    const entry: CachedToken = {
      token: createAcquiredToken({ ...members, key, source: 'cache' }),
      usableUntil: Math.min(usableUntil, notAfter),
      refreshAt,
      revokedWith,
      stamps,
    }
    // An application's token has no user with whom it could be revoked.
    if (this.#stored !== undefined && revokedWith.length > 0) {
      entry.recheckAt = now + this.#stored.recheckSeconds
    }
    this.#memory.tokens.set(cacheKey, entry, now)
    return entry.token
  }

  #renewInBackground(grant: TokenGrant): void {
    const startedAt = performance.now()
    const report = (error?: unknown) =>
      this.#reporter.refresh({
        ...requestedToken(grant.name, grant.target),
        ...(isTokenClientError(error) ? { code: error.code } : {}),
        durationSeconds: secondsSince(startedAt),
      })
    this.#requestOnce(grant, grant.prepare(), 'renewal').then(
      () => report(),
      (error: unknown) => {
        if (endsTheToken(error)) this.discard(grant)
        report(error)
      },
    )
  }

  #reportFailure(grant: TokenGrant, error: TokenClientError, startedAt: number): void {
    const { code, action, reason, service } = error
    this.#reporter.failure({
      ...requestedToken(grant.name, grant.target),
      code,
      action,
      ...(reason === undefined ? {} : { reason }),
      ...(service === undefined ? {} : { codes: service.codes }),
      durationSeconds: secondsSince(startedAt),
    })
  }
}

/** A caller with a claims challenge, or with `refresh`, needs a new token. */
function needsNewToken({ requestKey, cacheKey }: TokenGrant): boolean {
  return requestKey !== cacheKey
}

/** Five minutes before the end, or a quarter of a short life, and spread over several instances. */
function refreshAfter(lifeSeconds: number): number {
  return lifeSeconds - Math.min(refreshAheadSeconds, lifeSeconds / 4) * (1 + Math.random() / 4)
}

/** A refusal that concerns the user ends a cached token. An outage, or a wrong secret, does not. */
function endsTheToken(error: unknown): boolean {
  return isTokenClientError(error) && error.action !== 'retry' && error.action !== 'fix-configuration'
}
