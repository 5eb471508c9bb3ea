import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { isBearerError, type TokenValidator } from '@countersign/core'
import { viewNodeRequest } from '@countersign/core/adapter'
import type { McpAuthInfo } from './auth-info.js'
import { createMcpCore, type McpAuthOptions } from './mcp-auth.js'
import { isMessage, parseError } from './message.js'
import { isPreflight } from './preflight.js'

export { callerOf, type AnyAuthInfo, type McpAuthInfo } from './auth-info.js'
export type { McpAuthOptions, McpSettings } from './mcp-auth.js'

/** Authorization of an MCP server on Fastify. */
export interface McpAuth {
  /** The validator that decides. */
  readonly validator: TokenValidator
  /** A plugin that serves the protected resource metadata. Register it at the root of the application. */
  readonly metadata: FastifyPluginAsync
  /**
   * A plugin that authenticates every request of the scope it is registered in, and checks what the called tool requires. It puts
   * the caller on `request.raw.auth`, where the SDK looks for it.
   */
  readonly protect: FastifyPluginAsync
}

/**
 * Makes the authorization of an MCP server on Fastify. A refusal goes to the scope's error handler as a `BearerError`, its headers
 * already on the reply. It checks no `Origin`: that is for the SDK or the application. Throws a TypeError if an option is wrong.
 */
export function createMcpAuth(options: McpAuthOptions): McpAuth {
  const core = createMcpCore(options)

  async function protect(app: FastifyInstance): Promise<void> {
    app.addHook('onRequest', async (request, reply) => {
      callerOn(request).auth = undefined
      if (isPreflight(request.method, request.headers)) return
      const view = viewNodeRequest(request.raw, request)
      reply.headers({ ...core.responseHeaders(view) })
      await refusing(reply, async () => {
        callerOn(request).auth = await core.authenticate(view)
      })
    })
    if (!core.readsBody) return
    // After the body was parsed, and before anything of the application: not every client announces the tool in a header.
    app.addHook('preValidation', async (request, reply) => {
      if (request.method !== 'POST') return
      if (!isMessage(request.body)) {
        await reply.status(400).type('application/json').send(parseError)
        return
      }
      await refusing(reply, () => core.checkMessage(callerOn(request).auth, request.body, request))
    })
  }

  async function metadata(app: FastifyInstance): Promise<void> {
    app.addHook('onRequest', async (request, reply) => {
      const answer = core.metadata.answer(request.method, request.url)
      if (answer !== undefined) await reply.status(answer.status).headers(answer.headers).send(answer.body)
    })
  }

  return Object.freeze<McpAuth>({
    validator: core.validator,
    metadata: fastifyPlugin(metadata, { name: '@countersign/mcp/metadata', fastify: '5.x' }),
    protect: fastifyPlugin(protect, { name: '@countersign/mcp', fastify: '5.x' }),
  })
}

function callerOn({ raw }: FastifyRequest): { auth?: McpAuthInfo | undefined } {
  return raw as { auth?: McpAuthInfo | undefined }
}

async function refusing(reply: FastifyReply, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (isBearerError(error)) reply.headers(error.headers)
    throw error
  }
}
