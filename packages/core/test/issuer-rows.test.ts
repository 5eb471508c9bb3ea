import {
  clock,
  issuerTokens,
  keySet,
  signingKey,
  tokenWith,
  type TokenChange,
} from '@countersign/test-fixtures'
import { createTokenValidator, type TokenValidatorOptions } from '@countersign/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { documentedIssuer, titleOf } from './documented-issuers.js'

/** What is expected of the configuration that `docs/issuers.md` has for an issuer. */
interface Row {
  /** `iss` of its tokens. */
  readonly iss: string
  /** `issuer` of its metadata document, where that differs. */
  readonly metadataIssuer?: string
  /** What a token for another API has instead; undefined where the issuer has no audience. */
  readonly otherAudience?: Readonly<Record<string, unknown>>
  /** What a token of a client that is not allowed has instead. */
  readonly otherClient?: { readonly claims: Readonly<Record<string, unknown>>; readonly code: string }
  /** The code that its id token is refused with. */
  readonly idToken?: string
}

const other = { aud: 'https://other.example' }
const tenant = '11111111-1111-4111-8111-111111111111'

const keycloakRow: Row = {
  iss: 'https://id.example/realms/shop',
  otherAudience: { aud: 'account' },
  otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
  idToken: 'id_token',
}
const auth0Row: Row = {
  iss: 'https://acme.eu.auth0.com/',
  otherAudience: other,
  otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
  idToken: 'id_token',
}
const cognitoRow: Row = {
  iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E',
  otherAudience: other,
  otherClient: { claims: { client_id: 'other' }, code: 'audience_mismatch' },
  idToken: 'id_token',
}
const springRow: Row = {
  iss: 'https://identity.example',
  otherAudience: { aud: 'other' },
  idToken: 'token_type_mismatch',
}

const rows: Readonly<Record<string, Row>> = {
  'Keycloak, a user': keycloakRow,
  'Keycloak, a user without the scope basic': keycloakRow,
  'Auth0, a user': auth0Row,
  'Auth0, an application': auth0Row,
  'Okta, a user': {
    iss: 'https://acme.okta.com/oauth2/default',
    otherAudience: other,
    otherClient: { claims: { cid: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  'Cognito, a user': cognitoRow,
  'Cognito, a user, with a resource': {
    ...cognitoRow,
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
  },
  'GitHub Actions': {
    iss: 'https://token.actions.githubusercontent.com',
    otherAudience: other,
    otherClient: { claims: { repository_id: '666' }, code: 'claim_not_allowed' },
  },
  Kubernetes: {
    iss: 'https://kubernetes.default.svc.cluster.local',
    otherAudience: { aud: ['other'] },
    otherClient: { claims: { sub: 'system:serviceaccount:evil:checkout' }, code: 'claim_not_allowed' },
  },
  'Azure AD B2C, a user': {
    iss: `https://contoso.b2clogin.com/${tenant}/v2.0/`,
    otherAudience: other,
    otherClient: { claims: { tfp: 'B2C_1_reset' }, code: 'claim_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  ADFS: {
    iss: 'http://fs.contoso.example/adfs/services/trust',
    metadataIssuer: 'https://fs.contoso.example/adfs',
    otherAudience: other,
    otherClient: { claims: { appid: 'other' }, code: 'client_not_allowed' },
  },
  'Duende IdentityServer': {
    iss: 'https://identity.example',
    otherAudience: other,
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  'Spring Authorization Server, a user': springRow,
  'Spring Authorization Server, an application': springRow,
  'Cloud Foundry UAA': {
    iss: 'https://uaa.cf.example/oauth/token',
    otherAudience: { aud: ['other'] },
    otherClient: { claims: { zid: 'other' }, code: 'claim_not_allowed' },
  },
  Zitadel: {
    iss: 'https://shop.zitadel.example',
    otherAudience: { aud: ['161803'] },
    otherClient: { claims: { azp: 'other' }, code: 'client_not_allowed' },
    idToken: 'token_type_mismatch',
  },
  Authentik: {
    iss: 'https://sso.example/application/o/web-shop/',
    otherAudience: { aud: 'other' },
    idToken: 'token_type_mismatch',
  },
  'Ory Hydra': {
    iss: 'https://hydra.example',
    otherAudience: { aud: [] },
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'id_token',
  },
  Logto: {
    iss: 'https://shop.logto.app/oidc',
    otherAudience: other,
    otherClient: { claims: { client_id: 'other' }, code: 'client_not_allowed' },
    idToken: 'id_token',
  },
  'FusionAuth, an entity': {
    iss: 'https://auth.example',
    otherAudience: { aud: 'other' },
  },
  'Clerk session': {
    iss: 'https://clerk.app.example',
    otherAudience: { azp: 'https://evil.example' },
  },
  'WorkOS session': {
    iss: 'https://api.workos.com/user_management/client_01ABC',
    otherClient: { claims: { org_id: 'org_2' }, code: 'claim_not_allowed' },
  },
  Supabase: {
    iss: 'https://abcdef.supabase.co/auth/v1',
    otherAudience: { aud: 'anon' },
    otherClient: { claims: { app_metadata: { tenant: 'evil' } }, code: 'claim_not_allowed' },
  },
  'GitLab CI': {
    iss: 'https://gitlab.com',
    otherAudience: other,
    otherClient: { claims: { project_id: '666' }, code: 'claim_not_allowed' },
  },
}

async function outcomeOf(options: TokenValidatorOptions, change: TokenChange): Promise<string> {
  const { token, error } = await createTokenValidator(options).tryValidateToken(tokenWith(change))
  return token === undefined ? error.code : 'accepted'
}

it('has an expectation for every issuer of the table, and no other', () => {
  expect(Object.keys(rows).sort()).toEqual(issuerTokens.map(({ name }) => name).sort())
})

describe.each(issuerTokens)(
  'with the configuration of docs/issuers.md, a token of $name',
  ({ name, access, id, found }) => {
    const row = rows[name] as Row
    const { iss, metadataIssuer = iss } = row
    const withClaims = (change: TokenChange, claims: object = {}): TokenChange => ({
      ...change,
      claims: { ...change.claims, iss, ...claims },
    })
    let options: TokenValidatorOptions

    beforeAll(async () => {
      options = {
        issuer: await documentedIssuer(titleOf(name)),
        clock,
        fetch: async (url) =>
          Response.json(
            url.includes('openid-configuration')
              ? { issuer: metadataIssuer, jwks_uri: 'https://issuer.example/keys' }
              : keySet(['generic']),
          ),
      }
    })

    it('is accepted with the right kind, client, scopes and roles', async () => {
      const { validateToken } = createTokenValidator(options)
      const token = await validateToken(tokenWith(withClaims(access)))
      const roles = { delegated: 'userRoles', application: 'roles', unknown: 'rolesOfUnknownKind' }[
        found.kind
      ]
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
      expect(await outcomeOf(options, withClaims(change, claims))).toBe(code)
    })

    it('signed with another key is refused with signature_invalid', async () => {
      const forged = {
        ...access,
        key: 'attacker',
        header: { ...access.header, kid: signingKey('generic').kid },
      } as const
      expect(await outcomeOf(options, withClaims(forged))).toBe('signature_invalid')
    })
  },
)
