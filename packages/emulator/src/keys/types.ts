import type { KeyObject } from 'node:crypto'

/** A public key as the v2.0 key set lists it; the v1.0 set lists the same without `issuer` and `cloud_instance_name`. */
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

/** `next` is listed and has not signed yet, `retiring` is listed and has, `withdrawn` is no longer listed. */
export type KeyState = 'next' | 'signing' | 'retiring' | 'withdrawn'

export interface KeyDescription {
  readonly kid: string
  readonly owner: KeyOwner
  readonly state: KeyState
  /** Listed in so many answers, then absent from so many, over and over. */
  readonly flapping?: KeyFlapping
}

export interface KeyFlapping {
  readonly listed: number
  readonly absent: number
}

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A signing key as a state file keeps it. */
export interface StoredKey {
  readonly owner: KeyOwner
  readonly state: KeyState
  readonly privateKey: string
  readonly certificate: string
}

/** Which set is asked for: whose it is decides whether personal accounts' keys are in it. */
export interface KeySetQuestion {
  readonly withMicrosoftAccounts: boolean
  /** An API with keys of its own (`?appid=`). */
  readonly appId?: string | undefined
  /** A stale answer: as of that change. */
  readonly asOf?: number | undefined
}

export const keyOwnerPattern = '^(tenants|microsoftAccounts|usGovernment|application [0-9a-f-]{36})$'
