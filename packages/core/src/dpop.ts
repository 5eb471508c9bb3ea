import { signingAlgorithms } from './algorithms.js'
import { withinTime } from './deadline.js'
import { checkDpopProof, DpopKeys, type DpopRules } from './dpop-proof.js'
import { DpopNonces } from './dpop-nonce.js'
import { BearerError } from './errors.js'
import { checkNames, checkObject, readFunction, readSeconds, readUrl } from './options-reader.js'
import { MemoryReplayStore, type ReplayStore } from './replay-store.js'
import { createSenderProof, type ProofContext, type SenderProof } from './sender-proof.js'
import { platform } from '#platform'

/** Options of `dpop`. */
export interface DpopOptions {
  /**
   * The address under which clients call this API, up to what comes before the path that this server receives:
   * `https://api.example`, or `https://api.example/orders` where a gateway removes `/orders`. `htu` of a proof is compared
   * with it; the headers `Host` and `X-Forwarded-*` are never read.
   */
  readonly publicUrl: string
  /** Refuse tokens that are not bound to a key. Default: false, so that plain bearer tokens are accepted too. */
  readonly required?: boolean | undefined
  /** The oldest proof accepted, by `iat`, beside the clock tolerance of the validator. Default: 300, from 1 to 3600. */
  readonly maxAgeSeconds?: number | undefined
  /**
   * Where used proofs are remembered. Default: the memory of this value. An API of several instances, or of several such
   * values, needs a shared one: otherwise a proof can be used once at each. The default holds 400,000 proofs for about seven
   * minutes each, and one key may use a quarter of what is free: some 150 requests a second; beyond that it gets 503.
   */
  readonly replayStore?: ReplayStore | undefined
  /**
   * Require a nonce of this API in every proof. The secrets, of 32 bytes at least, are the same on all instances: the first
   * makes nonces, all of them accept, so that a secret can be replaced. Default: no nonces.
   */
  readonly nonceSecrets?: readonly Uint8Array[] | undefined
}

const what = 'dpop'

/**
 * Proof of possession by DPoP (RFC 9449): a token that is bound to a key (`cnf.jkt`) is accepted by the scheme `DPoP` only,
 * with one proof, signed with that key for this method, address and token, fresh, and used once. Throws a TypeError if an
 * option is wrong, missing or unknown.
 *
 * The proof says nothing of the query or the body of the request. It is good for one check: of two `bearerAuth` on one request
 * the second refuses it.
 *
 * @example
 * ```ts
 * import { createTokenValidator, dpop } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: 'https://id.example',
 *   audience: 'https://api.example',
 *   senderProofs: dpop({ publicUrl: 'https://api.example' }),
 * })
 * ```
 */
export function dpop(options: DpopOptions): SenderProof {
  checkObject(what, options)
  checkNames(what, options, ['publicUrl', 'required', 'maxAgeSeconds', 'replayStore', 'nonceSecrets'])
  const { required = false, maxAgeSeconds = 300, replayStore, nonceSecrets } = options
  if (typeof required !== 'boolean') throw new TypeError(`${what}: "required" must be true or false`)
  const rules: DpopRules = {
    publicUrl: readPublicUrl(options.publicUrl),
    maxAgeSeconds: readSeconds(what, 'maxAgeSeconds', maxAgeSeconds, { from: 1, to: 3600 }),
    nonces: nonceSecrets === undefined ? undefined : new DpopNonces(readSecrets(nonceSecrets)),
  }
  const addIfAbsent = readStore(replayStore)
  const keys = new DpopKeys()
  return createSenderProof({
    binding: 'jkt',
    required,
    algs: signingAlgorithms.join(' '),
    async prove(thumbprint, context) {
      const { jti, issuedAt, keepKey } = await checkDpopProof(thumbprint, context, rules, keys)
      // Last, so that a proof that is refused for another reason is not used up: clients repeat it with a nonce.
      await useOnce(
        addIfAbsent,
        `${thumbprint}.${await platform.sha256(jti)}`,
        lifeOf(issuedAt, rules, context),
      )
      keepKey()
    },
    responseHeaders(now) {
      const nonce = rules.nonces?.current(now)
      return nonce === undefined ? undefined : { 'DPoP-Nonce': nonce, 'Cache-Control': 'no-store' }
    },
  })
}

/** For what a request waits between reading the clock and storing its proof: keys, realms, an introspection. */
const waitSeconds = 30

/**
 * How long the proof could be used again, in whole seconds: also at an instance whose clock is behind this one's by the
 * tolerance.
 */
function lifeOf(
  issuedAt: number,
  { maxAgeSeconds }: DpopRules,
  { now, clockToleranceSeconds }: ProofContext,
): number {
  return Math.ceil(issuedAt + maxAgeSeconds + 2 * clockToleranceSeconds - now) + waitSeconds
}

async function useOnce(
  addIfAbsent: ReturnType<typeof readStore>,
  key: string,
  ttlSeconds: number,
): Promise<void> {
  let isNew: unknown
  try {
    isNew = await addIfAbsent(key, ttlSeconds)
  } catch {
    // The same refusal as for an answer that is neither true nor false.
  }
  if (isNew === true) return
  if (isNew === false) throw new BearerError('dpop_proof_invalid', { claim: 'jti', reason: 'replayed' })
  throw new BearerError('check_unavailable', { reason: 'replay_store' })
}

function readPublicUrl(value: unknown): string {
  const text = readUrl(what, 'publicUrl', value)
  const { origin, pathname, search } = new URL(text)
  if (search !== '' || text.includes('?')) throw new TypeError(`${what}: "publicUrl" must not carry a query`)
  return origin + pathname.replace(/\/$/, '')
}

/** What the store answers, as `unknown`: an application's store may answer anything, or not at all. */
function readStore(store: unknown): (key: string, ttlSeconds: number) => Promise<unknown> {
  if (store === undefined) {
    const memory = new MemoryReplayStore()
    return (key, ttlSeconds) => memory.addIfAbsent(key, ttlSeconds)
  }
  checkObject(`${what}: replayStore`, store)
  readFunction(`${what}: replayStore`, 'addIfAbsent', store.addIfAbsent)
  return (key, ttlSeconds) => withinTime((store as unknown as ReplayStore).addIfAbsent(key, ttlSeconds))
}

/** Copies: a buffer that the application reuses would change the nonces. */
function readSecrets(secrets: unknown): readonly Uint8Array[] {
  const isList =
    Array.isArray(secrets) &&
    secrets.length > 0 &&
    secrets.every((secret) => secret instanceof Uint8Array && secret.length >= 32)
  if (isList) return (secrets as readonly Uint8Array[]).map((secret) => Uint8Array.from(secret))
  throw new TypeError(
    `${what}: "nonceSecrets" must be a list of one secret or more, each a Uint8Array of 32 bytes at least, the same on all instances`,
  )
}
