// An API in a container that trusts an emulator in another one.
import { createServer } from 'node:http'
import { createFetchAuth, entra } from '@countersign/core'

const { TENANT_ID, CLIENT_ID, AUTHORITY, ISSUER_ORIGIN, PORT = '3000' } = process.env

const auth = createFetchAuth({
  issuer: entra({
    tenantId: TENANT_ID,
    clientId: CLIENT_ID,
    // In production there is no cloud here, and the rest stays as it is.
    cloud: {
      authority: AUTHORITY,
      v1Issuer: `${ISSUER_ORIGIN}/{tenantid}/`,
      v2Issuer: `${ISSUER_ORIGIN}/{tenantid}/v2.0`,
    },
  }),
})

const orders = auth
  .requirePermission({ delegated: { scopes: 'Orders.Read' }, application: { roles: 'Orders.Read.All' } })
  .protect((_request, caller) => Response.json({ orders: [], for: caller.objectId }))

const server = createServer(async (request, response) => {
  const headers = new Headers(
    Object.entries(request.headersDistinct).flatMap(([name, values]) => values.map((value) => [name, value])),
  )
  const answer = await orders(new Request(`http://localhost${request.url}`, { headers }))
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
})
server.listen(Number(PORT), () => console.log(`the API listens on ${server.address().port}`))
process.once('SIGTERM', () => server.close())
