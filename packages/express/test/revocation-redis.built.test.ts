import { fileURLToPath } from 'node:url'
import {
  genericAudience,
  genericIssuer,
  keySet,
  now,
  readDocument,
  tokenWith,
} from '@countersign/test-fixtures'
import { describe, expect, it, vi } from 'vitest'
import { hasRedis, startProgram, startRedis, stopProgram } from './redis-processes.js'

it('prints the code that is run here', async () => {
  const [text, code] = await Promise.all([
    readDocument('docs/recipes/revocation.md'),
    readDocument('packages/express/test/recipes/revocation-redis.mjs'),
  ])
  expect(text).toContain(code)
})

describe.skipIf(!hasRedis())('two processes of an API with one Redis', () => {
  const tokenOf = (client: string): string =>
    tokenWith({ from: 'rfc9068', claims: { client_id: client, jti: client } })

  async function prepare() {
    const redis = await startRedis()
    const jwks = keySet(['generic'])
    const settings = { redisUrl: redis.url, issuer: genericIssuer, audience: genericAudience, jwks, now }
    const program = fileURLToPath(new URL('recipes/revocation-api.mjs', import.meta.url))
    const launch = async () => {
      const { text } = await startProgram(process.execPath, [program, JSON.stringify(settings)], /^\d+\n/)
      return `http://127.0.0.1:${Number(text)}`
    }
    const origins = await Promise.all([launch(), launch()])
    const statusOf = async (origin: string, client: string): Promise<number> => {
      const headers = { authorization: `Bearer ${tokenOf(client)}` }
      return (await fetch(`${origin}/orders`, { headers })).status
    }
    const revoke = async (origin: string, client: string): Promise<number> => {
      const body = JSON.stringify({ client })
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${origin}/revoke`, { method: 'POST', headers, body })).status
    }
    return { redis, origins, launch, statusOf, revoke }
  }

  it('lose none of forty revocations made at both at the same time, and a third that starts later knows all', async () => {
    const { origins, launch, statusOf, revoke } = await prepare()
    const clients = Array.from({ length: 40 }, (_, index) => `client-${index}`)
    const [first, second] = origins
    expect([
      await statusOf(first as string, 'client-0'),
      await statusOf(second as string, 'client-0'),
    ]).toEqual([200, 200])
    const answers = await Promise.all(
      clients.map((client, index) => revoke(origins[index % 2] as string, client)),
    )
    expect(new Set(answers)).toEqual(new Set([204]))
    const third = await launch()
    for (const origin of [...origins, third]) {
      await vi.waitFor(
        async () => {
          const statuses = await Promise.all(clients.map((client) => statusOf(origin, client)))
          expect(new Set(statuses)).toEqual(new Set([401]))
        },
        { timeout: 5000, interval: 50 },
      )
      expect(await statusOf(origin, 'another')).toBe(200)
    }
  })

  it('answer with 503 once Redis is away for longer than the list may be old', async () => {
    const { redis, origins, statusOf, revoke } = await prepare()
    const [first, second] = origins as [string, string]
    expect([await statusOf(first, 'a'), await statusOf(second, 'a')]).toEqual([200, 200])
    await stopProgram(redis.child)
    expect(await revoke(first, 'a')).toBe(500)
    expect(await statusOf(first, 'a')).toBe(401)
    await vi.waitFor(async () => expect(await statusOf(second, 'a')).toBe(503), {
      timeout: 5000,
      interval: 50,
    })
  })
})
