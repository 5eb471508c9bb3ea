import { type AcquiredToken, createAcquiredToken } from '../base/acquired-token.js'
import { ownError, TokenClientError, type TokenClientErrorCode } from '../base/errors.js'
import { type Announcer, secondsSince, type Wish } from '../observers/observers.js'
import type { Entry, SharedStore } from '../store/encrypted-store.js'
import type { TokenAnswer } from '../token-endpoint/token-answer.js'
import type { CachedToken, TokenCache } from './memory-cache.js'

/** A token that is wanted: how to ask for it, and where what comes back belongs. */
export interface Wanted {
  /** Holds every input of the request: callers with the same key share one request. */
  readonly key: string
  /** Where the token is kept: the same key, without the claims challenge that the new token has answered. */
  readonly cacheKey: string
  /** What it is dropped with: its user, its session. */
  readonly groups: readonly string[]
  /** No later than this is it served from the cache: when the user's token ends, so does what came of it. */
  readonly notAfter: number
  readonly wish: Wish
  readonly request: () => Promise<TokenAnswer>
}

/** A fleet's second tier, and how long this process may serve a user's token without asking whether it was dropped. */
export interface SharedTier {
  readonly store: SharedStore
  readonly recheckSeconds: number
}

interface Flight {
  readonly wanted: Wanted
  readonly token: Promise<AcquiredToken>
  /** Set when its user or session was forgotten on the way: what comes back is not kept. */
  forgotten: boolean
}

const marginSeconds = 30
const refreshAheadSeconds = 300
const refreshPauseSeconds = 30

/**
 * Hands out kept tokens, asks for the others, one request in flight for each key, and renews behind a hit what will
 * soon expire. It has no timers: what nobody asks for is not renewed.
 */
export class TokenKeeper {
  readonly #cache: TokenCache
  readonly #shared: SharedTier | undefined
  readonly #clock: () => number
  readonly #maximumLifeSeconds: number
  readonly #announcer: Announcer
  readonly #flights = new Map<string, Flight>()

  constructor(
    cache: TokenCache,
    shared: SharedTier | undefined,
    clock: () => number,
    maximumLifeSeconds: number,
    announcer: Announcer,
  ) {
    this.#cache = cache
    this.#shared = shared
    this.#clock = clock
    this.#maximumLifeSeconds = maximumLifeSeconds
    this.#announcer = announcer
  }

  /** A kept token, if it is still of use. `wanted` is asked for only when the token is about to expire. */
  kept(cacheKey: string, wanted: () => Wanted): AcquiredToken | undefined {
    const now = this.#clock()
    const entry = this.#cache.get(cacheKey, now)
    if (entry === undefined || (entry.recheckAt !== undefined && now >= entry.recheckAt)) return undefined
    if (now >= entry.refreshAt) {
      entry.refreshAt = now + refreshPauseSeconds
      this.#refresh(wanted())
    }
    return entry.token
  }

  async acquire(wanted: Wanted, signal: AbortSignal | undefined): Promise<AcquiredToken> {
    const startedAt = performance.now()
    try {
      return await unlessAborted(this.#flightFor(wanted).token, signal)
    } catch (error) {
      if (!(error instanceof TokenClientError)) throw error
      // It may have joined a renewal of a token that is still of use.
      const entry = wanted.key === wanted.cacheKey && this.#cache.get(wanted.cacheKey, this.#clock())
      if (entry && !endsTheUsersPart(error)) return entry.token
      const { code, action, reason, service } = error
      this.#announcer.failure({
        ...wanted.wish,
        code,
        action,
        ...(reason === undefined ? {} : { reason }),
        ...(service === undefined ? {} : { codes: service.codes }),
        durationSeconds: secondsSince(startedAt),
      })
      throw ownError(error)
    }
  }

  /**
   * Keeps a token that came with something else, as the first token of a session does. `marks` are those its groups had
   * before it was asked for; without them it does not go to the shared store.
   */
  keep(
    wanted: Omit<Wanted, 'key' | 'request'>,
    answer: TokenAnswer,
    askedAt: number,
    marks: string | undefined,
  ): AcquiredToken {
    const lifeSeconds = Math.min(answer.expiresInSeconds, this.#maximumLifeSeconds)
    const refreshInSeconds = Math.min(
      answer.refreshInSeconds ??
        lifeSeconds - Math.min(refreshAheadSeconds, lifeSeconds / 4) * (1 + Math.random() / 4),
      lifeSeconds,
    )
    const token = {
      accessToken: answer.accessToken,
      expiresAt: askedAt + lifeSeconds,
      scopes: answer.scopes ?? wanted.wish.scopes ?? [],
      usableUntil: Math.min(
        askedAt + lifeSeconds - Math.min(marginSeconds, lifeSeconds / 10),
        wanted.notAfter,
      ),
      refreshAt: askedAt + refreshInSeconds,
    }
    this.#keepInMemory(wanted, token, marks)
    if (marks !== undefined) {
      const entry = { value: token, marks, expiresAt: token.usableUntil }
      // Nobody waits for the store, and what goes wrong there was announced there.
      this.#shared?.store.set(wanted.cacheKey, entry, 'helpful').catch(() => {})
    }
    return createAcquiredToken({ ...token, source: 'network' })
  }

  drop(cacheKey: string): void {
    this.#cache.delete(cacheKey)
    this.#shared?.store.remove(cacheKey, 'helpful').catch(() => {})
  }

  /** In this process. The shared store has a `drop` of its own. */
  dropGroup(group: string): void {
    this.#cache.dropGroup(group)
    for (const [key, flight] of this.#flights) {
      if (!flight.wanted.groups.includes(group)) continue
      flight.forgotten = true
      this.#flights.delete(key)
    }
  }

  #flightFor(wanted: Wanted, purpose: 'call' | 'refresh' = 'call'): Flight {
    const shared = this.#flights.get(wanted.key)
    if (shared !== undefined) return shared
    const flight: Flight = {
      wanted,
      forgotten: false,
      token: this.#ask(wanted, purpose, () => flight.forgotten),
    }
    this.#flights.set(wanted.key, flight)
    const land = () => {
      if (this.#flights.get(wanted.key) === flight) this.#flights.delete(wanted.key)
    }
    // Its callers may all have left: nobody but this line may be there to see it fail.
    flight.token.then(land, land)
    return flight
  }

  async #ask(
    wanted: Wanted,
    purpose: 'call' | 'refresh',
    isForgotten: () => boolean,
  ): Promise<AcquiredToken> {
    const { marks, entry } = await this.#askStore(wanted)
    if (isForgotten()) return this.#request(wanted, undefined, isForgotten)
    const now = this.#clock()
    if (purpose === 'call') {
      const kept = this.#recheck(wanted, marks, now)
      if (kept !== undefined) {
        this.#announcer.hit(wanted.wish.grant, wanted.wish, 'memory')
        return kept
      }
    }
    const found = marks !== undefined && entry?.marks === marks ? readKeptToken(entry.value) : undefined
    // A renewal takes what another instance has renewed already, and nothing older.
    if (found !== undefined && now < found.usableUntil && (purpose === 'call' || now < found.refreshAt)) {
      this.#announcer.hit(wanted.wish.grant, wanted.wish, 'store')
      return this.#keepInMemory(wanted, found, marks)
    }
    if (purpose === 'call') this.#announcer.miss(wanted.wish)
    return this.#request(wanted, marks, isForgotten)
  }

  async #request(
    wanted: Wanted,
    marks: string | undefined,
    isForgotten: () => boolean,
  ): Promise<AcquiredToken> {
    const askedAt = this.#clock()
    const answer = await wanted.request()
    return isForgotten()
      ? this.keep({ ...wanted, notAfter: -Infinity }, answer, askedAt, undefined)
      : this.keep(wanted, answer, askedAt, marks)
  }

  /** What the fleet knows. Nothing, while the store is down. */
  async #askStore(wanted: Wanted): Promise<{ marks?: string; entry?: Entry | undefined }> {
    if (this.#shared === undefined) return {}
    const { store } = this.#shared
    try {
      const [marks, entry] = await Promise.all([
        store.marks(wanted.groups, 'helpful'),
        wanted.key === wanted.cacheKey ? store.get(wanted.cacheKey, 'helpful') : undefined,
      ])
      return { marks, entry }
    } catch {
      return {}
    }
  }

  /** The token in memory, once the store has said that nothing of its groups was dropped, or cannot say. */
  #recheck(wanted: Wanted, marks: string | undefined, now: number): AcquiredToken | undefined {
    const kept = wanted.key === wanted.cacheKey ? this.#cache.get(wanted.cacheKey, now) : undefined
    if (kept === undefined) return undefined
    if (marks === undefined) return kept.token
    if (kept.marks === marks) {
      kept.recheckAt = now + this.#shared!.recheckSeconds
      return kept.token
    }
    this.#cache.delete(wanted.cacheKey)
    return undefined
  }

  #keepInMemory(
    { cacheKey, groups, notAfter }: Pick<Wanted, 'cacheKey' | 'groups' | 'notAfter'>,
    { usableUntil, refreshAt, ...members }: KeptToken,
    marks: string | undefined,
  ): AcquiredToken {
    const now = this.#clock()
    const entry: CachedToken = {
      token: createAcquiredToken({ ...members, source: 'cache' }),
      usableUntil: Math.min(usableUntil, notAfter),
      refreshAt,
      groups,
      marks,
    }
    // What belongs to nobody is dropped by nobody.
    if (this.#shared !== undefined && groups.length > 0) entry.recheckAt = now + this.#shared.recheckSeconds
    this.#cache.set(cacheKey, entry, now)
    return entry.token
  }

  #refresh(wanted: Wanted): void {
    const startedAt = performance.now()
    const ended = (code?: TokenClientErrorCode) =>
      this.#announcer.refresh({
        ...wanted.wish,
        ...(code === undefined ? {} : { code }),
        durationSeconds: secondsSince(startedAt),
      })
    this.#flightFor(wanted, 'refresh').token.then(
      () => ended(),
      (error: unknown) => {
        if (endsTheUsersPart(error)) this.drop(wanted.cacheKey)
        ended(error instanceof TokenClientError ? error.code : undefined)
      },
    )
  }
}

/** A token as the shared store holds it. */
interface KeptToken {
  readonly accessToken: string
  readonly expiresAt: number
  readonly scopes: readonly string[]
  readonly usableUntil: number
  readonly refreshAt: number
}

// Sealed with our key, but perhaps by another version of this package.
function readKeptToken(value: unknown): KeptToken | undefined {
  const { accessToken, expiresAt, scopes, usableUntil, refreshAt } = (value ?? {}) as Record<string, unknown>
  return typeof accessToken === 'string' &&
    typeof expiresAt === 'number' &&
    typeof usableUntil === 'number' &&
    typeof refreshAt === 'number' &&
    Array.isArray(scopes) &&
    scopes.every((scope): scope is string => typeof scope === 'string')
    ? { accessToken, expiresAt, scopes, usableUntil, refreshAt }
    : undefined
}

/** An outage, or a wrong secret, does not shorten a token's life; the service's word about the user does. */
function endsTheUsersPart(error: unknown): boolean {
  return error instanceof TokenClientError && error.action !== 'retry' && error.action !== 'fix-configuration'
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  let leave!: () => void
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => reject(signal.reason as Error)
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
