import type { RefusalCode } from './errors.js'
import type { SkippedKeyReason } from './jwk.js'
import type { ValidatedToken } from './validated-token.js'
import { platform } from '#platform'

/** A token was accepted. */
export interface AcceptedEvent {
  readonly kind: 'delegated' | 'application'
  /** The issuer as configured. */
  readonly issuer: string
  /** Whether the signature had been verified before. */
  readonly fromCache: boolean
}

/** A request was refused. Nothing of the token is in it. */
export interface RefusedEvent {
  readonly code: RefusalCode
  readonly status: number
  readonly claim?: string
  readonly reason?: string
}

/** A key set was fetched. */
export interface KeysRefreshedEvent {
  /** The issuer as configured. */
  readonly issuer: string
  readonly keys: number
  readonly skipped: number
  readonly durationSeconds: number
}

/** A key set could not be fetched; known keys go on serving for their time. */
export interface KeysRefreshFailedEvent {
  readonly issuer: string
  /** `network`, `timeout`, `status`, `too_large`, `not_json`, `issuer`, `jwks_uri` or `internal`. */
  readonly fault: string
  readonly status?: number
  readonly retryInSeconds: number
}

/** A key of a fetched set was passed over. */
export interface KeySkippedEvent {
  readonly issuer: string
  readonly reason: SkippedKeyReason
}

/**
 * What an application may watch. Observers are told; they decide nothing, and one that throws changes nothing. On Node the
 * same events go to `diagnostics_channel`, named `countersign:accepted`, `countersign:refused`, `countersign:keysRefreshed`,
 * `countersign:keysRefreshFailed` and `countersign:keySkipped`.
 */
export interface Observers {
  readonly onAccepted?: (event: AcceptedEvent) => void
  readonly onRefused?: (event: RefusedEvent) => void
  readonly onKeysRefreshed?: (event: KeysRefreshedEvent) => void
  readonly onKeysRefreshFailed?: (event: KeysRefreshFailedEvent) => void
  readonly onKeySkipped?: (event: KeySkippedEvent) => void
}

export interface Announcer {
  accepted(token: ValidatedToken, issuer: string, fromCache: boolean): void
  refused(event: RefusedEvent): void
  keysRefreshed(event: KeysRefreshedEvent): void
  keysRefreshFailed(event: KeysRefreshFailedEvent): void
  keySkipped(event: KeySkippedEvent): void
}

export function createAnnouncer(observers: Observers): Announcer {
  const { onAccepted, onRefused, onKeysRefreshed, onKeysRefreshFailed, onKeySkipped } = observers
  return {
    accepted({ kind }, issuer, fromCache) {
      // Most requests end here: the event is made only for somebody.
      if (onAccepted === undefined && !platform.isWatched('countersign:accepted')) return
      tell('countersign:accepted', onAccepted, { kind, issuer, fromCache })
    },
    refused: (event) => tell('countersign:refused', onRefused, event),
    keysRefreshed: (event) => tell('countersign:keysRefreshed', onKeysRefreshed, event),
    keysRefreshFailed: (event) => tell('countersign:keysRefreshFailed', onKeysRefreshFailed, event),
    keySkipped: (event) => tell('countersign:keySkipped', onKeySkipped, event),
  }
}

function tell<E extends object>(channel: string, observer: ((event: E) => void) | undefined, event: E): void {
  try {
    const told: unknown = observer?.(event)
    if (told instanceof Promise) told.catch(() => {})
  } catch {
    // An observer's failure is its own, at once or later: a rejection that nobody awaits would end the process.
  }
  platform.publish(channel, event)
}
