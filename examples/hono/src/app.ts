import {
  createFetchAuth,
  protectedResourceMetadata,
  resourceMetadataUrl,
  type FetchAuth,
  type TokenValidatorOptions,
  type ValidatedToken,
} from '@countersign/core'
import { Hono, type MiddlewareHandler } from 'hono'

interface Env {
  Variables: { auth: ValidatedToken }
}

/** The door as Hono's middleware. Its handlers find the token by `context.get('auth')`. */
function guard(door: FetchAuth): MiddlewareHandler<Env> {
  return async (context, next) => {
    const { auth, refusal } = await door.authenticate(context.req.raw)
    if (refusal !== undefined) return refusal
    context.set('auth', auth)
    return next()
  }
}

/** The API. `resource` is its own address, as callers know it. */
export function createApp(resource: string, options: TokenValidatorOptions): Hono<Env> {
  const metadata = protectedResourceMetadata({ resource, scopesSupported: ['Things.Read'] })
  const door = createFetchAuth({ ...options, resourceMetadata: resourceMetadataUrl(resource) })
  const reader = door.requirePermission({
    delegated: { scopes: 'Things.Read' },
    application: { roles: 'Things.Read.All' },
  })

  return new Hono<Env>()
    .use(async (context, next) => metadata(context.req.raw) ?? next())
    .use(guard(door))
    .get('/whoami', (context) => context.json({ client: context.get('auth').clientId }))
    .get('/things', guard(reader), (context) => context.json({ things: ['a lamp', 'a chair'] }))
}
