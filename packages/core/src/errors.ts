/**
 * Every way a request can be refused: what the caller is answered, and the fixed phrase it is told.
 * The operator learns more from `code`, `claim` and `reason`; nothing here ever carries a value of the token.
 */
interface Refusal {
  /** HTTP status of the answer. */
  readonly status: 400 | 401 | 403 | 503
  /** `error` of the challenge (RFC 6750 section 3.1); absent where the RFC wants a bare challenge, or none. */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  /** `error_description`: fixed words, within the characters RFC 6750 section 3 allows. */
  readonly phrase: string
}

const table = {
  // No usable credentials: a challenge without an error code (RFC 6750 section 3.1).
  credentials_missing: { status: 401, phrase: 'The request carries no bearer token' },
  scheme_unsupported: { status: 401, phrase: 'The authorization scheme is not Bearer' },

  // The request itself is malformed.
  authorization_repeated: bad('More than one Authorization header'),
  authorization_malformed: bad('The Authorization header is malformed'),

  // The token is not one that anybody should accept.
  token_too_large: invalid('The token is too large'),
  token_malformed: invalid('The token is malformed'),
  token_encrypted: invalid('The token is encrypted'),
  algorithm_not_allowed: invalid('The signing algorithm is not accepted'),
  header_unsupported: invalid('The token header demands something unsupported'),
  token_type_mismatch: invalid('The token is of another type'),
  graph_token: invalid('The token is meant for Microsoft Graph'),
  claim_missing: invalid('A required claim is missing'),
  claim_malformed: invalid('A claim is malformed'),

  // The token is from somebody this API does not trust.
  issuer_missing: invalid('The token names no issuer'),
  issuer_not_trusted: invalid('The issuer is not trusted'),
  tenant_mismatch: invalid('The tenant does not match the issuer'),
  tenant_not_allowed: invalid('The tenant is not allowed'),

  // The signature does not hold.
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
  sender_binding_unproven: invalid('The token is bound to a sender, and the request does not prove it'),

  // The caller is known and may not do this.
  client_not_allowed: forbidden('The client is not allowed'),
  kind_not_allowed: forbidden('This kind of token is not allowed here'),
  scope_insufficient: forbidden('A required scope is missing'),
  role_insufficient: forbidden('A required role is missing'),

  // We cannot tell, and it is not the caller's fault: no challenge, try again later.
  keys_unavailable: { status: 503, phrase: 'The signing keys are out of reach' },
  check_unavailable: { status: 503, phrase: 'A check could not be carried out' },
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

/** The table of refusals: code → HTTP status, OAuth error and the fixed phrase the caller is told. */
export const refusals: { readonly [C in RefusalCode]: Refusal } = Object.freeze(table)

// Where intrinsics are frozen the limit cannot be set; the refusal is then made with a trace, and works all the same.
const canLimitStack = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true

/** Seconds after which a caller may try again when keys or a check are out of reach. */
const retryAfterSeconds = 5

/** What a refusal may say beyond its code. */
export interface RefusalDetail {
  /** The claim or header member at fault, by name; never its value. */
  readonly claim?: string
  /** A fixed word that narrows the code, for the operator. */
  readonly reason?: string
  /** Scopes that would be enough, for a 403. */
  readonly scope?: string
}

/** Parameters that every challenge of one validator carries. */
export interface ChallengeParameters {
  /** `resource_metadata` (RFC 9728 section 5.1). */
  readonly resourceMetadata?: string | undefined
}

/**
 * A refused request, as an HTTP answer: what the caller gets is in `status` and `headers`, what the operator needs in
 * `code`, `claim` and `reason`. It holds nothing of the token, and no stack trace: it is an answer, not a crash.
 *
 * Recognise it by `name` and `code` (`isBearerError`), not by `instanceof`: two copies of this package may be loaded.
 */
export class BearerError extends Error {
  override readonly name = 'BearerError' as const
  readonly code: RefusalCode
  readonly status: 400 | 401 | 403 | 503
  /** The same as `status`, for frameworks that read this name. */
  readonly statusCode: 400 | 401 | 403 | 503
  /** To be set on the response: `WWW-Authenticate`, or `Retry-After` for a 503. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the message may be shown to the caller: true below 500. */
  readonly expose: boolean
  declare readonly claim?: string
  declare readonly reason?: string

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
    this.headers = Object.freeze(
      refusal.status === 503
        ? { 'Retry-After': String(retryAfterSeconds) }
        : { 'WWW-Authenticate': challengeFor(refusal, detail.scope, challenge) },
    )
  }

  /** The body an API that answers in JSON may send: RFC 6750's words, nothing for the operator's eyes. */
  toJSON(): { error?: string; error_description: string } {
    const { error, phrase } = refusals[this.code]
    return error === undefined ? { error_description: phrase } : { error, error_description: phrase }
  }
}

function challengeFor(refusal: Refusal, scope: string | undefined, parameters: ChallengeParameters): string {
  const members: string[] = []
  if (refusal.error !== undefined) {
    members.push(`error="${refusal.error}"`, `error_description="${refusal.phrase}"`)
  }
  if (scope !== undefined) members.push(`scope="${scope}"`)
  if (parameters.resourceMetadata !== undefined) {
    members.push(`resource_metadata="${parameters.resourceMetadata}"`)
  }
  return members.length === 0 ? 'Bearer' : `Bearer ${members.join(', ')}`
}

/** Whether this is a refusal of ours, whichever copy of the package made it. */
export function isBearerError(error: unknown): error is BearerError {
  return (
    error instanceof Error &&
    error.name === 'BearerError' &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(refusals, error.code)
  )
}
