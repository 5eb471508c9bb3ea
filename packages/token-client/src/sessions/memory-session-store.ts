import { userRevocationName } from '../user-tokens/owner.js'
import type { SessionLimits, SessionRecord, SessionStore } from './session-store.js'

/**
 * Sessions in this process's memory. A session ends when it was idle for `idleSeconds`; past `maxSessions` the longest idle
 * one of the same user ends, or, when that user has no other, the longest idle one of all.
 */
export class MemorySessionStore implements SessionStore {
  readonly #limits: SessionLimits
  readonly #clock: () => number
  // In the order of their last use: the longest idle one is the first.
  readonly #sessions = new Map<string, { record: SessionRecord; usedAt: number }>()
  readonly #users = new Map<string, Set<string>>()

  constructor(limits: SessionLimits, clock: () => number) {
    this.#limits = limits
    this.#clock = clock
  }

  async stamps(): Promise<undefined> {
    return undefined
  }

  async read(id: string): Promise<SessionRecord | undefined> {
    this.#removeIdle()
    const record = this.#sessions.get(id)?.record
    if (record !== undefined) this.#put(id, record)
    return record
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    this.#removeIdle()
    this.#put(id, record)
    if (this.#sessions.size <= this.#limits.maxSessions) return
    // One user with many sessions ends no other user's.
    const [longestIdle] = this.#idsOf(record)
    this.#delete(longestIdle === id ? firstOf(this.#sessions.keys()) : longestIdle!)
  }

  async replace(id: string, record: SessionRecord): Promise<boolean> {
    const exists = this.#sessions.has(id)
    if (exists) this.#put(id, record)
    return exists
  }

  async remove(id: string): Promise<void> {
    this.#delete(id)
  }

  async removeUser(user: string): Promise<void> {
    for (const id of this.#users.get(user) ?? []) this.#delete(id)
  }

  exclusively<T>(_id: string, work: () => Promise<T>): Promise<T> {
    return work()
  }

  /** Puts a session at the end of the order of all and of its user's. */
  #put(id: string, record: SessionRecord): void {
    this.#sessions.delete(id)
    this.#sessions.set(id, { record, usedAt: this.#clock() })
    const ids = this.#idsOf(record)
    ids.delete(id)
    ids.add(id)
  }

  /** The sessions of the record's user, in the order of their last use. */
  #idsOf({ owner }: SessionRecord): Set<string> {
    const user = userRevocationName(owner)
    let ids = this.#users.get(user)
    if (ids === undefined) this.#users.set(user, (ids = new Set()))
    return ids
  }

  #delete(id: string): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    this.#sessions.delete(id)
    const user = userRevocationName(session.record.owner)
    const ids = this.#users.get(user)
    ids?.delete(id)
    if (ids?.size === 0) this.#users.delete(user)
  }

  #removeIdle(): void {
    const now = this.#clock()
    for (const [id, { usedAt }] of this.#sessions) {
      if (usedAt + this.#limits.idleSeconds > now) return
      this.#delete(id)
    }
  }
}

function firstOf(keys: Iterator<string>): string {
  return keys.next().value!
}
