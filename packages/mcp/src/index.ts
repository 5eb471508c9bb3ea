import { isBearerError, type TokenValidator } from '@countersign/core'
import { viewFetchRequest, withResponseHeaders } from '@countersign/core/adapter'
import type { McpAuthInfo } from './auth-info.js'
import { createMcpCore, type McpAuthOptions } from './mcp-auth.js'
import { isMessage, parseError } from './message.js'

export { callerOf, type AnyAuthInfo, type McpAuthInfo } from './auth-info.js'
export type { McpAuthOptions, McpSettings } from './mcp-auth.js'

/** What the handler of an accepted request gets, for the SDK. */
export interface AcceptedMcpRequest {
  /** The caller; undefined for an anonymous one, where that is allowed. */
  readonly authInfo: McpAuthInfo | undefined
  /** The message, where it was read. */
  readonly parsedBody?: unknown
}

/** Authorization of an MCP server for frameworks that use `Request` and `Response`. Its methods are bound. */
export interface McpAuth {
  /** The validator that decides. */
  readonly validator: TokenValidator
  /** The answer to a request for the protected resource metadata; undefined to any other. Ask it first. */
  readonly metadata: (request: Request) => Response | undefined
  /**
   * Wraps a handler of the MCP endpoint: it runs for accepted requests only, with the caller and, where `tools` is set, the parsed
   * body. Pass both on to the SDK. A refusal is a `Response`.
   */
  readonly protect: (
    handler: (request: Request, accepted: AcceptedMcpRequest) => Response | Promise<Response>,
  ) => (request: Request) => Promise<Response>
}

/**
 * Makes the authorization of an MCP server for `Request` and `Response`. It checks no `Origin`, and answers no preflight: that is
 * for the SDK or the application. Throws a TypeError if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import { createMcpAuth } from '@countersign/mcp'
 *
 * const mcp = createMcpAuth({
 *   resource: 'https://mcp.example/mcp',
 *   issuer: 'https://issuer.example',
 *   audience: 'https://mcp.example/mcp',
 *   tools: { add: { scopes: 'math' } },
 * })
 * declare const sdk: { fetch(request: Request, options: object): Promise<Response> }
 * const serve = mcp.protect((request, accepted) => sdk.fetch(request, accepted))
 *
 * export const fetchHandler = async (request: Request) => mcp.metadata(request) ?? serve(request)
 * ```
 */
export function createMcpAuth(options: McpAuthOptions): McpAuth {
  const core = createMcpCore(options)

  async function refusalOf(request: Request, error: unknown): Promise<Response> {
    if (!isBearerError(error)) throw error
    const headers = {
      ...core.responseHeaders(viewFetchRequest(request)),
      ...error.headers,
      'Content-Type': 'application/json',
    }
    return new Response(JSON.stringify(error), { status: error.status, headers })
  }

  function answerTo(request: Request, answer: Response): Response {
    return withResponseHeaders(answer, core.responseHeaders(viewFetchRequest(request)))
  }

  return Object.freeze<McpAuth>({
    validator: core.validator,
    metadata(request) {
      const answer = core.metadata.answer(request.method, new URL(request.url).pathname)
      if (answer === undefined) return undefined
      const { status, headers, body } = answer
      return new Response(request.method === 'HEAD' || body === '' ? null : body, { status, headers })
    },
    protect: (handler) => async (request) => {
      let accepted
      try {
        const authInfo = await core.authenticate(viewFetchRequest(request))
        if (core.readsBody && request.method === 'POST') {
          const parsedBody = await readBody(request, core.maxBodyBytes)
          if (parsedBody instanceof Response) return answerTo(request, parsedBody)
          await core.checkMessage(authInfo, parsedBody, request)
          accepted = { authInfo, parsedBody }
        } else {
          accepted = { authInfo }
        }
      } catch (error) {
        return refusalOf(request, error)
      }
      return answerTo(request, await handler(request, accepted))
    },
  })
}

/** The body as JSON, from a copy: the handler may read the request again. Or the answer to one that is too large or malformed. */
async function readBody(request: Request, maxBytes: number): Promise<unknown> {
  let size = 0
  const parts: Uint8Array[] = []
  for await (const part of request.clone().body ?? []) {
    size += part.byteLength
    if (size > maxBytes) return new Response(null, { status: 413 })
    parts.push(part)
  }
  try {
    const body: unknown = JSON.parse(await new Blob(parts).text())
    if (isMessage(body)) return body
  } catch {
    // The same answer as for JSON that is no message.
  }
  return new Response(parseError, { status: 400, headers: { 'content-type': 'application/json' } })
}
