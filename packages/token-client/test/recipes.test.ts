import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Emulator, startEmulator } from '@countersign/emulator'
import {
  clientCertificate,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type ServiceFetch,
} from '@countersign/token-client'
import { decodeJwt, importX509, jwtVerify } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from './certificates.js'
import { vaultCertificate } from './recipes/key-vault.js'
import { createFederatedClient } from './recipes/managed-identity.js'
import { throughProxy, trusting } from './recipes/networks.js'
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

it.each([
  ['managed-identity', 'managed-identity'],
  ['workload-identity', 'token-client-workload-identity'],
  ['redis-fleet', 'token-client-redis-fleet'],
  ['networks', 'token-client-networks'],
  ['key-vault', 'token-client-keys'],
])('the recipe with %s prints the code that is run here', (name, document) => {
  const source = readFileSync(new URL(`./recipes/${name}.ts`, import.meta.url), 'utf8')
  expect(recipe(document)).toContain(source)
})

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

describe('a managed identity', () => {
  it('is the credential of an application that trusts it', async () => {
    const emulator = await startWithFederation()
    const authority = entraAuthority({ tenantId, cloud: emulator.cloud })
    const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: emulator.managedIdentity.imdsHost }
    const token = await createFederatedClient(authority, daemonId, environment).acquireForApp(target)
    expect(decodeJwt(token.accessToken)['appid']).toBe(daemonId)
  })
})

const hasOpenssl = spawnSync('sh', ['-c', 'command -v openssl']).status === 0
if (!hasOpenssl && process.env['CI'] === 'true') throw new Error('openssl is not installed')

it.skipIf(!hasOpenssl)('a key in a vault signs digests, and never leaves it', async () => {
  const pair = await makeCertificate()
  const keyFile = join(temporaryFolder(), 'key.pem')
  writeFileSync(keyFile, pair.privateKey)
  const options = ['digest:sha256', 'rsa_padding_mode:pss', 'rsa_pss_saltlen:32', 'rsa_mgf1_md:sha256']
  const vault = {
    async sign(_algorithm: string, digest: Uint8Array) {
      const pkeyopt = options.flatMap((option) => ['-pkeyopt', option])
      const command = ['pkeyutl', '-sign', '-inkey', keyFile, ...pkeyopt]
      return { result: new Uint8Array(execFileSync('openssl', command, { input: digest })) }
    },
  }
  const credential = vaultCertificate(pair.certificate, vault)
  const { client, endpoint, clock } = await createBench('2.0', { credential })
  await client.acquireForApp(target)
  const { payload } = await jwtVerify(
    endpoint.requests[0]!.form.client_assertion!,
    await importX509(pair.certificate, 'PS256'),
    { currentDate: new Date(clock.now * 1000) },
  )
  expect(payload.aud).toBe(`${endpoint.origin}/${tenantId}/oauth2/v2.0/token`)
})

describe.skipIf(!hasOpenssl)('a network with a private certificate authority and a proxy', () => {
  function createIdentity(): { key: string; cert: string } {
    const folder = temporaryFolder()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  }

  async function listen(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => server.close().closeAllConnections())
    return (server.address() as AddressInfo).port
  }

  function clientAt(origin: string, fetch?: ServiceFetch) {
    return createTokenClient({
      authority: entraAuthority({ tenantId, cloud: { authority: origin } }),
      clientId: daemonId,
      credential: clientSecret('secret'),
      fetch,
    })
  }

  it('is reached by a client that trusts its authority, and by no other', async () => {
    const identity = createIdentity()
    const forms: string[] = []
    const server = createTlsServer(identity, async (request, response) => {
      let text = ''
      for await (const chunk of request.setEncoding('utf8')) text += chunk
      forms.push(text)
      response.end(JSON.stringify({ token_type: 'Bearer', access_token: 'a', expires_in: 60 }))
    })
    const origin = `https://127.0.0.1:${await listen(server)}`
    expect(await clientAt(origin, trusting(identity.cert)).acquireForApp(target)).toMatchObject({
      source: 'network',
    })
    expect(new URLSearchParams(forms[0]).get('client_secret')).toBe('secret')
    for (const fetch of [undefined, trusting(createIdentity().cert)]) {
      await expect(clientAt(origin, fetch).acquireForApp(target)).rejects.toMatchObject({
        code: 'service_unreachable',
        message: expect.stringContaining('The certificate of the host is not trusted here') as string,
      })
    }
    expect(forms).toHaveLength(1)
  })

  it('is reached through the proxy', async () => {
    const endpoint = await startTokenEndpoint()
    const asked: string[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url!)
      const { hostname, port } = new URL(`http://${request.url}`)
      const upstream = connectTo(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      for (const one of [upstream, socket]) one.on('error', () => {})
    })
    const address = `http://127.0.0.1:${await listen(proxy)}`
    const token = await clientAt(endpoint.origin, throughProxy(address)).acquireForApp(target)
    expect(token).toMatchObject({ source: 'network' })
    expect(asked).toEqual([new URL(endpoint.origin).host])
    expect(endpoint.requests[0]!.form).toMatchObject({ client_secret: 'secret' })
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
