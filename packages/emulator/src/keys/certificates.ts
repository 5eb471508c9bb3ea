import { createHash, createPrivateKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { der } from './der.js'

const daySeconds = 86_400

/** The certificate of a signing key, as DER. Like Entra's it is only a container: there is no chain to check. */
export function createSigningCertificate(
  keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  commonName: string,
  now: number,
): Buffer {
  return createCertificate({
    ...keys,
    commonName,
    from: Math.max(now - daySeconds, 0),
    until: now + 5 * 365 * daySeconds,
  })
}

/** Whether that is one certificate (DER) of that key. Does not check a chain or a time. */
export function isCertificateOf(certificate: Buffer, privateKey: KeyObject): boolean {
  try {
    const parsed = new X509Certificate(certificate)
    return parsed.raw.equals(certificate) && parsed.checkPrivateKey(privateKey)
  } catch {
    return false
  }
}

/** Whether that is a certificate and its private key, both PEM. */
export function isPairOf(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))
  } catch {
    // The library's message may quote the key.
    return false
  }
}

/** base64url(SHA-1(DER)): the id of Entra's keys. */
export function thumbprintOf(certificate: Uint8Array): string {
  return createHash('sha1').update(certificate).digest('base64url')
}

/** A certificate with SHA-256 (RFC 5280 §4.1), as DER; self-signed unless there is an issuer. */
export function createCertificate(parts: {
  publicKey: KeyObject
  privateKey: KeyObject
  commonName: string
  from: number
  until: number
  extensions?: readonly Buffer[]
  issuer?: { readonly commonName: string; readonly privateKey: KeyObject }
}): Buffer {
  const { commonName, privateKey } = parts.issuer ?? parts
  const isRsa = privateKey.asymmetricKeyType === 'rsa'
  const algorithm = isRsa
    ? der.sequence(der.oid('2a864886f70d01010b'), der.null)
    : der.sequence(der.oid('2a8648ce3d040302'))
  const named = (text: string): Buffer =>
    der.sequence(der.set(der.sequence(der.oid('550403'), der.utf8(text))))
  const serial = randomBytes(16)
  // Positive, and without a needless leading zero (§4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = der.sequence(
    der.context(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    algorithm,
    named(commonName),
    der.sequence(der.time(parts.from), der.time(parts.until)),
    named(parts.commonName),
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    ...(parts.extensions === undefined ? [] : [der.context(3, der.sequence(...parts.extensions))]),
  )
  return der.sequence(body, algorithm, der.bits(sign('sha256', body, privateKey)))
}
