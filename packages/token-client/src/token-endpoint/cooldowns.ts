import { isTokenClientError, TokenClientError } from '../base/errors.js'

const defaultCooldownSeconds = 10
const maxCooldowns = 1000

/** The token endpoints that asked this client to wait, and until when. */
export class Cooldowns {
  readonly #clock: () => number
  readonly #endsAt = new Map<string, number>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Throws `throttled` while the client has to wait for this endpoint. */
  check(endpoint: string): void {
    const seconds = (this.#endsAt.get(endpoint) ?? 0) - this.#clock()
    if (seconds > 0) throw new TokenClientError('throttled', { retryAfterSeconds: Math.ceil(seconds) })
    this.#endsAt.delete(endpoint)
  }

  /** Starts a cooldown when the error asks for one. */
  note(endpoint: string, error: unknown): void {
    if (!isTokenClientError(error) || error.action !== 'retry') return
    const seconds = error.retryAfterSeconds ?? (error.code === 'throttled' ? defaultCooldownSeconds : 0)
    if (seconds <= 0) return
    // Spread, so that several instances do not all return in the same second.
    this.#endsAt.set(endpoint, this.#clock() + seconds * (1 + Math.random() / 4))
    if (this.#endsAt.size > maxCooldowns) this.#endsAt.delete(this.#endsAt.keys().next().value!)
  }
}
