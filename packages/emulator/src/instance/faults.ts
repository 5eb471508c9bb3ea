import { aadsts, type AadstsCode } from '../base/errors.js'
import {
  checkNames,
  checkObject,
  checkOneOf,
  checkSeconds,
  checkWholeNumber,
  wrongValue,
} from '../base/options.js'

/** An endpoint, as faults and the request log name it. */
export type EmulatorEndpoint =
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

export const endpoints: readonly EmulatorEndpoint[] = [
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

/** What happens to a request that meets a fault. */
export type FaultEffect =
  /** The answer comes `seconds` later (0 to 600), on the machine's clock, not the emulator's. */
  | {
      /** The kind of the effect. */
      readonly kind: 'latency'
      /** How much later the answer comes. */
      readonly seconds: number
    }
  /**
   * Another status (400 to 599) with an error that has no AADSTS code, with or without Retry-After (0 to 86400
   * seconds).
   */
  | {
      readonly kind: 'status'
      /** The HTTP status. */
      readonly status: number
      /** The value of Retry-After. Default: no such header. */
      readonly retryAfterSeconds?: number | undefined
    }
  /** A refusal by its AADSTS code, such as 50196: one of `aadsts`. */
  | {
      readonly kind: 'refusal'
      /** The AADSTS code. */
      readonly code: number
    }
  /** The right status and type, and a body that is not JSON. */
  | { readonly kind: 'malformedJson' }
  /** The right body, as `text/html`. */
  | { readonly kind: 'wrongContentType' }
  /** Half of the body, then the connection ends. */
  | { readonly kind: 'truncatedBody' }
  /** No answer, until the client gives up. */
  | { readonly kind: 'hang' }
  /** The connection is reset. */
  | { readonly kind: 'reset' }
  /** The key set as it was when the fault was added. Endpoint `keys` alone. */
  | { readonly kind: 'stale' }
  /** A key set with `keys` more keys (1 to 20000). Endpoint `keys` alone. */
  | {
      readonly kind: 'hugeKeySet'
      /** How many keys are added. */
      readonly keys: number
    }

/** A fault: which requests meet it, and what happens to them. */
export interface FaultOptions {
  /** Requests to this endpoint. */
  readonly endpoint: EmulatorEndpoint
  /** What happens to them. */
  readonly effect: FaultEffect
  /** Requests of one client only, by its appId. Default: of all clients. */
  readonly clientId?: string | undefined
  /** How many requests meet it, from 1 to 1000000. Default: all, until it is cleared. */
  readonly times?: number | undefined
}

/** A fault that was added and is not over. */
export interface ActiveFault extends FaultOptions {
  /** Counts up from 1. */
  readonly id: number
  /** How many requests have met it. */
  readonly met: number
}

/** Makes requests fail on purpose. A request meets the oldest fault that fits. */
export interface EmulatorFaults {
  /** Adds a fault; returns a function that clears it. Throws a TypeError for a wrong or unknown member. */
  add(fault: FaultOptions): () => void
  /** Clears all faults. */
  clear(): void
  /** The active faults, oldest first. */
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
  meet(endpoint: EmulatorEndpoint, clientId: string | undefined): MetFault | undefined
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

/** The members of each effect, beside its kind. */
const effectMembers: Readonly<Record<FaultEffect['kind'], readonly string[]>> = {
  latency: ['seconds'],
  status: ['status', 'retryAfterSeconds'],
  refusal: ['code'],
  malformedJson: [],
  wrongContentType: [],
  truncatedBody: [],
  hang: [],
  reset: [],
  stale: [],
  hugeKeySet: ['keys'],
}

const optionNames = [
  'endpoint',
  'effect',
  'clientId',
  'times',
] as const satisfies readonly (keyof FaultOptions)[]

const what = 'faults.add'

function checkFault(options: FaultOptions): void {
  checkObject(what, options)
  checkNames(what, options, optionNames)
  const { endpoint, effect, times } = options
  checkOneOf(what, 'endpoint', endpoint, endpoints)
  checkOneOf(what, 'effect.kind', effect?.kind, Object.keys(effectMembers))
  checkNames(what, effect, ['kind', ...effectMembers[effect.kind]])
  if (times !== undefined) checkWholeNumber(what, 'times', times, 1, 1_000_000)
  checkEffect(effect)
  if ((effect.kind === 'stale' || effect.kind === 'hugeKeySet') && endpoint !== 'keys') {
    throw wrongValue(what, 'endpoint', `keys for the effect ${effect.kind}`)
  }
}

function checkEffect(effect: FaultEffect): void {
  if (effect.kind === 'latency') checkSeconds(what, 'effect.seconds', effect.seconds, 0, 600)
  if (effect.kind === 'hugeKeySet') checkWholeNumber(what, 'effect.keys', effect.keys, 1, 20_000)
  if (effect.kind === 'refusal' && !isKnownCode(effect.code)) {
    throw wrongValue(what, 'effect.code', 'an AADSTS code that the emulator knows')
  }
  if (effect.kind !== 'status') return
  const { status, retryAfterSeconds } = effect
  checkWholeNumber(what, 'effect.status', status, 400, 599)
  if (retryAfterSeconds === undefined) return
  checkWholeNumber(what, 'effect.retryAfterSeconds', retryAfterSeconds, 0, 86_400)
}

export function isKnownCode(code: number): code is AadstsCode {
  return Object.hasOwn(aadsts, code)
}
