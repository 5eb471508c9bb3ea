import { daemonClientId } from '../identities.js'
import { invalid, type RefusedRequest } from './row.js'

/** Tokens that are not access tokens, or whose kind or sender is not proved. */
export const kindRows: readonly RefusedRequest[] = [
  invalid('id_token', 'an id token, by its nonce', { claims: { nonce: 'n-0S6_WzA2Mj' } }),
  invalid('id_token', 'an id token, by its at_hash', { claims: { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' } }),
  invalid('id_token', 'an id token, by its c_hash', { claims: { c_hash: 'LDktKdoQak3Pk0cnXxCltA' } }),
  invalid('id_token', 'a v1.0 id token, by its nonce', {
    from: 'v1Delegated',
    claims: { nonce: 'n-0S6_WzA2Mj' },
  }),
  invalid('id_token', 'a generic id token, by its at_hash', {
    from: 'generic',
    claims: { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' },
  }),
  invalid('id_token', 'a generic id token, by its c_hash', {
    from: 'generic',
    claims: { c_hash: 'LDktKdoQak3Pk0cnXxCltA' },
  }),
  invalid('token_type_mismatch', 'a generic logout token, by its events', {
    from: 'generic',
    claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
  }),
  invalid(
    'claim_missing',
    'a v2.0 token without its client',
    { claims: { azp: undefined } },
    { claim: 'azp' },
  ),
  invalid(
    'claim_missing',
    'a v1.0 token without its client',
    { from: 'v1Delegated', claims: { appid: undefined } },
    { claim: 'appid' },
  ),
  invalid('claim_malformed', 'a client that is a number', { claims: { azp: 12 } }, { claim: 'azp' }),
  invalid('claim_malformed', 'scopes in a list', { claims: { scp: ['Files.Read'] } }, { claim: 'scp' }),
  invalid('claim_malformed', 'scopes that are a number', { claims: { scp: 1 } }, { claim: 'scp' }),
  invalid(
    'claim_malformed',
    'roles in one string',
    { from: 'v2Application', claims: { roles: 'Files.Read.All' } },
    { claim: 'roles' },
  ),
  invalid(
    'claim_malformed',
    'roles with a number among them',
    { from: 'v2Application', claims: { roles: ['Files.Read.All', 1] } },
    { claim: 'roles' },
  ),
  invalid('permissions_missing', 'an application token without roles', {
    from: 'v2Application',
    claims: { roles: undefined },
  }),
  invalid('permissions_missing', 'an application token without roles that says so with idtyp', {
    from: 'v2Application',
    claims: { roles: undefined, idtyp: 'app' },
  }),
  invalid(
    'permissions_missing',
    'an application token without roles of a client on the list that does not say so with idtyp',
    { from: 'v2Application', claims: { roles: undefined } },
    { options: { allowedClients: [daemonClientId] }, claim: 'idtyp', reason: 'idtyp_required' },
  ),
  invalid('permissions_missing', 'an application token with an empty list of roles', {
    from: 'v2Application',
    claims: { roles: [] },
  }),
  invalid('permissions_missing', 'a v1.0 application token without roles', {
    from: 'v1Application',
    claims: { roles: undefined },
  }),
  invalid('kind_undecided', 'an application token with the name of a user', {
    from: 'v2Application',
    claims: { name: 'Mara Lindqvist' },
  }),
  invalid('kind_undecided', 'an application token with a preferred_username', {
    from: 'v2Application',
    claims: { preferred_username: 'mara@contoso.example' },
  }),
  invalid('kind_undecided', 'a v1.0 application token with a upn', {
    from: 'v1Application',
    claims: { upn: 'mara@contoso.example' },
  }),
  invalid('kind_undecided', 'an application token of a public client', {
    from: 'v2Application',
    claims: { azpacr: '0' },
  }),
  invalid('kind_undecided', 'an application token that does not say how its client authenticated', {
    from: 'v2Application',
    claims: { azpacr: undefined },
  }),
  invalid('kind_undecided', 'a v1.0 application token of a public client', {
    from: 'v1Application',
    claims: { appidacr: '0' },
  }),
  invalid('kind_undecided', "a user's token without scopes", {
    from: 'v2Application',
    claims: { idtyp: 'user' },
  }),
  invalid('kind_undecided', 'a v1.0 application token with a name', {
    from: 'v1Application',
    claims: { name: 'Mara Lindqvist' },
  }),
  invalid('kind_undecided', 'a token of a user that says it is of an application', {
    claims: { idtyp: 'app' },
  }),
  invalid('kind_undecided', 'an application token whose client authenticated in an unknown way', {
    from: 'v2Application',
    claims: { azpacr: '3' },
  }),
  invalid('kind_undecided', 'scopes of nothing but spaces', { claims: { scp: '  ' } }),
  invalid(
    'claim_malformed',
    'an empty list of scopes in a string',
    { claims: { scp: '' } },
    { claim: 'scp' },
  ),
  invalid('claim_malformed', 'an empty client', { claims: { azp: '' } }, { claim: 'azp' }),
  invalid('claim_malformed', 'an empty object id', { claims: { oid: '' } }, { claim: 'oid' }),
  invalid('claim_malformed', 'a subject that is a number', { claims: { sub: 7 } }, { claim: 'sub' }),
  invalid('claim_malformed', 'an idtyp that is a list', { claims: { idtyp: ['app'] } }, { claim: 'idtyp' }),
  invalid('claim_malformed', 'groups in one string', { claims: { groups: 'a' } }, { claim: 'groups' }),
  invalid(
    'claim_malformed',
    'a list of claim names that is no object',
    { claims: { _claim_names: ['groups'] } },
    { claim: '_claim_names' },
  ),
  invalid('kind_undecided', "a device's token", { from: 'v2Application', claims: { idtyp: 'device' } }),
  invalid('sender_binding_unproven', 'a token bound to a DPoP key', {
    claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
  }),
  invalid('sender_binding_unproven', 'a token bound to a client certificate', {
    claims: { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } },
  }),
  invalid('sender_binding_unproven', 'a token bound in an unknown way', {
    claims: { cnf: { kid: 'proof' } },
  }),
  invalid('sender_binding_unproven', 'a generic token bound to a DPoP key', {
    from: 'rfc9068',
    claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
  }),
  invalid('sender_binding_unproven', 'a confirmation that is not an object', { claims: { cnf: 'none' } }),
  invalid('sender_binding_unproven', 'a confirmation that is null', { claims: { cnf: null } }),
]
