// One server of one framework, bare or with one way of validating; started by rows/http.mjs in a process of its own.
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { clientId, tenantId } from './material.mjs'

const [framework, variant, issuer, jwksUri, origin] = process.argv.slice(2)
const hello = { hello: 'world' }
const cloud = { authority: origin, v1Issuer: `${origin}/{tenantid}/`, v2Issuer: `${origin}/{tenantid}/v2.0` }

const joseCheck = () => {
  const keySet = createRemoteJWKSet(new URL(jwksUri))
  return (header) =>
    jwtVerify((header ?? '').slice(7), keySet, { issuer, audience: clientId, algorithms: ['RS256'] })
}

const servers = {
  async fastify() {
    const { default: Fastify } = await import('fastify')
    const app = Fastify()
    if (variant === 'countersign') {
      const { bearerAuth, entra } = await import('@countersign/fastify')
      await app.register(bearerAuth, { issuer: entra({ tenantId, clientId, cloud }) })
    }
    if (variant === 'jose') {
      const check = joseCheck()
      app.addHook('onRequest', async (request, reply) => {
        try {
          request.claims = await check(request.headers.authorization)
        } catch {
          return reply.code(401).send()
        }
      })
    }
    if (variant === '@fastify/jwt + get-jwks') {
      const { default: jwt } = await import('@fastify/jwt')
      const { default: buildGetJwks } = await import('get-jwks')
      const getJwks = buildGetJwks({ jwksPath: '/keys', issuersWhitelist: [origin] })
      await app.register(jwt, {
        decode: { complete: true },
        secret: (_request, { header: { kid, alg } }) => getJwks.getPublicKey({ kid, alg, domain: origin }),
        verify: { allowedIss: issuer, allowedAud: clientId, algorithms: ['RS256'] },
      })
      app.addHook('onRequest', (request) => request.jwtVerify())
    }
    app.get('/', async () => hello)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  async express() {
    const { default: express } = await import('express')
    const app = express()
    if (variant === 'countersign') {
      const { bearerAuth, entra } = await import('@countersign/express')
      app.use(bearerAuth({ issuer: entra({ tenantId, clientId, cloud }) }))
    }
    if (variant === 'jose') {
      const check = joseCheck()
      app.use((request, response, next) => {
        check(request.headers.authorization).then(
          () => next(),
          () => response.status(401).end(),
        )
      })
    }
    if (variant === 'express-oauth2-jwt-bearer') {
      const { auth } = await import('express-oauth2-jwt-bearer')
      app.use(auth({ issuer, jwksUri, audience: clientId, tokenSigningAlg: 'RS256' }))
    }
    if (variant === 'express-jwt + jwks-rsa') {
      const { expressjwt } = await import('express-jwt')
      const { default: jwksRsa } = await import('jwks-rsa')
      app.use(
        expressjwt({
          secret: jwksRsa.expressJwtSecret({ jwksUri, cache: true }),
          issuer,
          audience: clientId,
          algorithms: ['RS256'],
        }),
      )
    }
    app.get('/', (_request, response) => response.json(hello))
    app.use((error, _request, response, _next) => response.status(error.status ?? 500).end())
    return listen(app)
  },

  async koa() {
    const { default: Koa } = await import('koa')
    const app = new Koa()
    app.silent = true
    if (variant === 'countersign') {
      const { bearerAuth, entra } = await import('@countersign/koa')
      app.use(bearerAuth({ issuer: entra({ tenantId, clientId, cloud }) }))
    }
    if (variant === 'jose') {
      const check = joseCheck()
      app.use(async (context, next) => {
        try {
          context.state.claims = await check(context.get('authorization'))
        } catch {
          context.status = 401
          return
        }
        return next()
      })
    }
    if (variant === 'koa-jwt + jwks-rsa') {
      const { default: koaJwt } = await import('koa-jwt')
      const { default: jwksRsa } = await import('jwks-rsa')
      app.use(
        koaJwt({
          secret: jwksRsa.koaJwtSecret({ jwksUri, cache: true }),
          issuer,
          audience: clientId,
          algorithms: ['RS256'],
        }),
      )
    }
    app.use((context) => {
      context.body = hello
    })
    return listen(app.callback())
  },
}

function listen(handler) {
  const server = createServer(handler)
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const server = await servers[framework]()
process.send({ port: server.address().port })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send({ cpu: user + system })
})
// However the run ends, no server outlives it.
process.on('disconnect', () => process.exit())
