import type { TokenClientAction, TokenClientErrorCode } from '../base/errors.js'

/** Which token was requested. It names no user, no token and no claims challenge. */
export interface RequestedToken {
  /** `app`: client credentials; `obo`: on behalf of a user; `session`: with the refresh token of a session. */
  readonly grant: 'app' | 'obo' | 'session'
  /** The target's resource, when the target named one. */
  readonly resource?: string | readonly string[]
  /** The target's scopes, when the target named some. */
  readonly scopes?: readonly string[]
}

/** A request to the token endpoint has ended. */
export interface TokenRequestEvent {
  /** The wire name: `client_credentials`, `refresh_token`, … */
  readonly grantType: string
  /** Why it failed. Absent when a token was granted. */
  readonly code?: TokenClientErrorCode
  /** HTTP status of a refusal, when there was an answer. */
  readonly status?: number
  /** Seconds from the request to the answer. */
  readonly durationSeconds: number
}

/** A call was answered from a cache. */
export interface TokenHitEvent extends RequestedToken {
  /** `memory`: this process's memory; `store`: the shared store. */
  readonly tier: 'memory' | 'store'
}

/** A call found nothing in the caches. */
export type TokenMissEvent = RequestedToken

/** A token was renewed in the background, or could not be renewed. */
export interface TokenRefreshEvent extends RequestedToken {
  /** Why it failed. Absent when the token was renewed. */
  readonly code?: TokenClientErrorCode
  /** Seconds that the renewal took. */
  readonly durationSeconds: number
}

/** A call failed: no token could be acquired. */
export interface TokenFailureEvent extends RequestedToken {
  /** `code` of the error that the caller gets. */
  readonly code: TokenClientErrorCode
  /** `action` of that error. */
  readonly action: TokenClientAction
  /** `reason` of that error, if it has one. */
  readonly reason?: string
  /** The AADSTS numbers of the service's answer, if it had any. */
  readonly codes?: readonly number[]
  /** Seconds that the caller waited. */
  readonly durationSeconds: number
}

/** An own function of the client's credential failed. */
export interface TokenCredentialFaultEvent {
  /** `error`: the function threw or rejected; `timeout`: it did not settle within `timeoutSeconds`. */
  readonly fault: 'error' | 'timeout'
  /** The name of the thrown error's class and its system code, such as `VaultError ECONNRESET`, if it has them. */
  readonly reason?: string
  /**
   * The thrown object itself. It may hold the secret: do not log it whole. Only the observer gets it; it is in no error and
   * in no event of the diagnostics channel.
   */
  readonly error?: unknown
  /** Seconds from the call to the fault. */
  readonly durationSeconds: number
}

/** The shared store failed, or holds an entry that cannot be used. */
export interface TokenStoreFaultEvent {
  /** What was tried. */
  readonly operation: 'read' | 'write' | 'delete' | 'lock'
  /**
   * `timeout`: no answer in time; `error`: the store threw or refused; `overloaded`: too many operations are pending, so
   * this one was not started; `entry`: the entry is corrupted, encrypted with another key, or moved from another place.
   */
  readonly fault: 'timeout' | 'error' | 'overloaded' | 'entry'
  /** The code of a system error, such as `ECONNREFUSED`, if there was one. */
  readonly reason?: string
  /** Seconds from the start of the operation to the fault. */
  readonly durationSeconds: number
}

/**
 * Functions that are notified of what the client does. They decide nothing: what they return is ignored, and one that
 * throws or rejects changes nothing. The same events go to `diagnostics_channel`, as `countersign:token-request`,
 * `countersign:token-hit`, `countersign:token-miss`, `countersign:token-refresh`, `countersign:token-failure`,
 * `countersign:token-credential-fault` and `countersign:token-store-fault`. The events hold no secret, no token and no user
 * (except `error` of `onCredentialFault`, which holds whatever your function threw), and are frozen.
 */
export interface TokenClientObservers {
  /** Called for each request to the token endpoint, after its answer. */
  readonly onRequest?: ((event: TokenRequestEvent) => void) | undefined
  /** Called for each call that is answered from a cache. */
  readonly onHit?: ((event: TokenHitEvent) => void) | undefined
  /** Called for each call that needs a request to the token endpoint. */
  readonly onMiss?: ((event: TokenMissEvent) => void) | undefined
  /** Called for each renewal in the background, after it has ended. */
  readonly onRefresh?: ((event: TokenRefreshEvent) => void) | undefined
  /** Called for each call that fails with a `TokenClientError`. */
  readonly onFailure?: ((event: TokenFailureEvent) => void) | undefined
  /** Called when an own function of the credential threw or did not settle. It alone gets what the function threw. */
  readonly onCredentialFault?: ((event: TokenCredentialFaultEvent) => void) | undefined
  /** Called for each fault of the shared store. */
  readonly onStoreFault?: ((event: TokenStoreFaultEvent) => void) | undefined
}

export const observerNames = [
  'onRequest',
  'onHit',
  'onMiss',
  'onRefresh',
  'onFailure',
  'onCredentialFault',
  'onStoreFault',
] as const satisfies readonly (keyof TokenClientObservers)[]
