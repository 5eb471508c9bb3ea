import assert from 'node:assert/strict'
import { startEmulator } from '@countersign/emulator'
import { entraMultiTenant } from '@countersign/fastify'
import { createApp } from './app.js'
import { cachedTenants, TenantTable } from './tenants.js'

/*
 * One registration, many tenants. Each tenant's administrator consents once; then its users get tokens. Consent is Entra's part.
 * Which tenants may use the API is yours: the table of tenants. For a real registration: its client id, without `cloud` and `clock`.
 */
const apiId = '22222222-0000-4000-8000-000000000001'
const contoso = '11111111-0000-4000-8000-000000000001'
const fabrikam = '11111111-0000-4000-8000-000000000002'
const northwind = '11111111-0000-4000-8000-000000000003'

await using emulator = await startEmulator({
  registration: {
    tenants: [
      {
        id: contoso,
        domains: ['contoso.example'],
        displayName: 'Contoso',
        users: [{ userPrincipalName: 'ann@contoso.example' }],
      },
      {
        id: fabrikam,
        domains: ['fabrikam.example'],
        displayName: 'Fabrikam',
        users: [{ userPrincipalName: 'ben@fabrikam.example' }],
      },
      {
        id: northwind,
        domains: ['northwind.example'],
        displayName: 'Northwind',
        users: [{ userPrincipalName: 'cat@northwind.example' }],
      },
    ],
    applications: [
      {
        appId: apiId,
        displayName: 'notes',
        identifierUris: [`api://${apiId}`],
        signInAudience: 'AzureADMultipleOrgs',
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Notes.ReadWrite' }] },
      },
      {
        displayName: 'app',
        signInAudience: 'AzureADMultipleOrgs',
        publicClient: { redirectUris: ['http://localhost'] },
      },
    ],
  },
})
const { cloud, clock } = emulator
const table = new TenantTable()
table.set(contoso, true)
table.set(fabrikam, true)
const tenants = cachedTenants(table, { maxAgeSeconds: 60, clock: clock.now })
const app = await createApp({
  issuer: entraMultiTenant({ clientId: apiId, allowedTenants: tenants.isAllowed, cloud }),
  clock: clock.now,
})
const origin = await app.listen({ port: 0, host: '127.0.0.1' })

// Each tenant's administrator consents: from then on its users can get tokens.
for (const tenant of [contoso, fabrikam, northwind]) {
  emulator.grantConsent({ client: 'app', resource: 'notes', scopes: ['Notes.ReadWrite'], tenant })
}

/** A token of a user of that tenant, as the client gets it once the tenant consented. */
function tokenOf(user: string, tenant: string): Promise<string> {
  return emulator.issueToken({ client: 'app', resource: 'notes', user, tenant, scopes: ['Notes.ReadWrite'] })
}

async function call(token: string, text?: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${origin}/notes`, {
    method: text === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(text === undefined ? {} : { body: JSON.stringify({ text }) }),
  })
  return { status: answer.status, body: await answer.json() }
}

try {
  const [ann, ben, cat] = await Promise.all([
    tokenOf('ann@contoso.example', contoso),
    tokenOf('ben@fabrikam.example', fabrikam),
    tokenOf('cat@northwind.example', northwind),
  ])
  await call(ann, 'Contoso buys paper')
  assert.deepEqual(await call(ann), { status: 200, body: { notes: ['Contoso buys paper'] } })
  assert.deepEqual(await call(ben), { status: 200, body: { notes: [] } })
  console.log('each tenant sees its own notes')

  assert.equal((await call(cat)).status, 401)
  console.log('a tenant that is not in the table is refused, with a genuine token')

  const before = table.queries
  await Promise.all(Array.from({ length: 50 }, () => call(ann)))
  assert.equal(table.queries, before)
  console.log('fifty requests, no query: the answer is kept for a minute')

  table.set(fabrikam, false)
  assert.equal((await call(ben)).status, 200)
  clock.advance(61)
  assert.equal((await call(ben)).status, 401)
  console.log('a tenant that is switched off is refused a minute later at the latest')

  table.set(contoso, false)
  tenants.forget(contoso)
  assert.equal((await call(ann)).status, 401)
  console.log('or at once, where the code that switches it off forgets the answer')
  console.log('All answers are as they should be.')
} finally {
  await app.close()
}
