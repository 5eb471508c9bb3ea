import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { entra } from '@countersign/core'
import { startEmulator } from '@countersign/emulator'
import { getRequestListener } from '@hono/node-server'
import { createApp } from './app.js'

/** Runs the API against the emulator, calls it, and checks every answer. */
await using emulator = await startEmulator()
const token = await emulator.issueToken({ client: 'daemon', resource: 'api' })
const { tid, aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
  tid: string
  aud: string
}

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const app = createApp(origin, {
  issuer: entra({ tenantId: tid, clientId: aud, cloud: emulator.cloud }),
  clock: emulator.clock.now,
})
const listener = getRequestListener(app.fetch)
server.on('request', (request, response) => void listener(request, response))

async function call(path: string, bearer?: string): Promise<Response> {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  const response = await fetch(origin + path, { headers })
  console.log(
    `${bearer === undefined ? 'without a token' : 'with a token   '} GET ${path}: ${response.status}`,
  )
  return response
}

try {
  const stranger = await call('/things')
  const metadata = `${origin}/.well-known/oauth-protected-resource`
  assert.equal(stranger.status, 401)
  assert.equal(stranger.headers.get('www-authenticate'), `Bearer resource_metadata="${metadata}"`)

  const published = await call('/.well-known/oauth-protected-resource')
  assert.deepEqual(await published.json(), {
    resource: origin,
    scopes_supported: ['Things.Read'],
    bearer_methods_supported: ['header'],
  })

  const forged = await call('/things', `${token.slice(0, -8)}AAAAAAAA`)
  assert.equal(forged.status, 401)
  assert.equal(((await forged.json()) as { error: string }).error, 'invalid_token')

  const weak = await emulator.issueToken({ client: 'daemon', resource: 'api', roles: ['Things.Count'] })
  assert.equal((await call('/things', weak)).status, 403)
  assert.equal((await call('/whoami', weak)).status, 200)

  const daemon = await call('/things', token)
  assert.equal(daemon.status, 200)
  assert.deepEqual(await daemon.json(), { things: ['a lamp', 'a chair'] })
  assert.equal((await call('/nowhere')).status, 401)
  assert.equal((await call('/nowhere', token)).status, 404)
  console.log('All answers are as they should be.')
} finally {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
