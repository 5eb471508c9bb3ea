import { TokenClientError, type TokenClientErrorCode } from '../base/errors.js'

/** The members of a validated token (as `@countersign/core` gives it) that are read here. */
export interface ValidatedUserToken {
  readonly kind: 'delegated' | 'application'
  readonly issuer: string
  readonly token: string
  readonly tenantId?: string | undefined
  readonly subject?: string | undefined
  readonly objectId?: string | undefined
  readonly clientId?: string | undefined
  /** Read for `xms_cc` alone: what the caller declared it can do. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** Who a session belongs to: a user of a tenant, through one client application. */
export interface SessionOwner {
  /** On an issuer without tenants: the issuer. */
  readonly tenantId: string
  /** On an issuer without object ids: the subject. */
  readonly objectId: string
  /** The application that called with the user's token (`azp` or `appid`). */
  readonly clientId: string
}

/**
 * What a user's token says about itself. The signature is *not* checked here: that was the resource server's
 * duty, and the token service checks it again. Nothing here is used to grant anything, only to refuse early, to
 * choose the tenant's endpoint, and to file what comes back.
 */
export interface UserToken {
  readonly token: string
  readonly tenantId: string | undefined
  readonly expiresAt: number
  readonly owner: SessionOwner | undefined
}

const maxTokenLength = 16_384

/** The token's text. Throws `TypeError` for anything that is no user token value. */
export function userTokenText(userToken: string | ValidatedUserToken): string {
  const text: unknown = typeof userToken === 'string' ? userToken : userToken?.token
  if (typeof text !== 'string') throw new TypeError('userToken must be a token or a validated token')
  if (text.length > maxTokenLength) refuse('user_token_malformed', 'too_large')
  if (typeof userToken !== 'string' && userToken.kind !== 'delegated')
    refuse('user_token_is_application_token')
  return text
}

/** The owner that a validated token, or a plain value, names. Throws `TypeError`. */
export function readOwner(owner: SessionOwner | ValidatedUserToken): SessionOwner {
  if (typeof owner !== 'object' || owner === null) throw new TypeError(ownerExpected)
  const { clientId } = owner
  const tenantId = owner.tenantId ?? ('issuer' in owner ? owner.issuer : undefined)
  const objectId = owner.objectId ?? ('subject' in owner ? owner.subject : undefined)
  if (!isText(tenantId) || !isText(objectId) || !isText(clientId)) throw new TypeError(ownerExpected)
  return { tenantId, objectId, clientId }
}

const ownerExpected = 'owner must be a validated token or { tenantId, objectId, clientId }'

/** The payload of a JWT, unverified; `undefined` when the text is no JWT. */
function readUnverifiedClaims(token: string): Record<string, unknown> | undefined {
  const parts = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)
  if (parts === null) return undefined
  try {
    const payload = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(parts[1]!, 'base64url'))
    const claims: unknown = JSON.parse(payload)
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
      ? (claims as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && guid.test(value)
}

/** Reads a user's token the way Entra will when it is handed in for on-behalf-of, and refuses what Entra would. */
export function readEntraUserToken(token: string): UserToken {
  const claims = readUnverifiedClaims(token)
  if (claims === undefined) refuse('user_token_malformed', 'not_a_jwt')
  const clientId = claims.azp ?? claims.appid
  if (
    claims.nonce !== undefined ||
    claims.at_hash !== undefined ||
    claims.c_hash !== undefined ||
    clientId === undefined
  ) {
    refuse('user_token_is_id_token')
  }
  if (claims.idtyp === 'app' || !isText(claims.scp)) refuse('user_token_is_application_token')
  if (!isGuid(claims.tid)) refuse('user_token_malformed', 'tid')
  const tenantId = claims.tid.toLowerCase()
  const objectId = claims.oid ?? claims.sub
  return {
    token,
    tenantId,
    expiresAt: readExpiry(claims.exp),
    owner: isText(objectId) && isText(clientId) ? { tenantId, objectId, clientId } : undefined,
  }
}

/** Reads a user's token of any other issuer, which may be opaque. */
export function readOAuthUserToken(token: string, issuer: string): UserToken {
  const claims = readUnverifiedClaims(token)
  if (claims === undefined) {
    // RFC 6750 section 2.1
    if (!/^[\w.~+/-]+=*$/.test(token)) refuse('user_token_malformed')
    return { token, tenantId: undefined, expiresAt: Infinity, owner: undefined }
  }
  if (claims.at_hash !== undefined || claims.c_hash !== undefined) refuse('user_token_is_id_token')
  const clientId = claims.client_id ?? claims.azp
  return {
    token,
    tenantId: undefined,
    expiresAt: claims.exp === undefined ? Infinity : readExpiry(claims.exp),
    owner:
      isText(claims.sub) && isText(clientId)
        ? { tenantId: issuer, objectId: claims.sub, clientId }
        : undefined,
  }
}

/** Refuses a token that was not made for this API. An opaque token cannot show for whom it was made. */
export function checkAudience(token: string, audiences: ReadonlySet<string>): void {
  const audience = readUnverifiedClaims(token)?.aud
  const named: readonly unknown[] = Array.isArray(audience) ? audience : [audience]
  if (!named.some((one) => typeof one === 'string' && audiences.has(one)))
    refuse('user_token_audience_mismatch')
}

function readExpiry(exp: unknown): number {
  if (typeof exp !== 'number' || !Number.isFinite(exp)) refuse('user_token_malformed', 'exp')
  return exp
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function refuse(code: TokenClientErrorCode, reason?: string): never {
  throw new TokenClientError(code, { reason })
}
