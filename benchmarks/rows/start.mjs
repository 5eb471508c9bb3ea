// Cold start: from a fresh process to the first protected answer, keys fetched from a local issuer. Each start in a process of
// its own, in turn.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { shuffled, spread } from '../measure.mjs'
import { createKey, createToken, startIssuer } from '../material.mjs'

const program = new URL('../http-server.mjs', import.meta.url)
const variants = {
  fastify: ['countersign', 'jose', '@fastify/jwt + get-jwks'],
  express: ['countersign', 'jose', 'express-oauth2-jwt-bearer', 'express-jwt + jwks-rsa'],
  koa: ['countersign', 'jose', 'koa-jwt + jwks-rsa'],
}

export async function start({ quick, progress }) {
  const rounds = quick ? 3 : 25
  const key = createKey('RS256')
  const issuer = await startIssuer([key])
  const token = createToken(key, issuer.issuer)
  const tables = []
  try {
    for (const [framework, names] of Object.entries(variants)) {
      const taken = new Map(names.map((name) => [name, []]))
      for (let round = 0; round < rounds; round++) {
        progress(`${framework}, round ${round + 1} of ${rounds}`)
        for (const name of shuffled(names))
          taken.get(name).push(await startOnce(framework, name, issuer, token))
      }
      const base = taken.get('countersign')
      tables.push({
        title: `Cold start on ${framework}`,
        unit: '× countersign',
        lowerIsBetter: true,
        rows: names.map((name) => ({
          name,
          micros: spread(taken.get(name).map((milliseconds) => milliseconds * 1000)),
          ratio: spread(taken.get(name).map((value, round) => value / base[round])),
        })),
      })
    }
  } finally {
    issuer.stop()
  }
  return tables
}

async function startOnce(framework, variant, { issuer, jwksUri, origin }, token) {
  const startedAt = performance.now()
  const child = fork(program, [framework, variant, issuer, jwksUri, origin], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    const [{ port }] = await once(child, 'message')
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } })
    await answer.text()
    if (answer.status !== 200) throw new Error(`${variant} on ${framework} answered ${answer.status}`)
    return performance.now() - startedAt
  } finally {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
