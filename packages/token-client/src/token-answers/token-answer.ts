import { TokenClientError } from '../base/errors.js'
import { ServiceAnswer } from '../base/service-answer.js'
import type { RequestedToken } from '../observers/observers.js'
import { codeOfRefusal } from './refusal-codes.js'

/** What a token endpoint granted. Every member was checked. */
export interface TokenAnswer {
  readonly accessToken: string
  /** 0 when the service did not say: such a token is returned and not cached. */
  readonly expiresInSeconds: number
  readonly refreshInSeconds: number | undefined
  readonly scopes: readonly string[] | undefined
  readonly refreshToken: string | undefined
}

/**
 * Reads the token endpoint's answer to a request of any grant (client credentials, on-behalf-of, refresh token) and trusts
 * none of it. We do not use oauth4webapi's readers: they take `expires_in: "3599 or so"` for a number, lose Entra's error
 * body when the answer also has a `WWW-Authenticate` header, do not read the body of a 5xx, and keep whole bodies, tokens
 * included, as the cause of their errors.
 */
export async function readTokenAnswer(
  response: Response,
  grant: RequestedToken['grant'],
  now: number,
  tokenType: 'bearer' | 'dpop' = 'bearer',
): Promise<TokenAnswer> {
  const body = await readJsonObject(response)
  if (response.status !== 200) throw readRefusal(response, body ?? {}, grant, now)
  if (body === undefined) throw invalidAnswer('not_json')

  if (!isVisibleAscii(body.access_token)) throw invalidAnswer('access_token')
  if (typeof body.token_type !== 'string' || body.token_type.toLowerCase() !== tokenType)
    throw invalidAnswer('token_type')
  // RFC 8693 section 2.2.1. Entra sets it for SAML assertions, which are not bearer tokens.
  const issued = body.issued_token_type
  // Keycloak names a refresh token that was requested, and sends it beside the access token.
  const isBoth =
    issued === refreshTokenType &&
    body.refresh_token !== undefined &&
    body.refresh_token !== body.access_token
  if (issued !== undefined && !issuedTokenTypes.has(issued) && !isBoth)
    throw invalidAnswer('issued_token_type')
  if (body.scope !== undefined && typeof body.scope !== 'string') throw invalidAnswer('scope')
  if (body.refresh_token !== undefined && !isVisibleAscii(body.refresh_token))
    throw invalidAnswer('refresh_token')

  return {
    accessToken: body.access_token,
    expiresInSeconds: readSeconds(body, 'expires_in') ?? readExpiresOn(body, now) ?? 0,
    refreshInSeconds: readSeconds(body, 'refresh_in'),
    scopes: body.scope?.split(' ').filter((scope) => scope !== ''),
    refreshToken: body.refresh_token,
  }
}

const refreshTokenType = 'urn:ietf:params:oauth:token-type:refresh_token'

const issuedTokenTypes: ReadonlySet<unknown> = new Set([
  'urn:ietf:params:oauth:token-type:access_token',
  'urn:ietf:params:oauth:token-type:jwt',
])

function invalidAnswer(member: string): TokenClientError {
  return new TokenClientError('service_answer_invalid', { reason: member })
}

/** Entra's v1.0 endpoint writes every number as a string. */
function readSeconds(body: Record<string, unknown>, member: string): number | undefined {
  const value = body[member]
  if (value === undefined || value === null) return undefined
  const seconds = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0 || seconds > 1e10)
    throw invalidAnswer(member)
  return seconds
}

/** The endpoint of managed identities in App Service sends only the time itself. */
function readExpiresOn(body: Record<string, unknown>, now: number): number | undefined {
  const time = readSeconds(body, 'expires_on')
  return time === undefined ? undefined : Math.max(0, time - now)
}

/** The body as a JSON object; `undefined` when it is not one. `guardFetch` has limited its size. */
async function readJsonObject(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await response.arrayBuffer())
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

// The token will be sent in a header: no character that could end a header line is accepted.
function isVisibleAscii(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}

/** A refusal as an error. */
export function readRefusal(
  response: Response,
  body: Record<string, unknown>,
  grant: RequestedToken['grant'],
  now: number,
): TokenClientError {
  const description = readText(body.error_description, 8192)
  const words = {
    status: response.status,
    error: readWord(body.error),
    suberror: readWord(body.suberror),
    codes: readCodes(body.error_codes, description),
    claims: readText(body.claims, 8192),
    correlationId: readWord(body.correlation_id),
    traceId: readWord(body.trace_id),
    description,
  }
  return new TokenClientError(codeOfRefusal(words, grant), {
    service: new ServiceAnswer(words),
    retryAfterSeconds: readRetryAfter(response.headers.get('retry-after'), now),
    reason: words.error === undefined ? 'not_an_oauth_error' : undefined,
  })
}

// Loggers print these values: only what looks like a word or an id, and no longer than one.
function readWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(value) ? value : undefined
}

function readText(value: unknown, maxLength: number): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined
}

function readCodes(value: unknown, description: string | undefined): number[] {
  if (Array.isArray(value)) {
    return value
      .slice(0, 10)
      .filter((code): code is number => Number.isInteger(code) && code > 0 && code < 1e9)
  }
  const named = /^AADSTS(\d{4,9})\b/.exec(description ?? '')
  return named ? [Number(named[1])] : []
}

/** RFC 9110 section 10.2.3: seconds or a date. A service cannot stop this client for longer than ten minutes. */
function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Date.parse(value) / 1000 - now
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 600) : undefined
}
