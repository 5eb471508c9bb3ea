import type { WorkInProgress } from '../base/work-in-progress.js'
import type { EncryptedStore } from '../store/encrypted-store.js'
import type { RevocationStamps } from '../store/revocation-stamps.js'

/** A token as the shared store holds it. Times are seconds since the epoch. */
export interface StoredToken {
  readonly accessToken: string
  /** When it was requested. Absent in entries of version 0.1.0. */
  readonly requestedAt?: number
  readonly expiresAt: number
  readonly scopes: readonly string[]
  readonly usableUntil: number
  readonly refreshAt: number
}

/** What the store knows about a token. No stamps: the store is down. */
export interface StoreAnswer {
  /** The current stamps of the names with which the token is revoked. */
  readonly stamps?: string
  /** The stored token, if there is a valid one. */
  readonly token?: StoredToken | undefined
}

/** Tokens in the shared store. A store that is down costs speed, not requests: no method throws. */
export class StoredTokens {
  readonly #store: EncryptedStore
  readonly #stamps: RevocationStamps
  readonly #work: WorkInProgress
  /** How long this process serves a user's token from memory without comparing its stamps. */
  readonly recheckSeconds: number

  constructor(store: EncryptedStore, stamps: RevocationStamps, work: WorkInProgress, recheckSeconds: number) {
    this.#work = work
    this.#store = store
    this.#stamps = stamps
    this.recheckSeconds = recheckSeconds
  }

  /** `cacheKey` is left out when a stored token would not help. */
  async find(cacheKey: string | undefined, revokedWith: readonly string[]): Promise<StoreAnswer> {
    try {
      const [stamps, entry] = await Promise.all([
        this.#stamps.read(revokedWith, 'helpful'),
        cacheKey === undefined ? undefined : this.#store.get(cacheKey, 'helpful'),
      ])
      return { stamps, token: entry?.stamps === stamps ? readStoredToken(entry.value) : undefined }
    } catch {
      return {}
    }
  }

  /** Does not wait for the store, which reports its own faults. */
  save(cacheKey: string, token: StoredToken, stamps: string): void {
    const entry = { value: token, stamps, expiresAt: token.usableUntil }
    this.#work.track(this.#store.set(cacheKey, entry, 'helpful')).catch(() => {})
  }

  /** Does not wait for the store, which reports its own faults. */
  remove(cacheKey: string): void {
    this.#work.track(this.#store.remove(cacheKey, 'helpful')).catch(() => {})
  }
}

// Encrypted with our key, but perhaps by another version of this package.
function readStoredToken(value: unknown): StoredToken | undefined {
  const { accessToken, requestedAt, expiresAt, scopes, usableUntil, refreshAt } = (value ?? {}) as Record<
    string,
    unknown
  >
  return typeof accessToken === 'string' &&
    typeof expiresAt === 'number' &&
    typeof usableUntil === 'number' &&
    typeof refreshAt === 'number' &&
    Array.isArray(scopes) &&
    scopes.every((scope): scope is string => typeof scope === 'string')
    ? {
        accessToken,
        ...(typeof requestedAt === 'number' ? { requestedAt } : {}),
        expiresAt,
        scopes,
        usableUntil,
        refreshAt,
      }
    : undefined
}
