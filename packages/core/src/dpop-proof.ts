import { isSigningAlgorithm, type SigningAlgorithm } from './algorithms.js'
import { claim, type Claims } from './claims.js'
import type { DpopNonces } from './dpop-nonce.js'
import { BearerError } from './errors.js'
import { fits, readJwk, type PublicJwk, type SigningKey } from './jwk.js'
import { normaliseAddress, requestAddress } from './request-address.js'
import { unproven, type ProofContext } from './sender-proof.js'
import { readToken, type HeaderCache, type UnverifiedToken } from './token.js'
import { platform } from '#platform'

/** The options of `dpop`, read. */
export interface DpopRules {
  readonly publicUrl: string
  readonly maxAgeSeconds: number
  readonly nonces: DpopNonces | undefined
}

/** A key of a client, with what of its proofs' header was checked. */
interface DpopKey {
  readonly key: SigningKey
  readonly algorithm: SigningAlgorithm
  readonly thumbprint: string
}

const maxProofBytes = 8 * 1024
const maxJtiLength = 256
const maxKeys = 1000
/** Long enough for an RSA key of 4096 bits. */
const maxKeptHeaderLength = 1400
const noHeader = Object.freeze({})

/**
 * The keys that clients prove, by the header of their proofs: a client writes the same header in all of them. Only the header
 * of a proof that was accepted is kept, so that others evict nothing.
 */
export class DpopKeys {
  readonly #keys = new Map<string, DpopKey>()
  readonly headers: HeaderCache = new Map()

  get(headerSegment: string): DpopKey | undefined {
    return this.#keys.get(headerSegment)
  }

  keep({ headerSegment }: UnverifiedToken, key: DpopKey): void {
    if (headerSegment.length > maxKeptHeaderLength || this.#keys.has(headerSegment)) return
    if (this.#keys.size >= maxKeys) {
      this.#keys.clear()
      this.headers.clear()
    }
    // A copy, since a part of a text keeps the whole proof in memory.
    const name = JSON.parse(JSON.stringify(headerSegment)) as string
    this.#keys.set(name, key)
    // Its members are not read again: what was made of them is the key.
    this.headers.set(name, noHeader)
  }
}

/**
 * Checks the DPoP proof of a request (RFC 9449 section 4.3), for a token that is bound to the key of this thumbprint. It does
 * not check whether the proof was used before.
 */
export async function checkDpopProof(
  thumbprint: string,
  context: ProofContext,
  rules: DpopRules,
  keys: DpopKeys,
): Promise<{
  readonly jti: string
  readonly issuedAt: number
  /** Remembers the key: to be called once the proof is accepted. */
  readonly keepKey: () => void
}> {
  const { request, token, hasDpopScheme, now } = context
  // A bound token as a bearer token would work for anyone who has it (section 7.1).
  if (!hasDpopScheme) throw unproven('scheme')
  const proof = readProof(request.header('dpop'), keys)
  const key = keys.get(proof.headerSegment) ?? (await readKey(proof.unverifiedHeader))
  const claims = proof.unverifiedClaims
  if (claim(claims, 'htm') !== request.method) throw invalid('htm')
  checkAddress(claims, rules.publicUrl, request.url)
  const issuedAt = readIssuedAt(claims, context, rules)
  if (claim(claims, 'ath') !== (await platform.sha256(token))) throw invalid('ath')
  const jti = claim(claims, 'jti')
  if (typeof jti !== 'string' || jti === '' || jti.length > maxJtiLength) throw invalid('jti')
  if ((await platform.verify(key.key, key.algorithm, proof)) !== true) throw invalid('signature')
  if (key.thumbprint !== thumbprint) throw unproven('jkt')
  await checkNonce(claims, rules.nonces, now)
  return { jti, issuedAt, keepKey: () => keys.keep(proof, key) }
}

function readProof(values: readonly string[] | undefined, keys: DpopKeys): UnverifiedToken {
  if (values === undefined || values.length === 0) throw invalid('dpop', 'missing')
  const [value] = values
  // Hosts that join repeated headers put a comma between them, and no proof has one.
  if (values.length > 1 || value?.includes(',') === true) throw invalid('dpop', 'repeated')
  try {
    return readToken(value as string, maxProofBytes, keys.headers)
  } catch {
    throw invalid('dpop', 'malformed')
  }
}

async function readKey(header: Readonly<Record<string, unknown>>): Promise<DpopKey> {
  const { typ, alg, crit, b64 } = header
  if (typ !== 'dpop+jwt') throw invalid('typ')
  if (crit !== undefined) throw invalid('crit')
  if (b64 !== undefined) throw invalid('b64')
  if (!isSigningAlgorithm(alg)) throw invalid('alg')
  const { key } = readJwk(header.jwk, 0, Infinity) as { key?: SigningKey }
  if (key === undefined) throw invalid('jwk')
  if (!fits(key.jwk, alg) || (key.algorithm !== undefined && key.algorithm !== alg)) throw invalid('alg')
  return { key, algorithm: alg, thumbprint: await thumbprintOf(key.jwk) }
}

/** The SHA-256 thumbprint of a key (RFC 7638 section 3): its required members, in the order of their names. */
async function thumbprintOf(jwk: PublicJwk): Promise<string> {
  const members = Object.entries(jwk).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return platform.sha256(JSON.stringify(Object.fromEntries(members)))
}

function checkAddress(claims: Claims, publicUrl: string, target: string): void {
  // A router may match such a target as it is: the address that is proved would not be the one that is served.
  if (/\/(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(target)) throw invalid('htu', 'dot_segment')
  const htu = claim(claims, 'htu')
  // The common spelling first: parsing two addresses costs as much as the rest of the proof's claims.
  if (htu === publicUrl + target && target.startsWith('/')) return
  const address = typeof htu === 'string' ? normaliseAddress(htu) : undefined
  if (address === undefined || address !== requestAddress(publicUrl, target)) throw invalid('htu')
}

function readIssuedAt(
  claims: Claims,
  { now, clockToleranceSeconds }: ProofContext,
  { maxAgeSeconds }: DpopRules,
): number {
  const issuedAt = claim(claims, 'iat')
  if (typeof issuedAt !== 'number' || !Number.isFinite(issuedAt)) throw invalid('iat')
  if (issuedAt > now + clockToleranceSeconds) throw invalid('iat', 'in_future')
  if (issuedAt < now - maxAgeSeconds - clockToleranceSeconds) throw invalid('iat', 'too_old')
  return issuedAt
}

async function checkNonce(claims: Claims, nonces: DpopNonces | undefined, now: number): Promise<void> {
  if (nonces === undefined) return
  const nonce = claim(claims, 'nonce')
  if (typeof nonce === 'string' && (await nonces.accepts(nonce, now))) return
  // Computed now, so that the answer has it on every runtime.
  await nonces.accepts('', now)
  throw new BearerError('dpop_nonce_required', { claim: 'nonce' })
}

/** `claim`: the member of the proof at fault, or `dpop` for the header. */
function invalid(member: string, reason?: string): BearerError {
  return new BearerError('dpop_proof_invalid', { claim: member, reason })
}
