import type { EncryptedStore } from '../store/encrypted-store.js'
import type { RevocationStamps } from '../store/revocation-stamps.js'
import type { Need } from '../store/store-access.js'
import { userRevocationName } from '../user-tokens/owner.js'
import {
  type SessionRecord,
  sessionRevocationName,
  sessionRevocationNames,
  type SessionStore,
} from './session-store.js'

/**
 * Sessions in the shared store, encrypted. A session ends when it was not renewed for `idleSeconds`. An end is a
 * revocation: a renewal that is under way in another process and writes its record afterwards does not undo it.
 */
export class EncryptedSessionStore implements SessionStore {
  readonly #store: EncryptedStore
  readonly #stamps: RevocationStamps
  readonly #client: string
  readonly #idleSeconds: number
  readonly #clock: () => number

  constructor(
    store: EncryptedStore,
    stamps: RevocationStamps,
    client: string,
    idleSeconds: number,
    clock: () => number,
  ) {
    this.#store = store
    this.#stamps = stamps
    this.#client = client
    this.#idleSeconds = idleSeconds
    this.#clock = clock
  }

  stamps(id: string, user: string): Promise<string> {
    return this.#stamps.read(sessionRevocationNames(id, user), 'needed')
  }

  async read(id: string, need: Need = 'needed'): Promise<SessionRecord | undefined> {
    return (await this.#open(id, need))?.record
  }

  create(id: string, record: SessionRecord, stamps: string | undefined): Promise<void> {
    return this.#put(id, record, stamps ?? '')
  }

  async replace(id: string, record: SessionRecord): Promise<boolean> {
    const current = await this.#open(id, 'needed')
    if (current !== undefined) await this.#put(id, record, current.stamps)
    return current !== undefined
  }

  async remove(id: string): Promise<void> {
    await this.#stamps.revoke(sessionRevocationName(id))
    await this.#store.remove(this.#nameOf(id), 'helpful').catch(() => {})
  }

  // The record holds the user's stamp, and `forgetUser` revokes the user in the whole store.
  async removeUser(): Promise<void> {}

  exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#store.exclusively(this.#nameOf(id), work)
  }

  async #open(id: string, need: Need): Promise<{ record: SessionRecord; stamps: string } | undefined> {
    const entry = await this.#store.get(this.#nameOf(id), need)
    if (entry === undefined) return undefined
    const record = entry.value as SessionRecord
    const names = sessionRevocationNames(id, userRevocationName(record.owner))
    const stamps = await this.#stamps.read(names, need)
    return stamps === entry.stamps ? { record, stamps } : undefined
  }

  #put(id: string, record: SessionRecord, stamps: string): Promise<void> {
    const expiresAt = this.#clock() + this.#idleSeconds
    return this.#store.set(this.#nameOf(id), { value: record, stamps, expiresAt }, 'needed')
  }

  #nameOf(id: string): string {
    return JSON.stringify(['session', this.#client, id])
  }
}
