import { checkOneToken, readBearerToken } from './bearer.js'
import { askTenantPolicy, checks, type Evaluation, type IssuerWithKeys } from './checks.js'
import { checkTimes, type TokenTimes } from './claims.js'
import { BearerError } from './errors.js'
import type { Recognition } from './issuer.js'
import type { SigningKey } from './jwk.js'
import { KeyStore } from './key-store.js'
import type { Notifier } from './observers.js'
import type { ReadOptions } from './options.js'
import { checkPermission, type CompiledPermission } from './permission.js'
import type { RequestView } from './request-view.js'
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
}

/** An evaluation that has passed every check: each has written what it found. */
type Passed = { readonly [N in keyof Evaluation]: NonNullable<Evaluation[N]> }

/** Immediate where nothing has to be waited for: on a hit, a promise would cost more than the checks. */
type Result = ValidatedToken | Promise<ValidatedToken>

const maxHeaders = 256

/** Runs the checks on tokens, and remembers the tokens that passed. Every refusal leaves by throwing. */
export class Validation {
  readonly issuers: readonly IssuerWithKeys[]
  readonly #options: ReadOptions
  readonly #notifier: Notifier
  readonly #headers: HeaderCache = new Map()
  readonly #cache: TokenCache<VerifiedToken> | undefined

  constructor(options: ReadOptions, notifier: Notifier) {
    this.#options = options
    this.#notifier = notifier
    this.#cache = options.tokenCache === false ? undefined : new TokenCache(options.tokenCache)
    this.issuers = options.issuers.map((entry) => ({
      ...entry,
      keys: new KeyStore({
        rules: entry.rules,
        clock: () => this.now(),
        fetch: options.fetch,
        deniedKeys: options.deniedKeys,
        events: notifier,
        waitUntil: options.waitUntil,
      }),
    }))
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
    const token = readBearerToken(request.header('authorization'))
    const verified = this.#cache?.get(token)
    if (verified !== undefined) return this.#validateAgain(verified, undefined)
    checkOneToken(token)
    return this.#validateAnew(token, undefined, this.now())
  }

  validateToken(token: string, permission: CompiledPermission | undefined): Result {
    const verified = this.#cache?.get(token)
    if (verified !== undefined) return this.#validateAgain(verified, permission)
    return this.#validateAnew(token, permission, this.now())
  }

  /** The state of a token that no check has seen. */
  evaluationOf(
    token: string,
    permission: CompiledPermission | undefined,
    now: number,
    isExplained: boolean,
  ): Evaluation {
    return {
      token,
      now,
      options: this.#options,
      issuers: this.issuers,
      headers: this.#headers,
      permission,
      isExplained,
      parts: undefined,
      algorithm: undefined,
      matchedIssuer: undefined,
      recognition: undefined,
      candidates: undefined,
      key: undefined,
      times: undefined,
      identity: undefined,
      validated: undefined,
    }
  }

  #validateAnew(token: string, permission: CompiledPermission | undefined, now: number): Result {
    return this.#runChecks(this.evaluationOf(token, permission, now, false), 0)
  }

  /** Runs the checks in order. Only where one of them has to wait does the answer become a promise. */
  #runChecks(evaluation: Evaluation, start: number): Result {
    for (let index = start; index < checks.length; index++) {
      const pending = checks[index]?.run(evaluation)
      if (pending !== undefined) return pending.then(() => this.#runChecks(evaluation, index + 1))
    }
    return this.#accept(evaluation)
  }

  #accept(evaluation: Evaluation): Result {
    const { token, parts, times, key, matchedIssuer, recognition, validated } = evaluation as Passed
    // Forgotten while a check waited: what this key verified is not valid any more.
    if (key.servesUntil === -Infinity) return this.#validateAnew(token, evaluation.permission, this.now())
    if (!this.#headers.has(parts.headerSegment)) {
      if (this.#headers.size >= maxHeaders) this.#headers.clear()
      this.#headers.set(parts.headerSegment, parts.unverifiedHeader)
    }
    const { expiresAt, notBefore, issuedAt } = times
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
      },
      evaluation.now,
    )
    this.#notifier.accepted(validated, matchedIssuer.rules.name, false)
    return validated
  }

  /** A token seen before: only what depends on nothing but its bytes and its key is not checked again. */
  #validateAgain(verified: VerifiedToken, permission: CompiledPermission | undefined): Result {
    const now = this.now()
    if (now >= verified.key.servesUntil) {
      this.#cache?.delete(verified)
      return this.#validateAnew(verified.token, permission, now)
    }
    verified.issuer.keys.refreshIfDue(now)
    checkTimes(verified, now, this.#options)
    const pending = askTenantPolicy(verified.issuer, verified.recognition)
    if (pending === undefined) return this.#acceptAgain(verified, permission)
    return pending.then(() =>
      verified.key.servesUntil === -Infinity
        ? this.#validateAnew(verified.token, permission, this.now())
        : this.#acceptAgain(verified, permission),
    )
  }

  #acceptAgain(verified: VerifiedToken, permission: CompiledPermission | undefined): ValidatedToken {
    const { validated, issuer } = verified
    checkPermission(this.#options.permission, validated)
    checkPermission(permission, validated)
    this.#notifier.accepted(validated, issuer.rules.name, true)
    return validated
  }
}
