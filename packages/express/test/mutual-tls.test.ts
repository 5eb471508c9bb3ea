import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describeMutualTlsServers } from '@countersign/test-fixtures'
import express from 'express'
import * as adapter from '../src/index.js'

describeMutualTlsServers('Express', adapter, async (options, tls) => {
  const listener = express()
  listener.use(adapter.bearerAuth(options))
  listener.get('/', (request, response) => void response.json({ subject: request.auth.subject }))

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
