import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import {
  createDpopKey,
  dpopProof,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  readDocument,
  tokenWith,
} from '@countersign/test-fixtures'
import { describe, expect, it, onTestFinished } from 'vitest'

/** Whether a Redis can be started here. If not, a message is printed, and in CI it is an error. */
function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true
  const message = 'redis-server is not installed: the tests against a real Redis DID NOT RUN'
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`\n*** ${message} ***\n`)
  return false
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A program that is stopped when the test ends, once it has printed a line of this form. */
async function start(command: string, words: readonly string[], ready: RegExp) {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => stop(child))
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (ready.test(text)) break
  }
  child.stdout.resume()
  return { child, text }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

it('prints the code that is run here', async () => {
  const [text, code] = await Promise.all([
    readDocument('docs/recipes/dpop-redis.md'),
    readDocument('packages/express/test/recipes/dpop-redis.mjs'),
  ])
  expect(text).toContain(code)
})

describe.skipIf(!hasRedis())('two processes of an API with one Redis', () => {
  const publicUrl = 'https://api.example'
  const key = createDpopKey()
  const token = tokenWith({ from: 'generic', claims: { cnf: { jkt: key.jkt } } })
  const proof = (): string => dpopProof(key, { token, url: `${publicUrl}/orders` })

  async function prepare() {
    const port = await freePort()
    const quiet = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    const redis = await start('redis-server', ['--port', `${port}`, ...quiet], /Ready to accept/)
    const settings = {
      redisUrl: `redis://127.0.0.1:${port}`,
      publicUrl,
      issuer: genericIssuer,
      audience: genericAudience,
      jwks: keySet(['generic']),
      now,
    }
    const program = fileURLToPath(new URL('recipes/dpop-api.mjs', import.meta.url))
    const instances = await Promise.all(
      [1, 2].map(() => start(process.execPath, [program, JSON.stringify(settings)], /^\d+\n/)),
    )
    const ports = instances.map(({ text }) => Number(text))
    const statusOf = async (instance: number, dpop: string): Promise<number> => {
      const headers = { authorization: `DPoP ${token}`, dpop }
      return (await fetch(`http://127.0.0.1:${ports[instance % 2]}/orders`, { headers })).status
    }
    return { redis, statusOf }
  }

  it('accept one of twenty uses of a proof, wherever and whenever they arrive', async () => {
    const { statusOf } = await prepare()
    for (let round = 0; round < 5; round++) {
      const one = proof()
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => statusOf(index, one)))
      expect(answers.toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(19).fill(401)])
      expect(await statusOf(0, one)).toBe(401)
      expect(await statusOf(1, one)).toBe(401)
    }
  })

  it('answer with 503 while Redis is away', async () => {
    const { redis, statusOf } = await prepare()
    expect(await statusOf(0, proof())).toBe(200)
    await stop(redis.child)
    expect([await statusOf(0, proof()), await statusOf(1, proof())]).toEqual([503, 503])
  })
})
