import {
  clock,
  genericIssuer,
  issuerTokens,
  keySet,
  signingKey,
  tokenWith,
  type IssuerTokens,
} from '@countersign/test-fixtures'
import {
  absent,
  BearerError,
  createTokenValidator,
  oidcIssuer,
  present,
  type Claims,
  type OidcIssuerOptions,
  type TokenValidatorOptions,
  type TrustedIssuer,
} from '@countersign/core'
import {
  adfs,
  auth0,
  azureB2c,
  cognito,
  gitHubActions,
  keycloak,
  kubernetes,
  okta,
} from '@countersign/core/issuers'
import { describe, expect, it } from 'vitest'

/** One short, safe configuration for each issuer of `docs/issuers.md`. */
interface Row {
  readonly issuer: TrustedIssuer
  /** `iss` of its tokens, where it is not the test issuer's. */
  readonly iss?: string
  /** `issuer` of its metadata document. */
  readonly metadataIssuer?: string
  /** What a token for somebody else has instead; undefined where the issuer has no audience. */
  readonly otherAudience?: Readonly<Record<string, unknown>>
  /** What a token of a client that is not allowed has instead. */
  readonly otherClient?: { readonly claims: Readonly<Record<string, unknown>>; readonly code: string }
  /** The code that its id token is refused with. */
  readonly idToken?: string
}

/** An issuer that is configured by hand. */
function generic(options: Omit<OidcIssuerOptions, 'issuer'>): TrustedIssuer {
  return oidcIssuer({ issuer: genericIssuer, jwksUri: 'https://issuer.example/keys', ...options })
}

const other = { aud: 'https://other.example' }
const apiId = '22222222-2222-4222-8222-222222222222'
const callerId = '33333333-3333-4333-8333-333333333333'
const tenant = '11111111-1111-4111-8111-111111111111'

const keycloakRow: Row = {
  issuer: keycloak({
    issuer: 'https://id.example/realms/shop',
    audience: 'orders-api',
    rolesOfClient: 'orders-api',
    allowedClients: ['web-shop'],
  }),
  iss: 'https://id.example/realms/shop',
  otherAudience: { aud: 'account' },
  otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
  idToken: 'id_token',
}
const auth0Row: Row = {
  issuer: auth0({
    domain: 'acme.eu.auth0.com',
    audience: 'https://api.example',
    allowedClients: ['my_client_id'],
  }),
  iss: 'https://acme.eu.auth0.com/',
  otherAudience: other,
  otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
  idToken: 'id_token',
}
const cognitoRow: Row = {
  issuer: cognito({
    region: 'eu-central-1',
    userPoolId: 'eu-central-1_Ab12Cd34E',
    clientIds: '4h1rk3example',
    audience: 'https://orders.example',
  }),
  iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E',
  otherAudience: other,
  otherClient: { claims: { client_id: 'other' }, code: 'audience_mismatch' },
  idToken: 'id_token',
}
const springRow: Row = {
  issuer: generic({
    audience: 'web-shop',
    claims: { clientId: 'aud' },
    tokenType: { claims: { azp: absent, scope: present } },
  }),
  otherAudience: { aud: 'other' },
  idToken: 'token_type_mismatch',
}

const rows: Readonly<Record<string, Row>> = {
  'Keycloak, a user': keycloakRow,
  'Keycloak, a user without the scope basic': keycloakRow,
  'Auth0, a user': auth0Row,
  'Auth0, an application': auth0Row,
  'Okta, a user': {
    issuer: okta({
      issuer: 'https://acme.okta.com/oauth2/default',
      audience: 'api://default',
      allowedClients: ['0oa1b2c3d4'],
    }),
    iss: 'https://acme.okta.com/oauth2/default',
    otherAudience: other,
    otherClient: { claims: { cid: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  'Cognito, a user': { ...cognitoRow },
  'Cognito, a user, with a resource': {
    ...cognitoRow,
    otherClient: { claims: { client_id: 'other' }, code: 'accepted' },
  },
  'GitHub Actions': {
    issuer: gitHubActions({
      audience: 'https://deploy.example',
      requiredClaims: { repository_id: '123456789', ref: 'refs/heads/main' },
    }),
    iss: 'https://token.actions.githubusercontent.com',
    otherAudience: other,
    otherClient: { claims: { repository_id: '666' }, code: 'claim_not_allowed' },
  },
  Kubernetes: {
    issuer: kubernetes({
      issuer: 'https://kubernetes.default.svc.cluster.local',
      audience: 'orders-api',
      serviceAccounts: 'shop/checkout',
    }),
    iss: 'https://kubernetes.default.svc.cluster.local',
    otherAudience: { aud: ['other'] },
    otherClient: { claims: { sub: 'system:serviceaccount:evil:checkout' }, code: 'claim_not_allowed' },
  },
  'Azure AD B2C, a user': {
    issuer: azureB2c({
      domain: 'contoso.b2clogin.com',
      tenantId: tenant,
      policies: ['B2C_1_sign_in', 'B2C_1A_custom'],
      clientId: apiId,
      allowedClients: [callerId],
    }),
    iss: `https://contoso.b2clogin.com/${tenant}/v2.0/`,
    otherAudience: other,
    otherClient: { claims: { tfp: 'B2C_1_reset' }, code: 'claim_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  ADFS: {
    issuer: adfs({
      domain: 'fs.contoso.example',
      audience: `microsoft:identityserver:${apiId}`,
      allowedClients: [callerId],
    }),
    iss: 'http://fs.contoso.example/adfs/services/trust',
    metadataIssuer: 'https://fs.contoso.example/adfs',
    otherAudience: other,
    otherClient: { claims: { appid: 'other' }, code: 'client_not_allowed' },
  },
  'Duende IdentityServer': {
    issuer: generic({
      audience: 'orders-api',
      tokenType: { header: { typ: 'at+jwt' } },
      claims: { roles: 'role' },
      allowedClients: ['web-shop'],
    }),
    otherAudience: other,
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  'Spring Authorization Server, a user': springRow,
  'Spring Authorization Server, an application': springRow,
  'Cloud Foundry UAA': {
    issuer: generic({
      audience: 'orders',
      tokenType: { claims: { client_id: present } },
      requiredClaims: { zid: 'uaa' },
      allowedClients: ['web-shop'],
    }),
    otherAudience: { aud: ['other'] },
    otherClient: { claims: { zid: 'other' }, code: 'claim_not_allowed' },
  },
  Zitadel: {
    issuer: generic({
      audience: '271828',
      tokenType: { claims: { jti: present, amr: absent } },
      claims: {
        roles: ({ 'urn:zitadel:iam:org:project:roles': roles }: Claims) => Object.keys(roles as object),
      },
      allowedClients: ['123@shop'],
    }),
    otherAudience: { aud: ['161803'] },
    otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  Authentik: {
    issuer: generic({
      audience: 'web-shop',
      tokenType: { claims: { uid: present, azp: present }, allowNonce: true },
    }),
    otherAudience: { aud: 'other' },
    idToken: 'token_type_mismatch',
  },
  'Ory Hydra': {
    issuer: generic({ audience: 'orders-api', allowedClients: ['web-shop'] }),
    otherAudience: { aud: [] },
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'id_token',
  },
  Logto: {
    issuer: generic({ audience: 'https://api.example', tokenType: 'rfc9068', allowedClients: ['web-shop'] }),
    otherAudience: other,
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'id_token',
  },
  'FusionAuth, an entity': {
    issuer: generic({
      audience: 'entity-api',
      claims: { clientId: 'aud', roles: ['roles', 'permissions'] },
    }),
    otherAudience: { aud: 'other' },
  },
  'Clerk session': {
    issuer: generic({
      audience: 'https://app.example',
      audienceClaim: 'azp',
      claims: { clientId: () => undefined, roles: ({ o }: Claims) => (o as { per: string }).per.split(',') },
      requiredClaims: { sid: present },
    }),
    otherAudience: { azp: 'https://evil.example' },
  },
  'WorkOS session': {
    issuer: generic({
      acceptMissingAudience: true,
      requiredClaims: { org_id: 'org_1' },
      claims: { roles: ['roles', 'permissions'] },
    }),
    otherClient: { claims: { org_id: 'org_2' }, code: 'claim_not_allowed' },
  },
  Supabase: {
    issuer: oidcIssuer({
      issuer: 'https://abcdef.supabase.co/auth/v1',
      jwksUri: 'https://abcdef.supabase.co/auth/v1/.well-known/jwks.json',
      audience: 'authenticated',
      requiredClaims: { app_metadata: { tenant: 'acme' } },
    }),
    iss: 'https://abcdef.supabase.co/auth/v1',
    otherAudience: { aud: 'anon' },
    otherClient: { claims: { app_metadata: { tenant: 'evil' } }, code: 'claim_not_allowed' },
  },
  'GitLab CI': {
    issuer: oidcIssuer({
      issuer: 'https://gitlab.com',
      audience: 'https://deploy.example',
      requiredClaims: { project_id: '20', ref_protected: 'true' },
    }),
    iss: 'https://gitlab.com',
    otherAudience: other,
    otherClient: { claims: { project_id: '666' }, code: 'claim_not_allowed' },
  },
}

function validatorOptions({ issuer, iss, metadataIssuer }: Row): TokenValidatorOptions {
  return {
    issuer,
    clock,
    fetch: async (url) =>
      Response.json(
        url.includes('openid-configuration')
          ? { issuer: metadataIssuer ?? iss, jwks_uri: 'https://issuer.example/keys' }
          : keySet(['generic']),
      ),
  }
}

async function outcomeOf(row: Row, change: IssuerTokens['access'], claims: object = {}): Promise<string> {
  const { validateToken } = createTokenValidator(validatorOptions(row))
  const iss = row.iss ?? genericIssuer
  const token = tokenWith({ ...change, claims: { ...change.claims, iss, ...claims } })
  return validateToken(token).then(
    () => 'accepted',
    (error: unknown) => {
      if (error instanceof BearerError) return error.code
      throw error
    },
  )
}

it('has a configuration for every issuer of the table, and no other', () => {
  expect(Object.keys(rows).sort()).toEqual(issuerTokens.map(({ name }) => name).sort())
})

describe.each(issuerTokens)('a token of $name', ({ name, access, id, found }) => {
  const row = rows[name] as Row
  const iss = row.iss ?? genericIssuer

  it('is accepted with the right kind, client, scopes and roles', async () => {
    const { validateToken } = createTokenValidator(validatorOptions(row))
    const token = await validateToken(tokenWith({ ...access, claims: { ...access.claims, iss } }))
    const roles = { delegated: 'userRoles', application: 'roles', unknown: 'rolesOfUnknownKind' }[found.kind]
    expect(token).toMatchObject({ kind: found.kind, scopes: found.scopes, [roles]: found.roles })
    expect(token.clientId).toBe(found.clientId)
    expect(token.issuer).toBe(iss)
  })

  const refused = [
    ...(row.otherAudience === undefined
      ? []
      : [['for another audience', access, row.otherAudience, 'audience_mismatch'] as const]),
    ...(row.otherClient === undefined
      ? []
      : [['of another caller', access, row.otherClient.claims, row.otherClient.code] as const]),
    ...(id === undefined ? [] : [['that is its id token', id, {}, row.idToken] as const]),
  ]

  it.each(refused)('%s is answered with the expected code', async (_, change, claims, code) => {
    expect(await outcomeOf(row, change, claims)).toBe(code)
  })

  it('by the key of somebody else is refused with signature_invalid', async () => {
    const forged = {
      ...access,
      key: 'attacker',
      header: { ...access.header, kid: signingKey('generic').kid },
    } as const
    expect(await outcomeOf(row, forged)).toBe('signature_invalid')
  })
})
