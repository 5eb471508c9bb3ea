import { bearerAuth, entra, requirePermission, type ValidatedToken } from '@countersign/express'
import express, { Router } from 'express'

const app = express()
const authenticate = bearerAuth({ issuer: entra({ tenantId: 'contoso.example', clientId: 'api' }) })
const canRead = requirePermission({ delegated: { scopes: 'Files.Read' } })

app.use(authenticate)
app.use('/files', authenticate, canRead)
Router().use(authenticate).get('/', authenticate, canRead)

app.get('/files/:id', canRead, (request, response) => {
  const token: ValidatedToken = request.auth
  // Parameters of the route are typed as before.
  response.json({ id: request.params.id, caller: token.clientId })
})

app.get('/roles', (request, response) => {
  // @ts-expect-error A user's token has no roles of an application.
  response.json(request.auth.roles)
  if (request.auth.kind === 'application') response.json(request.auth.roles)
})
