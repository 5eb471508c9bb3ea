import KeyvRedis from '@keyv/redis'
import type { TokenStoreFaultEvent } from '@countersign/token-client'
import Keyv from 'keyv'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hasRedis, type RedisServer, startRedis } from './redis-server.js'
import {
  createBench,
  createBenchAt,
  nativeAppId,
  objectId,
  refusalOf,
  target,
  tenantId,
  userToken,
} from './setup.js'
import { storeKey } from './stores.js'

const owner = { tenantId, objectId, clientId: nativeAppId }

/** As in the recipe. */
function connect(redis: RedisServer): Keyv {
  const adapter = new KeyvRedis({ url: redis.url, socket: { connectTimeout: 500, reconnectStrategy: 50 } })
  const keyv = new Keyv(adapter, { useKeyPrefix: false, throwOnErrors: true })
  keyv.on('error', () => {})
  onTestFinished(async () => {
    await adapter.disconnect(true).catch(() => {})
  })
  return keyv
}

async function createFleet(redis: RedisServer) {
  const faults: TokenStoreFaultEvent[] = []
  const options = () => ({
    onStoreFault: (event: TokenStoreFaultEvent) => void faults.push(event),
    // Long enough for a busy machine; other tests measure a slow store.
    store: { keyv: connect(redis), keys: [{ secret: storeKey }] as const, timeoutSeconds: 2 },
  })
  const first = await createBench('2.0', options())
  const second = createBenchAt(first.endpoint, first.clock, '2.0', options())
  return { first, second, faults, endpoint: first.endpoint, clock: first.clock }
}

describe.skipIf(!hasRedis())('a fleet with a real Redis', () => {
  it('shares tokens, encrypted, each with a time to live', async () => {
    const redis = await startRedis()
    const { first, second, faults, endpoint } = await createFleet(redis)
    await first.client.acquireOnBehalfOf(userToken(), target)
    const client = new KeyvRedis(redis.url).client as ReturnType<typeof import('@keyv/redis').createClient>
    await client.connect()
    onTestFinished(() => client.close())
    await expect.poll(() => client.keys('*')).toHaveLength(1)
    const [name] = await client.keys('*')
    // Keyv puts its own name before ours.
    expect(name).toMatch(/^keyv::countersign:[\w-]{43}$/)
    expect(await client.get(name!)).not.toContain('access-1')
    expect(await client.pTTL(name!)).toBeGreaterThan(3_000_000)
    expect(await client.pTTL(name!)).toBeLessThanOrEqual(3_569_000)
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(1)
    expect(faults).toEqual([])
  })

  it('forgets a user and ends a session in every process', async () => {
    const redis = await startRedis()
    const { first, second } = await createFleet(redis)
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    expect(await elsewhere.acquire()).toBeDefined()
    await elsewhere.end()
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
    const other = await first.client.startSession(userToken(), target)
    await second.client.forgetUser(tenantId, objectId)
    expect(await refusalOf(other.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it('fails no request while Redis is killed and started again under load', async () => {
    const redis = await startRedis()
    const { first, second, faults, endpoint } = await createFleet(redis)
    let isUnderLoad = true
    let answered = 0
    const failures: unknown[] = []
    const sources = { cache: 0, network: 0 }
    const load = async ({ client }: typeof first, worker: number) => {
      for (let turn = 0; isUnderLoad; turn++) {
        // New users all the time, so that memory, store and service are all used.
        const token = userToken({ oid: undefined, sub: `user ${worker >> 1} ${turn}` })
        const calls = [client.acquireOnBehalfOf(token, target), client.acquireForApp(target)]
        for (const outcome of await Promise.allSettled(calls)) {
          answered++
          if (outcome.status === 'rejected') failures.push(outcome.reason)
          else sources[outcome.value.source]++
        }
      }
    }
    const answers = (count: number) =>
      expect.poll(() => answered, { timeout: 15_000 }).toBeGreaterThan(answered + count)
    const workers = [0, 1, 2, 3].map((worker) => load(worker % 2 === 0 ? first : second, worker))
    await answers(200)
    expect(faults).toEqual([])
    await redis.kill()
    await answers(200)
    expect(faults.length).toBeGreaterThan(0)
    await redis.start()
    await answers(200)
    // The store is used again: the other process reads what this one writes.
    await expect
      .poll(
        async () => {
          const token = userToken({ sub: `probe ${Math.random()}`, oid: undefined })
          await first.client.acquireOnBehalfOf(token, target)
          await new Promise((resolve) => setImmediate(resolve))
          return (await second.client.acquireOnBehalfOf(token, target)).source
        },
        { timeout: 15_000 },
      )
      .toBe('cache')
    isUnderLoad = false
    await Promise.all(workers)
    expect(failures).toEqual([])
    expect(answered).toBeGreaterThan(600)
    expect(endpoint.requests.length).toBeLessThan(answered)
  }, 60_000)
})
