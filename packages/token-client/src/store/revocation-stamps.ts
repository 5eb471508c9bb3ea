import { randomBytes } from 'node:crypto'
import type { EncryptedStore } from './encrypted-store.js'
import type { Need } from './store-access.js'

/**
 * Invalidates all stored entries of a user or of a session with one write. Each of them has a name (`userRevocationName`,
 * `sessionRevocationName`), and a revocation gives the name a new random stamp. Every entry holds the stamps that its names
 * had before it was requested, and is valid only while they are the same, whatever is being written at that moment.
 */
export class RevocationStamps {
  readonly #store: EncryptedStore
  readonly #clock: () => number
  readonly #revocationSeconds: number

  constructor(store: EncryptedStore, clock: () => number, revocationSeconds: number) {
    this.#store = store
    this.#clock = clock
    this.#revocationSeconds = revocationSeconds
  }

  /** The current stamps of these names, as one text. */
  async read(names: readonly string[], need: Need): Promise<string> {
    // A stamp that cannot be read may be a revocation, so it throws.
    const entries = await Promise.all(names.map((name) => this.#store.read(entryName(name), need, 'throw')))
    return entries.map((entry) => entry?.stamps ?? '').join(' ')
  }

  /** Invalidates every stored entry of that name. */
  async revoke(name: string): Promise<void> {
    const stamps = randomBytes(12).toString('base64url')
    const expiresAt = this.#clock() + this.#revocationSeconds
    await this.#store.set(entryName(name), { value: null, stamps, expiresAt }, 'needed')
  }
}

// `dropped` is the word of version 0.1.0, whose processes may share the store.
function entryName(name: string): string {
  return JSON.stringify(['dropped', name])
}
