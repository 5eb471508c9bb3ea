import type { IncomingMessage, ServerResponse } from 'node:http'
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

declare global {
  namespace Express {
    interface Request {
      /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` let in. */
      auth: ValidatedToken
    }
  }
}

/** Middleware of Express 4 and 5, and of anything else that speaks Connect. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

const validatorOf = Symbol('the validator that admitted this request')

interface AuthenticatedRequest extends IncomingMessage {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/**
 * Authenticates requests by their bearer token and puts it on `request.auth`. A refusal goes to `next(error)` as a
 * `BearerError`, its headers already on the response. It checks who calls, not what they may do: see `requirePermission`.
 *
 * Throws `TypeError` if an option is wrong, missing or unknown.
 */
export function bearerAuth(options: BearerAuthOptions): Middleware {
  const bearer = createBearerAuth(options)

  function admit(request: AuthenticatedRequest, auth: ValidatedToken | null, next: () => void): void {
    request.auth = auth
    request[validatorOf] = bearer.validator
    next()
  }

  return (request: AuthenticatedRequest, response, next) => {
    // A refusal leaves nobody behind whom an earlier bearerAuth let in.
    request.auth = request[validatorOf] = undefined
    let auth
    try {
      auth = bearer.authenticate(request.rawHeaders)
    } catch (error) {
      return refuse(response, error, next)
    }
    if (!(auth instanceof Promise)) return admit(request, auth, next)
    // No promise is returned, as Express 4 would drop it and never answer. What `next` itself throws goes where Express
    // sends it when the answer comes at once; if nobody takes it there either, the connection ends.
    auth
      .then(
        (result) => admit(request, result, next),
        (error: unknown) => refuse(response, error, next),
      )
      .catch(next)
      .catch(() => response.destroy())
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

  return (request: AuthenticatedRequest, response, next) => {
    try {
      guard(request.auth, request[validatorOf])
    } catch (error) {
      return refuse(response, error, next)
    }
    next()
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

  return (request, response, next) => {
    const answer = metadata.answer(request.method, request.url)
    if (answer === undefined) return next()
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }
}

/** The headers go on the response too: an application's error handler may not read `error.headers`. */
function refuse(response: ServerResponse, error: unknown, next: (error: unknown) => void): void {
  if (isBearerError(error) && !response.headersSent) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
  }
  next(error)
}
