import { hasDpopScheme, readBearerOrDpopToken, readBearerToken } from './bearer.js'
import { BearerError } from './errors.js'
import { readString, readStringList } from './options-reader.js'
import type { RequestView } from './request-view.js'

/** Where a request carries its token: made by `authorizationHeader`, `fromHeader`, `fromCookie` and the like. */
export interface TokenSource {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:token-source': never
}

/** A source that was read. */
interface ReadSource {
  /** The raw values that a request has in this place; undefined if there is none. */
  find(request: RequestView): readonly string[] | undefined
  /** The token in them. Throws a refusal where they are not one token, or where the request may not use this source. */
  read(values: readonly string[], request: RequestView): string
  /** Headers for the answer, also for a refusal. */
  readonly responseHeaders?: Readonly<Record<string, string>>
  /** The same source where DPoP is configured. */
  readonly withDpop?: ReadSource
  /** Whether the values present a token by the scheme `DPoP`. */
  hasDpopScheme?(values: readonly string[]): boolean
}

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const sourceKey = Symbol.for('@countersign/core:token-source')

function createSource(source: ReadSource): TokenSource {
  return Object.freeze({ [sourceKey]: Object.freeze(source) }) as unknown as TokenSource
}

/**
 * `Authorization: Bearer <token>` (RFC 6750 section 2.1), and `Authorization: DPoP <token>` (RFC 9449 section 7.1) where
 * `senderProofs` has `dpop`. The default.
 */
export function authorizationHeader(): TokenSource {
  return authorization
}

const findAuthorization = (request: RequestView): readonly string[] | undefined =>
  request.header('authorization')

const authorization = createSource({
  find: findAuthorization,
  read: readBearerToken,
  withDpop: { find: findAuthorization, read: readBearerOrDpopToken, hasDpopScheme },
})

/**
 * A header that holds the token alone, without a scheme: as gateways hand it on (`x-goog-iap-jwt-assertion`,
 * `cf-access-jwt-assertion`). It does not check that a gateway set the header: it must remove the caller's own. Throws a
 * TypeError for a name that is not a header's.
 */
export function fromHeader(name: string): TokenSource {
  const header = readName('fromHeader', name).toLowerCase()
  if (header === 'authorization')
    throw new TypeError('fromHeader: for "authorization" use authorizationHeader')
  return createSource({ find: (request) => request.header(header), read: onlyValue })
}

/** Options of `fromCookie`. */
export interface CookieOptions {
  /**
   * Origins whose pages may send requests with the cookie: `['https://app.example']`. A browser adds a cookie to requests
   * of any page, so a request without an allowed `Origin` header is refused, unless it can change nothing.
   */
  readonly allowedOrigins: string | readonly string[]
}

/**
 * A cookie that holds the token. A request from another origin is refused with 403 (cross-site request forgery, and
 * WebSocket hijacking): its `Origin` header must be one of the list. A `GET` or `HEAD` without that header is accepted, unless
 * it opens a WebSocket. Throws a TypeError for a wrong option.
 */
export function fromCookie(name: string, options: CookieOptions): TokenSource {
  const what = 'fromCookie'
  const cookie = readName(what, name)
  const origins = readStringList(what, 'allowedOrigins', options?.allowedOrigins)
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new TypeError(`${what}: "allowedOrigins" must hold origins, as in https://app.example`)
    }
  }
  return createSource({
    find(request) {
      const values = cookieValues(request, cookie)
      return values.length === 0 ? undefined : values
    },
    read(values, request) {
      checkOrigin(request, origins)
      return onlyValue(values)
    },
  })
}

/**
 * A parameter of the query, for clients that can set no header (`EventSource`). Its value appears in logs, in the browser's
 * history and in `Referer`: prefer another source, and tokens that live for seconds (RFC 6750 section 5.3). Every answer to
 * such a request carries `Cache-Control: no-store`. Throws a TypeError for an empty name.
 */
export function fromQuery(name: string): TokenSource {
  const parameter = readString('fromQuery', 'name', name)
  return createSource({
    find({ url }) {
      const start = url.indexOf('?')
      if (start === -1) return undefined
      const values = new URLSearchParams(url.slice(start)).getAll(parameter)
      return values.length === 0 ? undefined : values
    },
    read: onlyValue,
    responseHeaders: Object.freeze({ 'Cache-Control': 'no-store' }),
  })
}

/**
 * A WebSocket subprotocol that begins with a prefix, for browsers, which can set no other header:
 * `new WebSocket(url, ['chat', 'bearer.' + token])`. The server must choose another of the offered protocols, so that the
 * token is not sent back. Throws a TypeError for a prefix that no protocol name can have.
 */
export function fromWebSocketProtocol(prefix: string): TokenSource {
  const start = readName('fromWebSocketProtocol', prefix)
  return createSource({
    find(request) {
      const offered = (request.header('sec-websocket-protocol') ?? []).flatMap((value) => value.split(','))
      const tokens = offered.map((name) => name.trim()).filter((name) => name.startsWith(start))
      return tokens.length === 0 ? undefined : tokens.map((name) => name.slice(start.length))
    },
    read: onlyValue,
  })
}

/** The sources of one validator. */
export interface TokenReader {
  /** Whether a request carries a token, or something in its place. */
  hasCredentials(request: RequestView): boolean
  /** The token. Throws a refusal where there is none, more than one, or one that may not be used. */
  readToken(request: RequestView): string
  /** Headers for the answer to a request, also for a refusal. */
  responseHeaders(request: RequestView): Readonly<Record<string, string>> | undefined
  /** Whether the request presents its token by the scheme `DPoP`: only where DPoP is configured. */
  hasDpopScheme(request: RequestView): boolean
}

/** The `Authorization` header alone, for most requests: nothing is searched or compared that is not configured. */
const defaultReader: TokenReader = {
  hasCredentials: (request) => request.header('authorization') !== undefined,
  readToken: (request) => readBearerToken(request.header('authorization')),
  responseHeaders: () => undefined,
  hasDpopScheme: () => false,
}

/** Reads the sources. Throws a TypeError where one of them was not made by a function of this file. */
export function readTokenSources(what: string, value: unknown, acceptsDpop: boolean): TokenReader {
  if (!acceptsDpop && (value === undefined || value === authorization)) return defaultReader
  const given = value ?? authorization
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const sources = list.map((source) =>
    typeof source === 'object' && source !== null
      ? (source as { [sourceKey]?: ReadSource })[sourceKey]
      : undefined,
  )
  if (sources.length === 0 || sources.includes(undefined)) {
    throw new TypeError(
      `${what}: "tokenFrom" must be made by authorizationHeader, fromHeader, fromCookie, fromQuery or fromWebSocketProtocol`,
    )
  }
  if (new Set(sources).size < sources.length) {
    throw new TypeError(`${what}: "tokenFrom" must name each source once`)
  }
  const read = sources as readonly ReadSource[]
  return new TokenSources(acceptsDpop ? read.map((source) => source.withDpop ?? source) : read)
}

class TokenSources implements TokenReader {
  readonly #sources: readonly ReadSource[]

  constructor(sources: readonly ReadSource[]) {
    this.#sources = sources
  }

  hasCredentials(request: RequestView): boolean {
    return this.#sources.some((source) => source.find(request) !== undefined)
  }

  readToken(request: RequestView): string {
    let used: { source: ReadSource; values: readonly string[] } | undefined
    for (const source of this.#sources) {
      const values = source.find(request)
      if (values === undefined) continue
      // Two tokens at once: which of them counts must not depend on an order (RFC 6750 section 2).
      if (used !== undefined) throw new BearerError('authorization_repeated')
      used = { source, values }
    }
    if (used === undefined) throw new BearerError('credentials_missing')
    return used.source.read(used.values, request)
  }

  responseHeaders(request: RequestView): Readonly<Record<string, string>> | undefined {
    for (const source of this.#sources) {
      if (source.responseHeaders !== undefined && source.find(request) !== undefined) {
        return source.responseHeaders
      }
    }
    return undefined
  }

  hasDpopScheme(request: RequestView): boolean {
    return this.#sources.some((source) => {
      const values = source.hasDpopScheme === undefined ? undefined : source.find(request)
      return values !== undefined && source.hasDpopScheme?.(values) === true
    })
  }
}

/** Of two values neither counts. */
function onlyValue(values: readonly string[]): string {
  if (values.length > 1) throw new BearerError('authorization_repeated')
  return values[0] as string
}

function cookieValues(request: RequestView, name: string): string[] {
  const pairs = (request.header('cookie') ?? []).flatMap((header) => header.split(';'))
  return pairs.flatMap((pair) => {
    const text = pair.trim()
    return text.startsWith(`${name}=`) ? [text.slice(name.length + 1)] : []
  })
}

function checkOrigin(request: RequestView, allowed: readonly string[]): void {
  const origins = request.header('origin')
  if (origins === undefined) {
    const isHarmless = request.method === 'GET' || request.method === 'HEAD'
    if (isHarmless && request.header('upgrade') === undefined) return
  } else if (origins.length === 1 && allowed.includes(origins[0] as string)) return
  throw new BearerError('origin_not_allowed', { claim: 'origin' })
}

function readName(what: string, name: string): string {
  if (typeof name === 'string' && /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(name)) return name
  throw new TypeError(`${what}: "name" must be a name of letters, digits and hyphens`)
}
