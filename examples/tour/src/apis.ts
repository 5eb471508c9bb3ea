import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import * as expressAuth from '@countersign/express'
import * as fastifyAuth from '@countersign/fastify'
import * as koaAuth from '@countersign/koa'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import type { Version } from './narrator.js'
import type { Stage } from './stage.js'

/** A running API. */
export interface Api {
  readonly name: string
  readonly origin: string
  stop(): Promise<void>
}

/** The first tier keeps watching for its users after they have left. */
export interface FirstTier extends Api {
  /** Its nightly job: reads the stock for a user who started a watch, with no user around. */
  runWatch(key: string): Promise<number>
}

const suffix = (version: Version): string => (version === '1.0' ? 'v1' : 'v2')

/** How the API of a name and version appears to its callers. */
export function apiName(
  name: 'orders' | 'inventory' | 'returns' | 'reports' | 'fleet',
  version: Version,
): string {
  return `${name}-api-${suffix(version)}`
}

/** What a client asks for to call an API: a v1.0 endpoint takes the resource, a v2.0 endpoint a scope of it. */
export function target(
  stage: Stage,
  name: string,
  scope: string,
  version: Version,
): { resource: string } | { scopes: string[] } {
  const resource = `api://${stage.appId(name)}`
  return version === '1.0' ? { resource } : { scopes: [`${resource}/${scope}`] }
}

/** Options that every API of the tour shares: its own registration, the token service's cloud, the tour's clock. */
function ownTokens(stage: Stage, name: string) {
  const { cloud, clock } = stage.emulator
  const issuer = fastifyAuth.entra({
    tenantId: stage.tenantId('Contoso'),
    clientId: stage.appId(name),
    cloud,
  })
  return { issuer, clock: clock.now, fetch: stage.fetchAs(name) }
}

/** The second tier, on Express: what is in stock, for users who may see it. */
export async function startInventory(stage: Stage, version: Version): Promise<Api> {
  const name = apiName('inventory', version)
  const app = express()
  app.use(expressAuth.bearerAuth(ownTokens(stage, name)))
  app.get(
    '/stock',
    expressAuth.requirePermission({ delegated: { scopes: 'Inventory.Read' } }),
    (request, response) => {
      response.json({ stock: 12, for: request.auth.kind, client: request.auth.clientId })
    },
  )
  // A refusal knows its status and what may be said of it; its challenge stands on the response already.
  const answerErrors: ErrorRequestHandler = (error, _request, response, _next) => {
    if (!expressAuth.isBearerError(error)) return void response.status(500).end()
    response.status(error.status).json(error)
  }
  app.use(answerErrors)
  return serve(stage, name, app)
}

/** The first tier, on Fastify: a user's orders, which need the stock of the second tier on the user's behalf. */
export async function startOrders(
  stage: Stage,
  version: Version,
  inventoryOrigin: string,
  name: string = apiName('orders', version),
): Promise<FirstTier> {
  const inventory = target(stage, apiName('inventory', version), 'Inventory.Read', version)
  const fetch = stage.fetchAs(name)
  const tokens = createTokenClient({
    authority: entraAuthority({
      tenantId: stage.tenantId('Contoso'),
      version,
      cloud: stage.emulator.cloud,
    }),
    clientId: stage.appId(name),
    credential: clientSecret(stage.secret(name)),
    clock: stage.emulator.clock.now,
    fetch,
  })
  const readStock = (accessToken: string): Promise<Response> =>
    fetch(`${inventoryOrigin}/stock`, { headers: { authorization: `Bearer ${accessToken}` } })
  const scope = name.startsWith('orders') ? 'Orders.Read' : 'Returns.Read'
  const mayRead = fastifyAuth.requirePermission({ delegated: { scopes: scope } })
  const mayWrite = fastifyAuth.requirePermission({ delegated: { scopes: 'Orders.Write' } })

  const app = Fastify({ forceCloseConnections: true })
  await app.register(fastifyAuth.bearerAuth, ownTokens(stage, name))
  app.get('/orders', { onRequest: mayRead }, async (request) => {
    const { accessToken } = await tokens.acquireOnBehalfOf(request.auth, inventory)
    const stock = (await (await readStock(accessToken)).json()) as { stock: number }
    return { orders: [{ item: 'lamp', inStock: stock.stock }] }
  })
  app.post('/orders', { onRequest: mayWrite }, async () => ({ ordered: true }))
  const watches = new Map<string, fastifyAuth.ValidatedToken>()
  app.post('/watches', { onRequest: mayRead }, async (request, reply) => {
    const session = await tokens.startSession(request.auth, inventory)
    watches.set(session.key, request.auth)
    return reply.code(201).send({ watch: session.key })
  })
  // A failure that asks for something of the caller says what: the token client's errors name the action.
  app.setErrorHandler((error: Error & { action?: string; statusCode?: number; code?: string }, _, reply) =>
    reply
      .code(error.action === 'consent' ? 403 : (error.statusCode ?? 500))
      .send({ code: error.code, action: error.action }),
  )

  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  stage.introduce(origin, name)
  return {
    name,
    origin,
    stop: () => app.close(),
    async runWatch(key) {
      const owner = watches.get(key)
      if (owner === undefined) throw new Error('no such watch')
      const session = await tokens.resumeSession(key, owner)
      const { accessToken } = await session.acquire()
      const response = await readStock(accessToken)
      return response.status
    },
  }
}

/** The daemon's target, on Koa: reports, for applications that were granted a role. */
export async function startReports(stage: Stage, version: Version): Promise<Api> {
  const name = apiName('reports', version)
  const app = new Koa<koaAuth.AuthState>()
  app.silent = true
  app.use(koaAuth.bearerAuth(ownTokens(stage, name)))
  const guards = {
    GET: koaAuth.requirePermission({ application: { roles: 'Reports.Read.All' } }),
    POST: koaAuth.requirePermission({ application: { roles: 'Reports.Write.All' } }),
  }
  app.use((context, next) => (context.method === 'POST' ? guards.POST : guards.GET)(context, next))
  app.use((context) => {
    context.body = { reports: ['stock', 'orders'], for: context.state.auth.kind }
  })
  return serve(stage, name, app.callback())
}

/** An API for several tenants, on Koa: it says whose tokens it takes. */
export async function startFleet(stage: Stage, version: Version): Promise<Api> {
  const name = apiName('fleet', version)
  const { cloud, clock } = stage.emulator
  const app = new Koa<koaAuth.AuthState>()
  app.silent = true
  app.use(
    koaAuth.bearerAuth({
      issuer: koaAuth.entraMultiTenant({
        allowedTenants: [stage.tenantId('Contoso'), stage.tenantId('Fabrikam')],
        clientId: stage.appId(name),
        cloud,
      }),
      permission: { application: { roles: 'Fleet.Read.All' } },
      clock: clock.now,
      fetch: stage.fetchAs(name),
    }),
  )
  app.use((context) => {
    context.body = { vehicles: 7, tenant: context.state.auth.tenantId }
  })
  return serve(stage, name, app.callback())
}

async function serve(stage: Stage, name: string, listener: RequestListener): Promise<Api> {
  const server: Server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stage.introduce(origin, name)
  return {
    name,
    origin,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
