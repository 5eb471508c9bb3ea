import { inspect } from 'node:util'
import type { AdapterHarness, RunningApi } from '@countersign/test-fixtures'
import type Fastify from 'fastify'
import * as adapter from '../src/index.js'
import type { TrustedIssuer } from '../src/index.js'

/** The contract's API on this Fastify 5. */
export const harnessOf = (
  createApp: typeof Fastify,
  build: typeof adapter = adapter,
): AdapterHarness<TrustedIssuer> => ({
  adapter: build,
  defaultHandlerReadsBody: false,
  async start({ bearerAuth: options, routes, metadata, errorHandler }): Promise<RunningApi> {
    const logged: string[] = []
    const app = createApp({
      logger: { level: 'trace', stream: { write: (line) => logged.push(line) } },
      // Room for headers beyond Node's default.
      http: { maxHeaderSize: 64 * 1024 },
    })
    if (metadata !== undefined) await app.register(build.protectedResourceMetadata, metadata)
    if (options !== undefined) await app.register(build.bearerAuth, options)
    app.addHook('onError', (_request, _reply, error, done) => {
      logged.push(inspect(error, { depth: null, showHidden: true }))
      done()
    })
    if (errorHandler === 'custom') {
      app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
        reply.status(error.statusCode ?? 500).send({ title: 'This application has its own error page' })
      })
    }
    for (const { path, permission, handle } of routes) {
      const onRequest = permission === undefined ? [] : [build.requirePermission(permission)]
      app.all(path, { onRequest }, async (request) => handle(request.auth))
    }
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      origin,
      logs: () => logged.join('\n'),
      async stop() {
        await app.close()
      },
    }
  },
})
