import { userKey } from './cache-key.js'
import type { Target } from './target.js'
import type { SessionOwner } from './user-token.js'

/** What is kept of a session. Plain data, so that it can be stored elsewhere. */
export interface SessionRecord {
  readonly owner: SessionOwner
  readonly tenantId: string | undefined
  readonly target: Target
  /** Absent once the service has declared it dead: then the session needs its user. */
  readonly refreshToken: string | undefined
}

/** Where sessions live. Asynchronous, because a fleet shares them. */
export interface SessionStore {
  read(id: string): Promise<SessionRecord | undefined>
  create(id: string, record: SessionRecord): Promise<void>
  /** Writes only over what is still there, and says whether it was: a session that has ended stays ended. */
  replace(id: string, record: SessionRecord): Promise<boolean>
  remove(id: string): Promise<void>
  /** Removes the sessions of one user (see `userKey`) and gives their ids. */
  removeUser(user: string): Promise<readonly string[]>
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
      return ids
    },
  }
}
