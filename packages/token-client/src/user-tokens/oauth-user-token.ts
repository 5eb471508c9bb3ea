import { TokenClientError } from '../base/errors.js'
import { isText, readExpiry, readUnverifiedClaims } from './unverified-claims.js'
import type { UserToken } from './user-token.js'

/** Reads a user's token of any other issuer. It may be opaque. */
export function readOAuthUserToken(text: string, issuer: string): UserToken {
  const claims = readUnverifiedClaims(text)
  if (claims === undefined) {
    // RFC 6750 section 2.1
    if (!/^[\w.~+/-]+=*$/.test(text)) throw new TokenClientError('user_token_malformed')
    return { text, tenantId: undefined, expiresAt: Infinity, owner: undefined }
  }
  if (claims.at_hash !== undefined || claims.c_hash !== undefined) {
    throw new TokenClientError('user_token_is_id_token')
  }
  const clientId = claims.client_id ?? claims.azp
  return {
    text,
    tenantId: undefined,
    expiresAt: claims.exp === undefined ? Infinity : readExpiry(claims.exp),
    owner:
      isText(claims.sub) && isText(clientId)
        ? { tenantId: issuer, objectId: claims.sub, clientId }
        : undefined,
  }
}
