import type { KeyOwner, KeySetQuestion, PublishedKey, SigningKey } from './types.js'
import { createSigningCertificate, thumbprintOf } from './certificates.js'
import type { RsaKeys } from './rsa-key.js'
import type { KeyFlapping } from './types.js'

/** One signing key and what has happened to it. */
export interface KeyRecord extends SigningKey {
  readonly owner: KeyOwner
  readonly certificate: string
  readonly jwk: { readonly kty: string; readonly n: string; readonly e: string }
  /** In the count of changes: a front end that is late still answers as of an earlier one. */
  readonly listedAt: number
  withdrawnAt: number
  hasSigned: boolean
  flapping: (KeyFlapping & { answers: number }) | undefined
}

/** What all keys of an instance are listed with. */
export interface KeyLabels {
  /** The issuer a key is listed with: of a tenant by template, or concrete. */
  readonly issuer: (tenantId: string) => string
  readonly cloudInstanceName: string
  readonly microsoftAccountsTenantId: string
}

const commonNames: Readonly<Record<string, string>> = {
  tenants: 'Countersign emulator',
  microsoftAccounts: 'Countersign emulator, personal accounts',
  usGovernment: 'Countersign emulator, US Government',
}

/** A key that has not signed yet; without a certificate it gets a new one. */
export function createKeyRecord(
  keys: RsaKeys,
  {
    owner,
    certificate,
    listedAt,
    now,
  }: { owner: KeyOwner; certificate: Buffer | undefined; listedAt: number; now: number },
): KeyRecord {
  const commonName = commonNames[owner] ?? 'Countersign emulator, one application'
  const raw = certificate ?? createSigningCertificate(keys, commonName, now)
  const { kty = '', n = '', e = '' } = keys.publicKey.export({ format: 'jwk' })
  return {
    ...keys,
    owner,
    kid: thumbprintOf(raw),
    certificate: raw.toString('base64'),
    jwk: { kty, n, e },
    listedAt,
    withdrawnAt: Infinity,
    hasSigned: false,
    flapping: undefined,
  }
}

export function isWithdrawn({ withdrawnAt }: KeyRecord): boolean {
  return withdrawnAt !== Infinity
}

export function isListed({ listedAt, withdrawnAt }: KeyRecord, asOf: number): boolean {
  return listedAt <= asOf && asOf < withdrawnAt
}

/** Whether the key set's next answer has the key. Asking counts as an answer. */
export function isInNextAnswer({ flapping }: KeyRecord): boolean {
  if (flapping === undefined) return true
  const turn = flapping.answers % (flapping.listed + flapping.absent)
  flapping.answers += 1
  return turn < flapping.listed
}

/** The owner name of an API's own keys. */
export function ownerOf(appId: KeySetQuestion['appId']): KeyOwner {
  return `application ${appId ?? ''}`
}

/** A key as the set of v2.0 lists it. */
export function labelled(
  { kid, owner, certificate, jwk }: Pick<KeyRecord, 'kid' | 'owner' | 'certificate' | 'jwk'>,
  labels: KeyLabels,
): PublishedKey {
  return {
    kty: jwk.kty,
    use: 'sig',
    kid,
    x5t: kid,
    n: jwk.n,
    e: jwk.e,
    x5c: [certificate],
    cloud_instance_name: owner === 'usGovernment' ? 'microsoftonline.us' : labels.cloudInstanceName,
    issuer: labels.issuer(owner === 'microsoftAccounts' ? labels.microsoftAccountsTenantId : '{tenantid}'),
  }
}
