import { askTenantPolicy, checks, requirePermission, type Evaluation, type IssuerAtWork } from './checks.js'
import { checkTimes, type TokenTimes } from './claims.js'
import { isBearerError } from './errors.js'
import { explain, type Explanation } from './explain.js'
import type { Recognition } from './issuer.js'
import type { SigningKey } from './jwk.js'
import { readSnapshot, type KeySnapshot } from './key-snapshot.js'
import { KeyStore } from './key-store.js'
import { createAnnouncer } from './observers.js'
import { readOptions, type TokenValidatorOptions } from './options.js'
import { checkNames, checkObject, readString } from './options-reader.js'
import { compilePermission, type CompiledPermission, type Permission } from './permission.js'
import { createRefuse } from './refuse.js'
import { checkOneToken, readBearerToken } from './bearer.js'
import { TokenCache, type Cacheable } from './token-cache.js'
import type { HeaderCache } from './token.js'
import type { ValidatedToken } from './validated-token.js'

/** What is read of a request: the raw values of each header, all of them. */
export interface BearerRequest {
  readonly authorization: readonly string[] | undefined
}

/** Which keys to drop at once. Without a member: all of them. */
export interface ForgetKeysOptions {
  /** The issuer as configured: an address, or the value that was made for it. Default: every issuer. */
  readonly issuer?: string | object
  /** One key id, refused from now on for the life of the process. */
  readonly kid?: string
}

/** Validates bearer tokens of the issuers it trusts. Its methods are bound: they can be taken off it. */
export interface TokenValidator {
  /**
   * Validates a token, from wherever it came. Rejects with a `BearerError` where any check fails, and with a TypeError for a
   * malformed permission. It does not check where the token came from: a request's header is `authenticate`'s business.
   */
  readonly validateToken: (token: string, permission?: Permission) => Promise<ValidatedToken>
  /**
   * Validates the bearer token of a request. Answers at once for a token seen before, else with a promise; refuses by
   * throwing or rejecting a `BearerError`. This is what adapters call.
   */
  readonly authenticate: (request: BearerRequest) => ValidatedToken | Promise<ValidatedToken>
  /** Refuses a token that lacks a permission (403), and the absence of any token (401). */
  readonly checkPermission: (token: ValidatedToken | null, permission: CompiledPermission) => void
  /** Runs every check on a token and tells each verdict, for a person who asks why a token is refused. */
  readonly explain: (token: string, permission?: Permission) => Promise<Explanation>
  /** Resolves once metadata and keys of every issuer are there: for readiness probes. Rejects with `keys_unavailable`. */
  readonly ready: () => Promise<void>
  /** Drops keys at once, and with them what they verified: the emergency brake for a leaked key. */
  readonly forgetKeys: (which?: ForgetKeysOptions) => void
  /** The public keys held now, as plain JSON, for `importKeys` of another process. */
  readonly exportKeys: () => KeySnapshot
  /**
   * Takes in keys of a snapshot made for the same issuers, so that the first request need not wait. Throws a TypeError for a
   * malformed one. No key lives longer for it, and denied keys stay out. It does not check where the snapshot comes from.
   */
  readonly importKeys: (snapshot: KeySnapshot) => void
  /** Stops what timers there are. A closed validator goes on answering. */
  readonly close: () => void
}

/**
 * A token whose signature was verified, with what must be asked again at every use: in one object, because among many
 * live tokens each object more is a wait for memory.
 */
interface Verified extends Cacheable, TokenTimes {
  readonly validated: ValidatedToken
  readonly key: SigningKey
  readonly at: IssuerAtWork
  readonly recognition: Recognition
}

/** An evaluation that has passed every check: each has written what it found. */
type Passed = { readonly [N in keyof Evaluation]: NonNullable<Evaluation[N]> }

const maximumHeaders = 256

/**
 * Makes a validator. Everything it is told is checked here: a TypeError names the option and what was expected. It starts no
 * timer and no request; metadata and keys are fetched when the first token needs them, or by `ready()`.
 */
export function createTokenValidator(options: TokenValidatorOptions): TokenValidator {
  const read = readOptions(options)
  const announcer = createAnnouncer(read.observers)
  const refuse = createRefuse({ resourceMetadata: read.resourceMetadata })
  const headers: HeaderCache = new Map()
  const cache = read.tokenCache === false ? undefined : new TokenCache<Verified>(read.tokenCache)
  const issuers: readonly IssuerAtWork[] = read.issuers.map((entry) => ({
    ...entry,
    keys: new KeyStore({
      issuer: entry.issuer,
      clock: now,
      fetch: read.fetch,
      deniedKeys: read.deniedKeys,
      events: announcer,
      waitUntil: read.waitUntil,
    }),
  }))

  function now(): number {
    let time: unknown
    try {
      time = read.clock()
    } catch {
      // Told below: a clock that throws tells as little as one that tells nonsense.
    }
    if (typeof time === 'number' && Number.isFinite(time)) return time
    throw refuse('check_unavailable', { reason: 'clock' })
  }

  /** Runs the checks in order. Only where one of them has to wait does the answer become a promise. */
  function runFrom(start: number, evaluation: Evaluation): ValidatedToken | Promise<ValidatedToken> {
    for (let index = start; index < checks.length; index++) {
      const pending = checks[index]?.run(evaluation)
      if (pending !== undefined) return pending.then(() => runFrom(index + 1, evaluation))
    }
    return accept(evaluation)
  }

  function accept(evaluation: Evaluation): ValidatedToken | Promise<ValidatedToken> {
    const { token, parts, times, key, at, recognition, validated } = evaluation as Passed
    // Forgotten while something was waited for: what it verified counts no more.
    if (key.servesUntil === -Infinity) return evaluate(token, evaluation.permission, now())
    if (!headers.has(parts.headerSegment)) {
      if (headers.size >= maximumHeaders) headers.clear()
      headers.set(parts.headerSegment, parts.unverifiedHeader)
    }
    const { expiresAt, notBefore, issuedAt } = times
    cache?.set(
      { token, used: false, expiresAt, notBefore, issuedAt, validated, key, at, recognition },
      evaluation.now,
    )
    announcer.accepted(validated, at.issuer.name, false)
    return validated
  }

  /** A token seen before: only what depends on nothing but its bytes and its key is not asked again. */
  function reaccept(
    verified: Verified,
    permission: CompiledPermission | undefined,
  ): ValidatedToken | Promise<ValidatedToken> {
    const time = now()
    if (time >= verified.key.servesUntil) {
      cache?.delete(verified)
      return evaluate(verified.token, permission, time)
    }
    verified.at.keys.refreshIfDue(time)
    checkTimes(verified, time, read, refuse)
    const pending = askTenantPolicy(verified.at, verified.recognition, refuse)
    if (pending === undefined) return finishReaccepting(verified, permission)
    return pending.then(() =>
      verified.key.servesUntil === -Infinity
        ? evaluate(verified.token, permission, now())
        : finishReaccepting(verified, permission),
    )
  }

  function finishReaccepting(
    { validated, at }: Verified,
    permission: CompiledPermission | undefined,
  ): ValidatedToken {
    requirePermission(read.permission, validated, refuse)
    requirePermission(permission, validated, refuse)
    announcer.accepted(validated, at.issuer.name, true)
    return validated
  }

  function evaluate(
    token: string,
    permission: CompiledPermission | undefined,
    time: number,
  ): ValidatedToken | Promise<ValidatedToken> {
    return runFrom(0, createEvaluation(token, permission, time))
  }

  function createEvaluation(
    token: string,
    permission: CompiledPermission | undefined,
    time: number,
  ): Evaluation {
    return {
      token,
      now: time,
      options: read,
      issuers,
      headers,
      permission,
      refuse,
      parts: undefined,
      algorithm: undefined,
      at: undefined,
      recognition: undefined,
      candidates: undefined,
      key: undefined,
      times: undefined,
      identity: undefined,
      validated: undefined,
    }
  }

  function judge(
    token: string,
    verified: Verified | undefined,
    permission: CompiledPermission | undefined,
  ): ValidatedToken | Promise<ValidatedToken> {
    return verified === undefined ? evaluate(token, permission, now()) : reaccept(verified, permission)
  }

  function tellRefusal(error: unknown): void {
    if (!isBearerError(error)) return
    const { code, status, claim, reason } = error
    announcer.refused({
      code,
      status,
      ...(claim === undefined ? {} : { claim }),
      ...(reason === undefined ? {} : { reason }),
    })
  }

  function rethrow(error: unknown): never {
    tellRefusal(error)
    throw error
  }

  return Object.freeze<TokenValidator>({
    async validateToken(token, permission) {
      const compiled = permission === undefined ? undefined : compilePermission(permission)
      try {
        if (typeof token !== 'string' || token === '') throw refuse('credentials_missing')
        return await judge(token, cache?.get(token), compiled)
      } catch (error) {
        return rethrow(error)
      }
    },

    authenticate({ authorization }) {
      try {
        const token = readBearerToken(authorization, refuse)
        const verified = cache?.get(token)
        if (verified === undefined) checkOneToken(token, refuse)
        const result = judge(token, verified, undefined)
        return result instanceof Promise ? result.catch(rethrow) : result
      } catch (error) {
        return rethrow(error)
      }
    },

    checkPermission(token, permission) {
      try {
        if (token === null) throw refuse('credentials_missing')
        requirePermission(permission, token, refuse)
      } catch (error) {
        rethrow(error)
      }
    },

    async explain(token, permission) {
      const compiled = permission === undefined ? undefined : compilePermission(permission)
      return explain(createEvaluation(String(token), compiled, now()))
    },

    async ready() {
      await Promise.all(issuers.map(({ keys }) => keys.load(refuse)))
    },

    forgetKeys(which = {}) {
      checkObject('forgetKeys', which)
      checkNames('forgetKeys', which, ['issuer', 'kid'])
      const { issuer } = which
      // A key id that is there and undefined was meant to be one: it must not pass for "all of them".
      const kid = 'kid' in which ? readString('forgetKeys', 'kid', which.kid) : undefined
      const meant = issuers.filter(
        ({ issuer: own }) => issuer === undefined || own === issuer || own.address === issuer,
      )
      if (meant.length === 0) throw new TypeError('forgetKeys: "issuer" is none of this validator')
      for (const { keys } of meant) keys.forget(kid)
    },

    exportKeys: () => ({ version: 1, issuers: issuers.map(({ keys }) => keys.snapshot()) }),

    importKeys(snapshot) {
      for (const saved of readSnapshot(snapshot, now()).issuers) {
        for (const { issuer, keys } of issuers) if (issuer.name === saved.name) keys.restore(saved)
      }
    },

    close() {
      for (const { keys } of issuers) keys.close()
    },
  })
}
