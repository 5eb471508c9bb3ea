import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describeMutualTlsServers } from '@countersign/test-fixtures'
import Koa from 'koa'
import * as adapter from '../src/index.js'

describeMutualTlsServers('Koa', adapter, async (options, tls) => {
  const app = new Koa()
  app.silent = true
  app.use(adapter.bearerAuth(options))
  app.use((context) => {
    context.body = {}
  })
  const listener = app.callback()

  const server = (tls === undefined ? createServer(listener) : createTlsServer(tls, listener)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
})
