import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hasRedis, startRedis } from './redis-server.js'
import { createBench, refusalOf, target, tenantId, userToken } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'
import { startTokenEndpoint } from './token-endpoint.js'

describe('close', () => {
  it('waits for the writes to the store that nobody waits for', async () => {
    const store = createOpenStore()
    const { client } = await createBench('2.0', {
      store: { keyv: store.keyv, keys: [{ secret: storeKey }] },
    })
    await client.acquireForApp(target)
    expect(store.contents.size).toBe(0)
    await client.close()
    expect(store.contents.size).toBe(1)
  })

  it('waits for requests under way, also those of callers that have left, and their sessions', async () => {
    const store = createOpenStore()
    const { client, endpoint } = await createBench('2.0', {
      store: { keyv: store.keyv, keys: [{ secret: storeKey }] },
    })
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const left = new AbortController()
    const call = client.acquireForApp({ ...target, signal: left.signal })
    const session = client.startSession(userToken(), target)
    await expect.poll(() => endpoint.requests.length).toBe(2)
    left.abort()
    await expect(call).rejects.toThrow()
    let isClosed = false
    const closed = client.close().then(() => (isClosed = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isClosed).toBe(false)
    release()
    await closed
    // The application's token, the session, and its first token.
    expect(store.contents.size).toBe(3)
    expect((await session).key).toHaveLength(43)
  })

  it('ends although a request or the store never answers', async () => {
    const store = createOpenStore()
    store.state = 'slow'
    const { client } = await createBench('2.0', {
      timeoutSeconds: 0.02,
      fetch: () => new Promise<never>(() => {}),
      store: { keyv: store.keyv, keys: [{ secret: storeKey }], timeoutSeconds: 0.02 },
    })
    const call = refusalOf(client.acquireForApp(target))
    await client.close()
    expect(await call).toMatchObject({ code: 'service_timeout' })
  })

  it('makes later calls fail with client_closed, whatever is cached', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    await client.acquireForApp(target)
    await client.close()
    for (const call of [
      client.acquireForApp(target),
      client.acquireOnBehalfOf(userToken(), target),
      client.startSession(userToken(), target),
      client.forgetUser(tenantId, 'user'),
      client.createFetch({ target, origin: endpoint.origin })(endpoint.origin),
      session.acquire(),
      session.renew(userToken()),
    ]) {
      expect(await refusalOf(call)).toMatchObject({ code: 'client_closed', action: 'retry' })
    }
    expect(endpoint.requests).toHaveLength(2)
  })

  it('can be called twice, before any call, and by `await using`', async () => {
    const { client } = await createBench()
    await client.close()
    await client.close()
    const { client: other } = await createBench()
    {
      await using own = other
      await own.acquireForApp(target)
    }
    expect(await refusalOf(other.acquireForApp(target))).toMatchObject({ code: 'client_closed' })
  })

  it.skipIf(!hasRedis())('lets a job with a real Redis end by itself', async () => {
    const redis = await startRedis()
    const endpoint = await startTokenEndpoint()
    const job = fileURLToPath(new URL('short-job.mjs', import.meta.url))
    const child = spawn(process.execPath, [job, redis.url, endpoint.origin, 'close'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill())
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const [code] = (await once(child, 'exit')) as [number]
    expect([code, output]).toEqual([0, 'done\n'])
  })
})
