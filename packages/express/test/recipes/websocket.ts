import { createServer, type Server } from 'node:http'
import { WebSocketServer } from 'ws'
import { isBearerError, type TokenValidator, type ValidatedToken } from '@countersign/express'
import { viewNodeRequest } from '@countersign/core/adapter'

/**
 * WebSockets of a browser, which sends the token as one of the offered protocols. The upgrade is refused with the same
 * status and challenge as any request. The validator has `tokenFrom: fromWebSocketProtocol('bearer.')`.
 */
export function chatServer(validator: TokenValidator): Server {
  const server = createServer()
  const sockets = new WebSocketServer({
    noServer: true,
    // The answer names the protocol of the application, never the one that is the token.
    handleProtocols: (offered) => (offered.has('chat') ? 'chat' : false),
  })
  server.on('upgrade', async (request, socket, head) => {
    let caller: ValidatedToken
    try {
      caller = await validator.authenticate(viewNodeRequest(request))
    } catch (error) {
      const status = isBearerError(error) ? error.status : 500
      const headers = isBearerError(error) ? Object.entries(error.headers) : []
      const lines = [...headers.map(([name, value]) => `${name}: ${value}`), 'Connection: close', '', '']
      socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.send(`Hello ${caller.subject}`)
    })
  })
  return server
}
