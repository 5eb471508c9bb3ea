import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import express from 'express'
import { entra } from '@countersign/core'
import { startEmulator } from '@countersign/emulator'
import { bearerAuth, requirePermission } from '@countersign/express'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { createServer } from './server.js'
import { SignIn } from './sign-in.js'

const tenantId = '11111111-0000-4000-8000-000000000001'
const serverId = '22222222-0000-4000-8000-000000000001'
const stockId = '22222222-0000-4000-8000-000000000002'
const clientId = '22222222-0000-4000-8000-000000000003'
const alice = 'alice@contoso.example'

const http = createHttpServer().listen(0, '127.0.0.1')
const stockHttp = createHttpServer().listen(0, '127.0.0.1')
await Promise.all([once(http, 'listening'), once(stockHttp, 'listening')])
const originOf = (server: typeof http): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
// The application ID URI of the server is the address of its endpoint: with a path, without a slash at the end.
const resource = `${originOf(http)}/mcp`

await using emulator = await startEmulator({
  registration: {
    tenants: [
      {
        id: tenantId,
        displayName: 'Contoso',
        domains: ['contoso.example'],
        users: [{ userPrincipalName: alice, displayName: 'Alice Ash' }],
        oauth2PermissionGrants: [
          { clientId: 'client', resourceId: 'orders', scope: 'Tools.Use' },
          { clientId: 'orders', resourceId: 'stock', scope: 'Stock.Read' },
        ],
      },
    ],
    applications: [
      {
        appId: serverId,
        displayName: 'orders',
        identifierUris: [resource],
        passwordCredentials: [{ secretText: 'not-a-secret-orders' }],
        api: {
          requestedAccessTokenVersion: 2,
          oauth2PermissionScopes: [{ value: 'Tools.Use' }, { value: 'Orders.Delete' }],
        },
      },
      {
        appId: stockId,
        displayName: 'stock',
        identifierUris: ['api://stock'],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Stock.Read' }] },
      },
      { appId: clientId, displayName: 'client', publicClient: { redirectUris: ['http://localhost'] } },
    ],
  },
})
const { cloud, clock } = emulator

const stock = express()
stock.use(bearerAuth({ issuer: entra({ tenantId, clientId: stockId, cloud }), clock: clock.now }))
stock.get('/stock', requirePermission({ delegated: { scopes: 'Stock.Read' } }), (request, response) => {
  response.json({ lamps: 7, seenBy: request.auth.objectId })
})
stockHttp.on('request', stock)

const client = createTokenClient({
  authority: entraAuthority({ tenantId, version: '2.0', cloud }),
  clientId: serverId,
  credential: clientSecret('not-a-secret-orders'),
  clock: clock.now,
})
const issuer = entra({ tenantId, clientId: serverId, cloud })
http.on(
  'request',
  createServer({ resource, issuer, clock: clock.now }, { client, origin: originOf(stockHttp) }),
)

/** The SDK's own client, unmodified: it finds everything from the address of the endpoint alone. */
const signIn = new SignIn(clientId, alice)
const connect = async (): Promise<Client> => {
  const connected = new Client({ name: 'example', version: '1.0.0' })
  await connected.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider: signIn }))
  return connected
}

try {
  await assert.rejects(connect(), UnauthorizedError)
  console.log('without a token: 401; the client reads the metadata, and sends the user to sign in')
  await new StreamableHTTPClientTransport(new URL(resource), { authProvider: signIn }).finishAuth(signIn.code)
  const connected = await connect()
  const call = async (name: string, input: Record<string, unknown> = {}): Promise<string> =>
    JSON.stringify(await connected.callTool({ name, arguments: input }))

  assert.match(await call('whoami'), new RegExp(`of tenant ${tenantId}`))
  console.log('whoami: the tool knows the user')
  assert.match(await call('stock'), /lamps/)
  console.log('stock: the tool called a second API on behalf of the user')
  await assert.rejects(call('delete_order', { order: '7' }))
  console.log('delete_order: refused, its scope was not granted')
  await connected.close()

  // What Entra answers where the address is not the application ID URI, or ends with a slash.
  const wrong = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: signIn.redirectUrl,
    scope: `${resource}/Tools.Use`,
    resource: `${resource}/`,
  })
  const page = await fetch(`${emulator.origin}/${tenantId}/oauth2/v2.0/authorize?${wrong.toString()}`, {
    redirect: 'manual',
  })
  const refusal = `${page.headers.get('location') ?? ''}${await page.text()}`
  assert.match(refusal, /AADSTS9010010/)
  console.log('with a slash at the end of the address: AADSTS9010010')
  console.log('All answers are as they should be.')
} finally {
  for (const server of [http, stockHttp]) {
    server.close()
    server.closeAllConnections()
  }
}
