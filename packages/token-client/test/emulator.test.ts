import { X509Certificate } from 'node:crypto'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  clientCertificate,
  type ClientCredential,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClient,
} from '@countersign/token-client'
import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from './certificates.js'
import { refusalOf } from './setup.js'

const tenantId = '6f0e0d0c-0b0a-4908-8706-050403020100'
const customerId = '7f0e0d0c-0b0a-4908-8706-050403020100'
const firstTierId = '11111111-0b0a-4908-8706-050403020100'
const daemonId = '22222222-0b0a-4908-8706-050403020100'
const user = 'alice@contoso.example'
const target = { resource: 'api://second-tier' }
const pair = await makeCertificate()

async function start(version: '1.0' | '2.0'): Promise<Emulator> {
  const requestedAccessTokenVersion = version === '1.0' ? 1 : 2
  const key = new X509Certificate(pair.certificate).raw.toString('base64')
  const emulator = await startEmulator({
    clock: fixedClock(1_800_000_000),
    registration: {
      tenants: [
        {
          id: tenantId,
          domains: ['contoso.example'],
          users: [{ userPrincipalName: user }, { userPrincipalName: 'bob@contoso.example' }],
          oauth2PermissionGrants: [
            { clientId: 'native', resourceId: 'first-tier', scope: 'access_as_user' },
            {
              clientId: 'first-tier',
              resourceId: 'second-tier',
              scope: 'Orders.Read',
              consentType: 'Principal',
              principalId: user,
            },
          ],
          appRoleAssignments: [
            { principalId: 'daemon', resourceId: 'second-tier', appRoleId: 'Orders.Read.All' },
          ],
        },
        { id: customerId, domains: ['fabrikam.example'] },
      ],
      applications: [
        {
          displayName: 'native',
          publicClient: { redirectUris: ['http://localhost'] },
          requiredResourceAccess: [
            { resourceAppId: 'first-tier', resourceAccess: [{ id: 'access_as_user', type: 'Scope' }] },
          ],
        },
        {
          displayName: 'first-tier',
          appId: firstTierId,
          identifierUris: ['api://first-tier'],
          passwordCredentials: [{ secretText: 'not-a-secret-first-tier' }],
          keyCredentials: [{ key }],
          requiredResourceAccess: [
            { resourceAppId: 'second-tier', resourceAccess: [{ id: 'Orders.Read', type: 'Scope' }] },
          ],
          api: { requestedAccessTokenVersion, oauth2PermissionScopes: [{ value: 'access_as_user' }] },
        },
        {
          displayName: 'second-tier',
          identifierUris: ['api://second-tier'],
          appRoles: [{ value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }],
          api: { requestedAccessTokenVersion, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
        },
        {
          displayName: 'daemon',
          appId: daemonId,
          passwordCredentials: [{ secretText: 'not-a-secret-daemon' }],
          keyCredentials: [{ key }],
          requiredResourceAccess: [
            { resourceAppId: 'second-tier', resourceAccess: [{ id: 'Orders.Read.All', type: 'Role' }] },
          ],
        },
      ],
    },
  })
  onTestFinished(() => emulator.stop())
  return emulator
}

function connect(
  emulator: Emulator,
  version: '1.0' | '2.0',
  clientId: string,
  credential: ClientCredential,
): TokenClient {
  return createTokenClient({
    authority: entraAuthority({ tenantId, version, cloud: emulator.cloud }),
    clientId,
    credential,
    clock: emulator.clock.now,
  })
}

function signIn(emulator: Emulator, who = user): Promise<string> {
  return emulator.issueToken({
    client: 'native',
    resource: 'api://first-tier',
    user: who,
    scopes: ['access_as_user'],
  })
}

function tokenRequests({ requests }: Emulator): number {
  return requests.filter(({ method }) => method === 'POST').length
}

describe.each(['1.0', '2.0'] as const)('against an Entra-shaped service, version %s', (version) => {
  it.each([
    ['a secret', clientSecret('not-a-secret-daemon'), '1'],
    ['a certificate', clientCertificate(pair), '2'],
    ['a certificate in the old way', clientCertificate(pair, { legacy: true }), '2'],
  ])('a daemon acquires a token as itself by %s', async (_name, credential, authentication) => {
    const emulator = await start(version)
    const client = connect(emulator, version, daemonId, credential)
    const token = await client.acquireForApp(target)
    const claims = decodeJwt(token.accessToken)
    expect(claims).toMatchObject({ tid: tenantId, roles: ['Orders.Read.All'], ver: version })
    expect(claims.azpacr ?? claims.appidacr).toBe(authentication)
    expect(token.expiresAt - emulator.clock.now()).toBeGreaterThan(3500)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    expect(tokenRequests(emulator)).toBe(1)
  })

  it.each([
    ['a secret', clientSecret('not-a-secret-first-tier')],
    ['a certificate', clientCertificate(pair)],
  ])('a first tier acquires a token on behalf of the user by %s', async (_name, credential) => {
    const emulator = await start(version)
    const client = connect(emulator, version, firstTierId, credential)
    const userToken = await signIn(emulator)
    const token = await client.acquireOnBehalfOf(userToken, target)
    const claims = decodeJwt(token.accessToken)
    expect(claims).toMatchObject({ oid: decodeJwt(userToken).oid, scp: 'Orders.Read', ver: version })
    expect(claims.azp ?? claims.appid).toBe(firstTierId)
    expect(await client.acquireOnBehalfOf(userToken, target)).toMatchObject({ source: 'cache' })
    expect(tokenRequests(emulator)).toBe(1)
  })

  it("a session continues after the user's token has expired, where on-behalf-of refuses", async () => {
    const emulator = await start(version)
    const client = connect(emulator, version, firstTierId, clientSecret('not-a-secret-first-tier'))
    const userToken = await signIn(emulator)
    const session = await client.startSession(userToken, target)
    emulator.clock.advance(2 * 3600)
    expect(await refusalOf(client.acquireOnBehalfOf(userToken, target))).toMatchObject({
      code: 'user_token_expired',
    })
    const token = await session.acquire()
    expect(token).toMatchObject({ source: 'network' })
    expect(decodeJwt(token.accessToken)).toMatchObject({ oid: decodeJwt(userToken).oid, scp: 'Orders.Read' })
    emulator.clock.advance(2 * 3600)
    expect(await session.acquire()).toMatchObject({ source: 'network' })
    await session.end()
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it.each([
    ['a wrong secret', daemonId, clientSecret('wrong'), 'client_credential_refused', 7000215],
    ['an unregistered client', tenantId, clientSecret('wrong'), 'client_refused', 700016],
  ])('%s is refused with its own code', async (_name, clientId, credential, code, aadsts) => {
    const emulator = await start(version)
    const error = await refusalOf(connect(emulator, version, clientId, credential).acquireForApp(target))
    expect(error).toMatchObject({ code, action: 'fix-configuration' })
    expect(error.service?.codes).toContain(aadsts)
  })

  it('an unregistered resource is refused with target_refused', async () => {
    const emulator = await start(version)
    const client = connect(emulator, version, daemonId, clientSecret('not-a-secret-daemon'))
    expect(await refusalOf(client.acquireForApp({ resource: 'api://unregistered' }))).toMatchObject({
      code: 'target_refused',
    })
  })

  it('a user without consent is refused with the action consent', async () => {
    const emulator = await start(version)
    const client = connect(emulator, version, firstTierId, clientSecret('not-a-secret-first-tier'))
    const userToken = await signIn(emulator, 'bob@contoso.example')
    const error = await refusalOf(client.acquireOnBehalfOf(userToken, target))
    expect(error).toMatchObject({ code: 'consent_required', action: 'consent' })
    expect(error.service?.codes).toContain(65001)
  })

  it('a forged user token is refused by the service', async () => {
    const emulator = await start(version)
    const client = connect(emulator, version, firstTierId, clientSecret('not-a-secret-first-tier'))
    const [header, payload] = (await signIn(emulator)).split('.')
    const forged = `${header}.${payload}.${Buffer.alloc(256).toString('base64url')}`
    expect(await refusalOf(client.acquireOnBehalfOf(forged, target))).toMatchObject({
      code: 'user_token_refused',
    })
  })

  it('an application token is refused without a request to the service', async () => {
    const emulator = await start(version)
    const client = connect(emulator, version, firstTierId, clientSecret('not-a-secret-first-tier'))
    const daemonToken = await emulator.issueToken({ client: 'daemon', resource: 'api://first-tier' })
    expect(await refusalOf(client.acquireOnBehalfOf(daemonToken, target))).toMatchObject({
      code: 'user_token_is_application_token',
    })
    expect(tokenRequests(emulator)).toBe(0)
  })
})
