import { isJsonObject } from './json.js'

/** A key as a snapshot holds it: a public JWK and the moment the issuer last listed it. */
export interface SnapshotKey {
  /** The public JWK (RFC 7517), with what binds it. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** When a fetch last listed the key: seconds since the epoch. */
  readonly lastListed: number
  /** When a fetch first lacked it after that: seconds since the epoch. Absent while it is listed. */
  readonly absentSince?: number
}

/** The keys of one issuer at one moment. */
export interface IssuerSnapshot {
  /** The issuer as configured. */
  readonly name: string
  /** `issuer` of the metadata document, where one was fetched. */
  readonly metadataIssuer?: string
  /** `cloud_instance_name` of the metadata document (Entra). */
  readonly cloudInstanceName?: string
  /** The keys held for this issuer. */
  readonly keys: readonly SnapshotKey[]
}

/**
 * The public keys of a validator as plain JSON: for a cold start on an edge runtime, or many instances that start at once.
 * Anyone who can write it decides which keys are trusted: keep it in a place as trustworthy as the configuration.
 */
export interface KeySnapshot {
  /** The version of this format. */
  readonly version: 1
  /** The keys of each issuer of the validator. */
  readonly issuers: readonly IssuerSnapshot[]
}

/** Reads a snapshot. Throws a TypeError for anything malformed, and for times that have not come yet. */
export function readSnapshot(value: unknown, now: number): KeySnapshot {
  if (!isJsonObject(value) || value.version !== 1 || !Array.isArray(value.issuers)) {
    throw new TypeError('importKeys: expected a snapshot made by exportKeys')
  }
  return { version: 1, issuers: value.issuers.map((issuer: unknown) => readIssuer(issuer, now)) }
}

function readIssuer(value: unknown, now: number): IssuerSnapshot {
  if (!isJsonObject(value) || typeof value.name !== 'string' || !Array.isArray(value.keys)) {
    throw new TypeError('importKeys: an issuer of the snapshot is malformed')
  }
  const { name, metadataIssuer, cloudInstanceName } = value
  return {
    name,
    ...(typeof metadataIssuer === 'string' ? { metadataIssuer } : {}),
    ...(typeof cloudInstanceName === 'string' ? { cloudInstanceName } : {}),
    keys: value.keys.map((key: unknown) => readKey(key, now)),
  }
}

function readKey(value: unknown, now: number): SnapshotKey {
  if (!isJsonObject(value) || !isJsonObject(value.jwk) || !Number.isFinite(value.lastListed)) {
    throw new TypeError('importKeys: a key of the snapshot is malformed')
  }
  const lastListed = value.lastListed as number
  // A time to come would keep a key alive beyond the day that the issuer's silence allows.
  if (lastListed > now) throw new TypeError('importKeys: a key of the snapshot was listed in the future')
  const { absentSince } = value
  if (absentSince === undefined) return { jwk: value.jwk, lastListed }
  if (typeof absentSince !== 'number' || !(absentSince >= lastListed && absentSince <= now)) {
    throw new TypeError('importKeys: a key of the snapshot is malformed')
  }
  return { jwk: value.jwk, lastListed, absentSince }
}
