/** Bounds of the verified tokens that are remembered. */
export interface TokenCacheOptions {
  /** Default: 20000. */
  readonly maxEntries?: number
  /** An estimate of the memory they take together. Default: 67108864 (64 MiB); a token of 2 kB takes about 4 kB. */
  readonly maxBytes?: number
}

/** What can be remembered: it names its token and the moment it is of no more use. */
export interface Cacheable {
  readonly token: string
  /** Epoch seconds. */
  readonly expiresAt: number
  /** Whether it was found since the hand last passed it: the cache's own note, false at first. */
  used: boolean
}

/**
 * Tokens whose signature was verified, found by the tail of their signature and compared whole. Only what was accepted
 * gets in, so that refused tokens can push nothing out, and a token that shares a tail with another evicts nothing.
 *
 * When it is full, the oldest entry goes that is no longer useful, or was not used since the hand last passed it.
 */
export class TokenCache<T extends Cacheable> {
  readonly #entries = new Map<string, T>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  #bytes = 0
  #hand: Iterator<[string, T]> | undefined

  constructor({ maxEntries = 20_000, maxBytes = 64 * 1024 * 1024 }: TokenCacheOptions) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(token: string): T | undefined {
    const entry = this.#entries.get(tailOf(token))
    // The tail is a signature's, which anybody may copy: only the whole token is the token.
    if (entry === undefined || entry.token !== token) return undefined
    // Only where it changes something: writing it again would take the memory from the other core.
    if (!entry.used) entry.used = true
    return entry
  }

  set(entry: T, now: number): void {
    const tail = tailOf(entry.token)
    const before = this.#entries.get(tail)
    if (before !== undefined) {
      if (before.token !== entry.token) return
      this.#remove(tail, before)
    }
    const bytes = bytesOf(entry)
    if (bytes > this.#maxBytes) return
    while (this.#entries.size >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes) {
      this.#evictOne(now)
    }
    this.#entries.set(tail, entry)
    this.#bytes += bytes
  }

  delete(entry: T): void {
    const tail = tailOf(entry.token)
    if (this.#entries.get(tail) === entry) this.#remove(tail, entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
    this.#hand = undefined
  }

  #evictOne(now: number): void {
    for (;;) {
      this.#hand ??= this.#entries.entries()
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = undefined
        continue
      }
      const [tail, entry] = step.value
      if (entry.used && now < entry.expiresAt) {
        // To the end of the queue, so that the hand meets what is older first, and a newcomer last.
        entry.used = false
        this.#entries.delete(tail)
        this.#entries.set(tail, entry)
        continue
      }
      this.#remove(tail, entry)
      return
    }
  }

  #remove(tail: string, entry: T): void {
    this.#entries.delete(tail)
    this.#bytes -= bytesOf(entry)
  }
}

const tailLength = 43

function tailOf(token: string): string {
  return token.slice(-tailLength)
}

/** Measured: the token as a string and its claims as objects take about as much each, and a little more. */
function bytesOf({ token }: Cacheable): number {
  return 2 * token.length + 400
}
