import { bearerAuth, requirePermission, type BearerAuthOptions } from '@countersign/fastify'
import type { TokenClient } from '@countersign/token-client'
import { fastify, type FastifyInstance } from 'fastify'

/** An API in the middle: for the user who calls it, it calls the next API. */
export async function createFirstTier(
  auth: BearerAuthOptions,
  tokens: TokenClient,
  secondTier: string,
): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(bearerAuth, auth)
  app.get(
    '/orders',
    { onRequest: requirePermission({ delegated: { scopes: 'access_as_user' } }) },
    async (request) => {
      const fetchOrders = tokens.createFetch({
        target: { resource: 'api://second-tier' },
        origin: secondTier,
        // The validated token, not its text: only then is an error also an answer to this caller.
        userToken: request.auth,
      })
      // When the token service wants more of the user, this throws, and Fastify sends what the error says.
      const response = await fetchOrders(`${secondTier}/orders`)
      return response.json()
    },
  )
  return app
}
