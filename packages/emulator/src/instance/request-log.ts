import { advice } from '../base/advice.js'
import type { EntraError } from '../base/errors.js'
import { tokenPattern } from '../base/token-pattern.js'
import type { EmulatorEndpoint, FaultEffect } from './faults.js'

/** One request as the emulator saw it. Secrets, tokens, codes and assertions are not in it. */
export interface RecordedRequest {
  /** Counts up from 1. */
  readonly id: number
  /** On the emulator's clock, seconds since the epoch. */
  readonly time: number
  /** The HTTP method. */
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Undefined for an address that is no endpoint. */
  readonly endpoint: EmulatorEndpoint | undefined
  /** Query and form. A value that is not known to be harmless reads `[redacted]`. */
  readonly parameters: Readonly<Record<string, string>>
  /** The HTTP status of the answer; 0 if there was none. */
  readonly status: number
  /** `fault`: it met a fault that was added on purpose. */
  readonly outcome: 'answered' | 'refused' | 'fault'
  /** The AADSTS code of a refusal. */
  readonly errorCode?: number
  /** The sentence of that refusal. A value in it that may be a token reads `[redacted]`. */
  readonly error?: string
  /** What to do about that refusal. */
  readonly fix?: string
  /** The client that was authenticated or named, by appId. */
  readonly clientId?: string
  /** The user it was about, by object id. */
  readonly userId?: string
  /** The kind of the fault it met. */
  readonly fault?: FaultEffect['kind']
  /** The id the client gave its request (`client-request-id`), else the request's own. */
  readonly correlationId: string
}

/** The last thousand requests, newest last. */
export interface RecordedRequests extends ReadonlyArray<RecordedRequest> {
  /**
   * Resolves to the first request that fits, among those recorded and those to come. Rejects with an Error if none
   * comes within `timeoutSeconds` (default 5, on the machine's clock), and with what the predicate throws.
   */
  readonly waitFor: (
    predicate: (request: RecordedRequest) => boolean,
    options?: {
      /** On the machine's clock. Default 5. */
      readonly timeoutSeconds?: number | undefined
      /** Ends the wait early; it rejects with the reason of the signal then. */
      readonly signal?: AbortSignal | undefined
    },
  ) => Promise<RecordedRequest>
}

/** What endpoints and grants learn about a request. */
export interface RequestFacts {
  refusal?: EntraError
  clientId?: string
  userId?: string
  fault?: FaultEffect['kind']
  /** What it has in common with other requests of its flow, by any name that is unique. */
  flowKeys?: string[]
  /** Begins a flow. */
  startsFlow?: boolean
}

/** Notes that a request belongs to the same flow as every other with that key. */
export function joinFlow(facts: RequestFacts, key: string): void {
  facts.flowKeys ??= []
  facts.flowKeys.push(key)
}

export interface RequestLog {
  readonly entries: RecordedRequests
  add(
    request: Pick<RecordedRequest, 'time' | 'method' | 'path' | 'endpoint' | 'status' | 'correlationId'> & {
      readonly sent: readonly unknown[]
      readonly facts: RequestFacts
    },
  ): RecordedRequest
  clear(): void
}

const harmless: ReadonlySet<string> = new Set([
  'api-version',
  'client_assertion_type',
  'client_id',
  'code_challenge_method',
  'grant_type',
  'post_logout_redirect_uri',
  'prompt',
  'redirect_uri',
  'requested_token_use',
  'resource',
  'response_mode',
  'response_type',
  'scope',
])

const most = { entries: 1000, parameters: 50, characters: 300 }

export function createRequestLog(): RequestLog {
  const entries: RecordedRequest[] = []
  const waiting = new Set<(request: RecordedRequest) => void>()
  let count = 0

  const waitFor: RecordedRequests['waitFor'] = (predicate, { timeoutSeconds = 5, signal } = {}) => {
    const known = entries.find(predicate)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      const look = (request: RecordedRequest): void => {
        let fits: boolean
        try {
          fits = predicate(request)
        } catch (error) {
          end()
          reject(error)
          return
        }
        if (!fits) return
        end()
        resolve(request)
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`no such request came within ${timeoutSeconds} s`))
      }, timeoutSeconds * 1000)
      const end = (): void => {
        clearTimeout(timer)
        waiting.delete(look)
        signal?.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        end()
        reject(signal?.reason)
      }
      if (signal?.aborted) {
        abort()
        return
      }
      signal?.addEventListener('abort', abort)
      waiting.add(look)
    })
  }

  return {
    get entries() {
      return Object.freeze(
        Object.defineProperty([...entries], 'waitFor', { value: waitFor }),
      ) as RecordedRequests
    },
    add({ sent, facts, ...request }) {
      count += 1
      const { refusal, clientId, userId, fault } = facts
      const outcome =
        fault !== undefined
          ? 'fault'
          : request.status >= 400 || refusal !== undefined
            ? 'refused'
            : 'answered'
      const entry: RecordedRequest = Object.freeze({
        id: count,
        ...request,
        outcome,
        parameters: Object.freeze(redact(sent)),
        ...(refusal === undefined ? {} : refusalFacts(refusal)),
        ...(clientId === undefined ? {} : { clientId }),
        ...(userId === undefined ? {} : { userId }),
        ...(fault === undefined ? {} : { fault }),
      })
      entries.push(entry)
      if (entries.length > most.entries) entries.shift()
      for (const look of waiting) look(entry)
      return entry
    },
    clear() {
      entries.length = 0
    },
  }
}

function refusalFacts({ code, message }: EntraError): Pick<RecordedRequest, 'errorCode' | 'error' | 'fix'> {
  return { errorCode: code, error: message.replaceAll(tokenPattern, '[redacted]'), fix: advice[code] }
}

function redact(sent: readonly unknown[]): Record<string, string> {
  const parameters = sent.flatMap((parsed) => Object.entries(parsed ?? {})).slice(0, most.parameters)
  return Object.fromEntries(
    parameters.map(([name, value]) => [
      name.slice(0, most.characters),
      isHarmless(name, value) ? value : '[redacted]',
    ]),
  )
}

/** A token may be sent by mistake under a name that is otherwise harmless. */
function isHarmless(name: string, value: unknown): boolean {
  return (
    harmless.has(name) &&
    typeof value === 'string' &&
    value.length <= most.characters &&
    value.search(tokenPattern) < 0
  )
}
