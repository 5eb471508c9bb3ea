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
import type { Recognition, TenantPolicy } from './issuer.js'
import type { SigningKey } from './jwk.js'
import type { KeyStore } from './key-store.js'
import type { IssuerEntry, ReadOptions } from './options.js'
import type { CompiledPermission } from './permission.js'
import type { Refuse } from './refuse.js'
import { readToken, type HeaderCache, type UnverifiedToken } from './token.js'
import { createValidatedToken, type TokenIdentity, type ValidatedToken } from './validated-token.js'
import { platform } from '#platform'

/** A trusted issuer at work: its configuration and its keys. */
export interface IssuerAtWork extends IssuerEntry {
  readonly keys: KeyStore
}

/** What is known of one token so far. Each check reads what the ones before it wrote. */
export interface Evaluation {
  readonly token: string
  readonly now: number
  readonly options: ReadOptions
  readonly issuers: readonly IssuerAtWork[]
  readonly headers: HeaderCache
  readonly permission: CompiledPermission | undefined
  readonly refuse: Refuse
  parts: UnverifiedToken | undefined
  algorithm: SigningAlgorithm | undefined
  at: IssuerAtWork | undefined
  recognition: Recognition | undefined
  candidates: readonly SigningKey[] | undefined
  key: SigningKey | undefined
  times: TokenTimes | undefined
  identity: TokenIdentity | undefined
  validated: ValidatedToken | undefined
}

export type CheckName =
  | 'format'
  | 'algorithm'
  | 'header'
  | 'issuer'
  | 'tenant'
  | 'key'
  | 'signature'
  | 'lifetime'
  | 'audience'
  | 'sender'
  | 'kind'
  | 'client'
  | 'tenant_policy'
  | 'permission'

/** One rule. It returns when it is satisfied, and throws a refusal when it is not. */
export interface Check {
  readonly name: CheckName
  /** The checks whose findings it reads: where one of them failed, it cannot be carried out. */
  readonly needs: readonly CheckName[]
  run(evaluation: Evaluation): void | Promise<void>
}

/**
 * Every check, in order: what costs nothing first, the issuer before any network, the signature before any word of the
 * payload is taken for true. Request handling stops at the first that fails; `explain` goes on where it can.
 */
export const checks: readonly Check[] = [
  { name: 'format', needs: [], run: checkFormat },
  { name: 'algorithm', needs: ['format'], run: checkAlgorithm },
  { name: 'header', needs: ['format'], run: checkHeader },
  { name: 'issuer', needs: ['format', 'algorithm'], run: checkIssuer },
  { name: 'tenant', needs: ['issuer'], run: checkTenant },
  { name: 'key', needs: ['algorithm', 'header', 'issuer', 'tenant'], run: checkKey },
  { name: 'signature', needs: ['key'], run: checkSignature },
  { name: 'lifetime', needs: ['format'], run: checkLifetime },
  { name: 'audience', needs: ['issuer'], run: checkOwnAudience },
  { name: 'sender', needs: ['format'], run: checkSender },
  { name: 'kind', needs: ['issuer'], run: checkKind },
  { name: 'client', needs: ['kind'], run: checkClient },
  // The application is asked, and maybe its database, only about a token that is good in every other respect.
  { name: 'tenant_policy', needs: ['tenant', 'signature'], run: checkTenantPolicy },
  { name: 'permission', needs: ['lifetime', 'kind'], run: checkPermission },
]

function checkFormat(evaluation: Evaluation): void {
  const { token, options, headers, refuse } = evaluation
  evaluation.parts = readToken(token, options.maxTokenBytes, headers, refuse)
}

function checkAlgorithm(evaluation: Evaluation): void {
  const { alg } = partsOf(evaluation).unverifiedHeader
  if (!isSigningAlgorithm(alg)) throw evaluation.refuse('algorithm_not_allowed', { claim: 'alg' })
  evaluation.algorithm = alg
}

const accessTokenTypes = ['jwt', 'at+jwt', 'application/at+jwt']

function checkHeader({ parts, refuse }: Evaluation): void {
  const { crit, b64, typ, kid } = (parts as UnverifiedToken).unverifiedHeader
  // No extension is understood here, so whatever `crit` names is one too many (RFC 7515 section 4.1.11).
  if (crit !== undefined) throw refuse('header_unsupported', { claim: 'crit' })
  if (b64 !== undefined) throw refuse('header_unsupported', { claim: 'b64' })
  if (kid !== undefined && typeof kid !== 'string')
    throw refuse('token_malformed', { claim: 'kid', reason: 'header' })
  // Each kind of JWT has its own rules (RFC 8725 section 3.12): a logout token or a DPoP proof is no access token.
  if (typ !== undefined && !(typeof typ === 'string' && accessTokenTypes.includes(typ.toLowerCase()))) {
    throw refuse('token_type_mismatch', { claim: 'typ' })
  }
}

function checkIssuer(evaluation: Evaluation): void | Promise<void> {
  const { refuse } = evaluation
  const claims = claimsOf(evaluation)
  if (claim(claims, 'iss') === undefined) throw refuse('issuer_missing', { claim: 'iss' })
  const issuer = optionalString(claims, 'iss', refuse) as string
  if (recognise(evaluation, issuer)) return undefined
  const unresolved = evaluation.issuers.filter(
    (at) => at.issuer.needsMetadata && at.keys.metadataIssuer === undefined,
  )
  if (unresolved.length === 0) throw refuse('issuer_not_trusted', { claim: 'iss' })
  return resolveIssuers(evaluation, issuer, unresolved)
}

/** A tenant that is configured by its domain is known by its id once its metadata has been read. */
async function resolveIssuers(
  evaluation: Evaluation,
  issuer: string,
  unresolved: readonly IssuerAtWork[],
): Promise<void> {
  const { refuse } = evaluation
  await Promise.all(unresolved.map((at) => at.keys.load(refuse)))
  if (!recognise(evaluation, issuer)) throw refuse('issuer_not_trusted', { claim: 'iss' })
}

function recognise(evaluation: Evaluation, issuer: string): boolean {
  for (const at of evaluation.issuers) {
    const recognition = at.issuer.recognise(issuer, at.keys.metadataIssuer)
    if (recognition !== undefined) {
      if (!at.issuer.algorithms.includes(evaluation.algorithm as SigningAlgorithm)) {
        throw evaluation.refuse('algorithm_not_allowed', { claim: 'alg' })
      }
      evaluation.at = at
      evaluation.recognition = recognition
      return true
    }
  }
  return false
}

function checkTenant(evaluation: Evaluation): void {
  const { refuse } = evaluation
  const { issuer } = atOf(evaluation)
  issuer.checkShape(
    partsOf(evaluation).unverifiedHeader,
    claimsOf(evaluation),
    evaluation.recognition as Recognition,
    refuse,
  )
}

function checkKey(evaluation: Evaluation): void | Promise<void> {
  const { refuse } = evaluation
  const { issuer, keys } = atOf(evaluation)
  const kid = partsOf(evaluation).unverifiedHeader.kid as string | undefined
  if (kid === undefined && issuer.requiresKeyId) throw refuse('key_id_missing', { claim: 'kid' })
  const found = keys.find(
    kid,
    evaluation.algorithm as SigningAlgorithm,
    () => {
      // A token that is refused anyhow does not make us ask the issuer for keys.
      checkLifetime(evaluation)
      checkOwnAudience(evaluation)
    },
    refuse,
  )
  if (found instanceof Promise) return found.then((candidates) => bindKeys(evaluation, candidates))
  return bindKeys(evaluation, found)
}

/** Keeps the keys that may sign for this issuer: a key set holds other issuers' keys too. */
function bindKeys(evaluation: Evaluation, candidates: readonly SigningKey[]): void {
  const { issuer, keys } = atOf(evaluation)
  const recognition = evaluation.recognition as Recognition
  const only = candidates.length === 1 ? candidates[0] : undefined
  if (only !== undefined) {
    issuer.checkKey(only, recognition, keys.cloudInstanceName, evaluation.refuse)
    evaluation.candidates = candidates
    return
  }
  const bound: SigningKey[] = []
  let refusal: unknown
  for (const key of candidates) {
    try {
      issuer.checkKey(key, recognition, keys.cloudInstanceName, evaluation.refuse)
      bound.push(key)
    } catch (error) {
      refusal = error
    }
  }
  if (bound.length === 0) throw refusal
  evaluation.candidates = bound
}

function checkSignature(evaluation: Evaluation): void | Promise<void> {
  return trySignature(evaluation, evaluation.candidates as readonly SigningKey[], 0)
}

function trySignature(
  evaluation: Evaluation,
  candidates: readonly SigningKey[],
  index: number,
): void | Promise<void> {
  const key = candidates[index]
  if (key === undefined) throw evaluation.refuse('signature_invalid')
  const verdict = platform.verify(key, evaluation.algorithm as SigningAlgorithm, partsOf(evaluation))
  const next = (isValid: boolean): void | Promise<void> => {
    if (isValid !== true) return trySignature(evaluation, candidates, index + 1)
    evaluation.key = key
    return undefined
  }
  return typeof verdict === 'boolean' ? next(verdict) : verdict.then(next)
}

function checkTenantPolicy(evaluation: Evaluation): void | Promise<void> {
  return askTenantPolicy(atOf(evaluation), evaluation.recognition as Recognition, evaluation.refuse)
}

const policyTimeoutSeconds = 5

/** Asks the application about a verified tenant. Its failure is ours, never the caller's and never an acceptance. */
export function askTenantPolicy(
  { issuer }: IssuerAtWork,
  { tenantId }: Recognition,
  refuse: Refuse,
): void | Promise<void> {
  const policy: TenantPolicy | undefined = issuer.tenantPolicy
  if (policy === undefined) return undefined
  const judge = (verdict: unknown): void => {
    if (verdict !== true) throw refuse('tenant_not_allowed', { claim: 'tid' })
  }
  let answer: unknown
  try {
    answer = policy(tenantId as string)
  } catch {
    throw refuse('check_unavailable', { reason: 'allowed_tenants' })
  }
  if (typeof answer === 'boolean') return judge(answer)
  return withinTime(answer).then(judge, () => {
    throw refuse('check_unavailable', { reason: 'allowed_tenants' })
  })
}

function withinTime(answer: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, policyTimeoutSeconds * 1000)
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}

function checkLifetime(evaluation: Evaluation): void {
  const { now, options, refuse } = evaluation
  evaluation.times = readTimes(claimsOf(evaluation), refuse)
  checkTimes(evaluation.times, now, options, refuse)
}

function checkOwnAudience(evaluation: Evaluation): void {
  const { audience, issuer } = atOf(evaluation)
  const implied = issuer.impliedAudiences(evaluation.recognition as Recognition)
  const accepted =
    implied.length === 0 ? audience : audience.length === 0 ? implied : [...audience, ...implied]
  checkAudience(claimsOf(evaluation), accepted, evaluation.refuse)
}

function checkSender(evaluation: Evaluation): void {
  // A bound token shown without its proof is a stolen one for all we know (RFC 9449 section 7.1, RFC 8705 section 3).
  if (Object.hasOwn(claimsOf(evaluation), 'cnf')) {
    throw evaluation.refuse('sender_binding_unproven', { claim: 'cnf' })
  }
}

function checkKind(evaluation: Evaluation): void {
  const { issuer, allowedClients } = atOf(evaluation)
  evaluation.identity = issuer.readIdentity(
    claimsOf(evaluation),
    evaluation.recognition as Recognition,
    allowedClients,
    evaluation.refuse,
  )
}

function checkClient(evaluation: Evaluation): void {
  const { allowedClients } = atOf(evaluation)
  if (allowedClients === undefined) return
  const { clientId } = evaluation.identity as TokenIdentity
  if (clientId === undefined || !allowedClients.includes(clientId)) {
    throw evaluation.refuse('client_not_allowed')
  }
}

function checkPermission(evaluation: Evaluation): void {
  const { options, permission, refuse } = evaluation
  const { token, unverifiedHeader, unverifiedClaims } = partsOf(evaluation)
  evaluation.validated = createValidatedToken(
    token,
    unverifiedHeader,
    unverifiedClaims,
    unverifiedClaims.iss as string,
    (evaluation.times as TokenTimes).expiresAt,
    evaluation.identity as TokenIdentity,
  )
  requirePermission(options.permission, evaluation.validated, refuse)
  requirePermission(permission, evaluation.validated, refuse)
}

/** Throws the 403 of a permission that the token does not have. */
export function requirePermission(
  permission: CompiledPermission | undefined,
  token: ValidatedToken,
  refuse: Refuse,
): void {
  const verdict = permission?.judge(token)
  if (verdict !== undefined) throw refuse(verdict.code, verdict.detail)
}

function partsOf({ parts }: Evaluation): UnverifiedToken {
  return parts as UnverifiedToken
}

function claimsOf({ parts }: Evaluation): Claims {
  return (parts as UnverifiedToken).unverifiedClaims
}

function atOf({ at }: Evaluation): IssuerAtWork {
  return at as IssuerAtWork
}
