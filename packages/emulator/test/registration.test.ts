import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Registration, RegistrationError, startEmulator } from '@countersign/emulator'
import { createTlsCertificate } from '../src/keys/tls-certificates.js'

const tls = createTlsCertificate([])
const tenant = { domains: ['contoso.example'], users: [{ userPrincipalName: 'alice@contoso.example' }] }
const application = { displayName: 'api', api: { oauth2PermissionScopes: [{ value: 'Things.Read' }] } }

const withApplication = (changes: object): unknown => ({
  tenants: [tenant],
  applications: [{ ...application, ...changes }],
})
const withTenant = (changes: object): unknown => ({
  tenants: [{ ...tenant, ...changes }],
  applications: [application],
})

async function refusalOf(registration: unknown): Promise<RegistrationError> {
  const error: unknown = await startEmulator({ registration: registration as Registration }).then(
    (emulator) => emulator.stop(),
    (reason: unknown) => reason,
  )
  if (!(error instanceof RegistrationError)) throw new Error('the registration was accepted')
  expect(error).toBeInstanceOf(TypeError)
  return error
}

describe('a registration is refused, with the place, for', () => {
  test.each<[string, unknown, string]>([
    ['no tenant', { tenants: [] }, 'tenants'],
    ['a name in a name', withApplication({ 'a/b~c d%': 'x' }), 'applications[0].a/b~c d%'],
    ['a misspelt member', withApplication({ displayname: 'x' }), 'applications[0].displayname'],
    ['an id that is no GUID', withApplication({ appId: 'api' }), 'applications[0].appId'],
    [
      'a token version that does not exist',
      withApplication({ api: { requestedAccessTokenVersion: 3 } }),
      'applications[0].api.requestedAccessTokenVersion',
    ],
    [
      'a scope with a space',
      withApplication({ api: { oauth2PermissionScopes: [{ value: 'Things Read' }] } }),
      'applications[0].api.oauth2PermissionScopes[0].value',
    ],
    [
      'a scope named .default',
      withApplication({ api: { oauth2PermissionScopes: [{ value: '.default' }] } }),
      'applications[0].api.oauth2PermissionScopes[0].value',
    ],
    [
      'a scope that is there twice',
      withApplication({ api: { oauth2PermissionScopes: [{ value: 'A' }, { value: 'A' }] } }),
      'applications[0].api.oauth2PermissionScopes[1].value',
    ],
    [
      'a date that is none',
      withApplication({ passwordCredentials: [{ secretText: 'x', endDateTime: 'soon' }] }),
      'applications[0].passwordCredentials[0].endDateTime',
    ],
    [
      'a certificate that is none',
      withApplication({ keyCredentials: [{ key: 'AAAA' }] }),
      'applications[0].keyCredentials[0].key',
    ],
    [
      'a certificate with its private key',
      withApplication({ keyCredentials: [{ key: tls.certificate + tls.privateKey }] }),
      'applications[0].keyCredentials[0].key',
    ],
    [
      'a secret as the page shows it',
      withApplication({ passwordCredentials: [{ secretText: '[hidden]' }] }),
      'applications[0].passwordCredentials[0].secretText',
    ],
    [
      'http for another host than localhost',
      withApplication({ web: { redirectUris: ['http://contoso.example/'] } }),
      'applications[0].web.redirectUris[0]',
    ],
    [
      'a redirect URI with a fragment',
      withApplication({ spa: { redirectUris: ['https://contoso.example/#x'] } }),
      'applications[0].spa.redirectUris[0]',
    ],
    [
      'a redirect URI that runs script',
      withApplication({ publicClient: { redirectUris: ['javascript:alert(1)'] } }),
      'applications[0].publicClient.redirectUris[0]',
    ],
    [
      'an unknown API',
      withApplication({ requiredResourceAccess: [{ resourceAppId: 'other', resourceAccess: [] }] }),
      'applications[0].requiredResourceAccess[0].resourceAppId',
    ],
    [
      'an unknown scope',
      withApplication({
        requiredResourceAccess: [
          { resourceAppId: 'api', resourceAccess: [{ id: 'Things.Write', type: 'Scope' }] },
        ],
      }),
      'applications[0].requiredResourceAccess[0].resourceAccess[0].id',
    ],
    [
      'an unknown home',
      withApplication({ publisherDomain: 'other.example' }),
      'applications[0].publisherDomain',
    ],
    [
      'personal accounts with v1.0 tokens',
      withApplication({ signInAudience: 'PersonalMicrosoftAccount' }),
      'applications[0].api.requestedAccessTokenVersion',
    ],
    ['a domain that is none', withTenant({ domains: ['contoso'] }), 'tenants[0].domains[0]'],
    [
      'a user that is there twice',
      withTenant({ users: [...tenant.users, { userPrincipalName: 'ALICE@contoso.example' }] }),
      'tenants[0].users[1].userPrincipalName',
    ],
    [
      'an unknown member',
      withTenant({ groups: [{ displayName: 'g', members: ['bob'] }] }),
      'tenants[0].groups[0].members[0]',
    ],
    [
      'a grant to an unknown client',
      withTenant({ oauth2PermissionGrants: [{ clientId: 'x', resourceId: 'api', scope: 'Things.Read' }] }),
      'tenants[0].oauth2PermissionGrants[0].clientId',
    ],
    [
      'a grant of an unknown scope',
      withTenant({ oauth2PermissionGrants: [{ clientId: 'api', resourceId: 'api', scope: 'Things.Write' }] }),
      'tenants[0].oauth2PermissionGrants[0].scope',
    ],
    [
      'a grant for one user without the user',
      withTenant({
        oauth2PermissionGrants: [
          { clientId: 'api', resourceId: 'api', scope: 'Things.Read', consentType: 'Principal' },
        ],
      }),
      'tenants[0].oauth2PermissionGrants[0].principalId',
    ],
    [
      'a role that the API does not offer',
      withTenant({ appRoleAssignments: [{ principalId: 'api', resourceId: 'api', appRoleId: 'X' }] }),
      'tenants[0].appRoleAssignments[0].appRoleId',
    ],
    [
      'a service principal with the id of its application',
      {
        tenants: [
          { ...tenant, servicePrincipals: [{ appId: 'api', id: '33333333-0000-4000-8000-000000000001' }] },
        ],
        applications: [{ ...application, appId: '33333333-0000-4000-8000-000000000001' }],
      },
      'tenants[0].servicePrincipals[0].id',
    ],
    [
      'a foreign application that is not multi-tenant',
      {
        tenants: [tenant, { domains: ['fabrikam.example'], servicePrincipals: [{ appId: 'api' }] }],
        applications: [application],
      },
      'tenants[1].servicePrincipals[0].appId',
    ],
    [
      'an application that is there twice',
      { tenants: [tenant], applications: [application, application] },
      'applications[1].displayName',
    ],
  ])('%s', async (_, registration, path) => {
    const error = await refusalOf(registration)
    expect(error.path).toBe(path)
    expect(error.message).toMatch(`registration: ${path}: `)
  })

  test('a file that is missing or not JSON, without its content in the message', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
    try {
      const file = join(folder, 'registration.json')
      expect((await refusalOf(file)).message).toContain('cannot read the file')
      await writeFile(file, '{"secretText": "test-value" ')
      const { message } = await refusalOf(file)
      expect(message).toContain('is not JSON')
      expect(message).not.toContain('test-value')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

test('a member whose name is half a character is refused, and does not crash', async () => {
  const registration = JSON.parse('{"tenants":[{"domains":["contoso.example"],"\\ud800":1}]}') as unknown
  expect((await refusalOf(registration)).message).toContain('has a member name that is not well-formed text')
})

test('a manifest as Graph exports it is accepted, with members that the emulator ignores', async () => {
  const exported = {
    '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#applications/$entity',
    id: '44444444-0000-4000-8000-000000000001',
    appId: '33333333-0000-4000-8000-000000000001',
    displayName: 'exported',
    publisherDomain: 'contoso.example',
    signInAudience: 'AzureADMyOrg',
    createdDateTime: '2025-01-01T00:00:00Z',
    identifierUris: [],
    tags: [],
    isFallbackPublicClient: null,
    groupMembershipClaims: null,
    optionalClaims: null,
    passwordCredentials: [
      { keyId: '44444444-0000-4000-8000-000000000002', hint: 'abc', secretText: null, displayName: null },
    ],
    keyCredentials: [],
    info: { termsOfServiceUrl: null },
    requiredResourceAccess: [
      {
        resourceAppId: '00000003-0000-0000-c000-000000000000',
        resourceAccess: [{ id: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d', type: 'Scope' }],
      },
    ],
    api: {
      acceptMappedClaims: null,
      knownClientApplications: [],
      requestedAccessTokenVersion: null,
      oauth2PermissionScopes: [],
      preAuthorizedApplications: [],
    },
    web: {
      homePageUrl: null,
      logoutUrl: null,
      redirectUris: [],
      implicitGrantSettings: { enableIdTokenIssuance: false },
    },
    spa: { redirectUris: [] },
    publicClient: { redirectUris: [] },
  }
  const registration = { tenants: [tenant], applications: [exported] } as Registration
  await using emulator = await startEmulator({ registration })
  await expect(emulator.issueToken({ client: 'exported', resource: 'exported' })).resolves.toEqual(
    expect.any(String),
  )
})

test('ids that are left out are the same on every start', async () => {
  const registration = { tenants: [tenant], applications: [application] }
  const tokens = []
  for (let round = 0; round < 2; round += 1) {
    await using emulator = await startEmulator({ registration })
    const token = await emulator.issueToken({ client: 'api', resource: 'api' })
    const { aud, tid, oid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    tokens.push({ aud, tid, oid })
  }
  expect(tokens[0]).toEqual(tokens[1])
})
