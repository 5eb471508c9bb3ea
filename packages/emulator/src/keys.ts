import { createHash, webcrypto } from 'node:crypto'
import { exportJWK, SignJWT, type JWTPayload } from 'jose'
import { createSigningCertificate, rs256 } from './certificates.js'

/** A public key as the v2.0 key set lists it; the v1.0 set lists the same without `issuer` and `cloud_instance_name`. */
export interface PublishedKey {
  readonly kty: string
  readonly use: 'sig'
  readonly kid: string
  readonly x5t: string
  readonly n: string
  readonly e: string
  readonly x5c: readonly string[]
  readonly cloud_instance_name: string
  readonly issuer: string
}

interface SigningKey {
  readonly privateKey: webcrypto.CryptoKey
  readonly publicKey: webcrypto.CryptoKey
  readonly published: Omit<PublishedKey, 'issuer'>
}

export interface SigningKeys {
  /** All keys in the set, newest last. */
  published(): Promise<readonly PublishedKey[]>
  /** The public key with that id, also one that no longer signs. */
  find(kid: string): Promise<webcrypto.CryptoKey | undefined>
  /** Signs a JWT with the newest key. A v1.0 token carries `x5t` in its header, a v2.0 token does not. */
  sign(payload: JWTPayload, version: '1.0' | '2.0'): Promise<string>
  /** Adds a new key and signs with it from now on; the old ones stay in the set. Answers the new `kid`. */
  rotate(): Promise<string>
}

/**
 * The signing keys of one instance, made when it starts and gone when it ends. Making an RSA key takes a tenth of a
 * second or more, so start-up does not wait for it; the first use does.
 */
export function createSigningKeys(settings: {
  issuer: () => string
  cloudInstanceName: string
  now: () => number
}): SigningKeys {
  let keys: Promise<readonly SigningKey[]> = createSigningKey().then((key) => [key])
  // Whoever asks for the keys sees the failure; nobody asking must not end the process.
  keys.catch(() => {})

  async function createSigningKey(): Promise<SigningKey> {
    const pair = await webcrypto.subtle.generateKey(rs256, false, ['sign', 'verify'])
    const der = await createSigningCertificate(pair, settings.now())
    const kid = createHash('sha1').update(der).digest('base64url')
    const { kty = '', n = '', e = '' } = await exportJWK(pair.publicKey)
    return {
      privateKey: pair.privateKey,
      publicKey: pair.publicKey,
      published: {
        kty,
        use: 'sig',
        kid,
        x5t: kid,
        n,
        e,
        x5c: [der.toString('base64')],
        cloud_instance_name: settings.cloudInstanceName,
      },
    }
  }

  async function newest(): Promise<SigningKey> {
    const key = (await keys).at(-1)
    if (key === undefined) throw new Error('no signing key')
    return key
  }

  return {
    async published() {
      return (await keys).map((key) => ({ ...key.published, issuer: settings.issuer() }))
    },
    async find(kid) {
      return (await keys).find((key) => key.published.kid === kid)?.publicKey
    },
    async sign(payload, version) {
      const { privateKey, published } = await newest()
      const { kid, x5t } = published
      return new SignJWT(payload)
        .setProtectedHeader({ typ: 'JWT', alg: 'RS256', ...(version === '1.0' ? { x5t } : {}), kid })
        .sign(privateKey)
    },
    async rotate() {
      const before = keys
      keys = Promise.all([before, createSigningKey()]).then(([old, key]) => [...old, key])
      return (await newest()).published.kid
    },
  }
}
