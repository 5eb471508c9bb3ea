// An application's use of the packages, compiled as an ES module and as CommonJS. Where a type were `any`, the error that is
// expected would be missing, which is an error.
import { createTokenValidator } from '@countersign/core'
import { startEmulator } from '@countersign/emulator'
import { anyOf, bearerAuth, entra, requirePermission, type ValidatedToken } from '@countersign/express'
import { bearerAuth as fastifyAuth, requirePermission as fastifyGuard } from '@countersign/fastify'
import { bearerAuth as koaAuth, type AuthState } from '@countersign/koa'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'

const issuer = entra({ tenantId: 'contoso.example', clientId: 'api' })
// @ts-expect-error A tenant is named by a text.
entra({ tenantId: 1, clientId: 'api' })
export const validator = createTokenValidator({ issuer })

const permission = anyOf([{ delegated: { scopes: 'Orders.Read' } }, { application: { roles: 'Orders' } }])
// @ts-expect-error An application has no scopes.
requirePermission({ application: { scopes: 'Orders.Read' } })

const expressApp = express()
expressApp.use(bearerAuth({ issuer }))
expressApp.get('/', requirePermission(permission), (request, response) => {
  const token: ValidatedToken = request.auth
  // @ts-expect-error No such member.
  response.json(token.nothing)
})

const fastifyApp = fastify()
void fastifyApp.register(fastifyAuth, { issuer })
fastifyApp.get('/', { onRequest: fastifyGuard(permission) }, async (request) => {
  // @ts-expect-error No such member.
  return request.auth.nothing
})

const koaApp = new Koa<AuthState>()
koaApp.use(koaAuth({ issuer }))
koaApp.use((context) => {
  // @ts-expect-error No such member.
  context.body = context.state.auth.nothing
})

export const client = createTokenClient({
  authority: entraAuthority({ tenantId: 'contoso.example', version: '2.0' }),
  clientId: 'client',
  credential: clientSecret('not-a-secret'),
})
// @ts-expect-error No such option.
void client.acquireForApp({ nothing: true })

export async function origin(): Promise<string> {
  const emulator = await startEmulator({ port: 0 })
  // @ts-expect-error Not a number.
  const port: number = emulator.origin
  return `${port}`
}
