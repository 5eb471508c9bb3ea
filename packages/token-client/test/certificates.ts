// The certificate library needs this polyfill loaded before it.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A self-signed certificate and its key, valid around the test clock's 2027. */
export async function makeCertificate(
  changes: { notBefore?: Date; notAfter?: Date; modulusLength?: number; ec?: boolean } = {},
): Promise<{ certificate: string; privateKey: string }> {
  const algorithm = changes.ec
    ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    : {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-256',
        modulusLength: changes.modulusLength ?? 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=first-tier',
      notBefore: changes.notBefore ?? new Date('2026-01-01'),
      notAfter: changes.notAfter ?? new Date('2029-01-01'),
      keys,
      signingAlgorithm: algorithm,
    },
    webcrypto as typeof globalThis.crypto,
  )
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    certificate: certificate.toString('pem'),
    privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
  }
}
