import { once } from 'node:events'
import awsLambda from '@fastify/aws-lambda'
import websocket from '@fastify/websocket'
import { clock, genericAudience, genericIssuer, keySet, tokenWith } from '@countersign/test-fixtures'
import fastify, { type FastifyInstance } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bearerAuth, fromWebSocketProtocol, staticIssuer, type BearerAuthOptions } from '../src/index.js'

const good = (): string => tokenWith({ from: 'generic' })
const expired = (): string => tokenWith({ from: 'generic', claims: { exp: 1 } })

async function appWith(more: Partial<BearerAuthOptions> = {}): Promise<FastifyInstance> {
  const app = fastify()
  onTestFinished(() => app.close())
  await app.register(bearerAuth, {
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    ...more,
  } as BearerAuthOptions)
  return app
}

describe('behind @fastify/aws-lambda', () => {
  it.each([
    ['a valid token', good, 200],
    ['an expired token', expired, 401],
    ['no token', () => undefined, 401],
  ])('%s is answered with the expected status', async (_, make, status) => {
    const app = await appWith()
    app.get('/', (request) => ({ subject: request.auth.subject }))
    const proxy = awsLambda(app) as unknown as (
      event: object,
      context: object,
    ) => Promise<{ statusCode: number }>
    const token = make()
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const event = { httpMethod: 'GET', path: '/', headers, requestContext: {} }
    expect((await proxy(event, {})).statusCode).toBe(status)
  })
})

describe('@fastify/websocket', () => {
  it.each([
    ['a valid token', good, 101],
    ['an expired token', expired, 401],
  ])(
    'opens a connection for %s as the status says, and never sends the token back',
    async (_, make, status) => {
      const app = fastify()
      onTestFinished(() => app.close())
      await app.register(websocket, {
        options: { handleProtocols: (offered) => (offered.has('chat') ? 'chat' : false) },
      })
      await app.register(bearerAuth, {
        issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
        audience: genericAudience,
        clock,
        tokenFrom: fromWebSocketProtocol('bearer.'),
      })
      app.get('/', { websocket: true }, (socket, request) => {
        socket.send(`Hello ${request.auth.subject}`)
      })
      const address = await app.listen({ port: 0, host: '127.0.0.1' })
      const { WebSocket } = await import('ws')
      const client = new WebSocket(address.replace('http', 'ws'), ['chat', `bearer.${make()}`])
      client.on('error', () => {})
      if (status === 101) {
        const [message] = (await once(client, 'message')) as [Buffer]
        expect(message.toString()).toMatch(/^Hello /)
        expect(client.protocol).toBe('chat')
      } else {
        const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
        expect(response.statusCode).toBe(status)
      }
      client.terminate()
    },
  )
})
