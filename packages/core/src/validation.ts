import { checkOneToken } from './bearer.js'
import { askTenantPolicy, checks, opaqueChecks, type Evaluation } from './checks.js'
import { checkTimes, type TokenTimes } from './claims.js'
import { BearerError, isBearerError } from './errors.js'
import { readDetails, type EventDetails } from './event-details.js'
import { Introspector, isJwtShaped } from './introspection.js'
import { readSignedAnswer } from './introspection-answer.js'
import type { IssuerRules, RealmRules, Recognition, TrustedIssuer } from './issuer.js'
import type { IssuerWithKeys } from './issuer-with-keys.js'
import type { SigningKey } from './jwk.js'
import { KeyStore } from './key-store.js'
import type { Notifier } from './observers.js'
import { entryOf, type IssuerEntry, type ReadOptions } from './options.js'
import { checkPermissions, type CompiledPermission, type PermissionContext } from './permission.js'
import { Realms } from './realms.js'
import type { RequestView } from './request-view.js'
import { checkRevocation } from './revocation.js'
import { checkSenderOf, type PresentedRequest } from './sender-proof.js'
import type { HeaderCache } from './token.js'
import { TokenCache, type Cacheable } from './token-cache.js'
import type { ValidatedToken } from './validated-token.js'

/**
 * A token whose signature was verified, with what must be checked again at every use: in one object, because among many
 * live tokens each further object is a wait for memory.
 */
interface VerifiedToken extends Cacheable, TokenTimes {
  readonly validated: ValidatedToken
  readonly key: SigningKey
  readonly issuer: IssuerWithKeys
  readonly recognition: Recognition
  /** When settings or an introspection have to be asked for again: epoch seconds, infinite where there are none. */
  readonly freshUntil: number
}

/** An evaluation that has passed every check: each has written what it found. */
type Passed = { readonly [N in keyof Evaluation]: NonNullable<Evaluation[N]> }

/** Immediate where nothing has to be waited for: on a hit, a promise would cost more than the checks. */
type Result = ValidatedToken | Promise<ValidatedToken>

const maxHeaders = 256

/** Runs the checks on tokens, and remembers the tokens that passed. Every refusal leaves by throwing. */
export class Validation {
  readonly issuers: readonly IssuerWithKeys[]
  readonly realms: readonly Realms[]
  readonly #options: ReadOptions
  readonly #notifier: Notifier
  readonly #headers: HeaderCache = new Map()
  readonly #cache: TokenCache<VerifiedToken> | undefined
  readonly #hasOpaqueTokens: boolean
  readonly permissionContext: PermissionContext
  /** Of refusals under way; absent where no details are wanted. */
  readonly #details: WeakMap<BearerError, EventDetails> | undefined

  constructor(options: ReadOptions, notifier: Notifier) {
    this.#options = options
    this.#notifier = notifier
    this.#cache = options.tokenCache === false ? undefined : new TokenCache(options.tokenCache)
    this.#details = options.eventDetails ? new WeakMap() : undefined
    this.issuers = options.issuers
      .filter(({ rules }) => rules.realms === undefined)
      .map((entry) => this.#openIssuer(entry, Infinity, undefined))
    this.permissionContext = {
      now: () => this.now(),
      clockToleranceSeconds: options.clockToleranceSeconds,
      authorizationUri: (token) => this.#authorizationUriOf(token),
    }
    this.#hasOpaqueTokens = this.issuers.some(({ introspector }) => introspector?.tokens === 'opaque')
    this.realms = options.issuers.flatMap((entry) =>
      entry.rules.realms === undefined ? [] : [this.#createRealms(entry.rules.realms, entry)],
    )
  }

  /** Drops keys of one issuer or of all. Whether there is such an issuer. */
  forgetKeys(issuer: unknown, kid: string | undefined): boolean {
    const named = this.issuers.filter(
      ({ rules }) =>
        issuer === undefined ||
        (rules as unknown) === issuer ||
        (typeof issuer === 'string' && rules.issuers.includes(issuer)),
    )
    for (const { keys } of named) keys.forget(kid)
    const found = this.realms.map((realms) => {
      if (issuer === undefined || issuer === realms.value) return realms.forget(undefined, kid)
      return typeof issuer === 'string' && realms.forget(issuer, kid)
    })
    return issuer === undefined || named.length > 0 || found.includes(true)
  }

  close(): void {
    for (const { keys } of this.issuers) keys.close()
    for (const realms of this.realms) realms.close()
  }

  #createKeyStore(rules: IssuerRules): KeyStore {
    const { fetch, deniedKeys, waitUntil } = this.#options
    return new KeyStore({
      rules,
      clock: () => this.now(),
      fetch,
      deniedKeys,
      events: this.#notifier,
      waitUntil,
    })
  }

  #createRealms(realms: RealmRules, shared: IssuerEntry): Realms {
    return new Realms(shared.rules as unknown as TrustedIssuer, realms, (rules, validUntil, before) =>
      this.#openIssuer(entryOf(rules, shared), validUntil, before),
    )
  }

  #openIssuer(entry: IssuerEntry, validUntil: number, before: IssuerWithKeys | undefined): IssuerWithKeys {
    const { rules } = entry
    // Keys of the same addresses stay, and with them what they verified.
    const staysWith = before !== undefined && before.rules.keysName === rules.keysName
    if (!staysWith) before?.keys.close()
    const keys = staysWith ? before.keys : this.#createKeyStore(rules)
    return { ...entry, keys, validUntil, introspector: this.#createIntrospector(rules, keys) }
  }

  #createIntrospector(rules: IssuerRules, keys: KeyStore): Introspector | undefined {
    const { introspection, name } = rules
    if (introspection === undefined) return undefined
    return new Introspector({
      name,
      rules: introspection,
      fetch: this.#options.fetch,
      clock: () => this.now(),
      events: this.#notifier,
      readSigned: (text) =>
        readSignedAnswer(text, rules, keys, introspection.signed?.clientId as string, this.now()),
    })
  }

  /** The time by the configured clock. Throws a 503 where the clock throws, or answers with something that is not a time. */
  now(): number {
    let time: unknown
    try {
      time = this.#options.clock()
    } catch {
      // The same refusal as for a clock whose answer is not a time.
    }
    if (typeof time === 'number' && Number.isFinite(time)) return time
    throw new BearerError('check_unavailable', { reason: 'clock' })
  }

  validateRequest(request: RequestView): Result {
    const startedAt = this.start()
    const token = this.#options.tokenReader.readToken(request)
    const presented = this.#present(request)
    const verified = this.#cache?.get(token)
    if (verified !== undefined) return this.#validateAgain(verified, undefined, presented, startedAt)
    checkOneToken(token)
    return this.#validateAnew(token, undefined, presented, this.now(), startedAt)
  }

  validateToken(token: string, permission: CompiledPermission | undefined): Result {
    const startedAt = this.start()
    const verified = this.#cache?.get(token)
    if (verified !== undefined) return this.#validateAgain(verified, permission, undefined, startedAt)
    return this.#validateAnew(token, permission, undefined, this.now(), startedAt)
  }

  #present(request: RequestView): PresentedRequest | undefined {
    const { senders, permission, tokenReader } = this.#options
    if (senders === undefined && permission?.callsApplication !== true) return undefined
    return { request, hasDpopScheme: tokenReader.hasDpopScheme(request), proved: undefined }
  }

  /** The state of a token that no check has seen. */
  evaluationOf(
    token: string,
    permission: CompiledPermission | undefined,
    presented: PresentedRequest | undefined,
    now: number,
    startedAt: number,
    isExplained = false,
  ): Evaluation {
    const isOpaque = this.#hasOpaqueTokens && !isJwtShaped(token)
    return {
      token,
      now,
      checks: isOpaque ? opaqueChecks : checks,
      options: this.#options,
      issuers: this.issuers,
      realms: this.realms,
      headers: this.#headers,
      permission,
      presented,
      permissionContext: this.permissionContext,
      startedAt,
      isExplained,
      parts: undefined,
      algorithm: undefined,
      matchedIssuer: undefined,
      recognition: undefined,
      candidates: undefined,
      key: undefined,
      times: undefined,
      identity: undefined,
      freshUntil: Infinity,
      validated: undefined,
    }
  }

  /** Where the issuer of an accepted token takes claims challenges. */
  #authorizationUriOf({ issuer }: ValidatedToken): string | undefined {
    const found = this.#findIssuer(issuer)
    return found?.rules.authorizationUri?.(found.recognition)
  }

  #findIssuer(issuer: string): { rules: IssuerRules; recognition: Recognition } | undefined {
    for (const { rules, keys } of this.issuers) {
      const recognition = rules.recognise(issuer, keys.metadataIssuer)
      if (recognition === undefined || rules.excludes?.(recognition) === true) continue
      return { rules, recognition }
    }
    return undefined
  }

  /** Notes the details of a token that a guard refuses: it was accepted before. */
  noteGuard(error: BearerError, token: ValidatedToken, startedAt: number): void {
    if (this.#details === undefined) return
    const { claims, clientId, issuer } = token
    const found = this.#findIssuer(issuer)
    const name = found?.rules.name ?? issuer
    this.#details.set(error, readDetails(name, found?.recognition ?? {}, claims, clientId, startedAt))
  }

  /** What an operator may know of a refused token: nothing, unless its signature was verified. */
  detailsOf(error: BearerError): EventDetails | undefined {
    return this.#details?.get(error)
  }

  /** When a validation starts: 0 where no details are wanted. */
  start(): number {
    return this.#details === undefined ? 0 : performance.now()
  }

  #validateAnew(
    token: string,
    permission: CompiledPermission | undefined,
    presented: PresentedRequest | undefined,
    now: number,
    startedAt: number,
  ): Result {
    const evaluation = this.evaluationOf(token, permission, presented, now, startedAt)
    if (this.#details === undefined) return this.#runChecks(evaluation, 0)
    return this.#noting(
      () => this.#runChecks(evaluation, 0),
      () => detailsOfEvaluation(evaluation),
    )
  }

  /** Runs the checks in order. Only where one of them has to wait does the answer become a promise. */
  #runChecks(evaluation: Evaluation, start: number): Result {
    const { checks: list } = evaluation
    for (let index = start; index < list.length; index++) {
      const pending = list[index]?.run(evaluation)
      if (pending !== undefined) return pending.then(() => this.#runChecks(evaluation, index + 1))
    }
    return this.#accept(evaluation)
  }

  #accept(evaluation: Evaluation): Result {
    const { token, parts, times, key, matchedIssuer, recognition, validated } = evaluation as Passed
    // Forgotten while a check waited: what this key verified is not valid any more.
    if (key.servesUntil === -Infinity) {
      const { permission, presented, startedAt } = evaluation
      return this.#validateAnew(token, permission, presented, this.now(), startedAt)
    }
    if (evaluation.checks === checks && !this.#headers.has(parts.headerSegment)) {
      if (this.#headers.size >= maxHeaders) this.#headers.clear()
      this.#headers.set(parts.headerSegment, parts.unverifiedHeader)
    }
    const { expiresAt, notBefore, issuedAt } = times
    const freshUntil = Math.min(evaluation.freshUntil, matchedIssuer.validUntil)
    if (freshUntil > evaluation.now)
      this.#cache?.set(
        {
          token,
          used: false,
          expiresAt,
          notBefore,
          issuedAt,
          bytes: parts.bytes,
          validated,
          key,
          issuer: matchedIssuer,
          recognition,
          freshUntil,
        },
        evaluation.now,
      )
    this.#notifier.accepted(
      validated,
      matchedIssuer.rules.name,
      false,
      this.#details === undefined ? undefined : detailsOfEvaluation(evaluation),
    )
    return validated
  }

  /** A token seen before: only what depends on nothing but its bytes and its key is not checked again. */
  #validateAgain(
    verified: VerifiedToken,
    permission: CompiledPermission | undefined,
    presented: PresentedRequest | undefined,
    startedAt: number,
  ): Result {
    if (this.#details === undefined) return this.#checkAgain(verified, permission, presented, startedAt)
    return this.#noting(
      () => this.#checkAgain(verified, permission, presented, startedAt),
      () => detailsOfVerified(verified, startedAt),
    )
  }

  #checkAgain(
    verified: VerifiedToken,
    permission: CompiledPermission | undefined,
    presented: PresentedRequest | undefined,
    startedAt: number,
  ): Result {
    const now = this.now()
    if (now >= verified.key.servesUntil || now >= verified.freshUntil) {
      this.#cache?.delete(verified)
      return this.#validateAnew(verified.token, permission, presented, now, startedAt)
    }
    verified.issuer.keys.refreshIfDue(now)
    checkTimes(verified, now, this.#options)
    const pending = this.#askAgain(verified, permission, presented, now)
    if (pending === undefined) return this.#acceptAgain(verified, startedAt)
    return pending.then(() =>
      verified.key.servesUntil === -Infinity
        ? this.#validateAnew(verified.token, permission, presented, this.now(), startedAt)
        : this.#acceptAgain(verified, startedAt),
    )
  }

  /** What is never remembered: the proof of the sender, and what the application says. Mostly there is nothing to wait for. */
  #askAgain(
    verified: VerifiedToken,
    permission: CompiledPermission | undefined,
    presented: PresentedRequest | undefined,
    now: number,
  ): void | Promise<void> {
    const { senders, revocation, permission: own } = this.#options
    const { issuer, recognition, validated, token } = verified
    const request = presented?.request.native
    const context = this.permissionContext
    if (senders === undefined && revocation === undefined && issuer.rules.tenantPolicy === undefined) {
      return checkPermissions(own, permission, validated, request, context)
    }
    const steps = [
      // Without sender proofs no bound token was ever accepted.
      () =>
        senders === undefined ? undefined : checkSenderOf(validated.claims, token, now, presented, senders),
      () => askTenantPolicy(issuer, recognition),
      () => checkRevocation(revocation, validated, context),
      () => checkPermissions(own, permission, validated, request, context),
    ]
    return inOrder(steps, 0)
  }

  #acceptAgain(verified: VerifiedToken, startedAt: number): ValidatedToken {
    const { validated, issuer } = verified
    this.#notifier.accepted(
      validated,
      issuer.rules.name,
      true,
      this.#details === undefined ? undefined : detailsOfVerified(verified, startedAt),
    )
    return validated
  }

  /** Runs a validation, and notes the details of its refusal. */
  #noting(validate: () => Result, read: () => EventDetails | undefined): Result {
    const note = (error: unknown): never => {
      const details = read()
      if (details !== undefined && isBearerError(error)) this.#details?.set(error, details)
      throw error
    }
    try {
      const result = validate()
      return result instanceof Promise ? result.catch(note) : result
    } catch (error) {
      return note(error)
    }
  }
}

/** Runs steps one after the other. Only where one has to wait does the whole become a promise. */
function inOrder(steps: readonly (() => void | Promise<void>)[], start: number): void | Promise<void> {
  for (let index = start; index < steps.length; index++) {
    const pending = steps[index]?.()
    if (pending !== undefined) return pending.then(() => inOrder(steps, index + 1))
  }
  return undefined
}

function detailsOfEvaluation(evaluation: Evaluation): EventDetails | undefined {
  const { key, parts, matchedIssuer, recognition, identity, startedAt } = evaluation
  if (key === undefined || parts === undefined || matchedIssuer === undefined) return undefined
  const { name } = matchedIssuer.rules
  return readDetails(name, recognition ?? {}, parts.unverifiedClaims, identity?.clientId, startedAt)
}

function detailsOfVerified(
  { validated, issuer, recognition }: VerifiedToken,
  startedAt: number,
): EventDetails {
  return readDetails(issuer.rules.name, recognition, validated.claims, validated.clientId, startedAt)
}
