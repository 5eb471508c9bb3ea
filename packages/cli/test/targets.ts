import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTokenValidator } from '@countersign/core'
import * as expressAuth from '@countersign/express'
import * as fastifyAuth from '@countersign/fastify'
import * as koaAuth from '@countersign/koa'
import type { Emulator } from '@countersign/emulator'
import fastifyJwt from '@fastify/jwt'
import express from 'express'
import { expressjwt, type GetVerificationKey } from 'express-jwt'
import Fastify from 'fastify'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { expressJwtSecret } from 'jwks-rsa'
import Koa from 'koa'
import { apiId, tenantId } from './support.js'

/** A running API with the route /orders. */
export interface Target {
  readonly url: string
  stop(): Promise<void>
}

const permission = { delegated: { scopes: 'Orders.Read' } }

export async function listen(listener: RequestListener): Promise<Target> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function ours({ cloud, clock }: Emulator): fastifyAuth.BearerAuthOptions {
  return { issuer: fastifyAuth.entra({ tenantId, clientId: apiId, cloud }), clock: clock.now }
}

/** The adapters of this repository, as their READMEs set them up. */
export const adapters = {
  async Fastify(emulator: Emulator): Promise<Target> {
    const app = Fastify({ forceCloseConnections: true })
    await app.register(fastifyAuth.bearerAuth, ours(emulator))
    app.get('/orders', { onRequest: fastifyAuth.requirePermission(permission) }, async () => ({ orders: [] }))
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url: `${origin}/orders`, stop: () => app.close() }
  },
  Express(emulator: Emulator): Promise<Target> {
    const app = express()
    app.use(expressAuth.bearerAuth(ours(emulator)))
    app.get('/orders', expressAuth.requirePermission(permission), (_request, response) => {
      response.json({ orders: [] })
    })
    // The default handler prints each refusal where NODE_ENV is not "test".
    app.set('env', 'test')
    return listen(app)
  },
  Koa(emulator: Emulator): Promise<Target> {
    const app = new Koa<koaAuth.AuthState>()
    app.silent = true
    app.use(koaAuth.bearerAuth(ours(emulator)))
    app.use(koaAuth.requirePermission(permission))
    app.use((context) => {
      context.body = { orders: [] }
    })
    return listen(app.callback())
  },
}

const keysOf = ({ origin }: Emulator): string => `${origin}/${tenantId}/discovery/v2.0/keys`

/** Middleware of others with checks left out, as they are often seen. */
export const others = {
  /** No audience, no issuer, no scope; the default error handler. */
  'express-jwt'(emulator: Emulator): Promise<Target> {
    const app = express()
    const secret = expressJwtSecret({ jwksUri: keysOf(emulator) }) as GetVerificationKey
    app.use(expressjwt({ secret, algorithms: ['RS256'] }))
    app.get('/orders', (_request, response) => {
      response.json({ orders: [] })
    })
    app.set('env', 'test')
    return listen(app)
  },
  /** Signature and times alone; every error is a 401 without a challenge. */
  'jose by hand'(emulator: Emulator): Promise<Target> {
    const keys = createRemoteJWKSet(new URL(keysOf(emulator)))
    return listen((request, response) => {
      const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
      jwtVerify(token, keys).then(
        () => response.end('{"orders":[]}'),
        () => response.writeHead(401).end(),
      )
    })
  },
  /** Issuer and audience are right, and nothing looks at kind, tenant and scope. */
  async '@fastify/jwt'(emulator: Emulator): Promise<Target> {
    const issuer = `${emulator.origin}/${tenantId}/v2.0`
    const getJwks = buildGetJwks({ providerDiscovery: true, issuersWhitelist: [issuer] })
    const app = Fastify({ forceCloseConnections: true })
    await app.register(fastifyJwt, {
      decode: { complete: true },
      secret: async (_request: unknown, token: unknown) => {
        const { header, payload } = token as {
          header: { kid: string; alg: string }
          payload: { iss: string }
        }
        return getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain: payload.iss })
      },
      verify: { allowedIss: issuer, allowedAud: apiId },
    })
    app.addHook('onRequest', async (request) => void (await request.jwtVerify()))
    app.get('/orders', async () => ({ orders: [] }))
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url: `${origin}/orders`, stop: () => app.close() }
  },
}

/** It refuses what it must, and does two things that no API may do. */
export function careless(emulator: Emulator): Promise<Target> {
  const { tryValidateToken } = createTokenValidator({
    issuer: fastifyAuth.entra({ tenantId, clientId: apiId, cloud: emulator.cloud }),
    permission,
  })
  return listen(async (request, response) => {
    const token = request.headers.authorization?.split(' ')[1] ?? ''
    const { error } = await tryValidateToken(token)
    if (error === undefined) return void response.end('{}')
    const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()
    if (header.includes('jku')) await fetch((JSON.parse(header) as { jku: string }).jku)
    response.writeHead(error.status, error.headers).end(`refused: ${token}`)
  })
}
