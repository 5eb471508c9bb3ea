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
  readonly usefulUntil: number
}

interface Slot<T extends Cacheable> {
  readonly value: T
  readonly bytes: number
  used: boolean
}

/**
 * Tokens whose signature was verified, found by the tail of their signature and compared whole. Only what was accepted
 * gets in, so that refused tokens can push nothing out, and a token that shares a tail with another evicts nothing.
 *
 * When it is full, the oldest entry goes that is no longer useful, or was not used since the hand last passed it.
 */
export class TokenCache<T extends Cacheable> {
  readonly #slots = new Map<string, Slot<T>>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  #bytes = 0
  #hand: Iterator<[string, Slot<T>]> | undefined

  constructor({ maxEntries = 20_000, maxBytes = 64 * 1024 * 1024 }: TokenCacheOptions) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(token: string): T | undefined {
    const slot = this.#slots.get(tailOf(token))
    // The tail is a signature's, which anybody may copy: only the whole token is the token.
    if (slot === undefined || slot.value.token !== token) return undefined
    slot.used = true
    return slot.value
  }

  set(value: T, now: number): void {
    const tail = tailOf(value.token)
    const before = this.#slots.get(tail)
    if (before !== undefined) {
      if (before.value.token !== value.token) return
      this.#remove(tail, before)
    }
    const bytes = bytesOf(value)
    if (bytes > this.#maxBytes) return
    while (this.#slots.size >= this.#maxEntries || this.#bytes + bytes > this.#maxBytes) this.#evictOne(now)
    this.#slots.set(tail, { value, bytes, used: false })
    this.#bytes += bytes
  }

  delete(value: T): void {
    const tail = tailOf(value.token)
    const slot = this.#slots.get(tail)
    if (slot?.value === value) this.#remove(tail, slot)
  }

  clear(): void {
    this.#slots.clear()
    this.#bytes = 0
    this.#hand = undefined
  }

  #evictOne(now: number): void {
    for (;;) {
      this.#hand ??= this.#slots.entries()
      const step = this.#hand.next()
      if (step.done === true) {
        this.#hand = undefined
        continue
      }
      const [tail, slot] = step.value
      if (slot.used && now < slot.value.usefulUntil) {
        // To the end of the queue, so that the hand meets what is older first, and a newcomer last.
        slot.used = false
        this.#slots.delete(tail)
        this.#slots.set(tail, slot)
        continue
      }
      this.#remove(tail, slot)
      return
    }
  }

  #remove(tail: string, slot: Slot<T>): void {
    this.#slots.delete(tail)
    this.#bytes -= slot.bytes
  }
}

const tailLength = 43

function tailOf(token: string): string {
  return token.slice(-tailLength)
}

/** Measured: the token as a string and its claims as objects take about as much each, and a little more. */
function bytesOf({ token }: Cacheable): number {
  return 2 * token.length + 256
}
