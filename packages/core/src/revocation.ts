import { claimsChallenge, hasClaimsCapability } from './claims-challenge.js'
import { withinTime } from './deadline.js'
import { BearerError } from './errors.js'
import { readFunction, checkObject } from './options-reader.js'
import type { PermissionContext } from './permission.js'
import type { ValidatedToken } from './validated-token.js'

/** Says which tokens are revoked: a list made by `createRevocationList`, or an object of the application. */
export interface Revocation {
  /**
   * Whether a token that passed every check is revoked. It is called at every use, also of a token seen before. `true` is
   * answered with 401; a function that throws, rejects, answers with anything but a boolean, or does not answer within 5
   * seconds, with 503.
   */
  isRevoked(token: ValidatedToken): boolean | Promise<boolean>
}

/** How a list of this package is asked: it has refusals of its own beside "revoked". */
export interface RevocationCheck {
  /** Whether the token is revoked. Throws or rejects a refusal where that is not known, or no entry could reach the token. */
  (token: ValidatedToken): boolean | Promise<boolean>
}

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const checkKey = Symbol.for('@countersign/core:revocation')

/** Makes a value of this package that is asked directly. */
export function withRevocationCheck<T extends Revocation>(revocation: T, check: RevocationCheck): T {
  return Object.freeze({ ...revocation, [checkKey]: check })
}

/** Reads the option. Throws a TypeError where it has no function `isRevoked`. */
export function readRevocation(what: string, value: unknown): RevocationCheck | undefined {
  if (value === undefined) return undefined
  checkObject(`${what}: revocation`, value)
  const { [checkKey]: check } = value as { [checkKey]?: RevocationCheck }
  // A copy of a list with a function of its own has the mark too, and is asked by that function.
  if (check !== undefined && check === value.isRevoked) return check
  const isRevoked = readFunction<Revocation['isRevoked']>(`${what}: revocation`, 'isRevoked', value.isRevoked)
  return (token) => {
    let answer: unknown
    try {
      answer = isRevoked.call(value, token)
    } catch {
      throw unavailable()
    }
    if (typeof answer === 'boolean') return answer
    return withinTime(answer).then(
      (later) => {
        if (typeof later === 'boolean') return later
        throw unavailable()
      },
      () => {
        throw unavailable()
      },
    )
  }
}

/** Throws or rejects the refusal of a revoked token. */
export function checkRevocation(
  check: RevocationCheck | undefined,
  token: ValidatedToken,
  context: PermissionContext,
): void | Promise<void> {
  if (check === undefined) return undefined
  const isRevoked = check(token)
  if (isRevoked === false) return undefined
  if (isRevoked === true) throw refusalOf(token, context)
  return isRevoked.then((later) => {
    if (later !== false) throw refusalOf(token, context)
  })
}

/** That the revocation could not be decided. */
export function unavailable(): BearerError {
  return new BearerError('check_unavailable', { reason: 'revocation' })
}

/** A client of Entra that understands it asks with the challenge for a token that is newer than now. */
function refusalOf(token: ValidatedToken, context: PermissionContext): BearerError {
  const authorizationUri = hasClaimsCapability(token) ? context.authorizationUri(token) : undefined
  if (authorizationUri === undefined) return new BearerError('token_revoked')
  const newerThan = String(Math.floor(context.now()))
  return new BearerError('claims_required', {
    reason: 'revoked',
    parameters: claimsChallenge(authorizationUri, { nbf: { essential: true, value: newerThan } }),
  })
}
