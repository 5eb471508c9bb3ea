import type { SigningAlgorithm } from './algorithms.js'
import { fits, readJwk, type KeyName, type SigningKey, type SkippedKeyReason } from './jwk.js'
import type { SnapshotKey } from './key-snapshot.js'

/** How long a key serves after the fetch that last listed it, while no later fetch succeeds. */
const keyLifeSeconds = 24 * 3600
const maxKeys = 1000
/**
 * How many keys are tried where a token does not name one: more than the largest set seen live (15 keys), and few enough
 * that a forged token costs no more than half a millisecond with RSA keys.
 */
const maxCandidates = 16

/** What a token's header says of its key. */
export interface WantedKey {
  readonly kid: string | undefined
  /** Used only where there is no `kid` (ADFS). */
  readonly x5t: string | undefined
  readonly algorithm: SigningAlgorithm
}

/** The keys that may have signed a token. */
export interface Candidates {
  readonly keys: readonly SigningKey[]
  /** There are more keys than are tried. */
  readonly isCutOff: boolean
  /** The token names no key, and several of the keys that it may mean have names. */
  readonly isAmbiguous: boolean
}

export interface KeySetOptions {
  readonly deniedKeys: ReadonlySet<string>
  /** How long a key serves that the newest key set no longer lists. */
  readonly absentKeyGraceSeconds: number
  /** Whether a token must name its key. */
  readonly requiresKeyId: boolean
  /** Whether an RSA key without `alg` serves every RSA algorithm, and not RS256 alone. */
  readonly rsaKeysServeAnyAlgorithm: boolean
}

/**
 * The signing keys of one issuer, and until when each serves.
 *
 * A key serves until a day after it was last listed; once a later fetch lacked it, for the issuer's grace from that fetch
 * on, since it may have been listed until then. Front ends of one issuer disagree for hours while it rolls out a key, so one
 * set without a key does not withdraw it. What binds a listed key is decided by the newest listing alone.
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

  /** Whether a key of this id serves, for whatever algorithm. */
  isListed(kid: string | undefined, now: number): boolean {
    return kid !== undefined && (this.#byKid.get(kid)?.some((key) => now < key.servesUntil) ?? false)
  }

  candidates(wanted: WantedKey, now: number): Candidates {
    const usable = this.#named(wanted).filter((key) => this.#isUsable(key, wanted.algorithm, now))
    const namesNone = wanted.kid === undefined && !usable.some((key) => isNamedByThumbprint(key, wanted.x5t))
    return {
      keys: usable.slice(0, maxCandidates),
      isCutOff: usable.length > maxCandidates,
      isAmbiguous: namesNone && usable.length > 1 && usable.every((key) => key.kid !== undefined),
    }
  }

  #named({ kid, x5t }: WantedKey): readonly SigningKey[] {
    if (kid !== undefined) {
      // A key without an id may be meant by any id.
      const unnamed = this.#options.requiresKeyId ? undefined : this.#byKid.get(undefined)
      return this.#byKid.get(kid) ?? unnamed ?? noKeys
    }
    if (x5t !== undefined) {
      const named = this.#keys.filter((key) => isNamedByThumbprint(key, x5t))
      if (named.length > 0) return named
    }
    return this.#keys
  }

  #isUsable(key: SigningKey, algorithm: SigningAlgorithm, now: number): boolean {
    return now < key.servesUntil && this.#serves(key, algorithm) && fits(key.jwk, algorithm)
  }

  /** A key is for one algorithm (RFC 8725 section 3.1): where an RSA key does not say which, for the most common one. */
  #serves(key: SigningKey, algorithm: SigningAlgorithm): boolean {
    if (key.algorithm !== undefined) return key.algorithm === algorithm
    return key.jwk.kty !== 'RSA' || this.#options.rsaKeysServeAnyAlgorithm || algorithm === 'RS256'
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
    const before = new Map(this.#keys.map((key) => [boundName(key), key]))
    const listed = new Map<string, SigningKey>()
    const listedNames = new Set<string>()
    for (const jwk of jwks.slice(0, maxKeys)) {
      const read = readJwk(jwk, now, now + keyLifeSeconds)
      if ('skipped' in read) {
        skip(read.skipped, 1)
        // Listed, but no longer for signatures: that is no absence, and gets no grace.
        if (read.named !== undefined) listedNames.add(nameOf(read.named))
      } else if (read.key.kid !== undefined && this.isDenied(read.key.kid)) skip('denied', 1)
      else {
        const key = before.get(boundName(read.key)) ?? read.key
        key.lastListed = now
        key.absentSince = undefined
        key.servesUntil = now + keyLifeSeconds
        listed.set(boundName(key), key)
        listedNames.add(nameOf(key))
      }
    }
    if (jwks.length > maxKeys) skip('too_many', jwks.length - maxKeys)
    for (const [name, key] of before) {
      if (listed.has(name)) continue
      const isBoundAnew = listedNames.has(nameOf(key))
      if (!isBoundAnew) this.#giveGrace(key, now)
      if (!isBoundAnew && now < key.servesUntil && listed.size < maxKeys) listed.set(name, key)
      else key.servesUntil = -Infinity
    }
    this.#index([...listed.values()])
  }

  #giveGrace(key: SigningKey, now: number): void {
    key.absentSince ??= now
    key.servesUntil = key.absentSince + this.#options.absentKeyGraceSeconds
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
    const known = new Map(this.#keys.map((key) => [boundName(key), key]))
    const names = new Set(this.#keys.map(nameOf))
    for (const { jwk, lastListed, absentSince } of keys.slice(0, maxKeys)) {
      const read = readJwk(jwk, lastListed, lastListed + keyLifeSeconds)
      if ('skipped' in read || (read.key.kid !== undefined && this.isDenied(read.key.kid))) continue
      if (names.has(nameOf(read.key))) continue
      if (absentSince !== undefined || lastListed < newest) {
        read.key.absentSince = absentSince ?? lastListed
        read.key.servesUntil = read.key.absentSince + this.#options.absentKeyGraceSeconds
      }
      known.set(boundName(read.key), read.key)
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

function isNamedByThumbprint(key: SigningKey, x5t: string | undefined): boolean {
  return x5t !== undefined && (key.x5t === x5t || key.kid === x5t)
}

function nameOf(key: KeyName): string {
  return JSON.stringify([key.identity, key.kid])
}

/** The same key with the same binding: to an algorithm, an issuer and a cloud. */
function boundName(key: SigningKey): string {
  return JSON.stringify([key.identity, key.kid, key.x5t, key.algorithm, key.issuer, key.cloudInstanceName])
}

function snapshotKey(key: SigningKey): SnapshotKey {
  const { jwk, kid, x5t, algorithm, issuer, cloudInstanceName, lastListed, absentSince } = key
  return {
    jwk: {
      ...jwk,
      ...(kid === undefined ? {} : { kid }),
      ...(x5t === undefined ? {} : { x5t }),
      ...(algorithm === undefined ? {} : { alg: algorithm }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(cloudInstanceName === undefined ? {} : { cloud_instance_name: cloudInstanceName }),
    },
    lastListed,
    ...(absentSince === undefined ? {} : { absentSince }),
  }
}
