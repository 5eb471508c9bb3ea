/** Bounds of the cache of verified tokens. */
export interface TokenCacheOptions {
  /** The number of tokens. Default: 20000. */
  readonly maxEntries?: number | undefined
  /** An estimate of the memory they use together, in bytes. Default: 67108864 (64 MiB); a token of 2 kB uses about 4 kB. */
  readonly maxBytes?: number | undefined
}

/** An entry of the cache: it names its token and the time at which the token expires. */
export interface Cacheable {
  readonly token: string
  /** Epoch seconds. */
  readonly expiresAt: number
  /** An estimate of the memory it uses. */
  readonly bytes: number
  /** Whether it was found since the last pass of the eviction: a note of the cache, false at first. */
  used: boolean
}

/**
 * Tokens whose signature was verified, found by the tail of their signature and compared whole. Only what was accepted
 * is stored, so that refused tokens evict nothing, and a token that shares a tail with another evicts nothing.
 *
 * When it is full, it evicts by second chance (CLOCK): the oldest entry that has expired, or was not used since the last pass.
 */
export class TokenCache<T extends Cacheable> {
  readonly #entries = new Map<string, T>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  #bytes = 0
  #pass: Iterator<[string, T]> | undefined

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
    // Anyone may copy the tail of a signature: only the whole token is the token.
    if (entry === undefined || entry.token !== token) return undefined
    // Only where it changes something: a write would invalidate this memory in the cache of the other processor core.
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
    const { bytes } = entry
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
    this.#pass = undefined
  }

  #evictOne(now: number): void {
    for (;;) {
      this.#pass ??= this.#entries.entries()
      const step = this.#pass.next()
      if (step.done === true) {
        this.#pass = undefined
        continue
      }
      const [tail, entry] = step.value
      if (entry.used && now < entry.expiresAt) {
        // To the end of the queue, so that the next pass meets older entries first.
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
    this.#bytes -= entry.bytes
  }
}

const tailLength = 43

function tailOf(token: string): string {
  return token.slice(-tailLength)
}
