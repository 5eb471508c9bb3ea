import { type CodeExplanation, diagnose, type FailedRequest, scopesNamedIn } from './diagnosis.js'
import type { ServiceAnswer } from './service-answer.js'

/** What the program that gets the error should do next. */
export type TokenClientAction =
  /** Try again later; `retryAfterSeconds` says when, if the service did. */
  | 'retry'
  /** Have the user sign in again, with `service.claims` if there are any. */
  | 'interact'
  /** Ask the user or an administrator to consent. */
  | 'consent'
  /** Answer the caller with 401, so that it calls again with another token. */
  | 'new-user-token'
  /** The account is disabled, deleted or locked: stop working for this user. */
  | 'user-disabled'
  /** A registration, credential or option is wrong: nothing changes until a person changes it. */
  | 'fix-configuration'

interface ErrorKind {
  readonly action: TokenClientAction
  readonly message: string
  /** The HTTP status for this API's own caller, where it differs from the status of the action. */
  readonly status?: 403
}

/** Every error of the token client, by code. */
const errors = {
  interaction_required: {
    action: 'interact',
    message: 'The token service requires the user to sign in again',
  },
  consent_required: { action: 'consent', message: 'Consent for the requested permissions is missing' },
  user_disabled: {
    action: 'user-disabled',
    message: 'The token service reports that the user is disabled, deleted or locked',
  },
  user_not_assigned: {
    action: 'fix-configuration',
    message: 'The user or client is not assigned to the target',
    status: 403,
  },
  user_token_expired: { action: 'new-user-token', message: "The user's token has expired" },
  user_token_refused: {
    action: 'new-user-token',
    message: "The token service does not accept the user's token",
  },
  user_token_malformed: { action: 'new-user-token', message: "The user's token cannot be read" },
  user_token_is_id_token: {
    action: 'new-user-token',
    message: 'An ID token cannot be exchanged: pass an access token',
  },
  user_token_is_application_token: {
    action: 'fix-configuration',
    message: 'An application token has no user: acquire the next token with acquireForApp',
    status: 403,
  },
  user_token_audience_mismatch: {
    action: 'new-user-token',
    message: "The user's token is for another audience",
  },
  user_token_tenant_mismatch: {
    action: 'new-user-token',
    message: "The user's token was issued by another tenant",
  },
  client_credential_refused: {
    action: 'fix-configuration',
    message: "The token service refused this client's credential",
  },
  client_credential_expired: {
    action: 'fix-configuration',
    message: "This client's credential has expired or is not yet valid",
  },
  client_credential_unusable: {
    action: 'fix-configuration',
    message: "This client's credential cannot be used",
  },
  client_credential_unavailable: {
    action: 'retry',
    message: "This client's credential could not be obtained",
  },
  managed_identity_refused: {
    action: 'fix-configuration',
    message: 'This machine has no such managed identity, or its identity gets no token for the target',
  },
  client_refused: {
    action: 'fix-configuration',
    message: 'The token service does not allow this client to make this request',
  },
  target_refused: {
    action: 'fix-configuration',
    message: 'The token service does not know the requested resource or scope',
  },
  tenant_unknown: { action: 'fix-configuration', message: 'The token service does not know the tenant' },
  request_refused: { action: 'fix-configuration', message: 'The token service refused the request' },
  refresh_token_expired: { action: 'interact', message: 'The refresh token is no longer valid' },
  session_unknown: {
    action: 'new-user-token',
    message: 'There is no such session: it was never started, has ended, or belongs to another owner',
  },
  session_needs_user: {
    action: 'interact',
    message: 'The session needs a new token of its user: call renew',
  },
  session_not_renewable: {
    action: 'fix-configuration',
    message: 'The token service issued no refresh token, which a session needs',
  },
  throttled: { action: 'retry', message: 'The token service asked to wait before the next request' },
  service_unavailable: { action: 'retry', message: 'The token service is unavailable' },
  service_unreachable: { action: 'retry', message: 'The token service could not be reached' },
  service_timeout: { action: 'retry', message: 'The token service did not answer in time' },
  service_redirected: {
    action: 'fix-configuration',
    message: 'The token service answered with a redirect, which is not followed',
  },
  service_answer_invalid: {
    action: 'fix-configuration',
    message: 'The token service sent an invalid answer',
  },
  store_unavailable: { action: 'retry', message: 'The shared store is unavailable' },
  client_closed: { action: 'retry', message: 'The token client was closed' },
  metadata_invalid: { action: 'fix-configuration', message: "The issuer's metadata is invalid" },
} as const satisfies Record<string, ErrorKind>

/** The stable name of a failure. Every code has one `action`. */
export type TokenClientErrorCode = keyof typeof errors

/** What an API answers its own caller after a failure. */
export interface CallerAnswer {
  /** HTTP status. */
  readonly status: 401 | 403 | 500 | 503
  /** A challenge (`WWW-Authenticate`), or `Retry-After`; often empty. */
  readonly headers: Readonly<Record<string, string>>
  /** The claims challenge that the caller must take to the token service: JSON text. */
  readonly claims?: string
}

/** What an error may say beyond its code. */
interface ErrorDetails {
  /** The HTTP answer to the bearer of the user's token. */
  readonly answer?: CallerAnswer
  /** What the token service answered. */
  readonly service?: ServiceAnswer | undefined
  /** Seconds after which to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** A fixed word that narrows the code. */
  readonly reason?: string | undefined
  /** What was requested. */
  readonly request?: FailedRequest | undefined
  /** What the service's code means. */
  readonly explanation?: CodeExplanation | undefined
}

/**
 * Why a token could not be acquired. Switch on `code` or `action`. Recognise it with `isTokenClientError`, not with
 * `instanceof`: two copies of this package may be loaded. It never holds a token, a secret or an assertion.
 *
 * The message says what happened, the cause, what to change, and what was requested. When the error is also an answer to this
 * API's own caller (`status`), the message is the short text that the caller may read, and the whole text is in `stack`.
 *
 * @example
 * ```ts
 * import { isTokenClientError } from '@countersign/token-client'
 *
 * function adviceFor(error: unknown): string {
 *   if (!isTokenClientError(error)) throw error
 *   if (error.action === 'retry') return `try again in ${error.retryAfterSeconds ?? 5} seconds`
 *   return error.action === 'consent' ? 'ask an administrator to consent' : error.message
 * }
 * ```
 */
export class TokenClientError extends Error {
  /** Always `TokenClientError`. */
  override readonly name = 'TokenClientError' as const
  /** The stable name of the failure. */
  readonly code: TokenClientErrorCode
  /** What to do next. */
  readonly action: TokenClientAction
  /** Seconds to wait before the next attempt, when the service said so. */
  readonly retryAfterSeconds?: number
  /** A short text of this package or the code of a system error (`ECONNREFUSED`), where it helps to find the cause. */
  readonly reason?: string
  /** The token service's own words, when the service refused. */
  readonly service?: ServiceAnswer
  /** What was requested: target, client, authority and grant. */
  readonly request?: FailedRequest
  /**
   * HTTP status for this API's own caller. Present only when the call was given a validated token as `userToken`, as are
   * `statusCode`, `headers` and `expose`: the error handlers of frameworks read them.
   */
  declare readonly status?: CallerAnswer['status']
  /** The same as `status`, for frameworks that read this name. */
  declare readonly statusCode?: CallerAnswer['status']
  /** To be set on the response: a challenge, or `Retry-After`. */
  declare readonly headers?: CallerAnswer['headers']
  /** Whether the message may be shown to the caller: true below 500. */
  declare readonly expose?: boolean
  readonly #claims: string | undefined
  readonly #explanation: CodeExplanation | undefined

  /** Only this package creates one, and tests that need one. */
  constructor(code: TokenClientErrorCode, details: ErrorDetails = {}) {
    const short = phraseOf({ code, service: details.service })
    const refusedScopes = scopesNamedIn(details.service?.description, details.request ?? {})
    const whole = diagnose(short, { ...details, refusedScopes })
    super(details.answer === undefined ? whole : short)
    if (details.answer !== undefined && this.stack !== undefined) {
      this.stack = this.stack.replace(short, () => whole)
    }
    this.#explanation = details.explanation
    this.code = code
    this.action = errors[code].action
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds
    if (details.reason !== undefined) this.reason = details.reason
    if (details.service !== undefined) this.service = details.service
    if (details.request !== undefined) this.request = details.request
    const { answer } = details
    this.#claims = answer?.claims
    if (answer === undefined) return
    this.status = this.statusCode = answer.status
    this.headers = Object.freeze({ ...answer.headers })
    this.expose = answer.status < 500
  }

  /** What the service's AADSTS code means, who can fix it, and what to change. Not listed with the other members. */
  get explanation(): CodeExplanation | undefined {
    return this.#explanation
  }

  /**
   * A response body for this API's own caller. Of the token service's words it holds only the claims challenge, and with
   * status 500 it holds no details.
   */
  toJSON(): Readonly<Record<string, unknown>> {
    if (this.status === 500) return { error_description: 'Internal Server Error' }
    return {
      error: this.code,
      error_description: phraseOf(this),
      action: this.action,
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
      ...(this.#claims === undefined ? {} : { claims: this.#claims }),
    }
  }
}

/**
 * Whether an error is a `TokenClientError`, by its name and code. Also recognises the errors of another copy of this
 * package in the same process, for which `instanceof` is false. Does not check that this package created the error.
 *
 * @example
 * ```ts
 * import { isTokenClientError } from '@countersign/token-client'
 *
 * process.on('uncaughtException', (error) => {
 *   if (isTokenClientError(error)) console.error(error.code, error.action, error.service?.correlationId)
 * })
 * ```
 */
export function isTokenClientError(error: unknown): error is TokenClientError {
  try {
    return (
      error instanceof Error &&
      error.name === 'TokenClientError' &&
      'code' in error &&
      typeof error.code === 'string' &&
      Object.hasOwn(errors, error.code)
    )
  } catch {
    // A foreign object may throw when it is read.
    return false
  }
}

/** A copy of an error, for callers that share one request: frameworks write on errors. */
export function ownError(error: unknown): unknown {
  return isTokenClientError(error) ? new TokenClientError(error.code, withoutAnswer(error)) : error
}

function withoutAnswer({
  service,
  retryAfterSeconds,
  reason,
  request,
  explanation,
}: TokenClientError): ErrorDetails {
  return { service, retryAfterSeconds, reason, request, explanation }
}

/** A copy of an error with more details. */
export function withDetails(error: TokenClientError, details: ErrorDetails): TokenClientError {
  return new TokenClientError(error.code, { ...withoutAnswer(error), ...details })
}

/** The short text of an error: all that this API's own caller may read. It fits into a quoted string of a header. */
export function phraseOf({
  code,
  service,
}: {
  readonly code: TokenClientErrorCode
  readonly service?: ServiceAnswer | undefined
}): string {
  const aadsts = service?.codes.at(-1)
  return errors[code].message + (aadsts === undefined ? '' : ` (AADSTS${aadsts})`)
}

/** The HTTP status that a code has, whatever its action. */
export function statusOf(code: TokenClientErrorCode): 403 | undefined {
  const kind: ErrorKind = errors[code]
  return kind.status
}
