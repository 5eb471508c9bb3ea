import { channel } from 'node:diagnostics_channel'
import type { TokenClientAction, TokenClientErrorCode } from '../base/errors.js'
import type { Target } from '../base/target.js'

/** What a token was wanted for. No user, no token, no claims challenge is named. */
export interface Wish {
  readonly grant: 'app' | 'obo' | 'session'
  readonly resource?: string
  readonly scopes?: readonly string[]
}

/** A request went to the token endpoint, and this came of it. */
export interface TokenRequestEvent {
  /** The wire name: `client_credentials`, `refresh_token`, … */
  readonly grantType: string
  /** Absent when it was granted. */
  readonly code?: TokenClientErrorCode
  /** HTTP status of a refusal, when there was an answer. */
  readonly status?: number
  readonly durationSeconds: number
}

/** A call was answered from the cache: this process's memory, or the shared store. */
export interface TokenHitEvent extends Wish {
  readonly tier: 'memory' | 'store'
}

/** A call found nothing in the cache. */
export type TokenMissEvent = Wish

/** A token was renewed behind a hit, or could not be. */
export interface TokenRefreshEvent extends Wish {
  readonly code?: TokenClientErrorCode
  readonly durationSeconds: number
}

/** A token could not be acquired. */
export interface TokenFailureEvent extends Wish {
  readonly code: TokenClientErrorCode
  readonly action: TokenClientAction
  readonly reason?: string
  /** AADSTS numbers. */
  readonly codes?: readonly number[]
  readonly durationSeconds: number
}

/** The shared store failed, or holds something that cannot be used; the call went on without it. */
export interface TokenStoreFaultEvent {
  readonly operation: 'read' | 'write' | 'delete' | 'lock'
  /**
   * `timeout`; `error`: it threw or refused; `overloaded`: too many operations had not ended, and this one was not begun;
   * `entry`: corrupted, of another key, or moved from another place.
   */
  readonly fault: 'timeout' | 'error' | 'overloaded' | 'entry'
  /** The operating system's word, such as `ECONNREFUSED`. */
  readonly reason?: string
  readonly durationSeconds: number
}

/**
 * What an application may watch. Observers are told; they decide nothing, and one that throws changes nothing. The same
 * events go to `diagnostics_channel`, named `countersign:token-request`, `-hit`, `-miss`, `-refresh`, `-failure` and
 * `-store-fault`. Nothing secret is in them.
 */
export interface TokenClientObservers {
  readonly onRequest?: (event: TokenRequestEvent) => void
  readonly onHit?: (event: TokenHitEvent) => void
  readonly onMiss?: (event: TokenMissEvent) => void
  readonly onRefresh?: (event: TokenRefreshEvent) => void
  readonly onFailure?: (event: TokenFailureEvent) => void
  readonly onStoreFault?: (event: TokenStoreFaultEvent) => void
}

export const observerNames = [
  'onRequest',
  'onHit',
  'onMiss',
  'onRefresh',
  'onFailure',
  'onStoreFault',
] as const satisfies readonly (keyof TokenClientObservers)[]

export interface Announcer {
  request(event: TokenRequestEvent): void
  hit(grant: Wish['grant'], target: Target, tier: TokenHitEvent['tier']): void
  miss(event: TokenMissEvent): void
  refresh(event: TokenRefreshEvent): void
  failure(event: TokenFailureEvent): void
  storeFault(event: TokenStoreFaultEvent): void
}

const channels = {
  request: channel('countersign:token-request'),
  hit: channel('countersign:token-hit'),
  miss: channel('countersign:token-miss'),
  refresh: channel('countersign:token-refresh'),
  failure: channel('countersign:token-failure'),
  storeFault: channel('countersign:token-store-fault'),
}

export function createAnnouncer(observers: TokenClientObservers): Announcer {
  const { onRequest, onHit, onMiss, onRefresh, onFailure, onStoreFault } = observers
  return {
    request: (event) => tell(channels.request, onRequest, event),
    hit(grant, target, tier) {
      // Most calls end here: the event is made only for somebody.
      if (onHit !== undefined || channels.hit.hasSubscribers)
        tell(channels.hit, onHit, { ...wishOf(grant, target), tier })
    },
    miss: (event) => tell(channels.miss, onMiss, event),
    refresh: (event) => tell(channels.refresh, onRefresh, event),
    failure: (event) => tell(channels.failure, onFailure, event),
    storeFault: (event) => tell(channels.storeFault, onStoreFault, event),
  }
}

export function wishOf(grant: Wish['grant'], { resource, scopes }: Target): Wish {
  return {
    grant,
    ...(resource === undefined ? {} : { resource }),
    ...(scopes === undefined ? {} : { scopes: [...scopes] }),
  }
}

export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}

function tell<E extends object>(
  to: ReturnType<typeof channel>,
  observer: ((event: E) => void) | undefined,
  event: E,
): void {
  try {
    const result: unknown = observer?.(Object.freeze(event))
    // `Promise.resolve` also takes promises of other realms and libraries.
    if (typeof result === 'object' && result !== null) Promise.resolve(result).catch(() => {})
  } catch {
    // An observer's failure changes nothing, at once or later: an unhandled rejection would end the process.
  }
  to.publish(event)
}
