import { type Channel, channel } from 'node:diagnostics_channel'
import { ignoreRejection } from '../base/ignore-rejection.js'
import type { Target } from '../base/target.js'
import type {
  RequestedToken,
  TokenClientObservers,
  TokenCredentialFaultEvent,
  TokenFailureEvent,
  TokenHitEvent,
  TokenMissEvent,
  TokenRefreshEvent,
  TokenRequestEvent,
  TokenStoreFaultEvent,
} from './observers.js'

/** Passes events to the observers and to the diagnostics channels. None of its methods throws. */
export interface Reporter {
  request(event: TokenRequestEvent): void
  hit(grant: RequestedToken['grant'], target: Target, tier: TokenHitEvent['tier']): void
  miss(event: TokenMissEvent): void
  refresh(event: TokenRefreshEvent): void
  failure(event: TokenFailureEvent): void
  /** `thrown` goes to the observer only. */
  credentialFault(event: TokenCredentialFaultEvent, thrown: { readonly thrown: unknown } | undefined): void
  storeFault(event: TokenStoreFaultEvent): void
}

const channels = {
  request: channel('countersign:token-request'),
  hit: channel('countersign:token-hit'),
  miss: channel('countersign:token-miss'),
  refresh: channel('countersign:token-refresh'),
  failure: channel('countersign:token-failure'),
  credentialFault: channel('countersign:token-credential-fault'),
  storeFault: channel('countersign:token-store-fault'),
}

export function createReporter(observers: TokenClientObservers): Reporter {
  const { onRequest, onHit, onMiss, onRefresh, onFailure, onCredentialFault, onStoreFault } = observers
  return {
    request: (event) => report(channels.request, onRequest, event),
    hit(grant, target, tier) {
      // Most calls end here: the event is created only when someone receives it.
      if (onHit !== undefined || channels.hit.hasSubscribers)
        report(channels.hit, onHit, { ...requestedToken(grant, target), tier })
    },
    miss: (event) => report(channels.miss, onMiss, event),
    refresh: (event) => report(channels.refresh, onRefresh, event),
    failure: (event) => report(channels.failure, onFailure, event),
    credentialFault(event, thrown) {
      notify(
        onCredentialFault,
        Object.freeze(thrown === undefined ? { ...event } : { ...event, error: thrown.thrown }),
      )
      report(channels.credentialFault, undefined, event)
    },
    storeFault: (event) => report(channels.storeFault, onStoreFault, event),
  }
}

export function requestedToken(grant: RequestedToken['grant'], { resource, scopes }: Target): RequestedToken {
  return {
    grant,
    ...(resource === undefined ? {} : { resource: typeof resource === 'string' ? resource : [...resource] }),
    ...(scopes === undefined ? {} : { scopes: [...scopes] }),
  }
}

export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}

function report<E extends object>(to: Channel, observer: ((event: E) => void) | undefined, event: E): void {
  Object.freeze(event)
  notify(observer, event)
  to.publish(event)
}

function notify<E>(observer: ((event: E) => void) | undefined, event: E): void {
  try {
    ignoreRejection(observer?.(event))
  } catch {
    // An observer's failure changes nothing.
  }
}
