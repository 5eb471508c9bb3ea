import { createTestAuth } from '@countersign/core/testing'
import Fastify from 'fastify'
import Koa from 'koa'
import express from 'express'
import type { RequestListener } from 'node:http'
import { expect, it } from 'vitest'
import { createMcpAuth as createOnExpress } from '../src/express.js'
import { createMcpAuth as createOnFastify } from '../src/fastify.js'
import { createMcpAuth as createOnKoa } from '../src/koa.js'
import { listen } from './servers.js'

const test = createTestAuth()
const options = {
  resource: 'https://mcp.example/mcp',
  authorizationServers: ['https://issuer.example'],
  validator: test.validator,
}

/** Who remains on a request, where something before authenticated another caller and the errors are answered by the application. */
const frameworks: [string, (see: (caller: unknown) => void) => RequestListener | Promise<RequestListener>][] =
  [
    [
      'Express',
      (see) => {
        const app = express()
        app.use((request, _response, next) => {
          Object.assign(request, { auth: 'another' })
          next()
        })
        app.use(createOnExpress(options).protect)
        app.use(((_error, request, response, _next) => {
          see(request.auth)
          response.end()
        }) as express.ErrorRequestHandler)
        return app
      },
    ],
    [
      'Koa',
      (see) => {
        const app = new Koa()
        app.use(async (context, next) => {
          Object.assign(context.req, { auth: 'another' })
          await next().catch(() => see((context.req as { auth?: unknown }).auth))
          context.body = ''
        })
        app.use(createOnKoa(options).protect)
        return app.callback()
      },
    ],
    [
      'Fastify',
      async (see) => {
        const app = Fastify()
        app.addHook('onRequest', async (request) => void Object.assign(request.raw, { auth: 'another' }))
        await app.register(createOnFastify(options).protect)
        app.all('/mcp', async () => '')
        app.setErrorHandler(async (_error, request) => {
          see((request.raw as { auth?: unknown }).auth)
          return ''
        })
        await app.ready()
        return (request, response) => app.routing(request, response)
      },
    ],
  ]

it.each(frameworks)(
  'leaves no caller on a refused request of %s, and its headers to the application’s own answer',
  async (_, start) => {
    const server = await listen()
    try {
      const seen: unknown[] = []
      server.serve(await start((caller) => seen.push(caller)))
      const answer = await fetch(`${server.origin}/mcp`, {
        headers: { ...test.refusedHeaders('token_expired') },
      })
      expect(seen).toEqual([undefined])
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token')
    } finally {
      await server.stop()
    }
  },
)
