import { userKey } from '../cache/cache-key.js'
import type { Lock, SharedStore } from '../store/encrypted-store.js'
import type { Target } from '../base/target.js'
import type { SessionOwner } from '../user-tokens/user-token.js'

/** What is kept of a session. Plain data, so that it can be stored elsewhere. */
export interface SessionRecord {
  readonly owner: SessionOwner
  readonly tenantId: string | undefined
  readonly target: Target
  /** Absent once the service has declared it dead: then the session needs its user. */
  readonly refreshToken: string | undefined
}

/** Where sessions live. Asynchronous, because a fleet shares them. A shared one throws `store_unavailable`. */
export interface SessionStore {
  /** To be asked before a session's first token is, and given to `create`: see `SharedStore.marks`. */
  marks(id: string, user: string): Promise<string | undefined>
  read(id: string): Promise<SessionRecord | undefined>
  create(id: string, record: SessionRecord, marks: string | undefined): Promise<void>
  /** Writes only over what is still there, and says whether it was: a session that has ended stays ended. */
  replace(id: string, record: SessionRecord): Promise<boolean>
  remove(id: string): Promise<void>
  /** Removes the sessions of one user (see `userKey`). */
  removeUser(user: string): Promise<void>
  /** Does that while no other process does anything with this session. */
  exclusively<T>(id: string, work: () => Promise<T>): Promise<T>
}

export interface SessionLimits {
  readonly maxSessions: number
  readonly idleSeconds: number
}

/** Sessions in memory. One that is not used for `idleSeconds` ends; past `maxSessions` the longest idle one does. */
export function createMemorySessionStore(limits: SessionLimits, clock: () => number): SessionStore {
  // In the order of their last use: the longest idle comes first.
  const sessions = new Map<string, { record: SessionRecord; usedAt: number }>()
  const users = new Map<string, Set<string>>()

  function put(id: string, record: SessionRecord): void {
    sessions.delete(id)
    sessions.set(id, { record, usedAt: clock() })
  }

  function drop(id: string): void {
    const session = sessions.get(id)
    if (session === undefined) return
    sessions.delete(id)
    const user = userKey(session.record.owner)
    const ids = users.get(user)
    ids?.delete(id)
    if (ids?.size === 0) users.delete(user)
  }

  function dropIdle(): void {
    for (const [id, { usedAt }] of sessions) {
      if (usedAt + limits.idleSeconds > clock() && sessions.size <= limits.maxSessions) return
      drop(id)
    }
  }

  return {
    async marks() {
      return undefined
    },
    async read(id) {
      dropIdle()
      const record = sessions.get(id)?.record
      if (record !== undefined) put(id, record)
      return record
    },
    async create(id, record) {
      put(id, record)
      const user = userKey(record.owner)
      const ids = users.get(user)
      if (ids === undefined) users.set(user, new Set([id]))
      else ids.add(id)
      dropIdle()
    },
    async replace(id, record) {
      const isThere = sessions.has(id)
      if (isThere) put(id, record)
      return isThere
    },
    async remove(id) {
      drop(id)
    },
    async removeUser(user) {
      const ids = [...(users.get(user) ?? [])]
      ids.forEach(drop)
    },
    exclusively: (_id, work) => work(),
  }
}

/** What a session's tokens and its record are dropped with. */
export function sessionGroup(id: string): string {
  return `session ${id}`
}

/** All that a session's tokens and its record belong to: whichever of them is dropped, they go with it. */
export function sessionGroups(id: string, user: string): readonly string[] {
  return [user, sessionGroup(id)]
}

/**
 * Sessions in a store that the fleet shares, sealed. One that was not renewed for `idleSeconds` ends. Ending is a mark of its
 * own, so that a renewal which is under way elsewhere, and writes its record afterwards, does not bring a session back.
 */
export function createSharedSessionStore(
  shared: SharedStore,
  lock: Lock | undefined,
  { idleSeconds }: SessionLimits,
  client: string,
  clock: () => number,
): SessionStore {
  const nameOf = (id: string) => JSON.stringify(['session', client, id])

  async function open(id: string): Promise<{ record: SessionRecord; marks: string } | undefined> {
    const entry = await shared.get(nameOf(id), 'needed')
    if (entry === undefined) return undefined
    const record = entry.value as SessionRecord
    const marks = await shared.marks(sessionGroups(id, userKey(record.owner)), 'needed')
    return marks === entry.marks ? { record, marks } : undefined
  }

  function put(id: string, record: SessionRecord, marks: string): Promise<void> {
    return shared.set(nameOf(id), { value: record, marks, expiresAt: clock() + idleSeconds }, 'needed')
  }

  return {
    marks: (id, user) => shared.marks(sessionGroups(id, user), 'needed'),
    read: async (id) => (await open(id))?.record,
    create: (id, record, marks) => put(id, record, marks ?? ''),
    async replace(id, record) {
      const current = await open(id)
      if (current !== undefined) await put(id, record, current.marks)
      return current !== undefined
    },
    async remove(id) {
      await shared.drop(sessionGroup(id))
      await shared.remove(nameOf(id), 'helpful').catch(() => {})
    },
    // Its record carries the user's mark, which the client changes for all that is stored.
    removeUser: async () => {},
    exclusively: (id, work) => (lock === undefined ? work() : shared.locked(lock, nameOf(id), work)),
  }
}
