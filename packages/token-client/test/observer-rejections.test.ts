import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createBench, refusalOf, target, userToken } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'
import { refusal } from './token-endpoint.js'

// A rejected promise that nobody handles ends a Node process.
let unhandled: unknown[]
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', note)
})

afterEach(() => {
  process.off('unhandledRejection', note)
})

/** Node reports a rejection once the microtasks of this turn are done. */
async function nextTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

// A promise of another realm is not an instance of this Promise.
const foreignRejection = () => runInNewContext('Promise.reject(new Error("the log is full"))') as unknown

it.each<[string, () => unknown]>([
  ['an async function that rejects', async () => Promise.reject(new Error('the log is full'))],
  ['a function that returns a rejected promise of another realm', foreignRejection],
])('an observer that is %s changes nothing, for all six observers', async (_name, fail) => {
  const called = new Set<string>()
  const observer = (name: string) => () => {
    called.add(name)
    return fail() as unknown as void
  }
  const store = createOpenStore()
  const { client, endpoint, clock } = await createBench('2.0', {
    store: { keyv: store.keyv, keys: [{ secret: storeKey }] },
    onRequest: observer('onRequest'),
    onHit: observer('onHit'),
    onMiss: observer('onMiss'),
    onRefresh: observer('onRefresh'),
    onFailure: observer('onFailure'),
    onStoreFault: observer('onStoreFault'),
  })
  expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
  clock.now += 3400
  expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
  await expect.poll(() => called.has('onRefresh')).toBe(true)
  endpoint.answer = () => refusal('invalid_grant', 65001)
  const refused = await refusalOf(client.acquireOnBehalfOf(userToken(), target))
  expect(refused.code).toBe('consent_required')
  store.state = 'down'
  endpoint.answer = () => refusal('invalid_client', 7000215)
  await refusalOf(client.acquireForApp({ resource: 'api://other' }))
  await nextTurns()
  expect(called).toEqual(new Set(['onRequest', 'onHit', 'onMiss', 'onRefresh', 'onFailure', 'onStoreFault']))
  expect(unhandled).toEqual([])
})
