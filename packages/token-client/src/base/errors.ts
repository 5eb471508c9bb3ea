/** What whoever holds the error should do next. */
export type TokenClientAction =
  /** Try again later; `retryAfterSeconds` says when, if the service did. */
  | 'retry'
  /** Bring the user back to a sign-in, with `service.claims` if there are any. */
  | 'interact'
  /** Ask the user or an administrator to consent. */
  | 'consent'
  /** Answer the caller with 401, so that it comes back with another token. */
  | 'new-user-token'
  /** The account is disabled, deleted or locked: stop working for this user. */
  | 'user-disabled'
  /** A registration, credential or option is wrong: nothing changes until a person changes it. */
  | 'fix-configuration'

interface ErrorKind {
  readonly action: TokenClientAction
  readonly message: string
  /** What the first tier's caller is answered, where the action alone would say something else. */
  readonly status?: 403
}

const errors = {
  interaction_required: { action: 'interact', message: 'The token service wants the user to sign in again' },
  consent_required: { action: 'consent', message: 'Consent for the requested permissions is missing' },
  user_disabled: {
    action: 'user-disabled',
    message: 'The token service no longer knows this user as active',
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
    message: 'An id token cannot be exchanged: an access token is needed',
  },
  user_token_is_application_token: {
    action: 'fix-configuration',
    message: 'An application token stands for no user: acquire the next token with acquireForApp',
    status: 403,
  },
  user_token_audience_mismatch: {
    action: 'new-user-token',
    message: "The user's token is for another audience",
  },
  user_token_tenant_mismatch: { action: 'new-user-token', message: "The user's token is of another tenant" },
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
  client_refused: {
    action: 'fix-configuration',
    message: 'The token service does not allow this client to do this',
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
    message: 'No such session: it was never started, has ended, or is of another owner',
  },
  session_needs_user: {
    action: 'interact',
    message: 'The session needs a fresh token of its user: call renew',
  },
  session_not_renewable: {
    action: 'fix-configuration',
    message: 'The token service gave no refresh token to keep a session with',
  },
  throttled: { action: 'retry', message: 'The token service asked to wait before the next request' },
  service_unavailable: { action: 'retry', message: 'The token service is out of order' },
  service_unreachable: { action: 'retry', message: 'The token service could not be reached' },
  service_timeout: { action: 'retry', message: 'The token service did not answer in time' },
  service_redirected: {
    action: 'fix-configuration',
    message: 'The token service answered with a redirect, which is not followed',
  },
  service_answer_invalid: {
    action: 'fix-configuration',
    message: 'The token service gave an answer that cannot be used',
  },
  store_unavailable: { action: 'retry', message: 'The store that the fleet shares is out of reach' },
  metadata_invalid: { action: 'fix-configuration', message: "The issuer's metadata cannot be used" },
} as const satisfies Record<string, ErrorKind>

/** The stable name of what went wrong. */
export type TokenClientErrorCode = keyof typeof errors

/** What the token service said, in its own words. */
export class ServiceAnswer {
  readonly status: number
  readonly error: string | undefined
  readonly suberror: string | undefined
  /** AADSTS numbers, most specific last when the service names several. For diagnosis: they may change. */
  readonly codes: readonly number[]
  /** A claims challenge: JSON, as the service sent it. */
  readonly claims: string | undefined
  readonly correlationId: string | undefined
  readonly traceId: string | undefined
  // A private field, because a description may name users, and loggers print whatever they can enumerate.
  readonly #description: string | undefined

  constructor(
    words: Omit<ServiceAnswer, 'description' | 'codes'> & {
      description: string | undefined
      codes: readonly number[]
    },
  ) {
    this.status = words.status
    this.error = words.error
    this.suberror = words.suberror
    this.codes = Object.freeze([...words.codes])
    this.claims = words.claims
    this.correlationId = words.correlationId
    this.traceId = words.traceId
    this.#description = words.description
    Object.freeze(this)
  }

  /** The service's description. It may hold identifiers: never logged or listed by itself, only read by name. */
  get description(): string | undefined {
    return this.#description
  }
}

/** What the first tier answers its own caller. */
export interface CallerAnswer {
  readonly status: 401 | 403 | 500 | 503
  readonly headers: Readonly<Record<string, string>>
  /** The claims challenge that the caller is to take to the token service. */
  readonly claims?: string
}

interface ErrorDetails {
  readonly answer?: CallerAnswer
  readonly service?: ServiceAnswer | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly reason?: string | undefined
}

/**
 * Why a token could not be acquired. Switch on `code` or `action`; recognise it by `name`, not by
 * `instanceof`. It never holds a token, a secret or an assertion.
 */
export class TokenClientError extends Error {
  override readonly name = 'TokenClientError'
  readonly code: TokenClientErrorCode
  readonly action: TokenClientAction
  /** How long to wait before asking again, when that is known. */
  readonly retryAfterSeconds?: number
  /** A short word of our own or of the operating system (`ECONNREFUSED`), where that helps to find the cause. */
  readonly reason?: string
  /** The token service's own words, when it was the service that refused. */
  readonly service?: ServiceAnswer
  /**
   * HTTP status for this API's own caller. Only there when the call was given a validated token as `userToken`, as are
   * `statusCode`, `headers` and `expose`: frameworks' error handlers read them.
   */
  declare readonly status?: CallerAnswer['status']
  /** The same as `status`, for frameworks that read this name. */
  declare readonly statusCode?: CallerAnswer['status']
  /** To be set on the response: a challenge, or `Retry-After`. */
  declare readonly headers?: CallerAnswer['headers']
  /** Whether the message may be shown to the caller: true below 500. */
  declare readonly expose?: boolean
  readonly #claims: string | undefined

  constructor(code: TokenClientErrorCode, details: ErrorDetails = {}) {
    const aadsts = details.service?.codes.at(-1)
    super(errors[code].message + (aadsts === undefined ? '' : ` (AADSTS${aadsts})`))
    this.code = code
    this.action = errors[code].action
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds
    if (details.reason !== undefined) this.reason = details.reason
    if (details.service !== undefined) this.service = details.service
    const { answer } = details
    this.#claims = answer?.claims
    if (answer === undefined) return
    this.status = this.statusCode = answer.status
    this.headers = Object.freeze({ ...answer.headers })
    this.expose = answer.status < 500
  }

  /**
   * A body for this API's own caller: nothing of the token service's words but the claims challenge, and nothing at all
   * where the status is 500.
   */
  toJSON(): Readonly<Record<string, unknown>> {
    if (this.status === 500) return { error_description: 'Internal Server Error' }
    return {
      error: this.code,
      error_description: this.message,
      action: this.action,
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
      ...(this.#claims === undefined ? {} : { claims: this.#claims }),
    }
  }
}

/** Callers that shared one request each get an error of their own: frameworks write on errors. */
export function ownError(error: unknown): unknown {
  return error instanceof TokenClientError ? new TokenClientError(error.code, error) : error
}

/** A system error's code, such as `ECONNREFUSED`, and nothing else of a foreign error. */
export function systemReason(error: unknown): string | undefined {
  for (let seen = error, depth = 0; seen instanceof Error && depth < 4; seen = seen.cause, depth++) {
    const code = (seen as { code?: unknown }).code
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code
  }
  return undefined
}

/** The status that a code has of its own, whatever its action. */
export function statusOf(code: TokenClientErrorCode): 403 | undefined {
  const kind: ErrorKind = errors[code]
  return kind.status
}
