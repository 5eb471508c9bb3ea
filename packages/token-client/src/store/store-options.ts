import { badOption, checkNames, readGroup, readNumber } from '../base/options-reader.js'

/**
 * Runs `work` while no other process runs anything under the same name. It waits until the name is free, awaits `work`,
 * and rejects when it cannot get the lock or `work` rejects.
 */
export type StoreLock = (name: string, work: () => Promise<void>) => Promise<void>

/** The methods of a Keyv that are used. Any other store with these three methods works too. */
export interface KeyvLike {
  /** The value of that key, or a promise of it; `undefined` when there is none. */
  get(key: string): unknown
  /** Writes a value. `ttl` is its time to live in milliseconds. A result of `false` means that it was not written. */
  set(key: string, value: string, ttl?: number): unknown
  /** Deletes the value of that key. */
  delete(key: string): unknown
}

/** A key that entries of the store are encrypted with (AES-256-GCM). */
export interface StoreKey {
  /** 256 random bits: 32 bytes, or their base64 or base64url text. */
  readonly secret: string | Uint8Array
  /**
   * Until when entries of this key are read, in seconds since the epoch. Required for every key but the first. The first
   * key encrypts and must not have it.
   */
  readonly readUntil?: number | undefined
}

/** A store that several processes share. */
export interface StoreOptions {
  /** A Keyv (for Redis, Valkey, Postgres, …), or any object with its `get`, `set` and `delete`. It gets only ciphertext. */
  readonly keyv: KeyvLike
  /**
   * The first key encrypts, all keys decrypt. To change the key, first append the new one in every process; then move it to
   * the first place.
   */
  readonly keys: readonly [StoreKey, ...StoreKey[]]
  /** The start of every name in the store: 1 to 64 letters, digits, dots, hyphens or underscores. Default: `countersign`. */
  readonly namespace?: string | undefined
  /** Seconds that a call waits for the store before it continues without it. Default: 0.25. */
  readonly timeoutSeconds?: number | undefined
  /**
   * Seconds for which this process serves a user's token from its memory without asking the store whether another process
   * has invalidated that user's tokens. Default: 30.
   */
  readonly recheckSeconds?: number | undefined
  /**
   * Runs one piece of work at a time for each name, across all processes. Required for sessions of issuers that end a
   * session when one refresh token is used twice, which is every `oauthAuthority`.
   */
  readonly lock?: StoreLock | undefined
}

/** The options of a store after they were read. */
export interface StoreSettings {
  readonly keyv: KeyvLike
  readonly keys: readonly { readonly secret: Uint8Array; readonly readUntil: number }[]
  readonly namespace: string
  readonly timeoutSeconds: number
  readonly recheckSeconds: number
  readonly lock: StoreLock | undefined
  /** How long a revocation is remembered: longer than any token or session that it revokes can live. */
  readonly revocationSeconds: number
}

const names = ['keyv', 'keys', 'namespace', 'timeoutSeconds', 'recheckSeconds', 'lock']
const day = 24 * 60 * 60

/** Checks and copies the options of a store. Throws `TypeError`. */
export function readStoreOptions(
  what: string,
  options: StoreOptions,
  revocationSeconds: number,
): StoreSettings {
  readGroup(what, 'store', options, names)
  const { keyv, keys, namespace = 'countersign', lock } = options
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof keyv?.[method] !== 'function') {
      throw badOption(what, 'store.keyv', 'must be a Keyv, or an object with its get, set and delete')
    }
  }
  if (typeof namespace !== 'string' || !/^[\w.-]{1,64}$/.test(namespace)) {
    throw badOption(what, 'store.namespace', 'must be 1 to 64 letters, digits, dots, hyphens or underscores')
  }
  if (lock !== undefined && typeof lock !== 'function') {
    throw badOption(what, 'store.lock', 'must be a function')
  }
  if (!Array.isArray(keys) || keys.length === 0) {
    throw badOption(what, 'store.keys', 'must be a list of at least one { secret }')
  }
  const seconds = (name: 'timeoutSeconds' | 'recheckSeconds', from: number, to: number, standard: number) =>
    readNumber(what, `store.${name}`, options[name], { from, to, standard })
  return Object.freeze({
    keyv,
    keys: keys.map((key, index) => readKey(what, key as StoreKey, index)),
    namespace,
    timeoutSeconds: seconds('timeoutSeconds', 0.001, 10, 0.25),
    recheckSeconds: seconds('recheckSeconds', 0, day, 30),
    revocationSeconds,
    lock,
  })
}

function readKey(what: string, key: StoreKey, index: number): { secret: Uint8Array; readUntil: number } {
  const name = `store.keys[${index}]`
  if (typeof key !== 'object' || key === null) throw badOption(what, name, 'must be { secret }')
  checkNames(what, key, ['secret', 'readUntil'], `${name}.`)
  const { secret, readUntil } = key
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'base64') : secret
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== 32) {
    throw badOption(what, `${name}.secret`, 'must be 32 random bytes, or their base64 or base64url text')
  }
  // Without an end, a key that was replaced for a reason would be read forever.
  if (index > 0 && !Number.isFinite(readUntil)) {
    throw badOption(
      what,
      `${name}.readUntil`,
      'must be the time until which it is read, in seconds since the epoch',
    )
  }
  if (index === 0 && readUntil !== undefined) {
    throw badOption(what, `${name}.readUntil`, 'must be left out: the first key encrypts')
  }
  return { secret: new Uint8Array(bytes), readUntil: readUntil ?? Infinity }
}
