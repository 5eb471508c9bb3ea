import { TokenClientError } from '../base/errors.js'
import { isGuid } from '../base/identifiers.js'
import { isText, readExpiry, readUnverifiedClaims } from './unverified-claims.js'
import type { UserToken } from './user-token.js'

/** Reads a user's token as Entra does in an on-behalf-of request, and refuses what Entra refuses. */
export function readEntraUserToken(text: string): UserToken {
  const claims = readUnverifiedClaims(text)
  if (claims === undefined) throw new TokenClientError('user_token_malformed', { reason: 'not_a_jwt' })
  const clientId = claims.azp ?? claims.appid
  if (
    claims.nonce !== undefined ||
    claims.at_hash !== undefined ||
    claims.c_hash !== undefined ||
    clientId === undefined
  ) {
    throw new TokenClientError('user_token_is_id_token')
  }
  if (claims.idtyp === 'app' || !isText(claims.scp)) {
    throw new TokenClientError('user_token_is_application_token')
  }
  if (!isGuid(claims.tid)) throw new TokenClientError('user_token_malformed', { reason: 'tid' })
  const tenantId = claims.tid.toLowerCase()
  const objectId = claims.oid ?? claims.sub
  return {
    text,
    tenantId,
    expiresAt: readExpiry(claims.exp),
    owner: isText(objectId) && isText(clientId) ? { tenantId, objectId, clientId } : undefined,
  }
}
