import { isSigningAlgorithm, type SigningAlgorithm } from './algorithms.js'
import {
  checkAudience,
  checkTimes,
  claim,
  optionalString,
  readTimes,
  type Claims,
  type TokenTimes,
} from './claims.js'
import { withinTime } from './deadline.js'
import { BearerError } from './errors.js'
import { readOneString } from './claim-source.js'
import type { Introspector } from './introspection.js'
import type { IssuerRules, Recognition } from './issuer.js'
import type { IssuerWithKeys } from './issuer-with-keys.js'
import type { SigningKey } from './jwk.js'
import type { Candidates } from './key-set.js'
import type { IssuerEntry, ReadOptions } from './options.js'
import { checkPermissions, type CompiledPermission, type PermissionContext } from './permission.js'
import type { Realms } from './realms.js'
import { checkRevocation } from './revocation.js'
import { checkSameBinding, checkSenderOf, type PresentedRequest } from './sender-proof.js'
import { findMismatch } from './shape.js'
import { readToken, type HeaderCache, type UnverifiedToken } from './token.js'
import { createValidatedToken, type TokenIdentity, type ValidatedToken } from './validated-token.js'
import { platform } from '#platform'

/** What is known of one token so far. Each check reads what the checks before it wrote. */
export interface Evaluation {
  readonly token: string
  readonly now: number
  readonly options: ReadOptions
  readonly issuers: readonly IssuerWithKeys[]
  readonly realms: readonly Realms[]
  readonly headers: HeaderCache
  readonly permission: CompiledPermission | undefined
  /** The request that presents the token, where there is one and a check needs it. */
  readonly presented: PresentedRequest | undefined
  /** Whether a person asks for every verdict: a request does not spend a fetch on a token that is refused anyhow. */
  readonly isExplained: boolean
  readonly permissionContext: PermissionContext
  /** Milliseconds of the monotonic clock; 0 where no details are wanted. */
  readonly startedAt: number
  /** The checks of this token: of a JWT, or of an opaque token. */
  readonly checks: readonly Check[]
  parts: UnverifiedToken | undefined
  algorithm: SigningAlgorithm | undefined
  matchedIssuer: IssuerWithKeys | undefined
  recognition: Recognition | undefined
  candidates: Candidates | undefined
  key: SigningKey | undefined
  times: TokenTimes | undefined
  identity: TokenIdentity | undefined
  /** Until when the answer of an introspection may be used. */
  freshUntil: number
  validated: ValidatedToken | undefined
}

/** One check of a token, as `explain` reports it. */
export type CheckName =
  | 'format'
  | 'algorithm'
  | 'header'
  | 'issuer'
  | 'token_type'
  | 'tenant'
  | 'key'
  | 'signature'
  | 'lifetime'
  | 'audience'
  | 'sender'
  | 'introspection'
  | 'kind'
  | 'client'
  | 'required_claims'
  | 'tenant_policy'
  | 'revocation'
  | 'permission'

/** One rule. It returns when it is satisfied, and throws a refusal when it is not. */
export interface Check {
  readonly name: CheckName
  /** The checks whose findings it reads: where one of them failed, this check cannot run. */
  readonly needs: readonly CheckName[]
  run(evaluation: Evaluation): void | Promise<void>
}

/**
 * Every check, in order: what costs nothing first, the issuer before any network, the signature before any word of the
 * payload is believed. A request stops at the first check that fails; `explain` continues where it can.
 */
export const checks: readonly Check[] = [
  { name: 'format', needs: [], run: checkFormat },
  { name: 'algorithm', needs: ['format'], run: checkAlgorithm },
  { name: 'header', needs: ['format'], run: checkHeader },
  { name: 'issuer', needs: ['format', 'algorithm'], run: checkIssuer },
  { name: 'token_type', needs: ['issuer'], run: checkTokenType },
  { name: 'tenant', needs: ['issuer'], run: checkTenant },
  { name: 'key', needs: ['algorithm', 'header', 'issuer', 'tenant'], run: checkKey },
  { name: 'signature', needs: ['key'], run: checkSignature },
  { name: 'lifetime', needs: ['format'], run: checkLifetime },
  { name: 'audience', needs: ['issuer'], run: checkOwnAudience },
  { name: 'sender', needs: ['format'], run: checkSender },
  { name: 'introspection', needs: ['signature', 'lifetime', 'audience'], run: checkIntrospection },
  { name: 'kind', needs: ['issuer'], run: checkKind },
  { name: 'client', needs: ['kind'], run: checkClient },
  { name: 'required_claims', needs: ['issuer'], run: checkRequiredClaims },
  // The application, and maybe its database, is asked only about a token that is good in every other respect.
  { name: 'tenant_policy', needs: ['tenant', 'signature'], run: checkTenantPolicy },
  { name: 'revocation', needs: ['signature', 'lifetime', 'kind'], run: checkRevoked },
  { name: 'permission', needs: ['lifetime', 'kind'], run: checkRequiredPermission },
]

/** The checks of a token that is not a JWT: what the issuer answers about it takes the place of its content. */
export const opaqueChecks: readonly Check[] = [
  { name: 'introspection', needs: [], run: introspectOpaque },
  { name: 'token_type', needs: ['introspection'], run: checkTokenType },
  { name: 'lifetime', needs: ['introspection'], run: checkLifetime },
  { name: 'audience', needs: ['introspection'], run: checkOwnAudience },
  { name: 'sender', needs: ['introspection'], run: checkSender },
  { name: 'kind', needs: ['introspection'], run: checkKind },
  { name: 'client', needs: ['kind'], run: checkClient },
  { name: 'required_claims', needs: ['introspection'], run: checkRequiredClaims },
  { name: 'revocation', needs: ['introspection', 'lifetime', 'kind'], run: checkRevoked },
  { name: 'permission', needs: ['lifetime', 'kind'], run: checkRequiredPermission },
]

function checkFormat(evaluation: Evaluation): void {
  const { token, options, headers } = evaluation
  evaluation.parts = readToken(token, options.maxTokenBytes, headers)
}

function checkAlgorithm(evaluation: Evaluation): void {
  const { alg } = partsOf(evaluation).unverifiedHeader
  if (!isSigningAlgorithm(alg)) throw new BearerError('algorithm_not_allowed', { claim: 'alg' })
  evaluation.algorithm = alg
}

const accessTokenTypes = ['jwt', 'at+jwt', 'application/at+jwt']

function checkHeader(evaluation: Evaluation): void {
  const { crit, b64, typ, kid } = partsOf(evaluation).unverifiedHeader
  // No extension is understood here, so whatever `crit` names is one too many (RFC 7515 section 4.1.11).
  if (crit !== undefined) throw new BearerError('header_unsupported', { claim: 'crit' })
  if (b64 !== undefined) throw new BearerError('header_unsupported', { claim: 'b64' })
  if (kid !== undefined && typeof kid !== 'string')
    throw new BearerError('token_malformed', { claim: 'kid', reason: 'header' })
  // Each kind of JWT has its own rules (RFC 8725 section 3.12): a logout token or a DPoP proof is not an access token.
  if (typ !== undefined && !(typeof typ === 'string' && accessTokenTypes.includes(typ.toLowerCase()))) {
    throw new BearerError('token_type_mismatch', { claim: 'typ' })
  }
}

function checkIssuer(evaluation: Evaluation): void | Promise<void> {
  const claims = claimsOf(evaluation)
  if (claim(claims, 'iss') === undefined) throw new BearerError('issuer_missing', { claim: 'iss' })
  const issuer = optionalString(claims, 'iss') as string
  if (matchIssuer(evaluation, issuer)) return undefined
  const unresolved = evaluation.issuers.filter(
    ({ rules, keys }) => rules.needsMetadata && keys.metadataIssuer === undefined,
  )
  if (unresolved.length > 0) return resolveIssuers(evaluation, issuer, unresolved)
  return findRealm(evaluation, issuer)
}

/** Asks the functions that know issuers which appear at run time. One of them may know it, and no more. */
function findRealm(evaluation: Evaluation, issuer: string): void | Promise<void> {
  const { realms, now } = evaluation
  const known = realms.map((each) => each.known(issuer, now))
  if (realms.length === 0 || known.some((realm) => realm !== undefined)) {
    return acceptRealm(evaluation, issuer, known)
  }
  return Promise.all(realms.map((each) => each.find(issuer, now))).then((found) =>
    acceptRealm(evaluation, issuer, found),
  )
}

function acceptRealm(
  evaluation: Evaluation,
  issuer: string,
  found: readonly (IssuerWithKeys | undefined)[],
): void {
  const known = found.filter((realm) => realm !== undefined)
  if (!matchAmong(evaluation, issuer, known)) throw new BearerError('issuer_not_trusted', { claim: 'iss' })
}

/** A tenant that is configured by its domain is known by its id once its metadata has been read. */
async function resolveIssuers(
  evaluation: Evaluation,
  issuer: string,
  unresolved: readonly IssuerWithKeys[],
): Promise<void> {
  await Promise.all(unresolved.map(({ keys }) => keys.load()))
  if (!matchIssuer(evaluation, issuer)) await findRealm(evaluation, issuer)
}

function matchIssuer(evaluation: Evaluation, issuer: string): boolean {
  return matchAmong(evaluation, issuer, evaluation.issuers)
}

function matchAmong(evaluation: Evaluation, issuer: string, issuers: readonly IssuerWithKeys[]): boolean {
  let matched: { candidate: IssuerWithKeys; recognition: Recognition; isExcluded: boolean } | undefined
  for (const candidate of issuers) {
    const recognition = candidate.rules.recognise(issuer, candidate.keys.metadataIssuer)
    if (recognition === undefined) continue
    const isExcluded = candidate.rules.excludes?.(recognition) === true
    if (matched !== undefined && !matched.isExcluded) {
      if (isExcluded) continue
      // The order of a list never decides whose rules hold.
      throw new BearerError('issuer_ambiguous', { claim: 'iss' })
    }
    matched = { candidate, recognition, isExcluded }
  }
  if (matched === undefined) return false
  if (!matched.candidate.rules.algorithms.includes(evaluation.algorithm as SigningAlgorithm)) {
    throw new BearerError('algorithm_not_allowed', { claim: 'alg' })
  }
  evaluation.matchedIssuer = matched.candidate
  evaluation.recognition = matched.recognition
  return true
}

function checkTokenType(evaluation: Evaluation): void {
  const { unverifiedHeader, unverifiedClaims } = partsOf(evaluation)
  const { rules, introspector } = issuerOf(evaluation)
  // Where an issuer's access tokens are opaque, a JWT of it is something else.
  if (introspector?.tokens === 'opaque' && evaluation.checks === checks) {
    throw new BearerError('token_type_mismatch', { reason: 'opaque_expected' })
  }
  rules.checkTokenType(unverifiedHeader, unverifiedClaims)
}

function checkTenant(evaluation: Evaluation): void {
  issuerOf(evaluation).rules.checkTenant(claimsOf(evaluation), recognitionOf(evaluation))
}

function checkKey(evaluation: Evaluation): void | Promise<void> {
  const { rules, keys } = issuerOf(evaluation)
  const { kid, x5t } = partsOf(evaluation).unverifiedHeader as { kid?: string; x5t?: unknown }
  if (kid === undefined && rules.requiresKeyId) throw new BearerError('key_id_missing', { claim: 'kid' })
  const wanted = {
    kid,
    x5t: typeof x5t === 'string' ? x5t : undefined,
    algorithm: evaluation.algorithm as SigningAlgorithm,
  }
  const found = keys.find(wanted, () => checkWorthFetching(evaluation))
  if (found instanceof Promise) return found.then((candidates) => bindKeys(evaluation, candidates))
  return bindKeys(evaluation, found)
}

/** A token that is refused anyhow does not make a request ask the issuer for keys. */
function checkWorthFetching(evaluation: Evaluation): void {
  if (evaluation.isExplained) return
  checkLifetime(evaluation)
  checkOwnAudience(evaluation)
}

/** Keeps the keys that may sign for this issuer: a key set holds other issuers' keys too. */
function bindKeys(evaluation: Evaluation, candidates: Candidates): void {
  const { rules, keys } = issuerOf(evaluation)
  const recognition = recognitionOf(evaluation)
  const bound: SigningKey[] = []
  let refusal: unknown
  for (const key of candidates.keys) {
    try {
      rules.checkKey(key, recognition, keys.cloudInstanceName)
      bound.push(key)
    } catch (error) {
      refusal = error
    }
  }
  if (bound.length === 0) throw refusal
  evaluation.candidates = { ...candidates, keys: bound }
}

function checkSignature(evaluation: Evaluation): void | Promise<void> {
  return trySignature(evaluation, evaluation.candidates as Candidates, 0)
}

function trySignature(evaluation: Evaluation, candidates: Candidates, index: number): void | Promise<void> {
  const key = candidates.keys[index]
  if (key === undefined) throw noKeyVerified(evaluation, candidates)
  const verdict = platform.verify(key, evaluation.algorithm as SigningAlgorithm, partsOf(evaluation))
  const next = (isValid: boolean): void | Promise<void> => {
    if (isValid !== true) return trySignature(evaluation, candidates, index + 1)
    evaluation.key = key
    return undefined
  }
  return typeof verdict === 'boolean' ? next(verdict) : verdict.then(next)
}

/** Where not every key was tried, nothing is known of the signature. */
function noKeyVerified(evaluation: Evaluation, { isCutOff }: Candidates): BearerError {
  if (!isCutOff) return new BearerError('signature_invalid')
  const code = partsOf(evaluation).unverifiedHeader.kid === undefined ? 'key_id_missing' : 'key_unknown'
  return new BearerError(code, { claim: 'kid', reason: 'too_many_keys' })
}

function checkTenantPolicy(evaluation: Evaluation): void | Promise<void> {
  return askTenantPolicy(issuerOf(evaluation), recognitionOf(evaluation))
}

/** Asks the application about a verified tenant. A failure of the function is answered with 503, never with an acceptance. */
export function askTenantPolicy({ rules }: IssuerEntry, { tenantId }: Recognition): void | Promise<void> {
  const policy = rules.tenantPolicy
  if (policy === undefined) return undefined
  let answer: unknown
  try {
    answer = policy(tenantId as string)
  } catch {
    throw unavailablePolicy()
  }
  if (typeof answer === 'boolean') return checkPolicyAnswer(answer)
  return withinTime(answer).then(checkPolicyAnswer, () => {
    throw unavailablePolicy()
  })
}

function checkPolicyAnswer(answer: unknown): void {
  if (answer !== true) throw new BearerError('tenant_not_allowed', { claim: 'tid' })
}

function unavailablePolicy(): BearerError {
  return new BearerError('check_unavailable', { reason: 'allowed_tenants' })
}

function checkLifetime(evaluation: Evaluation): void {
  evaluation.times = readTimes(claimsOf(evaluation))
  checkTimes(evaluation.times, evaluation.now, evaluation.options)
}

function checkOwnAudience(evaluation: Evaluation): void {
  const { audience, rules, introspector } = issuerOf(evaluation)
  const claims = claimsOf(evaluation)
  const implied = rules.impliedAudiences(recognitionOf(evaluation))
  const accepted =
    implied.length === 0 ? audience : audience.length === 0 ? implied : [...audience, ...implied]
  if (claim(claims, 'aud') !== undefined) return checkAudience(claims, accepted)
  // A lightweight token: the answer about it is not there yet, and may tell its audience.
  if (introspector?.tokens === 'jwt' && evaluation.freshUntil === Infinity) return undefined
  return checkMissingAudience(claims, rules, accepted)
}

/** A token without `aud` is for this API only where the configuration says what counts instead. */
function checkMissingAudience(claims: Claims, rules: IssuerRules, accepted: readonly string[]): void {
  if (rules.acceptsMissingAudience) return
  const value = readOneString(rules.audienceSources, claims)
  if (value === undefined) throw new BearerError('claim_missing', { claim: 'aud' })
  if (!accepted.includes(value)) {
    throw new BearerError('audience_mismatch', { claim: rules.audienceSources[0]?.label })
  }
}

function checkSender(evaluation: Evaluation): void | Promise<void> {
  // A lightweight token may be bound by the answer about it alone.
  const isDecidedLater =
    evaluation.matchedIssuer?.introspector?.tokens === 'jwt' && !Object.hasOwn(claimsOf(evaluation), 'cnf')
  return isDecidedLater ? undefined : proveSender(evaluation)
}

function proveSender(evaluation: Evaluation): void | Promise<void> {
  const { token, now, presented, options } = evaluation
  return checkSenderOf(claimsOf(evaluation), token, now, presented, options.senders)
}

/** Adds what the issuer answers about a JWT to its claims: only once the token itself has passed. */
function checkIntrospection(evaluation: Evaluation): void | Promise<void> {
  const { introspector } = issuerOf(evaluation)
  if (introspector?.tokens !== 'jwt') return undefined
  return introspector.ask(evaluation.token).then(({ claims, bytes, freshUntil }) => {
    const parts = partsOf(evaluation)
    const own = withoutNulls(parts.unverifiedClaims)
    for (const name of ['iss', 'sub']) {
      const [before, answered] = [claim(own, name), claim(claims, name)]
      if (before !== undefined && answered !== undefined && before !== answered) {
        throw new BearerError('introspection_unavailable', { claim: name, reason: 'another_token' })
      }
    }
    const merged = Object.freeze({ ...parts.unverifiedClaims, ...claims, ...own })
    evaluation.parts = { ...parts, unverifiedClaims: merged, bytes: parts.bytes + bytes }
    evaluation.freshUntil = freshUntil
    checkOwnAudience(evaluation)
    if (!Object.hasOwn(own, 'cnf')) return proveSender(evaluation)
    // The token's own binding was proved; the answer must not name another sender.
    return checkSameBinding(own, claims)
  })
}

/** A `null` says nothing, so it does not hide what the issuer answers. */
function withoutNulls(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null))
}

async function introspectOpaque(evaluation: Evaluation): Promise<void> {
  const { token, issuers, options } = evaluation
  if (token.length > options.maxTokenBytes) throw new BearerError('token_too_large')
  const issuer = issuers.find(({ introspector }) => introspector?.tokens === 'opaque') as IssuerWithKeys
  const { claims, bytes, freshUntil } = await (issuer.introspector as Introspector).ask(token)
  const iss = optionalString(claims, 'iss') ?? (issuer.rules.issuers[0] as string)
  const recognition = issuer.rules.recognise(iss, undefined)
  if (recognition === undefined) throw new BearerError('issuer_not_trusted', { claim: 'iss' })
  checkAnsweredType(claims)
  // `exp` and `iss` are optional in an answer (RFC 7662 section 2.2).
  const exp = claim(claims, 'exp') ?? freshUntil
  evaluation.parts = opaqueToken(token, Object.freeze({ ...claims, iss, exp }), bytes)
  evaluation.matchedIssuer = issuer
  evaluation.recognition = recognition
  evaluation.freshUntil = freshUntil
  evaluation.key = noKey
}

/**
 * An endpoint answers about refresh tokens too (RFC 7662 section 2.1). `token_type` is the type of RFC 6749 section 5.1, which
 * only access tokens have; where an answer does not tell it, an audience does.
 */
function checkAnsweredType(claims: Claims): void {
  const type = claim(claims, 'token_type')
  const isAccessToken =
    type === undefined
      ? claim(claims, 'aud') !== undefined
      : typeof type === 'string' && ['bearer', 'dpop'].includes(type.toLowerCase())
  if (!isAccessToken) throw new BearerError('token_type_mismatch', { claim: 'token_type' })
  const payloadType = claim(claims, 'typ')
  if (typeof payloadType === 'string' && ['refresh', 'offline', 'id'].includes(payloadType.toLowerCase())) {
    throw new BearerError('token_type_mismatch', { claim: 'typ' })
  }
}

/** In place of the key that verified a signature. */
const noKey = {
  kid: undefined,
  x5t: undefined,
  jwk: { kty: 'OKP', crv: '', x: '' },
  identity: '',
  algorithm: undefined,
  issuer: undefined,
  cloudInstanceName: undefined,
  lastListed: Infinity,
  absentSince: undefined,
  servesUntil: Infinity,
} satisfies SigningKey

function opaqueToken(token: string, unverifiedClaims: Claims, bytes: number): UnverifiedToken {
  return {
    token,
    signedLength: 0,
    signature: new Uint8Array(),
    headerSegment: '',
    unverifiedHeader: noHeader,
    unverifiedClaims,
    bytes: 400 + token.length + bytes,
  }
}

const noHeader = Object.freeze({})

function checkKind(evaluation: Evaluation): void {
  const { rules, allowedClients } = issuerOf(evaluation)
  evaluation.identity = rules.readIdentity(claimsOf(evaluation), recognitionOf(evaluation), allowedClients)
}

function checkClient(evaluation: Evaluation): void {
  const { allowedClients } = issuerOf(evaluation)
  if (allowedClients === undefined) return
  const { clientId } = evaluation.identity as TokenIdentity
  if (clientId === undefined || !allowedClients.includes(clientId)) {
    throw new BearerError('client_not_allowed')
  }
}

function checkRequiredClaims(evaluation: Evaluation): void {
  const { requiredClaims } = issuerOf(evaluation)
  if (requiredClaims === undefined) return
  const mismatch = findMismatch(requiredClaims, claimsOf(evaluation))
  if (mismatch !== undefined) throw new BearerError('claim_not_allowed', { claim: mismatch })
}

/** Asked only about a token that is good in every other respect. */
function checkRevoked(evaluation: Evaluation): void | Promise<void> {
  const { options, permissionContext } = evaluation
  return checkRevocation(options.revocation, validatedOf(evaluation), permissionContext)
}

function checkRequiredPermission(evaluation: Evaluation): void | Promise<void> {
  const { options, permission, presented, permissionContext } = evaluation
  return checkPermissions(
    options.permission,
    permission,
    validatedOf(evaluation),
    presented?.request.native,
    permissionContext,
  )
}

/** The validated token: it is made once its times and its identity are known. */
function validatedOf(evaluation: Evaluation): ValidatedToken {
  evaluation.validated ??= createValidatedToken(
    partsOf(evaluation),
    evaluation.times as TokenTimes,
    evaluation.identity as TokenIdentity,
  )
  return evaluation.validated
}

function partsOf({ parts }: Evaluation): UnverifiedToken {
  return parts as UnverifiedToken
}

function claimsOf({ parts }: Evaluation): Claims {
  return (parts as UnverifiedToken).unverifiedClaims
}

function issuerOf({ matchedIssuer }: Evaluation): IssuerWithKeys {
  return matchedIssuer as IssuerWithKeys
}

function recognitionOf({ recognition }: Evaluation): Recognition {
  return recognition as Recognition
}
