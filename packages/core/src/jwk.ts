import {
  algorithmRules,
  isSigningAlgorithm,
  type AlgorithmRule,
  type SigningAlgorithm,
} from './algorithms.js'
import { isJsonObject } from './json.js'
import { platform } from '#platform'

/** The public members of a JWK that a signature is verified with. */
export type PublicJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }

/** One signing key of an issuer. The three mutable members say until when it serves; the rest never changes. */
export interface SigningKey {
  readonly kid: string | undefined
  /** The SHA-1 thumbprint of its certificate (RFC 7517 section 4.8): some issuers name their keys by it alone. */
  readonly x5t: string | undefined
  readonly jwk: PublicJwk
  /** The public material itself, as one string: two keys are the same key exactly if this is equal. */
  readonly identity: string
  /** `alg` of the JWK, where the issuer binds the key to one algorithm. */
  readonly algorithm: SigningAlgorithm | undefined
  /** `issuer` of the JWK (Entra, v2.0 key sets): the issuer that may sign with it; `{tenantid}` is a placeholder. */
  readonly issuer: string | undefined
  readonly cloudInstanceName: string | undefined
  /** Epoch seconds of the last successful fetch that listed the key. */
  lastListed: number
  /** Epoch seconds of the first fetch that lacked it after that; it may have been listed until then. */
  absentSince: number | undefined
  /** Epoch seconds at which it stops serving; moved by each fetch, and to -Infinity when it is forgotten. */
  servesUntil: number
}

/** Why a JWK of a set is skipped. */
export type SkippedKeyReason =
  | 'not_an_object'
  | 'private'
  | 'symmetric'
  | 'kty'
  | 'crv'
  | 'member'
  | 'use'
  | 'key_ops'
  | 'alg'
  | 'rsa_size'
  | 'rsa_exponent'
  | 'denied'
  | 'too_many'

export type ReadJwk =
  | { readonly key: SigningKey }
  | {
      readonly skipped: SkippedKeyReason
      /** The key, where its material could be read: the set lists it, but not as a key that verifies signatures. */
      readonly named?: KeyName
    }

/** The same key: the same material under the same id. */
export type KeyName = Pick<SigningKey, 'identity' | 'kid'>

/**
 * Reads one member of a JWKS (RFC 7517 section 4). Anything that is not clearly a public signature key of sufficient size is
 * skipped, with the reason: one bad key never makes the whole set unusable.
 */
export function readJwk(value: unknown, now: number, servesUntil: number): ReadJwk {
  if (!isJsonObject(value)) return { skipped: 'not_an_object' }
  const material = readMaterial(value)
  const skipped = whySkipped(value, material)
  if (typeof material === 'string') return { skipped: skipped ?? material }
  const identity = Object.values(material).join('.')
  const kid = value.kid as string | undefined
  if (skipped !== undefined) {
    return typeof value.kid === 'string' || kid === undefined
      ? { skipped, named: { identity, kid } }
      : { skipped }
  }
  return {
    key: {
      kid,
      x5t: typeof value.x5t === 'string' && value.x5t.length <= 1024 ? value.x5t : undefined,
      jwk: material,
      identity,
      algorithm: value.alg as SigningAlgorithm | undefined,
      issuer: value.issuer as string | undefined,
      cloudInstanceName: value.cloud_instance_name as string | undefined,
      lastListed: now,
      absentSince: undefined,
      servesUntil,
    },
  }
}

function whySkipped(
  value: Record<string, unknown>,
  material: PublicJwk | SkippedKeyReason,
): SkippedKeyReason | undefined {
  if (value.kty === 'oct' || value.k !== undefined) return 'symmetric'
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].some((member) => value[member] !== undefined)) {
    return 'private'
  }
  if (value.use !== undefined && value.use !== 'sig') return 'use'
  if (value.key_ops !== undefined && !(Array.isArray(value.key_ops) && value.key_ops.includes('verify'))) {
    return 'key_ops'
  }
  if (typeof material === 'string') return material
  if (value.alg !== undefined && !(isSigningAlgorithm(value.alg) && fits(material, value.alg))) {
    return 'alg'
  }
  for (const member of ['kid', 'issuer', 'cloud_instance_name']) {
    const text = value[member]
    if (text !== undefined && (typeof text !== 'string' || text.length > 1024)) return 'member'
  }
  return undefined
}

function readMaterial(jwk: Record<string, unknown>): PublicJwk | SkippedKeyReason {
  if (jwk.kty === 'RSA') return readRsa(jwk)
  if (jwk.kty === 'EC') {
    const size = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[String(jwk.crv)]
    if (size === undefined) return 'crv'
    const x = bytesOf(jwk.x)
    const y = bytesOf(jwk.y)
    if (x?.length !== size || y?.length !== size) return 'member'
    return { kty: 'EC', crv: jwk.crv as string, x: textOf(x), y: textOf(y) }
  }
  if (jwk.kty === 'OKP') {
    // Ed448 is not offered: 'EdDSA' in a header would not tell which of the two it means.
    if (jwk.crv !== 'Ed25519') return 'crv'
    const x = bytesOf(jwk.x)
    return x?.length === 32 ? { kty: 'OKP', crv: 'Ed25519', x: textOf(x) } : 'member'
  }
  return 'kty'
}

function readRsa(jwk: Record<string, unknown>): PublicJwk | SkippedKeyReason {
  const n = withoutLeadingZeros(bytesOf(jwk.n))
  const e = withoutLeadingZeros(bytesOf(jwk.e))
  if (n === undefined || e === undefined) return 'member'
  const bits = bitLength(n)
  if (bits < 2048 || bits > 8192) return 'rsa_size'
  const exponent = e.length > 4 ? Number.NaN : e.reduce((value, byte) => value * 256 + byte, 0)
  if (!(exponent >= 65537 && exponent % 2 === 1)) return 'rsa_exponent'
  return { kty: 'RSA', n: textOf(n), e: textOf(e) }
}

/** The bytes of a member. Some issuers write plain base64 with padding, where RFC 7518 section 6 says base64url. */
function bytesOf(member: unknown): Uint8Array | undefined {
  if (typeof member !== 'string' || member === '') return undefined
  const canonical = member
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '')
  return platform.decodeBase64Url(canonical)
}

function withoutLeadingZeros(bytes: Uint8Array | undefined): Uint8Array | undefined {
  const start = bytes?.findIndex((byte) => byte !== 0) ?? 0
  return start > 0 ? bytes?.subarray(start) : bytes
}

function textOf(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function bitLength(bytes: Uint8Array): number {
  const start = bytes.findIndex((byte) => byte !== 0)
  if (start === -1) return 0
  return (bytes.length - start) * 8 - Math.clz32(bytes[start] ?? 0) + 24
}

/** Whether a key of this type and curve can carry signatures of the algorithm. */
export function fits(jwk: PublicJwk, algorithm: SigningAlgorithm): boolean {
  const rule: AlgorithmRule = algorithmRules[algorithm]
  return jwk.kty === rule.keyType && (jwk.kty === 'RSA' || jwk.crv === rule.curve)
}
