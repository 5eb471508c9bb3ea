import cors from '@koa/cors'
import Router from '@koa/router'
import Koa from 'koa'
import {
  bearerAuth,
  createTokenValidator,
  isBearerError,
  requirePermission,
  type TokenValidatorOptions,
  type ValidatedToken,
} from '@countersign/koa'

const mayRead = requirePermission({
  delegated: { scopes: 'Things.Read' },
  application: { roles: 'Things.Read.All' },
})

export function createApp(options: TokenValidatorOptions): Koa {
  // One validator for all routes: one set of keys, one cache.
  const validator = createTokenValidator(options)
  const app = new Koa()
  const router = new Router()

  app.use(async (context, next) => {
    try {
      await next()
    } catch (error) {
      if (!isBearerError(error)) throw error
      // The body has the words of RFC 6750, and nothing of the token.
      context.status = error.status
      context.set({ ...error.headers })
      context.body = error.toJSON()
    }
  })
  // A preflight carries no token, so CORS comes before authentication.
  app.use(cors({ origin: 'https://app.example' }))

  router.get('/', (context) => void (context.body = { name: 'things' }))
  router.get('/ready', async (context) => {
    await validator.ready()
    context.status = 204
  })
  router.get('/greeting', bearerAuth({ validator, allowAnonymous: true }), (context) => {
    const auth = context.state['auth'] as ValidatedToken | null
    context.body = { greeting: auth === null ? 'Hello' : `Hello ${auth.subject}` }
  })
  app.use(router.routes())

  // From here on nobody comes in without a token.
  app.use(bearerAuth({ validator }))
  const guarded = new Router()
  guarded.get('/things', mayRead, (context) => void (context.body = { things: ['a lamp', 'a chair'] }))
  app.use(guarded.routes())
  return app
}
