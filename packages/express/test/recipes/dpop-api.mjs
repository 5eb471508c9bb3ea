import { createServer } from 'node:http'
import { bearerAuth, dpop, staticIssuer } from '@countersign/express'
import express from 'express'
import { redisReplayStore } from './dpop-redis.mjs'

/* One instance of an API, in a process of its own. It prints its port. */

const { redisUrl, publicUrl, issuer, audience, jwks, now } = JSON.parse(process.argv[2])
const replayStore = await redisReplayStore(redisUrl)
const app = express()
app.use(
  bearerAuth({
    issuer: staticIssuer({ issuer, jwks }),
    audience,
    clock: () => now,
    senderProofs: dpop({ publicUrl, replayStore }),
  }),
)
app.get('/orders', (_request, response) => void response.json([]))
app.use((error, _request, response, _next) => void response.status(error.status ?? 500).end())
const server = createServer(app).listen(0, '127.0.0.1', () => console.log(server.address().port))
