import { inspect } from 'node:util'
import type { StoreOptions, TokenClientOptions, TokenStoreFaultEvent } from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import {
  type Bench,
  createBench,
  createBenchAt,
  objectId,
  refusalOf,
  target,
  tenantId,
  textOf,
  theSecret,
  userToken,
} from './setup.js'
import { createOpenStore, otherStoreKey, storeKey } from './stores.js'
import { refusal } from './token-endpoint.js'

const keys = [{ secret: storeKey }] as const

/** Two processes with one store, and the faults of that store. */
async function createFleet(changes: Partial<StoreOptions> = {}, options: Partial<TokenClientOptions> = {}) {
  const store = createOpenStore()
  const faults: TokenStoreFaultEvent[] = []
  const onStoreFault = (event: TokenStoreFaultEvent) => void faults.push(event)
  const all = { ...options, onStoreFault, store: { keyv: store.keyv, keys, ...changes } }
  const first = await createBench('2.0', all)
  const join = (more: Partial<StoreOptions> = {}) =>
    createBenchAt(first.endpoint, first.clock, '2.0', { ...all, store: { ...all.store, ...more } })
  return { store, faults, first, second: join(), join, endpoint: first.endpoint, clock: first.clock }
}

/** Calls do not wait for writes to the store; a test waits until the store has so many entries. */
function stored(store: { contents: ReadonlyMap<string, string> }, count = 1): Promise<void> {
  return expect.poll(() => store.contents.size).toBe(count) as Promise<void>
}

const acquisitions: readonly [string, (bench: Bench) => Promise<unknown>][] = [
  ['for the application', ({ client }) => client.acquireForApp(target)],
  ['on behalf of a user', ({ client }) => client.acquireOnBehalfOf(userToken(), target)],
]

describe.each(acquisitions)('a token acquired %s in one process', (_name, acquire) => {
  it('is found by another, which sends no request', async () => {
    const { store, faults, first, second, endpoint } = await createFleet()
    const token = await acquire(first)
    await stored(store)
    expect(await acquire(second)).toMatchObject({ source: 'cache', expiresAt: expect.any(Number) as number })
    expect(await acquire(second)).toEqual(Object.assign({}, token, { source: 'cache' }))
    expect(endpoint.requests).toHaveLength(1)
    expect(faults).toEqual([])
  })

  it('is read from the store once, and from memory after that', async () => {
    const { store, first, second } = await createFleet()
    await acquire(first)
    await stored(store)
    await acquire(second)
    store.operations.length = 0
    await acquire(second)
    expect(store.operations).toEqual([])
  })

  it('is acquired while the store is down, and the fault is reported', async () => {
    const { store, faults, first, second, endpoint } = await createFleet()
    store.state = 'down'
    for (const bench of [first, second]) expect(await acquire(bench)).toMatchObject({ source: 'network' })
    expect(endpoint.requests).toHaveLength(2)
    expect(faults).toContainEqual(
      expect.objectContaining({ operation: 'read', fault: 'error', reason: 'ECONNRESET' }),
    )
  })

  it('waits for a slow store only until its timeout, and then pauses', async () => {
    const { store, faults, first } = await createFleet({ timeoutSeconds: 0.02 })
    store.state = 'slow'
    expect(await acquire(first)).toMatchObject({ source: 'network' })
    expect(faults.map(({ fault }) => fault)).toContain('timeout')
    const { length } = store.operations
    await first.client.acquireForApp({ resource: 'api://third-tier' })
    expect(store.operations).toHaveLength(length)
  })
})

describe('an entry of the store', () => {
  it('shows nothing: no token, no id, no name of a key', async () => {
    const { store, first } = await createFleet()
    await first.client.acquireOnBehalfOf(userToken(), target)
    await first.client.acquireForApp(target)
    await first.client.forgetUser(tenantId, objectId)
    await stored(store, 3)
    const all = inspect([...store.contents], { maxStringLength: Infinity })
    const raw = [...all.matchAll(/[\w-]{20,}/g)].map(([text]) =>
      Buffer.from(text, 'base64url').toString('latin1'),
    )
    for (const secret of ['access-', tenantId, objectId, target.resource, theSecret, storeKey]) {
      expect(`${all} ${raw.join(' ')}`).not.toContain(secret)
    }
    for (const name of store.contents.keys()) expect(name).toMatch(/^countersign:[\w-]{43}$/)
  })

  it('has a time to live: that of its token', async () => {
    const { store, first } = await createFleet()
    const ttls: (number | undefined)[] = []
    const keyv = {
      ...store.keyv,
      set: (key: string, value: string, ttl?: number) => (ttls.push(ttl), store.keyv.set(key, value, ttl)),
    }
    const bench = createBenchAt(first.endpoint, first.clock, '2.0', { store: { keyv, keys } })
    await bench.client.acquireForApp(target)
    await stored(store)
    expect(ttls).toEqual([(3599 - 30) * 1000])
  })

  it('that is older than its token is ignored, even if the store still has it', async () => {
    const { store, first, second, clock } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    clock.now += 3599 - 30
    expect(await second.client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it("is not served past the end of the user's token", async () => {
    const { store, first, second, clock, endpoint } = await createFleet()
    const token = userToken({ exp: clock.now + 100 })
    await first.client.acquireOnBehalfOf(token, target)
    await stored(store)
    clock.now += 100
    expect(await refusalOf(second.client.acquireOnBehalfOf(token, target))).toMatchObject({
      code: 'user_token_expired',
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('that was moved to another place is not decrypted, and is reported', async () => {
    const { store, faults, first, second } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    const mine = [...store.contents.keys()][0]!
    await first.client.acquireForApp({ resource: 'api://other' })
    await stored(store, 2)
    const other = [...store.contents.keys()].find((name) => name !== mine)!
    const entry = JSON.parse(store.contents.get(mine)!) as { value: string }
    // It contains the additional data of its old place, which is ignored.
    const aad = Buffer.from(mine).toString('base64url')
    const moved = { ...(JSON.parse(entry.value) as object), aad }
    store.contents.set(other, JSON.stringify({ value: JSON.stringify(moved) }))
    expect(await second.client.acquireForApp({ resource: 'api://other' })).toMatchObject({
      source: 'network',
    })
    expect(faults).toMatchObject([{ operation: 'read', fault: 'entry' }])
  })

  it.each([
    ['not JSON', () => 'garbage'],
    ['a number', () => 7],
    ['an empty object', () => '{}'],
    ['null', () => 'null'],
    ['too large', () => ' '.repeat(300_000)],
    ['changed in one bit', (jwe: Jwe) => write({ ...jwe, ciphertext: flip(jwe.ciphertext) })],
    ['changed in its tag', (jwe: Jwe) => write({ ...jwe, tag: flip(jwe.tag) })],
    ['cut in its tag', (jwe: Jwe) => write({ ...jwe, tag: jwe.tag.slice(0, 11) })],
    ['of another algorithm', (jwe: Jwe) => write({ ...jwe, protected: header({ alg: 'A256KW' }) })],
    ['of another encryption', (jwe: Jwe) => write({ ...jwe, protected: header({ enc: 'A128GCM' }) })],
    ['of an unknown key', (jwe: Jwe) => write({ ...jwe, protected: header({ kid: 'x' }) })],
    ['compressed', (jwe: Jwe) => write({ ...jwe, protected: header({ zip: 'DEF' }) })],
  ])('that is %s is ignored, reported, and replaced', async (_name, change) => {
    const { store, faults, first, second, join } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    const [[name, text]] = [...store.contents] as [[string, string]]
    const jwe = JSON.parse((JSON.parse(text) as { value: string }).value) as Jwe
    store.contents.set(name, JSON.stringify({ value: change(jwe) }))
    const damaged = store.contents.get(name)
    expect(await second.client.acquireForApp(target)).toMatchObject({ source: 'network' })
    expect(faults).toMatchObject([{ operation: 'read', fault: 'entry' }])
    await expect.poll(() => store.contents.get(name)).not.toBe(damaged)
    expect(await join().client.acquireForApp(target)).toMatchObject({ source: 'cache' })
  })

  it('of another namespace is another entry', async () => {
    const { store, first, join, endpoint } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    await join({ namespace: 'other.app' }).client.acquireForApp(target)
    await stored(store, 2)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('that was challenged is removed from the store as well', async () => {
    const { store, first, second } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    const before = [...store.contents.values()]
    await first.client.acquireForApp({ ...target, claims: '{"access_token":{}}' })
    await expect.poll(() => [...store.contents.values()]).not.toEqual(before)
    await stored(store)
    expect(textOf(await second.client.acquireForApp(target))).toBe('access-2')
  })
})

describe('a challenged token', () => {
  it('is removed from the store even when the service refuses a new one', async () => {
    const { store, first, second, endpoint } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    endpoint.answer = () => refusal('invalid_grant', 53003)
    await refusalOf(first.client.acquireForApp({ ...target, claims: '{"access_token":{}}' }))
    await stored(store, 0)
    expect(await refusalOf(second.client.acquireForApp(target))).toMatchObject({ action: 'interact' })
  })
})

describe('a store that swallows its errors', () => {
  it('and returns false is reported as failed', async () => {
    const { faults, first, store } = await createFleet()
    const keyv = { ...store.keyv, set: () => Promise.resolve(false) }
    const bench = createBenchAt(first.endpoint, first.clock, '2.0', {
      store: { keyv, keys },
      onStoreFault: (event) => void faults.push(event),
    })
    await bench.client.acquireForApp(target)
    await expect.poll(() => faults).toMatchObject([{ operation: 'write', fault: 'error' }])
    expect(await refusalOf(bench.client.forgetUser(tenantId, objectId))).toMatchObject({
      code: 'store_unavailable',
    })
  })
})

describe('a key of the store', () => {
  it('that was replaced is read until readUntil, and not one second longer', async () => {
    const { store, faults, first, join, clock } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    const rotated = [{ secret: otherStoreKey }, { secret: storeKey, readUntil: clock.now + 100 }] as const
    expect(await join({ keys: rotated }).client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    clock.now += 100
    expect(await join({ keys: rotated }).client.acquireForApp(target)).toMatchObject({ source: 'network' })
    expect(faults).toMatchObject([{ fault: 'entry' }])
  })

  it('that is not yet the first one is read', async () => {
    const { store, first, join, clock } = await createFleet()
    const prepared = [{ secret: otherStoreKey }, { secret: storeKey, readUntil: clock.now }] as const
    await join({ keys: prepared }).client.acquireForApp(target)
    await stored(store)
    const ready = [{ secret: storeKey }, { secret: otherStoreKey, readUntil: clock.now + 1000 }] as const
    expect(await join({ keys: ready }).client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    expect(await first.client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })
})

describe('a renewal', () => {
  it('by one process is used by the others, without requests of their own', async () => {
    const { store, first, second, clock, endpoint } = await createFleet()
    await first.client.acquireForApp(target)
    await stored(store)
    await second.client.acquireForApp(target)
    clock.now += 3400
    const before = [...store.contents.values()]
    expect(textOf(await first.client.acquireForApp(target))).toBe('access-1')
    await expect.poll(() => [...store.contents.values()]).not.toEqual(before)
    expect(textOf(await second.client.acquireForApp(target))).toBe('access-1')
    await expect.poll(async () => textOf(await second.client.acquireForApp(target))).toBe('access-2')
    expect(endpoint.requests).toHaveLength(2)
  })
})

describe('forgetUser', () => {
  it('invalidates the stored tokens of that user for every process, and no others', async () => {
    const { store, first, second, endpoint } = await createFleet()
    const other = userToken({ oid: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' })
    for (const token of [userToken(), other]) await first.client.acquireOnBehalfOf(token, target)
    await stored(store, 2)
    await first.client.forgetUser(tenantId, objectId)
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
    expect(await second.client.acquireOnBehalfOf(other, target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(3)
  })

  it('reaches the memory of another process within recheckSeconds', async () => {
    const { store, first, second, clock } = await createFleet({ recheckSeconds: 10 })
    await first.client.acquireOnBehalfOf(userToken(), target)
    await stored(store)
    await second.client.acquireOnBehalfOf(userToken(), target)
    await first.client.forgetUser(tenantId, objectId)
    clock.now += 9
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    clock.now += 1
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })

  it('compares the stamps of a user who was not forgotten, and serves the token', async () => {
    const { first, clock, store, endpoint } = await createFleet({ recheckSeconds: 10 })
    await first.client.acquireOnBehalfOf(userToken(), target)
    clock.now += 10
    store.operations.length = 0
    expect(await first.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    expect(store.operations).not.toEqual([])
    store.operations.length = 0
    expect(await first.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    expect(store.operations).toEqual([])
    expect(endpoint.requests).toHaveLength(1)
  })

  it('invalidates the token of a request that was under way in another process', async () => {
    const { first, second, join, endpoint, store } = await createFleet()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const underWay = second.client.acquireOnBehalfOf(userToken(), target)
    await expect.poll(() => endpoint.requests.length).toBe(1)
    await first.client.forgetUser(tenantId, objectId)
    release()
    await underWay
    await stored(store, 2)
    expect(await join().client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })

  it('throws store_unavailable when the store is down, and forgets the user in this process', async () => {
    const { store, first } = await createFleet()
    await first.client.acquireOnBehalfOf(userToken(), target)
    store.state = 'down'
    expect(await refusalOf(first.client.forgetUser(tenantId, objectId))).toMatchObject({
      code: 'store_unavailable',
      action: 'retry',
    })
    expect(await first.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })

  it('cannot be undone by damaging its stamp: the stored tokens of that user are then ignored', async () => {
    const { store, first, second, faults } = await createFleet()
    await first.client.acquireOnBehalfOf(userToken(), target)
    await stored(store)
    const names = new Set(store.contents.keys())
    await first.client.forgetUser(tenantId, objectId)
    const mark = [...store.contents.keys()].find((name) => !names.has(name))!
    store.contents.set(mark, JSON.stringify({ value: 'spoiled' }))
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
    expect(faults).toMatchObject([{ fault: 'entry' }])
  })

  it('takes the subject of a user whose tokens have no object id', async () => {
    const { first, second, store } = await createFleet()
    const token = userToken({ oid: undefined })
    await first.client.acquireOnBehalfOf(token, target)
    await stored(store)
    await first.client.forgetUser(tenantId, 'pairwise')
    for (const { client } of [first, second]) {
      expect(await client.acquireOnBehalfOf(token, target)).toMatchObject({ source: 'network' })
    }
  })
})

describe('a store that went down', () => {
  it('does not affect the tokens in memory, and is used again when it is up', async () => {
    const { store, first, second, clock, endpoint } = await createFleet({ recheckSeconds: 10 })
    await first.client.acquireOnBehalfOf(userToken(), target)
    await stored(store)
    store.state = 'down'
    clock.now += 60
    expect(await first.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(1)
    store.state = 'up'
    expect(await second.client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
  })
})

interface Jwe {
  readonly protected: string
  readonly iv: string
  readonly ciphertext: string
  readonly tag: string
}

function header(changes: Readonly<Record<string, string>>): string {
  return Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: 'k', ...changes })).toString(
    'base64url',
  )
}

function flip(text: string): string {
  return (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
}

function write(jwe: Jwe): string {
  return JSON.stringify(jwe)
}
