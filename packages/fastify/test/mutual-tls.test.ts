import type { AddressInfo } from 'node:net'
import { describeMutualTlsServers } from '@countersign/test-fixtures'
import Fastify, { type FastifyInstance } from 'fastify'
import * as adapter from '../src/index.js'

describeMutualTlsServers('Fastify', adapter, async (options, tls) => {
  const app = (tls === undefined ? Fastify() : Fastify({ https: tls })) as FastifyInstance
  await app.register(adapter.bearerAuth, options)
  app.get('/', async (request) => ({ subject: request.auth.subject }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    port: (app.server.address() as AddressInfo).port,
    async stop() {
      await app.close()
    },
  }
})
