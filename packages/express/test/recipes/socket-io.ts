import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { type TokenValidator } from '@countersign/express'

/**
 * Socket.IO carries the token in the `auth` of its handshake, which is no HTTP request: the token goes to `validateToken`.
 * A refused client gets the fixed phrase of the refusal in `connect_error`.
 */
export function chatRooms(server: HttpServer, { tryValidateToken }: TokenValidator): Server {
  const rooms = new Server(server)
  rooms.use(async (socket, next) => {
    const { token: text } = socket.handshake.auth as { token?: unknown }
    const { token, error } = await tryValidateToken(typeof text === 'string' ? text : '')
    if (error !== undefined) return next(new Error(error.message))
    socket.data = { caller: token }
    next()
  })
  return rooms
}
