import { randomUUID } from 'node:crypto'
import { TokenClientError } from '../base/errors.js'
import { checkNames, checkObject } from '../base/options-reader.js'
import type { CertificateSource, ClientCertificateOptions } from './certificate-source.js'
import { type ClientCredential, obtain, timeOf } from './client-credential.js'
import { findProblem, readSigningCertificate, type SigningCertificate } from './signing-certificate.js'

const assertionLifeSeconds = 300

/**
 * A certificate and its key. Every token request carries a new assertion, signed with the key, that is valid for five
 * minutes. The key is PEM, a `KeyObject`, a `CryptoKey`, a function that signs (a key vault, a hardware module), or in a
 * PKCS #12 file. A function may return the certificate and its key, so that a renewed certificate needs no restart. Throws
 * `TypeError` for a pair that cannot work. A certificate that has expired or is not yet valid is reported when a token is
 * acquired, before anything is sent (`client_credential_expired`). The certificate's chain is *not* validated: the token
 * service does that. Source: "Microsoft identity platform application authentication certificate credentials".
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
  source: CertificateSource | (() => CertificateSource | Promise<CertificateSource>),
  options: ClientCertificateOptions = {},
): ClientCredential {
  checkObject('clientCertificate', options)
  checkNames('clientCertificate', options, ['legacy', 'sendCertificateChain'])
  if (typeof source !== 'function') {
    const problem = findProblem(source, options)
    if (problem !== undefined) throw new TypeError(`clientCertificate: ${problem}`)
  }
  let current: SigningCertificate | undefined

  return async (server, client, body) => {
    const given = typeof source === 'function' ? await obtain(source) : source
    let signer = current
    if (signer === undefined || !isSame(signer.source, given)) {
      const problem = attemptToFindProblem(given, options)
      if (problem !== undefined) throw new TokenClientError('client_credential_unusable', { reason: problem })
      signer = current = await readSigningCertificate({ ...given }, options)
    }
    const { header, notBefore, notAfter } = signer
    const now = Math.floor(timeOf(client))
    if (now < notBefore || now >= notAfter) {
      throw new TokenClientError('client_credential_expired', {
        reason: now < notBefore ? 'certificate_not_yet_valid' : 'certificate_expired',
      })
    }
    const claims = {
      iss: client.client_id,
      sub: client.client_id,
      // "Application authentication certificate credentials": the audience is the token endpoint's address.
      aud: server.token_endpoint,
      jti: randomUUID(),
      iat: now,
      nbf: now,
      exp: now + assertionLifeSeconds,
    }
    const text = `${encode({ typ: 'JWT', ...header })}.${encode(claims)}`
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', `${text}.${await signer.sign(text)}`)
  }
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** The members are compared one by one: a function may return a new object each time. */
function isSame(known: CertificateSource, given: unknown): boolean {
  try {
    const [a, b] = [known as object, given] as [Record<string, unknown>, Record<string, unknown>]
    return ['certificate', 'privateKey', 'passphrase', 'sign', 'pfx'].every((name) =>
      isEqual(a[name], b?.[name]),
    )
  } catch {
    return false
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0)
}

/** What a function returned may throw when it is read. */
function attemptToFindProblem(given: unknown, options: ClientCertificateOptions): string | undefined {
  try {
    return findProblem(given, options)
  } catch {
    return 'the certificate cannot be read'
  }
}
