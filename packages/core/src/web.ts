import {
  createBearerAuth,
  createGuard,
  isBearerError,
  withResponseHeaders,
  type BearerAuthOptions,
} from './adapter.js'
import type { Permission } from './permission.js'
import { createResourceMetadata, type ProtectedResourceOptions } from './protected-resource.js'
import { viewFetchRequest } from './request-view.js'
import type { ValidatedToken } from './validated-token.js'
import type { TokenValidator } from './validator.js'

/** Options of `createFetchAuth`: those of every adapter. */
export type FetchAuthOptions = BearerAuthOptions

/** Either the caller's token, or the answer that refuses the request: one of them is undefined. */
export type FetchOutcome<Auth = ValidatedToken> =
  | {
      /** The caller's token. */
      readonly auth: Auth
      /** No refusal. */
      readonly refusal: undefined
    }
  | {
      /** No token. */
      readonly auth: undefined
      /** The answer to send. */
      readonly refusal: Response
    }

/** A handler that is called only for requests that were accepted. */
export type AuthenticatedHandler<Auth, Rest extends readonly unknown[]> = (
  request: Request,
  auth: Auth,
  ...rest: Rest
) => Response | Promise<Response>

/** Authentication for frameworks that use `Request` and `Response`. Its methods are bound: they work without the object. */
export interface FetchAuth<Auth = ValidatedToken> {
  /** The validator that decides. */
  readonly validator: TokenValidator
  /**
   * Validates the bearer token of a request: the token, or the `Response` to answer with. Rejects only where the
   * application itself is wrong.
   */
  readonly authenticate: (request: Request) => Promise<FetchOutcome<Auth>>
  /** Wraps a handler: it runs only for accepted requests. Further arguments of the framework are passed on to it. */
  readonly protect: <Rest extends readonly unknown[]>(
    handler: AuthenticatedHandler<Auth, Rest>,
  ) => (request: Request, ...rest: Rest) => Promise<Response>
  /** The same for callers who have a permission. Throws a TypeError if it is malformed or requires nothing. */
  readonly requirePermission: (permission: Permission) => FetchAuth
}

/**
 * Makes authentication for frameworks that use `Request` and `Response`: Hono, Next.js route handlers, SvelteKit, Deno, Bun
 * and Workers. A refusal is a `Response` with its status, its challenge and a JSON body (the words of RFC 6750).
 *
 * `Request` joins repeated `Authorization` headers into one value, which is refused as malformed.
 *
 * Throws a TypeError if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import { createFetchAuth } from '@countersign/core'
 *
 * const auth = createFetchAuth({ issuer: 'https://issuer.example', audience: 'https://api.example' })
 *
 * export const GET = auth
 *   .requirePermission({ scopes: 'orders:read' })
 *   .protect((_request, caller) => Response.json({ subject: caller.subject }))
 * ```
 */
export function createFetchAuth(
  options: FetchAuthOptions & {
    /** No anonymous caller is accepted, so the token is always there. */
    readonly allowAnonymous?: false | undefined
  },
): FetchAuth
export function createFetchAuth(options: FetchAuthOptions): FetchAuth<ValidatedToken | null>
export function createFetchAuth(options: FetchAuthOptions): FetchAuth<ValidatedToken | null> {
  const bearer = createBearerAuth(options)
  return fetchAuthOf(bearer.validator, async (request) => bearer.authenticate(viewFetchRequest(request)))
}

function fetchAuthOf<Auth extends ValidatedToken | null>(
  validator: TokenValidator,
  admit: (request: Request) => Promise<Auth>,
): FetchAuth<Auth> {
  const authenticate = async (request: Request): Promise<FetchOutcome<Auth>> => {
    try {
      return { auth: await admit(request), refusal: undefined }
    } catch (error) {
      if (!isBearerError(error)) throw error
      const own = validator.responseHeaders(viewFetchRequest(request))
      const headers = { ...own, ...error.headers, 'Content-Type': 'application/json' }
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
        if (refusal !== undefined) return refusal
        // The handler runs outside of what may be refused: its failure is its own.
        const answer = await handler(request, auth, ...rest)
        return withResponseHeaders(answer, validator.responseHeaders(viewFetchRequest(request)))
      },
    requirePermission(permission) {
      const guard = createGuard(permission)
      return fetchAuthOf(validator, async (request) => {
        const auth = await admit(request)
        await guard(auth, validator, request)
        // A guard refuses an anonymous caller, so this is not null.
        return auth as ValidatedToken
      })
    },
  })
}

/**
 * Serves the metadata of this API (RFC 9728): answers requests for it, and returns undefined for any other. Call it before
 * `authenticate`: its readers have no token yet.
 *
 * Throws a TypeError if an option is wrong, missing or unknown.
 */
export function protectedResourceMetadata(
  options: ProtectedResourceOptions,
): (request: Request) => Response | undefined {
  const metadata = createResourceMetadata(options)
  return ({ method, url }) => {
    const answer = metadata.answer(method, new URL(url).pathname)
    if (answer === undefined) return undefined
    const { status, headers, body } = answer
    return new Response(method === 'HEAD' || body === '' ? null : body, { status, headers })
  }
}
