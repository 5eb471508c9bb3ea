import { sha256 } from '../base/identifiers.js'
import type { Reporter } from '../observers/reporter.js'
import { EntryEncryption } from './entry-encryption.js'
import { type Need, StoreAccess } from './store-access.js'
import { runLocked } from './store-lock.js'
import type { StoreSettings } from './store-options.js'

/** An entry of the store. */
export interface Entry {
  readonly value: unknown
  /** The revocation stamps of its user and session before it was requested (see `RevocationStamps`). */
  readonly stamps: string
  readonly expiresAt: number
}

/** A lock is waited for as long as so many operations of the store: 15 seconds by default. */
const operationsPerLock = 60

/**
 * Encrypted entries in a store that several processes share and that is not trusted. Anyone who can write to the store can
 * delete entries and put an older entry back into its own place, and nothing else. Every method throws `store_unavailable`
 * when the store fails or is slow.
 */
export class EncryptedStore {
  readonly #access: StoreAccess
  readonly #encryption: EntryEncryption
  readonly #namespace: string
  readonly #lock: StoreSettings['lock']
  readonly #lockSeconds: number
  readonly #clock: () => number

  constructor(settings: StoreSettings, clock: () => number, reporter: Reporter) {
    this.#access = new StoreAccess(settings.keyv, settings.timeoutSeconds, reporter)
    this.#encryption = new EntryEncryption(settings.keys, clock)
    this.#namespace = settings.namespace
    this.#lock = settings.lock
    this.#lockSeconds = settings.timeoutSeconds * operationsPerLock
    this.#clock = clock
  }

  /** The entry of that name; `undefined` when it has expired or cannot be decrypted. */
  async get(name: string, need: Need): Promise<Entry | undefined> {
    const entry = await this.read(name, need, 'ignore')
    return entry !== undefined && this.#clock() < entry.expiresAt ? entry : undefined
  }

  /** The entry of that name, even after its expiry. An entry that cannot be decrypted is ignored, or throws. */
  async read(name: string, need: Need, unreadable: 'ignore' | 'throw'): Promise<Entry | undefined> {
    const slot = this.#slot(name)
    const startedAt = performance.now()
    const stored = await this.#access.get(slot, need)
    if (stored === undefined || stored === null) return undefined
    const entry = readEntry(await this.#encryption.decrypt(slot, stored))
    if (entry !== undefined) return entry
    const fault = this.#access.fault('read', 'entry', startedAt)
    if (unreadable === 'throw') throw fault
    return undefined
  }

  async set(name: string, { value, stamps, expiresAt }: Entry, need: Need): Promise<void> {
    const ttlMilliseconds = Math.ceil((expiresAt - this.#clock()) * 1000)
    if (ttlMilliseconds <= 0) return
    const slot = this.#slot(name)
    const text = await this.#encryption.encrypt(slot, { value, marks: stamps, expiresAt })
    await this.#access.set(slot, text, ttlMilliseconds, need)
  }

  async remove(name: string, need: Need): Promise<void> {
    await this.#access.delete(this.#slot(name), need)
  }

  /** Runs `work` while no other process runs anything under that name, if the store has a lock. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#lock === undefined) return work()
    return runLocked(this.#access, this.#lock, this.#lockSeconds, this.#slot(name), work)
  }

  #slot(name: string): string {
    return `${this.#namespace}:${sha256(JSON.stringify([this.#namespace, name]))}`
  }
}

// Stored as `marks`, the name that processes of version 0.1.0 read and write.
function readEntry(content: unknown): Entry | undefined {
  const { value, marks, expiresAt } = (content ?? {}) as Record<string, unknown>
  return typeof marks === 'string' && typeof expiresAt === 'number'
    ? { value, stamps: marks, expiresAt }
    : undefined
}
