import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Emulator, Registration } from '@countersign/emulator'
import { azureApis } from '../src/registration/azure-api-facts.js'
import {
  askToken,
  contoso,
  ids,
  refusal,
  registration,
  secrets,
  startTestEmulator,
  withContoso,
} from './support.js'

const daemon = (scope: string): Record<string, string> => ({
  grant_type: 'client_credentials',
  client_id: ids.daemon,
  client_secret: secrets.daemon,
  scope,
})

describe('well-known APIs of Azure', () => {
  test('are unknown by default, and known by their addresses once they are listed', async () => {
    const scopes = [
      'https://vault.azure.net/.default',
      'https://management.azure.com/.default',
      'https://management.azure.com//.default',
      'https://management.core.windows.net//.default',
      'https://storage.azure.com/.default',
      'https://database.windows.net//.default',
      'https://servicebus.azure.net/.default',
      'https://eventhubs.azure.net/.default',
    ]
    await using without = await startTestEmulator()
    await using all = await startTestEmulator({
      registration: { ...registration, azureApis: 'all' } as Registration,
    })
    for (const scope of scopes) {
      expect([scope, refusal(await askToken(without, daemon(scope))).code]).toEqual([scope, 500011])
      const { status, body } = await askToken(all, daemon(scope))
      expect([scope, status]).toEqual([scope, 200])
      expect(decodeJwt(String(body['access_token']))).toMatchObject({
        ver: '1.0',
        aud: scope.replace(/\/\.default$/, ''),
      })
    }
  })

  test('are in every tenant, and only those that are listed', async () => {
    const some = { ...registration, azureApis: ['keyVault'] } as Registration
    await using emulator = await startTestEmulator({ registration: some })
    const fabrikam = await askToken(emulator, daemon('https://vault.azure.net/.default'), {
      tenant: ids.fabrikam,
    })
    expect(refusal(fabrikam).code).not.toBe(500011)
    expect(refusal(await askToken(emulator, daemon('https://storage.azure.com/.default'))).code).toBe(500011)
  })

  test('a user consents to user_impersonation', async () => {
    const listed = { ...registration, azureApis: azureApis } as Registration
    await using emulator = await startTestEmulator({ registration: listed })
    emulator.grantConsent({
      client: 'native',
      resource: 'Azure Storage',
      user: ids.alice,
      scopes: ['user_impersonation'],
    })
    const question = { client: 'native', resource: 'https://storage.azure.com', user: ids.alice }
    expect(emulator.explainPermission(question).scopes).toEqual(['user_impersonation'])
  })

  test('an unknown one is refused with its place', async () => {
    const wrong = { ...registration, azureApis: ['mars'] } as never
    await expect(startTestEmulator({ registration: wrong })).rejects.toThrow('registration: azureApis')
  })
})

describe('reads of Graph', () => {
  const graphRegistration = (): Registration =>
    withContoso({
      groups: [...contoso.groups, { displayName: 'empty' }],
      oauth2PermissionGrants: [
        { clientId: 'native', resourceId: 'Microsoft Graph', scope: 'User.Read User.ReadBasic.All' },
      ],
      appRoleAssignments: [
        { principalId: 'daemon', resourceId: 'Microsoft Graph', appRoleId: 'Directory.Read.All' },
      ],
    })

  const reader = async (
    emulator: Emulator,
    asked: Parameters<Emulator['issueToken']>[0],
  ): Promise<(path: string) => Promise<{ status: number; body: Record<string, unknown> }>> => {
    const token = await emulator.issueToken(asked)
    return async (path) => {
      const response = await fetch(`${emulator.origin}/v1.0${path}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
  }
  const graph = { resource: 'Microsoft Graph' }
  const names = (body: Record<string, unknown>): unknown[] =>
    (body['value'] as { userPrincipalName?: string; displayName: string }[]).map(
      ({ userPrincipalName, displayName }) => userPrincipalName ?? displayName,
    )

  test('an application with Directory.Read.All reads users, groups and members, page by page', async () => {
    await using emulator = await startTestEmulator({ registration: graphRegistration() })
    const read = await reader(emulator, { ...graph, client: 'daemon' })
    const first = await read('/users?$top=3&$select=userPrincipalName')
    expect(first.body).toMatchObject({ '@odata.context': `${emulator.origin}/v1.0/$metadata#users` })
    expect(first.body['value']).toHaveLength(3)
    expect(Object.keys((first.body['value'] as object[])[0] ?? {})).toEqual(['userPrincipalName'])
    const next = String(first.body['@odata.nextLink']).replace(`${emulator.origin}/v1.0`, '')
    const second = await read(next)
    expect([...names(first.body), ...names(second.body)]).toEqual(
      contoso.users.map(({ userPrincipalName }) => userPrincipalName),
    )
    expect(second.body).not.toHaveProperty('@odata.nextLink')
    const groups = await read('/groups')
    expect(names(groups.body)).toEqual(['managers', 'empty'])
    const [{ id }] = groups.body['value'] as [{ id: string }]
    expect(names((await read(`/groups/${id}/members`)).body)).toEqual(['alice@contoso.example'])
    expect((await read(`/groups/${id}`)).body).toMatchObject({ id, securityEnabled: true })
    expect(names((await read('/users/alice@contoso.example/memberOf')).body)).toEqual(['managers'])
    expect((await read(`/users/${ids.alice}`)).body).toMatchObject({ id: ids.alice })
    expect((await read('/users/nobody')).status).toBe(404)
    expect((await read('/groups/nothing')).status).toBe(404)
    expect((await read('/me/memberOf')).status).toBe(404)
    for (const query of ['$filter=x', '$top=0', '$top=x', '$skiptoken=-1', '$count=true']) {
      expect([query, (await read(`/users?${query}`)).status]).toEqual([query, 400])
    }
  })

  test('a user reads what the scopes allow', async () => {
    await using emulator = await startTestEmulator({ registration: graphRegistration() })
    const asked = { ...graph, client: 'native', user: ids.alice }
    const basic = await reader(emulator, asked)
    expect((await basic('/users')).status).toBe(200)
    expect(names((await basic('/me/memberOf')).body)).toEqual(['managers'])
    expect((await basic('/groups')).status).toBe(403)
    const own = await reader(emulator, { ...asked, scopes: ['User.Read'] })
    expect((await own('/users')).status).toBe(403)
    expect((await own(`/users/${ids.alice}`)).status).toBe(200)
    expect((await own('/users/bob@contoso.example')).status).toBe(403)
    expect((await own('/users/alice@contoso.example/memberOf')).status).toBe(200)
    expect((await own('/users/bob@contoso.example/memberOf')).status).toBe(403)
  })

  test('no one reads another tenant, and no token but one for Graph is accepted', async () => {
    await using emulator = await startTestEmulator({ registration: graphRegistration() })
    const foreign = await reader(emulator, { ...graph, client: 'daemon', roles: ['Directory.Read.All'] })
    expect(JSON.stringify((await foreign('/users')).body)).not.toContain('fabrikam')
    const other = await reader(emulator, { client: 'daemon', resource: 'v2', roles: ['Directory.Read.All'] })
    expect((await other('/users')).status).toBe(401)
    const roleless = await reader(emulator, { ...graph, client: 'daemon', roles: [] })
    expect((await roleless('/users')).status).toBe(403)
    expect((await fetch(`${emulator.origin}/v1.0/users`)).status).toBe(401)
  })
})
