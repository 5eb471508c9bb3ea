import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express, { type Express } from 'express'
import type { TokenClient } from '@countersign/token-client'
import { callerOf, createMcpAuth, type McpAuthOptions } from '@countersign/mcp/express'
import { z } from 'zod'

/** The MCP server: tools of its own, one of which calls a second API on behalf of the user. */
export function createServer(
  options: McpAuthOptions,
  stock: { client: TokenClient; origin: string },
): Express {
  const mcp = createMcpAuth({
    ...options,
    permission: { delegated: { scopes: 'Tools.Use' } },
    scopesSupported: ['Tools.Use', 'Orders.Delete'],
    tools: {
      delete_order: { delegated: { scopes: 'Orders.Delete' } },
      // Every other tool needs what every request needs.
      '*': { delegated: { scopes: 'Tools.Use' } },
    },
  })

  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'orders', version: '1.0.0' })
    server.registerTool(
      'whoami',
      { description: 'Who calls', inputSchema: z.object({}) },
      (_input, context) => {
        const { objectId, tenantId } = callerOf(context.http?.authInfo)
        return { content: [{ type: 'text', text: `user ${objectId} of tenant ${tenantId}` }] }
      },
    )
    server.registerTool(
      'delete_order',
      { description: 'Deletes an order', inputSchema: z.object({ order: z.string() }) },
      ({ order }) => ({ content: [{ type: 'text', text: `deleted ${order}` }] }),
    )
    server.registerTool(
      'stock',
      { description: 'What is in stock', inputSchema: z.object({}) },
      async (_input, context) => {
        // The validated token is the assertion: the second API sees the user, and not this server.
        const userToken = callerOf(context.http?.authInfo)
        const fetchStock = stock.client.createFetch({
          target: { resource: 'api://stock' },
          origin: stock.origin,
          userToken,
        })
        const answer = await fetchStock(`${stock.origin}/stock`)
        return { content: [{ type: 'text', text: await answer.text() }], isError: !answer.ok }
      },
    )
    return server
  })
  const handle = toNodeHandler(handler)

  const app = express()
  app.use(mcp.metadata)
  app.all('/mcp', mcp.protect, (request, response) => {
    // The body was read to find the tool. `auth` of the request is what the SDK expects.
    void handle(request as never, response, request.body)
  })
  return app
}
