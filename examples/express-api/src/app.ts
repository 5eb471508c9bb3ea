import cors from 'cors'
import express, { type ErrorRequestHandler, type Express } from 'express'
import {
  bearerAuth,
  createTokenValidator,
  isBearerError,
  requirePermission,
  type AllowsAnonymous,
  type TokenValidatorOptions,
} from '@countersign/express'

const mayRead = requirePermission({
  delegated: { scopes: 'Things.Read' },
  application: { roles: 'Things.Read.All' },
})

export function createApp(options: TokenValidatorOptions): Express {
  // One validator for all routes: one set of keys, one cache.
  const validator = createTokenValidator(options)
  const app = express()

  // A preflight carries no token, so CORS comes first.
  app.use(cors({ origin: 'https://app.example' }))

  app.get('/', (_request, response) => void response.json({ name: 'things' }))
  app.get('/ready', (_request, response, next) => {
    validator.ready().then(() => response.sendStatus(204), next)
  })
  app.get('/greeting', bearerAuth({ validator, allowAnonymous: true }), (request, response) => {
    const { auth } = request as AllowsAnonymous<typeof request>
    response.json({ greeting: auth === null ? 'Hello' : `Hello ${auth.subject}` })
  })

  // From here on nobody comes in without a token.
  app.use(bearerAuth({ validator }))
  app.get('/things', mayRead, (_request, response) => void response.json({ things: ['a lamp', 'a chair'] }))

  const answerInJson: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    // The headers are on the response already. The body has the words of RFC 6750, and nothing of the token.
    if (isBearerError(error)) return void response.status(error.status).json(error)
    next(error)
  }
  app.use(answerInJson)
  return app
}
