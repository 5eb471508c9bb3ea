import { within } from '../base/deadline.js'
import { TokenClientError } from '../base/errors.js'
import { systemReason } from '../base/system-reason.js'
import type { TokenStoreFaultEvent } from '../observers/observers.js'
import { type Reporter, secondsSince } from '../observers/reporter.js'
import type { KeyvLike } from './store-options.js'

/** Whether the caller can continue without the store (it is then not waited for while it is down), or needs it. */
export type Need = 'helpful' | 'needed'

const probeSeconds = 1
const neededTimeoutSeconds = 2
const maxPending = 1000

/**
 * The application's Keyv, with a deadline for every operation. Every method throws `store_unavailable`, and reports the
 * fault, when the store fails or is slow. After a fault, no caller that can continue without the store waits for it: one
 * such operation a second runs in the background, until one succeeds.
 */
export class StoreAccess {
  readonly #keyv: KeyvLike
  readonly #timeoutSeconds: number
  readonly #reporter: Reporter
  #isDown = false
  #probeAt = 0
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
    if (fault !== 'entry' && operation !== 'lock') {
      this.#isDown = true
      this.#probeAt = performance.now() + probeSeconds * 1000
    }
    this.#reporter.storeFault({
      operation,
      fault,
      ...(reason === undefined ? {} : { reason }),
      durationSeconds: secondsSince(startedAt),
    })
    return new TokenClientError('store_unavailable', { reason })
  }

  async #bounded<T>(operation: 'read' | 'write' | 'delete', need: Need, work: () => Promise<T>): Promise<T> {
    if (need === 'needed' || !this.#isDown) return this.#run(operation, need, work)
    const now = performance.now()
    if (now >= this.#probeAt) {
      this.#probeAt = now + probeSeconds * 1000
      this.#run(operation, need, work).catch(() => {})
    }
    throw new TokenClientError('store_unavailable')
  }

  async #run<T>(operation: 'read' | 'write' | 'delete', need: Need, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    if (this.#pending >= maxPending) throw this.fault(operation, 'overloaded', startedAt)
    const seconds =
      need === 'needed' ? Math.max(this.#timeoutSeconds, neededTimeoutSeconds) : this.#timeoutSeconds
    this.#pending++
    const late = new Error('late')
    const outcome = work().finally(() => this.#pending--)
    try {
      const value = await within(seconds, outcome, () => late)
      this.#isDown = false
      return value
    } catch (error) {
      if (error === late) throw this.fault(operation, 'timeout', startedAt)
      throw this.fault(operation, 'error', startedAt, systemReason(error))
    }
  }
}
