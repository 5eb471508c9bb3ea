import 'reflect-metadata'
import { X509CertificateGenerator } from '@peculiar/x509'
import { createHash, webcrypto } from 'node:crypto'
import { start } from './support.js'

/** A client's certificate, made by another library than the emulator's own. */
export interface TestCertificate {
  readonly der: Buffer
  readonly pem: string
  /** base64url(SHA-256(DER)) */
  readonly sha256: string
  readonly privateKey: webcrypto.CryptoKey
}

export async function createCertificate(
  algorithm: 'RSA' | 'EC' = 'RSA',
  until = start + 86_400,
): Promise<TestCertificate> {
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  }
  const ec = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const chosen = algorithm === 'RSA' ? rsa : ec
  const keys = (await webcrypto.subtle.generateKey(chosen, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const certificate = await X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: chosen,
    name: 'CN=daemon',
    serialNumber: '01',
    notBefore: new Date((start - 86_400) * 1000),
    notAfter: new Date(until * 1000),
  })
  const der = Buffer.from(certificate.rawData)
  const sha256 = createHash('sha256').update(der).digest('base64url')
  return { der, pem: certificate.toString('pem'), sha256, privateKey: keys.privateKey }
}
