import Fastify, { type FastifyInstance } from 'fastify'
import { bearerAuth, requirePermission, type BearerAuthOptions } from '@countersign/fastify'
import type { TokenClient } from '@countersign/token-client'

/** The first tier: for the user who calls it, it calls the second. */
export async function createOrdersApi(
  options: BearerAuthOptions,
  client: TokenClient,
  stockOrigin: string,
): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(bearerAuth, options)
  const onRequest = requirePermission({ delegated: { scopes: 'Orders.Read' } })
  app.get('/orders', { onRequest }, async (request) => {
    const fetchStock = client.createFetch({
      target: { resource: 'api://stock' },
      origin: stockOrigin,
      // The validated token, not its text: an error is then also an answer to this caller, and Fastify sends it.
      userToken: request.auth,
    })
    const answer = await fetchStock(`${stockOrigin}/stock`)
    return { orders: ['a lamp'], stock: await answer.json() }
  })
  return app
}

/** The second tier. A policy of the tenant wants a second factor for it. */
export async function createStockApi(options: BearerAuthOptions): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(bearerAuth, options)
  const onRequest = requirePermission({ delegated: { scopes: 'Stock.Read' } })
  app.get('/stock', { onRequest }, ({ auth }) => ({ lamps: 7, seenBy: auth.objectId }))
  return app
}
