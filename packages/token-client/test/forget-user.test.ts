import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  type KeyvLike,
  type TokenClient,
  type TokenSession,
} from '@countersign/token-client'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { clientId, objectId, target, tenantId, theSecret, userToken } from './setup.js'
import { storeKey } from './stores.js'

/*
 * Random histories of two processes with one store, whose operations and token requests end in a random order. The oracle:
 * a call that begins after `forgetUser` has resolved gets no token that was requested before `forgetUser` was called; in
 * another process, no later than `recheckSeconds` after that.
 */

const recheckSeconds = 10
const user = userToken({ exp: 1_900_000_000 })

interface World {
  readonly clients: readonly TokenClient[]
  readonly clock: { now: number }
  /** How many tokens were requested. A token's text is the number of its request. */
  requests: number
}

function createWorld(wait: (label: string) => Promise<void>): World {
  const contents = new Map<string, string>()
  // Applied when it arrives, answered later, as a store on the network does; or applied late.
  const keyv: KeyvLike = {
    get: async (key) => {
      await wait('get')
      const value = contents.get(key)
      await wait('get')
      return value
    },
    set: async (key, value) => {
      await wait('set')
      contents.set(key, value)
      await wait('set')
      return true
    },
    delete: async (key) => {
      await wait('delete')
      contents.delete(key)
    },
  }
  const clock = { now: 1_800_000_000 }
  const world: World = {
    clock,
    requests: 0,
    clients: [0, 1].map(() =>
      createTokenClient({
        authority: entraAuthority({ tenantId, version: '2.0' }),
        clientId,
        credential: clientSecret(theSecret),
        clock: () => clock.now,
        // Longer than any history: a store that is slow for long is another test.
        store: { keyv, keys: [{ secret: storeKey }], recheckSeconds, timeoutSeconds: 10 },
        fetch: async () => {
          const number = ++world.requests
          await wait('token')
          return Response.json({
            token_type: 'Bearer',
            expires_in: 3599,
            access_token: `${number}`,
            refresh_token: `refresh-${number}`,
          })
        },
      }),
    ),
  }
  return world
}

type Step =
  | { readonly kind: 'acquire' | 'forget' | 'start' | 'resume'; readonly process: 0 | 1 }
  | { readonly kind: 'time'; readonly seconds: number }

const processes = fc.constantFrom(0 as const, 1 as const)
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('acquire' as const), process: processes }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), process: processes }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('start' as const), process: processes }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume' as const), process: processes }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('time' as const),
        seconds: fc.constantFrom(1, recheckSeconds),
      }),
    },
  ),
  { minLength: 2, maxLength: 12 },
)

it('forgetUser is never undone by what is under way in this process, nor in another after recheckSeconds', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.array(fc.nat(7), { minLength: 4, maxLength: 60 }), async (history, delays) => {
      let turn = 0
      // Turns of the event loop instead of time: the order is random, and the same for the same numbers.
      const wait = async () => {
        for (let left = delays[turn++ % delays.length]!; left > 0; left--) {
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const world = createWorld(wait)
      const calls: Promise<unknown>[] = []
      const sessions: { process: number; session: TokenSession }[] = []
      /** Resolved calls of `forgetUser`: where, when, and how many tokens had been requested when it was called. */
      const forgotten: { process: number; at: number; requests: number }[] = []

      const newestForgotten = (process: number) =>
        Math.max(
          0,
          ...forgotten
            .filter((one) => one.process === process || world.clock.now >= one.at + recheckSeconds)
            .map(({ requests }) => requests),
        )
      const check = async (process: number, call: () => Promise<{ accessToken: string }>) => {
        const oldest = newestForgotten(process)
        const number = await call().then(
          ({ accessToken }) => Number(accessToken),
          () => Infinity,
        )
        expect(number).toBeGreaterThan(oldest)
      }
      const act = async (step: Step) => {
        if (step.kind === 'time') return void (world.clock.now += step.seconds)
        const client = world.clients[step.process]!
        const { kind, process } = step
        if (kind === 'acquire') return check(process, () => client.acquireOnBehalfOf(user, target))
        if (kind === 'resume') {
          const open = sessions.findLast((one) => one.process === process)
          return open === undefined ? undefined : check(process, () => open.session.acquire())
        }
        if (kind === 'start') {
          return client.startSession(user, target).then(
            (session) => void sessions.push({ process, session }),
            () => {},
          )
        }
        const { requests } = world
        await client.forgetUser(tenantId, objectId)
        forgotten.push({ process, at: world.clock.now, requests })
      }
      for (const step of history) {
        calls.push(act(step))
        await wait()
      }
      await Promise.all(calls)
      // And at rest: nothing that ended late has brought an old token back.
      for (const process of [0, 1]) {
        await check(process, () => world.clients[process]!.acquireOnBehalfOf(user, target))
      }
    }),
    { numRuns: Number(process.env['COUNTERSIGN_RUNS'] ?? 300) },
  )
}, 600_000)
