import type { AuthorityRules } from '../authorities/authority.js'
import { type AcquiredToken, keyOf, requestedAtOf } from '../base/acquired-token.js'
import type { AcquireOptions } from '../base/target.js'

/** What every `fetch` of a client knows. */
export interface FetchContext {
  readonly authority: AuthorityRules
  readonly clock: () => number
  /** Sends requests over TLS with the client's certificate. */
  readonly tlsFetch: typeof fetch | undefined
}

/** Brings a token for the target. */
export type Acquire = (
  options: Pick<AcquireOptions, 'claims' | 'refresh' | 'signal'>,
) => Promise<AcquiredToken>

type Signal = AbortSignal | undefined

/** A refused token that is younger is not renewed: an API that refuses every token would cost a request for each call. */
const newTokenSeconds = 30

/** A `fetch` that sends the token with requests to these origins, and sends all other requests unchanged. */
export function createTokenFetch(
  origins: ReadonlySet<string>,
  acquire: Acquire,
  customFetch: typeof fetch | undefined,
  { authority, clock, tlsFetch }: FetchContext,
): typeof fetch {
  const sendElsewhere: typeof fetch = customFetch ?? ((input, init) => globalThis.fetch(input, init))
  const send = customFetch ?? tlsFetch ?? sendElsewhere

  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined
    // Converted to text once: the address that is checked is the one that is used.
    const address = input instanceof Request ? input : String(input)
    const url = typeof address === 'string' ? address : address.url
    if (!origins.has(originOf(url))) return sendElsewhere(input, init)
    const headers = new Headers(init.headers ?? request?.headers)
    if (headers.has('authorization')) {
      throw new TypeError('createFetch: the authorization header must be left out: this fetch sets it')
    }
    const signal: Signal = init.signal ?? request?.signal
    const isRepeatable = canBeSentAgain(init.body ?? request?.body)
    const method = methodOf(init.method ?? request?.method)
    const isFromTarget = (response: Response) => response.url === '' || origins.has(originOf(response.url))

    const sendOnce = async (token: AcquiredToken) => {
      const key = keyOf(token)
      headers.set('authorization', `${token.tokenType} ${token.accessToken}`)
      if (key !== undefined) headers.set('dpop', key.proof(method, url, token.accessToken))
      // A redirect to another origin loses the header (Fetch standard, "HTTP-redirect fetch").
      const response = await send(address, { ...init, headers })
      const hasNewNonce = key !== undefined && isFromTarget(response) && key.noteNonce(url, response.headers)
      return { response, hasNewNonce }
    }
    /** Sends it once more when the target wants a nonce in the proof (RFC 9449 section 9). */
    const sendWith = async (token: AcquiredToken) => {
      const { response, hasNewNonce } = await sendOnce(token)
      if (!hasNewNonce || !isRepeatable || response.status !== 401) return response
      if (!(await wantsNonce(response))) return response
      await response.body?.cancel()
      return (await sendOnce(token)).response
    }

    const token = await acquire({ signal })
    const response = await sendWith(token)
    if (response?.status !== 401 || !isRepeatable || !isFromTarget(response)) return response
    const refusal = await readTokenRefusal(response, authority)
    const isNew = clock() - requestedAtOf(token) < newTokenSeconds
    if (refusal === undefined || (refusal.claims === undefined && isNew)) return response
    await response.body?.cancel()
    return sendWith(await acquireBetter(acquire, token, refusal.claims, signal))
  }
}

/** A token that meets the claims; or one that is not the refused one: another request may have renewed it meanwhile. */
async function acquireBetter(
  acquire: Acquire,
  refused: AcquiredToken,
  claims: string | undefined,
  signal: Signal,
): Promise<AcquiredToken> {
  if (claims !== undefined) return acquire({ claims, signal })
  const current = await acquire({ signal })
  return current.accessToken === refused.accessToken ? acquire({ refresh: true, signal }) : current
}

/** Whether the target may accept another token, and the claims that it asks for, if it asks for some. */
async function readTokenRefusal(
  response: Response,
  authority: AuthorityRules,
): Promise<{ readonly claims: string | undefined } | undefined> {
  const { readClaimsChallenge, refusesToken } = await import('./claims-challenge.js')
  const header = response.headers.get('www-authenticate')
  const isOwnAddress = (uri: URL) => authority.isOwnAddress(uri)
  const claims = authority.takesClaims ? readClaimsChallenge(header, isOwnAddress) : undefined
  return claims !== undefined || refusesToken(header) ? { claims } : undefined
}

async function wantsNonce(response: Response): Promise<boolean> {
  const { readChallenges } = await import('./claims-challenge.js')
  return readChallenges(response.headers.get('www-authenticate') ?? '').some(
    ({ scheme, parameters }) => scheme === 'dpop' && parameters.get('error') === 'use_dpop_nonce',
  )
}

/** As `fetch` sends it: it writes these methods in capitals, and no others. */
function methodOf(method = 'GET'): string {
  return /^(delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method
}

export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : ''
}

/** A stream can be read only once. */
function canBeSentAgain(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob
  )
}
