import { bearerAuth, entra, type ValidatedToken } from '@countersign/express'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'

const app = express()
app.use('/old', auth({ issuerBaseURL: 'https://login.example', audience: 'api' }))
app.use('/new', bearerAuth({ issuer: entra({ tenantId: 'contoso.example', clientId: 'api' }) }))
app.get('/new', (request, response) => {
  const token: ValidatedToken = request.auth
  response.json(token.clientId)
})
