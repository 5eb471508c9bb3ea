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

type Told = [kind: string, event: Readonly<Record<string, unknown>>]

/** All that observers and channels are told, each in a list of its own. */
function watch(): { observers: TokenClientObservers; told: Told[]; published: Told[] } {
  const [told, published]: [Told[], Told[]] = [[], []]
  for (const kind of kinds) {
    const listener = (event: unknown) => void published.push([kind, event as Told[1]])
    subscribe(`countersign:token-${kind}`, listener)
    onTestFinished(() => void unsubscribe(`countersign:token-${kind}`, listener))
  }
  const note = (kind: string) => (event: object) => void told.push([kind, { ...event }])
  return {
    told,
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
  it('is told of a miss, its request, and the hit that follows', async () => {
    const { observers, told } = watch()
    const { client } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    await client.acquireForApp(target)
    expect(told).toEqual([
      ['miss', { grant: 'app', resource: target.resource }],
      ['request', { grantType: 'client_credentials', durationSeconds: duration }],
      ['hit', { grant: 'app', resource: target.resource, tier: 'memory' }],
    ])
  })

  it('is told of a failure, with what helps to find its cause', async () => {
    const { observers, told } = watch()
    const { client, endpoint } = await createBench('2.0', observers)
    endpoint.answer = () => refusal('invalid_client', 7000215)
    await refusalOf(client.acquireOnBehalfOf(userToken(), { scopes: ['api://a/b'] }))
    const code = 'client_credential_refused'
    expect(told.slice(1)).toEqual([
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
    ['done', undefined],
    ['in vain', 'service_unavailable'],
  ])('is told of a renewal behind a hit, %s', async (_name, code) => {
    const { observers, told } = watch()
    const { client, endpoint, clock } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    clock.now += 3400
    if (code !== undefined) endpoint.answer = () => ({ status: 503, body: {} })
    await client.acquireForApp(target)
    await expect
      .poll(() => told.filter(([kind]) => kind === 'refresh'))
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
    expect(told.filter(([kind]) => kind === 'failure')).toEqual([])
  })

  it('is told in which tier a token was found', async () => {
    const { observers, told } = watch()
    const store = { keyv: createOpenStore().keyv, keys: [{ secret: storeKey }] as const }
    const { client, endpoint } = await createBench('2.0', { ...observers, store, cache: { maxEntries: 0 } })
    // The answer does not wait for the store: the first calls may find nothing there yet.
    await expect.poll(async () => (await client.acquireForApp(target)).source).toBe('cache')
    const requests = endpoint.requests.length
    expect(told.at(-1)).toEqual(['hit', { grant: 'app', resource: target.resource, tier: 'store' }])
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

  it('hears the same as the channels do', async () => {
    const { observers, told, published } = watch()
    const { client, endpoint } = await createBench('2.0', observers)
    await client.acquireForApp(target)
    await client.acquireForApp(target)
    endpoint.answer = () => refusal('invalid_grant', 65001)
    await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(published).toEqual(told)
  })

  it('hears no secret and no user, whatever happens', async () => {
    const { observers, told, published } = watch()
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
    // The service throws everything it was sent back at its client.
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
    expect(new Set(told.map(([kind]) => kind))).toEqual(new Set(kinds))
    const printed = inspect([told, published], { showHidden: true, depth: 9 })
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

  it('that is no function is refused at the start', async () => {
    await expect(createBench('2.0', { onHit: 'log' as never })).rejects.toThrow(
      /^createTokenClient: "onHit" must be a function/,
    )
  })
})
