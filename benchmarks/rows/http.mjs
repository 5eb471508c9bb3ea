// C. A hello-JSON over HTTP with a thousand rotating tokens: every server against its bare framework, in adjacent runs.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'
import { spread } from '../measure.mjs'
import { createKey, createToken, startIssuer, tampered } from '../material.mjs'
import { request } from 'node:http'

const frameworks = {
  fastify: ['bare', 'countersign', 'jose', '@fastify/jwt + get-jwks'],
  express: ['bare', 'countersign', 'jose', 'express-oauth2-jwt-bearer', 'express-jwt + jwks-rsa'],
  koa: ['bare', 'countersign', 'jose', 'koa-jwt + jwks-rsa'],
}

/** A server in a process of its own, which tells its address and, when asked, the processor time it has used. */
async function startServer(framework, variant, issuer) {
  const child = fork(
    new URL('../http-server.mjs', import.meta.url),
    [framework, variant, issuer.issuer, issuer.jwksUri, issuer.origin],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
    },
  )
  const [{ port }] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}/`,
    async cpuMicros() {
      child.send('cpu')
      const [{ cpu }] = await once(child, 'message')
      return cpu
    },
    stop: () => child.kill(),
  }
}

function statusOf(url, token) {
  return new Promise((resolve, reject) => {
    request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

async function load(server, tokens, duration) {
  const before = await server.cpuMicros()
  const result = await autocannon({
    url: server.url,
    connections: 32,
    duration,
    // It ends on a tick of its own, which by default comes once a second.
    sampleInt: 100,
    requests: tokens.map((token) => ({
      method: 'GET',
      path: '/',
      headers: { authorization: `Bearer ${token}` },
    })),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were not 200, ${result.errors} failed`)
  const total = result.requests.total
  return { perSecond: total / result.duration, cpu: ((await server.cpuMicros()) - before) / total }
}

export async function http({ quick, progress }) {
  const key = createKey('RS256')
  const issuer = await startIssuer([key])
  // Each connection builds all of its requests before it sends the first.
  const tokens = Array.from({ length: quick ? 100 : 1000 }, (_, index) =>
    createToken(key, issuer.issuer, { sub: `user-${index}` }),
  )
  const pairs = quick ? 1 : 7
  const seconds = quick ? 0.3 : 2
  const warmUpSeconds = quick ? 0.2 : 1
  const tables = []
  for (const [framework, variants] of Object.entries(frameworks)) {
    const servers = new Map()
    for (const variant of variants) servers.set(variant, await startServer(framework, variant, issuer))
    const bare = servers.get('bare')
    await load(bare, tokens, warmUpSeconds)
    const rows = []
    for (const [variant, server] of servers) {
      if (variant === 'bare') continue
      const [good, bad] = [
        await statusOf(server.url, tokens[0]),
        await statusOf(server.url, tampered(tokens[0])),
      ]
      if (good !== 200 || bad !== 401) throw new Error(`${framework} ${variant} answers ${good} and ${bad}`)
      await load(server, tokens, warmUpSeconds)
      const [speed, added, own] = [[], [], []]
      for (let pair = 0; pair < pairs; pair++) {
        progress(`${framework}, ${variant}: pair ${pair + 1} of ${pairs}`)
        const order = pair % 2 === 0 ? [bare, server] : [server, bare]
        const results = new Map()
        for (const one of order) results.set(one, await load(one, tokens, seconds))
        const [base, mine] = [results.get(bare), results.get(server)]
        speed.push(mine.perSecond / base.perSecond)
        added.push(mine.cpu - base.cpu)
        own.push(1e6 / mine.perSecond)
      }
      rows.push({ name: variant, micros: spread(own), ratio: spread(speed), added: spread(added) })
    }
    for (const server of servers.values()) server.stop()
    const jose = rows.find(({ name }) => name === 'jose').added.median
    tables.push({
      title: `C. HTTP, ${framework}`,
      unit: '× requests of the bare framework',
      lowerIsBetter: false,
      rows,
    })
    tables.push({
      title: `C'. Processor time added per request, ${framework}`,
      facts: Object.fromEntries(
        rows.map(({ name, added }) => [
          name,
          `${added.median.toFixed(0)} µs [${added.low.toFixed(0)}-${added.high.toFixed(0)}], ${(added.median / jose).toFixed(2)} × jose`,
        ]),
      ),
    })
  }
  issuer.stop()
  return tables
}
