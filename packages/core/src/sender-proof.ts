import { claim, type Claims } from './claims.js'
import { BearerError, type DpopChallenge } from './errors.js'
import { isJsonObject } from './json.js'
import type { RequestView } from './request-view.js'
import type { ValidatedToken } from './validated-token.js'

/** How a request proves that it comes from the client a token is bound to: made by `dpop` or `mutualTls`. */
export interface SenderProof {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:sender-proof': never
}

/** The bindings of a token that this package understands (RFC 9449 section 6.1, RFC 8705 section 3.1). */
const understood = ['jkt', 'x5t#S256'] as const

type Binding = (typeof understood)[number]

/** What a proof is checked with. */
export interface ProofContext {
  readonly request: RequestView
  /** The token as sent. */
  readonly token: string
  readonly hasDpopScheme: boolean
  readonly now: number
  readonly clockToleranceSeconds: number
}

/** A sender proof that was read. */
export interface ProofRules {
  /** The member of `cnf` that it proves. */
  readonly binding: Binding
  /** Whether a token without this binding is refused. */
  readonly required: boolean
  /** Throws or rejects a refusal where the request does not prove this value of `cnf`. */
  prove(value: string, context: ProofContext): Promise<void>
  /** Of DPoP alone: the accepted algorithms, separated by spaces. */
  readonly algs?: string
  /** Headers for the answer to a request that uses the scheme DPoP. */
  responseHeaders?(now: number): Readonly<Record<string, string>> | undefined
}

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const proofKey = Symbol.for('@countersign/core:sender-proof')

export function createSenderProof(rules: ProofRules): SenderProof {
  return Object.freeze({ [proofKey]: Object.freeze(rules) }) as unknown as SenderProof
}

/** The request that presents a token. */
export interface PresentedRequest {
  readonly request: RequestView
  readonly hasDpopScheme: boolean
  /** The bindings that it has proved: a proof is good for one use, also where the token has to be validated again. */
  proved: string | undefined
}

/** The sender proofs of one validator. */
export interface Senders {
  readonly proofs: readonly ProofRules[]
  readonly dpop: ProofRules | undefined
  readonly clockToleranceSeconds: number
  /** What a challenge says of the scheme DPoP; undefined where it is not accepted. */
  challenge(isUsed: boolean): DpopChallenge | undefined
  /** Headers for the answer to a request that uses the scheme DPoP. Throws nothing. */
  responseHeaders(clock: () => number): Readonly<Record<string, string>> | undefined
}

/** Reads the option. Throws a TypeError where a member was not made by `dpop` or `mutualTls`, or two prove the same binding. */
export function readSenderProofs(
  what: string,
  value: unknown,
  clockToleranceSeconds: number,
): Senders | undefined {
  if (value === undefined) return undefined
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const proofs = list.map((proof) =>
    typeof proof === 'object' && proof !== null
      ? (proof as { [proofKey]?: ProofRules })[proofKey]
      : undefined,
  )
  if (proofs.length === 0 || !proofs.every((proof) => proof !== undefined)) {
    throw new TypeError(`${what}: "senderProofs" must be made by dpop or mutualTls`)
  }
  if (new Set(proofs.map(({ binding }) => binding)).size < proofs.length) {
    throw new TypeError(`${what}: "senderProofs" must not hold two values for the same binding`)
  }
  const dpop = proofs.find(({ binding }) => binding === 'jkt')
  return Object.freeze<Senders>({
    proofs,
    dpop,
    clockToleranceSeconds,
    challenge: (isUsed) =>
      dpop?.algs === undefined ? undefined : { algs: dpop.algs, isAlone: isUsed || dpop.required },
    responseHeaders(clock) {
      try {
        return dpop?.responseHeaders?.(clock())
      } catch {
        // The clock failed: the request itself is refused for it.
        return undefined
      }
    },
  })
}

/** Whether a token was accepted with a proof by DPoP. */
export function isBoundToKey(token: ValidatedToken | null): boolean {
  const cnf = token === null ? undefined : claim(token.claims, 'cnf')
  return isJsonObject(cnf) && Object.hasOwn(cnf, 'jkt')
}

/**
 * Checks that the request proves every binding of the token that is understood, and that a bound token has one at least;
 * members of `cnf` that are not understood are ignored (RFC 7800 section 3.1). Without a request nothing is proved.
 */
export function checkSenderOf(
  claims: Claims,
  token: string,
  now: number,
  presented: PresentedRequest | undefined,
  senders: Senders | undefined,
): void | Promise<void> {
  if (!Object.hasOwn(claims, 'cnf')) return checkUnbound(presented, senders)
  // A bound token without its proof may be stolen (RFC 9449 section 7.1, RFC 8705 section 3). A null binding counts too:
  // the safe reading of a binding that says nothing.
  const { cnf } = claims
  if (senders === undefined || presented === undefined || !isJsonObject(cnf)) throw unproven()
  const bindings = understood.filter((name) => Object.hasOwn(cnf, name))
  const isWithoutKey = presented.hasDpopScheme && !bindings.includes('jkt')
  if (isWithoutKey || isBindingMissing(senders, bindings)) throw missing()
  if (bindings.length === 0) throw unproven()
  return proveAll(cnf, bindings, token, now, presented, senders)
}

/** A token without `cnf`. */
function checkUnbound(presented: PresentedRequest | undefined, senders: Senders | undefined): void {
  if (senders === undefined) return
  // The scheme says that the token is bound, and it is not (RFC 9449 section 7.1).
  if (presented?.hasDpopScheme === true || isBindingMissing(senders, [])) throw missing()
}

function isBindingMissing({ proofs }: Senders, bindings: readonly Binding[]): boolean {
  return proofs.some(({ required, binding }) => required && !bindings.includes(binding))
}

async function proveAll(
  cnf: Readonly<Record<string, unknown>>,
  bindings: readonly Binding[],
  token: string,
  now: number,
  presented: PresentedRequest,
  senders: Senders,
): Promise<void> {
  const values = bindings.map((name) => cnf[name])
  const proved = JSON.stringify([bindings, values])
  if (presented.proved === proved) return
  const { request, hasDpopScheme } = presented
  const context = {
    request,
    token,
    hasDpopScheme,
    now,
    clockToleranceSeconds: senders.clockToleranceSeconds,
  }
  // The certificate first: it uses nothing up, and a DPoP proof is good for one use.
  for (const name of bindings.toReversed()) {
    const proof = senders.proofs.find(({ binding }) => binding === name)
    const value = cnf[name]
    if (proof === undefined || typeof value !== 'string') throw unproven()
    await proof.prove(value, context)
  }
  presented.proved = proved
}

/** Refuses an answer about a token that binds it to another sender than the token itself does. */
export function checkSameBinding(own: Claims, answered: Claims): void {
  if (!Object.hasOwn(answered, 'cnf')) return
  const [before, after] = [own.cnf, answered.cnf]
  if (!isJsonObject(before) || !isJsonObject(after)) throw unproven()
  if (understood.some((name) => after[name] !== undefined && after[name] !== before[name])) throw unproven()
}

/** The token is bound, and the request does not prove it. */
export function unproven(reason?: string): BearerError {
  return new BearerError('sender_binding_unproven', { claim: 'cnf', reason })
}

function missing(): BearerError {
  return new BearerError('sender_binding_missing', { claim: 'cnf' })
}
