import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import type { AdapterHarness, RunningApi } from '@countersign/test-fixtures'
import type express from 'express'
import type { ErrorRequestHandler, Express, Request, RequestHandler } from 'express'
import * as adapter from '../src/index.js'
import type { TrustedIssuer } from '../src/index.js'

/** Listens on a free port of this machine, with room for headers beyond Node's default. */
export async function listen(app: Express): Promise<{ origin: string; stop(): Promise<void> }> {
  const server = createServer({ maxHeaderSize: 64 * 1024 }, app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Answers with the result of `handle`; what it throws, at once or later, goes to Express. */
export function answering(handle: (request: Request) => unknown): RequestHandler {
  return (request, response, next) => {
    Promise.resolve(handle(request)).then((body) => response.json(body), next)
  }
}

/** The contract's API on this Express, 4 or 5. */
export const harnessOf = (
  createApp: typeof express,
  build: typeof adapter = adapter,
): AdapterHarness<TrustedIssuer> => ({
  adapter: build,
  defaultHandlerReadsBody: true,
  async start({ bearerAuth: options, routes, metadata, errorHandler }): Promise<RunningApi> {
    const logged: string[] = []
    const app = createApp()
    if (metadata !== undefined) app.use(build.protectedResourceMetadata(metadata))
    if (options !== undefined) app.use(build.bearerAuth(options))
    for (const { path, permission, handle } of routes) {
      if (permission !== undefined) app.all(path, build.requirePermission(permission))
      app.all(
        path,
        answering((request) => handle(request.auth)),
      )
    }
    const log: ErrorRequestHandler = (error, _request, _response, next) => {
      logged.push(inspect(error, { depth: null, showHidden: true }))
      next(error)
    }
    const answer: ErrorRequestHandler = (error: { status?: number }, _request, response, _next) => {
      response.status(error.status ?? 500).json({ title: 'This application has its own error page' })
    }
    app.use(log)
    if (errorHandler === 'custom') app.use(answer)
    return { ...(await listen(app)), logs: () => logged.join('\n') }
  },
})
