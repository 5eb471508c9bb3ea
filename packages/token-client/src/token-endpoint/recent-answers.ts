import { isTokenClientError, ownError, TokenClientError } from '../base/errors.js'

/** A request as its repetition is recognised: to the same endpoint, with the same grant, user and parameters. */
export interface SentRequest {
  readonly endpoint: string
  /** Whose token is requested: a user, or the application. */
  readonly subject: string
  /** A hash of everything that is sent, without the credential. */
  readonly fingerprint: string
  /** Whether its refusal is remembered. */
  readonly remembersRefusal: boolean
}

interface Remembered {
  readonly subject: string
  readonly until: number
  /** Without one, the service asked to wait. */
  readonly refusal?: TokenClientError
}

const defaultCooldownSeconds = 10
const refusalSeconds = 5
/** So many users or applications that are asked to wait, with no other answer in between, mean that all have to wait. */
const subjectsThatMeanAll = 3
const maxRemembered = 2000

/**
 * What need not be asked again yet. A service that asks one request to wait gets all others: one user in a loop must not
 * silence the other users and the application. Source: MSAL, which throttles by request as well.
 */
export class RecentAnswers {
  readonly #clock: () => number
  readonly #requests = new Map<string, Remembered>()
  readonly #endpoints = new Map<string, { until: number; throttled: Map<string, number> }>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Throws `throttled` while the service wants no such request, or the refusal that such a request just got. */
  check({ endpoint, fingerprint }: SentRequest): void {
    const now = this.#clock()
    throwThrottled((this.#endpoints.get(endpoint)?.until ?? 0) - now)
    const remembered = this.#requests.get(fingerprint)
    if (remembered === undefined) return
    if (remembered.until <= now) this.#requests.delete(fingerprint)
    else if (remembered.refusal !== undefined) throw ownError(remembered.refusal)
    else throwThrottled(remembered.until - now)
  }

  /** A token was granted. */
  noteGrant({ endpoint }: SentRequest): void {
    this.#endpoints.get(endpoint)?.throttled.clear()
  }

  noteFailure(request: SentRequest, error: unknown): void {
    if (!isTokenClientError(error)) return
    if (error.action === 'retry') return this.#noteWait(request, error)
    if (error.service === undefined) return
    this.noteGrant(request)
    if (request.remembersRefusal) {
      this.#remember(request, { until: this.#clock() + refusalSeconds, refusal: error })
    }
  }

  /** Forgets what was answered for a user. */
  forget(subject: string): void {
    for (const [key, remembered] of this.#requests) {
      if (remembered.subject === subject) this.#requests.delete(key)
    }
  }

  #noteWait(request: SentRequest, { code, service, retryAfterSeconds }: TokenClientError): void {
    const seconds = retryAfterSeconds ?? (code === 'throttled' ? defaultCooldownSeconds : 0)
    if (seconds <= 0) return
    const now = this.#clock()
    // Spread, so that several instances do not all return in the same second.
    const until = now + seconds * (1 + Math.random() / 4)
    if (code !== 'throttled') return this.#pause(request.endpoint, until)
    this.#remember(request, { until })
    // AADSTS50196 is about a loop of this one request.
    if (service?.status === 429 && this.#areAllThrottled(request, now, until)) {
      this.#pause(request.endpoint, until)
    }
  }

  #areAllThrottled({ endpoint, subject }: SentRequest, now: number, until: number): boolean {
    const { throttled } = this.#endpointOf(endpoint)
    for (const [other, end] of throttled) if (end <= now) throttled.delete(other)
    throttled.set(subject, until)
    return throttled.size >= subjectsThatMeanAll
  }

  #pause(endpoint: string, until: number): void {
    const state = this.#endpointOf(endpoint)
    state.until = until
    state.throttled.clear()
  }

  #endpointOf(endpoint: string): { until: number; throttled: Map<string, number> } {
    let state = this.#endpoints.get(endpoint)
    if (state === undefined) {
      state = { until: 0, throttled: new Map() }
      this.#endpoints.set(endpoint, state)
      deleteOldest(this.#endpoints)
    }
    return state
  }

  #remember({ subject, fingerprint }: SentRequest, remembered: Omit<Remembered, 'subject'>): void {
    this.#requests.delete(fingerprint)
    const now = this.#clock()
    for (const [key, { until }] of this.#requests) {
      if (until > now) break
      this.#requests.delete(key)
    }
    this.#requests.set(fingerprint, { subject, ...remembered })
    deleteOldest(this.#requests)
  }
}

function throwThrottled(seconds: number): void {
  if (seconds > 0) throw new TokenClientError('throttled', { retryAfterSeconds: Math.ceil(seconds) })
}

function deleteOldest(map: Map<string, unknown>): void {
  if (map.size > maxRemembered) map.delete(map.keys().next().value!)
}
