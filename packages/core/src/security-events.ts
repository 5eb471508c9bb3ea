import { isSigningAlgorithm } from './algorithms.js'
import { checkAudience, claim, type Claims } from './claims.js'
import { withinTime } from './deadline.js'
import { isBearerError } from './errors.js'
import type { Fetch } from './fetch-json.js'
import { rulesOf, type IssuerRules, type TrustedIssuer } from './issuer.js'
import { isJsonObject } from './json.js'
import { KeyStore } from './key-store.js'
import { createNotifier } from './observers.js'
import { globalFetch, systemClock } from './options.js'
import { checkNames, checkObject, readFunction, readString, readStringList } from './options-reader.js'
import type { Revoked } from './revocation-entry.js'
import { readSubject, type NamedUser } from './security-event-subject.js'
import { readToken, type UnverifiedToken } from './token.js'
import { platform } from '#platform'

/** A pushed request as the application received it. */
export interface SecurityEventRequest {
  /** The value of `Content-Type`. */
  readonly contentType: string | undefined
  /** The value of `Authorization`, where the stream was created with one. */
  readonly authorization?: string | undefined
  /** The body as text. */
  readonly body: string
}

/** What to answer with. */
export interface SecurityEventAnswer {
  /** 202: taken. 400: refused. 503: try again. */
  readonly status: 202 | 400 | 503
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>
  /** The body: empty, or the JSON of RFC 8935 section 2.3. */
  readonly body: string
}

/** What became of one event. Nothing of a person is in it. */
export interface SecurityEvent {
  /** The address that names the type of the event. */
  readonly type: string
  /** `revoked`: the list took it. `ignored`: it revokes nothing. */
  readonly outcome: 'revoked' | 'ignored'
  /**
   * Why it is ignored: `type` (another kind of event), `subject` (its subject cannot be matched with tokens), or `stream` (it
   * is about the stream itself).
   */
  readonly reason?: 'type' | 'subject' | 'stream'
  /** Of an event `verification`: the state that this receiver asked for. */
  readonly state?: string
  /** Of an event `stream-updated`: `enabled`, `paused` or `disabled`. After a pause events may be lost. */
  readonly streamStatus?: string
}

/** Options of `createSecurityEventReceiver`. */
export interface SecurityEventReceiverOptions {
  /**
   * Who sends: made by `oidcIssuer` or `staticIssuer`, with the `audience` that was agreed for the stream. For a transmitter
   * of OpenID Shared Signals `metadataUrl` is the address of its `ssf-configuration`. It is trusted for events alone: its
   * tokens open nothing, and the issuers of tokens may send no events.
   */
  readonly transmitter: TrustedIssuer
  /** The issuers whose tokens it may revoke, as the tokens spell them. */
  readonly revokesFor: string | readonly string[]
  /** What takes the revocations: a list made by `createRevocationList`. */
  readonly list: {
    /** Enters a revocation. A rejection is answered with 503. */
    readonly revoke: (what: Revoked) => Promise<void>
  }
  /** The value of `Authorization` that the stream was created with. Default: none is asked for. */
  readonly authorization?: string | undefined
  /**
   * Finds the user of a subject that has no issuer and subject, such as `{ format: 'email', email }`. Default: such events
   * are taken and revoke nothing. A function that fails, or does not answer within 5 seconds, is answered with 503.
   */
  readonly findUser?:
    | ((subject: Readonly<Record<string, unknown>>) => NamedUser | undefined | Promise<NamedUser | undefined>)
    | undefined
  /** Called for every event that was taken. What it throws changes nothing. */
  readonly onEvent?: ((event: SecurityEvent) => void) | undefined
  /** The time in seconds since the epoch. Default: the system clock. */
  readonly clock?: (() => number) | undefined
  /** Fetches metadata and keys. Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined
}

/** Codes of RFC 8935 section 2.4, with fixed words for the transmitter. */
const refusals = {
  invalid_request: 'The request is not a security event token, or it is malformed',
  invalid_key: 'The signature cannot be verified',
  invalid_issuer: 'The issuer is not the transmitter of this stream',
  invalid_audience: 'The audience is not this receiver',
  authentication_failed: 'The transmitter is not authenticated',
  access_denied: 'The transmitter may not send events about this issuer',
} as const

type Refusal = keyof typeof refusals

class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusals[refusal])
    this.refusal = refusal
  }
}

const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const risc = 'https://schemas.openid.net/secevent/risc/event-type/'
const stream = 'https://schemas.openid.net/secevent/ssf/event-type/'

/** After these a user's tokens are not to be believed any more: the session is over, or what the tokens say is not true now. */
const revokingTypes: ReadonlySet<string> = new Set([
  `${caep}session-revoked`,
  `${caep}credential-change`,
  `${caep}token-claims-change`,
  `${risc}account-disabled`,
  `${risc}account-purged`,
  `${risc}account-credential-change-required`,
  `${risc}credential-compromise`,
  `${risc}sessions-revoked`,
])

const maxBytes = 64 * 1024
const maxRemembered = 10_000
const toleranceSeconds = 60

/**
 * Makes a function that takes security event tokens (RFC 8417) pushed by a transmitter of OpenID Shared Signals (RFC 8935),
 * and enters what they revoke in a list. It checks that the token is an event and nothing else (`typ`, no `sub`, no `exp`),
 * issuer, audience, signature and time, and that the transmitter may speak for the issuer of the subject.
 *
 * CAEP `session-revoked`, `credential-change` and `token-claims-change`, and the RISC events that disable an account,
 * revoke; every other event is taken and does nothing. It does not create the stream, and does not poll (RFC 8936). An event
 * that was taken before does nothing. What the list does not take is answered with 503, so that the transmitter tries again.
 *
 * Throws a TypeError if an option is wrong, missing or unknown. The function itself never rejects.
 *
 * @example
 * ```ts
 * import { createRevocationList, createSecurityEventReceiver, oidcIssuer } from '@countersign/core'
 *
 * const list = createRevocationList({ maxTokenLifeSeconds: 3600 })
 * const receive = createSecurityEventReceiver({
 *   transmitter: oidcIssuer({
 *     issuer: 'https://idp.example',
 *     metadataUrl: 'https://idp.example/.well-known/ssf-configuration',
 *     audience: 'https://api.example/events',
 *   }),
 *   revokesFor: 'https://idp.example/oauth2/default',
 *   list,
 * })
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const { headers } = request
 *   const { status, body, ...answer } = await receive({
 *     contentType: headers.get('content-type') ?? undefined,
 *     authorization: headers.get('authorization') ?? undefined,
 *     body: await request.text(),
 *   })
 *   return new Response(body, { status, ...answer })
 * }
 * ```
 */
export function createSecurityEventReceiver(
  options: SecurityEventReceiverOptions,
): (request: SecurityEventRequest) => Promise<SecurityEventAnswer> {
  const receiver = new SecurityEventReceiver(readOptions(options))
  return async (request) => {
    try {
      await receiver.receive(request)
      return { status: 202, headers: {}, body: '' }
    } catch (error) {
      return answerOf(error)
    }
  }
}

function answerOf(error: unknown): SecurityEventAnswer {
  // Whatever else failed is this side's: an event that is not taken must come again.
  if (!(error instanceof Refused)) return { status: 503, headers: { 'Retry-After': '5' }, body: '' }
  const { refusal } = error
  return {
    status: 400,
    headers: { 'Content-Type': 'application/json', 'Content-Language': 'en' },
    body: JSON.stringify({ err: refusal, description: refusals[refusal] }),
  }
}

interface ReadReceiverOptions {
  readonly rules: IssuerRules
  readonly audience: readonly string[]
  readonly revokesFor: readonly string[]
  readonly revoke: (what: Revoked) => Promise<void>
  readonly authorization: string | undefined
  readonly findUser: SecurityEventReceiverOptions['findUser']
  readonly onEvent: SecurityEventReceiverOptions['onEvent']
  readonly clock: () => number
  readonly fetch: Fetch
}

function readOptions(options: SecurityEventReceiverOptions): ReadReceiverOptions {
  const what = 'createSecurityEventReceiver'
  checkObject(what, options)
  checkNames(what, options, [
    'transmitter',
    'revokesFor',
    'list',
    'authorization',
    'findUser',
    'onEvent',
    'clock',
    'fetch',
  ])
  const rules = rulesOf(options.transmitter)
  if (
    rules === undefined ||
    rules.realms !== undefined ||
    rules.issuers.length === 0 ||
    rules.family !== undefined ||
    rules.introspection !== undefined
  ) {
    throw new TypeError(`${what}: "transmitter" must be made by oidcIssuer or staticIssuer`)
  }
  const { audience } = rules.settings
  if (audience === undefined) {
    throw new TypeError(`${what}: "transmitter" must have the audience of the stream`)
  }
  checkObject(`${what}: list`, options.list)
  const { list, authorization, findUser, onEvent } = options
  readFunction(`${what}: list`, 'revoke', list.revoke)
  return {
    rules,
    audience,
    revokesFor: readStringList(what, 'revokesFor', options.revokesFor),
    revoke: (revoked) => list.revoke(revoked),
    authorization: authorization === undefined ? undefined : readString(what, 'authorization', authorization),
    findUser: findUser === undefined ? undefined : readFunction(what, 'findUser', findUser),
    onEvent: onEvent === undefined ? undefined : readFunction(what, 'onEvent', onEvent),
    clock: readFunction(what, 'clock', options.clock ?? systemClock),
    fetch: readFunction(what, 'fetch', options.fetch ?? globalFetch),
  }
}

class SecurityEventReceiver {
  readonly #options: ReadReceiverOptions
  readonly #keys: KeyStore
  /** Ids of events that were taken. To take one again changes nothing, so that the oldest may be dropped. */
  readonly #taken = new Set<string>()

  constructor(options: ReadReceiverOptions) {
    this.#options = options
    const { rules, clock, fetch } = options
    this.#keys = new KeyStore({
      rules,
      clock,
      fetch,
      deniedKeys: new Set(),
      events: createNotifier({}),
      waitUntil: undefined,
    })
  }

  /** Resolves once the event was taken. Rejects with `Refused`, or with another error where this side failed. */
  async receive({ contentType, authorization, body }: SecurityEventRequest): Promise<void> {
    const mediaType = String(contentType).split(';')[0]?.trim().toLowerCase()
    if (mediaType !== 'application/secevent+jwt' || typeof body !== 'string')
      throw new Refused('invalid_request')
    const expected = this.#options.authorization
    if (expected !== undefined && !(await isSameSecret(expected, authorization))) {
      throw new Refused('authentication_failed')
    }
    const claims = await this.#verify(body.trim())
    const id = claim(claims, 'jti') as string
    if (this.#taken.has(id)) return
    const reports = await this.#take(claims)
    this.#remember(id)
    for (const report of reports) this.#report(report)
  }

  async #verify(text: string): Promise<Claims> {
    const { rules, audience, clock } = this.#options
    const parts = readEvent(text)
    const claims = parts.unverifiedClaims
    const { alg, kid, x5t } = parts.unverifiedHeader
    if (!isSigningAlgorithm(alg) || !rules.algorithms.includes(alg)) throw new Refused('invalid_key')
    if (!rules.issuers.includes(String(claim(claims, 'iss')))) throw new Refused('invalid_issuer')
    asRefusal('invalid_audience', () => checkAudience(claims, audience))
    checkContent(claims, clock())
    let candidates
    try {
      const wanted = { kid: optionalText(kid), x5t: optionalText(x5t), algorithm: alg }
      candidates = await this.#keys.find(wanted, () => {})
    } catch (error) {
      if (isBearerError(error) && error.status === 401) throw new Refused('invalid_key')
      throw error
    }
    for (const key of candidates.keys) if (await platform.verify(key, alg, parts)) return claims
    throw new Refused('invalid_key')
  }

  async #take(claims: Claims): Promise<SecurityEvent[]> {
    const events = Object.entries(claim(claims, 'events') as Readonly<Record<string, unknown>>)
    const readings = await Promise.all(events.map(([type, event]) => this.#read(type, event, claims)))
    // Nothing is entered unless all of it can be.
    for (const { revoked } of readings) for (const each of revoked) await this.#options.revoke(each)
    return readings.map(({ report }) => report)
  }

  async #read(
    type: string,
    event: unknown,
    claims: Claims,
  ): Promise<{ revoked: readonly Revoked[]; report: SecurityEvent }> {
    if (!isJsonObject(event)) throw new Refused('invalid_request')
    if (type.startsWith(stream)) return { revoked: [], report: streamReport(type, event) }
    if (!revokingTypes.has(type)) return { revoked: [], report: { type, outcome: 'ignored', reason: 'type' } }
    const { revokesFor } = this.#options
    const subject = claim(claims, 'sub_id') ?? claim(event, 'subject')
    const reading = await readSubject(subject, happenedAt(event, claims), {
      transmitter: String(claim(claims, 'iss')),
      revokesFor,
      findUser: (unnamed) => this.#findUser(unnamed),
    })
    if ('revoked' in reading) return { revoked: reading.revoked, report: { type, outcome: 'revoked' } }
    if (reading.fault === 'malformed') throw new Refused('invalid_request')
    if (reading.fault === 'issuer_not_bound') throw new Refused('access_denied')
    return { revoked: [], report: { type, outcome: 'ignored', reason: 'subject' } }
  }

  async #findUser(subject: Readonly<Record<string, unknown>>): Promise<NamedUser | undefined> {
    const { findUser } = this.#options
    if (findUser === undefined) return undefined
    const user: unknown = await withinTime(findUser(subject))
    if (user === undefined) return undefined
    if (isJsonObject(user) && typeof user.issuer === 'string' && typeof user.subject === 'string') {
      return { issuer: user.issuer, subject: user.subject }
    }
    throw new TypeError('findUser: expected { issuer, subject } or undefined')
  }

  #remember(id: string): void {
    this.#taken.add(id)
    if (this.#taken.size <= maxRemembered) return
    for (const oldest of this.#taken) {
      this.#taken.delete(oldest)
      return
    }
  }

  #report(event: SecurityEvent): void {
    try {
      const result: unknown = this.#options.onEvent?.(event)
      if (result instanceof Promise) result.catch(() => {})
    } catch {
      // The failure of an observer is its own.
    }
  }
}

/** Reads a text that claims to be a security event token. Each kind of JWT has rules of its own (RFC 8725 section 3.12). */
function readEvent(text: string): UnverifiedToken {
  const parts = asRefusal('invalid_request', () => readToken(text, maxBytes, new Map()))
  const { typ, crit, b64 } = parts.unverifiedHeader
  const isEvent = typeof typ === 'string' && /^(application\/)?secevent\+jwt$/i.test(typ)
  if (!isEvent || crit !== undefined || b64 !== undefined) throw new Refused('invalid_request')
  return parts
}

function checkContent(claims: Claims, now: number): void {
  // With one of them it could pass as another kind of JWT (OpenID Shared Signals 1.0 section 4.1).
  const isOfAnotherKind = ['sub', 'exp'].some((name) => Object.hasOwn(claims, name))
  const [id, issuedAt, events] = [claim(claims, 'jti'), claim(claims, 'iat'), claim(claims, 'events')]
  const isComplete =
    typeof id === 'string' &&
    id !== '' &&
    id.length <= 1024 &&
    typeof issuedAt === 'number' &&
    issuedAt <= now + toleranceSeconds &&
    isJsonObject(events) &&
    Object.keys(events).length > 0
  if (isOfAnotherKind || !isComplete) throw new Refused('invalid_request')
}

/** When it happened: never later than the event was issued, so that no token of later is revoked. */
function happenedAt(event: Readonly<Record<string, unknown>>, claims: Claims): number {
  const issuedAt = claim(claims, 'iat') as number
  const timestamp = claim(event, 'event_timestamp')
  return typeof timestamp === 'number' && timestamp > 0 ? Math.min(timestamp, issuedAt) : issuedAt
}

function streamReport(type: string, event: Readonly<Record<string, unknown>>): SecurityEvent {
  const [state, status] = [claim(event, 'state'), claim(event, 'status')]
  return {
    type,
    outcome: 'ignored',
    reason: 'stream',
    ...(typeof state === 'string' ? { state } : {}),
    ...(typeof status === 'string' ? { streamStatus: status } : {}),
  }
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function asRefusal<T>(refusal: Refusal, read: () => T): T {
  try {
    return read()
  } catch {
    throw new Refused(refusal)
  }
}

/** Compares digests, so that the time says nothing about how much is right. */
async function isSameSecret(expected: string, given: string | undefined): Promise<boolean> {
  const digest = async (text: string): Promise<string> =>
    String(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
  return (await digest(expected)) === (await digest(given ?? ''))
}
