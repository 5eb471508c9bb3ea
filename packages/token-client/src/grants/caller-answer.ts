import type { AuthorityRules } from '../authorities/authority.js'
import type { FailedRequest } from '../base/diagnosis.js'
import {
  type CallerAnswer,
  isTokenClientError,
  phraseOf,
  statusOf,
  type TokenClientError,
  withDetails,
} from '../base/errors.js'
import type { Target } from '../base/target.js'
import { requestedToken } from '../observers/reporter.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'
import type { ClientContext } from './client-context.js'

const defaultRetrySeconds = 5
// Node accepts 16 KiB of headers, others 8: a longer challenge would make the whole answer unreadable.
const maxClaimsLength = 4096

/**
 * The error as an answer to the caller whose validated token was used. Claims are sent only to callers whose token says
 * that they understand claims challenges (`xms_cc` with `cp1`). Source: "Claims challenges, claims requests, and client
 * capabilities".
 */
export function answerCaller(
  error: unknown,
  userToken: string | ValidatedUserToken,
  authority: AuthorityRules,
): unknown {
  if (!isTokenClientError(error) || typeof userToken !== 'object' || userToken === null) return error
  return withDetails(error, { answer: answerOf(error, userToken, authority) })
}

/** The error with what was requested, if it was thrown before the token endpoint could add it. */
export function nameRequest(
  error: unknown,
  { authority, clientId }: ClientContext,
  grant: FailedRequest['grant'],
  target: Target & { readonly tenantId?: string | undefined },
): unknown {
  if (!isTokenClientError(error) || error.request !== undefined) return error
  const request = {
    ...requestedToken(grant, target),
    clientId,
    authority: authority.describe(target.tenantId),
  }
  return withDetails(error, { request })
}

function answerOf(
  error: TokenClientError,
  userToken: ValidatedUserToken,
  authority: AuthorityRules,
): CallerAnswer {
  const status = statusOf(error.code)
  if (status !== undefined) return { status, headers: {} }
  switch (error.action) {
    case 'interact':
    case 'consent':
      return challenge(error, userToken, authority) ?? { status: 403, headers: {} }
    case 'user-disabled':
      return { status: 403, headers: {} }
    case 'new-user-token':
      return {
        status: 401,
        headers: {
          'WWW-Authenticate': `Bearer error="invalid_token", error_description="${phraseOf(error)}"`,
        },
      }
    case 'retry': {
      const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? defaultRetrySeconds))
      return { status: 503, headers: { 'Retry-After': `${seconds}` } }
    }
    case 'fix-configuration':
      return { status: 500, headers: {} }
  }
}

/** The service's claims challenge, for a caller that understands it. */
function challenge(
  error: TokenClientError,
  userToken: ValidatedUserToken,
  authority: AuthorityRules,
): CallerAnswer | undefined {
  const claims = claimsForCaller(error.service?.claims)
  if (claims === undefined || !understandsClaims(userToken)) return undefined
  const uri = authority.authorizationUri(userToken.tenantId)
  const where = uri === undefined ? '' : `authorization_uri="${uri}", `
  const encoded = Buffer.from(claims).toString('base64')
  const header = `Bearer ${where}error="insufficient_claims", claims="${encoded}"`
  return { status: 401, headers: { 'WWW-Authenticate': header }, claims }
}

/** The claims, if they are the JSON text of an object and short enough for a header. */
function claimsForCaller(claims: string | undefined): string | undefined {
  if (claims === undefined || claims.length > maxClaimsLength) return undefined
  try {
    const value: unknown = JSON.parse(claims)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? claims : undefined
  } catch {
    return undefined
  }
}

function understandsClaims({ claims }: ValidatedUserToken): boolean {
  const named: unknown = claims?.['xms_cc']
  const capabilities: readonly unknown[] = Array.isArray(named) ? named : [named]
  return capabilities.some((one) => typeof one === 'string' && one.toLowerCase() === 'cp1')
}
