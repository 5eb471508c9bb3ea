import type { IncomingMessage } from 'node:http'
import { isBearerError, type TokenValidator } from '@countersign/core'
import { viewNodeRequest, type RequestView } from '@countersign/core/adapter'
import { createMcpCore, type McpAuthOptions, type McpCore } from './mcp-auth.js'
import { isMessage, parseError } from './message.js'
import { readJsonBody } from './node-body.js'
import { isPreflight } from './preflight.js'

export { callerOf, type AnyAuthInfo, type McpAuthInfo } from './auth-info.js'
export type { McpAuthOptions, McpSettings } from './mcp-auth.js'

/** The part of Koa's context that is used. */
interface McpContext {
  /** The path and query as received. */
  readonly originalUrl: string
  /** The HTTP method. */
  readonly method: string
  /** Node's request. */
  readonly req: IncomingMessage
  /** Koa's request, where a body parser leaves the body. */
  readonly request: object
  /** The answer's body. */
  body: unknown
  /** The answer's status. */
  status: number
  /** Sets headers of the answer. */
  set(headers: Record<string, string>): void
}

/** Middleware of Koa 2 and 3. */
export type Middleware = (context: McpContext, next: () => Promise<unknown>) => Promise<void>

/** Authorization of an MCP server on Koa. */
export interface McpAuth {
  /** The validator that decides. */
  readonly validator: TokenValidator
  /** Serves the protected resource metadata, to pages of any origin. Use it before everything that asks for a token. */
  readonly metadata: Middleware
  /**
   * Authenticates requests to the MCP endpoint, and checks what the called tool requires. It puts the caller on
   * `context.req.auth`, where the SDK looks for it, and, where `tools` is set, the parsed body on `context.request.body`.
   */
  readonly protect: Middleware
}

/**
 * Makes the authorization of an MCP server on Koa. A refusal is thrown as a `BearerError`, its headers already on the answer. It
 * checks no `Origin`: that is for the SDK or the application. Throws a TypeError if an option is wrong.
 */
export function createMcpAuth(options: McpAuthOptions): McpAuth {
  const core = createMcpCore(options)

  async function admit(context: McpContext): Promise<boolean> {
    const view = viewOf(context)
    context.set({ ...core.responseHeaders(view) })
    const auth = await core.authenticate(view)
    if (core.readsBody && context.method === 'POST') {
      const request = context.request as { body?: unknown }
      if (request.body === undefined) request.body = await readJsonBody(context.req, core.maxBodyBytes)
      if (!isMessage(request.body)) {
        context.status = 400
        context.set({ 'content-type': 'application/json' })
        context.body = parseError
        return false
      }
      await core.checkMessage(auth, request.body, context)
    }
    callerOn(context).auth = auth
    return true
  }

  return Object.freeze<McpAuth>({
    validator: core.validator,
    async metadata(context, next) {
      const answer = core.metadata.answer(context.method, context.originalUrl)
      if (answer === undefined) return void (await next())
      context.status = answer.status
      context.set({ ...answer.headers })
      context.body = answer.body
    },
    async protect(context, next) {
      callerOn(context).auth = undefined
      if (!isPreflight(context.method, context.req.headers)) {
        try {
          if (!(await admit(context))) return
        } catch (error) {
          throw withHeaders(context, core, error)
        }
      }
      await next()
    },
  })
}

function viewOf(context: McpContext): RequestView {
  return viewNodeRequest(context.req, context, context.originalUrl)
}

function callerOn({ req }: McpContext): { auth?: unknown } {
  return req as { auth?: unknown }
}

/** Koa's own handler of errors wipes the answer's headers, and sends those of the error. */
function withHeaders(context: McpContext, core: McpCore, error: unknown): unknown {
  if (!isBearerError(error)) return error
  const headers = { ...core.responseHeaders(viewOf(context)), ...error.headers }
  context.set(headers)
  return Object.assign(error, { headers })
}
