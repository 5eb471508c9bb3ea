import type { IncomingMessage } from 'node:http'
import type { Permission, TokenValidator, ValidatedToken } from '@countersign/core'
import {
  createBearerAuth,
  createGuard,
  createResourceMetadata,
  isBearerError,
  type BearerAuthOptions,
  type ProtectedResourceOptions,
} from '@countersign/core/adapter'

export * from '@countersign/core'
export type { BearerAuthOptions }

/** What `bearerAuth` adds to `ctx.state`: `new Koa<AuthState & Mine>()`. */
export interface AuthState {
  /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` let in. */
  auth: ValidatedToken
}

/** The part of Koa's context that is used, which is the same in Koa 2 and 3. */
interface Context {
  readonly req: IncomingMessage
  readonly state: object
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

/** Middleware of Koa 2 and 3. */
export type Middleware = (context: Context, next: () => Promise<unknown>) => Promise<unknown>

const validatorOf = Symbol('the validator that admitted this request')

interface AuthenticatedState {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/**
 * Authenticates requests by their bearer token and puts it on `ctx.state.auth`. A refusal is thrown as a `BearerError`, its
 * headers already on the response. It checks who calls, not what they may do: see `requirePermission`.
 *
 * Throws `TypeError` if an option is wrong, missing or unknown.
 */
export function bearerAuth(options: BearerAuthOptions): Middleware {
  const bearer = createBearerAuth(options)

  return async (context, next) => {
    const state: AuthenticatedState = context.state
    // A refusal leaves nobody behind whom an earlier bearerAuth let in.
    state.auth = state[validatorOf] = undefined
    try {
      const auth = bearer.authenticate(context.req.rawHeaders)
      state.auth = auth instanceof Promise ? await auth : auth
      state[validatorOf] = bearer.validator
    } catch (error) {
      throw withHeaders(context, error)
    }
    return next()
  }
}

/**
 * Guards what comes after it: refuses with 403 a caller whose token lacks the permission, and with a bare 401 an anonymous
 * one. Where `bearerAuth` did not run first it fails every request with a plain error (500).
 *
 * Throws `TypeError` if the permission is wrong or demands nothing.
 */
export function requirePermission(permission: Permission): Middleware {
  const guard = createGuard(permission)

  return async (context, next) => {
    const state: AuthenticatedState = context.state
    try {
      guard(state.auth, state[validatorOf])
    } catch (error) {
      throw withHeaders(context, error)
    }
    return next()
  }
}

/**
 * Serves the metadata of this API (RFC 9728) at `/.well-known/oauth-protected-resource`, with the API's own path behind it.
 * Use it at the root of the application, before `bearerAuth`: whoever reads it has no token yet.
 *
 * Throws `TypeError` if an option is wrong, missing or unknown.
 */
export function protectedResourceMetadata(options: ProtectedResourceOptions): Middleware {
  const metadata = createResourceMetadata(options)

  return async (context, next) => {
    const answer = metadata.answer(context.req.method, context.req.url)
    if (answer === undefined) return next()
    context.status = answer.status
    context.set(answer.headers)
    context.body = answer.body
  }
}

/** Koa's own handler wipes the response's headers and sends the error's; an application's handler may do the opposite. */
function withHeaders(context: Context, error: unknown): unknown {
  if (isBearerError(error)) context.set(error.headers)
  return error
}
