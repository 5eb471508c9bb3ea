import type { RefusalCode } from './errors.js'
import type { EventDetails } from './event-details.js'
import type { SkippedKeyReason } from './jwk.js'
import type { TokenKind, ValidatedToken } from './validated-token.js'
import { platform } from '#platform'

/** A token was accepted. */
export interface AcceptedEvent {
  /** Whether a user or a client acts. */
  readonly kind: TokenKind
  /** The issuer as configured. */
  readonly issuer: string
  /** Whether the signature had been verified before. */
  readonly fromCache: boolean
  /** Only with the option `eventDetails`. */
  readonly details?: EventDetails
}

/** A request was refused. Nothing of the token is in it. */
export interface RefusedEvent {
  /** A row of `refusals`. */
  readonly code: RefusalCode
  /** The HTTP status of the answer. */
  readonly status: number
  /** The claim or header member at fault, by name. */
  readonly claim?: string
  /** A fixed word that narrows the code. */
  readonly reason?: string
  /** Only with the option `eventDetails`, and only where the signature was verified. */
  readonly details?: EventDetails
}

/** A key set was fetched. */
export interface KeysRefreshedEvent {
  /** The issuer as configured. */
  readonly issuer: string
  /** How many keys the validator holds now. */
  readonly keys: number
  /** How many members of the set were skipped. */
  readonly skipped: number
  /** How long the fetch took. */
  readonly durationSeconds: number
}

/** A key set could not be fetched. Known keys continue to serve for their time. */
export interface KeysRefreshFailedEvent {
  /** The issuer as configured. */
  readonly issuer: string
  /** `network`, `timeout`, `status`, `too_large`, `not_json`, `issuer`, `jwks_uri` or `internal`. */
  readonly fault: string
  /** The HTTP status, where there was an answer: also of a redirect, which is not followed. */
  readonly status?: number
  /** Where the document was expected: origin and path. */
  readonly url?: string
  /** The system's word for the failure: `ENOTFOUND`, `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
  readonly systemCode?: string
  /** The issuer that is configured, where the document names another. */
  readonly expectedIssuer?: string
  /** The issuer that the document names. */
  readonly foundIssuer?: string
  /** When the next try is due. */
  readonly retryInSeconds: number
}

/** A member of a fetched key set was skipped. */
export interface KeySkippedEvent {
  /** The issuer as configured. */
  readonly issuer: string
  /** Why it is not a usable key. */
  readonly reason: SkippedKeyReason
}

/** A token could not be introspected: the caller got a 503. */
export interface IntrospectionFailedEvent {
  /** The issuer as configured. */
  readonly issuer: string
  /**
   * `network`, `timeout`, `status`, `too_large`, `answer` (unreadable, or not signed as required) or `credentials` (the
   * application's function failed).
   */
  readonly fault: string
  /** The HTTP status, where there was an answer: 401 and 403 mean that this API's own credential is wrong. */
  readonly status?: number
  /** The endpoint: origin and path. */
  readonly url?: string
  /** The system's word for the failure. */
  readonly systemCode?: string
}

/**
 * What an application may observe. Observers decide nothing, and one that throws or rejects changes nothing. On Node the
 * same events are published on `diagnostics_channel`, as `countersign:accepted`, `countersign:refused`,
 * `countersign:keys-refreshed`, `countersign:keys-refresh-failed`, `countersign:key-skipped` and
 * `countersign:introspection-failed`.
 */
export interface ValidatorObservers {
  /** Called for every accepted token. */
  readonly onAccepted?: ((event: AcceptedEvent) => void) | undefined
  /** Called for every refused request. */
  readonly onRefused?: ((event: RefusedEvent) => void) | undefined
  /** Called after a key set was fetched. */
  readonly onKeysRefreshed?: ((event: KeysRefreshedEvent) => void) | undefined
  /** Called after a fetch of keys failed. */
  readonly onKeysRefreshFailed?: ((event: KeysRefreshFailedEvent) => void) | undefined
  /** Called for each member of a fetched key set that is skipped. */
  readonly onKeySkipped?: ((event: KeySkippedEvent) => void) | undefined
  /** Called after the introspection of a token failed. */
  readonly onIntrospectionFailed?: ((event: IntrospectionFailedEvent) => void) | undefined
}

/** Reports events to observers and channels. */
export interface Notifier {
  accepted(token: ValidatedToken, issuer: string, fromCache: boolean, details?: EventDetails): void
  refused(event: RefusedEvent): void
  keysRefreshed(event: KeysRefreshedEvent): void
  keysRefreshFailed(event: KeysRefreshFailedEvent): void
  keySkipped(event: KeySkippedEvent): void
  introspectionFailed(event: IntrospectionFailedEvent): void
}

export function createNotifier(observers: ValidatorObservers): Notifier {
  const accepted = createPublisher('accepted', observers.onAccepted)
  const refused = createPublisher('refused', observers.onRefused)
  const keysRefreshed = createPublisher('keys-refreshed', observers.onKeysRefreshed)
  const keysRefreshFailed = createPublisher('keys-refresh-failed', observers.onKeysRefreshFailed)
  const keySkipped = createPublisher('key-skipped', observers.onKeySkipped)
  const introspectionFailed = createPublisher('introspection-failed', observers.onIntrospectionFailed)
  return {
    accepted(token, issuer, fromCache, details) {
      // Most requests end here: the event is made only if there is an observer, and nothing of the token is read.
      if (!accepted.isObserved()) return
      const event = { kind: token.kind, issuer, fromCache }
      accepted.publish(details === undefined ? event : { ...event, details })
    },
    refused: refused.publish,
    keysRefreshed: keysRefreshed.publish,
    keysRefreshFailed: keysRefreshFailed.publish,
    keySkipped: keySkipped.publish,
    introspectionFailed: introspectionFailed.publish,
  }
}

interface Publisher<E> {
  readonly isObserved: () => boolean
  readonly publish: (event: E) => void
}

function createPublisher<E extends object>(
  name: string,
  observer: ((event: E) => void) | undefined,
): Publisher<E> {
  const channel = platform.channel(`countersign:${name}`)
  return {
    isObserved: () => observer !== undefined || channel.hasSubscribers,
    publish(event) {
      try {
        const result: unknown = observer?.(event)
        if (result instanceof Promise) result.catch(() => {})
      } catch {
        // The failure of an observer is its own, at once or later: a rejection that nobody handles would end the process.
      }
      channel.publish(event)
    },
  }
}
