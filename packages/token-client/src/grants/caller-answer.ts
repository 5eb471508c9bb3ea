import type { Authority } from '../authorities/authority.js'
import { type CallerAnswer, statusOf, TokenClientError } from '../base/errors.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'

const standardRetrySeconds = 5
// Node reads 16 KiB of headers, others 8: a longer challenge would cost the whole answer.
const maxClaimsLength = 4096

/**
 * The same error, as an answer to the caller whose token it was. Claims go back only to callers that said they know what
 * to do with them (`xms_cc` with `cp1`; "Claims challenges, claims requests, and client capabilities").
 */
export function answerCaller(
  error: unknown,
  userToken: string | ValidatedUserToken,
  authority: Authority,
): unknown {
  if (!(error instanceof TokenClientError) || typeof userToken !== 'object' || userToken === null)
    return error
  return new TokenClientError(error.code, {
    ...detailsOf(error),
    answer: answerOf(error, userToken, authority),
  })
}

function detailsOf({ service, retryAfterSeconds, reason }: TokenClientError) {
  return { service, retryAfterSeconds, reason }
}

function answerOf(
  error: TokenClientError,
  userToken: ValidatedUserToken,
  authority: Authority,
): CallerAnswer {
  const own = statusOf(error.code)
  if (own !== undefined) return { status: own, headers: {} }
  switch (error.action) {
    case 'interact':
    case 'consent': {
      const claims = relayable(error.service?.claims)
      if (claims === undefined || !knowsClaimsChallenges(userToken)) return { status: 403, headers: {} }
      const uri = authority.authorizationUri(userToken.tenantId)
      const where = uri === undefined ? '' : `authorization_uri="${uri}", `
      const encoded = Buffer.from(claims).toString('base64')
      return {
        status: 401,
        headers: {
          'WWW-Authenticate': `Bearer ${where}error="insufficient_claims", claims="${encoded}"`,
        },
        claims,
      }
    }
    case 'user-disabled':
      return { status: 403, headers: {} }
    case 'new-user-token':
      return {
        status: 401,
        headers: { 'WWW-Authenticate': `Bearer error="invalid_token", error_description="${error.message}"` },
      }
    case 'retry': {
      const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? standardRetrySeconds))
      return { status: 503, headers: { 'Retry-After': `${seconds}` } }
    }
    case 'fix-configuration':
      return { status: 500, headers: {} }
  }
}

/** The service's challenge, if it is one that a caller can be handed. */
function relayable(claims: string | undefined): string | undefined {
  if (claims === undefined || claims.length > maxClaimsLength) return undefined
  try {
    const value: unknown = JSON.parse(claims)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? claims : undefined
  } catch {
    return undefined
  }
}

function knowsClaimsChallenges({ claims }: ValidatedUserToken): boolean {
  const named: unknown = claims?.['xms_cc']
  const capabilities: readonly unknown[] = Array.isArray(named) ? named : [named]
  return capabilities.some((one) => typeof one === 'string' && one.toLowerCase() === 'cp1')
}
