import { TokenClientError } from './errors.js'

/** What a client has begun, so that `close` can wait for it. Everything in it has a deadline of its own. */
export class WorkInProgress {
  readonly #promises = new Set<Promise<unknown>>()
  #isClosed = false

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Throws `client_closed` after `close`. */
  checkOpen(): void {
    if (this.#isClosed) throw new TokenClientError('client_closed')
  }

  track<T>(promise: Promise<T>): Promise<T> {
    this.#promises.add(promise)
    const end = () => void this.#promises.delete(promise)
    promise.then(end, end)
    return promise
  }

  /** Refuses new work, and waits for the rest. */
  async close(): Promise<void> {
    this.#isClosed = true
    // What ends may have begun something more, such as a write to the store.
    while (this.#promises.size > 0) await Promise.allSettled(this.#promises)
  }
}
