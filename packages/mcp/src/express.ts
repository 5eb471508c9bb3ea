import type { IncomingMessage, ServerResponse } from 'node:http'
import { isBearerError, type TokenValidator } from '@countersign/core'
import { viewNodeRequest } from '@countersign/core/adapter'
import { createMcpCore, type McpAuthOptions } from './mcp-auth.js'
import { isMessage, parseError } from './message.js'
import { readJsonBody } from './node-body.js'
import { isPreflight } from './preflight.js'

export { callerOf, type AnyAuthInfo, type McpAuthInfo } from './auth-info.js'
export type { McpAuthOptions, McpSettings } from './mcp-auth.js'

/** Middleware of Express 4 and 5, and of anything else that speaks Connect. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** Authorization of an MCP server on Express. */
export interface McpAuth {
  /** The validator that decides. */
  readonly validator: TokenValidator
  /** Serves the protected resource metadata, to pages of any origin. Use it at the root of the application. */
  readonly metadata: Middleware
  /**
   * Authenticates requests to the MCP endpoint, and checks what the called tool requires. It puts the caller on `request.auth`,
   * where the SDK looks for it, and, where `tools` is set, the parsed body on `request.body`: pass it on to the SDK.
   */
  readonly protect: Middleware
}

interface McpRequest extends IncomingMessage {
  auth?: unknown
  body?: unknown
}

/**
 * Makes the authorization of an MCP server on Express. A refusal goes to `next(error)` as a `BearerError`, its headers already on
 * the response. It checks no `Origin`: that is for the SDK or the application. Throws a TypeError if an option is wrong.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { entra } from '@countersign/core'
 * import { createMcpAuth } from '@countersign/mcp/express'
 *
 * const mcp = createMcpAuth({
 *   resource: 'https://mcp.contoso.com/mcp',
 *   issuer: entra({
 *     tenantId: '11111111-1111-4111-8111-111111111111',
 *     clientId: '22222222-2222-4222-8222-222222222222',
 *   }),
 *   permission: { delegated: { scopes: 'Tools.Use' } },
 *   tools: { delete_order: { delegated: { scopes: 'Orders.Delete' } }, '*': { scopes: 'Tools.Use' } },
 * })
 * const app = express()
 * app.use(mcp.metadata)
 * app.all('/mcp', mcp.protect)
 * ```
 */
export function createMcpAuth(options: McpAuthOptions): McpAuth {
  const core = createMcpCore(options)

  async function admit(request: McpRequest, response: ServerResponse): Promise<boolean> {
    const view = viewNodeRequest(request)
    for (const [name, value] of Object.entries(core.responseHeaders(view) ?? {}))
      response.setHeader(name, value)
    const auth = await core.authenticate(view)
    if (core.readsBody && request.method === 'POST') {
      if (request.body === undefined) request.body = await readJsonBody(request, core.maxBodyBytes)
      if (!isMessage(request.body)) {
        response.writeHead(400, { 'content-type': 'application/json' }).end(parseError)
        return false
      }
      await core.checkMessage(auth, request.body, request)
    }
    request.auth = auth
    return true
  }

  return Object.freeze<McpAuth>({
    validator: core.validator,
    metadata(request, response, next) {
      const answer = core.metadata.answer(request.method, request.url)
      if (answer === undefined) return next()
      response.writeHead(answer.status, answer.headers).end(answer.body)
    },
    protect(request: McpRequest, response, next) {
      request.auth = undefined
      if (isPreflight(request.method, request.headers)) return next()
      admit(request, response)
        .then(
          (isAdmitted) => {
            if (isAdmitted) next()
          },
          (error: unknown) => {
            if (isBearerError(error) && !response.headersSent) {
              for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
            }
            next(error)
          },
        )
        // What `next` itself throws; if that throws again, the connection ends.
        .catch(next)
        .catch(() => response.destroy())
    },
  })
}
