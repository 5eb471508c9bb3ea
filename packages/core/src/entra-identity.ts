import { readAgent } from './entra-agent.js'
import { BearerError } from './errors.js'
import {
  claim,
  optionalString,
  optionalStrings,
  readGroups,
  requiredString,
  words,
  type Claims,
} from './claims.js'
import type { Recognition } from './issuer.js'
import type { TokenIdentity } from './validated-token.js'

const personClaims = ['name', 'upn', 'preferred_username']

/**
 * Decides what kind of token it is. An id token of an API's own registration has the same issuer, audience, key and `typ`
 * as an access token, and may carry `roles`: the kind is never concluded from an absent claim alone.
 */
export function readEntraIdentity(
  claims: Claims,
  { version, tenantId }: Recognition,
  allowedClients: readonly string[] | undefined,
): TokenIdentity {
  const clientId = requiredString(claims, version === '1.0' ? 'appid' : 'azp')
  const methodClaim = version === '1.0' ? 'appidacr' : 'azpacr'
  const scopes = readScopes(claims)
  const roles = optionalStrings(claims, 'roles')
  return {
    kind: kindOf(claims, scopes, roles, methodClaim, allowedClients),
    version,
    tenantId,
    subject: optionalString(claims, 'sub'),
    objectId: optionalString(claims, 'oid'),
    clientId,
    scopes,
    roles,
    groups: readGroups(claims),
    agent: readAgent(claims),
  }
}

function kindOf(
  claims: Claims,
  scopes: readonly string[],
  roles: readonly string[],
  methodClaim: 'appidacr' | 'azpacr',
  allowedClients: readonly string[] | undefined,
): 'delegated' | 'application' {
  const idtyp = optionalString(claims, 'idtyp')
  if (scopes.length > 0) {
    if (idtyp === 'app') throw new BearerError('kind_undecided', { claim: 'idtyp' })
    return 'delegated'
  }
  const method = optionalString(claims, methodClaim)
  const isApplication =
    idtyp === 'app' ||
    (idtyp === undefined &&
      (method === '1' || method === '2') &&
      !personClaims.some((name) => claim(claims, name) !== undefined))
  if (!isApplication)
    throw new BearerError('kind_undecided', { claim: idtyp === undefined ? methodClaim : 'idtyp' })
  if (roles.length === 0) {
    // Entra issues such a token to every client of the tenant; without a list of clients it proves nothing.
    if (allowedClients === undefined) throw new BearerError('permissions_missing')
    // With a list of clients alone a user's token of the same client would pass, unless the token says it is the client's own.
    if (idtyp !== 'app')
      throw new BearerError('permissions_missing', { claim: 'idtyp', reason: 'idtyp_required' })
  }
  return 'application'
}

function readScopes(claims: Claims): readonly string[] {
  const scp = optionalString(claims, 'scp')
  // An agent that acts as itself may carry a slash, which grants nothing (Entra Agent ID, "Token claims reference").
  return words(scp === undefined || scp === '/' ? '' : scp)
}
