import { withinTime } from './deadline.js'

/**
 * Where the revocation lists of several instances share their entries. It only appends and reads what was appended since: a
 * store that reads, changes and writes one value loses entries of two instances that revoke at the same time.
 */
export interface RevocationStore {
  /**
   * Appends an entry, and keeps it for at least that many seconds, which are the same for every entry of one list. A rejection
   * makes `revoke` reject.
   */
  append(entry: string, ttlSeconds: number): Promise<void>
  /**
   * The entries after a position, in their order, all or the next part of them, and the position after the last. Without a
   * position: from the oldest entry. It is called again until it answers with no entry.
   */
  readSince(cursor?: string): Promise<{
    /** The entries, as they were appended. */
    readonly entries: readonly string[]
    /** The position after the last of them, for the next call. */
    readonly cursor: string
  }>
}

export interface RevocationFeedOptions {
  readonly store: RevocationStore
  readonly refreshSeconds: number
  readonly maxStaleSeconds: number
  readonly onEntry: (line: string) => void
}

const maxParts = 100_000

/**
 * Reads a shared store in the background once it is used, so that a check waits for it only where what was read is too old.
 * Times are of the monotonic clock: a step of the system clock makes nothing look fresh.
 */
export class RevocationFeed {
  readonly #options: RevocationFeedOptions
  #cursor: string | undefined
  #readAt = -Infinity
  #failedAt = -Infinity
  #inFlight: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(options: RevocationFeedOptions) {
    this.#options = options
  }

  /** Whether what was read is recent enough; where not, a promise that resolves once it is, or rejects. */
  ensureFresh(): void | Promise<void> {
    if (seconds() - this.#readAt <= this.#options.maxStaleSeconds) return undefined
    // A store that failed a moment ago is not asked again for every request.
    if (seconds() - this.#failedAt < this.#options.refreshSeconds) {
      return Promise.reject(new Error('the store failed a moment ago'))
    }
    return this.read()
  }

  /** Reads now, or joins the read that is under way. Rejects where the store fails or does not answer in time. */
  read(): Promise<void> {
    this.#inFlight ??= this.#readAll().finally(() => {
      this.#inFlight = undefined
      this.#planNext()
    })
    return this.#inFlight
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #readAll(): Promise<void> {
    const startedAt = seconds()
    try {
      for (let part = 0; part < maxParts; part++) {
        const { entries, cursor } = readPart(await withinTime(this.#options.store.readSince(this.#cursor)))
        for (const entry of entries) this.#options.onEntry(entry)
        this.#cursor = cursor
        if (entries.length === 0) {
          this.#readAt = startedAt
          return
        }
      }
      throw new Error('the store does not come to an end')
    } catch {
      this.#failedAt = seconds()
      throw new Error('the shared revocation store could not be read')
    }
  }

  #planNext(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.read().catch(() => {}), this.#options.refreshSeconds * 1000)
    // A process that has nothing else to do ends. Some runtimes return a number.
    const timer: { unref?: () => void } | number = this.#timer
    if (typeof timer === 'object') timer.unref?.()
  }
}

function readPart(part: unknown): { entries: readonly string[]; cursor: string } {
  const { entries, cursor } = Object(part) as { entries?: unknown; cursor?: unknown }
  if (
    !Array.isArray(entries) ||
    !entries.every((entry) => typeof entry === 'string') ||
    typeof cursor !== 'string'
  ) {
    throw new TypeError('readSince: expected { entries, cursor }')
  }
  return { entries, cursor }
}

function seconds(): number {
  return performance.now() / 1000
}
