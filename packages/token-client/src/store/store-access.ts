import { TokenClientError } from '../base/errors.js'
import { systemReason } from '../base/system-reason.js'
import type { TokenStoreFaultEvent } from '../observers/observers.js'
import { type Reporter, secondsSince } from '../observers/reporter.js'
import type { KeyvLike } from './store-options.js'

/** Whether the caller can continue without the store (it is then skipped for a moment after a fault), or needs it. */
export type Need = 'helpful' | 'needed'

const pauseSeconds = 1
const neededTimeoutSeconds = 2
const maxPending = 1000

/**
 * The application's Keyv, with a deadline for every operation. Every method throws `store_unavailable`, and reports the
 * fault, when the store fails or is slow.
 */
export class StoreAccess {
  readonly #keyv: KeyvLike
  readonly #timeoutSeconds: number
  readonly #reporter: Reporter
  #pausedUntil = 0
  #pending = 0

  constructor(keyv: KeyvLike, timeoutSeconds: number, reporter: Reporter) {
    this.#keyv = keyv
    this.#timeoutSeconds = timeoutSeconds
    this.#reporter = reporter
  }

  get(slot: string, need: Need): Promise<unknown> {
    return this.#bounded('read', need, async () => this.#keyv.get(slot))
  }

  async set(slot: string, text: string, ttlMilliseconds: number, need: Need): Promise<void> {
    const written = await this.#bounded('write', need, async () =>
      this.#keyv.set(slot, text, ttlMilliseconds),
    )
    // Keyv returns false when it has swallowed an error.
    if (written === false) throw this.fault('write', 'error', performance.now())
  }

  async delete(slot: string, need: Need): Promise<void> {
    await this.#bounded('delete', need, async () => this.#keyv.delete(slot))
  }

  /** Reports a fault, and returns the error for it. */
  fault(
    operation: TokenStoreFaultEvent['operation'],
    fault: TokenStoreFaultEvent['fault'],
    startedAt: number,
    reason?: string,
  ): TokenClientError {
    // Without the pause, every call would wait for the timeout of a store that is down.
    if (fault !== 'entry' && operation !== 'lock') this.#pausedUntil = performance.now() + pauseSeconds * 1000
    this.#reporter.storeFault({
      operation,
      fault,
      ...(reason === undefined ? {} : { reason }),
      durationSeconds: secondsSince(startedAt),
    })
    return new TokenClientError('store_unavailable', { reason })
  }

  async #bounded<T>(operation: 'read' | 'write' | 'delete', need: Need, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    if (need === 'helpful' && startedAt < this.#pausedUntil) throw new TokenClientError('store_unavailable')
    if (this.#pending >= maxPending) throw this.fault(operation, 'overloaded', startedAt)
    const seconds =
      need === 'needed' ? Math.max(this.#timeoutSeconds, neededTimeoutSeconds) : this.#timeoutSeconds
    this.#pending++
    const outcome = work().finally(() => this.#pending--)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), seconds * 1000)))
    try {
      const first = await Promise.race([outcome.then((value) => ({ value })), late])
      if (first !== 'late') return first.value
    } catch (error) {
      throw this.fault(operation, 'error', startedAt, systemReason(error))
    } finally {
      clearTimeout(timer)
    }
    // It may fail later, when no caller waits for it any more.
    outcome.catch(() => {})
    throw this.fault(operation, 'timeout', startedAt)
  }
}
