import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'
import { sha256 } from '../base/identifiers.js'

const maxNonces = 100
const maxNonceLength = 1024

/** A private key as JWK. */
export type StoredKey = Readonly<Record<string, unknown>>

/** A key that tokens are bound to, and the nonces that servers want in its proofs (RFC 9449). ES256. */
export class DpopKey {
  /** SHA-256 thumbprint of the public key (RFC 7638). */
  readonly thumbprint: string
  readonly #privateKey: KeyObject
  readonly #publicKey: Readonly<Record<'crv' | 'kty' | 'x' | 'y', string>>
  readonly #clock: () => number
  readonly #nonces = new Map<string, string>()

  constructor(privateKey: KeyObject, clock: () => number) {
    this.#privateKey = privateKey
    this.#clock = clock
    const { crv = '', kty = '', x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
    this.#publicKey = { crv, kty, x, y }
    // RFC 7638 section 3: the members in the order of their names, without spaces.
    this.thumbprint = sha256(JSON.stringify(this.#publicKey))
  }

  static generate(clock: () => number): DpopKey {
    return new DpopKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, clock)
  }

  /** From `export`. */
  static import(jwk: StoredKey, clock: () => number): DpopKey {
    return new DpopKey(createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }), clock)
  }

  /** The private key, for a session in the encrypted store. */
  export(): StoredKey {
    return { ...this.#privateKey.export({ format: 'jwk' }) }
  }

  /** A proof for one request (RFC 9449 section 4.2). With an access token, for the API that it is for. */
  proof(method: string, address: string, accessToken?: string): string {
    const { origin, pathname } = new URL(address)
    const nonce = this.#nonces.get(origin)
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: this.#publicKey }
    const claims = {
      jti: randomUUID(),
      htm: method,
      htu: origin + pathname,
      iat: Math.floor(this.#clock()),
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined
        ? {}
        : { ath: createHash('sha256').update(accessToken, 'ascii').digest('base64url') }),
    }
    const text = `${encode(header)}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(text), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }

  /** Remembers the nonce of an answer for the next proof to the same origin; whether there is a new one. */
  noteNonce(address: string, headers: Headers): boolean {
    const nonce = headers.get('dpop-nonce')
    // RFC 9449 section 8.1: the characters of a nonce. Joined by a comma, several are none.
    if (nonce === null || nonce.length > maxNonceLength || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(nonce))
      return false
    const { origin } = new URL(address)
    const isNew = this.#nonces.get(origin) !== nonce
    this.#nonces.delete(origin)
    this.#nonces.set(origin, nonce)
    if (this.#nonces.size > maxNonces) this.#nonces.delete(this.#nonces.keys().next().value!)
    return isNew
  }
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
