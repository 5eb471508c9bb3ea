/** What the token service said when it refused, in its own words. Available as `error.service`. */
export class ServiceAnswer {
  /** HTTP status of the answer. */
  readonly status: number
  /** `error` of the answer (RFC 6749 section 5.2), such as `invalid_grant`; `undefined` when it is not a plain word. */
  readonly error: string | undefined
  /** `suberror` of the answer (Entra), such as `basic_action`. */
  readonly suberror: string | undefined
  /** AADSTS numbers, most specific last when the service names several. For diagnosis: they may change. */
  readonly codes: readonly number[]
  /** The claims challenge: JSON text as the service sent it. Not parsed here. */
  readonly claims: string | undefined
  /** Entra's `correlation_id`, for a support request. */
  readonly correlationId: string | undefined
  /** Entra's `trace_id`, for a support request. */
  readonly traceId: string | undefined
  // A private field, because a description may name users, and loggers print whatever they can enumerate.
  readonly #description: string | undefined

  /** Only this package creates one. */
  constructor(
    words: Omit<ServiceAnswer, 'description' | 'codes'> & {
      /** `error_description` of the answer. */
      description: string | undefined
      /** AADSTS numbers of the answer. */
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

  /** `error_description` of the answer. It may name users: never logged or listed by itself, only read by this name. */
  get description(): string | undefined {
    return this.#description
  }
}
