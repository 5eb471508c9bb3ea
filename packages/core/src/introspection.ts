import { BackOff } from './back-off.js'
import { BearerError } from './errors.js'
import { withinTime } from './deadline.js'
import {
  FetchError,
  fetchDocument,
  isFetchError,
  type Fetch,
  type FetchDetail,
  type FetchFault,
} from './fetch-json.js'
import { readJsonObject } from './json.js'
import type { Claims } from './claims.js'
import { platform } from '#platform'

/** How this API authenticates at an introspection endpoint. */
export type IntrospectionAuthentication =
  | {
      /** The client id of this API at the authorization server. */
      readonly clientId: string
      /** Its secret, or a function that gives it for each request. Sent as HTTP Basic (RFC 6749 section 2.3.1). */
      readonly clientSecret: string | (() => string | Promise<string>)
    }
  | {
      /** A token that authenticates this API, or a function that gives it for each request. */
      readonly bearerToken: string | (() => string | Promise<string>)
    }
  | (() => IntrospectionCredentials | Promise<IntrospectionCredentials>)

/** What a function of the application adds to an introspection request: a client assertion, for example. */
export interface IntrospectionCredentials {
  /** Headers of the request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Parameters of the form beside `token`: `client_id`, `client_assertion`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

/** How an issuer's tokens are introspected. */
export interface IntrospectionRules {
  readonly url: string
  /** `opaque`: instead of a signature; `jwt`: after it. */
  readonly tokens: 'opaque' | 'jwt'
  readonly maxAgeSeconds: number
  readonly credentials: () => Promise<IntrospectionCredentials>
  /** Reads a signed answer (RFC 9701); absent where plain JSON is expected. */
  readonly signed?: { readonly clientId: string }
}

/** What the introspection of one issuer reports. Nothing of a token is in it. */
export interface IntrospectionEvents {
  introspectionFailed(
    event: { issuer: string; fault: string } & {
      [N in keyof FetchDetail]?: Exclude<FetchDetail[N], undefined>
    },
  ): void
}

export interface IntrospectorOptions {
  readonly name: string
  readonly rules: IntrospectionRules
  readonly fetch: Fetch
  readonly clock: () => number
  readonly events: IntrospectionEvents
  /** Verifies a signed answer, and returns its claims. Throws where it is not the issuer's. */
  readonly readSigned: (text: string) => Promise<Claims>
}

/** A definite answer: the claims of an active token, and until when they may be used. */
export interface Introspected {
  readonly claims: Claims
  /** What the answer takes in memory, as an estimate. */
  readonly bytes: number
  readonly freshUntil: number
}

const maxAnswerBytes = 256 * 1024
const maxInFlight = 1000
const maxRemembered = 1000
const rememberSeconds = 10

/**
 * Asks the introspection endpoint of one issuer (RFC 7662). One request is in flight for each token. That a token is not
 * active is remembered for a few seconds, in a bound of its own, so that invalid tokens evict nothing. Failures back off;
 * they are this API's or the server's, and answered with 503.
 */
export class Introspector {
  readonly #options: IntrospectorOptions
  readonly #inFlight = new Map<string, Promise<Introspected>>()
  readonly #inactive = new Map<string, number>()
  /** Tokens about which the answer was unusable: one such token does not stop the questions about others. */
  readonly #undecided = new Map<string, number>()
  readonly #backOff = new BackOff()

  constructor(options: IntrospectorOptions) {
    this.#options = options
  }

  get tokens(): 'opaque' | 'jwt' {
    return this.#options.rules.tokens
  }

  /** The claims of an active token. Throws `token_inactive`, or a 503. */
  ask(token: string): Promise<Introspected> {
    const now = this.#options.clock()
    // The characters that RFC 6750 section 2.1 allows: nothing else can be a token.
    if (!/^[\w.~+/-]+=*$/.test(token)) throw new BearerError('token_malformed', { reason: 'characters' })
    if (isRemembered(this.#inactive, token, now)) throw new BearerError('token_inactive')
    if (isRemembered(this.#undecided, token, now)) throw new BearerError('introspection_unavailable')
    const underWay = this.#inFlight.get(token)
    if (underWay !== undefined) return underWay
    if (!this.#backOff.mayTry(now) || this.#inFlight.size >= maxInFlight) {
      throw new BearerError('introspection_unavailable')
    }
    const asking = this.#ask(token).finally(() => this.#inFlight.delete(token))
    this.#inFlight.set(token, asking)
    return asking
  }

  async #ask(token: string): Promise<Introspected> {
    const { clock, rules } = this.#options
    let answer: { readonly claims: Claims; readonly bytes: number }
    try {
      answer = await this.#fetchAnswer(token)
      this.#backOff.succeed()
    } catch (error) {
      this.#noteFailure(error, token)
      throw new BearerError('introspection_unavailable')
    }
    const now = clock()
    // Only the JSON value true: a word or a number is not an answer (RFC 7662 section 2.2).
    if (answer.claims.active === false) {
      remember(this.#inactive, token, now)
      throw new BearerError('token_inactive')
    }
    return { ...answer, freshUntil: now + rules.maxAgeSeconds }
  }

  async #fetchAnswer(token: string): Promise<{ claims: Claims; bytes: number }> {
    const { rules, fetch, readSigned } = this.#options
    const { headers = {}, parameters = {} } = await this.#credentials()
    const signedType = 'application/token-introspection+jwt'
    const { type, text } = await fetchDocument(
      fetch,
      rules.url,
      {
        method: 'POST',
        headers: {
          ...headers,
          accept: rules.signed === undefined ? 'application/json' : signedType,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token', ...parameters }).toString(),
      },
      maxAnswerBytes,
    )
    // A plain answer where a signed one is required is a downgrade (RFC 9701 section 5).
    const isSigned = type === signedType
    if (isSigned !== (rules.signed !== undefined)) throw new FetchError('answer')
    const answer = readJsonObject(isSigned ? JSON.stringify(await readSigned(text)) : text)
    if (answer.object === undefined || typeof answer.object.active !== 'boolean') {
      throw new FetchError('answer')
    }
    return { claims: answer.object, bytes: answer.bytes + text.length }
  }

  async #credentials(): Promise<IntrospectionCredentials> {
    try {
      return await this.#options.rules.credentials()
    } catch {
      throw new FetchError('credentials')
    }
  }

  #noteFailure(error: unknown, token: string): void {
    const { clock, events, name } = this.#options
    const { fault, detail } = isFetchError(error) ? error : new FetchError('answer')
    if (concernsAll(fault, detail)) this.#backOff.fail(clock())
    else remember(this.#undecided, token, clock())
    const known = Object.entries(detail).filter(([, value]) => value !== undefined)
    events.introspectionFailed({ issuer: name, fault, ...(Object.fromEntries(known) as object) })
  }
}

/** Whether a failure says something about the endpoint or this API, and not about one token alone. */
function concernsAll(fault: FetchFault, { status = 0 }: FetchDetail): boolean {
  if (['network', 'timeout', 'credentials'].includes(fault)) return true
  return [401, 403, 429].includes(status) || status >= 500
}

function remember(tokens: Map<string, number>, token: string, now: number): void {
  if (tokens.size >= maxRemembered) tokens.clear()
  tokens.set(token, now)
}

function isRemembered(tokens: Map<string, number>, token: string, now: number): boolean {
  return Math.abs(now - (tokens.get(token) ?? -Infinity)) < rememberSeconds
}

/** Whether a token is a JWT or JWE, by its header: those are never sent to an introspection endpoint in place of a check. */
export function isJwtShaped(token: string): boolean {
  const end = token.indexOf('.')
  if (end === -1) return false
  const header = platform.decodeText(token.slice(0, end))
  return header !== undefined && readJsonObject(header).object !== undefined
}

/** What a function or a value of the configuration gives, as text. Throws where it gives anything else, or too late. */
export async function secretText(source: unknown): Promise<string> {
  const text = typeof source === 'function' ? await withinTime((source as () => unknown)()) : source
  if (typeof text !== 'string' || text === '') throw new TypeError('not a text')
  return text
}
