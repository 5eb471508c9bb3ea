/**
 * Every way a request can be refused: the HTTP status, the OAuth error and the fixed phrase of the answer.
 * The operator gets more from `code`, `claim` and `reason`. Nothing here ever carries a value of the token.
 */
interface Refusal {
  /** HTTP status of the answer. */
  readonly status: 400 | 401 | 403 | 503
  /** `error` of the challenge (RFC 6750 section 3.1, RFC 9449 section 7.1, RFC 9470 section 3, Entra); absent where the RFC wants a bare challenge, or none. */
  readonly error?:
    | 'invalid_request'
    | 'invalid_token'
    | 'insufficient_scope'
    | 'invalid_dpop_proof'
    | 'use_dpop_nonce'
    | 'insufficient_claims'
    | 'insufficient_user_authentication'
  /** `error_description`: fixed words, within the characters RFC 6750 section 3 allows. */
  readonly phrase: string
}

/** The refusals, by code. */
const table = {
  // No usable credentials: a challenge without an error code (RFC 6750 section 3.1).
  credentials_missing: { status: 401, phrase: 'The request carries no bearer token' },
  scheme_unsupported: { status: 401, phrase: 'The authorization scheme is not Bearer' },

  // The request itself is malformed.
  authorization_repeated: bad('More than one Authorization header'),
  authorization_malformed: bad('The Authorization header is malformed'),
  origin_not_allowed: { status: 403, phrase: 'The origin of the request is not allowed' },

  // The token is one that no API should accept.
  token_too_large: invalid('The token is too large'),
  token_malformed: invalid('The token is malformed'),
  token_encrypted: invalid('The token is encrypted'),
  algorithm_not_allowed: invalid('The signing algorithm is not accepted'),
  header_unsupported: invalid('The token header demands something unsupported'),
  token_type_mismatch: invalid('The token is of another type'),
  graph_token: invalid('The token is meant for Microsoft Graph'),
  claim_missing: invalid('A required claim is missing'),
  claim_malformed: invalid('A claim is malformed'),

  // This API does not trust the issuer of the token.
  issuer_missing: invalid('The token names no issuer'),
  issuer_not_trusted: invalid('The issuer is not trusted'),
  tenant_mismatch: invalid('The tenant does not match the issuer'),
  tenant_not_allowed: invalid('The tenant is not allowed'),

  // The signature cannot be verified.
  key_id_missing: invalid('The token names no signing key'),
  key_unknown: invalid('The signing key is not known'),
  key_denied: invalid('The signing key is no longer accepted'),
  key_issuer_mismatch: invalid('The signing key belongs to another issuer'),
  signature_invalid: invalid('The signature is not valid'),

  // The token is genuine, and not for this API or not for now.
  audience_mismatch: invalid('The token is meant for another audience'),
  token_expired: invalid('The token has expired'),
  token_not_yet_valid: invalid('The token is not valid yet'),
  token_issued_in_future: invalid('The token was issued in the future'),
  token_too_old: invalid('The token is too old'),
  id_token: invalid('The token is an id token, not an access token'),
  kind_undecided: invalid('The token is neither clearly delegated nor clearly an application token'),
  permissions_missing: invalid('The token carries neither scopes nor roles'),
  token_inactive: invalid('The token is not active'),
  sender_binding_unproven: invalid('The token is bound to a sender, and the request does not prove it'),

  sender_binding_missing: invalid('The token is not bound to its sender as this API requires'),
  dpop_proof_invalid: {
    status: 401,
    error: 'invalid_dpop_proof',
    phrase: 'The DPoP proof is missing or not valid',
  },
  dpop_nonce_required: {
    status: 401,
    error: 'use_dpop_nonce',
    phrase: 'The DPoP proof must carry the nonce of this answer',
  },

  // The token was good, and is not any more; or the user must do more than authenticate once.
  token_revoked: invalid('The token is revoked'),
  token_life_too_long: invalid('The token lives longer than this API accepts'),
  claims_required: {
    status: 401,
    error: 'insufficient_claims',
    phrase: 'A new token is needed, with the claims of this challenge',
  },
  authentication_insufficient: {
    status: 401,
    error: 'insufficient_user_authentication',
    phrase: 'The user must authenticate again, as this challenge says',
  },

  // The caller is known and may not do this.
  client_not_allowed: forbidden('The client is not allowed'),
  claim_not_allowed: forbidden('A claim does not have the required value'),
  kind_not_allowed: forbidden('This kind of token is not allowed here'),
  scope_insufficient: forbidden('A required scope is missing'),
  role_insufficient: forbidden('A required role is missing'),
  auth_context_missing: forbidden(
    'A required authentication context is missing, and the client does not declare the capability cp1',
  ),
  condition_refused: forbidden('A condition of this API is not met'),

  // The API cannot decide, and the caller is not at fault: no challenge, the caller may try again later.
  keys_unavailable: { status: 503, phrase: 'The signing keys are unavailable' },
  introspection_unavailable: { status: 503, phrase: 'The token introspection is unavailable' },
  issuer_ambiguous: { status: 503, phrase: 'Several configured issuers match the token' },
  check_unavailable: { status: 503, phrase: 'A check could not be completed' },
} as const satisfies Record<string, Refusal>

function bad<P extends string>(phrase: P): { status: 400; error: 'invalid_request'; phrase: P } {
  return { status: 400, error: 'invalid_request', phrase }
}

function invalid<P extends string>(phrase: P): { status: 401; error: 'invalid_token'; phrase: P } {
  return { status: 401, error: 'invalid_token', phrase }
}

function forbidden<P extends string>(phrase: P): { status: 403; error: 'insufficient_scope'; phrase: P } {
  return { status: 403, error: 'insufficient_scope', phrase }
}

/** A stable, documented name of a refusal: switch on it. `docs/refusals.md` explains each. */
export type RefusalCode = keyof typeof table

/** The table of refusals: code → HTTP status, OAuth error and the fixed phrase that the caller gets. */
export const refusals: { readonly [C in RefusalCode]: Refusal } = Object.freeze(table)

// Where intrinsics are frozen the limit cannot be set; the refusal then has a stack trace and works in the same way.
const canLimitStack = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true

/** Seconds after which a caller may try again when keys or a check are unavailable. */
const retryAfterSeconds = 5

/** What a refusal may say beyond its code. */
export interface RefusalDetail {
  /** The claim or header member at fault, by name; never its value. */
  readonly claim?: string | undefined
  /** A fixed word that narrows the code, for the operator. */
  readonly reason?: string | undefined
  /** The scopes that the route requires, separated by spaces. */
  readonly scope?: string | undefined
  /** Further parameters of the challenge, by name; safe to quote. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

/** Parameters that every challenge of one validator carries. */
export interface ChallengeParameters {
  /** `resource_metadata` (RFC 9728 section 5.1). */
  readonly resourceMetadata?: string | undefined
  /** What clients write before the API's scopes when they ask for them. */
  readonly scopePrefix?: string | undefined
  /** Scopes that every caller needs: named to a caller without a valid token, who can then ask for them. */
  readonly scope?: string | undefined
  /** The challenge of the scheme DPoP, where it is accepted. */
  readonly dpop?: DpopChallenge | undefined
  /** Headers of the answer beside the challenge. */
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined
}

/** How a challenge names the scheme DPoP (RFC 9449 section 7.1). */
export interface DpopChallenge {
  /** The accepted algorithms, separated by spaces. */
  readonly algs: string
  /** Whether DPoP is named alone: the request used it, or nothing else is accepted. Clients retry with a nonce only then. */
  readonly isAlone: boolean
}

/**
 * A refused request, as an HTTP answer: `status` and `headers` are for the caller, `code`, `claim` and `reason` for the
 * operator. It holds nothing of the token, and no stack trace: it is an answer, not a crash.
 *
 * Recognise it by `name` and `code` (`isBearerError`), not by `instanceof`: two copies of this package may be loaded.
 *
 * @example
 * ```ts
 * import { isBearerError } from '@countersign/core'
 *
 * function statusOf(error: unknown): number {
 *   return isBearerError(error) ? error.status : 500
 * }
 * ```
 */
export class BearerError extends Error {
  /** Always `'BearerError'`. */
  override readonly name = 'BearerError' as const
  /** Which check refused the request: a row of `refusals`. */
  readonly code: RefusalCode
  /** The HTTP status of the answer. */
  readonly status: 400 | 401 | 403 | 503
  /** The same as `status`, for frameworks that read this name. */
  readonly statusCode: 400 | 401 | 403 | 503
  /** Set these on the response: `WWW-Authenticate`, or `Retry-After` for a 503. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the message may be shown to the caller: true below 500. */
  readonly expose: boolean
  /** The claim or header member at fault, by name; never its value. */
  declare readonly claim?: string
  /** A fixed word that narrows the code, for the operator. */
  declare readonly reason?: string
  /** The scopes that the route requires, separated by spaces: in a 403 that a scope can cure. */
  declare readonly scope?: string
  /** Further parameters of the challenge: `claims` and `authorization_uri`, or `acr_values` and `max_age`. */
  declare readonly parameters?: Readonly<Record<string, string>>

  /**
   * Makes the refusal of a code. It writes the challenge from the table of refusals, `detail` and `challenge`; it does
   * not check that these are safe to quote in a header.
   */
  constructor(code: RefusalCode, detail: RefusalDetail = {}, challenge: ChallengeParameters = {}) {
    const refusal = refusals[code]
    const limit = Error.stackTraceLimit
    if (canLimitStack) Error.stackTraceLimit = 0
    super(refusal.phrase)
    if (canLimitStack) Error.stackTraceLimit = limit
    this.code = code
    this.status = refusal.status
    this.statusCode = refusal.status
    this.expose = refusal.status < 500
    if (detail.claim !== undefined) this.claim = detail.claim
    if (detail.reason !== undefined) this.reason = detail.reason
    if (detail.scope !== undefined) this.scope = detail.scope
    if (detail.parameters !== undefined) this.parameters = Object.freeze({ ...detail.parameters })
    this.headers = Object.freeze({
      ...(refusal.status === 503
        ? { 'Retry-After': String(retryAfterSeconds) }
        : { 'WWW-Authenticate': challengeFor(refusal, detail, challenge) }),
      ...challenge.responseHeaders,
    })
  }

  /** The body for an API that answers in JSON: the members of RFC 6750, and nothing that is meant for the operator. */
  toJSON(): {
    /** The OAuth error; absent where the RFC wants none. */
    error?: string
    /** The fixed phrase of the refusal. */
    error_description: string
  } {
    const { error, phrase } = refusals[this.code]
    return error === undefined ? { error_description: phrase } : { error, error_description: phrase }
  }
}

/** The same refusal with the parameters that every challenge of one validator carries. */
export function withChallenge(error: BearerError, challenge: ChallengeParameters): BearerError {
  const { resourceMetadata, scopePrefix, responseHeaders, dpop } = challenge
  const isPlain =
    resourceMetadata === undefined &&
    scopePrefix === undefined &&
    responseHeaders === undefined &&
    dpop === undefined
  return isPlain ? error : new BearerError(error.code, error, challenge)
}

function challengeFor(refusal: Refusal, detail: RefusalDetail, parameters: ChallengeParameters): string {
  const members: string[] = []
  if (refusal.error !== undefined) {
    members.push(`error="${refusal.error}"`, `error_description="${refusal.phrase}"`)
  }
  for (const [name, value] of Object.entries(detail.parameters ?? {})) members.push(`${name}="${value}"`)
  const needed = detail.scope ?? (refusal.status === 401 ? parameters.scope : undefined)
  if (needed !== undefined) members.push(`scope="${asAskedFor(needed, parameters.scopePrefix)}"`)
  if (parameters.resourceMetadata !== undefined) {
    members.push(`resource_metadata="${parameters.resourceMetadata}"`)
  }
  const { dpop } = parameters
  if (dpop === undefined) return members.length === 0 ? 'Bearer' : `Bearer ${members.join(', ')}`
  const algs = `algs="${dpop.algs}"`
  if (dpop.isAlone) return `DPoP ${[...members, algs].join(', ')}`
  return `${members.length === 0 ? 'Bearer' : `Bearer ${members.join(', ')}`}, DPoP ${algs}`
}

/** Scopes as a client asks for them: with Entra, after the identifier of the API. */
function asAskedFor(scope: string, prefix: string | undefined): string {
  if (prefix === undefined) return scope
  return scope
    .split(' ')
    .map((word) => prefix + word)
    .join(' ')
}

/** Whether a value is a `BearerError`, whichever copy of this package made it. */
export function isBearerError(error: unknown): error is BearerError {
  return (
    error instanceof Error &&
    error.name === 'BearerError' &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(refusals, error.code)
  )
}
