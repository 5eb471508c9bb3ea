import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'
import { z } from 'zod'
import { callerOf, createMcpAuth, type McpAuthOptions } from '../src/index.js'
import { createMcpAuth as createOnExpress } from '../src/express.js'
import { createMcpAuth as createOnFastify } from '../src/fastify.js'
import { createMcpAuth as createOnKoa } from '../src/koa.js'

/** An MCP server of the SDK: each tool answers with who calls. `calls` counts the tools that ran. */
export function createSdkHandler(calls: string[]) {
  return createMcpHandler(() => {
    const server = new McpServer({ name: 'orders', version: '1.0.0' })
    for (const name of ['list', 'delete', 'count']) {
      server.registerTool(
        name,
        { description: name, inputSchema: z.object({ order: z.string().optional() }) },
        (_args, context) => {
          calls.push(name)
          const { kind, objectId } = callerOf(context.http?.authInfo)
          const { token, clientId } = context.http?.authInfo ?? {}
          const text = JSON.stringify({ kind, objectId, clientId, hasToken: token?.split('.').length === 3 })
          return { content: [{ type: 'text', text }] }
        },
      )
    }
    return server
  })
}

/** How an MCP server is run on a framework. It gives a listener for Node's server. */
export type StartMcp = (
  options: McpAuthOptions,
  calls: string[],
  failures: unknown[],
) => RequestListener | Promise<RequestListener>

export const frameworks: readonly (readonly [name: string, start: StartMcp])[] = [
  [
    'Express',
    (options, calls) => {
      const mcp = createOnExpress(options)
      const handle = toNodeHandler(createSdkHandler(calls))
      const app = express()
      app.use(mcp.metadata)
      app.all(
        '/mcp',
        mcp.protect,
        (request, response) => void handle(request as never, response, request.body),
      )
      app.use(((error: { status?: number }, _request, response, _next) => {
        response.status(error.status ?? 500).end()
      }) as express.ErrorRequestHandler)
      return app
    },
  ],
  [
    'Express, whose bodies are parsed before',
    (options, calls) => {
      const mcp = createOnExpress(options)
      const handle = toNodeHandler(createSdkHandler(calls))
      const app = express()
      app.use(mcp.metadata, express.json(), express.text({ type: '*/*' }))
      app.all(
        '/mcp',
        mcp.protect,
        (request, response) => void handle(request as never, response, request.body),
      )
      app.use(((error: { status?: number }, _request, response, _next) => {
        response.status(error.status ?? 500).end()
      }) as express.ErrorRequestHandler)
      return app
    },
  ],
  [
    'Koa',
    (options, calls) => {
      const mcp = createOnKoa(options)
      const handle = toNodeHandler(createSdkHandler(calls))
      const app = new Koa()
      app.silent = true
      app.use(mcp.metadata)
      app.use(mcp.protect)
      app.use(async (context) => {
        context.respond = false
        await handle(context.req as never, context.res, (context.request as { body?: unknown }).body)
      })
      return app.callback()
    },
  ],
  [
    'Fastify',
    async (options, calls) => {
      const mcp = createOnFastify(options)
      const handle = toNodeHandler(createSdkHandler(calls))
      const app = Fastify()
      await app.register(mcp.metadata)
      await app.register(async (scope) => {
        await scope.register(mcp.protect)
        scope.all('/mcp', async (request, reply) => {
          reply.hijack()
          await handle(request.raw as never, reply.raw, request.body)
        })
      })
      await app.ready()
      return (request, response) => app.routing(request, response)
    },
  ],
  [
    'fetch',
    (options, calls) => {
      const mcp = createMcpAuth(options)
      const handler = createSdkHandler(calls)
      const serve = mcp.protect((request, accepted) =>
        handler.fetch(request, {
          ...(accepted.authInfo === undefined ? {} : { authInfo: accepted.authInfo }),
          ...('parsedBody' in accepted ? { parsedBody: accepted.parsedBody } : {}),
        }),
      )
      return getRequestListener(async (request) => mcp.metadata(request) ?? serve(request))
    },
  ],
]

/** A server on a free port, whose address is known before what it serves. */
export async function listen() {
  let listener: RequestListener | undefined
  const server = createServer((request, response) => listener?.(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve(next: RequestListener) {
      listener = next
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
