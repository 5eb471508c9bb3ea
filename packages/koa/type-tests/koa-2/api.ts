import { bearerAuth, entra, requirePermission, type AuthState, type ValidatedToken } from '@countersign/koa'
import Koa from 'koa'

const authenticate = bearerAuth({ issuer: entra({ tenantId: 'contoso.example', clientId: 'api' }) })
const canRead = requirePermission({ delegated: { scopes: 'Files.Read' } })

const app = new Koa<AuthState & { visits: number }>()
app.use(authenticate).use(canRead)
app.use((context) => {
  const token: ValidatedToken = context.state.auth
  const visits: number = context.state.visits
  context.body = { caller: token.clientId, visits }
  // @ts-expect-error A user's token has no roles of an application.
  context.body = context.state.auth.roles
  if (context.state.auth.kind === 'application') context.body = context.state.auth.roles
})

new Koa().use(authenticate).use(canRead)
