import { createHash, X509Certificate } from 'node:crypto'
import type { Period } from '../base/period.js'
import type { Certificate, FederatedCredential, Secret } from '../directory/types.js'
import { hidden } from '../registration/hidden-secrets.js'
import { RegistrationError } from '../registration/read.js'
import type { ApplicationRegistration } from '../registration/types.js'
import { readClaimsExpression } from './claims-expression.js'

export function loadSecrets({ passwordCredentials = [] }: ApplicationRegistration, path: string): Secret[] {
  return passwordCredentials.flatMap(({ secretText, startDateTime, endDateTime }, index) => {
    if (typeof secretText !== 'string') return []
    // Copied from the page: this text is public.
    if (secretText === hidden) {
      throw new RegistrationError(
        `${path}.passwordCredentials[${index}].secretText`,
        `${hidden} is not a secret: write the secret out`,
      )
    }
    return [
      { digest: createHash('sha256').update(secretText).digest(), ...period(startDateTime, endDateTime) },
    ]
  })
}

export function loadCertificates(
  { keyCredentials = [] }: ApplicationRegistration,
  path: string,
): Certificate[] {
  return keyCredentials.map(({ key, startDateTime, endDateTime }, index) => {
    // The page shows what is registered, and a certificate is public.
    if (key.includes('PRIVATE KEY')) {
      throw new RegistrationError(
        `${path}.keyCredentials[${index}].key`,
        'holds a private key: register the certificate alone',
      )
    }
    let certificate: X509Certificate
    try {
      certificate = new X509Certificate(key.includes('-----BEGIN') ? key : Buffer.from(key, 'base64'))
    } catch {
      throw new RegistrationError(
        `${path}.keyCredentials[${index}].key`,
        'is not an X.509 certificate (base64 DER, or PEM)',
      )
    }
    const { publicKey, raw, validFrom, validTo } = certificate
    const registered = period(startDateTime, endDateTime)
    return {
      sha1: createHash('sha1').update(raw).digest('base64url'),
      sha256: createHash('sha256').update(raw).digest('base64url'),
      publicKey,
      from: Math.max(registered.from, Date.parse(validFrom) / 1000),
      until: Math.min(registered.until, Date.parse(validTo) / 1000),
    }
  })
}

export function loadFederatedCredentials(
  { federatedIdentityCredentials = [] }: ApplicationRegistration,
  path: string,
): FederatedCredential[] {
  return federatedIdentityCredentials.map(
    ({ issuer, subject, claimsMatchingExpression, audiences }, index) => {
      const place = `${path}.federatedIdentityCredentials[${index}]`
      const isWeb = URL.canParse(issuer) && (issuer.startsWith('https:') || isLoopback(new URL(issuer)))
      if (!isWeb)
        throw new RegistrationError(`${place}.issuer`, 'must be https, or http on a loopback address')
      const expression = claimsMatchingExpression?.value
      if ((typeof subject === 'string') === (expression !== undefined)) {
        throw new RegistrationError(
          `${place}.subject`,
          'must be given, or claimsMatchingExpression instead of it',
        )
      }
      const matches = expression === undefined ? undefined : readClaimsExpression(expression)
      if (expression !== undefined && matches === undefined) {
        throw new RegistrationError(
          `${place}.claimsMatchingExpression.value`,
          "must read claims['name'] eq 'value' or claims['name'] matches 'pattern', joined by and",
        )
      }
      return { issuer, subject: matches ?? subject ?? '', audiences }
    },
  )
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

function period(start: string | undefined, end: string | undefined): Period {
  return {
    from: start === undefined ? -Infinity : Date.parse(start) / 1000,
    until: end === undefined ? Infinity : Date.parse(end) / 1000,
  }
}
