import type { AcquiredToken } from '../base/acquired-token.js'
import { isSecure } from '../base/guarded-fetch.js'
import { type AcquireOptions, checkTarget, type Target } from '../base/target.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'

export interface CreateFetchOptions {
  /** What the token is for. */
  readonly target: Pick<Target, 'resource' | 'scopes'>
  /**
   * Where the target lives: its origin, such as `https://orders.example`, or several. The token goes there and nowhere
   * else. https, or http on loopback.
   */
  readonly origin: string | readonly string[]
  /** The user to call for. Without it the application calls as itself. */
  readonly userToken?: string | ValidatedUserToken
  /** For the application itself, where the authority stands for many tenants. */
  readonly tenantId?: string
  /** What requests are sent with: it keeps to the Fetch standard, redirects included. Default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

const optionNames: readonly string[] = ['target', 'origin', 'userToken', 'tenantId', 'fetch']

/** See `TokenClient.createFetch`. */
export function createTargetFetch(
  options: CreateFetchOptions,
  acquire: (options: AcquireOptions) => Promise<AcquiredToken>,
  isOwnAddress: ((uri: URL) => boolean) | undefined,
): typeof fetch {
  for (const name of Object.keys(options)) {
    if (!optionNames.includes(name)) throw new TypeError(`createFetch has no option "${name}"`)
  }
  const { target, fetch: send = (input, init) => globalThis.fetch(input, init) } = options
  if (typeof send !== 'function') throw new TypeError('fetch must be a function')
  const origins = readOrigins(options.origin)
  checkTarget(target)
  if ('claims' in target || 'signal' in target) {
    throw new TypeError('target must be { resource } or { scopes }: claims and signal come with a request')
  }

  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined
    // Turned into text once: what is judged here is what is sent to.
    const address = input instanceof Request ? input : String(input)
    const url = typeof address === 'string' ? address : address.url
    if (!origins.has(originOf(url))) return send(input, init)
    const headers = new Headers(init.headers ?? request?.headers)
    if (headers.has('authorization')) {
      throw new TypeError('This fetch sets the authorization header: leave it out')
    }
    const signal = init.signal ?? request?.signal
    const sendWithToken = async (claims?: string) => {
      const { accessToken } = await acquire({
        ...target,
        ...(claims === undefined ? {} : { claims }),
        ...(signal === undefined ? {} : { signal }),
      })
      headers.set('authorization', `Bearer ${accessToken}`)
      // A redirect to another origin loses the header (Fetch standard, "HTTP-redirect fetch").
      return send(address, { ...init, headers })
    }
    const response = await sendWithToken()
    if (response.status !== 401 || !canBeSentAgain(init.body ?? request?.body)) return response
    // After redirects it may be somebody else who asks.
    if (response.url !== '' && !origins.has(originOf(response.url))) return response
    // A service that takes no claims cannot answer the challenge.
    if (isOwnAddress === undefined) return response
    const { readClaimsChallenge } = await import('./claims-challenge.js')
    const claims = readClaimsChallenge(response.headers.get('www-authenticate'), isOwnAddress)
    if (claims === undefined) return response
    await response.body?.cancel()
    return sendWithToken(claims)
  }
}

function readOrigins(origin: unknown): ReadonlySet<string> {
  const origins: readonly unknown[] = Array.isArray(origin) ? origin : [origin]
  const isOrigin = (one: unknown): one is string =>
    typeof one === 'string' && originOf(one) === one && isSecure(new URL(one))
  if (origins.length === 0 || !origins.every(isOrigin)) {
    throw new TypeError(
      'origin must be the origin of the target, such as https://orders.example (https, or http on loopback), or a list of them',
    )
  }
  return new Set(origins)
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : ''
}

/** A stream is gone once it was sent. */
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
