import { describe, expect, it } from 'vitest'
import { type Bench, createBench, createBenchAt, refusalOf, target, textOf, userToken } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'
import { refusal } from './token-endpoint.js'

type Acquire = (bench: Bench, refresh?: boolean) => Promise<{ readonly accessToken: string }>

const acquisitions: readonly [string, () => Acquire][] = [
  [
    'for the application',
    () =>
      ({ client }, refresh) =>
        client.acquireForApp({ ...target, refresh }),
  ],
  [
    'on behalf of a user',
    () =>
      ({ client }, refresh) =>
        client.acquireOnBehalfOf(userToken(), { ...target, refresh }),
  ],
  [
    'of a session',
    () => {
      let session: Promise<Awaited<ReturnType<Bench['client']['startSession']>>> | undefined
      return async ({ client }, refresh) => {
        session ??= client.startSession(userToken(), target)
        return (await session).acquire({ refresh })
      }
    },
  ],
]

describe.each(acquisitions)('refresh, for a token %s', (_name, create) => {
  it('acquires a new one, which replaces the cached one', async () => {
    const acquire = create()
    const bench = await createBench()
    await acquire(bench)
    expect(await acquire(bench, true)).toMatchObject({ accessToken: 'access-2', source: 'network' })
    expect(await acquire(bench)).toMatchObject({ accessToken: 'access-2', source: 'cache' })
    expect(await acquire(bench, false)).toMatchObject({ source: 'cache' })
    expect(bench.endpoint.requests).toHaveLength(2)
  })

  it('sends one request for all that ask at the same time, while others get the cached token', async () => {
    const acquire = create()
    const bench = await createBench()
    await acquire(bench)
    const tokens = await Promise.all([acquire(bench, true), acquire(bench), acquire(bench, true)])
    expect(tokens.map(({ accessToken }) => accessToken)).toEqual(['access-2', 'access-1', 'access-2'])
    expect(bench.endpoint.requests).toHaveLength(2)
  })

  it('fails when the service is down, and the cached token stays', async () => {
    const acquire = create()
    const bench = await createBench()
    await acquire(bench)
    bench.endpoint.answer = () => ({ status: 503, headers: { 'retry-after': '5' }, body: {} })
    expect(await refusalOf(acquire(bench, true))).toMatchObject({ code: 'service_unavailable' })
    expect(await acquire(bench)).toMatchObject({ accessToken: 'access-1' })
  })
})

describe('refresh', () => {
  it('that the service refuses for the user ends the cached token', async () => {
    const { client, endpoint } = await createBench()
    await client.acquireOnBehalfOf(userToken(), target)
    endpoint.answer = () => refusal('invalid_grant', 50173)
    const call = client.acquireOnBehalfOf(userToken(), { ...target, refresh: true })
    expect(await refusalOf(call)).toMatchObject({ code: 'user_token_refused' })
    expect(await refusalOf(client.acquireOnBehalfOf(userToken(), target))).toMatchObject({
      code: 'user_token_refused',
    })
  })

  it('replaces the token of the shared store', async () => {
    const { keyv } = createOpenStore()
    const options = { store: { keyv, keys: [{ secret: storeKey }] } } as const
    const first = await createBench('2.0', options)
    await first.client.acquireForApp(target)
    await first.client.acquireForApp({ ...target, refresh: true })
    await first.client.close()
    const second = createBenchAt(first.endpoint, first.clock, '2.0', options)
    expect(textOf(await second.client.acquireForApp(target))).toBe('access-2')
  })

  it('must be a boolean', async () => {
    const { client } = await createBench()
    const refresh = 'yes' as unknown as boolean
    await expect(client.acquireForApp({ ...target, refresh })).rejects.toThrow(
      /^target: "refresh" must be a boolean$/,
    )
  })
})
