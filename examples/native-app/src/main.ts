import assert from 'node:assert/strict'
import { PublicClientApplication } from '@azure/msal-node'
import { runningClock, startEmulator } from '@countersign/emulator'
import { entra } from '@countersign/fastify'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { createOrdersApi, createStockApi } from './apis.js'
import { NativeApp } from './app.js'
import { createBrowser } from './browser.js'

/* Scenario 2, whole: a user signs in on a native app, which calls a first-tier API, which calls a second-tier API for the user. */
const tenantId = '11111111-0000-4000-8000-000000000001'
const ordersId = '22222222-0000-4000-8000-000000000001'
const stockId = '22222222-0000-4000-8000-000000000002'
const appId = '22222222-0000-4000-8000-000000000003'
const xms_cc = { optionalClaims: { accessToken: [{ name: 'xms_cc' }] } }

await using emulator = await startEmulator({
  // MSAL compares with the clock of the machine.
  clock: runningClock(),
  registration: {
    tenants: [
      {
        id: tenantId,
        displayName: 'Contoso',
        domains: ['contoso.example'],
        users: [{ userPrincipalName: 'alice@contoso.example', displayName: 'Alice Ash' }],
        oauth2PermissionGrants: [{ clientId: 'orders', resourceId: 'stock', scope: 'Stock.Read' }],
        conditionalAccess: [{ displayName: 'second factor for stock', demand: 'mfa', resources: ['stock'] }],
      },
    ],
    applications: [
      {
        appId: ordersId,
        displayName: 'orders',
        identifierUris: ['api://orders'],
        passwordCredentials: [{ secretText: 'not-a-secret-orders' }],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
        ...xms_cc,
      },
      {
        appId: stockId,
        displayName: 'stock',
        identifierUris: ['api://stock'],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Stock.Read' }] },
        ...xms_cc,
      },
      { appId, displayName: 'app', publicClient: { redirectUris: ['http://localhost'] } },
    ],
  },
})
const { cloud } = emulator

const stock = await createStockApi({ issuer: entra({ tenantId, clientId: stockId, cloud }) })
const stockOrigin = await stock.listen({ port: 0, host: '127.0.0.1' })
const client = createTokenClient({
  authority: entraAuthority({ tenantId, version: '2.0', cloud }),
  clientId: ordersId,
  credential: clientSecret('not-a-secret-orders'),
  audience: ordersId,
})
const orders = await createOrdersApi(
  { issuer: entra({ tenantId, clientId: ordersId, cloud }) },
  client,
  stockOrigin,
)
const ordersOrigin = await orders.listen({ port: 0, host: '127.0.0.1' })

// MSAL wants an https authority. For a real tenant: `authority: 'https://login.microsoftonline.com/<tenant>'` and nothing else.
const { host } = new URL(emulator.origin)
const discovery = await fetch(`${emulator.origin}/${tenantId}/v2.0/.well-known/openid-configuration`)
const forEmulator = {
  authority: `https://${host}/${tenantId}`,
  knownAuthorities: [host],
  authorityMetadata: await discovery.text(),
}
function createApp(clientCapabilities: string[]): { app: NativeApp; factors: () => number } {
  const browser = createBrowser('alice@contoso.example')
  const msal = new PublicClientApplication({ auth: { clientId: appId, ...forEmulator, clientCapabilities } })
  return { app: new NativeApp(msal, ['api://orders/Orders.Read'], browser.open), factors: browser.factors }
}

try {
  const capable = createApp(['cp1'])
  const answer = await capable.app.get(`${ordersOrigin}/orders`)
  const body = (await answer.json()) as { stock: { lamps: number } }
  assert.deepEqual([answer.status, body.stock.lamps, capable.factors()], [200, 7, 1])
  console.log('the user signs in, and consents to the first tier')
  console.log('the second tier wants a second factor: the first tier answers 401 with the claims')
  console.log('the app signs the user in again with these claims, and gets orders and stock: 200')

  assert.equal((await capable.app.get(`${ordersOrigin}/orders`)).status, 200)
  assert.equal(capable.factors(), 1)
  console.log('the next request needs nothing more: 200')

  const plain = createApp([])
  const refused = await plain.app.get(`${ordersOrigin}/orders`)
  assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [403, null])
  console.log('an app that does not declare cp1 would not understand the claims, and gets 403')
  console.log('All answers are as they should be.')
} finally {
  await Promise.all([orders.close(), stock.close()])
  await client.close()
}
