import { createTokenValidator, entra, type ValidatedToken } from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, type Registration, startEmulator } from '@countersign/emulator'
import {
  type Answer,
  askToken,
  contoso,
  fabrikam,
  type Form,
  ids,
  nativeRedirectUri,
  openPage,
  refusal,
  start,
  verified,
} from './support.js'

/*
 * Entra Agent ID (https://learn.microsoft.com/entra/agent-id). Claims of tokens for exchange as in decoded tokens of
 * 2025-10-20; requests and the other claims as documented.
 */

const blueprintId = '55555555-0000-4000-8000-000000000001'
const agentId = '55555555-0000-4000-8000-000000000002'
const otherAgentId = '55555555-0000-4000-8000-000000000003'
const agentUserId = '55555555-0000-4000-8000-000000000004'
const apiId = '55555555-0000-4000-8000-000000000005'
const secret = 'test-value-blueprint'
const exchange = 'api://AzureADTokenExchange/.default'

const registration: Registration = {
  tenants: [
    {
      id: ids.contoso,
      domains: ['contoso.example'],
      users: [
        { id: ids.alice, userPrincipalName: 'alice@contoso.example' },
        { id: agentUserId, userPrincipalName: 'agent@contoso.example', identityParentId: 'agent' },
      ],
      agentIdentities: [
        { id: agentId, displayName: 'agent', agentIdentityBlueprintId: 'blueprint' },
        { id: otherAgentId, displayName: 'other-agent', agentIdentityBlueprintId: 'blueprint' },
      ],
      servicePrincipals: [{ appId: 'fleet-blueprint' }],
      oauth2PermissionGrants: [
        { clientId: 'app', resourceId: 'blueprint', scope: 'Agent.Call' },
        { clientId: 'agent', resourceId: 'api', scope: 'Things.Read' },
      ],
      appRoleAssignments: [{ principalId: 'agent', resourceId: 'api', appRoleId: 'Things.Read.All' }],
    },
    {
      ...fabrikam,
      agentIdentities: [{ displayName: 'far-agent', agentIdentityBlueprintId: 'fleet-blueprint' }],
      servicePrincipals: [{ appId: 'fleet-blueprint' }],
    },
  ],
  applications: [
    {
      '@odata.type': '#microsoft.graph.agentIdentityBlueprint',
      appId: blueprintId,
      displayName: 'blueprint',
      identifierUris: ['api://blueprint'],
      passwordCredentials: [{ secretText: secret }],
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Agent.Call' }] },
    },
    {
      '@odata.type': '#microsoft.graph.agentIdentityBlueprint',
      displayName: 'fleet-blueprint',
      signInAudience: 'AzureADMultipleOrgs',
    },
    { displayName: 'app', publicClient: { redirectUris: ['http://localhost'] } },
    { displayName: 'daemon', appId: ids.daemon, passwordCredentials: [{ secretText: 'test-value-daemon' }] },
    {
      appId: apiId,
      displayName: 'api',
      identifierUris: ['api://api'],
      appRoles: [{ value: 'Things.Read.All', allowedMemberTypes: ['Application'] }],
      optionalClaims: {
        accessToken: [
          { name: 'idtyp', additionalProperties: ['include_user_token'] },
          { name: 'xms_act_fct' },
          { name: 'xms_sub_fct' },
          { name: 'xms_par_app_azp' },
        ],
      },
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
    },
    {
      displayName: 'plain',
      identifierUris: ['api://plain'],
      api: { requestedAccessTokenVersion: 2 },
    },
  ],
}

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator({ registration, clock: fixedClock(start) })
})
afterAll(() => emulator.stop())

const ask = (form: Form, settings: Parameters<typeof askToken>[2] = {}): Promise<Answer> =>
  askToken(emulator, form, settings)

const vouch = (changes: Form = {}, settings = {}): Promise<Answer> =>
  ask(
    {
      grant_type: 'client_credentials',
      client_id: blueprintId,
      client_secret: secret,
      scope: exchange,
      fmi_path: agentId,
      ...changes,
    },
    settings,
  )

const tokenOf = ({ body }: Answer): string => String(body['access_token'])

/** What the agent sends in place of a credential. */
const presenting = (t1: string): Form => ({
  client_id: agentId,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: t1,
})

const asItself = (t1: string, changes: Form = {}): Promise<Answer> =>
  ask({ grant_type: 'client_credentials', scope: 'api://api/.default', ...presenting(t1), ...changes })

const callOfPerson = (): Promise<string> =>
  emulator.issueToken({ client: 'app', resource: 'blueprint', user: ids.alice })

const onBehalf = async (t1: string, changes: Form = {}): Promise<Answer> =>
  ask({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    scope: 'api://api/Things.Read offline_access',
    assertion: await callOfPerson(),
    ...presenting(t1),
    ...changes,
  })

const asAgentUser = async (t1: string, changes: Form = {}): Promise<Answer> =>
  ask({
    grant_type: 'user_fic',
    requested_token_use: 'on_behalf_of',
    scope: 'api://api/Things.Read offline_access',
    user_federated_identity_credential: tokenOf(await asItself(t1, { scope: exchange })),
    username: 'agent@contoso.example',
    ...presenting(t1),
    ...changes,
  })

async function validated(token: string): Promise<ValidatedToken> {
  const validator = createTokenValidator({
    issuer: entra({ tenantId: ids.contoso, clientId: apiId, cloud: emulator.cloud }),
    clock: emulator.clock.now,
  })
  try {
    return await validator.validateToken(token)
  } finally {
    validator.close()
  }
}

const agentFacts = { isAgent: true, blueprintId }

describe('a blueprint', () => {
  test('gets a token that vouches for an agent, for the API of token exchange alone', async () => {
    const { claims } = await verified(emulator, tokenOf(await vouch()))
    // The ids in the subject are in the byte order of .NET, as in the decoded token.
    expect(claims).toMatchObject({
      aud: 'fb60f99c-7a34-4190-8149-302f77469936',
      azp: blueprintId,
      azpacr: '1',
      idtyp: 'app',
      sub: `/eid1/c/pub/t/EREREQAAAECAAAAAAAAAAQ/a/VVVVVQAAAECAAAAAAAAAAQ/${agentId}`,
      xms_act_fct: '9 1',
      xms_sub_fct: '1 9',
    })
    expect(claims['oid']).not.toBe(blueprintId)
    expect(claims).not.toHaveProperty('xms_par_app_azp')
  })

  test.each([
    ['an empty fmi_path', { fmi_path: '' }],
    ['another API', { scope: 'api://api/.default' }],
    ['a client that is no blueprint', { client_id: ids.daemon, client_secret: 'test-value-daemon' }],
    ['a path with other characters', { fmi_path: 'a b' }],
  ])('is refused with %s: invalid_request', async (_, changes) => {
    const answer = await vouch(changes)
    expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_request', code: 9002313 })
    expect(answer.body).not.toHaveProperty('access_token')
  })

  test('without fmi_path gets a token of its own, by which no agent is vouched for', async () => {
    const own = await ask({
      grant_type: 'client_credentials',
      client_id: blueprintId,
      client_secret: secret,
      scope: exchange,
    })
    expect(own.status).toBe(200)
    expect(refusal(await asItself(tokenOf(own))).code).toBe(700213)
  })
})

describe('an agent as itself', () => {
  test('gets a token that core takes for an application, and for an agent', async () => {
    const token = tokenOf(await asItself(tokenOf(await vouch())))
    expect(decodeJwt(token)).toMatchObject({
      aud: apiId,
      azp: agentId,
      azpacr: '2',
      oid: agentId,
      sub: agentId,
      idtyp: 'app',
      scp: '/',
      roles: ['Things.Read.All'],
      xms_act_fct: '1 9 11',
      xms_sub_fct: '11 1 9',
      xms_par_app_azp: blueprintId,
    })
    const validatedToken = await validated(token)
    expect(validatedToken).toMatchObject({
      kind: 'application',
      clientId: agentId,
      roles: ['Things.Read.All'],
      scopes: [],
    })
    expect(validatedToken.agent).toMatchObject({
      ...agentFacts,
      isAgentUser: false,
      subjectFacets: [11, 1, 9],
    })
  })

  test('has the same claims in a token that a test issues', async () => {
    const issued = decodeJwt(await emulator.issueToken({ client: 'agent', resource: 'api' }))
    const asked = decodeJwt(tokenOf(await asItself(tokenOf(await vouch()))))
    const changing = ['aio', 'rh', 'uti', 'xms_ftd']
    for (const name of changing) expect(typeof issued[name]).toBe(typeof asked[name])
    const steady = (claims: object): [string, unknown][] =>
      Object.entries(claims).filter(([name]) => !changing.includes(name))
    expect(steady(issued)).toEqual(steady(asked))
  })

  test('says nothing of agents to an API that did not ask', async () => {
    const claims = decodeJwt(
      tokenOf(await asItself(tokenOf(await vouch()), { scope: 'api://plain/.default' })),
    )
    expect(claims).toMatchObject({ azp: agentId, oid: agentId })
    for (const name of ['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'idtyp', 'scp']) {
      expect(claims).not.toHaveProperty(name)
    }
  })

  test('gets a token for exchange, which always has the claims of agents', async () => {
    const claims = decodeJwt(tokenOf(await asItself(tokenOf(await vouch()), { scope: exchange })))
    expect(claims).toMatchObject({
      aud: 'fb60f99c-7a34-4190-8149-302f77469936',
      sub: agentId,
      xms_act_fct: '1 9 11',
      xms_par_app_azp: blueprintId,
      xms_sub_fct: '11 1 9',
    })
  })

  test.each([
    ['no credential', async () => ({ client_assertion: '', client_assertion_type: '' }), 7000216],
    ['a secret', async () => ({ client_assertion: '', client_secret: secret }), 7000215],
    [
      'a token that vouches for another agent',
      async () => ({ client_assertion: tokenOf(await vouch({ fmi_path: otherAgentId })) }),
      700213,
    ],
    [
      'a token for exchange of the agent itself',
      async () => ({
        client_assertion: tokenOf(await asItself(tokenOf(await vouch()), { scope: exchange })),
      }),
      700213,
    ],
    [
      'a token for another API',
      async () => ({ client_assertion: tokenOf(await asItself(tokenOf(await vouch()))) }),
      700212,
    ],
    ['a token of nobody', async () => ({ client_assertion: 'a.b.c' }), 700027],
    [
      'a changed token',
      async () => ({ client_assertion: `${tokenOf(await vouch()).slice(0, -8)}AAAAAAAA` }),
      700027,
    ],
  ] as const)('is refused with %s: invalid_client, and no token', async (_, changes, code) => {
    const answer = await asItself(tokenOf(await vouch()), await changes())
    expect(refusal(answer)).toEqual({ status: 401, error: 'invalid_client', code })
    expect(answer.body).not.toHaveProperty('access_token')
  })

  test('is refused with a token that has expired, at that second and not before', async () => {
    const t1 = tokenOf(await vouch())
    try {
      emulator.clock.set(start + 3599)
      expect((await asItself(t1)).status).toBe(200)
      emulator.clock.set(start + 3600)
      expect(refusal(await asItself(t1)).code).toBe(700024)
    } finally {
      emulator.clock.set(start)
    }
  })

  test('is unknown in another tenant, and refused while its account is disabled', async () => {
    const t1 = tokenOf(await vouch())
    const form = { grant_type: 'client_credentials', scope: 'api://api/.default', ...presenting(t1) }
    expect(refusal(await ask(form, { tenant: ids.fabrikam })).code).toBe(700016)
    await using own = await startEmulator({
      registration: {
        ...registration,
        tenants: registration.tenants.map((tenant) => ({
          ...tenant,
          agentIdentities: (tenant.agentIdentities ?? []).map((agent) => ({
            ...agent,
            accountEnabled: false,
          })),
        })),
      },
      clock: fixedClock(start),
    })
    expect(refusal(await askToken(own, form)).code).toBe(7000112)
  })
})

describe('an agent on behalf of a person', () => {
  test('gets a token of the person, with the agent as its client', async () => {
    const answer = await onBehalf(tokenOf(await vouch()))
    const token = tokenOf(answer)
    expect(decodeJwt(token)).toMatchObject({
      azp: agentId,
      oid: ids.alice,
      idtyp: 'user',
      scp: 'Things.Read',
      xms_act_fct: '1 9 11',
      xms_par_app_azp: blueprintId,
    })
    expect(decodeJwt(token)).not.toHaveProperty('xms_sub_fct')
    const { kind, agent } = await validated(token)
    expect(kind).toBe('delegated')
    expect(agent).toMatchObject({ ...agentFacts, isAgentUser: false, subjectFacets: [] })
    const refreshed = await ask({
      grant_type: 'refresh_token',
      refresh_token: String(answer.body['refresh_token']),
      scope: 'api://api/Things.Read',
      ...presenting(tokenOf(await vouch())),
    })
    expect(decodeJwt(tokenOf(refreshed))).toMatchObject({ azp: agentId, oid: ids.alice })
  })

  test('is refused with a call of the agent itself instead of the blueprint, and with one of no user', async () => {
    const t1 = tokenOf(await vouch())
    const other = await emulator.issueToken({
      client: 'app',
      resource: 'api',
      user: ids.alice,
      scopes: ['Things.Read'],
    })
    expect(refusal(await onBehalf(t1, { assertion: other })).code).toBe(500131)
    const daemon = await emulator.issueToken({ client: 'daemon', resource: 'blueprint' })
    expect(refusal(await onBehalf(t1, { assertion: daemon })).code).toBe(7000114)
  })

  test('needs consent for the agent, not for the blueprint', async () => {
    await using own = await startEmulator({
      registration: {
        ...registration,
        tenants: registration.tenants.map((tenant) => ({
          ...tenant,
          oauth2PermissionGrants: [{ clientId: 'app', resourceId: 'blueprint', scope: 'Agent.Call' }].filter(
            () => tenant.id === ids.contoso,
          ),
        })),
      },
      clock: fixedClock(start),
    })
    const t1 = tokenOf(
      await askToken(own, {
        grant_type: 'client_credentials',
        client_id: blueprintId,
        client_secret: secret,
        scope: exchange,
        fmi_path: agentId,
      }),
    )
    const answer = await askToken(own, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      scope: 'api://api/Things.Read',
      assertion: await own.issueToken({ client: 'app', resource: 'blueprint', user: ids.alice }),
      ...presenting(t1),
    })
    expect(refusal(answer).code).toBe(65001)
  })
})

describe('an agent as its own user account', () => {
  test.each([
    ['by its name', { username: 'agent@contoso.example' }],
    ['by its id', { username: '', user_id: agentUserId }],
  ])('gets a token that core takes for a user, and for an agent: %s', async (_, named) => {
    const token = tokenOf(await asAgentUser(tokenOf(await vouch()), named))
    expect(decodeJwt(token)).toMatchObject({
      azp: agentId,
      oid: agentUserId,
      idtyp: 'user',
      scp: 'Things.Read',
      xms_act_fct: '1 9 11',
      xms_sub_fct: '1 13',
      xms_par_app_azp: blueprintId,
    })
    const { kind, agent } = await validated(token)
    expect(kind).toBe('delegated')
    expect(agent).toMatchObject({ ...agentFacts, isAgentUser: true })
  })

  test.each([
    ['a person', async () => ({ username: 'alice@contoso.example' }), 'invalid_grant', 70000],
    ['nobody', async () => ({ username: '' }), 'invalid_request', 900144],
    [
      'no token of the agent',
      async () => ({ user_federated_identity_credential: '' }),
      'invalid_request',
      900144,
    ],
    [
      'the token that vouches for it instead of its own',
      async () => ({ user_federated_identity_credential: tokenOf(await vouch()) }),
      'invalid_client',
      700213,
    ],
    [
      'an access token of the agent',
      async () => ({ user_federated_identity_credential: tokenOf(await asItself(tokenOf(await vouch()))) }),
      'invalid_client',
      700212,
    ],
  ] as const)('is refused with %s', async (_, changes, error, code) => {
    const answer = await asAgentUser(tokenOf(await vouch()), await changes())
    expect({ ...refusal(answer), status: undefined }).toEqual({ status: undefined, error, code })
    expect(answer.body).not.toHaveProperty('access_token')
  })

  test('is refused to another agent of the same blueprint', async () => {
    const t1 = tokenOf(await vouch({ fmi_path: otherAgentId }))
    const other = { client_id: otherAgentId }
    const t2 = tokenOf(await asItself(t1, { ...other, scope: exchange }))
    const answer = await asAgentUser(tokenOf(await vouch()), {
      ...presenting(t1),
      ...other,
      user_federated_identity_credential: t2,
    })
    expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_grant', code: 70000 })
  })

  test('is on no sign-in page: nobody signs in to it', async () => {
    const html = await (await fetch(`${emulator.origin}/_/apps`)).text()
    const [, clientId = ''] = /\/_\/apps\/([^"]+)"><bdi>app</.exec(html) ?? []
    const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: nativeRedirectUri,
      scope: 'openid',
    })
    expect(page.html).toContain('alice@contoso.example')
    expect(page.html).not.toContain('agent@contoso.example')
  })
})

describe('a registration of agents', () => {
  test.each<[string, object, string]>([
    [
      'a blueprint that is none',
      { agentIdentities: [{ displayName: 'x', agentIdentityBlueprintId: 'api' }] },
      'tenants[0].agentIdentities[0].agentIdentityBlueprintId: is an application without the @odata.type',
    ],
    [
      'a blueprint that is not present',
      { agentIdentities: [{ displayName: 'x', agentIdentityBlueprintId: 'unknown' }] },
      'tenants[0].agentIdentities[0].agentIdentityBlueprintId: is not the appId or displayName',
    ],
    [
      'a user account of no agent',
      { users: [{ userPrincipalName: 'a@contoso.example', identityParentId: 'nobody' }] },
      'tenants[0].users[0].identityParentId: is not the id or displayName of one agent identity',
    ],
  ])('with %s is refused with its place', async (_, changes, message) => {
    const { id, domains } = contoso
    const tenants = [{ id, domains, ...changes }]
    await expect(
      startEmulator({ registration: { tenants, applications: registration.applications } }),
    ).rejects.toThrow(message)
  })
})
