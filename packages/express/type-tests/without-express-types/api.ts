import { createServer } from 'node:http'
import { bearerAuth, entra, requirePermission, type ValidatedToken } from '@countersign/express'

const authenticate = bearerAuth({ issuer: entra({ tenantId: 'contoso.example', clientId: 'api' }) })
const canRead = requirePermission({ delegated: { scopes: 'Files.Read' } })

createServer((request, response) => {
  authenticate(request, response, (error) => {
    if (error !== undefined) return response.writeHead(500).end()
    canRead(request, response, () => {
      const { auth } = request as typeof request & { auth: ValidatedToken }
      response.end(auth.clientId)
    })
  })
})
