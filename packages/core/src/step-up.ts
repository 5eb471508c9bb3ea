import { claimsChallenge, hasClaimsCapability } from './claims-challenge.js'
import { claim } from './claims.js'
import { checkNames, checkObject, readSeconds, readStringList } from './options-reader.js'
import { conditionProgress, createCondition, type Condition, type Lack } from './permission.js'
import type { ValidatedToken } from './validated-token.js'

/**
 * A condition for tokens of Entra: the user met this authentication context of Conditional Access (claim `acrs`). A client
 * that declares the capability `cp1` gets the claims challenge, with which it asks for such a token; any other gets a plain
 * 403, because it would not understand the challenge. Tokens of other issuers do not meet the condition: see
 * `authentication`. Throws a TypeError for an id that is not `c1` to `c99`.
 *
 * The API's registration needs the optional claims `acrs` and `xms_cc` of its access tokens. Source: Entra documentation,
 * "Developer guide to Conditional Access authentication context".
 *
 * @example
 * ```ts
 * import { allOf, authContext } from '@countersign/core'
 *
 * const mayPay = allOf([{ delegated: { scopes: 'Payments.Write' } }, authContext('c1')])
 * ```
 */
export function authContext(id: string): Condition {
  if (typeof id !== 'string' || !/^c[1-9]\d?$/.test(id)) {
    throw new TypeError('authContext: expected the id of an authentication context: c1 to c99')
  }
  const missing: Lack = { code: 'auth_context_missing', claim: 'acrs', progress: conditionProgress }
  return createCondition({
    text: `authentication context ${id}`,
    callsApplication: false,
    findLack(token, _request, context) {
      if (token.version === undefined) return ofAnotherIssuer('auth_context')
      if (listOf(token, 'acrs').includes(id)) return undefined
      // Entra gives an authentication context to users only.
      if (token.kind !== 'delegated') return { code: 'kind_not_allowed', progress: 0 }
      const authorizationUri = hasClaimsCapability(token) ? context.authorizationUri(token) : undefined
      if (authorizationUri === undefined) return missing
      return {
        code: 'claims_required',
        claim: 'acrs',
        reason: 'auth_context',
        parameters: {
          ...claimsChallenge(authorizationUri, { acrs: { essential: true, value: id } }),
          cc_type: 'authcontext',
        },
        progress: conditionProgress,
      }
    },
  })
}

/** What `authentication` demands: one of the members, or both. */
export interface AuthenticationOptions {
  /** Values of `acr` that are good enough, in order of preference. */
  readonly acr?: string | readonly string[] | undefined
  /** The longest time since the user authenticated, by `auth_time`, in seconds. */
  readonly maxAgeSeconds?: number | undefined
}

/**
 * A condition on how and when the user authenticated, for issuers other than Entra (RFC 9470): decided by `acr` and
 * `auth_time` of the token, which must have them. A caller who does not meet it gets the 401 `insufficient_user_authentication`
 * with `acr_values` and `max_age`, with which the client asks for another token. Tokens of Entra do not meet it, because
 * Entra does not understand that challenge: see `authContext`. Throws a TypeError where an option is wrong or none is there.
 *
 * @example
 * ```ts
 * import { authentication } from '@countersign/core'
 *
 * const recently = authentication({ acr: ['phr', 'phrh'], maxAgeSeconds: 300 })
 * ```
 */
export function authentication(options: AuthenticationOptions): Condition {
  const what = 'authentication'
  checkObject(what, options)
  checkNames(what, options, ['acr', 'maxAgeSeconds'])
  const acr = options.acr === undefined ? undefined : readAcr(what, options.acr)
  const maxAgeSeconds =
    options.maxAgeSeconds === undefined
      ? undefined
      : readSeconds(what, 'maxAgeSeconds', options.maxAgeSeconds, { from: 0, to: 10 * 365 * 86_400 })
  if (maxAgeSeconds !== undefined && !Number.isInteger(maxAgeSeconds)) {
    throw new TypeError(`${what}: "maxAgeSeconds" must be a whole number`)
  }
  if (acr === undefined && maxAgeSeconds === undefined) {
    throw new TypeError(`${what}: requires nothing; set acr, maxAgeSeconds, or both`)
  }
  const parameters = {
    ...(acr === undefined ? {} : { acr_values: acr.join(' ') }),
    ...(maxAgeSeconds === undefined ? {} : { max_age: String(maxAgeSeconds) }),
  }
  const insufficient = (of: string): Lack => ({
    code: 'authentication_insufficient',
    claim: of,
    parameters,
    progress: conditionProgress,
  })
  return createCondition({
    text: [
      ...(acr === undefined ? [] : [`acr ${acr.join(' or ')}`]),
      ...(maxAgeSeconds === undefined ? [] : [`authenticated within ${maxAgeSeconds} seconds`]),
    ].join(', '),
    callsApplication: false,
    findLack(token, _request, context) {
      if (token.version !== undefined) return ofAnotherIssuer('authentication')
      const found = claim(token.claims, 'acr')
      if (acr !== undefined && !(typeof found === 'string' && acr.includes(found))) return insufficient('acr')
      if (maxAgeSeconds === undefined) return undefined
      const authenticatedAt = claim(token.claims, 'auth_time')
      if (typeof authenticatedAt !== 'number' || !Number.isFinite(authenticatedAt)) {
        return insufficient('auth_time')
      }
      const age = context.now() - authenticatedAt
      const tolerance = context.clockToleranceSeconds
      const isRecent = age >= -tolerance && age <= maxAgeSeconds + tolerance
      return isRecent ? undefined : insufficient('auth_time')
    },
  })
}

/** No challenge helps: the issuer of the token does not understand the one of this condition. */
function ofAnotherIssuer(reason: string): Lack {
  return { code: 'condition_refused', reason, progress: 0 }
}

/** Values that a challenge names, separated by spaces (RFC 9470 section 3). */
function readAcr(what: string, value: unknown): readonly string[] {
  const list = readStringList(what, 'acr', value)
  if (list.every((word) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(word))) return list
  throw new TypeError(`${what}: "acr" must hold single words without spaces, quotes or backslashes`)
}

function listOf(token: ValidatedToken, name: string): readonly unknown[] {
  const value = claim(token.claims, name)
  return Array.isArray(value) ? value : [value]
}
