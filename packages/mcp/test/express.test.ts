import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTestAuth } from '@countersign/core/testing'
import express from 'express'
import { afterEach, expect, it } from 'vitest'
import { createMcpAuth } from '../src/express.js'

const test = createTestAuth()
const mcp = createMcpAuth({
  resource: 'https://mcp.example/mcp',
  authorizationServers: ['https://issuer.example'],
  validator: test.validator,
  tools: { list: { scopes: 'Tools.Use' } },
})
const { authorization } = test.headersOf({ kind: 'delegated', scopes: 'Tools.Use' })
const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'delete' } })

const stops: (() => void)[] = []
afterEach(() => stops.splice(0).forEach((stop) => stop()))

async function serve(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

const post = (url: string, body: string, type = 'application/json') =>
  fetch(url, { method: 'POST', headers: { authorization, 'content-type': type }, body })

it('ends the connection, and not the process, where what comes after it throws', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  try {
    const url = await serve((request, response) =>
      mcp.protect(request, response, () => {
        throw new Error('of the application')
      }),
    )
    await expect(post(url, '{"jsonrpc":"2.0","method":"tools/list","id":1}')).rejects.toThrow()
    await expect(fetch(url)).rejects.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})

it('refuses a body that a parser left unread, whatever reads it later', async () => {
  let isRead = false
  const app = express()
  // As the parsers of Express 4 and of Koa do with another media type.
  app.use((request, _response, next) => {
    request.body = {}
    next()
  })
  app.post('/mcp', mcp.protect, (request, response) => {
    request.resume().on('end', () => {
      isRead = true
      response.end()
    })
  })
  expect((await post(await serve(app), call, 'text/plain')).status).toBe(400)
  expect(isRead).toBe(false)
})

it('answers null with 400 after a parser that takes it', async () => {
  const app = express()
  app.use(express.json({ strict: false }))
  app.post('/mcp', mcp.protect, (_request, response) => void response.end())
  expect((await post(await serve(app), 'null')).status).toBe(400)
})

it('answers a body that says it is compressed with 400', async () => {
  const app = express()
  app.post('/mcp', mcp.protect, (_request, response) => void response.end())
  const headers = { authorization, 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const answer = await fetch(await serve(app), { method: 'POST', headers, body: call })
  expect(answer.status).toBe(400)
})

it('refuses an object of a parser that is written as another message than it holds', async () => {
  class Parsed {
    readonly jsonrpc = '2.0'
    readonly method = 'ping'
    toJSON = (): unknown => JSON.parse(call)
  }
  const app = express()
  app.use((request, _response, next) => {
    request.body = new Parsed()
    next()
  })
  app.post('/mcp', mcp.protect, (_request, response) => void response.end())
  expect((await post(await serve(app), call)).status).toBe(400)
})
