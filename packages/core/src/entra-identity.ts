import { optionalString, optionalStrings, readGroups, requiredString, words, type Claims } from './claims.js'
import type { Recognition } from './issuer.js'
import type { Refuse } from './refuse.js'
import type { TokenIdentity } from './validated-token.js'

const idTokenClaims = ['nonce', 'at_hash', 'c_hash']
const personClaims = ['name', 'upn', 'preferred_username']

/**
 * Decides what kind of token it is. An id token of an API's own registration has the same issuer, audience, key and `typ`
 * as an access token, and may carry `roles`: so the kind is never guessed from what is absent alone.
 */
export function readEntraIdentity(
  claims: Claims,
  { version, tenantId }: Recognition,
  allowedClients: readonly string[] | undefined,
  refuse: Refuse,
): TokenIdentity {
  for (const name of idTokenClaims) {
    if (Object.hasOwn(claims, name)) throw refuse('id_token', { claim: name })
  }
  const clientId = requiredString(claims, version === '1.0' ? 'appid' : 'azp', refuse)
  const methodClaim = version === '1.0' ? 'appidacr' : 'azpacr'
  const scopes = readScopes(claims, refuse)
  const roles = optionalStrings(claims, 'roles', refuse)
  return {
    kind: kindOf(claims, scopes, roles, methodClaim, allowedClients, refuse),
    version,
    tenantId,
    subject: optionalString(claims, 'sub', refuse),
    objectId: optionalString(claims, 'oid', refuse),
    clientId,
    scopes,
    roles,
    groups: readGroups(claims, refuse),
  }
}

function kindOf(
  claims: Claims,
  scopes: readonly string[],
  roles: readonly string[],
  methodClaim: 'appidacr' | 'azpacr',
  allowedClients: readonly string[] | undefined,
  refuse: Refuse,
): 'delegated' | 'application' {
  const idtyp = optionalString(claims, 'idtyp', refuse)
  if (scopes.length > 0) {
    if (idtyp === 'app') throw refuse('kind_undecided', { claim: 'idtyp' })
    return 'delegated'
  }
  const method = optionalString(claims, methodClaim, refuse)
  const isApplication =
    idtyp === 'app' ||
    (idtyp === undefined &&
      (method === '1' || method === '2') &&
      !personClaims.some((name) => Object.hasOwn(claims, name)))
  if (!isApplication) throw refuse('kind_undecided', { claim: idtyp === undefined ? methodClaim : 'idtyp' })
  if (roles.length === 0) {
    // Entra issues such a token to every client of the tenant; without a list of clients it proves nothing.
    if (allowedClients === undefined) throw refuse('permissions_missing')
    // A list of clients alone lets a user's token of the same client pass, unless the token says it is the client's own.
    if (idtyp !== 'app') throw refuse('permissions_missing', { claim: 'idtyp', reason: 'idtyp_required' })
  }
  return 'application'
}

function readScopes(claims: Claims, refuse: Refuse): readonly string[] {
  const scp = optionalString(claims, 'scp', refuse)
  return scp === undefined ? [] : words(scp)
}
