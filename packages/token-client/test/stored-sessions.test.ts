import { inspect } from 'node:util'
import {
  clientSecret,
  createTokenClient,
  type StoreLock,
  oauthAuthority,
  type StoreOptions,
  type TokenClientOptions,
} from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import {
  clientId,
  createBench,
  createBenchAt,
  nativeAppId,
  objectId,
  otherTenantId,
  refusalOf,
  target,
  tenantId,
  textOf,
  theSecret,
  userToken,
} from './setup.js'
import { createOpenStore, storeKey } from './stores.js'
import { refusal, startTokenEndpoint } from './token-endpoint.js'

const owner = { tenantId, objectId, clientId: nativeAppId }

/** One lock for all processes of a test: the next begins when the previous one has ended. */
function createLock(): { lock: StoreLock; names: string[] } {
  const turns = new Map<string, Promise<void>>()
  const names: string[] = []
  return {
    names,
    lock: (name, work) => {
      names.push(name)
      const turn = (turns.get(name) ?? Promise.resolve()).then(work)
      turns.set(
        name,
        turn.catch(() => {}),
      )
      return turn
    },
  }
}

async function createFleet(changes: Partial<StoreOptions> = {}, options: Partial<TokenClientOptions> = {}) {
  const store = createOpenStore()
  const all = { ...options, store: { keyv: store.keyv, keys: [{ secret: storeKey }], ...changes } } as const
  const first = await createBench('2.0', all)
  const join = () => createBenchAt(first.endpoint, first.clock, '2.0', all)
  return { store, first, second: join(), join, endpoint: first.endpoint, clock: first.clock }
}

describe('a session in the shared store', () => {
  it('is resumed by another process, which continues with the newest refresh token', async () => {
    const { first, second, clock, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    clock.now += 3600
    const elsewhere = await second.client.resumeSession(session.key, owner)
    expect(textOf(await elsewhere.acquire())).toBe('access-2')
    clock.now += 3600
    expect(textOf(await session.acquire())).toBe('access-3')
    expect(endpoint.requests.map(({ form }) => form.refresh_token)).toEqual([
      undefined,
      'refresh-1',
      'refresh-2',
    ])
  })

  it('shares its tokens as well', async () => {
    const { first, second, endpoint, store } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    await expect.poll(() => store.contents.size).toBe(2)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    expect(await elsewhere.acquire()).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('leaves neither its key, its owner nor its refresh token readable in the store', async () => {
    const { first, store } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    await expect.poll(() => store.contents.size).toBe(2)
    await session.end()
    await first.client.startSession(userToken(), target)
    const all = inspect([...store.contents], { maxStringLength: Infinity })
    const raw = [...all.matchAll(/[\w-]{20,}/g)].map(([text]) =>
      Buffer.from(text, 'base64url').toString('latin1'),
    )
    for (const secret of [session.key, 'refresh-', 'access-', tenantId, objectId, nativeAppId]) {
      expect(`${all} ${raw.join(' ')}`).not.toContain(secret)
    }
  })

  it('is not found for another owner or by another key, and the errors are the same', async () => {
    const { first, second } = await createFleet()
    const { key } = await first.client.startSession(userToken(), target)
    const refusals = await Promise.all(
      [
        second.client.resumeSession(key, { ...owner, tenantId: otherTenantId }),
        second.client.resumeSession(key, { ...owner, objectId: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' }),
        second.client.resumeSession(key, { ...owner, clientId: otherTenantId }),
        second.client.resumeSession(`${key.slice(0, -1)}_`, owner),
      ].map(refusalOf),
    )
    expect(new Set(refusals.map((error) => inspect(Object.entries(error)) + error.message)).size).toBe(1)
    expect(refusals[0]).toMatchObject({ code: 'session_unknown' })
  })

  it('that has ended is ended in every process, also for the tokens in their memory', async () => {
    const { first, second, store, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    await elsewhere.acquire()
    await session.end()
    for (const call of [
      session.acquire(),
      elsewhere.acquire(),
      elsewhere.renew(userToken()),
      second.client.resumeSession(session.key, owner),
    ]) {
      expect(await refusalOf(call)).toMatchObject({ code: 'session_unknown' })
    }
    expect(endpoint.requests.length).toBeLessThanOrEqual(2)
    expect(store.operations).toContain('delete')
  })

  it('stays ended when a renewal was under way in another process', async () => {
    const { first, second, join, clock, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    clock.now += 3600
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const underWay = elsewhere.acquire()
    await expect.poll(() => endpoint.requests.length).toBe(2)
    await session.end()
    release()
    expect(await refusalOf(underWay)).toMatchObject({ code: 'session_unknown' })
    expect(await refusalOf(join().client.resumeSession(session.key, owner))).toMatchObject({
      code: 'session_unknown',
    })
  })

  it('stays ended when its record is written after its end', async () => {
    const { first, second, store } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    const before = new Map(store.contents)
    await session.end()
    for (const [name, text] of before) store.contents.set(name, text)
    expect(await refusalOf(second.client.resumeSession(session.key, owner))).toMatchObject({
      code: 'session_unknown',
    })
  })

  it('ends in every process with forgetUser', async () => {
    const { first, second } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    await second.client.forgetUser(tenantId, objectId)
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
    const next = await first.client.startSession(userToken(), target)
    expect(await (await second.client.resumeSession(next.key, owner)).acquire()).toBeDefined()
  })

  it('that needs its user needs them in every process, and continues in every process after renew', async () => {
    const { first, second, clock, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    clock.now += 3600
    endpoint.answer = () => refusal('invalid_grant', 700082)
    for (const one of [session, elsewhere]) {
      expect(await refusalOf(one.acquire())).toMatchObject({ code: 'session_needs_user' })
    }
    expect(endpoint.requests).toHaveLength(2)
    endpoint.answer = (request) => endpoint.grant(request)
    await elsewhere.renew(userToken({ exp: clock.now + 3600 }))
    expect(await session.acquire()).toBeDefined()
  })

  it('ends after idleSeconds without a renewal', async () => {
    const { first, clock } = await createFleet({}, { sessions: { idleSeconds: 100 } })
    const session = await first.client.startSession(userToken(), target)
    clock.now += 99
    await session.acquire()
    clock.now += 1
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it('serves tokens in memory while the store is down, and otherwise throws store_unavailable', async () => {
    const { first, second, store, clock } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    store.state = 'down'
    expect(await session.acquire()).toMatchObject({ source: 'cache' })
    for (const call of [
      elsewhere.acquire(),
      second.client.resumeSession(session.key, owner),
      first.client.startSession(userToken(), target),
      session.end(),
    ]) {
      expect(await refusalOf(call)).toMatchObject({ code: 'store_unavailable', action: 'retry' })
    }
    store.state = 'up'
    clock.now += 3600
    expect(await elsewhere.acquire()).toMatchObject({ source: 'network' })
  })

  it('returns the renewed token even when the store fails in the meantime', async () => {
    const { first, store, clock, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    clock.now += 3600
    endpoint.answer = (request) => {
      store.state = 'down'
      return endpoint.grant(request)
    }
    expect(await session.acquire()).toMatchObject({ source: 'network' })
  })

  it('stays in this process with sessions.shared false', async () => {
    const { first, second, store } = await createFleet({}, { sessions: { shared: false } })
    const session = await first.client.startSession(userToken(), target)
    expect(await session.acquire()).toMatchObject({ source: 'cache' })
    expect(await refusalOf(second.client.resumeSession(session.key, owner))).toMatchObject({
      code: 'session_unknown',
    })
    expect(store.contents.size).toBe(0)
  })
})

describe('the lock', () => {
  it('lets one process at a time use a refresh token', async () => {
    const { lock, names } = createLock()
    const { first, second, clock, endpoint } = await createFleet({ lock })
    const session = await first.client.startSession(userToken(), target)
    const elsewhere = await second.client.resumeSession(session.key, owner)
    clock.now += 3600
    await Promise.all([session.acquire({ resource: 'api://a' }), elsewhere.acquire({ resource: 'api://b' })])
    // Each request used the refresh token of the previous answer: none was used twice.
    expect(endpoint.requests.map(({ form }) => form.refresh_token)).toEqual([
      undefined,
      'refresh-1',
      'refresh-2',
    ])
    expect(new Set(names).size).toBe(1)
    expect(names[0]).toMatch(/^countersign:[\w-]{43}$/)
    expect(names[0]).not.toContain(session.key)
  })

  it.each([
    ['fails', () => Promise.reject(new Error(theSecret))],
    [
      'throws',
      () => {
        throw new Error(theSecret)
      },
    ],
    ['never begins the work', () => Promise.resolve()],
  ] as [string, StoreLock][])(
    'that %s is reported as store_unavailable, and the session continues afterwards',
    async (_name, broken) => {
      let isBroken = false
      const { lock: good } = createLock()
      const lock: StoreLock = (name, work) => (isBroken ? broken(name, work) : good(name, work))
      const { first, clock, endpoint } = await createFleet({ lock })
      const session = await first.client.startSession(userToken(), target)
      clock.now += 3600
      isBroken = true
      const error = await refusalOf(session.acquire())
      expect(error).toMatchObject({ code: 'store_unavailable' })
      expect(inspect(error, { showHidden: true })).not.toContain(theSecret)
      expect(endpoint.requests).toHaveLength(1)
      isBroken = false
      expect(await session.acquire()).toMatchObject({ source: 'network' })
    },
  )

  it('that is granted too late starts no work', async () => {
    const late: (() => Promise<void>)[] = []
    const lock: StoreLock = async (_name, work) => {
      late.push(work)
      throw new Error('gave up')
    }
    const { first, clock, endpoint } = await createFleet({ lock })
    const session = await first.client.startSession(userToken(), target)
    clock.now += 3600
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'store_unavailable' })
    await Promise.all(late.map((work) => work()))
    expect(late).toHaveLength(1)
    expect(endpoint.requests).toHaveLength(1)
  })

  it('that fails after the work does not undo the work', async () => {
    const lock: StoreLock = async (_name, work) => {
      await work()
      throw new Error('the lease ran out')
    }
    const { first, clock } = await createFleet({ lock })
    const session = await first.client.startSession(userToken(), target)
    clock.now += 3600
    expect(await session.acquire()).toMatchObject({ source: 'network' })
  })

  it('is required by createTokenClient when the issuer detects reuse, unless sessions stay in the process', async () => {
    const { origin } = await startTokenEndpoint()
    const { keyv } = createOpenStore()
    const options = {
      authority: oauthAuthority({ issuer: origin }),
      clientId,
      credential: clientSecret(theSecret),
      store: { keyv, keys: [{ secret: storeKey }] as const },
    }
    expect(() => createTokenClient(options)).toThrow(/^createTokenClient: "store\.lock" must be a lock/)
    createTokenClient({ ...options, sessions: { shared: false } })
    createTokenClient({ ...options, store: { ...options.store, lock: createLock().lock } })
  })
})

describe('a session with a token in memory, while the store is down', () => {
  it.each(['down', 'slow'] as const)(
    'waits for a store that is %s once, at most timeoutSeconds, and then not at all',
    async (state) => {
      const timeoutSeconds = 0.05
      const { first, store, endpoint } = await createFleet({ timeoutSeconds })
      const session = await first.client.startSession(userToken(), target)
      store.state = state
      const secondsOf = async () => {
        const startedAt = performance.now()
        expect(await session.acquire()).toMatchObject({ source: 'cache' })
        return (performance.now() - startedAt) / 1000
      }
      expect(await secondsOf()).toBeLessThan(0.5)
      const { length } = store.operations
      for (let call = 0; call < 20; call++) expect(await secondsOf()).toBeLessThan(timeoutSeconds / 2)
      expect(store.operations).toHaveLength(length)
      expect(endpoint.requests).toHaveLength(1)
    },
  )

  it('asks the store again after a second, without a call that waits for it', async () => {
    const { first, store } = await createFleet({ timeoutSeconds: 0.3 })
    const session = await first.client.startSession(userToken(), target)
    store.state = 'slow'
    await session.acquire()
    const { length } = store.operations
    let longest = 0
    const call = async () => {
      const startedAt = performance.now()
      await session.acquire()
      longest = Math.max(longest, performance.now() - startedAt)
      return store.operations.length
    }
    await expect.poll(call, { timeout: 5000 }).toBeGreaterThan(length)
    expect(longest).toBeLessThan(150)
    store.state = 'up'
    await session.end()
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it('acquires for a target without a token in memory only when the store answers', async () => {
    const { first, store, endpoint } = await createFleet()
    const session = await first.client.startSession(userToken(), target)
    store.state = 'down'
    expect(await refusalOf(session.acquire({ resource: 'api://other' }))).toMatchObject({
      code: 'store_unavailable',
      action: 'retry',
    })
    store.state = 'up'
    expect(await session.acquire({ resource: 'api://other' })).toMatchObject({ source: 'network' })
    expect(endpoint.requests).toHaveLength(2)
  })
})
