import { now } from './clock.js'
import { genericIssuer } from './identities.js'
import type { TokenChange } from './tokens.js'

/**
 * Tokens as real issuers write them: the access token, the same issuer's id token where it has one, and what a validator
 * finds in the first. Values are invented; each shape names its source. `iss` is the test issuer's, unless the issuer's
 * spelling matters.
 */
export interface IssuerTokens {
  readonly name: string
  /** Where the shape is documented or was seen. */
  readonly source: string
  readonly access: TokenChange
  readonly id?: TokenChange
  readonly found: {
    readonly kind: 'delegated' | 'application' | 'unknown'
    readonly clientId?: string | undefined
    readonly scopes: readonly string[]
    readonly roles: readonly string[]
  }
}

/** A token of a generic issuer with just these claims, beside times and issuer. */
function token(claims: Readonly<Record<string, unknown>>, header: TokenChange['header'] = {}): TokenChange {
  return {
    from: 'generic',
    header,
    claims: {
      aud: undefined,
      sub: undefined,
      scope: undefined,
      iss: genericIssuer,
      exp: now + 600,
      ...claims,
    },
  }
}

const user = '5f0c8a52-2f0e-4b7a-9f5c-6f3f0a1b2c3d'

export const issuerTokens: readonly IssuerTokens[] = [
  {
    name: 'Keycloak, a user',
    source: 'keycloak core/util/TokenUtil; Upgrading guide 25.0',
    access: token({
      typ: 'Bearer',
      azp: 'web-shop',
      aud: ['orders-api', 'account'],
      sub: user,
      sid: 's-1',
      acr: '1',
      scope: 'openid orders:read',
      realm_access: { roles: ['offline_access'] },
      resource_access: { 'orders-api': { roles: ['editor'] }, account: { roles: ['manage-account'] } },
    }),
    id: token({ typ: 'ID', azp: 'orders-api', aud: 'orders-api', sub: user, sid: 's-1' }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: ['openid', 'orders:read'], roles: ['editor'] },
  },
  {
    name: 'Keycloak, a user without the scope basic',
    source: 'Keycloak Upgrading guide 25.0',
    access: token({
      typ: 'Bearer',
      azp: 'web-shop',
      aud: 'orders-api',
      scope: 'orders:read',
      resource_access: { 'orders-api': { roles: ['editor'] } },
    }),
    found: { kind: 'unknown', clientId: 'web-shop', scopes: ['orders:read'], roles: ['editor'] },
  },
  {
    name: 'Auth0, a user',
    source: 'Auth0, "Access Token Profiles"',
    access: token({
      aud: ['https://api.example', 'https://acme.eu.auth0.com/userinfo'],
      sub: 'auth0|507f1f77bcf86cd799439020',
      azp: 'my_client_id',
      scope: 'openid orders:read',
      permissions: ['orders:read'],
    }),
    id: token({ aud: 'my_client_id', sub: 'auth0|507f1f77bcf86cd799439020', nonce: 'n-1', sid: 's-1' }),
    found: {
      kind: 'delegated',
      clientId: 'my_client_id',
      scopes: ['openid', 'orders:read'],
      roles: ['orders:read'],
    },
  },
  {
    name: 'Auth0, an application',
    source: 'Auth0, "Access Token Profiles"',
    access: token({
      aud: 'https://api.example',
      sub: 'my_client_id@clients',
      azp: 'my_client_id',
      gty: 'client-credentials',
      permissions: ['orders:write'],
    }),
    found: { kind: 'application', clientId: 'my_client_id', scopes: [], roles: ['orders:write'] },
  },
  {
    name: 'Okta, a user',
    source: 'Okta, "Set up OAuth 2.0 On-Behalf-Of Token Exchange"',
    access: token(
      {
        ver: 1,
        jti: 'AT.1',
        aud: 'api://default',
        cid: '0oa1b2c3d4',
        uid: '00u1b2c3d4',
        scp: ['orders.read'],
        sub: 'mara@example.com',
        auth_time: now - 10,
      },
      { typ: undefined },
    ),
    id: token({ ver: 1, jti: 'ID.1', aud: 'api://default', sub: '00u1b2c3d4', amr: ['pwd'], auth_time: now }),
    found: { kind: 'delegated', clientId: '0oa1b2c3d4', scopes: ['orders.read'], roles: [] },
  },
  {
    name: 'Cognito, a user',
    source: 'aws-jwt-verify; Amazon Cognito developer guide',
    access: token(
      {
        token_use: 'access',
        client_id: '4h1rk3example',
        sub: user,
        username: 'mara',
        scope: 'orders/read',
        'cognito:groups': ['staff'],
        auth_time: now - 10,
      },
      { typ: undefined },
    ),
    id: token({ token_use: 'id', aud: '4h1rk3example', sub: user, 'cognito:username': 'mara' }),
    found: { kind: 'delegated', clientId: '4h1rk3example', scopes: ['orders/read'], roles: [] },
  },
  {
    name: 'Cognito, a user, with a resource',
    source: 'Amazon Cognito developer guide, "Resource binding"',
    access: token({
      token_use: 'access',
      client_id: '4h1rk3example',
      aud: 'https://orders.example',
      sub: user,
      username: 'mara',
      scope: 'orders/read',
    }),
    found: { kind: 'delegated', clientId: '4h1rk3example', scopes: ['orders/read'], roles: [] },
  },
  {
    name: 'GitHub Actions',
    source: 'GitHub, "OpenID Connect reference"',
    access: token({
      aud: 'https://deploy.example',
      sub: 'repo:acme/shop:ref:refs/heads/main',
      ref: 'refs/heads/main',
      repository: 'acme/shop',
      repository_id: '123456789',
      repository_owner_id: '42',
    }),
    found: { kind: 'application', scopes: [], roles: [] },
  },
  {
    name: 'Kubernetes',
    source: 'projected tokens in public samples',
    access: token(
      {
        aud: ['orders-api'],
        sub: 'system:serviceaccount:shop:checkout',
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'checkout', uid: 'u' } },
      },
      { typ: undefined },
    ),
    found: {
      kind: 'application',
      clientId: 'system:serviceaccount:shop:checkout',
      scopes: [],
      roles: [],
    },
  },
  {
    name: 'Azure AD B2C, a user',
    source: 'Azure AD B2C, "Overview of tokens"',
    access: token({
      ver: '1.0',
      aud: '22222222-2222-4222-8222-222222222222',
      azp: '33333333-3333-4333-8333-333333333333',
      sub: user,
      scp: 'orders.read',
      tfp: 'B2C_1_sign_in',
      nonce: 'n-1',
      emails: ['mara@example.com'],
    }),
    id: token({
      ver: '1.0',
      aud: '22222222-2222-4222-8222-222222222222',
      sub: user,
      tfp: 'B2C_1_sign_in',
      nonce: 'n-1',
    }),
    found: {
      kind: 'delegated',
      clientId: '33333333-3333-4333-8333-333333333333',
      scopes: ['orders.read'],
      roles: [],
    },
  },
  {
    name: 'ADFS',
    source: 'jwt/ruby-jwt#370; aspnet/Security#1852',
    access: token({
      aud: 'microsoft:identityserver:22222222-2222-4222-8222-222222222222',
      appid: '33333333-3333-4333-8333-333333333333',
      apptype: 'Public',
      scp: 'orders.read',
      ver: '1.0',
      auth_time: '2026-03-01T12:00:00.000Z',
      authmethod: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    }),
    found: {
      kind: 'unknown',
      clientId: '33333333-3333-4333-8333-333333333333',
      scopes: ['orders.read'],
      roles: [],
    },
  },
  {
    name: 'Duende IdentityServer',
    source: 'Duende IdentityServer options reference; IdentityServer4#4982',
    access: token(
      {
        aud: 'orders-api',
        client_id: 'web-shop',
        sub: user,
        scope: ['orders.read', 'orders.write'],
        role: 'admin',
        amr: ['pwd'],
      },
      { typ: 'at+jwt' },
    ),
    id: token({ aud: 'orders-api', sub: user, amr: ['pwd'], sid: 's-1', idp: 'local' }),
    found: {
      kind: 'delegated',
      clientId: 'web-shop',
      scopes: ['orders.read', 'orders.write'],
      roles: ['admin'],
    },
  },
  {
    name: 'Spring Authorization Server, a user',
    source: 'spring-authorization-server JwtGenerator',
    access: token(
      { aud: 'web-shop', sub: 'mara', nbf: now - 10, jti: 'j', scope: ['orders.read'] },
      { typ: undefined },
    ),
    id: token({ aud: 'web-shop', azp: 'web-shop', sub: 'mara', auth_time: now }, { typ: undefined }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: ['orders.read'], roles: [] },
  },
  {
    name: 'Spring Authorization Server, an application',
    source: 'spring-authorization-server JwtGenerator',
    access: token({ aud: 'web-shop', sub: 'web-shop', jti: 'j', scope: ['orders.read'] }, { typ: undefined }),
    found: { kind: 'application', clientId: 'web-shop', scopes: ['orders.read'], roles: [] },
  },
  {
    name: 'Cloud Foundry UAA',
    source: 'cloudfoundry/uaa#701',
    access: token({
      aud: ['orders', 'web-shop'],
      client_id: 'web-shop',
      cid: 'web-shop',
      sub: user,
      scope: ['orders.read'],
      zid: 'uaa',
    }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: ['orders.read'], roles: [] },
  },
  {
    name: 'Zitadel',
    source: 'Zitadel, "Claims"',
    access: token({
      aud: ['123@shop', '271828'],
      azp: '123@shop',
      sub: user,
      jti: 'j',
      'urn:zitadel:iam:org:project:roles': { editor: { '1': 'acme.example' } },
    }),
    id: token({ aud: ['123@shop', '271828'], azp: '123@shop', sub: user, amr: ['pwd'], auth_time: now }),
    found: { kind: 'delegated', clientId: '123@shop', scopes: [], roles: ['editor'] },
  },
  {
    name: 'Authentik',
    source: 'goauthentik id_token.py',
    access: token({
      aud: 'web-shop',
      azp: 'web-shop',
      uid: 'u-1',
      sub: user,
      nonce: 'n-1',
      amr: ['pwd'],
      groups: ['staff'],
    }),
    id: token({ aud: 'web-shop', sub: user, nonce: 'n-1', amr: ['pwd'], groups: ['staff'] }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: [], roles: [] },
  },
  {
    name: 'Ory Hydra',
    source: 'ory/fosite claims_jwt.go',
    access: token({ aud: ['orders-api'], client_id: 'web-shop', sub: user, scp: ['orders.read'], ext: {} }),
    id: token({ aud: ['orders-api'], sub: user, at_hash: 'h' }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: ['orders.read'], roles: [] },
  },
  {
    name: 'Logto',
    source: 'Logto, "Opaque token"; oidc-provider',
    access: token(
      { aud: 'https://api.example', client_id: 'web-shop', sub: user, scope: 'orders:read', jti: 'j' },
      { typ: 'at+jwt' },
    ),
    id: token({ aud: 'https://api.example', sub: user, at_hash: 'h' }),
    found: { kind: 'delegated', clientId: 'web-shop', scopes: ['orders:read'], roles: [] },
  },
  {
    name: 'FusionAuth, an entity',
    source: 'FusionAuth, "Tokens"',
    access: token(
      { aud: 'entity-api', sub: 'entity-caller', permissions: ['read'], tid: user },
      { gty: ['client_credentials'] },
    ),
    found: { kind: 'application', clientId: 'entity-caller', scopes: [], roles: ['read'] },
  },
  {
    name: 'Clerk session',
    source: 'Clerk, "Session tokens"',
    access: token({
      azp: 'https://app.example',
      sub: 'user_1',
      sid: 'sess_1',
      v: 2,
      fva: [1, -1],
      o: { id: 'org_1', rol: 'admin', per: 'read,manage' },
    }),
    found: { kind: 'delegated', clientId: undefined, scopes: [], roles: ['read', 'manage'] },
  },
  {
    name: 'WorkOS session',
    source: 'WorkOS AuthKit, "Session tokens"',
    access: token({
      sub: 'user_1',
      sid: 'session_1',
      org_id: 'org_1',
      role: 'member',
      roles: ['member'],
      permissions: ['orders:read'],
    }),
    found: { kind: 'delegated', clientId: undefined, scopes: [], roles: ['member', 'orders:read'] },
  },
  {
    name: 'Supabase',
    source: 'Supabase, "JWT Claims Reference"',
    access: token({
      aud: 'authenticated',
      role: 'authenticated',
      sub: user,
      session_id: 's-1',
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: now }],
      email: '',
      app_metadata: { tenant: 'acme' },
    }),
    found: { kind: 'delegated', clientId: undefined, scopes: [], roles: [] },
  },
  {
    name: 'GitLab CI',
    source: 'GitLab, "ID token authentication"; pypi/warehouse#13575',
    access: token({
      aud: 'https://deploy.example',
      sub: 'project_path:acme/shop:ref_type:branch:ref:main',
      project_id: '20',
      namespace_id: '4',
      ref_protected: 'true',
      runner_id: 7,
    }),
    found: { kind: 'application', clientId: undefined, scopes: [], roles: [] },
  },
]
