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
  const accepted = createTeller('accepted', observers.onAccepted)
  const refused = createTeller('refused', observers.onRefused)
  const keysRefreshed = createTeller('keysRefreshed', observers.onKeysRefreshed)
  const keysRefreshFailed = createTeller('keysRefreshFailed', observers.onKeysRefreshFailed)
  const keySkipped = createTeller('keySkipped', observers.onKeySkipped)
  return {
    accepted(token, issuer, fromCache) {
      // Most requests end here: the event is made only for somebody, and nothing of the token is looked at.
      if (accepted.isWatched()) accepted.tell({ kind: token.kind, issuer, fromCache })
    },
    refused: refused.tell,
    keysRefreshed: keysRefreshed.tell,
    keysRefreshFailed: keysRefreshFailed.tell,
    keySkipped: keySkipped.tell,
  }
}

interface Teller<E> {
  readonly isWatched: () => boolean
  readonly tell: (event: E) => void
}

function createTeller<E extends object>(name: string, observer: ((event: E) => void) | undefined): Teller<E> {
  const channel = platform.channel(`countersign:${name}`)
  return {
    isWatched: () => observer !== undefined || channel.hasSubscribers,
    tell(event) {
      try {
        const told: unknown = observer?.(event)
        if (told instanceof Promise) told.catch(() => {})
      } catch {
        // An observer's failure is its own, at once or later: a rejection that nobody awaits would end the process.
      }
      channel.publish(event)
    },
  }
}
