import { createServer } from 'node:http'
import { bearerAuth, createRevocationList, staticIssuer } from '@countersign/express'
import express from 'express'
import { redisRevocationStore } from './revocation-redis.mjs'

/* One instance of an API, in a process of its own. It prints its port. */

const { redisUrl, issuer, audience, jwks, now } = JSON.parse(process.argv[2])
const clock = () => now
const revocation = createRevocationList({
  maxTokenLifeSeconds: 7200,
  store: await redisRevocationStore(redisUrl),
  refreshSeconds: 0.1,
  maxStaleSeconds: 1,
  clock,
})
const app = express()
app.post('/revoke', express.json(), (request, response, next) => {
  revocation.revoke(request.body).then(() => response.status(204).end(), next)
})
app.use(bearerAuth({ issuer: staticIssuer({ issuer, jwks }), audience, clock, revocation }))
app.get('/orders', (_request, response) => void response.json([]))
app.use((error, _request, response, _next) => void response.status(error.status ?? 500).end())
const server = createServer(app).listen(0, '127.0.0.1', () => console.log(server.address().port))
