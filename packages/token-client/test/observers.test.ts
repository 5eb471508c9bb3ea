import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { TokenClientObservers } from '@countersign/token-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createBench,
  nativeAppId,
  objectId,
  refusalOf,
  target,
  tenantId,
  theSecret,
  userToken,
} from './setup.js'
import { createOpenStore, storeKey } from './stores.js'
import { refusal } from './token-endpoint.js'

const kinds = ['request', 'hit', 'miss', 'refresh', 'failure', 'store-fault'] as const

type Observed = [kind: string, event: Readonly<Record<string, unknown>>]

/** All events of the observers and of the channels, each in a list of its own. */
function watch(): { observers: TokenClientObservers; observed: Observed[]; published: Observed[] } {
  const [observed, published]: [Observed[], Observed[]] = [[], []]
  for (const kind of kinds) {
    const listener = (event: unknown) => void published.push([kind, event as Observed[1]])
    subscribe(`countersign:token-${kind}`, listener)
    onTestFinished(() => void unsubscribe(`countersign:token-${kind}`, listener))
  }
  const note = (kind: string) => (event: object) => void observed.push([kind, { ...event }])
  return {
    observed,
    published,
    observers: {
      onRequest: note('request'),
      onHit: note('hit'),
      onMiss: note('miss'),
      onRefresh: note('refresh'),
      onFailure: note('failure'),
      onStoreFault: note('store-fault'),
    },
  }
}

const duration = expect.any(Number) as number

describe('an observer', () => {
  it('is notified of a miss, its request, and the hit that follows', async () => {
    const { observers, observed } = watch()
    const { client } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    await client.acquireForApp(target)
    expect(observed).toEqual([
      ['miss', { grant: 'app', resource: target.resource }],
      ['request', { grantType: 'client_credentials', durationSeconds: duration }],
      ['hit', { grant: 'app', resource: target.resource, tier: 'memory' }],
    ])
  })

  it('is notified of a failure, with what helps to find its cause', async () => {
    const { observers, observed } = watch()
    const { client, endpoint } = await createBench('2.0', observers)
    endpoint.answer = () => refusal('invalid_client', 7000215)
    await refusalOf(client.acquireOnBehalfOf(userToken(), { scopes: ['api://a/b'] }))
    const code = 'client_credential_refused'
    expect(observed.slice(1)).toEqual([
      [
        'request',
        {
          grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          code,
          status: 401,
          durationSeconds: duration,
        },
      ],
      [
        'failure',
        {
          grant: 'obo',
          scopes: ['api://a/b'],
          code,
          action: 'fix-configuration',
          codes: [7000215],
          durationSeconds: duration,
        },
      ],
    ])
  })

  it.each([
    ['that succeeds', undefined],
    ['that fails', 'service_unavailable'],
  ])('is notified of a renewal in the background %s', async (_name, code) => {
    const { observers, observed } = watch()
    const { client, endpoint, clock } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    clock.now += 3400
    if (code !== undefined) endpoint.answer = () => ({ status: 503, body: {} })
    await client.acquireForApp(target)
    await expect
      .poll(() => observed.filter(([kind]) => kind === 'refresh'))
      .toEqual([
        [
          'refresh',
          {
            grant: 'app',
            resource: target.resource,
            ...(code === undefined ? {} : { code }),
            durationSeconds: duration,
          },
        ],
      ])
    expect(observed.filter(([kind]) => kind === 'failure')).toEqual([])
  })

  it('is notified of the tier in which a token was found', async () => {
    const { observers, observed } = watch()
    const store = { keyv: createOpenStore().keyv, keys: [{ secret: storeKey }] as const }
    const { client, endpoint } = await createBench('2.0', { ...observers, store, cache: { maxEntries: 0 } })
    // A call does not wait for its write to the store: the next call may find nothing there yet.
    await expect.poll(async () => (await client.acquireForApp(target)).source).toBe('cache')
    const requests = endpoint.requests.length
    expect(observed.at(-1)).toEqual(['hit', { grant: 'app', resource: target.resource, tier: 'store' }])
    expect((await client.acquireForApp(target)).source).toBe('cache')
    expect(endpoint.requests.length).toBe(requests)
  })

  it('that throws changes nothing', async () => {
    const fail = () => {
      throw new Error('mine')
    }
    const { client } = await createBench('2.0', { onMiss: fail, onRequest: fail, onHit: fail })
    await client.acquireForApp(target)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
  })

  it('gets the same events as the channels', async () => {
    const { observers, observed, published } = watch()
    const { client, endpoint } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    await client.acquireForApp(target)
    endpoint.answer = () => refusal('invalid_grant', 65001)
    await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(published).toEqual(observed)
  })

  it('gets no secret and no user in any event', async () => {
    const { observers, observed, published } = watch()
    const store = createOpenStore()
    const keys = [{ secret: storeKey }] as const
    const { client, endpoint, clock } = await createBench('1.0', {
      ...observers,
      store: { keyv: store.keyv, keys },
    })
    await client.acquireForApp(target)
    await client.acquireOnBehalfOf(userToken(), target)
    const session = await client.startSession(userToken(), target)
    clock.now += 3400
    await client.acquireForApp(target)
    clock.now += 300
    await session.acquire()
    // The service echoes everything it was sent.
    endpoint.answer = ({ form }) => {
      const all = Object.values(form).join(' ')
      return {
        status: 400,
        body: { error: all, error_description: all, suberror: all, claims: all, error_codes: [all] },
      }
    }
    await refusalOf(client.acquireOnBehalfOf(userToken({ exp: clock.now + 100 }), target))
    await refusalOf(client.acquireForApp({ resource: 'api://other' }))
    store.state = 'down'
    await refusalOf(client.forgetUser(tenantId, objectId))
    await refusalOf(session.end())
    expect(new Set(observed.map(([kind]) => kind))).toEqual(new Set(kinds))
    const printed = inspect([observed, published], { showHidden: true, depth: 9 })
    const parts = [userToken(), userToken({ exp: clock.now + 100 })].flatMap((token) => token.split('.'))
    const secrets = [
      theSecret,
      storeKey,
      session.key,
      objectId,
      nativeAppId,
      tenantId,
      'access-',
      'refresh-',
      ...parts,
    ]
    for (const secret of secrets) expect(printed).not.toContain(secret)
  })

  it('that is not a function is refused by createTokenClient', async () => {
    await expect(createBench('2.0', { onHit: 'log' as never })).rejects.toThrow(
      /^createTokenClient: "onHit" must be a function/,
    )
  })
})
