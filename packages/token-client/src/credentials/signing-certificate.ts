import {
  createHash,
  createPrivateKey,
  KeyObject,
  sign as signWithKey,
  verify,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import { constants } from 'node:crypto'
import { promisify } from 'node:util'
import { TokenClientError } from '../base/errors.js'
import type {
  CertificateFile,
  CertificatePair,
  CertificateSigner,
  CertificateSource,
  ClientCertificateOptions,
} from './certificate-source.js'
import { obtain } from './client-credential.js'
import { readPfx } from './pfx.js'

/** A certificate that can sign. */
export interface SigningCertificate {
  readonly source: CertificateSource
  /** What names the certificate in the header of an assertion. */
  readonly header: Readonly<Record<string, string | readonly string[]>>
  readonly notBefore: number
  readonly notAfter: number
  /** Signs, and checks the signature with the certificate. Throws `TokenClientError`. */
  readonly sign: (text: string) => Promise<string>
}

type Algorithm = 'PS256' | 'RS256'

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** What is wrong with a source, in fixed words: OpenSSL's messages could contain parts of it. */
export function findProblem(
  source: unknown,
  { legacy = false }: ClientCertificateOptions,
): string | undefined {
  const { certificate, privateKey, passphrase, sign, pfx } = (
    typeof source === 'object' && source !== null ? source : {}
  ) as Record<string, unknown>
  if (passphrase !== undefined && typeof passphrase !== 'string') return '"passphrase" must be a string'
  if (pfx !== undefined) {
    const isBytes = pfx instanceof Uint8Array && pfx.byteLength > 0
    return isBytes ? undefined : '"pfx" must be the bytes of a PKCS #12 file'
  }
  if (typeof certificate !== 'string') {
    return '"certificate" and "privateKey" must be PEM text; or pass { certificate, sign } or { pfx, passphrase }'
  }
  const x509 = attempt(() => new X509Certificate(certificate))
  if (x509 === undefined) return '"certificate" must be a PEM certificate'
  if (sign !== undefined) {
    if (typeof sign !== 'function') return '"sign" must be a function'
    return isLongRsa(x509.publicKey) ? undefined : '"certificate" must have an RSA key of at least 2048 bits'
  }
  if (isCryptoKey(privateKey)) return problemOfCryptoKey(privateKey, legacy)
  if (typeof privateKey !== 'string' && !(privateKey instanceof KeyObject)) {
    return '"certificate" and "privateKey" must be PEM text; the key may also be a KeyObject or a CryptoKey'
  }
  const key = attempt(() => readKey(privateKey, passphrase))
  if (key === undefined) {
    const isEncrypted = typeof privateKey === 'string' && /ENCRYPTED/.test(privateKey)
    if (!isEncrypted) return '"privateKey" must be an unencrypted PEM key, or come with its "passphrase"'
    return '"passphrase" must be the passphrase of "privateKey", which is an encrypted PEM key'
  }
  if (!isLongRsa(key)) return '"privateKey" must be an RSA key of at least 2048 bits'
  if (!x509.checkPrivateKey(key)) return '"privateKey" must be the key of "certificate"'
  return undefined
}

/** Reads a source in which `findProblem` found nothing. Throws `client_credential_unusable`. */
export async function readSigningCertificate(
  source: CertificateSource,
  options: ClientCertificateOptions,
): Promise<SigningCertificate> {
  const { legacy = false, sendCertificateChain = false } = options
  const pair = 'pfx' in source ? await readPfxPair(source, options) : source
  const x509 = new X509Certificate(pair.certificate)
  const chain = [...pair.certificate.matchAll(pemCertificate)].map(([pem]) =>
    new X509Certificate(pem).raw.toString('base64'),
  )
  const algorithm = legacy ? 'RS256' : 'PS256'
  const sign = signerOf(pair, algorithm)
  return {
    source,
    header: {
      alg: algorithm,
      ...(legacy ? { x5t: thumbprint(x509.fingerprint) } : { 'x5t#S256': thumbprint(x509.fingerprint256) }),
      ...(sendCertificateChain ? { x5c: chain } : {}),
    },
    notBefore: Date.parse(x509.validFrom) / 1000,
    notAfter: Date.parse(x509.validTo) / 1000,
    async sign(text) {
      const data = Buffer.from(text)
      const signature = await sign(data)
      if (!isSignatureOf(x509.publicKey, algorithm, data, signature)) {
        throw new TokenClientError('client_credential_unusable', {
          reason: 'the signature does not belong to the certificate',
        })
      }
      return Buffer.from(signature).toString('base64url')
    },
  }
}

async function readPfxPair(
  source: CertificateFile,
  options: ClientCertificateOptions,
): Promise<CertificatePair> {
  const pair = await readPfx(source)
  const problem = findProblem(pair, options)
  if (problem !== undefined) throw new TokenClientError('client_credential_unusable', { reason: problem })
  return pair
}

function signerOf(pair: CertificatePair | CertificateSigner, algorithm: Algorithm) {
  if ('sign' in pair) {
    const { sign } = pair
    return (data: Uint8Array) =>
      obtain(async () => sign(data, { algorithm, digest: createHash('sha256').update(data).digest() }))
  }
  const { privateKey, passphrase } = pair
  if (isCryptoKey(privateKey)) {
    return async (data: Uint8Array) => {
      const parameters = { name: privateKey.algorithm.name, saltLength: 32 }
      return new Uint8Array(await webcrypto.subtle.sign(parameters, privateKey, new Uint8Array(data)))
    }
  }
  const key = { key: readKey(privateKey, passphrase), ...paddingOf(algorithm) }
  // Not on the event loop: it takes about a millisecond.
  return (data: Uint8Array): Promise<Uint8Array> => promisify(signWithKey)('sha256', data, key)
}

function isSignatureOf(key: KeyObject, algorithm: Algorithm, data: Uint8Array, signature: unknown): boolean {
  if (!(signature instanceof Uint8Array)) return false
  return attempt(() => verify('sha256', data, { key, ...paddingOf(algorithm) }, signature)) ?? false
}

function paddingOf(algorithm: Algorithm) {
  return algorithm === 'PS256'
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { padding: constants.RSA_PKCS1_PADDING }
}

function readKey(key: string | KeyObject, passphrase: string | undefined): KeyObject {
  if (typeof key !== 'string') return key
  return createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
}

function isCryptoKey(value: unknown): value is webcrypto.CryptoKey {
  return Object.prototype.toString.call(value) === '[object CryptoKey]'
}

function problemOfCryptoKey({ algorithm, usages }: webcrypto.CryptoKey, legacy: boolean): string | undefined {
  const { name, hash } = algorithm as { name: string; hash?: { name: string } }
  const expected = legacy ? 'RSASSA-PKCS1-v1_5' : 'RSA-PSS'
  return name === expected && hash?.name === 'SHA-256' && usages.includes('sign')
    ? undefined
    : `"privateKey" must be a CryptoKey for ${expected} with SHA-256 that may sign`
}

function isLongRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Node prints a fingerprint as hexadecimal pairs with colons. */
function thumbprint(fingerprint: string): string {
  return Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')
}
