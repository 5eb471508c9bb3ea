import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, type Registration, startEmulator } from '@countersign/emulator'
import {
  askToken,
  contoso,
  createPkce,
  ids,
  nativeRedirectUri,
  onBehalfOf,
  openPage,
  type Page,
  refusal,
  registration,
  secrets,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
  startTestEmulator,
  withApplication,
  withContoso,
} from './support.js'

const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const startWith = (own: Registration): Promise<Emulator> =>
  startEmulator({ registration: own, clock: fixedClock(start) })

const codeOf = (page: Page): string => page.location?.searchParams.get('code') ?? ''

describe('a guest', () => {
  const guest = 'erin_fabrikam.example#EXT#@contoso.example'
  const own = withContoso({
    users: [
      ...contoso.users,
      { userPrincipalName: guest, guestOf: 'erin@fabrikam.example', mail: 'erin@fabrikam.example' },
    ],
    oauth2PermissionGrants: [
      ...contoso.oauth2PermissionGrants,
      { clientId: 'native', resourceId: 'v1', scope: 'Things.Read' },
      { clientId: 'native', resourceId: 'tier1', scope: 'Things.Read' },
    ],
  })

  test('has the tenant and object id of where they are, and idp and client_info of home', async () => {
    await using emulator = await startWith(own)
    const pkce = createPkce()
    const page = await signIn(emulator, {
      pkce,
      user: guest,
      query: { scope: 'openid api://v1/Things.Read', client_info: '1' },
    })
    const { body } = await askToken(emulator, {
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: nativeRedirectUri,
      code: codeOf(page),
      code_verifier: pkce.verifier,
      client_info: '1',
    })
    const claims = decodeJwt(String(body['access_token']))
    expect(claims).toMatchObject({
      tid: ids.contoso,
      idp: `${emulator.origin}/${ids.fabrikam}/`,
      email: 'erin@fabrikam.example',
    })
    const info = JSON.parse(Buffer.from(String(body['client_info']), 'base64url').toString()) as Record<
      string,
      string
    >
    expect(info['utid']).toBe(ids.fabrikam)
    expect(info['uid']).not.toBe(claims['oid'])
  })

  test('has another tid, oid and sub at the same API than at home', async () => {
    const [first, ...others] = own.tenants
    const principals = [{ appId: 'fleet' }, { appId: 'fleet-api' }]
    await using emulator = await startWith({
      ...own,
      tenants: [
        ...(first === undefined ? [] : [first]),
        ...others.map((tenant) => ({ ...tenant, servicePrincipals: principals })),
      ],
    })
    const claimsOf = async (user: string): Promise<Record<string, unknown>> =>
      decodeJwt(await emulator.issueToken({ client: 'fleet', resource: 'fleet-api', user, scopes: ['any'] }))
    const [host, home] = [await claimsOf(guest), await claimsOf('erin@fabrikam.example')]
    expect([host['aud'], host['tid'], home['tid']]).toEqual([home['aud'], ids.contoso, ids.fabrikam])
    expect(host['oid']).not.toBe(home['oid'])
    expect(host['sub']).not.toBe(home['sub'])
    expect(home).not.toHaveProperty('idp')
  })

  test("keeps the tenant through OBO, which follows the assertion's", async () => {
    await using emulator = await startWith(own)
    const { body } = await signInAndRedeem(emulator, { user: guest })
    const form = onBehalfOf(body['access_token'], { scope: 'api://v2/Things.Read' })
    const answer = await askToken(emulator, form)
    expect(decodeJwt(String(answer.body['access_token']))['tid']).toBe(ids.contoso)
    expect(refusal(await askToken(emulator, form, { tenant: ids.fabrikam })).code).toBe(50013)
  })

  test('is not offered where no tenant is named, and guestOf must be a user', async () => {
    await using emulator = await startWith(own)
    const page = await openPage(emulator, '/organizations/oauth2/v2.0/authorize', {
      client_id: ids.fleet,
      response_type: 'code',
      redirect_uri: 'http://localhost/consented',
      scope: 'openid',
    })
    expect(page.html).not.toContain('#EXT#')
    expect(page.html).toContain('erin@fabrikam.example')
    const users = [...contoso.users, { userPrincipalName: 'x@y.example', guestOf: 'nobody' }]
    const wrong = withContoso({ users })
    await expect(startWith(wrong)).rejects.toThrow(
      'tenants[0].users[4].guestOf: is not a user of another tenant',
    )
  })
})

describe('personal accounts', () => {
  const own = {
    ...registration,
    tenants: [
      ...registration.tenants,
      { id: consumers, domains: ['outlook.example'], users: [{ userPrincipalName: 'pat@outlook.example' }] },
    ],
    applications: [
      ...registration.applications,
      {
        displayName: 'everyone',
        appId: '33333333-0000-4000-8000-0000000000aa',
        signInAudience: 'AzureADandPersonalMicrosoftAccount' as const,
        publicClient: { redirectUris: ['http://localhost'] },
        api: { requestedAccessTokenVersion: 2 as const },
      },
      {
        displayName: 'personal',
        appId: '33333333-0000-4000-8000-0000000000ab',
        signInAudience: 'PersonalMicrosoftAccount' as const,
        publicClient: { redirectUris: ['http://localhost'] },
        api: { requestedAccessTokenVersion: 2 as const },
      },
    ],
  }
  const open = (emulator: Emulator, segment: string, clientId: string): Promise<Page> =>
    openPage(emulator, `/${segment}/oauth2/v2.0/authorize`, {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: nativeRedirectUri,
      scope: 'openid profile',
    })

  test('sign in under common and consumers to an application that accepts them, in their own tenant', async () => {
    await using emulator = await startWith(own)
    for (const segment of ['common', 'consumers']) {
      const page = await open(emulator, segment, '33333333-0000-4000-8000-0000000000aa')
      const done = await sendForm(emulator, page, { user: 'pat@outlook.example' })
      const { body } = await askToken(
        emulator,
        {
          grant_type: 'authorization_code',
          client_id: '33333333-0000-4000-8000-0000000000aa',
          redirect_uri: nativeRedirectUri,
          code: codeOf(done),
        },
        { tenant: segment },
      )
      expect(decodeJwt(String(body['id_token']))).toMatchObject({
        tid: consumers,
        iss: `${emulator.origin}/${consumers}/v2.0`,
      })
    }
  })

  test('are not offered by an application for work accounts, under organizations, nor on v1.0', async () => {
    await using emulator = await startWith(own)
    const work = await openPage(emulator, '/common/oauth2/v2.0/authorize', {
      client_id: ids.fleet,
      response_type: 'code',
      redirect_uri: 'http://localhost/consented',
      scope: 'openid',
    })
    expect(work.html).not.toContain('pat@outlook.example')
    const everyone = await open(emulator, 'organizations', '33333333-0000-4000-8000-0000000000aa')
    expect(everyone.html).not.toContain('pat@outlook.example')
    expect((await open(emulator, 'consumers', ids.fleet)).html).toContain('AADSTS9002332:')
    expect((await open(emulator, 'organizations', '33333333-0000-4000-8000-0000000000ab')).html).toContain(
      'AADSTS9002331:',
    )
  })
})

describe('a combined consent', () => {
  const known = '33333333-0000-4000-8000-0000000000ba'
  const knownClient = '33333333-0000-4000-8000-0000000000bb'
  const own = (knownClientApplications: string[]): Registration => ({
    ...registration,
    applications: [
      ...registration.applications,
      {
        appId: known,
        displayName: 'shared-api',
        signInAudience: 'AzureADMultipleOrgs',
        identifierUris: ['api://shared'],
        api: {
          requestedAccessTokenVersion: 2,
          oauth2PermissionScopes: [{ value: 'Shared.Read' }],
          knownClientApplications,
        },
      },
      {
        appId: knownClient,
        displayName: 'shared-app',
        signInAudience: 'AzureADMultipleOrgs',
        publicClient: { redirectUris: ['http://localhost'] },
        requiredResourceAccess: [
          { resourceAppId: 'shared-api', resourceAccess: [{ id: 'Shared.Read', type: 'Scope' }] },
        ],
      },
    ],
  })
  const query = (scope: string): Record<string, string> => ({
    client_id: knownClient,
    response_type: 'code',
    redirect_uri: nativeRedirectUri,
    scope,
  })
  const path = `/${ids.fabrikam}/oauth2/v2.0/authorize`

  test('brings an API that knows the client into another tenant, by the consent of a user', async () => {
    await using emulator = await startWith(own(['shared-app']))
    const page = await openPage(emulator, path, query('api://shared/.default'))
    const consent = await sendForm(emulator, page, { user: 'dan@fabrikam.example' })
    expect(consent.html).toContain('Shared.Read')
    const done = await sendForm(emulator, consent, { consent: 'accept' })
    const { body } = await askToken(
      emulator,
      {
        grant_type: 'authorization_code',
        client_id: knownClient,
        redirect_uri: nativeRedirectUri,
        code: codeOf(done),
      },
      { tenant: ids.fabrikam },
    )
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      aud: known,
      tid: ids.fabrikam,
      scp: 'Shared.Read',
    })
  })

  test('does not happen for a named scope, nor for an API that does not know the client: AADSTS500011', async () => {
    for (const [clients, scope] of [
      [['shared-app'], 'api://shared/Shared.Read'],
      [[], 'api://shared/.default'],
    ] as const) {
      await using emulator = await startWith(own([...clients]))
      const page = await openPage(emulator, path, query(scope))
      const answer =
        page.transaction === '' ? page : await sendForm(emulator, page, { user: 'dan@fabrikam.example' })
      expect(answer.location?.searchParams.get('error_description')).toContain('AADSTS500011:')
    }
  })
})

describe('consent for a middle tier', () => {
  const onBehalf = (emulator: Emulator, assertion: unknown): ReturnType<typeof askToken> =>
    askToken(emulator, onBehalfOf(assertion, { scope: 'api://lonely/Things.Read' }))
  const signInTo = (emulator: Emulator, query: Record<string, string>): Promise<Page> =>
    signIn(emulator, { user: 'bob@contoso.example', query })

  test.each([
    ['covers what the middle tier needs when it knows the client', ['native'], 200],
    ['covers the middle tier alone when it does not: AADSTS65001', [], 400],
  ])('by one page %s', async (_, knownClientApplications, status) => {
    await using emulator = await startWith(withApplication('tier1', { api: { knownClientApplications } }))
    const query = { scope: 'openid api://tier1/.default' }
    const page = await signInTo(emulator, query)
    expect(page.html.includes('lonely')).toBe(status === 200)
    await sendForm(emulator, page, { consent: 'accept' })
    const { body } = await signInAndRedeem(emulator, { user: 'bob@contoso.example', query })
    const answer = await onBehalf(emulator, body['access_token'])
    expect([answer.status, refusal(answer).code]).toEqual([status, status === 200 ? undefined : 65001])
  })

  test('is not asked for the scopes of a pre-authorized client, and only for those', async () => {
    const preAuthorizedApplications = [{ appId: 'native', delegatedPermissionIds: ['Things.Write'] }]
    await using emulator = await startWith(withApplication('v2', { api: { preAuthorizedApplications } }))
    expect(codeOf(await signInTo(emulator, { scope: 'api://v2/Things.Write' }))).not.toBe('')
    const asked = await signInTo(emulator, { scope: 'api://v2/Things.Write api://v2/Things.Read' })
    expect([codeOf(asked), asked.html.includes('Things.Write')]).toEqual(['', false])
    expect(asked.html).toContain('Read your &lt;things&gt;')
  })
})

describe('explainPermission', () => {
  test('returns the scopes of a client for a user, and who granted them', async () => {
    await using emulator = await startTestEmulator()
    const user = 'alice@contoso.example'
    expect(emulator.explainPermission({ client: 'native', resource: 'v2', user })).toEqual({
      isIssued: true,
      scopes: ['Things.Read'],
      roles: ['Things.Manager'],
      grantedBy: { 'Things.Read': 'user' },
    })
    expect(emulator.explainPermission({ client: 'tier1', resource: 'v2', user }).grantedBy).toEqual({
      'Things.Read': 'administrator',
      'Things.Write': 'administrator',
    })
    expect(emulator.explainPermission({ client: 'daemon', resource: 'v2' })).toMatchObject({
      isIssued: true,
      roles: ['Things.Read.All'],
    })
  })

  test.each([
    [{ client: 'tier1', resource: 'lonely', user: 'alice@contoso.example', scopes: ['Things.Read'] }, 65001],
    [{ client: 'native', resource: 'v2', user: 'alice@contoso.example', scopes: ['Things.Spin'] }, 650053],
    [{ client: 'native', resource: 'guarded', user: 'alice@contoso.example' }, 650057],
    [{ client: 'daemon', resource: 'guarded' }, 501051],
    [{ client: 'native', resource: 'v2', user: 'dora@contoso.example' }, 50057],
    [{ client: 'daemon', resource: 'v2', tenant: 'fabrikam.example' }, 700016],
  ])('returns the refusal and what to do: %j', async (question, errorCode) => {
    await using emulator = await startTestEmulator()
    const before = emulator.requests.length
    expect(emulator.explainPermission(question)).toMatchObject({
      isIssued: false,
      scopes: [],
      errorCode,
      error: expect.stringContaining(`AADSTS${errorCode}: `),
      fix: expect.any(String),
    })
    expect(emulator.requests).toHaveLength(before)
  })
})

describe('claims mapped into tokens', () => {
  const own = (acceptMappedClaims: boolean): Registration => {
    const servicePrincipals = [
      ...contoso.servicePrincipals,
      { appId: 'v1', mappedClaims: { department: 'Sales' } },
    ]
    const { applications = [] } = withApplication('v1', {
      api: { requestedAccessTokenVersion: 1, acceptMappedClaims },
    })
    return { ...withContoso({ servicePrincipals }), applications }
  }
  const ask = (emulator: Emulator, resource: string): ReturnType<typeof askToken> =>
    askToken(
      emulator,
      { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: secrets.daemon, resource },
      { version: '1.0' },
    )

  test('need a key of the API (AADSTS50146), or acceptMappedClaims and a verified audience (AADSTS501461)', async () => {
    await using strict = await startWith(own(false))
    expect(refusal(await ask(strict, ids.v1)).code).toBe(50146)
    await strict.keys.publishForApplication('v1')
    const { body } = await ask(strict, 'api://v1')
    expect(decodeJwt(String(body['access_token']))['department']).toBe('Sales')

    await using lenient = await startWith(own(true))
    expect(refusal(await ask(lenient, 'api://v1')).code).toBe(501461)
    for (const name of [ids.v1, 'https://v1.contoso.example/']) {
      expect((await ask(lenient, name)).status).toBe(200)
    }
  })
})

describe('the groups of a user', () => {
  /** The groups' claims of an id token from the sign-in page, and of an access token. */
  async function claimsWith(count: number): Promise<Record<'atSignIn' | 'access', string[]>> {
    const groups = Array.from({ length: count }, (_, index) => ({
      displayName: `group ${index}`,
      members: ['alice@contoso.example'],
    }))
    const changed = withApplication('web', {
      groupMembershipClaims: 'SecurityGroup',
      web: {
        redirectUris: ['https://web.contoso.example/'],
        implicitGrantSettings: { enableIdTokenIssuance: true },
      },
    })
    await using emulator = await startWith({
      ...withContoso({ groups, appRoleAssignments: [] }),
      applications: changed.applications ?? [],
    })
    const page = await signIn(emulator, {
      query: {
        client_id: ids.web,
        redirect_uri: 'https://web.contoso.example/',
        response_type: 'code id_token',
        scope: 'openid api://v2/Things.Read',
        nonce: 'the-nonce',
      },
    })
    const groupsIn = (token: string): string[] =>
      ['groups', 'hasgroups', '_claim_names'].filter((name) => Object.hasOwn(decodeJwt(token), name))
    return {
      atSignIn: groupsIn(new URLSearchParams(page.location?.hash.slice(1)).get('id_token') ?? ''),
      access: groupsIn(
        await emulator.issueToken({ client: 'native', resource: 'web', user: ids.alice, scopes: ['any'] }),
      ),
    }
  }

  test.each([
    [5, ['groups'], ['groups']],
    [6, ['hasgroups'], ['groups']],
    [200, ['hasgroups'], ['groups']],
    [201, ['hasgroups'], ['_claim_names']],
  ])(
    'are, when there are %i, in %j at sign-in and in %j of an access token',
    async (count, atSignIn, access) => {
      expect(await claimsWith(count)).toEqual({ atSignIn, access })
    },
  )
})

test('optional claims are in the tokens of the application that asks for them, each in its kind of token', async () => {
  const { applications = [] } = withApplication('v2', {
    optionalClaims: {
      accessToken: [{ name: 'acct' }, { name: 'family_name' }, { name: 'idtyp' }],
      idToken: [{ name: 'given_name' }],
    },
  })
  await using emulator = await startWith({ ...registration, applications })
  const user = decodeJwt(await emulator.issueToken({ client: 'native', resource: 'v2', user: ids.alice }))
  expect(user).toMatchObject({ acct: 0, family_name: 'Ash' })
  for (const name of ['idtyp', 'given_name']) expect(user).not.toHaveProperty(name)
  const application = decodeJwt(await emulator.issueToken({ client: 'daemon', resource: 'v2' }))
  expect(application).toMatchObject({ idtyp: 'app' })
  expect(application).not.toHaveProperty('acct')
})

test('directory roles are in wids for an application that asks for them', async () => {
  await using emulator = await startWith(withApplication('v2', { groupMembershipClaims: 'DirectoryRole' }))
  const options = { client: 'native', resource: 'v2', user: 'carol@contoso.example', scopes: ['Things.Read'] }
  expect(decodeJwt(await emulator.issueToken(options))['wids']).toEqual([
    '62e90394-69f5-4237-9190-012177145e10',
  ])
})

test('a manifest with the names of Azure AD Graph is read as one of Microsoft Graph', async () => {
  const legacy = {
    id: '44444444-0000-4000-8000-000000000001',
    acceptMappedClaims: null,
    accessTokenAcceptedVersion: 2,
    allowPublicClient: true,
    appId: '33333333-0000-4000-8000-0000000000ca',
    appRoles: [],
    oauth2AllowUrlPathMatching: false,
    createdDateTime: '2021-01-01T00:00:00Z',
    disabledByMicrosoftStatus: null,
    groupMembershipClaims: null,
    identifierUris: ['api://legacy'],
    informationalUrls: { termsOfService: null },
    keyCredentials: [
      {
        customKeyIdentifier: 'AA==',
        endDate: '2027-01-01T00:00:00Z',
        type: 'AsymmetricX509Cert',
        value: null,
      },
    ],
    knownClientApplications: [],
    logoUrl: null,
    logoutUrl: null,
    name: 'legacy',
    oauth2AllowIdTokenImplicitFlow: false,
    oauth2AllowImplicitFlow: false,
    oauth2Permissions: [
      {
        id: '44444444-0000-4000-8000-000000000002',
        isEnabled: true,
        lang: null,
        origin: 'Application',
        type: 'User',
        userConsentDescription: null,
        userConsentDisplayName: null,
        adminConsentDescription: 'Read',
        adminConsentDisplayName: 'Read',
        value: 'Legacy.Read',
      },
    ],
    oauth2RequirePostResponse: false,
    optionalClaims: null,
    orgRestrictions: [],
    parentalControlSettings: { countriesBlockedForMinors: [], legalAgeGroupRule: 'Allow' },
    passwordCredentials: [
      { keyId: '44444444-0000-4000-8000-000000000003', endDate: '2027-01-01T00:00:00Z', value: null },
    ],
    preAuthorizedApplications: [
      { appId: ids.native, permissionIds: ['44444444-0000-4000-8000-000000000002'] },
    ],
    publisherDomain: 'contoso.example',
    replyUrlsWithType: [
      { url: 'http://localhost', type: 'InstalledClient' },
      { url: 'https://legacy.contoso.example/', type: 'Web' },
    ],
    requiredResourceAccess: [],
    samlMetadataUrl: null,
    signInUrl: null,
    signInAudience: 'AzureADMyOrg',
    tags: [],
    tokenEncryptionKeyId: null,
  }
  const own = { ...registration, applications: [...registration.applications, legacy] }
  await using emulator = await startEmulator({ registration: own as unknown as Registration })
  const options = { client: 'native', resource: 'api://legacy', user: 'alice@contoso.example' }
  expect(decodeJwt(await emulator.issueToken(options))).toMatchObject({
    ver: '2.0',
    scp: 'Legacy.Read',
    aud: '33333333-0000-4000-8000-0000000000ca',
  })
  expect(emulator.explainPermission(options).grantedBy).toEqual({
    'Legacy.Read': 'preAuthorizedApplications',
  })
})

test('reload reads the registration again, keeps consents, and keeps the old registration if the new one is wrong', async () => {
  await using emulator = await startTestEmulator()
  const page = await signIn(emulator, { query: { scope: 'api://v2/Things.Write' } })
  await sendForm(emulator, page, { consent: 'accept' })
  const more = [...registration.applications, { displayName: 'added', identifierUris: ['api://added'] }]
  emulator.reload({ ...registration, applications: more })
  await expect(emulator.issueToken({ client: 'daemon', resource: 'added' })).resolves.toEqual(
    expect.any(String),
  )
  const asked = { client: 'native', resource: 'v2', user: 'alice@contoso.example', scopes: ['Things.Write'] }
  expect(emulator.explainPermission(asked).isIssued).toBe(true)
  expect(() => emulator.reload({ tenants: [] })).toThrow('registration: tenants: ')
  await expect(emulator.issueToken({ client: 'daemon', resource: 'added' })).resolves.toEqual(
    expect.any(String),
  )
})
