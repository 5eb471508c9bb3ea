import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  agentIdentity,
  type AgentUser,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClientOptions,
} from '@countersign/token-client'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { refusalOf } from './setup.js'

const tenantId = '6f0e0d0c-0b0a-4908-8706-050403020100'
const blueprintId = '55555555-0000-4000-8000-000000000001'
const agentId = '55555555-0000-4000-8000-000000000002'
const otherAgentId = '55555555-0000-4000-8000-000000000003'
const agentUserId = '55555555-0000-4000-8000-000000000004'
const apiId = '55555555-0000-4000-8000-000000000005'
const person = 'alice@contoso.example'
const agentUser = 'agent@contoso.example'
const secret = 'test-value-blueprint'
const target = { resource: 'api://api' }

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator({
    clock: fixedClock(1_800_000_000),
    registration: {
      tenants: [
        {
          id: tenantId,
          domains: ['contoso.example'],
          users: [
            { userPrincipalName: person },
            { id: agentUserId, userPrincipalName: agentUser, identityParentId: 'agent' },
          ],
          agentIdentities: [
            { id: agentId, displayName: 'agent', agentIdentityBlueprintId: 'blueprint' },
            { id: otherAgentId, displayName: 'other-agent', agentIdentityBlueprintId: 'blueprint' },
          ],
          oauth2PermissionGrants: [
            { clientId: 'app', resourceId: 'blueprint', scope: 'Agent.Call' },
            { clientId: 'agent', resourceId: 'api', scope: 'Things.Read' },
          ],
          appRoleAssignments: [{ principalId: 'agent', resourceId: 'api', appRoleId: 'Things.Read.All' }],
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
        { displayName: 'app', publicClient: { redirectUris: ['http://localhost'] } },
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
      ],
    },
  })
})
afterAll(() => emulator.stop())

let grants: string[] = []
beforeEach(() => {
  grants = []
})

function connect(changes: Partial<TokenClientOptions> = {}, version: '1.0' | '2.0' = '2.0') {
  return createTokenClient({
    authority: entraAuthority({ tenantId, version, cloud: emulator.cloud }),
    clientId: agentId,
    credential: agentIdentity({ blueprintId, credential: clientSecret(secret) }),
    clock: emulator.clock.now,
    fetch: async (url, init) => {
      const form = new URLSearchParams(String(init.body))
      grants.push(
        `${form.get('grant_type')} ${form.get('client_id') === blueprintId ? 'blueprint' : 'agent'}`,
      )
      return fetch(url, init)
    },
    ...changes,
  })
}

describe('an agent identity', () => {
  it('acts as itself by the word of its blueprint, which is asked once', async () => {
    const client = connect()
    const { accessToken } = await client.acquireForApp(target)
    expect(decodeJwt(accessToken)).toMatchObject({
      idtyp: 'app',
      azp: agentId,
      aud: apiId,
      roles: ['Things.Read.All'],
      xms_par_app_azp: blueprintId,
    })
    await client.acquireForApp({ ...target, refresh: true })
    expect(grants).toEqual([
      'client_credentials blueprint',
      'client_credentials agent',
      'client_credentials agent',
    ])
  })

  it('acts on behalf of the person who called its blueprint, also in a session', async () => {
    const client = connect({ audience: [blueprintId, 'api://blueprint'] })
    const userToken = await emulator.issueToken({ client: 'app', resource: 'blueprint', user: person })
    const { accessToken } = await client.acquireOnBehalfOf(userToken, target)
    expect(decodeJwt(accessToken)).toMatchObject({ idtyp: 'user', azp: agentId, scp: 'Things.Read' })
    const session = await client.startSession(userToken, target)
    expect(decodeJwt((await session.acquire({ refresh: true })).accessToken)).toMatchObject({ azp: agentId })
    expect(grants.filter((one) => one.endsWith('blueprint'))).toHaveLength(1)
  })

  it.each<[string, AgentUser]>([
    ['user principal name', { username: agentUser }],
    ['object id', { userId: agentUserId }],
  ])('acts as its own user account, named by its %s', async (_name, user) => {
    const client = connect()
    const { accessToken } = await client.acquireForAgentUser(user, target)
    const claims = decodeJwt(accessToken)
    expect(claims).toMatchObject({ idtyp: 'user', oid: agentUserId, azp: agentId, scp: 'Things.Read' })
    expect(String(claims['xms_sub_fct']).split(' ')).toContain('13')
    expect(await client.acquireForAgentUser(user, target)).toMatchObject({ source: 'cache' })
    expect(grants).toEqual(['client_credentials blueprint', 'client_credentials agent', 'user_fic agent'])
  })

  it('as its user account is forgotten with that user', async () => {
    const client = connect()
    await client.acquireForAgentUser({ userId: agentUserId }, target)
    await client.forgetUser(tenantId, agentUserId)
    expect(await client.acquireForAgentUser({ userId: agentUserId }, target)).toMatchObject({
      source: 'network',
    })
  })

  it('brings the token of its user account to an API', async () => {
    let sent = ''
    const api = connect().createFetch({
      target,
      origin: 'http://localhost',
      agentUser: { username: agentUser },
      fetch: async (_input, init) => {
        sent = new Headers(init?.headers).get('authorization')!.slice('Bearer '.length)
        return new Response()
      },
    })
    await api('http://localhost/')
    expect(decodeJwt(sent)['oid']).toBe(agentUserId)
  })

  it('gets a new word of its blueprint before the old one ends', async () => {
    const clock = { now: emulator.clock.now() }
    const client = connect({ clock: () => clock.now })
    await client.acquireForApp(target)
    clock.now += 3599 - 61
    await client.acquireForApp({ ...target, refresh: true })
    expect(grants.filter((one) => one.endsWith('blueprint'))).toHaveLength(1)
    clock.now += 2
    await client.acquireForApp({ ...target, refresh: true })
    expect(grants.filter((one) => one.endsWith('blueprint'))).toHaveLength(2)
  })
})

describe('ids that contradict each other', () => {
  it.each<[string, Partial<TokenClientOptions>, RegExp]>([
    ['of the blueprint as the agent', { clientId: blueprintId.toUpperCase() }, /not of its blueprint/],
    ['of an agent that is no GUID', { clientId: 'agent' }, /the id of the agent identity, a GUID/],
  ])('are refused before anything is sent: that %s', async (_name, changes, reason) => {
    const error = await refusalOf(connect(changes).acquireForApp(target))
    expect(error).toMatchObject({ code: 'client_credential_unusable', action: 'fix-configuration' })
    expect(error.reason).toMatch(reason)
    expect(grants).toEqual([])
  })

  it.each<[string, unknown, RegExp]>([
    ['two users', { username: agentUser, userId: agentUserId }, /exactly one of them/],
    ['no user', {}, /exactly one of them/],
    ['a user id that is no GUID', { userId: agentUser }, /"userId" must be an object id/],
    ['a name that is none', { username: agentUserId }, /"username" must be a user principal name/],
    ['another name', { upn: agentUser }, /unknown option "upn"/],
  ])('are refused before anything is sent: %s', async (_name, user, message) => {
    await expect(connect().acquireForAgentUser(user as AgentUser, target)).rejects.toThrow(message)
    expect(grants).toEqual([])
  })

  it('are refused in createFetch: two users', () => {
    const options = { target, origin: 'http://localhost', userToken: 'a', agentUser: { username: agentUser } }
    expect(() => connect().createFetch(options)).toThrow(/"agentUser" must be left out with userToken/)
  })

  it('the user account of an agent is refused to a client that is no agent', async () => {
    const client = connect({ clientId: blueprintId, credential: clientSecret(secret) })
    await expect(client.acquireForAgentUser({ username: agentUser }, target)).rejects.toThrow(
      /"credential" of the client must be made by agentIdentity/,
    )
    expect(grants).toEqual([])
  })

  it('v1.0 has no agents', async () => {
    const error = await refusalOf(connect({}, '1.0').acquireForApp(target))
    expect(error.reason).toMatch(/version '2\.0'/)
    expect(grants).toEqual([])
  })

  it.each<[string, object, RegExp]>([
    ['no blueprint', { credential: clientSecret(secret) }, /"blueprintId" must be the client id/],
    ['no credential', { blueprintId }, /"credential" must be the blueprint's/],
    [
      'an agent as the blueprint',
      { blueprintId, credential: agentIdentity({ blueprintId, credential: clientSecret(secret) }) },
      /an agent cannot vouch for another/,
    ],
  ])('with %s are refused at start-up', (_name, options, message) => {
    expect(() => agentIdentity(options as Parameters<typeof agentIdentity>[0])).toThrow(message)
  })
})

describe('what the service refuses', () => {
  it('of the blueprint is named with its code: a wrong secret', async () => {
    const client = connect({ credential: agentIdentity({ blueprintId, credential: clientSecret('wrong') }) })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({ code: 'client_credential_refused', service: { codes: [7000215] } })
    expect(error.message).toContain('The client secret is wrong')
    expect(grants).toEqual(['client_credentials blueprint'])
  })

  it('of the agent: the user account of another agent', async () => {
    const client = connect({ clientId: otherAgentId })
    expect(await refusalOf(client.acquireForAgentUser({ username: agentUser }, target))).toMatchObject({
      service: { codes: [70000] },
    })
  })
})
