import type { AcquiredToken } from '../base/acquired-token.js'

/** A token in memory. */
export interface CachedToken {
  /** The value that every hit returns, created once. */
  readonly token: AcquiredToken
  /** It is served before this time, never after. Seconds since the epoch, as are the other times. */
  readonly usableUntil: number
  /** From this time on, a hit renews the token in the background. Moved forward when a renewal starts. */
  refreshAt: number
  /** The names of the user and of the session with which it is revoked. */
  readonly revokedWith: readonly string[]
  /** With a shared store: the stamps of these names before the token was requested (see `RevocationStamps`). */
  readonly stamps?: string | undefined
  /** With a shared store: from this time on, the stamps are compared before it is served. */
  recheckAt?: number
}

export interface MemoryCacheLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

const bucketSeconds = 60
// What Maps, Sets, objects and a name take in addition to the two strings: measured, about 750.
const overheadBytes = 800

/**
 * Tokens in memory, limited in number and bytes. Entries are sorted by the minute in which they stop being valid: past
 * minutes are removed as a whole, and when room is needed, the entry that ends soonest is removed. A look-up is one
 * `Map.get`, and a change costs the same at any size.
 */
export class MemoryCache {
  readonly #limits: MemoryCacheLimits
  readonly #entries = new Map<string, CachedToken>()
  readonly #minutes = new Map<number, Set<string>>()
  readonly #revocable = new Map<string, Set<string>>()
  #earliest = Infinity
  #bytes = 0

  constructor(limits: MemoryCacheLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string, now: number): CachedToken | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && now < entry.usableUntil ? entry : undefined
  }

  set(key: string, entry: CachedToken, now: number): void {
    this.delete(key)
    while (this.#earliest < minuteOf(now)) this.#deleteMinute(this.#earliest)
    const bytes = sizeOf(key, entry)
    if (entry.usableUntil <= now || bytes > this.#limits.maxBytes || this.#limits.maxEntries < 1) return
    while (this.#entries.size >= this.#limits.maxEntries || this.#bytes + bytes > this.#limits.maxBytes) {
      this.#deleteSoonest()
    }
    this.#entries.set(key, entry)
    this.#bytes += bytes
    const minute = minuteOf(entry.usableUntil)
    addTo(this.#minutes, minute, key)
    this.#earliest = Math.min(this.#earliest, minute)
    for (const name of entry.revokedWith) addTo(this.#revocable, name, key)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, entry)
    for (const name of entry.revokedWith) removeFrom(this.#revocable, name, key)
    const minute = minuteOf(entry.usableUntil)
    // Each minute that becomes empty costs one scan of the minutes: a constant, at any number of entries.
    if (removeFrom(this.#minutes, minute, key) && minute === this.#earliest)
      this.#earliest = earliestOf(this.#minutes)
  }

  /** Removes every token of that user or session. */
  revoke(name: string): void {
    for (const key of this.#revocable.get(name) ?? []) this.delete(key)
  }

  #deleteMinute(minute: number): void {
    for (const key of this.#minutes.get(minute) ?? []) this.delete(key)
  }

  #deleteSoonest(): void {
    for (const key of this.#minutes.get(this.#earliest) ?? []) return this.delete(key)
  }
}

function minuteOf(seconds: number): number {
  return Math.floor(seconds / bucketSeconds)
}

function sizeOf(key: string, { token }: CachedToken): number {
  return key.length + token.accessToken.length + overheadBytes
}

function earliestOf(minutes: ReadonlyMap<number, unknown>): number {
  let earliest = Infinity
  for (const minute of minutes.keys()) if (minute < earliest) earliest = minute
  return earliest
}

function addTo<K>(index: Map<K, Set<string>>, name: K, key: string): void {
  const keys = index.get(name)
  if (keys === undefined) index.set(name, new Set([key]))
  else keys.add(key)
}

/** Whether the set is empty now. */
function removeFrom<K>(index: Map<K, Set<string>>, name: K, key: string): boolean {
  const keys = index.get(name)
  keys?.delete(key)
  return keys?.size === 0 && index.delete(name)
}
