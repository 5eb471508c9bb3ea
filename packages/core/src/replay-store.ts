/** Remembers which DPoP proofs were used: shared by all instances of an API. */
export interface ReplayStore {
  /**
   * Stores a key for that many seconds, unless it is there: true where it was added, false where it was there. It must be
   * atomic: with Redis `SET key 1 NX EX ttl`. A rejection, another answer, or none within 5 seconds is answered with 503.
   * Keys have the form `<thumbprint of the client's key>.<digest of jti>`, with characters of base64url.
   */
  addIfAbsent(key: string, ttlSeconds: number): Promise<boolean>
}

const bucketSeconds = 8

/** The proofs of one client: their digests. */
interface Share {
  readonly owner: string
  readonly digests: Set<string>
}

/**
 * The default store, in the memory of this process. No live entry is evicted: when it cannot take one more it throws. One
 * key may use as much as a quarter of what is free, so that one key, or a few, never fill it for others. A client that binds its
 * tokens to dozens of keys can fill it: a shared store has the room that its operator gives it.
 */
export class MemoryReplayStore implements ReplayStore {
  readonly #maxEntries: number
  readonly #clock: () => number
  readonly #shares = new Map<string, Share>()
  /** What expires, by the end of its interval of a few seconds. */
  readonly #buckets = new Map<number, [Share, string][]>()
  #size = 0
  #sweptUntil = -Infinity

  constructor(
    maxEntries = 400_000,
    /** Monotonic, so that a step of the system clock forgets nothing. */
    clock = (): number => performance.now() / 1000,
  ) {
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  get size(): number {
    return this.#size
  }

  async addIfAbsent(key: string, ttlSeconds: number): Promise<boolean> {
    const now = this.#clock()
    this.#sweep(now)
    const dot = key.indexOf('.')
    const owner = key.slice(0, dot)
    const digest = key.slice(dot + 1)
    const share = this.#shares.get(owner) ?? { owner, digests: new Set<string>() }
    if (share.digests.has(digest)) return false
    const free = this.#maxEntries - this.#size
    if (free <= 0 || (share.digests.size > 0 && share.digests.size * 4 >= free)) {
      throw new Error('the replay store has no room for this client')
    }
    share.digests.add(digest)
    this.#shares.set(owner, share)
    this.#size++
    const bucket = Math.ceil((now + ttlSeconds) / bucketSeconds)
    const entries = this.#buckets.get(bucket)
    if (entries === undefined) this.#buckets.set(bucket, [[share, digest]])
    else entries.push([share, digest])
    return true
  }

  #sweep(now: number): void {
    if (now < this.#sweptUntil) return
    this.#sweptUntil = now + bucketSeconds
    for (const [bucket, entries] of this.#buckets) {
      if (bucket * bucketSeconds >= now) continue
      this.#buckets.delete(bucket)
      this.#size -= entries.length
      for (const [share, digest] of entries) {
        share.digests.delete(digest)
        if (share.digests.size === 0) this.#shares.delete(share.owner)
      }
    }
  }
}
