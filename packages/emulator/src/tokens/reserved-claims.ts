/** Claims that the protocol needs: neither a user of the registration nor a hook can change them. */
const reserved: ReadonlySet<string> = new Set([
  'acr',
  'aio',
  'amr',
  'appid',
  'appidacr',
  'aud',
  'azp',
  'azpacr',
  'c_hash',
  'cnf',
  'exp',
  'iat',
  'idtyp',
  'iss',
  'nbf',
  'nonce',
  'oid',
  'rh',
  'scp',
  'sub',
  'tid',
  'uti',
  'ver',
])

export function isReservedClaim(name: string): boolean {
  return reserved.has(name)
}
