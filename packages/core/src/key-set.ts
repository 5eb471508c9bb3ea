import type { SigningAlgorithm } from './algorithms.js'
import { fits, readJwk, type SigningKey, type SkippedKeyReason } from './jwk.js'
import type { SnapshotKey } from './key-snapshot.js'

/** How long a key serves after the fetch that last listed it, while no later fetch succeeds. */
const keyLifeSeconds = 24 * 3600
const maxKeys = 1000
/** How many keys are tried where an issuer gives several the same id, or none. */
const maxCandidates = 4

export interface KeySetOptions {
  readonly deniedKeys: ReadonlySet<string>
  /** How long a key serves that the newest key set no longer lists. */
  readonly absentKeyGraceSeconds: number
  /** Whether a token must name its key. */
  readonly requiresKeyId: boolean
}

/**
 * The signing keys of one issuer, and until when each serves.
 *
 * A key serves until a day after it was last listed; once a later fetch lacked it, for the issuer's grace. Front ends of
 * one issuer disagree for hours while it rolls out a key, so one set without a key does not withdraw it.
 */
export class KeySet {
  readonly #options: KeySetOptions
  #keys: readonly SigningKey[] = []
  #byKid = new Map<string | undefined, SigningKey[]>()
  readonly #forgotten = new Set<string>()

  constructor(options: KeySetOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#keys.length
  }

  isDenied(kid: string): boolean {
    return this.#forgotten.has(kid) || this.#options.deniedKeys.has(kid)
  }

  hasLiveKeys(now: number): boolean {
    return this.#keys.some((key) => now < key.servesUntil)
  }

  /** The keys that may have signed a token with this key id and algorithm. */
  candidates(kid: string | undefined, algorithm: SigningAlgorithm, now: number): readonly SigningKey[] {
    return this.#named(kid)
      .filter((key) => isUsable(key, algorithm, now))
      .slice(0, maxCandidates)
  }

  #named(kid: string | undefined): readonly SigningKey[] {
    // Without a key id any key may be meant; with one, a key that has none may be.
    if (kid === undefined) return this.#keys
    const named = this.#byKid.get(kid)
    if (named !== undefined) return named
    return (this.#options.requiresKeyId ? undefined : this.#byKid.get(undefined)) ?? noKeys
  }

  /**
   * Takes in a fetched set, and reports each member that is skipped. Keys seen before stay the same objects, so that what
   * they verified stays tied to them.
   */
  accept(
    jwks: readonly unknown[],
    now: number,
    skip: (reason: SkippedKeyReason, keys: number) => void,
  ): void {
    const before = new Map(this.#keys.map((key) => [sameness(key), key]))
    const listed = new Map<string, SigningKey>()
    for (const jwk of jwks.slice(0, maxKeys)) {
      const read = readJwk(jwk, now, now + keyLifeSeconds)
      if ('skipped' in read) skip(read.skipped, 1)
      else if (read.key.kid !== undefined && this.isDenied(read.key.kid)) skip('denied', 1)
      else {
        const key = before.get(sameness(read.key)) ?? read.key
        key.lastListed = now
        key.servesUntil = now + keyLifeSeconds
        listed.set(sameness(key), key)
      }
    }
    if (jwks.length > maxKeys) skip('too_many', jwks.length - maxKeys)
    for (const [same, key] of before) {
      if (listed.has(same)) continue
      key.servesUntil = Math.min(key.servesUntil, key.lastListed + this.#options.absentKeyGraceSeconds)
      if (now < key.servesUntil && listed.size < maxKeys) listed.set(same, key)
      else key.servesUntil = -Infinity
    }
    this.#index([...listed.values()])
  }

  /** Drops keys at once: all, or those of one id, which is denied from then on, also if it is listed again. */
  forget(kid: string | undefined): void {
    if (kid !== undefined) this.#forgotten.add(kid)
    for (const key of this.#keys) {
      if (kid === undefined || key.kid === kid) key.servesUntil = -Infinity
    }
    this.#index(this.#keys.filter((key) => key.servesUntil > -Infinity))
  }

  snapshot(): readonly SnapshotKey[] {
    return this.#keys.map(snapshotKey)
  }

  /** Adds keys it does not hold. What it holds knows better, and a key's time is never lengthened. */
  restore(keys: readonly SnapshotKey[], newest: number): void {
    const known = new Map(this.#keys.map((key) => [sameness(key), key]))
    for (const { jwk, lastListed } of keys.slice(0, maxKeys)) {
      const life = lastListed < newest ? this.#options.absentKeyGraceSeconds : keyLifeSeconds
      const read = readJwk(jwk, lastListed, lastListed + life)
      if ('skipped' in read || (read.key.kid !== undefined && this.isDenied(read.key.kid))) continue
      if (!known.has(sameness(read.key))) known.set(sameness(read.key), read.key)
    }
    this.#index([...known.values()].slice(0, maxKeys))
  }

  #index(keys: readonly SigningKey[]): void {
    this.#keys = keys
    this.#byKid = new Map()
    for (const key of keys) {
      const others = this.#byKid.get(key.kid)
      if (others === undefined) this.#byKid.set(key.kid, [key])
      else others.push(key)
    }
  }
}

const noKeys: readonly SigningKey[] = Object.freeze([])

function isUsable(key: SigningKey, algorithm: SigningAlgorithm, now: number): boolean {
  return (
    now < key.servesUntil &&
    (key.algorithm === undefined || key.algorithm === algorithm) &&
    fits(key.jwk, algorithm)
  )
}

/** The same key: the same material under the same id, bound to the same issuer and cloud. */
function sameness(key: SigningKey): string {
  return JSON.stringify([key.identity, key.kid, key.algorithm, key.issuer, key.cloudInstanceName])
}

function snapshotKey(key: SigningKey): SnapshotKey {
  const { jwk, kid, algorithm, issuer, cloudInstanceName, lastListed } = key
  return {
    jwk: {
      ...jwk,
      ...(kid === undefined ? {} : { kid }),
      ...(algorithm === undefined ? {} : { alg: algorithm }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(cloudInstanceName === undefined ? {} : { cloud_instance_name: cloudInstanceName }),
    },
    lastListed,
  }
}
