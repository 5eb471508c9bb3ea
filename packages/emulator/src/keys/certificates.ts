import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
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

/** base64url(SHA-1(DER)): the id of Entra's keys. */
export function thumbprintOf(certificate: Uint8Array): string {
  return createHash('sha1').update(certificate).digest('base64url')
}

/** The certificate and key of the https server, both as PEM. */
export interface TlsCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** A self-signed leaf for the loopback names, made per run, that can sign no other certificate. */
export function createTlsCertificate(hostName?: string): TlsCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // TLS clients compare with the machine's clock, not with the emulator's.
  const now = Date.now() / 1000
  const certificate = createCertificate({
    ...keys,
    commonName: 'localhost',
    from: now - daySeconds,
    until: now + 90 * daySeconds,
    extensions: [
      // basicConstraints, critical: an empty value is "not a CA".
      der.sequence(der.oid('551d13'), der.true, der.octets(der.sequence())),
      // extendedKeyUsage: serverAuth.
      der.sequence(der.oid('551d25'), der.octets(der.sequence(der.oid('2b06010505070301')))),
      // subjectAltName.
      der.sequence(
        der.oid('551d11'),
        der.octets(
          der.sequence(
            der.context(2, Buffer.from('localhost'), true),
            ...(hostName === undefined ? [] : [der.context(2, Buffer.from(hostName), true)]),
            der.context(7, Buffer.from([127, 0, 0, 1]), true),
            der.context(7, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]), true),
          ),
        ),
      ),
    ],
  })
  return {
    certificate: new X509Certificate(certificate).toString(),
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** RFC 5280 §4.1, self-signed, with SHA-256 and the given key. */
function createCertificate(parts: {
  publicKey: KeyObject
  privateKey: KeyObject
  commonName: string
  from: number
  until: number
  extensions?: readonly Buffer[]
}): Buffer {
  const isRsa = parts.publicKey.asymmetricKeyType === 'rsa'
  const algorithm = isRsa
    ? der.sequence(der.oid('2a864886f70d01010b'), der.null)
    : der.sequence(der.oid('2a8648ce3d040302'))
  const name = der.sequence(der.set(der.sequence(der.oid('550403'), der.utf8(parts.commonName))))
  const serial = randomBytes(16)
  // Positive, and without a needless leading zero (§4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const body = der.sequence(
    der.context(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    algorithm,
    name,
    der.sequence(der.time(parts.from), der.time(parts.until)),
    name,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    ...(parts.extensions === undefined ? [] : [der.context(3, der.sequence(...parts.extensions))]),
  )
  return der.sequence(body, algorithm, der.bits(sign('sha256', body, parts.privateKey)))
}
