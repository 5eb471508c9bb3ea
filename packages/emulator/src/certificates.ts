// The certificate library needs this polyfill loaded before it.
import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'

const daySeconds = 86_400

export const rs256: webcrypto.RsaHashedKeyGenParams = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
}

const es256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The certificate around a signing key, as DER: a container, as Entra's are; nobody checks a chain. */
export async function createSigningCertificate(keys: webcrypto.CryptoKeyPair, now: number): Promise<Buffer> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: rs256,
    name: 'CN=Countersign emulator',
    serialNumber: serialNumber(),
    notBefore: new Date((now - daySeconds) * 1000),
    notAfter: new Date((now + 5 * 365 * daySeconds) * 1000),
  })
  return Buffer.from(certificate.rawData)
}

/** What the https server runs on, both as PEM. */
export interface TlsCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** A self-signed leaf for the loopback names, made per run, that can sign no other certificate. */
export async function createTlsCertificate(): Promise<TlsCertificate> {
  const keys = await webcrypto.subtle.generateKey(es256, true, ['sign', 'verify'])
  // TLS clients compare with the machine's clock, whatever the emulator's says.
  const now = Date.now()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: es256,
    name: 'CN=localhost',
    serialNumber: serialNumber(),
    notBefore: new Date(now - daySeconds * 1000),
    notAfter: new Date(now + 90 * daySeconds * 1000),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ],
  })
  return {
    certificate: certificate.toString('pem'),
    privateKey: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Positive, and never the same twice, as RFC 5280 §4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
