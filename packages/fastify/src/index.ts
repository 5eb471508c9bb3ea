import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Permission, TokenValidator, ValidatedToken } from '@countersign/core'
import {
  createBearerAuth,
  createGuard,
  createResourceMetadata,
  isBearerError,
  waitForKeys,
  type BearerAuthOptions as CommonOptions,
  type ProtectedResourceOptions,
} from '@countersign/core/adapter'

export * from '@countersign/core'

export type BearerAuthOptions = CommonOptions & {
  /**
   * Let the application start only once the signing keys are there. It fails to start when they are not there within
   * four fifths of Fastify's `pluginTimeout`. Default: false; the first request waits for them.
   */
  readonly waitForKeys?: boolean
}

const validatorOf = Symbol('the validator that admitted this request')

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's validated token. At run time `null` for an anonymous caller that `allowAnonymous` let in. */
    auth: ValidatedToken
  }
}

interface AuthenticatedRequest {
  auth?: ValidatedToken | null | undefined
  [validatorOf]?: TokenValidator | undefined
}

/** The part of Fastify's reply that is used. */
interface Reply {
  readonly sent: boolean
  headers(values: Record<string, string>): unknown
}

/** An `onRequest` hook, for routes of every type provider and server. */
export type OnRequest = (request: object, reply: Reply, done: (error?: Error) => void) => void

/**
 * Authenticates every request of the scope it is registered in, before the body is read, and puts the token on
 * `request.auth`. A refusal goes to the scope's error handler as a `BearerError`, its headers already on the reply. It
 * checks who calls, not what they may do: see `requirePermission`.
 *
 * Fails at start-up with `TypeError` if an option is wrong, missing or unknown, or if the scope has a `bearerAuth` already.
 */
export const bearerAuth: FastifyPluginAsync<BearerAuthOptions> = fastifyPlugin(
  async (app: FastifyInstance, { waitForKeys: waits = false, ...options }: BearerAuthOptions) => {
    if ('prefix' in options) {
      throw new TypeError(
        'bearerAuth: prefix has no effect here; register bearerAuth inside a prefixed scope',
      )
    }
    if (typeof waits !== 'boolean') throw new TypeError('bearerAuth: "waitForKeys" must be true or false')
    if (app.hasRequestDecorator(validatorOf)) {
      throw new TypeError('bearerAuth: this scope, or one above it, has a bearerAuth already')
    }
    const bearer = createBearerAuth(options as CommonOptions)

    function admit(request: AuthenticatedRequest, auth: ValidatedToken | null, done: () => void): void {
      request.auth = auth
      request[validatorOf] = bearer.validator
      done()
    }

    app.decorateRequest('auth')
    app.decorateRequest(validatorOf)
    app.addHook('onRequest', (request, reply, done) => {
      let auth
      try {
        auth = bearer.authenticate(request.raw.rawHeaders)
      } catch (error) {
        return refuse(reply, error as Error, done)
      }
      if (!(auth instanceof Promise)) return admit(request, auth, done)
      auth.then(
        (result) => admit(request, result, done),
        (error: Error) => refuse(reply, error, done),
      )
    })
    // Fastify's own time-out would name a plugin, and not what it waits for.
    if (waits) await waitForKeys(bearer.validator, ((app.initialConfig.pluginTimeout || 10_000) / 1000) * 0.8)
  },
  { name: '@countersign/fastify', fastify: '5.x' },
)

/**
 * Guards a route, as its `onRequest` hook or one of them: refuses with 403 a caller whose token lacks the permission, and
 * with a bare 401 an anonymous one. Where `bearerAuth` did not run first it fails every request with a plain error (500).
 *
 * Throws `TypeError` if the permission is wrong or demands nothing.
 */
export function requirePermission(permission: Permission): OnRequest {
  const guard = createGuard(permission)

  return (request: AuthenticatedRequest, reply, done) => {
    try {
      guard(request.auth, request[validatorOf])
    } catch (error) {
      return refuse(reply, error as Error, done)
    }
    done()
  }
}

/**
 * Serves the metadata of this API (RFC 9728) at `/.well-known/oauth-protected-resource`, with the API's own path behind it.
 * Register it at the root of the application, before `bearerAuth`: whoever reads it has no token yet.
 *
 * Fails at start-up with `TypeError` if an option is wrong, missing or unknown, or if `bearerAuth` came first.
 */
export const protectedResourceMetadata: FastifyPluginAsync<ProtectedResourceOptions> = fastifyPlugin(
  async (app: FastifyInstance, options: ProtectedResourceOptions) => {
    const metadata = createResourceMetadata(options)
    if (app.hasRequestDecorator(validatorOf)) {
      throw new TypeError('protectedResourceMetadata: register it before bearerAuth, which asks for a token')
    }
    // A hook and no route: hooks of a scope hold for all its routes, and bearerAuth would guard this one too.
    app.addHook('onRequest', (request, reply, done) => {
      const answer = metadata.answer(request.method, request.url)
      if (answer === undefined) return done()
      reply.status(answer.status).headers(answer.headers).send(answer.body)
    })
  },
  { name: '@countersign/fastify/protected-resource-metadata', fastify: '5.x' },
)

/** The headers go on the reply too: an application's error handler may not read `error.headers`. */
function refuse(reply: Reply, error: Error, done: (error: Error) => void): void {
  if (isBearerError(error) && !reply.sent) reply.headers(error.headers)
  done(error)
}
