import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import {
  bearerAuth,
  createTokenValidator,
  isBearerError,
  requirePermission,
  type AllowsAnonymous,
  type TokenValidatorOptions,
} from '@countersign/fastify'

const mayRead = requirePermission({
  delegated: { scopes: 'Things.Read' },
  application: { roles: 'Things.Read.All' },
})

export async function createApp(options: TokenValidatorOptions): Promise<FastifyInstance> {
  // One validator for all routes: one set of keys, one cache.
  const validator = createTokenValidator(options)
  const app = Fastify()

  app.setErrorHandler((error, _request, reply) => {
    // The headers are on the reply already. The body has the words of RFC 6750, and nothing of the token.
    if (isBearerError(error)) return reply.status(error.status).send(error.toJSON())
    throw error
  })
  // A preflight carries no token, so CORS comes before authentication.
  await app.register(cors, { origin: 'https://app.example' })

  app.get('/', () => ({ name: 'things' }))
  app.get('/ready', async (_request, reply) => {
    await validator.ready()
    return reply.status(204).send()
  })

  // A scope of its own for each kind of route: hooks of a scope hold for all its routes, in whatever order they are written.
  await app.register(async (optional) => {
    await optional.register(bearerAuth, { validator, allowAnonymous: true })
    optional.get('/greeting', (request) => {
      const { auth } = request as AllowsAnonymous<typeof request>
      return { greeting: auth === null ? 'Hello' : `Hello ${auth.subject}` }
    })
  })
  await app.register(async (guarded) => {
    await guarded.register(bearerAuth, { validator })
    guarded.get('/things', { onRequest: mayRead }, () => ({ things: ['a lamp', 'a chair'] }))
  })
  return app
}
