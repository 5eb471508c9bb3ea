import { type AcquiredToken, createAcquiredToken } from './acquired-token.js'
import { ownError, TokenClientError } from './errors.js'
import type { TokenAnswer } from './token-answer.js'
import type { TokenCache } from './token-cache.js'

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
  readonly requestedScopes: readonly string[]
  readonly request: () => Promise<TokenAnswer>
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
  readonly #clock: () => number
  readonly #maximumLifeSeconds: number
  readonly #flights = new Map<string, Flight>()

  constructor(cache: TokenCache, clock: () => number, maximumLifeSeconds: number) {
    this.#cache = cache
    this.#clock = clock
    this.#maximumLifeSeconds = maximumLifeSeconds
  }

  /** A kept token, if it is still of use. `wanted` is asked for only when the token is about to expire. */
  kept(cacheKey: string, wanted: () => Wanted): AcquiredToken | undefined {
    const now = this.#clock()
    const entry = this.#cache.get(cacheKey, now)
    if (entry === undefined) return undefined
    if (now >= entry.refreshAt) {
      entry.refreshAt = now + refreshPauseSeconds
      this.#refresh(wanted())
    }
    return entry.token
  }

  async acquire(wanted: Wanted, signal: AbortSignal | undefined): Promise<AcquiredToken> {
    try {
      return await unlessAborted(this.#flightFor(wanted).token, signal)
    } catch (error) {
      throw ownError(error)
    }
  }

  /** Keeps a token that came with something else, as the first token of a session does. */
  keep(wanted: Omit<Wanted, 'key' | 'request'>, answer: TokenAnswer, askedAt: number): AcquiredToken {
    const lifeSeconds = Math.min(answer.expiresInSeconds, this.#maximumLifeSeconds)
    const refreshInSeconds = Math.min(
      answer.refreshInSeconds ??
        lifeSeconds - Math.min(refreshAheadSeconds, lifeSeconds / 4) * (1 + Math.random() / 4),
      lifeSeconds,
    )
    const members = {
      accessToken: answer.accessToken,
      expiresAt: askedAt + lifeSeconds,
      scopes: answer.scopes ?? wanted.requestedScopes,
    }
    const entry = {
      token: createAcquiredToken({ ...members, source: 'cache' }),
      usableUntil: Math.min(members.expiresAt - Math.min(marginSeconds, lifeSeconds / 10), wanted.notAfter),
      refreshAt: askedAt + refreshInSeconds,
      groups: wanted.groups,
    }
    this.#cache.set(wanted.cacheKey, entry, this.#clock())
    return createAcquiredToken({ ...members, source: 'network' })
  }

  drop(cacheKey: string): void {
    this.#cache.delete(cacheKey)
  }

  dropGroup(group: string): void {
    this.#cache.dropGroup(group)
    for (const [key, flight] of this.#flights) {
      if (!flight.wanted.groups.includes(group)) continue
      flight.forgotten = true
      this.#flights.delete(key)
    }
  }

  #flightFor(wanted: Wanted): Flight {
    const shared = this.#flights.get(wanted.key)
    if (shared !== undefined) return shared
    const flight: Flight = { wanted, forgotten: false, token: this.#ask(wanted, () => flight.forgotten) }
    this.#flights.set(wanted.key, flight)
    const land = () => {
      if (this.#flights.get(wanted.key) === flight) this.#flights.delete(wanted.key)
    }
    // Its callers may all have left: nobody but this line may be there to see it fail.
    flight.token.then(land, land)
    return flight
  }

  async #ask(wanted: Wanted, isForgotten: () => boolean): Promise<AcquiredToken> {
    const askedAt = this.#clock()
    const answer = await wanted.request()
    return this.keep(isForgotten() ? { ...wanted, notAfter: -Infinity } : wanted, answer, askedAt)
  }

  #refresh(wanted: Wanted): void {
    this.#flightFor(wanted).token.catch((error: unknown) => {
      if (endsTheUsersPart(error)) this.#cache.delete(wanted.cacheKey)
    })
  }
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
