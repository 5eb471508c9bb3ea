import type { KeyObject } from 'node:crypto'

/**
 * A public key as the v2.0 key set lists it; the v1.0 set lists the same without `issuer` and `cloud_instance_name`.
 */
export interface PublishedKey {
  readonly kty: string
  readonly use: 'sig'
  readonly kid: string
  readonly x5t: string
  readonly n: string
  readonly e: string
  readonly x5c: readonly string[]
  readonly cloud_instance_name: string
  readonly issuer: string
}

/**
 * Whom a key signs for: this service's tenants, personal Microsoft accounts, the US Government cloud, or the tokens of
 * one API that has keys of its own.
 */
export type KeyOwner = 'tenants' | 'microsoftAccounts' | 'usGovernment' | `application ${string}`

/**
 * `next`: listed, has not signed yet. `signing`: signs now. `retiring`: listed, has signed before. `withdrawn`: no
 * longer listed.
 */
export type KeyState = 'next' | 'signing' | 'retiring' | 'withdrawn'

/** One signing key, without its secret. */
export interface KeyDescription {
  /** The key's id: the SHA-1 thumbprint of its certificate, as in `x5t`. */
  readonly kid: string
  /** Whose tokens it signs. */
  readonly owner: KeyOwner
  /** Whether it is listed and signs. */
  readonly state: KeyState
  /** Absent for a key that is in every answer. */
  readonly flapping?: KeyFlapping
}

/** A key that is in some answers of the key set only, over and over. */
export interface KeyFlapping {
  /** In how many answers in a row it is, from 1 to 1000. */
  readonly listed: number
  /** From how many answers in a row it is missing then, from 1 to 1000. */
  readonly absent: number
}

/** A key that signs. */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A signing key as a state file keeps it. It CONTAINS A PRIVATE KEY. */
export interface StoredKey {
  /** Whose tokens it signs. */
  readonly owner: KeyOwner
  /** Whether it is listed and signs. */
  readonly state: KeyState
  /** An RSA key of 2048 to 4096 bits: PKCS #8 as PEM. */
  readonly privateKey: string
  /** The key's certificate: DER as base64. */
  readonly certificate: string
}

/** Which key set is asked for. */
export interface KeySetQuestion {
  readonly withMicrosoftAccounts: boolean
  /** An API with keys of its own (`?appid=`). */
  readonly appId?: string | undefined
  /** For a stale answer: as of that change. Default: the last one. */
  readonly asOf?: number | undefined
}

/** A regular expression for a `KeyOwner`. */
export const keyOwnerPattern = '^(tenants|microsoftAccounts|usGovernment|application [0-9a-f-]{36})$'
