import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isCertificateOf, thumbprintOf } from './certificates.js'
import type { RsaKeys } from './rsa-key.js'
import type { KeyOwner, KeyState, StoredKey } from './types.js'

export interface OpenedKey extends RsaKeys {
  readonly owner: KeyOwner
  readonly state: KeyState
  readonly certificate: Buffer
}

/** Opens stored keys. Throws a TypeError naming the place for a set that cannot sign or contradicts itself. */
export function openStoredKeys(stored: readonly StoredKey[]): readonly OpenedKey[] {
  const opened = stored.map((key, index) => openStoredKey(key, `state: keys[${index}]`))
  const kids = new Set<string>()
  const signing = new Set<KeyOwner>()
  for (const [index, { owner, state, certificate }] of opened.entries()) {
    const kid = thumbprintOf(certificate)
    if (kids.has(kid))
      throw new TypeError(`state: keys[${index}].certificate: must not be that of another key`)
    kids.add(kid)
    if (state !== 'signing') continue
    if (signing.has(owner))
      throw new TypeError(
        `state: keys[${index}].state: must not be signing, because another key of this owner signs`,
      )
    signing.add(owner)
  }
  if (!signing.has('tenants')) throw new TypeError('state: keys: must contain a key of tenants that signs')
  return opened
}

function openStoredKey({ owner, state, ...stored }: StoredKey, place: string): OpenedKey {
  let privateKey: KeyObject | undefined
  try {
    privateKey = createPrivateKey(stored.privateKey)
  } catch {
    // Refused below: the library's message may quote the key.
  }
  const bits = privateKey?.asymmetricKeyDetails?.modulusLength ?? 0
  if (privateKey?.asymmetricKeyType !== 'rsa' || bits < 2048 || bits > 4096) {
    throw new TypeError(`${place}.privateKey: must be a private RSA key of 2048 to 4096 bits, as PEM`)
  }
  const certificate = Buffer.from(stored.certificate, 'base64')
  if (!isCertificateOf(certificate, privateKey)) {
    throw new TypeError(`${place}.certificate: must be the certificate of that key, DER as base64`)
  }
  return { owner, state, privateKey, publicKey: createPublicKey(privateKey), certificate }
}
