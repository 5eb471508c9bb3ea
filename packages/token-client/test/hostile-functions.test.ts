import { inspect } from 'node:util'
import {
  agentIdentity,
  clientAssertion,
  clientCertificate,
  type ClientCredential,
  clientSecret,
  type KeyvLike,
  managedIdentity,
  type StoreLock,
  type TokenClientOptions,
} from '@countersign/token-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { observerNames } from '../src/observers/observers.js'
import { makeCertificate } from './certificates.js'
import { createBench, otherTenantId, target, userToken } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'

/*
 * Every function that an application passes in may do anything. Whatever it does, the call ends in time with a result or
 * with an error of this package, nothing is left unhandled, and nothing of what it threw is in the error. The deadlines are
 * waited for: that is why it takes some seconds.
 */

const secret = 'hunter2'
const timeoutSeconds = 0.03
const { certificate } = await makeCertificate()
/** Long enough for a busy machine; short where a function of the row decides it. */
const serviceSeconds = 5
const shortSeconds = 0.25
const lateMilliseconds = 80

interface Behaviour {
  readonly call: () => unknown
  /** When the function has done its worst. */
  readonly done: Promise<unknown>
}

const settled = Promise.resolve()
const hostileObject = () =>
  new Proxy({}, { get: () => fail(), has: () => fail(), getPrototypeOf: () => fail() })

function fail(): never {
  throw Object.assign(new Error(secret), { code: secret, name: secret })
}

const behaviours: readonly [string, () => Behaviour][] = [
  ['never settles', () => ({ call: () => new Promise(() => {}), done: settled })],
  [
    'rejects after everybody has left',
    () => ({
      call: () =>
        new Promise((_resolve, reject) => {
          setTimeout(() => reject(new Error(secret)), lateMilliseconds)
        }),
      done: new Promise((resolve) => setTimeout(resolve, lateMilliseconds * 2)),
    }),
  ],
  ['throws', () => ({ call: fail, done: settled })],
  [
    'throws undefined',
    () => ({
      call: () => {
        throw undefined
      },
      done: settled,
    }),
  ],
  ['rejects with undefined', () => ({ call: () => Promise.reject(undefined), done: settled })],
  [
    'throws an object that cannot be read',
    () => ({
      call: () => {
        throw hostileObject()
      },
      done: settled,
    }),
  ],
  ['rejects at once', () => ({ call: () => Promise.reject(new Error(secret)), done: settled })],
  ['returns nothing', () => ({ call: () => undefined, done: settled })],
  ['returns a promise of nothing', () => ({ call: async () => undefined, done: settled })],
  ['returns a number', () => ({ call: () => Number.NaN, done: settled })],
  ['returns an object that cannot be read', () => ({ call: hostileObject, done: settled })],
  // oxlint-disable-next-line unicorn/no-thenable
  ['returns a thenable that throws', () => ({ call: () => ({ then: fail }), done: settled })],
]

/** A function of an application, where it is passed, and which codes a call may end with. `token`: it succeeds. */
interface Row {
  readonly options: (call: () => unknown) => Partial<TokenClientOptions>
  readonly outcomes: readonly string[]
}

function store(changes: Partial<Record<keyof KeyvLike, unknown>>): Partial<TokenClientOptions> {
  const { keyv } = createOpenStore()
  return {
    store: {
      keyv: { ...keyv, ...changes } as KeyvLike,
      keys: [{ secret: storeKey }],
      timeoutSeconds,
    },
    sessions: { shared: false },
  }
}

const noCredential = ['client_credential_unavailable', 'client_credential_unusable']

const rows: Readonly<Record<string, Row>> = {
  'store.keyv.get': { options: (get) => store({ get }), outcomes: ['token'] },
  'store.keyv.set': { options: (set) => store({ set }), outcomes: ['token'] },
  'store.keyv.delete': { options: (remove) => store({ delete: remove }), outcomes: ['token'] },
  clientSecret: {
    options: (call) => ({ timeoutSeconds: shortSeconds, credential: clientSecret(call as () => string) }),
    outcomes: noCredential,
  },
  clientCertificate: {
    options: (call) => ({ timeoutSeconds: shortSeconds, credential: clientCertificate(call as () => never) }),
    outcomes: noCredential,
  },
  clientAssertion: {
    options: (call) => ({ timeoutSeconds: shortSeconds, credential: clientAssertion(call as () => string) }),
    outcomes: noCredential,
  },
  'clientCertificate.sign': {
    options: (call) => ({
      timeoutSeconds: shortSeconds,
      credential: clientCertificate({ certificate, sign: call as () => Uint8Array }),
    }),
    outcomes: noCredential,
  },
  'managedIdentity.fetch': {
    options: (call) => ({
      timeoutSeconds: shortSeconds,
      credential: managedIdentity({
        environment: {},
        timeoutSeconds: 0.1,
        fetch: call as () => Promise<Response>,
      }).credential,
    }),
    outcomes: noCredential,
  },
  'managedIdentity.clock': {
    options: (call) => ({
      timeoutSeconds: shortSeconds,
      credential: managedIdentity({ environment: {}, clock: call as () => number }).credential,
    }),
    outcomes: noCredential,
  },
  'agentIdentity.credential': {
    options: (call) => ({
      timeoutSeconds: shortSeconds,
      credential: agentIdentity({ blueprintId: otherTenantId, credential: call as ClientCredential }),
    }),
    outcomes: [...noCredential, 'token'],
  },
  // One that returns adds nothing to the request: the service refuses such a request, and ours here grants all.
  credential: {
    options: (call) => ({ timeoutSeconds: shortSeconds, credential: call as ClientCredential }),
    outcomes: [...noCredential, 'token'],
  },
  fetch: {
    options: (call) => ({ timeoutSeconds: shortSeconds, fetch: call as () => Promise<Response> }),
    outcomes: ['service_timeout', 'service_unreachable'],
  },
  clock: { options: (call) => ({ clock: call as () => number }), outcomes: ['TypeError'] },
  ...Object.fromEntries(
    observerNames.map((name) => [
      name,
      { options: (call: () => unknown) => ({ [name]: call }), outcomes: ['token'] },
    ]),
  ),
}

const unhandled: unknown[] = []
const note = (reason: unknown) => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))
beforeEach(() => void unhandled.splice(0))

it.each(Object.entries(rows))(
  '%s: whatever it does, a call ends in time, with a token or an own error',
  async (name, { options, outcomes }) => {
    await Promise.all(
      behaviours.map(async ([what, create]) => {
        const { call, done } = create()
        const { client, endpoint } = await createBench('2.0', {
          timeoutSeconds: serviceSeconds,
          ...options(call),
        })
        // The second asks for a new token, so that it also deletes from the store.
        for (const asked of [target, { ...target, claims: '{}' }]) {
          const outcome = await client.acquireForApp(asked).then(
            () => 'token',
            (error: unknown) => error,
          )
          expect(outcomes, `${name} that ${what}`).toContain(codeOf(outcome))
          expect(inspect(outcome, { showHidden: true, depth: 9 }), what).not.toContain(secret)
        }
        // For the observers of what fails.
        if (name.startsWith('on')) {
          endpoint.answer = () => ({ status: 400, body: {} })
          await expect(client.acquireForApp({ resource: 'api://refused' }), what).rejects.toThrow('refused')
        }
        await client.close()
        await done
      }),
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  },
)

function codeOf(outcome: unknown): unknown {
  if (outcome === 'token') return outcome
  return outcome instanceof TypeError ? 'TypeError' : (outcome as { code?: unknown } | undefined)?.code
}

describe('store.lock', () => {
  const locks: readonly [string, StoreLock, readonly string[]][] = [
    ...behaviours.map(([what, create]): [string, StoreLock, readonly string[]] => [
      `that ${what} without its work`,
      () => create().call() as Promise<void>,
      ['store_unavailable'],
    ]),
    ...behaviours.map(([what, create]): [string, StoreLock, readonly string[]] => [
      `that ${what} after its work`,
      async (_name, work) => {
        await work()
        await create().call()
      },
      ['token'],
    ]),
    [
      'that does its work twice',
      async (_name, work) => {
        await work()
        await work()
      },
      ['token'],
    ],
    ['that does not wait for its work', async (_name, work) => void work(), ['token']],
    [
      'that does its work too late',
      async (_name, work) => {
        await new Promise((resolve) => setTimeout(resolve, 900))
        await work()
      },
      ['store_unavailable'],
    ],
  ]

  it('whatever it does, a renewal of a session ends in time, once', async () => {
    await Promise.all(
      locks.map(async ([what, lock, outcomes]) => {
        const { keyv } = createOpenStore()
        const { client, endpoint } = await createBench('2.0', {
          store: { keyv, keys: [{ secret: storeKey }], timeoutSeconds: 0.01, lock },
        })
        const session = await client.startSession(userToken(), target)
        const outcome = await session.acquire({ resource: 'api://other' }).then(
          () => 'token',
          (error: unknown) => error,
        )
        expect(outcomes, what).toContain(codeOf(outcome))
        expect(inspect(outcome, { showHidden: true, depth: 9 }), what).not.toContain(secret)
        await client.close()
        await new Promise((resolve) => setTimeout(resolve, 400))
        expect(endpoint.requests, what).toHaveLength(outcomes[0] === 'token' ? 2 : 1)
      }),
    )
    expect(unhandled).toEqual([])
  })
})

describe('the fetch of createFetch', () => {
  it.each(behaviours.filter(([what]) => /throws|rejects at once|rejects with/.test(what)))(
    'that %s: the caller gets that failure, as from that fetch itself',
    async (_what, create) => {
      const { client } = await createBench()
      const { call } = create()
      const wrapped = client.createFetch({
        target,
        origin: 'http://localhost',
        fetch: call as typeof fetch,
      })
      const [ours, theirs] = await Promise.all([kindOf(() => wrapped('http://localhost/')), kindOf(call)])
      expect(ours).toBe(theirs)
      expect(unhandled).toEqual([])
    },
  )
})

async function kindOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'returns'
  } catch {
    return 'throws'
  }
}
