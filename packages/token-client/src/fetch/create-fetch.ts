import type { AuthorityRules } from '../authorities/authority.js'
import { type AcquiredToken, requestedAtOf } from '../base/acquired-token.js'
import { badOption, checkNames, checkObject, readFunction } from '../base/options-reader.js'
import { isSecure } from '../base/secure-url.js'
import { type AcquireOptions, checkTarget } from '../base/target.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'
import type { CreateFetchOptions } from './fetch-options.js'

type Signal = AbortSignal | undefined

/** The methods of a client that bring the tokens. */
export interface TokenAcquirer {
  acquireForApp(options: AcquireOptions & { readonly tenantId?: string | undefined }): Promise<AcquiredToken>
  acquireOnBehalfOf(userToken: string | ValidatedUserToken, options: AcquireOptions): Promise<AcquiredToken>
}

/** A refused token that is younger is not renewed: an API that refuses every token would cost a request for each call. */
const newTokenSeconds = 30

const optionNames = ['target', 'origin', 'userToken', 'tenantId', 'fetch']

/** See `TokenClient.createFetch`. */
export function createTargetFetch(
  options: CreateFetchOptions,
  client: TokenAcquirer,
  authority: AuthorityRules,
  clock: () => number,
): typeof fetch {
  checkObject('createFetch', options)
  checkNames('createFetch', options, optionNames)
  const { target, userToken, tenantId } = options
  if (userToken !== undefined && tenantId !== undefined) {
    throw badOption(
      'createFetch',
      'tenantId',
      "must be left out with userToken: the user's token names the tenant",
    )
  }
  const send: typeof fetch =
    options.fetch === undefined
      ? (input, init) => globalThis.fetch(input, init)
      : readFunction('createFetch', 'fetch', options.fetch)
  const origins = readOrigins(options.origin)
  checkTarget(target)
  if ('claims' in target || 'signal' in target || 'refresh' in target) {
    throw badOption(
      'createFetch',
      'target',
      'must be { resource } or { scopes }: claims, refresh and signal come with a request',
    )
  }
  const acquire = (more: Pick<AcquireOptions, 'claims' | 'refresh' | 'signal'>) =>
    userToken === undefined
      ? client.acquireForApp({ ...target, ...more, tenantId })
      : client.acquireOnBehalfOf(userToken, { ...target, ...more })

  /** A token that meets the claims; or one that is not the refused one: another request may have renewed it meanwhile. */
  const acquireBetter = async (refused: AcquiredToken, claims: string | undefined, signal: Signal) => {
    if (claims !== undefined) return acquire({ claims, signal })
    const current = await acquire({ signal })
    return current.accessToken === refused.accessToken ? acquire({ refresh: true, signal }) : current
  }

  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined
    // Converted to text once: the address that is checked is the one that is used.
    const address = input instanceof Request ? input : String(input)
    const url = typeof address === 'string' ? address : address.url
    if (!origins.has(originOf(url))) return send(input, init)
    const headers = new Headers(init.headers ?? request?.headers)
    if (headers.has('authorization')) {
      throw new TypeError('createFetch: the authorization header must be left out: this fetch sets it')
    }
    const signal: Signal = init.signal ?? request?.signal
    const sendWith = ({ accessToken }: AcquiredToken) => {
      headers.set('authorization', `Bearer ${accessToken}`)
      // A redirect to another origin loses the header (Fetch standard, "HTTP-redirect fetch").
      return send(address, { ...init, headers })
    }
    const token = await acquire({ signal })
    const response = await sendWith(token)
    if (response?.status !== 401 || !canBeSentAgain(init.body ?? request?.body)) return response
    const refusal = await readTokenRefusal(response, origins, authority)
    const isNew = clock() - requestedAtOf(token) < newTokenSeconds
    if (refusal === undefined || (refusal.claims === undefined && isNew)) return response
    await response.body?.cancel()
    return sendWith(await acquireBetter(token, refusal.claims, signal))
  }
}

/** Whether the target may accept another token, and the claims that it asks for, if it asks for some. */
async function readTokenRefusal(
  response: Response,
  origins: ReadonlySet<string>,
  authority: AuthorityRules,
): Promise<{ readonly claims: string | undefined } | undefined> {
  // After redirects, the challenge may come from another server than the target.
  if (response.url !== '' && !origins.has(originOf(response.url))) return undefined
  const { readClaimsChallenge, refusesToken } = await import('./claims-challenge.js')
  const header = response.headers.get('www-authenticate')
  const isOwnAddress = (uri: URL) => authority.isOwnAddress(uri)
  const claims = authority.takesClaims ? readClaimsChallenge(header, isOwnAddress) : undefined
  return claims !== undefined || refusesToken(header) ? { claims } : undefined
}

function readOrigins(origin: unknown): ReadonlySet<string> {
  const origins: readonly unknown[] = Array.isArray(origin) ? origin : [origin]
  const isOrigin = (one: unknown): one is string =>
    typeof one === 'string' && originOf(one) === one && isSecure(new URL(one))
  if (origins.length === 0 || !origins.every(isOrigin)) {
    throw badOption(
      'createFetch',
      'origin',
      'must be the origin of the target, such as https://orders.example (https, or http on loopback), or a list of them',
    )
  }
  return new Set(origins)
}

function originOf(url: string): string {
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
