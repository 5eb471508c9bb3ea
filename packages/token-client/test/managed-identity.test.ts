import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import { createTokenClient, entraAuthority, managedIdentity } from '@countersign/token-client'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createManagedIdentity } from '../src/managed-identity/managed-identity.js'
import { refusalOf, target, tenantId } from './setup.js'

const daemonId = '22222222-0b0a-4908-8706-050403020100'
const exchange = 'api://AzureADTokenExchange'

let emulator: Emulator
beforeAll(async () => {
  const registration = {
    tenants: [
      {
        id: tenantId,
        domains: ['contoso.example'],
        managedIdentities: [
          { displayName: 'worker', type: 'systemAssigned' as const },
          { displayName: 'other', type: 'userAssigned' as const },
        ],
      },
    ],
    applications: [
      {
        displayName: 'exchange',
        identifierUris: [exchange],
        api: { requestedAccessTokenVersion: 2 as const },
      },
      { displayName: 'second-tier', identifierUris: [target.resource] },
    ],
  }
  emulator = await startEmulator({ registration, clock: fixedClock(1_800_000_000) })
  const { iss, sub, aud } = decodeJwt(await emulator.issueToken({ client: 'worker', resource: exchange }))
  const credential = { issuer: iss!, subject: sub!, audiences: [aud as string] }
  const daemon = { displayName: 'daemon', appId: daemonId, federatedIdentityCredentials: [credential] }
  emulator.reload({ ...registration, applications: [...registration.applications, daemon] })
})
afterAll(() => emulator.stop())

const environments: readonly [string, () => Readonly<Record<string, string>>][] = [
  ['a virtual machine', () => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: emulator.managedIdentity.imdsHost })],
  [
    'App Service',
    () => {
      const { identityEndpoint, identityHeader } = emulator.managedIdentity
      return { IDENTITY_ENDPOINT: identityEndpoint, IDENTITY_HEADER: identityHeader }
    },
  ],
]

describe.each(environments)('a managed identity of %s', (_name, environmentOf) => {
  it('acquires tokens of its own, cached until they end', async () => {
    const { clock } = emulator
    const identity = managedIdentity({ environment: environmentOf(), clock: clock.now })
    const [first, joined] = await Promise.all([identity.acquire(target), identity.acquire(target)])
    expect(decodeJwt(first.accessToken)).toMatchObject({ aud: target.resource })
    expect(joined.accessToken).toBe(first.accessToken)
    expect(first.expiresAt).toBeGreaterThan(clock.now() + 3000)
    expect(await identity.acquire(target)).toMatchObject({ source: 'cache' })
    expect(await identity.acquire({ ...target, refresh: true })).toMatchObject({ source: 'network' })
  })

  it('is the credential of an application that trusts it', async () => {
    const { credential } = managedIdentity({ environment: environmentOf(), clock: emulator.clock.now })
    const client = createTokenClient({
      authority: entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud }),
      clientId: daemonId,
      credential,
      clock: emulator.clock.now,
    })
    const { accessToken } = await client.acquireForApp(target)
    expect(decodeJwt(accessToken)['appid'] ?? decodeJwt(accessToken)['azp']).toBe(daemonId)
  })

  it('that the machine does not have is named, for its own tokens and as a credential', async () => {
    const identity = managedIdentity({
      environment: environmentOf(),
      clientId: '99999999-0b0a-4908-8706-050403020100',
      clock: emulator.clock.now,
    })
    const error = await refusalOf(identity.acquire(target))
    expect(error).toMatchObject({ code: 'managed_identity_refused', action: 'fix-configuration' })
    expect(error.message).toContain('99999999-0b0a-4908-8706-050403020100')
    const client = createTokenClient({
      authority: entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud }),
      clientId: daemonId,
      credential: identity.credential,
    })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unusable',
      action: 'fix-configuration',
      reason: 'managed_identity_refused',
    })
  })
})

describe('a managed identity of Azure Arc', () => {
  /** The agent's endpoint: it asks for the content of a file that only this machine can read. */
  async function startArc(realm: string, secret: string) {
    const seen: IncomingMessage['headers'][] = []
    const server = createServer((request, response) => {
      seen.push(request.headers)
      if (request.headers.authorization !== `Basic ${secret}`) {
        return void response.writeHead(401, { 'www-authenticate': `Basic realm=${realm}` }).end()
      }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ token_type: 'Bearer', access_token: 'arc-token', expires_in: '3600' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const environment = {
      IDENTITY_ENDPOINT: `${origin}/metadata/identity/oauth2/token`,
      IMDS_ENDPOINT: origin,
    }
    return { seen, environment }
  }

  function folderWith(files: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(join(tmpdir(), 'arc-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return folder
  }

  it('proves that it can read the key file', async () => {
    const folder = folderWith({ 'a.key': 'file-secret\n' })
    const { environment, seen } = await startArc(join(folder, 'a.key'), 'file-secret')
    const identity = createManagedIdentity({ environment }, folder)
    expect((await identity.acquire(target)).accessToken).toBe('arc-token')
    expect(seen.map(({ metadata, authorization }) => [metadata, authorization])).toEqual([
      ['true', undefined],
      ['true', 'Basic file-secret'],
    ])
  })

  it.each([
    ['of another folder', (folder: string) => join(folder, '..', 'b.key')],
    ['of another kind', (folder: string) => join(folder, 'a.txt')],
    ['by a path that leaves the folder', (folder: string) => `${folder}/x/../a.key`],
    ['that is too large', (folder: string) => join(folder, 'large.key')],
    ['that is not there', (folder: string) => join(folder, 'none.key')],
    ['without a name', () => ''],
  ])('sends no file %s', async (_name, realmOf) => {
    const folder = folderWith({ 'a.txt': 'hunter2', 'a.key': 'hunter2', 'large.key': 'x'.repeat(5000) })
    const { environment, seen } = await startArc(realmOf(folder), 'hunter2')
    const error = await refusalOf(createManagedIdentity({ environment }, folder).acquire(target))
    expect(error.action).toBe('fix-configuration')
    expect(seen).toHaveLength(1)
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
  })

  it('has no user-assigned identities', async () => {
    const { environment, seen } = await startArc('x', 'x')
    const identity = managedIdentity({ environment, clientId: daemonId })
    expect(await refusalOf(identity.acquire(target))).toMatchObject({ code: 'managed_identity_refused' })
    expect(seen).toEqual([])
  })
})

describe('the options of a managed identity', () => {
  it.each<[string, object, RegExp]>([
    ['no environment', {}, /"environment" must be .* process\.env/],
    [
      'two ids',
      { environment: {}, clientId: 'a', objectId: 'b' },
      /"objectId" must be left out with clientId/,
    ],
    ['an unknown option', { environment: {}, identity: 'a' }, /unknown option "identity"/],
    ['an unknown cloud', { environment: {}, cloud: 'mars' }, /"cloud" must be global/],
    [
      'an endpoint whose name looks like an address of the link',
      { environment: { AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://169.254.evil.example' } },
      /"environment\.AZURE_POD_IDENTITY_AUTHORITY_HOST" must be an https address/,
    ],
    [
      'an endpoint elsewhere over plain http',
      { environment: { IDENTITY_ENDPOINT: 'http://evil.example/', IDENTITY_HEADER: 'x' } },
      /"environment\.IDENTITY_ENDPOINT" must be an https address/,
    ],
    [
      'Service Fabric',
      {
        environment: {
          IDENTITY_ENDPOINT: 'https://localhost/',
          IDENTITY_HEADER: 'x',
          IDENTITY_SERVER_THUMBPRINT: 'y',
        },
      },
      /Service Fabric, which is not supported/,
    ],
    [
      'Cloud Shell',
      { environment: { MSI_ENDPOINT: 'http://localhost/' } },
      /Cloud Shell, which is not supported/,
    ],
  ])('with %s are refused', (_name, options, message) => {
    const create = () => managedIdentity(options as Parameters<typeof managedIdentity>[0])
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })

  it('name no scopes when a token is acquired', async () => {
    const identity = managedIdentity({ environment: {} })
    const scopes = { scopes: ['a'] } as unknown as { resource: string }
    await expect(identity.acquire(scopes)).rejects.toThrow(/"resource" is required/)
  })
})
