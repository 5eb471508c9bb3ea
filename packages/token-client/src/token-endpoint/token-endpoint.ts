import { setTimeout as delay } from 'node:timers/promises'
import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import type { AuthorityRules, GrantRequest } from '../authorities/authority.js'
import { isTokenClientError } from '../base/errors.js'
import type { Fetch } from '../base/guarded-fetch.js'
import { sha256 } from '../base/identifiers.js'
import { isLoopback } from '../base/secure-url.js'
import { clientAt, type ClientCredential } from '../credentials/client-credential.js'
import { guardCredential } from '../credentials/guard-credential.js'
import type { RequestedToken } from '../observers/observers.js'
import { type Reporter, secondsSince } from '../observers/reporter.js'
import { RecentAnswers, type SentRequest } from './recent-answers.js'
import { readTokenAnswer, type TokenAnswer } from './token-answer.js'

/** One request to the token endpoint. */
export interface TokenRequest extends GrantRequest {
  readonly tenantId: string | undefined
  /** What the same refusal means depends on it. */
  readonly grant: RequestedToken['grant']
  /** The user whose token is requested (see `userRevocationName`); `undefined` for the application. */
  readonly subject: string | undefined
  /** Whether it may be sent a second time when the outcome of the first is unknown. */
  readonly repeatable: boolean
}

/** What the token endpoint needs to know about its client. */
export interface TokenEndpointSettings {
  readonly authority: AuthorityRules
  readonly clientId: string
  readonly credential: ClientCredential
  readonly clock: () => number
  readonly fetch: Fetch
  readonly timeoutSeconds: number
  readonly reporter: Reporter
}

/**
 * The authority's token endpoint, and the only place that sends token requests, of every grant. It waits when the
 * service asks for it, does not repeat at once what was refused, and repeats a request once after a transient failure.
 */
export class TokenEndpoint {
  readonly #settings: TokenEndpointSettings
  readonly #recent: RecentAnswers

  constructor(settings: TokenEndpointSettings) {
    this.#settings = settings
    this.#recent = new RecentAnswers(settings.clock)
  }

  /** Sends a request and reads its answer. Throws `TokenClientError`. */
  async request(request: TokenRequest): Promise<TokenAnswer> {
    const { authority, fetch, clock } = this.#settings
    const server = await authority.tokenServer(request.tenantId, fetch, clock())
    const sent = sentRequest(server.token_endpoint!, request)
    this.#recent.check(sent)
    try {
      const answer = await this.#sendOrRepeat(server, request)
      this.#recent.noteGrant(sent)
      return answer
    } catch (error) {
      this.#recent.noteFailure(sent, error)
      throw error
    }
  }

  /** Forgets what was recently answered for a user (see `userRevocationName`). */
  forgetUser(user: string): void {
    this.#recent.forget(user)
  }

  async #sendOrRepeat(server: oauth.AuthorizationServer, request: TokenRequest): Promise<TokenAnswer> {
    try {
      return await this.#sendAndReport(server, request)
    } catch (error) {
      if (!request.repeatable || !isTransient(error)) throw error
    }
    await delay(100 + Math.random() * 200)
    return this.#sendAndReport(server, request)
  }

  async #sendAndReport(server: oauth.AuthorizationServer, request: TokenRequest): Promise<TokenAnswer> {
    const { reporter } = this.#settings
    const startedAt = performance.now()
    const { grantType } = request
    try {
      const answer = await this.#send(server, request)
      reporter.request({ grantType, durationSeconds: secondsSince(startedAt) })
      return answer
    } catch (error) {
      if (isTokenClientError(error)) {
        const { code, service } = error
        const status = service === undefined ? {} : { status: service.status }
        reporter.request({ grantType, code, ...status, durationSeconds: secondsSince(startedAt) })
      }
      throw error
    }
  }

  async #send(server: oauth.AuthorizationServer, request: TokenRequest): Promise<TokenAnswer> {
    // Loaded when it is needed, so that it does not delay the start of an API.
    const oauth = await import('oauth4webapi')
    const { clientId, credential, clock, fetch, reporter, timeoutSeconds } = this.#settings
    const now = clock()
    const response = await oauth.genericTokenEndpointRequest(
      server,
      clientAt(oauth, clientId, now),
      guardCredential(credential, timeoutSeconds, reporter),
      request.grantType,
      { ...request.parameters },
      {
        [oauth.customFetch]: fetch,
        [oauth.allowInsecureRequests]: isLoopback(new URL(server.token_endpoint!)),
      },
    )
    return readTokenAnswer(response, request.grant, now)
  }
}

function sentRequest(endpoint: string, { grant, subject, grantType, parameters }: TokenRequest): SentRequest {
  const fingerprint = sha256(JSON.stringify([endpoint, grantType, parameters]))
  // A user without consent, say, may call often, and Entra takes that for a loop (AADSTS50196).
  return { endpoint, subject: subject ?? '', fingerprint, remembersRefusal: grant === 'obo' }
}

function isTransient(error: unknown): boolean {
  return (
    isTokenClientError(error) &&
    (error.code === 'service_unreachable' || error.code === 'service_unavailable') &&
    error.retryAfterSeconds === undefined
  )
}
