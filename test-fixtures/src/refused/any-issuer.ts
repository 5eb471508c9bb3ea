import { genericSubject } from '../identities.js'
import { forbidden, invalid, type RefusedRequest } from './row.js'

const generic = (claims: Readonly<Record<string, unknown>>) => ({ from: 'generic', claims }) as const

/** Tokens of other issuers than Entra: of another type, for another audience, with another required claim, of unknown kind. */
export const anyIssuerRows: readonly RefusedRequest[] = [
  invalid('id_token', 'a generic id token, by its s_hash', generic({ s_hash: 'h' }), { claim: 's_hash' }),
  invalid('id_token', 'an id token of Cognito, by its token_use', generic({ token_use: 'id' }), {
    claim: 'token_use',
  }),
  invalid('id_token', 'an id token of Keycloak, by its typ', generic({ typ: 'ID' }), { claim: 'typ' }),
  invalid(
    'id_token',
    'a generic id token, by its nonce and no scope',
    generic({ nonce: 'n', scope: undefined }),
    { claim: 'nonce', reason: 'nonce_without_scope' },
  ),
  invalid(
    'id_token',
    'a generic id token, by its nonce and a scope that is null',
    generic({ nonce: 'n', scope: null }),
    { claim: 'nonce', reason: 'nonce_without_scope' },
  ),
  invalid(
    'token_type_mismatch',
    'a signed introspection answer',
    generic({ token_introspection: { active: true } }),
    { claim: 'token_introspection' },
  ),
  invalid('token_type_mismatch', 'a request object', generic({ response_type: 'code' }), {
    claim: 'response_type',
  }),
  invalid('token_type_mismatch', 'a DPoP proof with an issuer', generic({ htm: 'GET' }), { claim: 'htm' }),
  invalid(
    'token_type_mismatch',
    'a signed authorization response',
    generic({ sub: undefined, scope: undefined, code: 'c', state: 's' }),
    { claim: 'code' },
  ),
  invalid(
    'token_type_mismatch',
    'a signed authorization response with an error',
    generic({ sub: undefined, scope: undefined, error: 'access_denied' }),
    { claim: 'error' },
  ),
  invalid(
    'claim_missing',
    'a signed userinfo answer, by its missing exp',
    generic({ exp: undefined, scope: undefined }),
    {
      claim: 'exp',
    },
  ),
  ...['sub', 'client_id', 'jti', 'iat'].map((claim) =>
    invalid(
      'claim_missing',
      `an access token without ${claim} where RFC 9068 is required`,
      { from: 'rfc9068', claims: { [claim]: undefined } },
      { issuerOptions: { tokenType: 'rfc9068' }, claim, reason: 'rfc9068' },
    ),
  ),
  invalid(
    'token_type_mismatch',
    'a token without the claim that the issuer writes into access tokens',
    generic({}),
    {
      issuerOptions: { tokenType: { claims: { typ: ['Bearer'] } } },
      claim: 'typ',
      reason: 'token_type_rule',
    },
  ),
  invalid(
    'token_type_mismatch',
    'a token with another header than the issuer writes into access tokens',
    generic({}),
    { issuerOptions: { tokenType: { header: { typ: 'at+jwt' } } }, claim: 'typ', reason: 'token_type_rule' },
  ),
  invalid('claim_missing', 'a generic token without aud', generic({ aud: undefined }), { claim: 'aud' }),
  invalid('claim_missing', 'a generic token whose aud is null', generic({ aud: null }), { claim: 'aud' }),
  invalid(
    'audience_mismatch',
    'another client where the client is the audience',
    generic({ aud: undefined, client_id: 'other' }),
    { issuerOptions: { audienceClaim: 'client_id' }, claim: 'client_id' },
  ),
  invalid(
    'audience_mismatch',
    'another aud where the client could be the audience',
    generic({ aud: 'https://other.example', client_id: 'https://files.example' }),
    { issuerOptions: { audienceClaim: 'client_id' }, claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    'an empty list of audiences where the client could be the audience',
    generic({ aud: [], client_id: 'https://files.example' }),
    { issuerOptions: { audienceClaim: 'client_id' }, claim: 'aud' },
  ),
  invalid(
    'claim_missing',
    'a token with neither aud nor the claim that counts instead',
    generic({ aud: undefined }),
    { issuerOptions: { audienceClaim: 'client_id' }, claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    'an aud for another API where a missing one is accepted',
    generic({ aud: 'https://other.example', org: 'acme' }),
    { issuerOptions: { acceptMissingAudience: true, requiredClaims: { org: 'acme' } }, claim: 'aud' },
  ),
  ...(
    [
      ['without a required claim', {}],
      ['with another value of a required claim', { org: 'evil' }],
      ['with a required claim in other letters', { org: 'ACME' }],
      ['with a list where one value is required', { org: ['acme'] }],
      ['with a required claim that is null', { org: null }],
    ] as const
  ).map(([name, claims]) =>
    forbidden('claim_not_allowed', `a token ${name}`, generic(claims), {
      issuerOptions: { requiredClaims: { org: 'acme' } },
      claim: 'org',
    }),
  ),
  forbidden(
    'claim_not_allowed',
    'a token with another value inside a required object',
    generic({ org: { id: 2 } }),
    {
      issuerOptions: { requiredClaims: { org: { id: [1, 3] } } },
      claim: 'org.id',
    },
  ),
  forbidden(
    'client_not_allowed',
    'another client by the claim that names it',
    generic({ cid: 'other', azp: 'web' }),
    {
      issuerOptions: { claims: { clientId: 'cid' } },
      options: { allowedClients: ['web'] },
    },
  ),
  forbidden(
    'role_insufficient',
    'a role by another claim than the configured one',
    generic({ roles: ['editor'] }),
    {
      issuerOptions: { claims: { roles: 'permissions' } },
      permission: { scopes: 'files:read', roles: 'editor' },
      scope: 'files:read',
    },
  ),
  forbidden('role_insufficient', 'roles of a shape that cannot be read', generic({ roles: { editor: {} } }), {
    permission: { scopes: 'files:read', roles: 'editor' },
    scope: 'files:read',
  }),
  forbidden(
    'kind_not_allowed',
    "a token without a subject where a user's is required",
    generic({ sub: undefined, client_id: 'web' }),
    { permission: { delegated: { scopes: 'files:read' } } },
  ),
  forbidden(
    'kind_not_allowed',
    "a token without a subject where an application's is required",
    generic({ sub: undefined, client_id: 'web', roles: ['editor'] }),
    { permission: { application: { roles: 'editor' } } },
  ),
  forbidden(
    'kind_not_allowed',
    "a client's subject with a sign-in where an application's is required",
    generic({ client_id: genericSubject, roles: ['editor'], auth_time: 1 }),
    { permission: { application: { roles: 'editor' } } },
  ),
  invalid('kind_undecided', 'a token of Entra with a slash for its scopes and a user', {
    claims: { scp: '/', idtyp: 'user' },
  }),
]
