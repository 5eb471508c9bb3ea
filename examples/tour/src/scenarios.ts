import {
  clientCertificate,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type ClientCredential,
  type TokenClient,
} from '@countersign/token-client'
import { apiName, startFleet, startInventory, startOrders, startReports, target, type Api } from './apis.js'
import { consentAsAdmin, renew, signIn } from './sign-in.js'
import type { Version } from './narrator.js'
import type { Stage } from './stage.js'

/** Plays one scene; APIs it starts are added to `running`, so that the caller can stop them or keep them. */
export type Scene = (stage: Stage, version: Version, running: Api[]) => Promise<void>

function tokenClient(
  stage: Stage,
  version: Version,
  name: string,
  credential: ClientCredential = clientSecret(stage.secret(name)),
  tenant = 'Contoso',
): TokenClient {
  return createTokenClient({
    authority: entraAuthority({ tenantId: stage.tenantId(tenant), version, cloud: stage.emulator.cloud }),
    clientId: stage.appId(name),
    credential,
    clock: stage.emulator.clock.now,
    fetch: stage.fetchAs(name),
  })
}

async function call(
  stage: Stage,
  caller: string,
  api: Api,
  path: string,
  accessToken: string,
  method = 'GET',
): Promise<Response> {
  return stage.fetchAs(caller)(`${api.origin}${path}`, {
    method,
    headers: { authorization: `Bearer ${accessToken}` },
  })
}

/** The code of the error a promise is rejected with, or what it was instead. */
async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'no error',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  )
}

/** Scenario 1: a daemon gets a token as itself and calls an API, which validates it. */
export const daemon: Scene = async (stage, version, running) => {
  const { narrator } = stage
  const reports = await startReports(stage, version)
  running.push(reports)
  const resource = `api://${stage.appId(reports.name)}`

  narrator.scene({ name: 'Scenario 1', version, title: 'a daemon calls an API as itself, with a secret' })
  const bySecret = tokenClient(stage, version, 'nightly-daemon')
  const { accessToken } = await bySecret.acquireForApp({ resource })
  const answer = await call(stage, 'nightly-daemon', reports, '/reports', accessToken)
  narrator.expect('status', answer.status, 200)
  narrator.expect(
    'the API saw a token of kind',
    ((await answer.json()) as { for: string }).for,
    'application',
  )

  narrator.scene({ name: 'Scenario 1', version, title: 'the same with a certificate' })
  const byCertificate = tokenClient(stage, version, 'nightly-daemon', clientCertificate(stage.certificate))
  const acquired = await byCertificate.acquireForApp({ resource })
  const second = await call(stage, 'nightly-daemon', reports, '/reports', acquired.accessToken)
  narrator.expect('status', second.status, 200)
  const again = await byCertificate.acquireForApp({ resource })
  narrator.expect('a second token comes from the', again.source, 'cache')

  narrator.scene({ name: 'Refusals', version, title: 'what a daemon may meet' })
  const write = await call(stage, 'nightly-daemon', reports, '/reports', accessToken, 'POST')
  narrator.expect('without the role for writing', write.status, 403)
  const idle = await tokenClient(stage, version, 'idle-daemon').acquireForApp({ resource })
  narrator.say(
    'The service issues a token without any role to every client of the tenant; the API must not take it.',
  )
  const roleless = await call(stage, 'idle-daemon', reports, '/reports', idle.accessToken)
  narrator.expect('without any role', roleless.status, 401)
  const wrong = tokenClient(stage, version, 'idle-daemon', clientSecret('not-the-secret'))
  narrator.expect(
    'with a wrong secret',
    await codeOf(wrong.acquireForApp({ resource })),
    'client_credential_refused',
  )
}

/** Scenario 2: a user's native app calls a first tier, which calls a second tier on behalf of the user. */
export const onBehalfOf: Scene = async (stage, version, running) => {
  const { narrator, emulator } = stage
  const inventory = await startInventory(stage, version)
  const orders = await startOrders(stage, version, inventory.origin)
  const returns = await startOrders(stage, version, inventory.origin, apiName('returns', version))
  running.push(inventory, orders, returns)
  const ordersTarget = target(stage, orders.name, 'Orders.Read', version)

  narrator.scene({ name: 'Scenario 2', version, title: 'a user signs in on a native app' })
  const user = await signIn(stage, version, 'bob@contoso.example', ordersTarget)

  narrator.scene({
    name: 'Scenario 2',
    version,
    title: 'the app calls tier 1, which calls tier 2 on behalf of the user',
  })
  const first = await call(stage, 'native app', orders, '/orders', user.accessToken)
  narrator.expect('status', first.status, 200)
  narrator.expect(
    'the second tier answered through the first',
    await first.text(),
    '{"orders":[{"item":"lamp","inStock":12}]}',
  )

  narrator.scene({
    name: 'Scenario 2',
    version,
    title: 'the tokens expire, and a session that was started in time goes on',
  })
  const started = await call(stage, 'native app', orders, '/watches', user.accessToken, 'POST')
  narrator.expect('the first tier starts a session', started.status, 201)
  const { watch } = (await started.json()) as { watch: string }
  emulator.clock.advance(2 * 3600)
  narrator.say('Two hours pass.')
  const late = await call(stage, 'native app', orders, '/orders', user.accessToken)
  narrator.expect('tier 1 refuses the expired token', late.status, 401)
  const plain = tokenClient(stage, version, orders.name)
  const inventoryTarget = target(stage, inventory.name, 'Inventory.Read', version)
  narrator.expect(
    'plain on-behalf-of with the expired token',
    await codeOf(plain.acquireOnBehalfOf(user.accessToken, inventoryTarget)),
    'user_token_expired',
  )
  narrator.say('Tier 1 runs its nightly job. Nobody is asked to sign in.')
  narrator.expect('the session reads the stock', await orders.runWatch(watch), 200)
  const renewed = await renew(stage, version, user, ordersTarget)
  const next = await call(stage, 'native app', orders, '/orders', renewed.accessToken)
  narrator.expect('the app goes on by its own refresh token', next.status, 200)

  narrator.scene({ name: 'Refusals', version, title: "what a user's app may meet" })
  const write = await call(stage, 'native app', orders, '/orders', renewed.accessToken, 'POST')
  narrator.expect('without the scope for writing', write.status, 403)
  const elsewhere = await call(stage, 'native app', inventory, '/stock', renewed.accessToken)
  narrator.expect('with a token for another API', elsewhere.status, 401)
  const returnsTarget = target(stage, returns.name, 'Returns.Read', version)
  const alice = await signIn(stage, version, 'alice@contoso.example', returnsTarget)
  const unconsented = await call(stage, 'native app', returns, '/orders', alice.accessToken)
  narrator.expect('a first tier nobody gave consent', unconsented.status, 403)
  const answered = (await unconsented.json()) as { action?: string }
  narrator.expect('what the answer asks for', answered.action, 'consent')
}

/** Multi-tenant: one registration, several customers, each consenting for itself. */
export const multiTenant: Scene = async (stage, version, running) => {
  const { narrator, emulator } = stage
  const fleet = await startFleet(stage, version)
  running.push(fleet)
  const resource = `api://${stage.appId(fleet.name)}`
  const inTenant = (tenant: string): TokenClient =>
    tokenClient(stage, version, 'fleet-daemon', clientSecret(stage.secret('fleet-daemon')), tenant)

  narrator.scene({ name: 'Multi-tenant', version, title: 'at home' })
  const home = await inTenant('Contoso').acquireForApp({ resource })
  narrator.expect('status', (await call(stage, 'fleet-daemon', fleet, '/', home.accessToken)).status, 200)

  narrator.scene({ name: 'Multi-tenant', version, title: "a customer's administrator consents" })
  const before = await codeOf(inTenant('Fabrikam').acquireForApp({ resource }))
  narrator.expect('before the consent', before, 'client_refused')
  const consented = await consentAsAdmin(
    stage,
    version,
    'Fabrikam',
    'erin@fabrikam.example',
    'fleet-daemon',
    `${resource}/.default`,
  )
  narrator.expect('the administrator consented', consented, true)
  const customer = await inTenant('Fabrikam').acquireForApp({ resource })
  const answer = await call(stage, 'fleet-daemon', fleet, '/', customer.accessToken)
  narrator.expect('status', answer.status, 200)
  narrator.expect(
    'the tenant the API saw',
    ((await answer.json()) as { tenant: string }).tenant,
    stage.tenantId('Fabrikam'),
  )

  narrator.scene({ name: 'Refusals', version, title: 'tenants that may not' })
  narrator.expect(
    'a tenant that did not consent',
    await codeOf(inTenant('Northwind').acquireForApp({ resource })),
    'client_refused',
  )
  narrator.say('Northwind consents after all, but the API does not list it.')
  await consentAsAdmin(
    stage,
    version,
    'Northwind',
    'frank@northwind.example',
    'fleet-daemon',
    `${resource}/.default`,
  )
  const stranger = await emulator.issueToken({
    client: 'fleet-daemon',
    resource: fleet.name,
    tenant: stage.tenantId('Northwind'),
    roles: ['Fleet.Read.All'],
  })
  narrator.expect(
    'a tenant that is not on the list',
    (await call(stage, 'fleet-daemon', fleet, '/', stranger)).status,
    401,
  )
}
