import { isTokenClientError, TokenClientError } from '../base/errors.js'
import type { StoredKey } from '../bound-tokens/dpop-key.js'
import type { Target } from '../base/target.js'
import type { Need } from '../store/store-access.js'
import type { SessionOwner } from '../user-tokens/user-token.js'

/** What is remembered of a session. Plain data, so that it can be stored anywhere. */
export interface SessionRecord {
  readonly owner: SessionOwner
  readonly tenantId: string | undefined
  readonly target: Target
  /** The session's own key (DPoP), as JWK. */
  readonly proofKey?: StoredKey | undefined
  /** Absent after the service has refused it for good: then the session needs its user. */
  readonly refreshToken: string | undefined
}

/** Where sessions are: in memory, or in the shared store, which throws `store_unavailable`. */
export interface SessionStore {
  /** Read before the first token of a session is requested, and passed to `create`: see `RevocationStamps`. */
  stamps(id: string, user: string): Promise<string | undefined>
  read(id: string, need?: Need): Promise<SessionRecord | undefined>
  create(id: string, record: SessionRecord, stamps: string | undefined): Promise<void>
  /** Writes over an existing record only, and returns whether there was one: a session that has ended stays ended. */
  replace(id: string, record: SessionRecord): Promise<boolean>
  remove(id: string): Promise<void>
  /** Removes the sessions of one user (see `userRevocationName`). */
  removeUser(user: string): Promise<void>
  /** Runs `work` while no other process works with this session. */
  exclusively<T>(id: string, work: () => Promise<T>): Promise<T>
}

export interface SessionLimits {
  readonly maxSessions: number
  readonly idleSeconds: number
}

/** The name of a session among the revocations. */
export function sessionRevocationName(id: string): string {
  return `session ${id}`
}

/** The names with which the record and the tokens of a session are revoked. */
export function sessionRevocationNames(id: string, user: string): readonly string[] {
  return [user, sessionRevocationName(id)]
}

/** The record of a session. Throws `session_unknown` when there is none. */
export async function readRecord(store: SessionStore, id: string): Promise<SessionRecord> {
  const record = await store.read(id)
  if (record === undefined) throw new TokenClientError('session_unknown')
  return record
}

export function isStoreFault(error: unknown): error is TokenClientError {
  return isTokenClientError(error) && error.code === 'store_unavailable'
}
