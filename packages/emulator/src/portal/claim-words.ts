import type { Directory } from '../directory/directory.js'
import { isIdentifiedBy } from '../directory/lookup.js'
import { html, type Html, nameText } from '../pages/html.js'
import type { Json } from '../inspect/token.js'

/*
 * What each claim means, in a few words, with the names of what its value identifies.
 */

const meanings: Readonly<Record<string, string>> = {
  acct: 'account: 0 a member of the tenant, 1 a guest',
  acr: 'how strongly the user was authenticated (v1.0)',
  acrs: 'authentication contexts that the sign-in reached',
  aio: 'opaque data of the token service: ignore it',
  amr: 'how the user was authenticated',
  appidacr: 'how the client proved itself: 0 not at all, 1 a secret, 2 a certificate',
  auth_time: 'when the user signed in',
  azpacr: 'how the client proved itself: 0 not at all, 1 a secret, 2 a certificate',
  cnf: 'the key that the sender must prove to have',
  c_hash: 'hash of the code: binds the id token to it',
  email: 'the mail address: not verified, never a key for a user',
  exp: 'the end of its validity',
  family_name: 'the last name of the user',
  given_name: 'the first name of the user',
  groups: 'groups of the user, by object id',
  iat: 'when it was issued',
  idp: 'who authenticated the user, if it was another issuer',
  idtyp: 'what acts: app for an application itself',
  ipaddr: 'the address that the user signed in from',
  iss: 'who issued it',
  login_hint: 'names the account at a next sign-in',
  name: 'a name to show: never a key for a user',
  nbf: 'the begin of its validity',
  nonce: 'ties an id token to the request of its client',
  preferred_username: 'the sign-in name to show: it can change',
  rh: 'opaque data of the token service: ignore it',
  roles: 'roles: of the application itself, or of the user in the API',
  scp: 'what the user lets the client do',
  sid: 'the session of the user',
  sub: 'the user or application, by an id for this API alone',
  tid: 'the tenant that it was issued in',
  unique_name: 'a name to show (v1.0)',
  upn: 'the sign-in name of the user: it can change',
  uti: 'the id of this token, in logs as well',
  ver: 'the version of its shape, which the API chooses',
  wids: 'directory roles of the user',
  xms_cc: 'what the client can handle: cp1 is a claims challenge',
  xms_ftd: 'opaque data of the token service: ignore it',
}

/** Every other claim is in the place of the empty name. */
export const claimOrder: readonly string[] = [
  'aud',
  'scp',
  'roles',
  'exp',
  'iss',
  'tid',
  'azp',
  'appid',
  'oid',
  'preferred_username',
  'upn',
  'unique_name',
  'name',
  'ver',
  'idtyp',
  'azpacr',
  'appidacr',
  '',
  'nbf',
  'iat',
  'sub',
  'sid',
  'uti',
  'rh',
  'aio',
  'xms_ftd',
]

export const timeClaims: ReadonlySet<string> = new Set(['auth_time', 'exp', 'iat', 'nbf'])

/** The meaning of one claim in a token of this directory. */
export function claimMeaning(directory: Directory, name: string, value: unknown, claims: Json): Html {
  const text = typeof value === 'string' ? value : ''
  const tenant = directory.tenants.get(String(claims['tid']))
  switch (name) {
    case 'aud': {
      const api = [...directory.applications.values()].find((each) => isIdentifiedBy(each, text))
      return api === undefined
        ? html`for an API that is not registered here`
        : html`for the API ${nameText(api.displayName)}`
    }
    case 'azp':
    case 'appid': {
      const client = directory.applications.get(text)
      return client === undefined
        ? html`a client that is not registered here`
        : html`the client that asked: ${nameText(client.displayName)}`
    }
    case 'tid':
      return tenant === undefined
        ? html`a tenant that is not registered here`
        : html`issued in ${nameText(tenant.displayName)}`
    case 'oid': {
      const user = tenant?.users.get(text)
      if (user !== undefined) return html`the user ${nameText(user.displayName)}`
      const principal = [...(tenant?.servicePrincipals.values() ?? [])].find(({ id }) => id === text)
      return principal === undefined
        ? html`an object that this tenant does not have`
        : html`the service principal of ${nameText(principal.application.displayName)}`
    }
    default:
      return html`${Object.hasOwn(meanings, name) ? meanings[name] : 'added by the registration or by a hook'}`
  }
}
