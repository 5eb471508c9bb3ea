import type { SigningAlgorithm } from './algorithms.js'
import type { SigningKey } from './jwk.js'

/** A JWS in compact serialization, split where its signature begins. */
export interface SignedText {
  readonly token: string
  /** How many characters are signed: header, dot and payload (RFC 7515 section 5.1). */
  readonly signedLength: number
  readonly signature: Uint8Array
}

/** A channel for events, as in Node's `diagnostics_channel`. */
export interface DiagnosticsChannel {
  readonly hasSubscribers: boolean
  publish(event: object): void
}

/**
 * What differs between runtimes, and nothing else. `#platform` is one of two modules of this shape, chosen by the
 * runtime's import conditions: synchronous `node:crypto` on Node, jose and web standards elsewhere.
 */
export interface Platform {
  /** The bytes of canonical base64url (RFC 7515 section 2, no padding, no spare bits), else undefined. */
  decodeBase64Url(text: string): Uint8Array | undefined
  /** Text of well-formed UTF-8 (a byte order mark stays in it), else undefined. */
  decodeUtf8(bytes: Uint8Array): string | undefined
  /** The text of canonical base64url over well-formed UTF-8, else undefined: both of the above at once. */
  decodeText(text: string): string | undefined
  /** Whether this key made the signature over the signed text. Never throws; false in any doubt. */
  verify(key: SigningKey, algorithm: SigningAlgorithm, signed: SignedText): boolean | Promise<boolean>
  /** The SHA-256 digest in base64url; of a text, the digest of its UTF-8. */
  sha256(data: string | Uint8Array): string | Promise<string>
  /** HMAC-SHA-256 of a text, in base64url. */
  hmacSha256(secret: Uint8Array, text: string): string | Promise<string>
  /** The public key of a PEM text (SPKI or certificate) as a JWK. */
  publicJwk(pem: string): Promise<Record<string, unknown>> | Record<string, unknown>
  /** This runtime's diagnostics channel of that name; where there is none, a channel without subscribers. */
  channel(name: string): DiagnosticsChannel
  /** The option of fetch that follows no redirect: edge runtimes know only 'manual', and then the status check refuses it. */
  readonly redirect: 'error' | 'manual'
  /** Whether a timer may be started in the background. */
  readonly timers: boolean
}
