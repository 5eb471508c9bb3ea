import { BearerError, isBearerError } from './errors.js'
import { rulesOf } from './issuer.js'
import { optionNames, type TokenValidatorOptions } from './options.js'
import { checkNames, checkObject } from './options-reader.js'
import { anyOf, compilePermission, type Permission } from './permission.js'
import type { RequestView } from './request-view.js'
import { createTokenValidator, type TokenValidator } from './validator.js'
import type { TokenKind, ValidatedToken } from './validated-token.js'

export { BearerError, isBearerError }
export { createResourceMetadata } from './protected-resource.js'
export type { MetadataAnswer, ProtectedResourceOptions, ResourceMetadata } from './protected-resource.js'
export { viewFetchRequest, viewNodeRequest } from './request-view.js'
export type { RequestView } from './request-view.js'

/** What an adapter adds to the options of the validator. */
export interface AdapterOptions {
  /** Let a request without credentials pass, as an anonymous caller. A bad token is still refused. Default: false. */
  readonly allowAnonymous?: boolean | undefined
}

/** Options of `bearerAuth`, the same in every adapter: those of the validator, or a validator that was made before. */
export type BearerAuthOptions = AdapterOptions &
  (
    | TokenValidatorOptions
    | {
        /** A validator made by `createTokenValidator`. */
        readonly validator: TokenValidator
      }
  )

/** What an API may publish of an issuer that it trusts. */
export interface IssuerDescription {
  /** Whether it is made by `entra` or `entraMultiTenant`. */
  readonly isEntra: boolean
  /** The issuer as clients look it up; undefined where one address does not tell: several tenants, or a domain. */
  readonly authorizationServer: string | undefined
}

/** Describes issuers as they are passed to `bearerAuth`. It does not check them: `bearerAuth` does. */
export function describeIssuers(issuer: unknown): readonly IssuerDescription[] {
  const list: readonly unknown[] = Array.isArray(issuer) ? issuer : [issuer]
  return list.map((each) => {
    const rules = rulesOf(each)
    if (rules === undefined) {
      return { isEntra: false, authorizationServer: typeof each === 'string' ? each : undefined }
    }
    const isEntra = rules.family !== undefined
    // Entra has two names for each tenant, and one for no tenant that exists where any is accepted.
    const [first] = rules.issuers.filter((name) => !name.includes('00000000-0000-0000-0000-000000000000'))
    const isOne = rules.issuers.length === (isEntra ? 2 : 1)
    return { isEntra, authorizationServer: isOne ? first : undefined }
  })
}

/** What all adapters share: from a request to its token. */
export interface BearerAuth {
  /** The validator of this middleware. */
  readonly validator: TokenValidator
  /**
   * Validates the bearer token of a request. Null is an anonymous caller, where that is allowed. Throws or rejects a
   * `BearerError`, and never anything but an `Error`: to frameworks `undefined` and the word 'route' mean success.
   */
  authenticate(request: RequestView): ValidatedToken | null | Promise<ValidatedToken | null>
  /** Headers to set on the answer to this request, whatever it is. */
  responseHeaders(request: RequestView): Readonly<Record<string, string>> | undefined
}

/** Reads the options of an adapter. Throws a TypeError that names the option and what was expected. */
export function createBearerAuth(options: BearerAuthOptions): BearerAuth {
  const what = 'bearerAuth'
  checkObject(what, options)
  const { allowAnonymous = false, ...rest } = options
  if (typeof allowAnonymous !== 'boolean') {
    throw new TypeError(`${what}: "allowAnonymous" must be true or false`)
  }
  const validator = readValidator(what, rest)
  return {
    validator,
    responseHeaders(request) {
      try {
        return validator.responseHeaders(request)
      } catch (error) {
        throw asError(error, what)
      }
    },
    authenticate(request) {
      let result
      try {
        if (allowAnonymous && !validator.hasCredentials(request)) return null
        result = validator.authenticate(request)
      } catch (error) {
        throw asError(error, what)
      }
      return result instanceof Promise
        ? result.then(checkToken, (error: unknown) => {
            throw asError(error, what)
          })
        : checkToken(result)
    },
  }
}

const kinds: ReadonlySet<unknown> = new Set<TokenKind>(['delegated', 'application', 'unknown'])

/** A validator made by the application that answers without a token must not let a request in. */
function checkToken(token: ValidatedToken): ValidatedToken {
  if (kinds.has(token?.kind)) return token
  throw new Error('bearerAuth: the validator answered without a token')
}

function asError(error: unknown, what: string): Error {
  return error instanceof Error ? error : new Error(`${what}: the validator failed without an error`)
}

/** Resolves once a validator has its keys. Rejects with a plain `Error` when they are not there within the time. */
export async function waitForKeys(validator: TokenValidator, seconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, seconds * 1000)
  })
  try {
    await Promise.race([validator.ready(), late])
  } catch {
    throw new Error(`bearerAuth: the signing keys could not be fetched within ${seconds} seconds`)
  } finally {
    clearTimeout(timer)
  }
}

function readValidator(what: string, options: object): TokenValidator {
  if (!('validator' in options)) {
    checkNames(what, options, [...optionNames, 'validator', 'allowAnonymous'])
    return createTokenValidator(options as TokenValidatorOptions)
  }
  checkNames(what, options, ['validator'])
  const { validator } = options
  const isValidator =
    typeof validator === 'object' &&
    validator !== null &&
    ['authenticate', 'checkPermission', 'hasCredentials', 'responseHeaders'].every(
      (name) => name in validator,
    )
  if (!isValidator) throw new TypeError(`${what}: "validator" must be made by createTokenValidator`)
  return validator as TokenValidator
}

/**
 * A route's guard: throws or rejects a `BearerError` for a token that lacks the permission, and for an anonymous caller.
 * Without a validator `bearerAuth` did not run, which is a mistake of the set-up: a plain `Error`. Only `undefined`, or a
 * promise of it, lets the request pass; the guard never throws anything but an `Error`.
 */
export type Guard = (
  token: ValidatedToken | null | undefined,
  validator: TokenValidator | undefined,
  /** The framework's own request, for the conditions of the application. */
  request?: unknown,
) => void | Promise<void>

/** Compiles a permission into a guard. Throws a TypeError where the permission is malformed or empty. */
export function createGuard(permission: Permission): Guard {
  const what = 'requirePermission'
  compilePermission(permission, what)
  // A copy that never changes: the validator, which may be of another copy of this package, compiles it once.
  const required = anyOf([permission])
  return (token, validator, request) => {
    if (validator === undefined) {
      throw new Error(`${what}: bearerAuth did not run for this request; register it before the guard`)
    }
    let verdict: unknown
    try {
      verdict = validator.checkPermission(token ?? null, required, request)
    } catch (error) {
      throw asError(error, what)
    }
    if (verdict === undefined) return undefined
    if (!(verdict instanceof Promise)) throw unknownVerdict(what)
    return verdict.then(
      (later: unknown) => {
        if (later !== undefined) throw unknownVerdict(what)
      },
      (error: unknown) => {
        throw asError(error, what)
      },
    )
  }
}

/** Whether a permission asks a function of the application, which may need more of a request than its headers. */
export function callsApplication(permission: Permission): boolean {
  return compilePermission(permission).callsApplication
}

/** A response with the headers that the answer to its request needs. */
export function withResponseHeaders(
  response: Response,
  headers: Readonly<Record<string, string>> | undefined,
): Response {
  // A network error (status 0) carries no headers, and cannot be copied.
  if (headers === undefined || response.status === 0) return response
  const changed = new Response(response.body, response)
  for (const [name, value] of Object.entries(headers)) changed.headers.set(name, value)
  return changed
}

function unknownVerdict(what: string): Error {
  return new Error(`${what}: the validator answered with something other than undefined`)
}
