import { randomBytes } from 'node:crypto'
import { sha256 } from '../cache/cache-key.js'
import { systemReason, TokenClientError } from '../base/errors.js'
import { type Announcer, secondsSince, type TokenStoreFaultEvent } from '../observers/observers.js'

/** Runs `work` while nobody else in the fleet runs anything under that name. Waits for its turn, and passes on what it throws. */
export type Lock = (name: string, work: () => Promise<void>) => Promise<void>

/** The part of a Keyv that is used. Any other store with these three methods will do; the time to live is in milliseconds. */
export interface KeyvLike {
  get(key: string): unknown
  set(key: string, value: string, ttl?: number): unknown
  delete(key: string): unknown
}

/** A key that entries are encrypted with. */
export interface StoreKey {
  /** 256 random bits: 32 bytes, or their base64 or base64url text. */
  readonly secret: string | Uint8Array
  /**
   * Until when its entries are still read, in seconds since the epoch. Needed on every key but the first, which is the one
   * that is written with.
   */
  readonly readUntil?: number
}

export interface SharedStoreSettings {
  readonly keyv: KeyvLike
  readonly keys: readonly { readonly secret: Uint8Array; readonly readUntil: number }[]
  readonly namespace: string
  readonly timeoutSeconds: number
  /** How long it is remembered that a group was dropped: longer than anything of that group can live. */
  readonly dropSeconds: number
}

/** What an entry holds. `marks` are those of its groups when it came to be (see `SharedStore.marks`). */
export interface Entry {
  readonly value: unknown
  readonly marks: string
  readonly expiresAt: number
}

/** Whether the caller can do without the store (it is then skipped for a moment after a fault), or needs its answer. */
export type Need = 'helpful' | 'needed'

interface Key {
  readonly secret: Uint8Array
  readonly protectedHeader: Readonly<Record<'alg' | 'enc' | 'kid', string>>
  readonly protectedText: string
  readonly readUntil: number
}

const pauseSeconds = 1
const neededTimeoutSeconds = 2
const lockTimeoutSeconds = 15
const maxPending = 1000
const maxEntryLength = 256 * 1024

/**
 * Entries in a store that a fleet shares and that is not trusted: each is a flattened JWE (`dir`, `A256GCM`), bound by its
 * additional data to the place it was written to. Whoever can write to the store can delete entries and put an older one
 * back in its own place, and nothing else. Every method throws `store_unavailable` when the store is down or slow.
 */
export class SharedStore {
  readonly #settings: SharedStoreSettings
  readonly #keys: readonly [Key, ...Key[]]
  readonly #clock: () => number
  readonly #announcer: Announcer
  #pausedUntil = 0
  #pending = 0

  constructor(settings: SharedStoreSettings, clock: () => number, announcer: Announcer) {
    this.#settings = settings
    this.#keys = settings.keys.map(keyOf) as [Key, ...Key[]]
    this.#clock = clock
    this.#announcer = announcer
  }

  /** The entry of that name. One that has expired, or cannot be opened, is none. */
  async get(name: string, need: Need): Promise<Entry | undefined> {
    const entry = await this.#open(name, need)
    return entry !== undefined && this.#clock() < entry.expiresAt ? entry : undefined
  }

  async set(name: string, entry: Entry, need: Need): Promise<void> {
    const ttl = Math.ceil((entry.expiresAt - this.#clock()) * 1000)
    if (ttl <= 0) return
    const slot = this.#slot(name)
    const sealed = await this.#seal(slot, entry)
    const { keyv } = this.#settings
    const written = await this.#bounded('write', need, async () => keyv.set(`${slot}`, sealed, ttl))
    // Keyv answers false where it swallowed an error.
    if (written === false) throw this.#fault('write', 'error', performance.now())
  }

  async remove(name: string, need: Need): Promise<void> {
    const { keyv } = this.#settings
    await this.#bounded('delete', need, async () => keyv.delete(this.#slot(name)))
  }

  /**
   * What is known of the dropping of these groups. An entry is of use only while its groups have the marks they had before
   * it came to be: so a group is dropped by one write, whatever else is being written at that moment.
   */
  async marks(groups: readonly string[], need: Need): Promise<string> {
    const marks = await Promise.all(groups.map((group) => this.#open(dropName(group), need, 'strict')))
    return marks.map((mark) => mark?.marks ?? '').join(' ')
  }

  async drop(group: string): Promise<void> {
    const marks = randomBytes(12).toString('base64url')
    const expiresAt = this.#clock() + this.#settings.dropSeconds
    await this.set(dropName(group), { value: null, marks, expiresAt }, 'needed')
  }

  /** Runs `work` under the fleet's lock of that name. A lock that cannot be had in time is a store that is out of reach. */
  async locked<T>(lock: Lock, name: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined
    let isTooLate = false
    let begun = () => {}
    const inTime = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('late')), lockTimeoutSeconds * 1000)
      begun = () => (clearTimeout(timer), resolve())
    })
    const held = (async () =>
      lock(this.#slot(name), async () => {
        if (isTooLate) return
        begun()
        outcome = await work().then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        )
      }))()
    try {
      await Promise.race([inTime, held.finally(begun)])
      await held
    } catch (error) {
      isTooLate = true
      held.catch(() => {})
      // A lock that was lost at its end does not undo the work.
      if (outcome === undefined) throw this.#fault('lock', 'error', startedAt, systemReason(error))
    }
    if (outcome === undefined) throw this.#fault('lock', 'error', startedAt)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  #slot(name: string): string {
    return `${this.#settings.namespace}:${sha256(JSON.stringify([this.#settings.namespace, name]))}`
  }

  async #open(name: string, need: Need, mode?: 'strict'): Promise<Entry | undefined> {
    const slot = this.#slot(name)
    const startedAt = performance.now()
    const stored = await this.#bounded('read', need, async () => this.#settings.keyv.get(slot))
    if (stored === undefined || stored === null) return undefined
    const entry = await this.#unseal(slot, stored)
    if (entry !== undefined) return entry
    const fault = this.#fault('read', 'entry', startedAt)
    // A mark that cannot be read may say that a user was forgotten.
    if (mode === 'strict') throw fault
    return undefined
  }

  async #seal(slot: string, entry: Entry): Promise<string> {
    const { FlattenedEncrypt } = await import('jose/jwe/flattened/encrypt')
    const [key] = this.#keys
    const jwe = await new FlattenedEncrypt(Buffer.from(JSON.stringify(entry)))
      .setProtectedHeader({ ...key.protectedHeader } as { alg: string; enc: string })
      .setAdditionalAuthenticatedData(Buffer.from(slot))
      .encrypt(key.secret)
    const { protected: header, iv, ciphertext, tag } = jwe
    return JSON.stringify({ protected: header, iv, ciphertext, tag })
  }

  async #unseal(slot: string, stored: unknown): Promise<Entry | undefined> {
    if (typeof stored !== 'string' || stored.length > maxEntryLength) return undefined
    const { flattenedDecrypt } = await import('jose/jwe/flattened/decrypt')
    try {
      const jwe = JSON.parse(stored) as Record<'protected' | 'iv' | 'ciphertext' | 'tag', string>
      const now = this.#clock()
      // The whole header is compared: an entry has no say in how it is decrypted.
      const key = this.#keys.find((one) => one.protectedText === jwe.protected && now < one.readUntil)
      if (key === undefined) return undefined
      const { plaintext } = await flattenedDecrypt(
        {
          protected: key.protectedText,
          iv: jwe.iv,
          ciphertext: jwe.ciphertext,
          tag: jwe.tag,
          // Ours, whatever the entry says: one that was moved here from another slot does not open.
          aad: Buffer.from(slot).toString('base64url'),
        },
        key.secret,
        { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
      )
      return readEntry(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext)))
    } catch {
      return undefined
    }
  }

  async #bounded<T>(operation: 'read' | 'write' | 'delete', need: Need, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    if (need === 'helpful' && startedAt < this.#pausedUntil) throw unavailable()
    if (this.#pending >= maxPending) throw this.#fault(operation, 'overloaded', startedAt)
    const seconds =
      need === 'needed'
        ? Math.max(this.#settings.timeoutSeconds, neededTimeoutSeconds)
        : this.#settings.timeoutSeconds
    this.#pending++
    const outcome = work().finally(() => this.#pending--)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), seconds * 1000)))
    try {
      const first = await Promise.race([outcome.then((value) => ({ value })), late])
      if (first !== 'late') return first.value
    } catch (error) {
      throw this.#fault(operation, 'error', startedAt, systemReason(error))
    } finally {
      clearTimeout(timer)
    }
    // It may still fail, when nobody waits for it any more.
    outcome.catch(() => {})
    throw this.#fault(operation, 'timeout', startedAt)
  }

  #fault(
    operation: TokenStoreFaultEvent['operation'],
    fault: TokenStoreFaultEvent['fault'],
    startedAt: number,
    reason?: string,
  ): TokenClientError {
    // A store that is down is not asked by every call: that would cost each the whole time-out.
    if (fault !== 'entry' && operation !== 'lock') this.#pausedUntil = performance.now() + pauseSeconds * 1000
    const durationSeconds = secondsSince(startedAt)
    this.#announcer.storeFault({
      operation,
      fault,
      ...(reason === undefined ? {} : { reason }),
      durationSeconds,
    })
    return unavailable(reason)
  }
}

function unavailable(reason?: string): TokenClientError {
  return new TokenClientError('store_unavailable', { reason })
}

function dropName(group: string): string {
  return JSON.stringify(['dropped', group])
}

function keyOf({ secret, readUntil }: SharedStoreSettings['keys'][number]): Key {
  const kid = sha256(`countersign store key ${Buffer.from(secret).toString('base64url')}`).slice(0, 16)
  const protectedHeader = { alg: 'dir', enc: 'A256GCM', kid }
  const protectedText = Buffer.from(JSON.stringify(protectedHeader)).toString('base64url')
  return { secret, readUntil, protectedHeader, protectedText }
}

function readEntry(value: unknown): Entry | undefined {
  const { marks, expiresAt, value: content } = (value ?? {}) as Record<string, unknown>
  return typeof marks === 'string' && typeof expiresAt === 'number'
    ? { value: content, marks, expiresAt }
    : undefined
}
