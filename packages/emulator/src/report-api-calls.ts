import { checkNames, checkObject, wrongValue } from './base/options.js'

/** The options of `reportApiCalls`. */
export interface ReportApiCallsOptions {
  /** The control API of the emulator: `emulator.controlApi.address`, or what the command prints. */
  readonly address: string
  /** The token of the control API. A secret. */
  readonly token: string
  /** This API, by appId, identifier URI or displayName of its registration. */
  readonly api: string
}

/** What the observers read of the details of an event. */
interface Details {
  /** The client that called. */
  readonly clientId?: string
  /** `uti` or `jti` of the token. */
  readonly tokenId?: string
  /** How long the validation took. */
  readonly durationSeconds: number
}

/** Options for `bearerAuth` and `createTokenValidator` of the validator packages. */
export interface ApiCallObservers {
  /** The observers need the details of an event: they name the token by its id. */
  readonly eventDetails: true
  /** Reports an accepted token. */
  readonly onAccepted: (event: {
    /** Of the token. */
    readonly details?: Details
  }) => void
  /** Reports a refused request. */
  readonly onRefused: (event: {
    /** A row of the refusals of the validator. */
    readonly code: string
    /** The HTTP status of the answer. */
    readonly status: number
    /** The claim or header member at fault, by name. */
    readonly claim?: string
    /** A word that narrows the code. */
    readonly reason?: string
    /** Of a token whose signature was verified. */
    readonly details?: Details
  }) => void
}

/** Reports that wait for the emulator; more are dropped, so that a slow emulator never costs memory. */
const mostWaiting = 100

/**
 * Observers that report each request of an API to an emulator: the page shows the calls in the flow that issued their
 * token. A report holds no token and no claim but `uti` and the client's id. One that cannot be sent is dropped: an
 * observer decides nothing. For development only. Throws a TypeError for a missing or wrong option; it does not check
 * that the emulator answers.
 *
 * @example
 * ```ts
 * import { reportApiCalls, startEmulator } from '@countersign/emulator'
 *
 * await using emulator = await startEmulator()
 * const observers = reportApiCalls({ ...emulator.controlApi, api: 'api' })
 * // app.use(bearerAuth({ ...options, ...observers }))
 * ```
 */
export function reportApiCalls(options: ReportApiCallsOptions): ApiCallObservers {
  const what = 'reportApiCalls'
  checkObject(what, options)
  checkNames(what, options, ['address', 'token', 'api'])
  const { address, token, api } = options
  if (typeof address !== 'string' || !URL.canParse(address)) {
    throw wrongValue(
      what,
      'address',
      'the address of the control API, such as http://localhost:8400/_/api/v1',
    )
  }
  if (typeof token !== 'string' || token === '')
    throw wrongValue(what, 'token', 'the token of the control API')
  if (typeof api !== 'string' || api === '')
    throw wrongValue(what, 'api', 'the name or the appId of this API')
  const url = `${address.replace(/\/$/, '')}/api-calls`
  let waiting = 0
  const send = (call: object, details: Details | undefined): void => {
    if (waiting >= mostWaiting) return
    waiting += 1
    const { clientId, tokenId, durationSeconds } = details ?? {}
    fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ api, ...call, clientId, tokenId, durationSeconds }),
      signal: AbortSignal.timeout(5000),
    })
      .then((response) => response.body?.cancel())
      .catch(() => {})
      .finally(() => {
        waiting -= 1
      })
  }
  return {
    eventDetails: true,
    onAccepted: ({ details }) => send({ outcome: 'accepted' }, details),
    onRefused: ({ code, status, claim, reason, details }) =>
      send({ outcome: 'refused', code, status, claim, reason }, details),
  }
}
