import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startEmulator } from '@countersign/emulator'
import { entra } from '@countersign/express'
import { createApp } from './app.js'

/*
 * Runs the API against the emulator, calls it, and checks every answer. For a real tenant only the options change: the ids of the
 * tenant and of the API's registration, without `cloud` and `clock`.
 */
await using emulator = await startEmulator()
const user = await emulator.issueToken({ client: 'app', resource: 'api', user: 'alice@contoso.example' })
const daemon = await emulator.issueToken({ client: 'daemon', resource: 'api' })
const weak = await emulator.issueToken({ client: 'daemon', resource: 'api', roles: ['Things.Count'] })
const expired = await emulator.issueToken({ client: 'daemon', resource: 'api', flaw: 'expired' })
const { tid, aud } = JSON.parse(Buffer.from(user.split('.')[1] ?? '', 'base64url').toString()) as {
  tid: string
  aud: string
}

const app = createApp({
  issuer: entra({ tenantId: tid, clientId: aud, cloud: emulator.cloud }),
  clock: emulator.clock.now,
})
const server: Server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function call(path: string, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(origin + path, { headers })
  const caller = new Map([
    [user, 'a user'],
    [daemon, 'a daemon'],
    [weak, 'a daemon without the role'],
    [expired, 'an expired token'],
  ])
  console.log(`${(caller.get(token ?? '') ?? 'nobody').padEnd(26)} GET ${path.padEnd(10)} ${answer.status}`)
  return answer
}

try {
  // Public routes answer anybody, also with a bad token.
  assert.deepEqual(await (await call('/')).json(), { name: 'things' })
  assert.equal((await call('/', expired)).status, 200)
  assert.equal((await call('/ready')).status, 204)

  // An optional route knows its caller, if there is one; a bad token is still refused.
  assert.deepEqual(await (await call('/greeting')).json(), { greeting: 'Hello' })
  assert.match(((await (await call('/greeting', user)).json()) as { greeting: string }).greeting, /^Hello .+/)
  assert.equal((await call('/greeting', expired)).status, 401)

  // A guarded route: who calls, and what they may do.
  const stranger = await call('/things')
  assert.deepEqual([stranger.status, stranger.headers.get('www-authenticate')], [401, 'Bearer'])
  const late = await call('/things', expired)
  assert.deepEqual(
    [late.status, await late.json()],
    [401, { error: 'invalid_token', error_description: 'The token has expired' }],
  )
  const forbidden = await call('/things', weak)
  assert.deepEqual(
    [forbidden.status, await forbidden.json()],
    [403, { error: 'insufficient_scope', error_description: 'A required role is missing' }],
  )
  assert.deepEqual(await (await call('/things', user)).json(), { things: ['a lamp', 'a chair'] })
  assert.deepEqual(await (await call('/things', daemon)).json(), { things: ['a lamp', 'a chair'] })

  // A page of another origin may ask first what it may send, without a token.
  const asks = { 'access-control-request-method': 'GET', origin: 'https://app.example' }
  const preflight = await fetch(`${origin}/things`, { method: 'OPTIONS', headers: asks })
  assert.deepEqual(
    [preflight.status, preflight.headers.get('access-control-allow-origin')],
    [204, 'https://app.example'],
  )
  assert.equal((await call('/nowhere', user)).status, 404)
  console.log('All answers are as they should be.')
} finally {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
