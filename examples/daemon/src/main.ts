import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { startEmulator } from '@countersign/emulator'
import { bearerAuth, entra, requirePermission } from '@countersign/express'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  isTokenClientError,
} from '@countersign/token-client'
import { createJob } from './daemon.js'

/*
 * Scenario 1, whole: the daemon gets a token as itself and calls an API that validates it. For a real tenant: the ids of the tenant
 * and of both registrations, the secret from where you keep secrets, without `cloud`, `clock` and the emulator.
 */
await using emulator = await startEmulator()
const { cloud, clock } = emulator
const sample = await emulator.issueToken({ client: 'daemon', resource: 'api' })
const { tid, aud, azp } = JSON.parse(
  Buffer.from(sample.split('.')[1] ?? '', 'base64url').toString(),
) as Record<'tid' | 'aud' | 'azp', string>

// The API. `application` alone: users and other clients without the role are refused.
const app = express()
app.use(bearerAuth({ issuer: entra({ tenantId: tid, clientId: aud, cloud }), clock: clock.now }))
app.get(
  '/things',
  requirePermission({ application: { roles: 'Things.Read.All' } }),
  (_request, response) => void response.json({ things: ['a lamp', 'a chair'] }),
)
const server: Server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// The daemon.
const settings = {
  authority: entraAuthority({ tenantId: tid, version: '2.0', cloud }),
  clientId: azp,
  clock: clock.now,
}
const client = createTokenClient({ ...settings, credential: clientSecret('not-a-secret-daemon') })
const job = createJob(client, origin, 'api://api')
const tokenRequests = (): number => emulator.requests.filter(({ path }) => path.endsWith('/token')).length

try {
  const before = tokenRequests()
  for (let run = 1; run <= 3; run++) console.log(`run ${run}: the daemon counts ${await job()} things`)
  assert.equal(tokenRequests() - before, 1)
  console.log('three runs, one token request')

  const wrong = createTokenClient({ ...settings, credential: clientSecret('something else') })
  const error: unknown = await createJob(wrong, origin, 'api://api')().catch((reason: unknown) => reason)
  assert.ok(isTokenClientError(error))
  console.log(`with a wrong secret: ${error.code}, ${error.action}`)
  assert.equal(error.action, 'fix-configuration')
  console.log('All answers are as they should be.')
} finally {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
