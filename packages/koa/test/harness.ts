import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import type { AdapterHarness, RunningApi } from '@countersign/test-fixtures'
import type Koa from 'koa'
import * as adapter from '../src/index.js'
import type { AuthState, TrustedIssuer } from '../src/index.js'

/** Listens on a free port of this machine, with room for headers beyond Node's default. */
export async function listen(app: Pick<Koa, 'callback'>): Promise<{ origin: string; stop(): Promise<void> }> {
  const server = createServer({ maxHeaderSize: 64 * 1024 }, app.callback()).listen(0, '127.0.0.1')
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

/** The contract's API on this Koa, 2 or 3. */
export const harnessOf = (
  App: typeof Koa,
  build: typeof adapter = adapter,
): AdapterHarness<TrustedIssuer> => ({
  adapter: build,
  defaultHandlerReadsBody: false,
  async start({ bearerAuth: options, routes, metadata, errorHandler }): Promise<RunningApi> {
    const logged: string[] = []
    const log = (error: unknown): void => {
      logged.push(inspect(error, { depth: null, showHidden: true }))
    }
    const app = new App<AuthState>()
    app.on('error', log)
    if (errorHandler === 'custom') {
      app.use(async (context, next) => {
        try {
          await next()
        } catch (error) {
          log(error)
          context.status = (error as { status?: number }).status ?? 500
          context.body = { title: 'This application has its own error page' }
        }
      })
    }
    if (metadata !== undefined) app.use(build.protectedResourceMetadata(metadata))
    if (options !== undefined) app.use(build.bearerAuth(options))
    for (const { path, permission, handle } of routes) {
      const guard = permission === undefined ? undefined : build.requirePermission(permission)
      app.use((context, next) => {
        if (context.path !== path) return next()
        const answer = async (): Promise<void> => {
          context.body = await handle(context.state.auth)
        }
        return guard === undefined ? answer() : guard(context, answer)
      })
    }
    return { ...(await listen(app)), logs: () => logged.join('\n') }
  },
})
