import { base64url, compactVerify, exportJWK, importJWK, importSPKI, importX509, type CryptoKey } from 'jose'
import { algorithmRules, type SigningAlgorithm } from './algorithms.js'
import type { SigningKey } from './jwk.js'
import type { Platform } from './platform.js'

const imported = new WeakMap<SigningKey, Map<SigningAlgorithm, Promise<CryptoKey | undefined>>>()

/** WebCrypto binds a key to one algorithm, so a key is imported once for each algorithm. */
function publicKeyOf(key: SigningKey, algorithm: SigningAlgorithm): Promise<CryptoKey | undefined> {
  let handles = imported.get(key)
  if (handles === undefined) {
    handles = new Map()
    imported.set(key, handles)
  }
  let handle = handles.get(algorithm)
  if (handle === undefined) {
    handle = importJWK({ ...key.jwk }, algorithm).then(
      (result) => (result instanceof Uint8Array ? undefined : result),
      () => undefined,
    )
    handles.set(algorithm, handle)
  }
  return handle
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const alphabet = /^[A-Za-z0-9_-]*$/

function decodeBase64Url(text: string): Uint8Array | undefined {
  if (!alphabet.test(text)) return undefined
  const rest = text.length % 4
  if (rest === 1) return undefined
  // The last digit of a partial group has bits to spare, and in canonical text they are zero.
  const spare = rest === 2 ? 0b1111 : rest === 3 ? 0b11 : 0
  if (spare !== 0 && (digits.indexOf(text.charAt(text.length - 1)) & spare) !== 0) return undefined
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function textOf(bytes: ArrayBuffer): string {
  return base64url.encode(new Uint8Array(bytes))
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Everywhere but Node: jose over WebCrypto, asynchronous. */
export const platform: Platform = {
  decodeBase64Url,

  decodeUtf8,

  decodeText(text) {
    const bytes = decodeBase64Url(text)
    return bytes === undefined ? undefined : decodeUtf8(bytes)
  },

  async verify(key, algorithm, { token, signature }) {
    const { signatureBytes } = algorithmRules[algorithm]
    if (signatureBytes !== undefined && signature.length !== signatureBytes) return false
    const handle = await publicKeyOf(key, algorithm)
    if (handle === undefined) return false
    try {
      await compactVerify(token, handle, { algorithms: [algorithm] })
      return true
    } catch {
      return false
    }
  },

  async sha256(data) {
    const bytes = typeof data === 'string' ? encoder.encode(data) : new Uint8Array(data)
    return textOf(await crypto.subtle.digest('SHA-256', bytes))
  },

  async hmacSha256(secret, text) {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', new Uint8Array(secret), algorithm, false, ['sign'])
    return textOf(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
  },

  async publicJwk(pem) {
    const read = pem.includes('BEGIN CERTIFICATE') ? importX509 : importSPKI
    for (const algorithm of ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
      try {
        return { ...(await exportJWK(await read(pem, algorithm, { extractable: true }))) }
      } catch {
        // jose does not read the key type from PEM text: the next algorithm may fit it.
      }
    }
    throw new TypeError('not a public key')
  },

  channel: () => ({ hasSubscribers: false, publish() {} }),

  redirect: 'manual',
  timers: false,
}
