import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Emulator, startEmulator } from '@countersign/emulator'
import {
  clientCertificate,
  type ClientCredential,
  createTokenClient,
  entraAuthority,
} from '@countersign/token-client'
import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from './certificates.js'
import { managedIdentity } from './recipes/managed-identity.js'
import { redisStore } from './recipes/redis-fleet.js'
import { createWorkloadClient } from './recipes/workload-identity.js'
import { hasRedis, startRedis } from './redis-server.js'
import { createBench, createBenchAt, nativeAppId, objectId, target, tenantId, userToken } from './setup.js'
import { storeKey } from './stores.js'
import { startTokenEndpoint } from './token-endpoint.js'

const daemonId = '22222222-0b0a-4908-8706-050403020100'
const exchange = 'api://AzureADTokenExchange'

function recipe(name: string): string {
  return readFileSync(new URL(`../../../docs/recipes/${name}.md`, import.meta.url), 'utf8')
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

it.each(['managed-identity', 'workload-identity', 'redis-fleet'])(
  'the recipe with %s prints the code that is run here',
  (name) => {
    const source = readFileSync(new URL(`./recipes/${name}.ts`, import.meta.url), 'utf8')
    expect(recipe(name === 'managed-identity' ? name : `token-client-${name}`)).toContain(source)
  },
)

/** A tenant whose daemon trusts the machine's managed identity. */
async function startWithFederation(): Promise<Emulator> {
  const worker = { displayName: 'worker', type: 'systemAssigned' as const }
  const registration = {
    tenants: [{ id: tenantId, domains: ['contoso.example'], managedIdentities: [worker] }],
    applications: [
      {
        displayName: 'exchange',
        identifierUris: [exchange],
        api: { requestedAccessTokenVersion: 2 as const },
      },
      { displayName: 'second-tier', identifierUris: [target.resource] },
    ],
  }
  const emulator = await startEmulator({ registration })
  onTestFinished(() => emulator.stop())
  const { iss, sub, aud } = decodeJwt(await emulator.issueToken({ client: 'worker', resource: exchange }))
  const credential = { issuer: iss!, subject: sub!, audiences: [aud as string] }
  const daemon = { displayName: 'daemon', appId: daemonId, federatedIdentityCredentials: [credential] }
  emulator.reload({ ...registration, applications: [...registration.applications, daemon] })
  return emulator
}

function connect(emulator: Emulator, credential: ClientCredential) {
  const authority = entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud })
  return createTokenClient({ authority, clientId: daemonId, credential })
}

describe('a managed identity', () => {
  it('is the credential of an application that trusts it', async () => {
    const emulator = await startWithFederation()
    const credential = managedIdentity({ metadataHost: emulator.managedIdentity.imdsHost })
    const token = await connect(emulator, credential).acquireForApp(target)
    expect(decodeJwt(token.accessToken)['appid']).toBe(daemonId)
  })

  it('that is missing is reported, and no token request is sent', async () => {
    const emulator = await startWithFederation()
    const credential = managedIdentity({
      clientId: objectId,
      metadataHost: emulator.managedIdentity.imdsHost,
    })
    await expect(connect(emulator, credential).acquireForApp(target)).rejects.toMatchObject({
      code: 'client_credential_unavailable',
      action: 'retry',
    })
  })
})

describe('a workload identity', () => {
  it('is read from its file for every request', async () => {
    const emulator = await startWithFederation()
    const file = join(temporaryFolder(), 'token')
    const client = createWorkloadClient({
      AZURE_TENANT_ID: tenantId,
      AZURE_CLIENT_ID: daemonId,
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_AUTHORITY_HOST: `${emulator.origin}/`,
    })
    writeFileSync(file, 'the.old.token')
    await expect(client.acquireForApp(target)).rejects.toMatchObject({ action: 'fix-configuration' })
    writeFileSync(file, `${await emulator.issueToken({ client: 'worker', resource: exchange })}\n`)
    expect(decodeJwt((await client.acquireForApp(target)).accessToken)['appid']).toBe(daemonId)
  })
})

describe('a PFX file', () => {
  const hasOpenssl = spawnSync('sh', ['-c', 'command -v openssl']).status === 0
  if (!hasOpenssl && process.env['CI'] === 'true') throw new Error('openssl is not installed')

  it.skipIf(!hasOpenssl)('becomes a certificate and a key by the commands of the recipe', async () => {
    const folder = temporaryFolder()
    const pair = await makeCertificate()
    writeFileSync(join(folder, 'c.pem'), pair.certificate)
    writeFileSync(join(folder, 'k.pem'), pair.privateKey)
    const run = (command: string) =>
      execFileSync('sh', ['-ec', command], { cwd: folder, env: { ...process.env, PFX_PASSWORD: 'p' } })
    run('openssl pkcs12 -export -in c.pem -inkey k.pem -out client.pfx -passout env:PFX_PASSWORD')
    for (const [, command] of recipe('pfx').matchAll(/^(openssl .*)$/gm)) run(command!)
    const endpoint = await startTokenEndpoint()
    const client = createTokenClient({
      authority: entraAuthority({ tenantId, version: '2.0', cloud: { authority: endpoint.origin } }),
      clientId: daemonId,
      credential: clientCertificate(() => ({
        certificate: readFileSync(join(folder, 'client-certificate.pem'), 'utf8'),
        privateKey: readFileSync(join(folder, 'client-key.pem'), 'utf8'),
      })),
      clock: () => 1_800_000_000,
    })
    await client.acquireForApp(target)
    expect(decodeJwt(endpoint.requests[0]!.form.client_assertion!)).toMatchObject({ iss: daemonId })
  })
})

describe.skipIf(!hasRedis())('two processes with one Redis', () => {
  it('shares tokens and sessions, and uses each refresh token once', async () => {
    const redis = await startRedis()
    const connectStore = () => {
      const { store, disconnect } = redisStore(redis.url, storeKey)
      onTestFinished(() => disconnect().catch(() => {}))
      return { store: { ...store, timeoutSeconds: 2 } }
    }
    const first = await createBench('2.0', connectStore())
    const second = createBenchAt(first.endpoint, first.clock, '2.0', connectStore())
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, {
      tenantId,
      objectId,
      clientId: nativeAppId,
    })
    await Promise.all(
      ['a', 'b', 'c'].flatMap((name) => [
        session.acquire({ resource: `api://first/${name}` }),
        elsewhere.acquire({ resource: `api://second/${name}` }),
      ]),
    )
    const used = first.endpoint.requests.map(({ form }) => form.refresh_token)
    expect(used).toHaveLength(7)
    expect(new Set(used).size).toBe(7)
  })
})
