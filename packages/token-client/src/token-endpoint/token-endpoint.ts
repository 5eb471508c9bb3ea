import { setTimeout as delay } from 'node:timers/promises'
import type * as oauth from 'oauth4webapi'
import type { Authority, Grant } from '../authorities/authority.js'
import { type Announcer, secondsSince } from '../observers/observers.js'
import { clientAt, type ClientCredential } from '../credentials/client-credential.js'
import { TokenClientError, type TokenClientErrorCode } from '../base/errors.js'
import { type Fetch, isLoopback } from '../base/guarded-fetch.js'
import { readTokenAnswer, type TokenAnswer } from './token-answer.js'

/** One request to the token endpoint. */
interface TokenRequest extends Grant {
  readonly tenantId: string | undefined
  /** What a plain `invalid_grant` means for this grant. */
  readonly invalidGrant: TokenClientErrorCode
  /** Whether it may be sent a second time when it is not known what became of the first. */
  readonly repeatable: boolean
}

export type TokenService = (request: TokenRequest) => Promise<TokenAnswer>

const defaultCooldownSeconds = 10
const maxCooldowns = 1000

/** The one place that talks to the token endpoint: sends, waits when told to, and asks once more after a transient failure. */
export function createTokenService({
  authority,
  clientId,
  credential,
  clock,
  fetch,
  announcer,
}: {
  authority: Authority
  clientId: string
  credential: ClientCredential
  clock: () => number
  fetch: Fetch
  announcer: Announcer
}): TokenService {
  const cooldowns = new Map<string, number>()

  return async (request) => {
    const server = await authority.tokenServer(request.tenantId, fetch, clock())
    checkCooldown(server.token_endpoint!)
    try {
      return await announced(server, request)
    } catch (error) {
      if (!request.repeatable || !isTransient(error)) throw noteCooldown(server.token_endpoint!, error)
    }
    await delay(100 + Math.random() * 200)
    try {
      return await announced(server, request)
    } catch (error) {
      throw noteCooldown(server.token_endpoint!, error)
    }
  }

  async function announced(server: oauth.AuthorizationServer, request: TokenRequest): Promise<TokenAnswer> {
    const startedAt = performance.now()
    const { grantType } = request
    try {
      const answer = await send(server, request)
      announcer.request({ grantType, durationSeconds: secondsSince(startedAt) })
      return answer
    } catch (error) {
      if (error instanceof TokenClientError) {
        const { code, service } = error
        const status = service === undefined ? {} : { status: service.status }
        announcer.request({ grantType, code, ...status, durationSeconds: secondsSince(startedAt) })
      }
      throw error
    }
  }

  async function send(server: oauth.AuthorizationServer, request: TokenRequest): Promise<TokenAnswer> {
    // Loaded when it is needed: an API's start should not wait for it.
    const oauth = await import('oauth4webapi')
    const now = clock()
    const { grantType, parameters } = request
    const response = await oauth.genericTokenEndpointRequest(
      server,
      clientAt(oauth, clientId, now),
      usable(credential),
      grantType,
      { ...parameters },
      {
        [oauth.customFetch]: fetch,
        [oauth.allowInsecureRequests]: isLoopback(new URL(server.token_endpoint!)),
      },
    )
    return readTokenAnswer(response, request.invalidGrant, now)
  }

  function checkCooldown(endpoint: string): void {
    const seconds = (cooldowns.get(endpoint) ?? 0) - clock()
    if (seconds > 0) throw new TokenClientError('throttled', { retryAfterSeconds: Math.ceil(seconds) })
    cooldowns.delete(endpoint)
  }

  function noteCooldown(endpoint: string, error: unknown): unknown {
    if (!(error instanceof TokenClientError) || error.action !== 'retry') return error
    const seconds = error.retryAfterSeconds ?? (error.code === 'throttled' ? defaultCooldownSeconds : 0)
    if (seconds > 0) {
      // Spread, so that the instances of a fleet do not all come back in the same second.
      cooldowns.set(endpoint, clock() + seconds * (1 + Math.random() / 4))
      if (cooldowns.size > maxCooldowns) cooldowns.delete(cooldowns.keys().next().value!)
    }
    return error
  }
}

function isTransient(error: unknown): boolean {
  return (
    error instanceof TokenClientError &&
    (error.code === 'service_unreachable' || error.code === 'service_unavailable') &&
    error.retryAfterSeconds === undefined
  )
}

/** A credential of another maker may throw anything, the secret included: none of it leaves. */
function usable(credential: ClientCredential): ClientCredential {
  return async (...request) => {
    try {
      await credential(...request)
    } catch (error) {
      throw error instanceof TokenClientError ? error : new TokenClientError('client_credential_unusable')
    }
  }
}
