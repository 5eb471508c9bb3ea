import type { IssuerWithKeys } from './issuer-with-keys.js'
import { BearerError, isBearerError, withChallenge, type ChallengeParameters } from './errors.js'
import { explain, type Explanation } from './explain.js'
import type { TrustedIssuer } from './issuer.js'
import { readSnapshot, type KeySnapshot } from './key-snapshot.js'
import { createNotifier } from './observers.js'
import { readOptions, type TokenValidatorOptions } from './options.js'
import { checkNames, checkObject, readString } from './options-reader.js'
import { checkPermission, compilePermission, type Permission } from './permission.js'
import type { RequestView } from './request-view.js'
import { isBoundToKey } from './sender-proof.js'
import type { ValidatedToken } from './validated-token.js'
import { Validation } from './validation.js'

/** Which keys to drop at once. Without a member: all of them. */
export interface ForgetKeysOptions {
  /** The issuer as configured: an address, or the value that a factory made. Default: every issuer. */
  readonly issuer?: string | TrustedIssuer | undefined
  /** One key id, which is refused from now on for the life of the process. */
  readonly kid?: string
}

/** Either a validated token or its refusal. */
export type ValidationOutcome =
  | {
      /** The validated token. */
      readonly token: ValidatedToken
      /** No refusal. */
      readonly error?: undefined
    }
  | {
      /** No token. */
      readonly token?: undefined
      /** Why the token is refused. */
      readonly error: BearerError
    }

/** Validates bearer tokens of the issuers it trusts. Its methods are bound: they work without the object. */
export interface TokenValidator {
  /**
   * Validates a token, from any source. Rejects with a `BearerError` where a check fails, and with a TypeError for a
   * malformed permission. It does not check where the token came from: that is what `authenticate` does for a request.
   */
  readonly validateToken: (token: string, permission?: Permission) => Promise<ValidatedToken>
  /**
   * The same as `validateToken`, without throwing: a refusal is `error`. It rejects with a TypeError for a malformed
   * permission, which is a mistake in the program.
   */
  readonly tryValidateToken: (token: string, permission?: Permission) => Promise<ValidationOutcome>
  /**
   * Validates the bearer token of a request. Answers immediately for a token seen before, otherwise with a promise; refuses
   * by throwing or rejecting a `BearerError`. Adapters call this.
   */
  readonly authenticate: (request: RequestView) => ValidatedToken | Promise<ValidatedToken>
  /** Whether a request carries a token, or something in its place. It does not check it. */
  readonly hasCredentials: (request: RequestView) => boolean
  /** Headers that the answer to this request needs, whatever it is: `Cache-Control` where the token is in the query. */
  readonly responseHeaders: (request: RequestView) => Readonly<Record<string, string>> | undefined
  /**
   * Throws or rejects the refusal of a permission that the token does not have, and the bare 401 where there is no token.
   * Guards call this. `request` is the framework's own, for the conditions of the application. Throws a TypeError for a
   * malformed permission. It does not validate the token again.
   */
  readonly checkPermission: (
    token: ValidatedToken | null,
    permission: Permission,
    request?: unknown,
  ) => void | Promise<void>
  /** Runs every check on a token and reports each verdict, for a person who asks why a token is refused. */
  readonly explain: (token: string, permission?: Permission) => Promise<Explanation>
  /** Resolves once metadata and keys of every issuer are there: for readiness probes. Rejects with `keys_unavailable`. */
  readonly ready: () => Promise<void>
  /** Drops keys at once, and the cached tokens that they verified: for a key that has leaked. */
  readonly forgetKeys: (which?: ForgetKeysOptions) => void
  /** The public keys held now, as plain JSON, for `importKeys` of another process. */
  readonly exportKeys: () => KeySnapshot
  /**
   * Takes in keys of a snapshot made for the same issuers, so that the first request does not wait. Throws a TypeError for a
   * malformed one. No key serves longer because of it, and denied keys stay out. It does not check who made the snapshot.
   */
  readonly importKeys: (snapshot: KeySnapshot) => void
  /** Stops all timers. A closed validator continues to answer. */
  readonly close: () => void
}

/**
 * Makes a validator. It checks all options at once: a TypeError names the option and what was expected. It starts no timer
 * and sends no request: metadata and keys are fetched when the first token needs them, or by `ready()`.
 *
 * @example
 * ```ts
 * import { createTokenValidator, entra } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: entra({
 *     tenantId: '11111111-1111-4111-8111-111111111111',
 *     clientId: '22222222-2222-4222-8222-222222222222',
 *   }),
 * })
 *
 * export async function userOf(token: string): Promise<string | undefined> {
 *   const { objectId } = await validator.validateToken(token, { delegated: { scopes: 'Orders.Read' } })
 *   return objectId
 * }
 * ```
 */
export function createTokenValidator(options: TokenValidatorOptions): TokenValidator {
  const read = readOptions(options)
  const notifier = createNotifier(read.observers)
  const validation = new Validation(read, notifier)
  const challenge: ChallengeParameters = { ...read, dpop: read.senders?.challenge(false) }

  /** The one way out of every refusal: it gets the challenge of this validator, and observers learn of it. */
  function rethrow(error: unknown, parameters: ChallengeParameters = challenge): never {
    if (!isBearerError(error)) throw error
    const { code, status, claim, reason } = error
    const details = validation.detailsOf(error)
    notifier.refused({
      code,
      status,
      ...(claim === undefined ? {} : { claim }),
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
    })
    throw withChallenge(error, parameters)
  }

  function refuse(error: unknown, request: RequestView): never {
    const hasDpopScheme = read.tokenReader.hasDpopScheme(request)
    return rethrow(error, {
      ...read,
      dpop: read.senders?.challenge(hasDpopScheme),
      responseHeaders: responseHeaders(request),
    })
  }

  function responseHeaders(request: RequestView): Readonly<Record<string, string>> | undefined {
    const headers = read.tokenReader.responseHeaders(request)
    if (read.senders === undefined || !read.tokenReader.hasDpopScheme(request)) return headers
    const more = read.senders.responseHeaders(() => validation.now())
    return more === undefined ? headers : { ...headers, ...more }
  }

  async function validateToken(token: string, permission?: Permission): Promise<ValidatedToken> {
    const compiled = permission === undefined ? undefined : compilePermission(permission)
    try {
      if (typeof token !== 'string' || token === '') throw new BearerError('credentials_missing')
      return await validation.validateToken(token, compiled)
    } catch (error) {
      return rethrow(error)
    }
  }

  return Object.freeze<TokenValidator>({
    validateToken,

    tryValidateToken: (token, permission) => outcomeOf(validateToken(token, permission)),

    authenticate(request) {
      try {
        const result = validation.validateRequest(request)
        return result instanceof Promise ? result.catch((error: unknown) => refuse(error, request)) : result
      } catch (error) {
        return refuse(error, request)
      }
    },

    hasCredentials: (request) => read.tokenReader.hasCredentials(request),

    responseHeaders,

    checkPermission(token, permission, request) {
      const compiled = compilePermission(permission)
      const startedAt = validation.start()
      const refuseHere = (error: unknown): never => {
        if (token !== null && isBearerError(error)) validation.noteGuard(error, token, startedAt)
        return rethrow(error, {
          ...read,
          scope: read.resourceMetadata === undefined ? read.scope : compiled.scope,
          dpop: read.senders?.challenge(isBoundToKey(token)),
        })
      }
      try {
        if (token === null) throw new BearerError('credentials_missing')
        return checkPermission(compiled, token, request, validation.permissionContext)?.catch(refuseHere)
      } catch (error) {
        return refuseHere(error)
      }
    },

    async explain(token, permission) {
      const compiled = permission === undefined ? undefined : compilePermission(permission)
      return explain(
        validation.evaluationOf(String(token), compiled, undefined, validation.now(), 0, true),
        challenge,
      )
    },

    async ready() {
      await Promise.all(validation.issuers.filter(needsKeys).map(({ keys }) => keys.load()))
    },

    forgetKeys(which = {}) {
      checkObject('forgetKeys', which)
      checkNames('forgetKeys', which, ['issuer', 'kid'])
      // A key id that is there and undefined was meant to be one: it must not count as "all of them".
      const kid = 'kid' in which ? readString('forgetKeys', 'kid', which.kid) : undefined
      if (!validation.forgetKeys(which.issuer, kid)) {
        throw new TypeError('forgetKeys: "issuer" must be an issuer of this validator')
      }
    },

    exportKeys: () => ({
      version: 1,
      issuers: validation.issuers.flatMap(({ rules, keys }) =>
        rules.snapshotName === undefined ? [] : [keys.snapshot(rules.snapshotName)],
      ),
    }),

    importKeys(snapshot) {
      for (const saved of readSnapshot(snapshot, validation.now()).issuers) {
        for (const { rules, keys } of validation.issuers) {
          if (rules.snapshotName === saved.name) keys.restore(saved)
        }
      }
    },

    close() {
      validation.close()
    },
  })
}

/** The outcome of a validation, without throwing; what is no refusal is thrown on. */
export async function outcomeOf(validating: Promise<ValidatedToken>): Promise<ValidationOutcome> {
  try {
    return { token: await validating }
  } catch (error) {
    if (isBearerError(error)) return { error }
    throw error
  }
}

/** Opaque tokens have no signature: without signed answers about them no key is needed. */
function needsKeys({ rules: { introspection } }: IssuerWithKeys): boolean {
  return introspection?.tokens !== 'opaque' || introspection.signed !== undefined
}
