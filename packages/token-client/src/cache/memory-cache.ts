import type { AcquiredToken } from '../base/acquired-token.js'

export interface CachedToken {
  /** The value that is handed out on a hit, made once. */
  readonly token: AcquiredToken
  /** Served before this second, never after. */
  readonly usableUntil: number
  /** From this second on a hit starts a renewal behind it. Moved on when a renewal fails. */
  refreshAt: number
  /** What this entry is dropped with: its user, its session. */
  readonly groups: readonly string[]
  /** In a fleet: what the shared store knew of the dropping of its groups when it was asked for. */
  readonly marks?: string | undefined
  /** In a fleet: from this second on the store is asked again before it is served. */
  recheckAt?: number
}

export interface TokenCacheLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

const bucketSeconds = 60
// What Maps, Sets, objects and a group's name take beside the two strings: measured, about 750.
const overheadBytes = 800

/**
 * Tokens in memory, bounded in number and bytes. Entries are filed by the minute in which they stop being of
 * use; whole minutes fall away when they are past, and when room is needed the soonest minute gives it. A look-up is
 * one `Map.get`, and a change costs the same at any size.
 */
export class TokenCache {
  readonly #limits: TokenCacheLimits
  readonly #entries = new Map<string, CachedToken>()
  readonly #minutes = new Map<number, Set<string>>()
  readonly #groups = new Map<string, Set<string>>()
  #earliest = Infinity
  #bytes = 0

  constructor(limits: TokenCacheLimits) {
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
    while (this.#earliest < minuteOf(now)) this.#dropMinute(this.#earliest)
    const bytes = sizeOf(key, entry)
    if (entry.usableUntil <= now || bytes > this.#limits.maxBytes || this.#limits.maxEntries < 1) return
    while (this.#entries.size >= this.#limits.maxEntries || this.#bytes + bytes > this.#limits.maxBytes) {
      this.#dropSoonest()
    }
    this.#entries.set(key, entry)
    this.#bytes += bytes
    const minute = minuteOf(entry.usableUntil)
    addTo(this.#minutes, minute, key)
    this.#earliest = Math.min(this.#earliest, minute)
    for (const group of entry.groups) addTo(this.#groups, group, key)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, entry)
    for (const group of entry.groups) removeFrom(this.#groups, group, key)
    const minute = minuteOf(entry.usableUntil)
    // At most one minute of the longest life is scanned for each that empties: a constant, whatever the size.
    if (removeFrom(this.#minutes, minute, key) && minute === this.#earliest)
      this.#earliest = earliestOf(this.#minutes)
  }

  dropGroup(group: string): void {
    for (const key of this.#groups.get(group) ?? []) this.delete(key)
  }

  #dropMinute(minute: number): void {
    for (const key of this.#minutes.get(minute) ?? []) this.delete(key)
  }

  #dropSoonest(): void {
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

/** Whether that emptied it. */
function removeFrom<K>(index: Map<K, Set<string>>, name: K, key: string): boolean {
  const keys = index.get(name)
  keys?.delete(key)
  return keys?.size === 0 && index.delete(name)
}
