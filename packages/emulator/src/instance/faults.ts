import { aadsts, type AadstsCode } from '../base/errors.js'

/** The endpoints, as faults and the request log name them. */
export type Endpoint =
  | 'adminConsent'
  | 'authorize'
  | 'deviceCode'
  | 'deviceLogin'
  | 'discovery'
  | 'graph'
  | 'instanceDiscovery'
  | 'keys'
  | 'logout'
  | 'managedIdentity'
  | 'token'
  | 'userInfo'
  | 'userRealm'

export const endpoints: readonly Endpoint[] = [
  'adminConsent',
  'authorize',
  'deviceCode',
  'deviceLogin',
  'discovery',
  'graph',
  'instanceDiscovery',
  'keys',
  'logout',
  'managedIdentity',
  'token',
  'userInfo',
  'userRealm',
]

/** What goes wrong. */
export type FaultEffect =
  /** The answer comes later; on the machine's clock, not the emulator's. */
  | { readonly kind: 'latency'; readonly seconds: number }
  /** Another status, with an error of no AADSTS code: 429 and 5xx, with or without Retry-After. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** A refusal of the table, such as 50196. */
  | { readonly kind: 'refusal'; readonly code: number }
  /** The right status and type, and a body that is not JSON. */
  | { readonly kind: 'malformedJson' }
  /** The right body, as `text/html`. */
  | { readonly kind: 'wrongContentType' }
  /** Half of the body, then the connection ends. */
  | { readonly kind: 'truncatedBody' }
  /** No answer at all, until the client gives up. */
  | { readonly kind: 'hang' }
  /** The connection is reset. */
  | { readonly kind: 'reset' }
  /** The key set as it was when the fault was added. Endpoint `keys` alone. */
  | { readonly kind: 'stale' }
  /** A key set with so many keys more. Endpoint `keys` alone. */
  | { readonly kind: 'hugeKeySet'; readonly keys: number }

export interface FaultOptions {
  readonly endpoint: Endpoint
  readonly effect: FaultEffect
  /** Requests of one client only, by its appId. */
  readonly clientId?: string
  /** How many requests it meets. Default: all, until it is cleared. */
  readonly times?: number
}

export interface ActiveFault extends FaultOptions {
  readonly id: number
  /** How many requests it has met. */
  readonly met: number
}

/** Things that go wrong on purpose. */
export interface EmulatorFaults {
  /** Adds a fault; answers a function that clears it. Throws a TypeError for what cannot be done. */
  add(fault: FaultOptions): () => void
  /** Clears all of them. */
  clear(): void
  list(): readonly ActiveFault[]
}

/** A fault that a request has met. */
export interface MetFault {
  readonly effect: FaultEffect
  /** How many changes the keys had when the fault was added. */
  readonly keyChanges: number
}

export interface Faults extends EmulatorFaults {
  /** The first fault for a request; it counts as met. */
  meet(endpoint: Endpoint, clientId: string | undefined): MetFault | undefined
  clearOne(id: number): void
}

export function createFaults(keyChanges: () => number): Faults {
  let nextId = 1
  let active: (ActiveFault & { met: number; readonly keyChanges: number })[] = []
  const clearOne = (id: number): void => {
    active = active.filter((fault) => fault.id !== id)
  }
  return {
    add(options) {
      checkFault(options)
      const id = nextId
      nextId += 1
      active.push({ ...options, id, met: 0, keyChanges: keyChanges() })
      return () => clearOne(id)
    },
    clear() {
      active = []
    },
    clearOne,
    list: () =>
      active.map(({ id, met, endpoint, effect, clientId, times }) => ({
        id,
        met,
        endpoint,
        effect,
        ...(clientId === undefined ? {} : { clientId }),
        ...(times === undefined ? {} : { times }),
      })),
    meet(endpoint, clientId) {
      const fault = active.find(
        (candidate) =>
          candidate.endpoint === endpoint &&
          (candidate.clientId === undefined || candidate.clientId.toLowerCase() === clientId?.toLowerCase()),
      )
      if (fault === undefined) return undefined
      fault.met += 1
      if (fault.met >= (fault.times ?? Infinity)) clearOne(fault.id)
      return fault
    },
  }
}

const kinds: ReadonlySet<string> = new Set([
  'latency',
  'status',
  'refusal',
  'malformedJson',
  'wrongContentType',
  'truncatedBody',
  'hang',
  'reset',
  'stale',
  'hugeKeySet',
] satisfies FaultEffect['kind'][])

function checkFault({ endpoint, effect, times }: FaultOptions): void {
  if (!endpoints.includes(endpoint)) throw new TypeError(`endpoint: expected one of ${endpoints.join(', ')}`)
  if (!kinds.has(effect?.kind)) throw new TypeError(`effect.kind: expected one of ${[...kinds].join(', ')}`)
  if (times !== undefined && !isWhole(times, 1, 1_000_000))
    throw new TypeError('times: expected a whole number from 1')
  if (effect.kind === 'latency' && !(effect.seconds >= 0 && effect.seconds <= 600)) {
    throw new TypeError('effect.seconds: expected a number of seconds from 0 to 600')
  }
  if (effect.kind === 'status' && !isWhole(effect.status, 400, 599)) {
    throw new TypeError('effect.status: expected an HTTP status from 400 to 599')
  }
  if (
    effect.kind === 'status' &&
    effect.retryAfterSeconds !== undefined &&
    !isWhole(effect.retryAfterSeconds, 0, 86_400)
  ) {
    throw new TypeError('effect.retryAfterSeconds: expected a whole number of seconds')
  }
  if (effect.kind === 'refusal' && !isKnownCode(effect.code)) {
    throw new TypeError('effect.code: expected an AADSTS code that the emulator knows')
  }
  if (effect.kind === 'hugeKeySet' && !isWhole(effect.keys, 1, 20_000)) {
    throw new TypeError('effect.keys: expected a whole number from 1 to 20000')
  }
  if ((effect.kind === 'stale' || effect.kind === 'hugeKeySet') && endpoint !== 'keys') {
    throw new TypeError(`effect.kind: ${effect.kind} is for the endpoint keys`)
  }
}

export function isKnownCode(code: number): code is AadstsCode {
  return Object.hasOwn(aadsts, code)
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
