import type { KeySource } from './issuer.js'
import { readJwk } from './jwk.js'
import { platform } from '#platform'

/** Public keys as configuration: a JWKS, one JWK, or PEM text of a public key or certificate. */
export type GivenKeys =
  | {
      /** The members of a JWKS. */
      readonly keys: readonly object[]
    }
  | object
  | string

/** A source of keys that are given: no network is used. Throws a TypeError where none of them can verify a signature. */
export function givenKeys(what: string, jwks: GivenKeys): KeySource {
  const keys = readStaticKeys(what, jwks)
  // Reported when a token needs the key. Until then nothing awaits it, which on some runtimes would end the process.
  if (keys instanceof Promise) keys.catch(() => {})
  return async () => ({ jwks: await keys })
}

function readStaticKeys(what: string, jwks: unknown): readonly unknown[] | Promise<readonly unknown[]> {
  const given = readGivenKeys(what, jwks)
  if (given instanceof Promise) return given.then((key) => [key])
  const reasons = given
    .map((key) => readJwk(key, 0, 0))
    .map((read) => ('skipped' in read ? read.skipped : undefined))
  if (reasons.includes(undefined)) return given
  throw new TypeError(
    `${what}: "jwks" holds no usable public signature key (${[...new Set(reasons)].join(', ')})`,
  )
}

function readGivenKeys(what: string, jwks: unknown): readonly unknown[] | Promise<unknown> {
  if (typeof jwks === 'string' && jwks.includes('-----BEGIN')) return readPem(what, jwks)
  if (typeof jwks === 'object' && jwks !== null) {
    if ('keys' in jwks && Array.isArray(jwks.keys) && jwks.keys.length > 0)
      return [...(jwks.keys as unknown[])]
    if ('kty' in jwks) return [jwks]
  }
  throw new TypeError(`${what}: "jwks" must be a JWKS with keys, a JWK, or PEM text`)
}

function readPem(what: string, pem: string): readonly unknown[] | Promise<unknown> {
  // Node would use its public half, and the API would continue to hold a key that signs.
  if (pem.includes('PRIVATE KEY-----')) {
    throw new TypeError(
      `${what}: "jwks" is PEM text of a private key; a public key or a certificate is enough`,
    )
  }
  try {
    const jwk = platform.publicJwk(pem)
    return jwk instanceof Promise ? jwk : [jwk]
  } catch {
    // The engine's message may quote the text, and the text may be a private key.
    throw new TypeError(`${what}: "jwks" is PEM text that holds no public key`)
  }
}
