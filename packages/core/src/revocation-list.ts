import { withinTime } from './deadline.js'
import { BearerError } from './errors.js'
import { systemClock } from './options.js'
import { checkNames, checkObject, readFunction, readSeconds } from './options-reader.js'
import { RevocationFeed, type RevocationStore } from './revocation-feed.js'
import {
  keyIn,
  maxAheadSeconds,
  readEntry,
  readRevoked,
  writeEntry,
  type RevocationEntry,
  type Revoked,
  type RevokedKind,
} from './revocation-entry.js'
import { unavailable, withRevocationCheck, type Revocation } from './revocation.js'
import type { ValidatedToken } from './validated-token.js'

/** Options of `createRevocationList`. */
export interface RevocationListOptions {
  /**
   * The longest life of a token that this API accepts, in seconds: an entry is kept that long, and a token that lives
   * longer is refused, because it could outlive its entry. It is compared with `exp` minus `iat`; a token without `iat` does
   * not tell its life, and is refused. Entra: 5700, because `iat` is backdated; 101100 where clients declare `cp1`, which get
   * tokens of 28 hours.
   */
  readonly maxTokenLifeSeconds: number
  /** The number of entries. A full list takes no more, and drops none that is in force. Default: 100000. */
  readonly maxEntries?: number | undefined
  /** Where several instances share their entries. Default: none, the list is of this process alone. */
  readonly store?: RevocationStore | undefined
  /** How often the store is read, in seconds. Default: 5. */
  readonly refreshSeconds?: number | undefined
  /** How old what was read may be, in seconds; beyond it requests are answered with 503. Default: 60, at least twice `refreshSeconds`. */
  readonly maxStaleSeconds?: number | undefined
  /** The time in seconds since the epoch. Default: the system clock. */
  readonly clock?: (() => number) | undefined
}

/** A list of revoked users, sessions, tokens, clients and tenants. Its methods are bound: they work without the object. */
export interface RevocationList extends Revocation {
  /** Whether a token is revoked: at once, but for a shared list that is not fresh. */
  readonly isRevoked: (token: ValidatedToken) => boolean | Promise<boolean>
  /**
   * Revokes tokens, in this process at once. Rejects with a TypeError for a malformed value, and with an `Error` where the list
   * is full, or where the shared store did not take the entry (it then holds in this process alone).
   */
  readonly revoke: (what: Revoked) => Promise<void>
  /** Resolves once the shared store was read: for readiness probes. Rejects where it cannot be read. */
  readonly ready: () => Promise<void>
  /** Ends the reading in the background. */
  readonly close: () => void
}

/** Entra writes a time into `iat` that lies about this long before the token was issued. */
const entraBackdatesSeconds = 300
/** An expired token is accepted for the clock tolerance of a validator, which is at most this. */
const maxToleranceSeconds = 600
const sweepSeconds = 60

/**
 * Makes a list of revoked tokens for the option `revocation`: by user since a moment, session, token, client, agent blueprint,
 * tenant or issuer. An entry holds for the longest life of a token, then it is dropped: to refuse a client or a tenant for
 * good, remove it from `allowedClients` or `allowedTenants`. A token without `iat` is refused.
 *
 * With Entra a user's moment is compared with `iat` plus 300 seconds, because Entra backdates `iat` by about that much.
 *
 * It does not hear of revocations by itself: call `revoke`, or feed it by `createSecurityEventReceiver`. Throws a TypeError
 * if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import { createRevocationList, createTokenValidator } from '@countersign/core'
 *
 * const revocation = createRevocationList({ maxTokenLifeSeconds: 3600 })
 * const validator = createTokenValidator({
 *   issuer: 'https://issuer.example',
 *   audience: 'https://api.example',
 *   revocation,
 * })
 *
 * export async function signOutEverywhere(subject: string): Promise<void> {
 *   await revocation.revoke({ user: { issuer: 'https://issuer.example', subject } })
 * }
 * ```
 */
export function createRevocationList(options: RevocationListOptions): RevocationList {
  const read = readOptions(options)
  const { clock, maxTokenLifeSeconds, store } = read
  const lifeSeconds = maxTokenLifeSeconds + maxToleranceSeconds
  // The same for every entry: a store that trims by age must not drop others for one that ends soon.
  const keepSeconds = lifeSeconds + maxAheadSeconds
  const entries = new Entries(read.maxEntries)
  const feed =
    store === undefined
      ? undefined
      : new RevocationFeed({
          store,
          refreshSeconds: read.refreshSeconds,
          maxStaleSeconds: read.maxStaleSeconds,
          onEntry(line) {
            const now = timeOf(clock)
            // The same part is read again later.
            if (now === undefined) throw unavailable()
            const entry = readEntry(line)
            if (entry !== undefined && !entries.add(entry, now)) entries.lack(entry)
          },
        })

  function decide(token: ValidatedToken): boolean {
    const now = timeOf(clock)
    if (now === undefined || entries.isIncomplete(now)) throw unavailable()
    const { expiresAt, issuedAt } = token
    // Without it the life is not known, and the token could outlive its entry.
    if (issuedAt === undefined) throw new BearerError('claim_missing', { claim: 'iat' })
    if (expiresAt - issuedAt > maxTokenLifeSeconds) {
      throw new BearerError('token_life_too_long', { claim: 'exp' })
    }
    return entries.match(token, issuedAt, now)
  }

  function check(token: ValidatedToken): boolean | Promise<boolean> {
    const waiting = feed?.ensureFresh()
    if (waiting === undefined) return decide(token)
    // A store with many parts is read on, and the request does not wait for the last.
    return withinTime(waiting).then(
      () => decide(token),
      () => {
        throw unavailable()
      },
    )
  }

  return withRevocationCheck<RevocationList>(
    {
      isRevoked: check,
      async revoke(what) {
        const now = timeOf(clock)
        if (now === undefined) throw new Error('revoke: the clock failed')
        const revoked = readRevoked(what, now, lifeSeconds)
        for (const entry of revoked) {
          if (!entries.add(entry, now)) throw new Error('revoke: the list is full; raise "maxEntries"')
        }
        if (store === undefined) return
        try {
          await withinTime(Promise.all(revoked.map((entry) => store.append(writeEntry(entry), keepSeconds))))
        } catch {
          throw new Error('revoke: the shared store did not take the entry; it holds in this process alone')
        }
      },
      ready: async () => feed?.read(),
      close: () => feed?.close(),
    },
    check,
  )
}

function readOptions(options: RevocationListOptions): {
  maxTokenLifeSeconds: number
  maxEntries: number
  store: RevocationStore | undefined
  refreshSeconds: number
  maxStaleSeconds: number
  clock: () => number
} {
  const what = 'createRevocationList'
  checkObject(what, options)
  checkNames(what, options, [
    'maxTokenLifeSeconds',
    'maxEntries',
    'store',
    'refreshSeconds',
    'maxStaleSeconds',
    'clock',
  ])
  const { store, maxEntries = 100_000, clock = systemClock } = options
  if (!Number.isInteger(maxEntries) || maxEntries < 1) {
    throw new TypeError(`${what}: "maxEntries" must be a whole number above 0`)
  }
  if (store !== undefined) {
    const given: unknown = store
    checkObject(`${what}: store`, given)
    for (const name of ['append', 'readSince'] as const) {
      readFunction(`${what}: store`, name, given[name])
    }
  }
  const refreshSeconds = readSeconds(what, 'refreshSeconds', options.refreshSeconds ?? 5, {
    from: 0.1,
    to: 3600,
  })
  return {
    maxTokenLifeSeconds: readSeconds(what, 'maxTokenLifeSeconds', options.maxTokenLifeSeconds, {
      from: 60,
      to: 366 * 86_400,
    }),
    maxEntries,
    store,
    refreshSeconds,
    maxStaleSeconds: readSeconds(
      what,
      'maxStaleSeconds',
      options.maxStaleSeconds ?? Math.max(60, 2 * refreshSeconds),
      { from: refreshSeconds, to: 86_400 },
    ),
    clock: readFunction(what, 'clock', clock),
  }
}

function timeOf(clock: () => number): number | undefined {
  try {
    const now: unknown = clock()
    return typeof now === 'number' && Number.isFinite(now) ? now : undefined
  } catch {
    return undefined
  }
}

interface Held {
  since: number
  expiresAt: number
}

/** The entries in force, by kind and key. None is dropped before its time. */
class Entries {
  readonly #maxEntries: number
  readonly #byKind = new Map<RevokedKind, Map<string, Held>>()
  #size = 0
  #sweepAt = -Infinity
  #earliestEnd = Infinity
  #incompleteUntil = -Infinity

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  /** Whether an entry is in force elsewhere that had no room here. */
  isIncomplete(now: number): boolean {
    return now < this.#incompleteUntil
  }

  /** Whether there was room for it. */
  add({ kind, key, since, expiresAt }: RevocationEntry, now: number): boolean {
    if (expiresAt <= now) return true
    const entries = this.#byKind.get(kind) ?? new Map<string, Held>()
    const held = entries.get(key)
    if (held !== undefined) {
      held.since = now < held.expiresAt ? Math.max(held.since, since) : since
      held.expiresAt = Math.max(held.expiresAt, expiresAt)
      return true
    }
    this.#sweep(now)
    if (this.#size >= this.#maxEntries) return false
    entries.set(key, { since, expiresAt })
    this.#byKind.set(kind, entries)
    this.#earliestEnd = Math.min(this.#earliestEnd, expiresAt)
    this.#size++
    return true
  }

  /** Notes an entry that is in force elsewhere, and has no room here. */
  lack({ expiresAt }: RevocationEntry): void {
    this.#incompleteUntil = Math.max(this.#incompleteUntil, expiresAt)
  }

  match(token: ValidatedToken, issuedAt: number, now: number): boolean {
    const issued = issuedAt + (token.version === undefined ? 0 : entraBackdatesSeconds)
    for (const [kind, entries] of this.#byKind) {
      const key = keyIn[kind](token)
      const held = key === undefined ? undefined : entries.get(key)
      if (held !== undefined && now < held.expiresAt && issued <= held.since) return true
    }
    return false
  }

  #sweep(now: number): void {
    if (now < this.#earliestEnd || (now < this.#sweepAt && this.#size < this.#maxEntries)) return
    this.#sweepAt = now + sweepSeconds
    this.#earliestEnd = Infinity
    for (const [kind, entries] of this.#byKind) {
      for (const [key, { expiresAt }] of entries) {
        if (expiresAt > now) {
          this.#earliestEnd = Math.min(this.#earliestEnd, expiresAt)
          continue
        }
        entries.delete(key)
        this.#size--
      }
      if (entries.size === 0) this.#byKind.delete(kind)
    }
  }
}
