import { now } from './clock.js'
import {
  apiClientId,
  apiUri,
  daemonClientId,
  daemonObjectId,
  genericAudience,
  genericClientId,
  genericIssuer,
  genericSubject,
  secondTenantId,
  tenantId,
  userClientId,
  userObjectId,
  userSubject,
  v1Issuer,
  v2Issuer,
} from './identities.js'
import type { Permission, Situation } from './setups.js'
import { tokenOfLength, tokenWith, type TokenChange, type ValidTokenName } from './tokens.js'

/** A request that must be accepted, and what the handler must see of its caller. */
export interface AcceptedRequest extends Situation {
  /** What arrives: "accepts <name>". */
  readonly name: string
  /** The token, or the raw values of every Authorization header. */
  make(): string | readonly string[]
  /** Members the validated token must have, exactly so. */
  readonly auth: Readonly<Record<string, unknown>>
}

const user = {
  kind: 'delegated',
  tenantId,
  subject: userSubject,
  objectId: userObjectId,
  clientId: userClientId,
  scopes: ['Files.Read', 'Files.Write'],
  userRoles: [],
  expiresAt: now + 3600,
}
const daemon = {
  kind: 'application',
  tenantId,
  subject: daemonObjectId,
  objectId: daemonObjectId,
  clientId: daemonClientId,
  scopes: [],
  roles: ['Files.Read.All', 'Files.Write.All'],
  expiresAt: now + 3600,
}

const valid: Record<ValidTokenName, Readonly<Record<string, unknown>>> = {
  v1Delegated: { ...user, version: '1.0', issuer: v1Issuer() },
  v1Application: { ...daemon, version: '1.0', issuer: v1Issuer() },
  v2Delegated: { ...user, version: '2.0', issuer: v2Issuer() },
  v2Application: { ...daemon, version: '2.0', issuer: v2Issuer() },
  rfc9068: {
    issuer: genericIssuer,
    subject: genericSubject,
    clientId: genericClientId,
    scopes: ['files:read', 'files:write'],
    expiresAt: now + 3600,
  },
  generic: {
    issuer: genericIssuer,
    subject: genericSubject,
    scopes: ['files:read', 'files:write'],
    expiresAt: now + 3600,
  },
}

/** A row names a member `undefined` that the valid token has and this one has not. */
function withoutUndefined(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

type Rest = Partial<Pick<AcceptedRequest, keyof Situation | 'auth'>>

/** A valid token with one change that must make no difference but the one named. */
function accepted(
  name: string,
  change: TokenChange & { make?: () => string | readonly string[] } = {},
  rest: Rest = {},
): AcceptedRequest {
  const from = change.from ?? 'v2Delegated'
  const { auth, ...more } = rest
  return {
    name,
    setup: from === 'generic' || from === 'rfc9068' ? 'oidc' : 'entra',
    make: change.make ?? (() => tokenWith(change)),
    ...more,
    auth: withoutUndefined({ ...valid[from], ...auth }),
  }
}

const multiTenant = { setup: 'entraMultiTenant' } as const
const reading: Permission = {
  delegated: { scopes: 'Files.Read' },
  application: { roles: 'Files.Read.All' },
}

/** Every request that must be accepted: the plain ones, and those next to the refused ones. */
export const acceptedRequests: readonly AcceptedRequest[] = [
  accepted('a delegated v1.0 token', { from: 'v1Delegated' }),
  accepted('an application v1.0 token', { from: 'v1Application' }),
  accepted('a delegated v2.0 token'),
  accepted('an application v2.0 token', { from: 'v2Application' }),
  accepted('an RFC 9068 access token', { from: 'rfc9068' }),
  accepted('a plain JWT of a generic issuer', { from: 'generic' }),

  accepted('the scheme in lower case', { make: () => [`bearer ${tokenWith()}`] }),
  accepted('the scheme in capitals', { make: () => [`BEARER ${tokenWith()}`] }),
  accepted('two spaces after the scheme', { make: () => [`Bearer  ${tokenWith()}`] }),
  accepted('a token of exactly 16 KiB', { make: () => tokenOfLength(16_384) }),

  accepted('spaces and line breaks in the JSON of header and payload', {
    headerText: (json) => json.replaceAll(',', ',\r\n '),
    payloadText: (json) => ` ${json.replace('{', '{\n\t')}\n`,
  }),
  accepted('the same name in two different objects', { claims: { x: { y: 1 }, z: [{ y: 1 }, { y: 2 }] } }),
  accepted('every slash escaped, in names and values', {
    claims: { 'https://contoso.example/claims/team': 'a/b' },
    payloadText: (json) => json.replaceAll('/', String.raw`\/`),
  }),
  accepted('colons, braces and escaped quotes inside strings', {
    claims: { note: '{"aud":"x","aud":"y"}\\', 'a:b"c': ':' },
  }),
  accepted('an unknown claim', { claims: { xms_new: { deep: [1, 'two', null] } } }),
  accepted('a claim with characters beyond ASCII', { claims: { name: 'Zoë 名前 🗝️' } }),
  accepted('a claim named like a method of every object', {
    claims: { constructor: 'x', hasOwnProperty: 1 },
  }),
  accepted("an attacker's key embedded beside the real signature", {
    header: {
      jwk: { kty: 'oct', k: 'AAAA' },
      jku: 'https://attacker.example/keys',
      x5u: 'https://attacker.example/x5u',
    },
  }),
  accepted('the second key of the set', { key: 'entraNext' }),

  accepted(
    'a token one second before its tolerance ends',
    { claims: { exp: now - 59 } },
    { auth: { expiresAt: now - 59 } },
  ),
  accepted(
    'a token one second before its expiry without tolerance',
    { claims: { exp: now + 1 } },
    { options: { clockToleranceSeconds: 0 }, auth: { expiresAt: now + 1 } },
  ),
  accepted('an expiry with a fraction', { claims: { exp: now + 10.5 } }, { auth: { expiresAt: now + 10.5 } }),
  accepted('a token on the second its tolerance begins', { claims: { nbf: now + 60 } }),
  accepted('a token issued on the last tolerated second', { claims: { iat: now + 60 } }),
  accepted(
    'a token one second before it is too old',
    { claims: { iat: now - 659 } },
    { options: { maxTokenAgeSeconds: 600 } },
  ),
  accepted('a token without a start of validity', { claims: { nbf: undefined } }),

  accepted('an application token that says so with idtyp', {
    from: 'v2Application',
    claims: { idtyp: 'app', azpacr: undefined },
  }),
  accepted(
    'an application token whose subject is not its object id',
    { from: 'v2Application', claims: { sub: '/eid1/c/pub/t/agent' } },
    { auth: { subject: '/eid1/c/pub/t/agent' } },
  ),
  accepted(
    "a user's token with roles, as user roles",
    { claims: { roles: ['Editor'] } },
    { auth: { userRoles: ['Editor'] } },
  ),
  accepted(
    'an application token without roles of a client on the list',
    { from: 'v2Application', claims: { roles: undefined, idtyp: 'app' } },
    { options: { allowedClients: [daemonClientId] }, auth: { roles: [] } },
  ),
  accepted('scopes with two spaces between and one at each end', {
    claims: { scp: ' Files.Read  Files.Write ' },
  }),
  accepted(
    'a v1.0 application token without roles of a client on the list',
    { from: 'v1Application', claims: { roles: undefined, idtyp: 'app' } },
    { options: { allowedClients: [daemonClientId] }, auth: { roles: [] } },
  ),
  accepted("a user's token that says so with idtyp", { claims: { idtyp: 'user' } }),
  accepted('an application token of a client with a certificate', {
    from: 'v2Application',
    claims: { azpacr: '2' },
  }),
  accepted('a client on the list', {}, { options: { allowedClients: [userClientId, daemonClientId] } }),
  accepted('a v1.0 token for the identifier URI', { from: 'v1Delegated', claims: { aud: apiUri } }),
  accepted('one audience of several', { claims: { aud: ['https://other.example', apiClientId] } }),

  accepted('a v2.0 token of one of many tenants', {}, multiTenant),
  accepted('a v1.0 token of one of many tenants', { from: 'v1Application' }, multiTenant),
  accepted(
    'a token of the second of many tenants',
    { claims: { iss: v2Issuer(secondTenantId), tid: secondTenantId } },
    { ...multiTenant, auth: { issuer: v2Issuer(secondTenantId), tenantId: secondTenantId } },
  ),
  accepted(
    'a v1.0 token of the second of many tenants',
    { from: 'v1Delegated', claims: { iss: v1Issuer(secondTenantId), tid: secondTenantId } },
    { ...multiTenant, auth: { issuer: v1Issuer(secondTenantId), tenantId: secondTenantId } },
  ),

  accepted('a signature with ES256', { from: 'generic', key: 'p256' }),
  accepted('a signature with ES384', { from: 'generic', key: 'p384' }),
  accepted('a signature with ES512', { from: 'generic', key: 'p521' }),
  accepted('a signature with EdDSA', { from: 'generic', key: 'ed25519' }),
  accepted('a signature with Ed25519 by its own name', {
    from: 'generic',
    key: 'ed25519',
    header: { alg: 'Ed25519' },
  }),
  accepted(
    'a signature with RS384 where the issuer is configured for it',
    { from: 'generic', header: { alg: 'RS384' } },
    { issuerOptions: { algorithms: ['RS384'] } },
  ),
  accepted(
    'a signature with RS512 where the issuer is configured for it',
    { from: 'generic', header: { alg: 'RS512' } },
    { issuerOptions: { algorithms: ['RS512'] } },
  ),
  accepted(
    'a signature with PS256 where the issuer is configured for it',
    { from: 'generic', header: { alg: 'PS256' } },
    { issuerOptions: { algorithms: ['PS256'] } },
  ),
  accepted(
    'a signature with PS384 where the issuer is configured for it',
    { from: 'generic', header: { alg: 'PS384' } },
    { issuerOptions: { algorithms: ['PS384'] } },
  ),
  accepted(
    'a signature with PS512 where the issuer is configured for it',
    { from: 'generic', header: { alg: 'PS512' } },
    { issuerOptions: { algorithms: ['PS512'] } },
  ),
  accepted(
    'an access token where RFC 9068 is required',
    { from: 'rfc9068' },
    { issuerOptions: { tokenType: 'rfc9068' } },
  ),
  accepted('the type written out as a media type', {
    from: 'rfc9068',
    header: { typ: 'application/at+jwt' },
  }),
  accepted('the type in capitals', { from: 'rfc9068', header: { typ: 'AT+JWT' } }),
  accepted('a generic token without a type', { from: 'generic', header: { typ: undefined } }),
  accepted('a generic token with a nonce alone', { from: 'generic', claims: { nonce: 'n-0S6_WzA2Mj' } }),
  accepted('one audience as a string from a generic issuer', {
    from: 'generic',
    claims: { aud: genericAudience },
  }),
  accepted(
    'scopes in a list named scp from a generic issuer',
    { from: 'generic', claims: { scope: undefined, scp: ['files:read'] } },
    { auth: { scopes: ['files:read'] } },
  ),

  accepted('a user with the scope', {}, { permission: reading }),
  accepted('a daemon with the role', { from: 'v2Application' }, { permission: reading }),
  accepted('a v1.0 user with the scope', { from: 'v1Delegated' }, { permission: reading }),
  accepted(
    'a user with all of several scopes',
    {},
    { permission: { delegated: { scopes: ['Files.Read', 'Files.Write'] } } },
  ),
  accepted(
    'a user with the scope and the role',
    { claims: { roles: ['Editor'] } },
    { permission: { delegated: { scopes: 'Files.Read', roles: 'Editor' } }, auth: { userRoles: ['Editor'] } },
  ),
  accepted(
    'a v1.0 token whose audience is the bare client id',
    { from: 'v1Delegated', claims: { aud: apiClientId } },
    { auth: { version: '1.0' } },
  ),
  accepted(
    'an agent that acts as itself, with a slash for its scopes',
    {
      from: 'v2Application',
      claims: { scp: '/', idtyp: 'app', xms_act_fct: '3 11', xms_sub_fct: '11', xms_par_app_azp: 'b' },
    },
    {
      auth: {
        kind: 'application',
        scopes: [],
        agent: {
          isAgent: true,
          isAgentUser: false,
          blueprintId: 'b',
          actorFacets: [3, 11],
          subjectFacets: [11],
        },
      },
    },
  ),
  accepted(
    "an agent's own user, by a facet of the subject",
    { claims: { xms_sub_fct: 'x 13', xms_act_fct: '11' } },
    {
      auth: {
        kind: 'delegated',
        agent: { isAgent: true, isAgentUser: true, actorFacets: [11], subjectFacets: [13] },
      },
    },
  ),
  accepted(
    'scopes in a list named scope from a generic issuer',
    { from: 'generic', claims: { scope: ['files:read', 'files:write'] } },
    { auth: { scopes: ['files:read', 'files:write'] } },
  ),
  accepted(
    'a token without aud whose client is the audience',
    { from: 'generic', claims: { aud: undefined, client_id: genericAudience } },
    { issuerOptions: { audienceClaim: 'client_id' }, auth: { clientId: genericAudience } },
  ),
  accepted(
    'a token without any audience where that is accepted, with the required claim',
    { from: 'generic', claims: { aud: undefined, org: 'acme' } },
    { issuerOptions: { acceptMissingAudience: true, requiredClaims: { org: 'acme' } } },
  ),
  accepted(
    'a token with a required claim, inside an object, of several values',
    { from: 'generic', claims: { org: { id: 3 } } },
    { issuerOptions: { requiredClaims: { org: { id: [1, 3] } } } },
  ),
  accepted(
    'client, scopes and roles by the claims that are configured',
    { from: 'generic', claims: { cid: 'web', azp: 'other', permissions: 'editor', scopes: ['a', 'b'] } },
    {
      issuerOptions: { claims: { clientId: 'cid', roles: 'permissions', scopes: 'scopes' } },
      options: { allowedClients: ['web'] },
      permission: { scopes: 'b', roles: 'editor' },
      auth: { kind: 'delegated', clientId: 'web', scopes: ['a', 'b'], userRoles: ['editor'] },
    },
  ),
  accepted(
    'a token without a subject where a scope is required of any kind',
    { from: 'generic', claims: { sub: undefined, roles: ['editor'] } },
    {
      permission: { scopes: 'files:read' },
      auth: { kind: 'unknown', subject: undefined, rolesOfUnknownKind: ['editor'] },
    },
  ),
  accepted(
    'a type rule of the issuer that the token follows',
    { from: 'rfc9068', header: { typ: 'application/AT+JWT' }, claims: { typ: 'Bearer' } },
    { issuerOptions: { tokenType: { header: { typ: 'at+jwt' }, claims: { typ: ['Bearer', 'DPoP'] } } } },
  ),
  accepted('a generic token whose cleared claims are null', {
    from: 'generic',
    claims: { nbf: null, roles: null, groups: null, nonce: null, at_hash: null, client_id: null },
  }),
  accepted('a generic token with the scope', { from: 'rfc9068' }, { permission: { scopes: 'files:read' } }),
]
