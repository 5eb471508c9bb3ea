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
import { describe, expect, it } from 'vitest'
import { hasRedis, startProgram, startRedis, stopProgram } from './redis-processes.js'

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
    const redis = await startRedis()
    const settings = {
      redisUrl: redis.url,
      publicUrl,
      issuer: genericIssuer,
      audience: genericAudience,
      jwks: keySet(['generic']),
      now,
    }
    const program = fileURLToPath(new URL('recipes/dpop-api.mjs', import.meta.url))
    const instances = await Promise.all(
      [1, 2].map(() => startProgram(process.execPath, [program, JSON.stringify(settings)], /^\d+\n/)),
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
    await stopProgram(redis.child)
    expect([await statusOf(0, proof()), await statusOf(1, proof())]).toEqual([503, 503])
  })
})
