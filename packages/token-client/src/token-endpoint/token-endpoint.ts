import { setTimeout as delay } from 'node:timers/promises'
import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import type { AuthorityRules, GrantRequest, RequestParameters } from '../authorities/authority.js'
import { within } from '../base/deadline.js'
import { isTokenClientError, TokenClientError, withDetails } from '../base/errors.js'
import type { Fetch } from '../base/guarded-fetch.js'
import { sha256 } from '../base/identifiers.js'
import { isLoopback } from '../base/secure-url.js'
import type { DpopKey } from '../bound-tokens/dpop-key.js'
import { clientAt, type ClientCredential, hintOf } from '../credentials/client-credential.js'
import { guardCredential } from '../credentials/guard-credential.js'
import type { RequestedToken } from '../observers/observers.js'
import { type Reporter, secondsSince } from '../observers/reporter.js'
import { explanationOf } from './explanation.js'
import { RecentAnswers, type SentRequest } from './recent-answers.js'
import { readTokenAnswer, type TokenAnswer } from '../token-answers/token-answer.js'

/** One request to the token endpoint. */
export interface TokenRequest extends GrantRequest {
  readonly tenantId: string | undefined
  /** What is requested, for events and errors. What a refusal means depends on its grant. */
  readonly requested: RequestedToken
  /** The user whose token is requested (see `userRevocationName`); `undefined` for the application. */
  readonly subject: string | undefined
  /** The key that the token is to be bound to (DPoP). */
  readonly key: DpopKey | undefined
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
  readonly tlsFetch: typeof globalThis.fetch | undefined
  readonly reporter: Reporter
}

/**
 * The authority's token endpoint, and the only place that sends token requests, of every grant. It waits when the
 * service asks for it, does not repeat at once what was refused, and repeats a request once after a transient failure.
 */
export class TokenEndpoint {
  readonly #settings: TokenEndpointSettings
  readonly #recent: RecentAnswers
  #noRegionUntil = 0

  constructor(settings: TokenEndpointSettings) {
    this.#settings = settings
    this.#recent = new RecentAnswers(settings.clock)
  }

  /** Sends a request and reads its answer. Throws `TokenClientError`. */
  async request(request: TokenRequest): Promise<TokenAnswer> {
    const { authority, fetch, clock } = this.#settings
    try {
      const server = await authority.tokenServer(request.tenantId, fetch, clock())
      return (await this.#requestInRegion(server, request)) ?? (await this.#requestAt(server, request))
    } catch (error) {
      throw await this.#explain(error, request)
    }
  }

  /** A token of the regional endpoint; `undefined` where there is none, or while it fails. */
  async #requestInRegion(
    named: oauth.AuthorizationServer,
    request: TokenRequest,
  ): Promise<TokenAnswer | undefined> {
    const { authority, fetch, clock } = this.#settings
    if (request.requested.grant !== 'app' || clock() < this.#noRegionUntil) return undefined
    const server = await authority.regionalServer?.(request.tenantId, fetch, clock())
    if (server === undefined) return undefined
    try {
      return await this.#requestAt(server, request, named)
    } catch (error) {
      if (!isOutage(error)) throw error
      this.#noRegionUntil = clock() + regionPauseSeconds
      return undefined
    }
  }

  /** `named`: what an assertion of the client names as its audience. */
  async #requestAt(
    server: oauth.AuthorizationServer,
    request: TokenRequest,
    named = server,
  ): Promise<TokenAnswer> {
    const sent = sentRequest(server.token_endpoint!, request)
    this.#recent.check(sent)
    try {
      const answer = await this.#sendOrRepeat(server, request, named)
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

  /** Adds what was requested, and what the service's code means: the table is loaded when there is something to explain. */
  async #explain(error: unknown, { requested, tenantId }: TokenRequest): Promise<unknown> {
    if (!isTokenClientError(error)) return error
    const { authority, clientId } = this.#settings
    return withDetails(error, {
      request: { ...requested, clientId, authority: authority.describe(tenantId) },
      explanation: await explanationOf(error.service?.codes ?? []),
    })
  }

  async #sendOrRepeat(
    server: oauth.AuthorizationServer,
    request: TokenRequest,
    named: oauth.AuthorizationServer,
  ): Promise<TokenAnswer> {
    try {
      return await this.#sendAndReport(server, request, named)
    } catch (error) {
      if (!request.repeatable || !isTransient(error)) throw error
    }
    await delay(100 + Math.random() * 200)
    return this.#sendAndReport(server, request, named)
  }

  async #sendAndReport(
    server: oauth.AuthorizationServer,
    request: TokenRequest,
    named: oauth.AuthorizationServer,
  ): Promise<TokenAnswer> {
    const { reporter } = this.#settings
    const startedAt = performance.now()
    const { grantType } = request
    try {
      const answer = await this.#send(server, request, named)
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

  async #obtainMore({ obtainParameters }: TokenRequest): Promise<RequestParameters> {
    if (obtainParameters === undefined) return {}
    const late = () => new TokenClientError('client_credential_unavailable', { reason: 'timeout' })
    return within(this.#settings.timeoutSeconds, obtainParameters(), late)
  }

  /** Sends it once more when the service wants a nonce in the proof (RFC 9449 section 8). */
  async #send(
    server: oauth.AuthorizationServer,
    request: TokenRequest,
    named: oauth.AuthorizationServer,
  ): Promise<TokenAnswer> {
    try {
      return await this.#sendOnce(server, request, named)
    } catch (error) {
      if (!(isTokenClientError(error) && error.reason === nonceReason)) throw error
    }
    return this.#sendOnce(server, request, named)
  }

  async #sendOnce(
    server: oauth.AuthorizationServer,
    request: TokenRequest,
    named: oauth.AuthorizationServer,
  ): Promise<TokenAnswer> {
    // Loaded when it is needed, so that it does not delay the start of an API.
    const oauth = await import('oauth4webapi')
    const { clientId, credential, clock, fetch, reporter, timeoutSeconds, tlsFetch } = this.#settings
    const { key, requested } = request
    const now = clock()
    const client = {
      ...clientAt(oauth, clientId, now, fetch),
      use_mtls_endpoint_aliases: tlsFetch !== undefined,
    }
    const authenticate = guardCredential(credential, timeoutSeconds, reporter)
    const endpoint = endpointOf(server, client.use_mtls_endpoint_aliases)
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      (_server, ...rest) => authenticate(named, ...rest),
      request.grantType,
      formOf({ ...request.parameters, ...(await this.#obtainMore(request)) }),
      {
        [oauth.customFetch]: fetch,
        [oauth.allowInsecureRequests]: isLoopback(new URL(endpoint)),
        ...(key === undefined ? {} : { headers: { DPoP: key.proof('POST', endpoint) } }),
      },
    )
    const hasNewNonce = key?.noteNonce(endpoint, response.headers) ?? false
    try {
      return await readTokenAnswer(response, requested.grant, now, key === undefined ? 'bearer' : 'dpop')
    } catch (error) {
      throw isTokenClientError(error) ? withReason(error, hasNewNonce, hintOf(client)) : error
    }
  }
}

const nonceReason = 'use_dpop_nonce'

function withReason(
  error: TokenClientError,
  hasNewNonce: boolean,
  hint: string | undefined,
): TokenClientError {
  if (hasNewNonce && error.service?.error === nonceReason) return withDetails(error, { reason: nonceReason })
  const isAboutSecret = error.code === 'client_credential_refused' && hint !== undefined
  return isAboutSecret ? withDetails(error, { reason: hint }) : error
}

function formOf(parameters: RequestParameters): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of typeof value === 'string' ? [value] : value) form.append(name, one)
  }
  return form
}

function endpointOf(server: oauth.AuthorizationServer, usesAlias: boolean): string {
  const alias = usesAlias ? server.mtls_endpoint_aliases?.token_endpoint : undefined
  return alias ?? server.token_endpoint!
}

function sentRequest(
  endpoint: string,
  { requested, subject, grantType, parameters }: TokenRequest,
): SentRequest {
  const fingerprint = sha256(JSON.stringify([endpoint, grantType, parameters]))
  // A user without consent, say, may call often, and Entra takes that for a loop (AADSTS50196).
  return { endpoint, subject: subject ?? '', fingerprint, remembersRefusal: requested.grant === 'obo' }
}

/** How long the regional endpoint is not asked after it has failed. */
const regionPauseSeconds = 300

const outages: ReadonlySet<string> = new Set([
  'service_unreachable',
  'service_unavailable',
  'service_timeout',
  'service_redirected',
  'service_answer_invalid',
])

function isOutage(error: unknown): boolean {
  return isTokenClientError(error) && outages.has(error.code)
}

function isTransient(error: unknown): boolean {
  return (
    isTokenClientError(error) &&
    (error.code === 'service_unreachable' || error.code === 'service_unavailable') &&
    error.retryAfterSeconds === undefined
  )
}
