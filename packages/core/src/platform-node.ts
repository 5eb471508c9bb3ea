import { Buffer, isUtf8 } from 'node:buffer'
import {
  createHmac,
  createPublicKey,
  hash as digest,
  verify as verifySignature,
  type KeyObject,
} from 'node:crypto'
import diagnosticsChannel from 'node:diagnostics_channel'
import { algorithmRules, type AlgorithmRule, type SigningAlgorithm } from './algorithms.js'
import type { SigningKey } from './jwk.js'
import type { Platform } from './platform.js'
import { pssKeyOf } from './rsa-pss-key.js'

const imported = new WeakMap<SigningKey, Map<SigningAlgorithm, KeyObject | null>>()

function publicKeyOf(key: SigningKey, algorithm: SigningAlgorithm): KeyObject | null {
  let handles = imported.get(key)
  if (handles === undefined) imported.set(key, (handles = new Map()))
  let handle = handles.get(algorithm)
  if (handle === undefined) handles.set(algorithm, (handle = importKey(key, algorithmRules[algorithm])))
  return handle
}

function importKey({ jwk }: SigningKey, { pss, hash }: AlgorithmRule): KeyObject | null {
  try {
    const plain = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    return pss && hash !== undefined ? pssKeyOf(plain, hash) : plain
  } catch {
    return null
  }
}

/**
 * A buffer for bytes that are needed only until the next line. A new buffer each time would be memory outside the heap, and
 * collecting that costs more than all the checks together.
 */
const scratch = Buffer.allocUnsafeSlow(32 * 1024)
const scratchForSignature = Buffer.allocUnsafeSlow(160)

function written(text: string, encoding: 'base64url' | 'latin1'): Buffer {
  if (text.length > scratch.length) return Buffer.from(text, encoding)
  return scratch.subarray(0, scratch.write(text, 0, encoding))
}

/** ECDSA's `r || s` (RFC 7518 section 3.4) as the DER sequence that OpenSSL reads. */
function derOfRawSignature(raw: Uint8Array): Buffer {
  const der = scratchForSignature
  const half = raw.length / 2
  const end = writeInteger(raw.subarray(half), writeInteger(raw.subarray(0, half), 3))
  const length = end - 3
  const start = length < 0x80 ? 1 : 0
  der[start] = 0x30
  if (start === 0) der[1] = 0x81
  der[2] = length
  return der.subarray(start, end)
}

/** Writes a positive DER integer at an offset, and returns the offset of its end. */
function writeInteger(bytes: Uint8Array, at: number): number {
  const der = scratchForSignature
  let first = 0
  while (first < bytes.length - 1 && bytes[first] === 0) first++
  const isPadded = (bytes[first] ?? 0) >= 0x80
  const length = bytes.length - first + (isPadded ? 1 : 0)
  der[at] = 0x02
  der[at + 1] = length
  if (isPadded) der[at + 2] = 0
  der.set(bytes.subarray(first), at + (isPadded ? 3 : 2))
  return at + 2 + length
}

/**
 * Whether text that was decoded to this many bytes is canonical base64url. Node's decoder also accepts the letters of plain
 * base64 and skips unknown characters, which then shows in the length. Encoding the bytes again and comparing would give the
 * same answer, and take longer than everything else that is done with the payload.
 */
function isCanonical(text: string, decodedLength: number): boolean {
  const rest = text.length % 4
  if (rest === 1 || decodedLength !== Math.floor((text.length * 3) / 4)) return false
  if (text.includes('+') || text.includes('/') || text.includes('=')) return false
  // A character of more than one byte would be reduced to its lower byte, and could look like a letter.
  if (Buffer.byteLength(text, 'utf8') !== text.length) return false
  // The last digit of a partial group has bits to spare, and in canonical text they are zero.
  const spare = rest === 2 ? 0b1111 : rest === 3 ? 0b11 : 0
  return spare === 0 || (digits.indexOf(text.charAt(text.length - 1)) & spare) === 0
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Node: synchronous verification with keys imported once. */
export const platform: Platform = {
  decodeBase64Url(text) {
    const bytes = Buffer.from(text, 'base64url')
    return isCanonical(text, bytes.length) ? bytes : undefined
  },

  decodeUtf8(bytes) {
    if (!isUtf8(bytes)) return undefined
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return buffer.toString('utf8')
  },

  decodeText(text) {
    const bytes = written(text, 'base64url')
    return isCanonical(text, bytes.length) && isUtf8(bytes) ? bytes.toString('utf8') : undefined
  },

  verify(key, algorithm, { token, signedLength, signature }) {
    const handle = publicKeyOf(key, algorithm)
    if (handle === null) return false
    const rule = algorithmRules[algorithm]
    if (rule.signatureBytes !== undefined && signature.length !== rule.signatureBytes) return false
    try {
      const data = written(token.slice(0, signedLength), 'latin1')
      // The key itself, never `{ key }`: on Node 24 the wrapped form doubles the cost of the signature.
      return verifySignature(
        rule.hash,
        data,
        handle,
        rule.keyType === 'EC' ? derOfRawSignature(signature) : signature,
      )
    } catch {
      return false
    }
  },

  sha256: (data) => digest('sha256', data, 'base64url'),

  hmacSha256: (secret, text) => createHmac('sha256', secret).update(text).digest('base64url'),

  publicJwk(pem) {
    return { ...createPublicKey(pem).export({ format: 'jwk' }) }
  },

  channel: (name) => diagnosticsChannel.channel(name),

  redirect: 'error',
  timers: true,
}
