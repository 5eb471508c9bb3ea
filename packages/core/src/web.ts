import { createBearerAuth, createGuard, isBearerError, type BearerAuthOptions } from './adapter.js'
import type { Permission } from './permission.js'
import { createResourceMetadata, type ProtectedResourceOptions } from './protected-resource.js'
import type { ValidatedToken } from './validated-token.js'
import type { TokenValidator } from './validator.js'

/** Options of `createFetchAuth`: those of every adapter. */
export type FetchAuthOptions = BearerAuthOptions

/** Either the caller's token, or the answer that refuses the request: one of them is undefined. */
export type FetchOutcome<Auth = ValidatedToken> =
  | { readonly auth: Auth; readonly refusal: undefined }
  | { readonly auth: undefined; readonly refusal: Response }

/** A handler that is only called for requests that were let in. */
export type AuthenticatedHandler<Auth, Rest extends readonly unknown[]> = (
  request: Request,
  auth: Auth,
  ...rest: Rest
) => Response | Promise<Response>

/** A door for whatever speaks `Request` and `Response`. Its methods are bound: they can be taken off it. */
export interface FetchAuth<Auth = ValidatedToken> {
  readonly validator: TokenValidator
  /**
   * Validates the bearer token of a request: the token, or the `Response` to answer with. Rejects only where something is
   * wrong with the application itself.
   */
  readonly authenticate: (request: Request) => Promise<FetchOutcome<Auth>>
  /** Puts a handler behind the door. What else the framework hands over goes through to it. */
  readonly protect: <Rest extends readonly unknown[]>(
    handler: AuthenticatedHandler<Auth, Rest>,
  ) => (request: Request, ...rest: Rest) => Promise<Response>
  /** The same door for callers who have a permission. Throws `TypeError` if it is wrong or demands nothing. */
  readonly requirePermission: (permission: Permission) => FetchAuth
}

/**
 * Makes a door for frameworks that speak `Request` and `Response`: Hono, Next.js route handlers, SvelteKit, Deno, Bun and
 * Workers. A refusal is a `Response` with its status, its challenge and a JSON body (RFC 6750's words).
 *
 * `Request` joins repeated `Authorization` headers into one value, which is then no value of one token: refused all the same.
 *
 * Throws `TypeError` if an option is wrong, missing or unknown.
 */
export function createFetchAuth(options: FetchAuthOptions & { readonly allowAnonymous?: false }): FetchAuth
export function createFetchAuth(options: FetchAuthOptions): FetchAuth<ValidatedToken | null>
export function createFetchAuth(options: FetchAuthOptions): FetchAuth<ValidatedToken | null> {
  const bearer = createBearerAuth(options)
  const authenticate = async (request: Request): Promise<ValidatedToken | null> => {
    const value = request.headers.get('authorization')
    return bearer.authenticate(value === null ? [] : ['authorization', value])
  }
  return createDoor(bearer.validator, authenticate)
}

function createDoor<Auth extends ValidatedToken | null>(
  validator: TokenValidator,
  admit: (request: Request) => Promise<Auth>,
): FetchAuth<Auth> {
  const authenticate = async (request: Request): Promise<FetchOutcome<Auth>> => {
    try {
      return { auth: await admit(request), refusal: undefined }
    } catch (error) {
      if (!isBearerError(error)) throw error
      const headers = { ...error.headers, 'Content-Type': 'application/json' }
      const refusal = new Response(JSON.stringify(error), { status: error.status, headers })
      return { auth: undefined, refusal }
    }
  }
  return Object.freeze<FetchAuth<Auth>>({
    validator,
    authenticate,
    protect:
      (handler) =>
      async (request, ...rest) => {
        const { auth, refusal } = await authenticate(request)
        // The handler stands outside of what may be refused: its crash is its own.
        return refusal ?? handler(request, auth, ...rest)
      },
    requirePermission(permission) {
      const guard = createGuard(permission)
      return createDoor(validator, async (request) => {
        const auth = await admit(request)
        guard(auth, validator)
        // A guard lets nobody through who is null.
        return auth as ValidatedToken
      })
    },
  })
}

/**
 * Serves the metadata of this API (RFC 9728): answers requests for them, and gives undefined for any other. Ask it before
 * `authenticate`, as whoever has no token yet wants to read them.
 *
 * Throws `TypeError` if an option is wrong, missing or unknown.
 */
export function protectedResourceMetadata(
  options: ProtectedResourceOptions,
): (request: Request) => Response | undefined {
  const metadata = createResourceMetadata(options)
  return ({ method, url }) => {
    const answer = metadata.answer(method, new URL(url).pathname)
    if (answer === undefined) return undefined
    const { status, headers, body } = answer
    return new Response(method === 'HEAD' ? null : body, { status, headers })
  }
}
