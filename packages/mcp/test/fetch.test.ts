import { createTestAuth } from '@countersign/core/testing'
import { expect, it, vi } from 'vitest'
import { createMcpAuth } from '../src/index.js'

const test = createTestAuth()
const mcp = createMcpAuth({
  resource: 'https://mcp.example/mcp',
  authorizationServers: ['https://issuer.example'],
  validator: test.validator,
  tools: { list: { scopes: 'Tools.Use' } },
})
const headers = { ...test.headersOf({ kind: 'delegated', scopes: 'Tools.Use' }) }
const requestWith = (body: string): Request =>
  new Request('https://mcp.example/mcp', { method: 'POST', headers, body })

it.each(['7', 'null', '"tools/call"', '{}', '{"method":"tools/call"}', '{'])(
  'answers the body %s with 400, and does not run the handler',
  async (body) => {
    const handler = vi.fn(() => new Response())
    expect((await mcp.protect(handler)(requestWith(body))).status).toBe(400)
    expect(handler).not.toHaveBeenCalled()
  },
)

it('fails where the body was read before, and does not run the handler', async () => {
  const handler = vi.fn(() => new Response())
  const request = requestWith('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
  await request.text()
  await expect(mcp.protect(handler)(request)).rejects.toThrow(TypeError)
  expect(handler).not.toHaveBeenCalled()
})
