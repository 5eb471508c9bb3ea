import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startEmulator } from '@countersign/emulator'
import { entra } from '@countersign/express'
import { createApp } from './app.js'

/** Runs the API against the emulator, calls it, and checks every answer. */
await using emulator = await startEmulator()
const token = await emulator.issueToken({ client: 'daemon', resource: 'api' })
const { tid, aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
  tid: string
  aud: string
}

const app = await createApp({
  issuer: entra({ tenantId: tid, clientId: aud, cloud: emulator.cloud }),
  clock: emulator.clock.now,
})
await app.listen(0, '127.0.0.1')
const server = app.getHttpServer() as Server
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

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
  assert.equal(stranger.status, 401)
  assert.equal(stranger.headers.get('www-authenticate'), 'Bearer')

  const forged = await call('/things', `${token.slice(0, -8)}AAAAAAAA`)
  assert.equal(forged.status, 401)
  assert.match(forged.headers.get('www-authenticate') ?? '', /error="invalid_token"/)

  const weak = await emulator.issueToken({ client: 'daemon', resource: 'api', roles: ['Things.Count'] })
  const forbidden = await call('/things', weak)
  assert.equal(forbidden.status, 403)
  assert.match(forbidden.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/)
  assert.equal((await call('/whoami', weak)).status, 200)

  const daemon = await call('/things', token)
  assert.equal(daemon.status, 200)
  assert.deepEqual(await daemon.json(), { things: ['a lamp', 'a chair'] })

  const user = 'alice@contoso.example'
  const delegated = await emulator.issueToken({ client: 'app', resource: 'api', user })
  assert.equal((await call('/things', delegated)).status, 200)
  assert.equal((await call('/nowhere')).status, 401)
  assert.equal((await call('/nowhere', token)).status, 404)
  console.log('All answers are as they should be.')
} finally {
  const closed = once(server, 'close')
  await app.close()
  if (server.listening) await closed
}
