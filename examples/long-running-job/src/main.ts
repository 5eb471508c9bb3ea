import assert from 'node:assert/strict'
import { fork, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import { startEmulator } from '@countersign/emulator'
import { bearerAuth, entra, requirePermission } from '@countersign/fastify'

/* Two instances of an API, one Redis, and a job that runs when the user's token has long expired. */
if (spawnSync('redis-server', ['--version']).status !== 0) {
  console.warn('*** redis-server is not installed: this example DID NOT RUN ***')
  process.exit(process.env['CI'] === 'true' ? 1 : 0)
}

const tenantId = '11111111-0000-4000-8000-000000000001'
const reportsId = '22222222-0000-4000-8000-000000000001'
const stockId = '22222222-0000-4000-8000-000000000002'
const alice = 'alice@contoso.example'
await using emulator = await startEmulator({
  registration: {
    tenants: [
      {
        id: tenantId,
        displayName: 'Contoso',
        domains: ['contoso.example'],
        users: [{ userPrincipalName: alice, displayName: 'Alice Ash' }],
        oauth2PermissionGrants: [
          { clientId: 'app', resourceId: 'reports', scope: 'Reports.Create' },
          { clientId: 'reports', resourceId: 'stock', scope: 'Stock.Read' },
        ],
      },
    ],
    applications: [
      {
        appId: reportsId,
        displayName: 'reports',
        identifierUris: ['api://reports'],
        passwordCredentials: [{ secretText: 'not-a-secret-reports' }],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Reports.Create' }] },
      },
      {
        appId: stockId,
        displayName: 'stock',
        identifierUris: ['api://stock'],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Stock.Read' }] },
      },
      { displayName: 'app', publicClient: { redirectUris: ['http://localhost'] } },
    ],
  },
})
const { cloud, clock } = emulator

const port = await freePort()
const quiet = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
const redis = spawn('redis-server', ['--port', `${port}`, ...quiet], { stdio: ['ignore', 'pipe', 'inherit'] })
for await (const chunk of redis.stdout.iterator({ destroyOnReturn: false })) {
  if (String(chunk).includes('Ready to accept')) break
}
redis.stdout.resume()

const stock = Fastify()
await stock.register(bearerAuth, { issuer: entra({ tenantId, clientId: stockId, cloud }), clock: clock.now })
const onRequest = requirePermission({ delegated: { scopes: 'Stock.Read' } })
stock.get('/stock', { onRequest }, ({ auth }) => ({ lamps: 7, seenBy: auth.objectId }))
const stockOrigin = await stock.listen({ port: 0, host: '127.0.0.1' })

const startedAt = clock.now()
const settings = {
  tenantId,
  clientId: reportsId,
  secret: 'not-a-secret-reports',
  cloud,
  redisUrl: `redis://127.0.0.1:${port}`,
  storeKey: randomBytes(32).toString('base64'),
  stockOrigin,
  startedAt,
}
const program = fileURLToPath(new URL('instance.js', import.meta.url))
const instances = [1, 2].map(() => fork(program, [JSON.stringify(settings)]))
const [first = '', second = ''] = await Promise.all(
  instances.map(async (instance) => {
    const [origin] = (await once(instance, 'message')) as [string]
    return origin
  }),
)

/** Time passes everywhere. */
function pass(seconds: number): void {
  clock.advance(seconds)
  for (const instance of instances) instance.send(clock.now() - startedAt)
}

async function send(
  method: string,
  url: string,
  token?: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await answer.json() }
}

try {
  const user = await emulator.issueToken({ client: 'app', resource: 'reports', user: alice })
  const asked = await send('POST', `${first}/reports`, user)
  assert.equal(asked.status, 200)
  const job = asked.body as { key: string; tenantId: string; objectId: string; clientId: string }
  console.log('the user asks for a report at the first instance, and leaves')

  pass(4 * 3600)
  assert.equal((await send('POST', `${first}/reports`, user)).status, 401)
  console.log('four hours later the token of the user is refused')

  const report = await send('POST', `${second}/jobs/run`, undefined, job)
  assert.deepEqual(report, { status: 200, body: { report: { lamps: 7, seenBy: job.objectId } } })
  console.log('the second instance makes the report, as the user')

  const stranger = { ...job, objectId: '99999999-0000-4000-8000-000000000009' }
  assert.notEqual((await send('POST', `${second}/jobs/run`, undefined, stranger)).status, 200)
  console.log('for another owner the key finds nothing')

  const later = await emulator.issueToken({ client: 'app', resource: 'reports', user: alice })
  assert.equal((await send('DELETE', `${first}/me`, later)).status, 200)
  pass(31)
  const after = await send('POST', `${second}/jobs/run`, undefined, job)
  assert.notEqual(after.status, 200)
  console.log(`the user is forgotten at the first instance; the second one answers ${after.status}`)
  console.log('All answers are as they should be.')
} finally {
  for (const instance of instances) instance.disconnect()
  await stock.close()
  redis.kill('SIGKILL')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: free } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return free
}
