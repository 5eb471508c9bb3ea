import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { TokenClientError } from '../base/errors.js'
import { checkNames, checkObject } from '../base/options-reader.js'
import { type ClientCredential, obtain, timeOf } from './client-credential.js'

/** A certificate and its private key, both PEM. */
export interface CertificatePair {
  /** The certificate. The certificates of its chain may follow it. */
  readonly certificate: string
  /** The RSA key, PKCS #8 or PKCS #1, not encrypted. */
  readonly privateKey: string
}

/** The options of `clientCertificate`. */
export interface ClientCertificateOptions {
  /**
   * Signs with RS256 and names the certificate by its SHA-1 thumbprint (`x5t`), for services that support nothing newer.
   * Default: false, which is PS256 and the SHA-256 thumbprint (`x5t#S256`).
   */
  readonly legacy?: boolean | undefined
  /**
   * Sends the certificate and its chain (`x5c`), for registrations that trust a subject name and issuer. Default: false.
   */
  readonly sendCertificateChain?: boolean | undefined
}

interface SigningCertificate {
  readonly source: CertificatePair
  readonly key: webcrypto.CryptoKey
  readonly header: Readonly<Record<string, string | readonly string[]>>
  readonly notBefore: number
  readonly notAfter: number
}

const assertionLifeSeconds = 300

/**
 * A certificate and its key. Every token request carries a new assertion, signed with the key, that is valid for five
 * minutes. A function may return the pair, so that a renewed certificate needs no restart. Throws `TypeError` for a pair
 * that cannot work. A certificate that has expired or is not yet valid is reported when a token is acquired, before
 * anything is sent (`client_credential_expired`). The certificate's chain is *not* validated: the token service does that.
 * Source: "Microsoft identity platform application authentication certificate credentials".
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { clientCertificate } from '@countersign/token-client'
 *
 * const credential = clientCertificate(async () => ({
 *   certificate: await readFile('client-certificate.pem', 'utf8'),
 *   privateKey: await readFile('client-key.pem', 'utf8'),
 * }))
 * ```
 */
export function clientCertificate(
  pair: CertificatePair | (() => CertificatePair | Promise<CertificatePair>),
  options: ClientCertificateOptions = {},
): ClientCredential {
  checkObject('clientCertificate', options)
  checkNames('clientCertificate', options, ['legacy', 'sendCertificateChain'])
  if (typeof pair !== 'function') {
    const problem = findProblem(pair)
    if (problem !== undefined) throw new TypeError(`clientCertificate: ${problem}`)
  }
  let current: SigningCertificate | undefined

  return async (server, client, body, headers) => {
    const source = typeof pair === 'function' ? await obtain(pair) : pair
    let signer = current
    if (signer === undefined || !isSamePair(signer.source, source)) {
      const problem = findProblem(source)
      if (problem !== undefined) throw new TokenClientError('client_credential_unusable', { reason: problem })
      signer = current = await readSigningCertificate(source, options)
    }
    const { key, header, notBefore, notAfter } = signer
    const now = Math.floor(timeOf(client))
    if (now < notBefore || now >= notAfter) {
      throw new TokenClientError('client_credential_expired', {
        reason: now < notBefore ? 'certificate_not_yet_valid' : 'certificate_expired',
      })
    }
    const oauth = await import('oauth4webapi')
    const sign = oauth.PrivateKeyJwt(key, {
      [oauth.modifyAssertion](assertionHeader, payload) {
        delete assertionHeader.kid
        Object.assign(assertionHeader, { typ: 'JWT' }, header)
        // "Application authentication certificate credentials": the audience is the token endpoint's address.
        payload.aud = server.token_endpoint!
        payload.iat = payload.nbf = now
        payload.exp = now + assertionLifeSeconds
      },
    })
    await sign(server, client, body, headers)
  }
}

function isSamePair(a: CertificatePair, b: CertificatePair): boolean {
  return a.certificate === b?.certificate && a.privateKey === b.privateKey
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** What is wrong with a pair, in fixed words: OpenSSL's messages could contain parts of it. */
function findProblem(pair: unknown): string | undefined {
  const { certificate, privateKey } = (typeof pair === 'object' && pair !== null ? pair : {}) as Record<
    string,
    unknown
  >
  if (typeof certificate !== 'string' || typeof privateKey !== 'string')
    return '"certificate" and "privateKey" must be PEM text'
  const x509 = attempt(() => new X509Certificate(certificate))
  if (x509 === undefined) return '"certificate" must be a PEM certificate'
  const key = attempt(() => createPrivateKey(privateKey))
  if (key === undefined) return '"privateKey" must be an unencrypted PEM key'
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    return '"privateKey" must be an RSA key of at least 2048 bits'
  }
  if (!x509.checkPrivateKey(key)) return '"privateKey" must be the key of "certificate"'
  return undefined
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

async function readSigningCertificate(
  source: CertificatePair,
  { legacy = false, sendCertificateChain = false }: ClientCertificateOptions,
): Promise<SigningCertificate> {
  const x509 = new X509Certificate(source.certificate)
  const chain = [...source.certificate.matchAll(pemCertificate)].map(([pem]) =>
    new X509Certificate(pem).raw.toString('base64'),
  )
  return {
    source: { certificate: source.certificate, privateKey: source.privateKey },
    key: await importKey(createPrivateKey(source.privateKey), legacy ? 'RSASSA-PKCS1-v1_5' : 'RSA-PSS'),
    header: {
      ...(legacy ? { x5t: thumbprint(x509.fingerprint) } : { 'x5t#S256': thumbprint(x509.fingerprint256) }),
      ...(sendCertificateChain ? { x5c: chain } : {}),
    },
    notBefore: Date.parse(x509.validFrom) / 1000,
    notAfter: Date.parse(x509.validTo) / 1000,
  }
}

function importKey(key: KeyObject, name: 'RSA-PSS' | 'RSASSA-PKCS1-v1_5'): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name, hash: 'SHA-256' }, false, ['sign'])
}

/** Node prints a fingerprint as hexadecimal pairs with colons. */
function thumbprint(fingerprint: string): string {
  return Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')
}
