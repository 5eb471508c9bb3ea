import { BearerError, isBearerError } from './errors.js'
import { optionNames, type TokenValidatorOptions } from './options.js'
import { checkNames, checkObject } from './options-reader.js'
import { compilePermission, type Permission } from './permission.js'
import { createTokenValidator, type TokenValidator } from './validator.js'
import type { ValidatedToken } from './validated-token.js'

export { BearerError, isBearerError }
export { createResourceMetadata } from './protected-resource.js'
export type { MetadataAnswer, ProtectedResourceOptions, ResourceMetadata } from './protected-resource.js'

/** What an adapter adds to the options of the validator. */
export interface AdapterOptions {
  /** Let a request without credentials pass, as nobody. A bad token is still refused. Default: false. */
  readonly allowAnonymous?: boolean
}

/** Options of `bearerAuth`, the same in every adapter: those of the validator, or a validator that was made before. */
export type BearerAuthOptions = AdapterOptions &
  (TokenValidatorOptions | { readonly validator: TokenValidator })

/** What all adapters share: from the headers of a request to its token. */
export interface BearerAuth {
  readonly validator: TokenValidator
  /**
   * Validates the bearer token among `rawHeaders`, Node's flat list of names and values: of two `Authorization` headers the
   * parsed ones keep only the first. Null means nobody, where that is allowed. Throws or rejects a `BearerError`, and in no
   * case anything but an `Error`: to frameworks `undefined` and the word 'route' mean that all is well.
   */
  authenticate(rawHeaders: readonly string[]): ValidatedToken | null | Promise<ValidatedToken | null>
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
    authenticate(rawHeaders) {
      const authorization = headerValues(rawHeaders, 'authorization')
      if (allowAnonymous && authorization === undefined) return null
      let result
      try {
        result = validator.authenticate({ authorization })
      } catch (error) {
        throw asError(error)
      }
      return result instanceof Promise ? result.then(checkToken, rejectError) : checkToken(result)
    },
  }
}

/** A validator of the application's own making that answers nothing must not let anybody in. */
function checkToken(token: ValidatedToken): ValidatedToken {
  if (token?.kind === 'delegated' || token?.kind === 'application') return token
  throw new Error('bearerAuth: the validator answered without a token')
}

function rejectError(error: unknown): never {
  throw asError(error)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('bearerAuth: failed without an error')
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
    'authenticate' in validator &&
    'checkPermission' in validator
  if (!isValidator) throw new TypeError(`${what}: "validator" must be made by createTokenValidator`)
  return validator as TokenValidator
}

/** All values of a header, in the order they came; undefined if there is none. */
function headerValues(rawHeaders: readonly string[], name: string): readonly string[] | undefined {
  let values: string[] | undefined
  for (let index = 0; index < rawHeaders.length - 1; index += 2) {
    const header = rawHeaders[index] as string
    if (header.length === name.length && header.toLowerCase() === name) {
      const value = rawHeaders[index + 1] as string
      if (values === undefined) values = [value]
      else values.push(value)
    }
  }
  return values
}

/**
 * A route's guard: throws a `BearerError` for a token that lacks the permission, and for nobody. Without a validator
 * `bearerAuth` did not run, which is a mistake of the set-up: a plain `Error`.
 */
export type Guard = (token: ValidatedToken | null | undefined, validator: TokenValidator | undefined) => void

/** Compiles a permission into a guard. Throws a TypeError where the permission is malformed or empty. */
export function createGuard(permission: Permission): Guard {
  const compiled = compilePermission(permission, 'requirePermission')
  return (token, validator) => {
    if (validator === undefined) {
      throw new Error(
        'requirePermission: bearerAuth did not run for this request; register it before the guard',
      )
    }
    validator.checkPermission(token ?? null, compiled)
  }
}
