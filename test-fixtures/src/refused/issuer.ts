import {
  foreignTenantId,
  genericIssuer,
  secondTenantId,
  tenantId,
  v1Issuer,
  v2Issuer,
} from '../identities.js'
import { invalid, multiTenant, type RefusedRequest } from './row.js'

/** Tokens of an issuer or a tenant that is not trusted. */
export const issuerRows: readonly RefusedRequest[] = [
  invalid('issuer_missing', 'a token without an issuer', { claims: { iss: undefined } }),
  invalid('claim_malformed', 'an issuer that is a list', { claims: { iss: [v2Issuer()] } }, { claim: 'iss' }),
  invalid('issuer_not_trusted', 'an issuer that is not configured', {
    claims: { iss: 'https://attacker.example/' },
  }),
  invalid('issuer_not_trusted', 'the issuer with a slash added', { claims: { iss: `${v2Issuer()}/` } }),
  invalid('issuer_not_trusted', 'the issuer in other letters', { claims: { iss: v2Issuer().toUpperCase() } }),
  invalid('issuer_not_trusted', 'an issuer that begins like the trusted one', {
    claims: { iss: `${v2Issuer()}.attacker.example` },
  }),
  invalid('issuer_not_trusted', 'the v1.0 issuer without its slash', {
    from: 'v1Delegated',
    claims: { iss: v1Issuer().slice(0, -1) },
  }),
  invalid('issuer_not_trusted', 'the issuer over http', {
    claims: { iss: v2Issuer().replace('https:', 'http:') },
  }),
  invalid('issuer_not_trusted', 'the issuer of another tenant', {
    claims: { iss: v2Issuer(foreignTenantId), tid: foreignTenantId },
  }),
  invalid('issuer_not_trusted', 'the v1.0 issuer of another tenant', {
    from: 'v1Delegated',
    claims: { iss: v1Issuer(foreignTenantId), tid: foreignTenantId },
  }),
  invalid('issuer_not_trusted', 'the issuer template itself', { claims: { iss: v2Issuer('{tenantid}') } }),
  invalid('issuer_not_trusted', 'the issuer of the US Government cloud', {
    claims: { iss: `https://login.microsoftonline.us/${tenantId}/v2.0` },
  }),
  invalid('issuer_not_trusted', 'a generic issuer under Entra', { claims: { iss: genericIssuer } }),
  invalid('issuer_not_trusted', 'an Entra issuer at a generic API', {
    from: 'generic',
    claims: { iss: v2Issuer() },
  }),
  invalid('issuer_not_trusted', 'the generic issuer with a slash added', {
    from: 'generic',
    claims: { iss: `${genericIssuer}/` },
  }),
  invalid('issuer_missing', 'a generic token without an issuer', {
    from: 'generic',
    claims: { iss: undefined },
  }),
  invalid('claim_missing', 'a token without a tenant', { claims: { tid: undefined } }, { claim: 'tid' }),
  invalid(
    'claim_malformed',
    'a tenant that is not a GUID',
    { claims: { tid: 'contoso.example' } },
    { claim: 'tid' },
  ),
  invalid('claim_malformed', 'a tenant that is a list', { claims: { tid: [tenantId] } }, { claim: 'tid' }),
  invalid(
    'claim_malformed',
    'a second tenant claim whose name differs in case',
    { claims: { TID: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    "the tenant's issuer with another tenant inside",
    { claims: { tid: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    "the tenant's v1.0 issuer with another tenant inside",
    { from: 'v1Application', claims: { tid: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_not_allowed',
    'a tenant that is not on the list',
    { claims: { iss: v2Issuer(foreignTenantId), tid: foreignTenantId } },
    multiTenant,
  ),
  invalid(
    'tenant_not_allowed',
    'a tenant that is not on the list, with a v1.0 token',
    { from: 'v1Application', claims: { iss: v1Issuer(foreignTenantId), tid: foreignTenantId } },
    multiTenant,
  ),
  invalid(
    'tenant_mismatch',
    'an allowed tenant under the issuer of another allowed one',
    { claims: { tid: secondTenantId } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    'an allowed tenant under the issuer of one that is not',
    { claims: { iss: v2Issuer(foreignTenantId) } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'issuer_not_trusted',
    'an unknown issuer where tenants are many',
    { claims: { iss: `https://attacker.example/${tenantId}/v2.0` } },
    multiTenant,
  ),
  invalid(
    'issuer_not_trusted',
    'the organizations issuer as the metadata spell it',
    { claims: { iss: v2Issuer('{tenantid}') } },
    multiTenant,
  ),
  invalid(
    'claim_missing',
    'a token without a tenant where tenants are many',
    { claims: { tid: undefined } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'claim_malformed',
    'a tenant that is not a GUID where tenants are many',
    { claims: { tid: 'common' } },
    { ...multiTenant, claim: 'tid' },
  ),
]
