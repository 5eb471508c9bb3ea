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

/** The wrapper as Hono's middleware. Its handlers find the token by `context.get('auth')`. */
function guard(fetchAuth: FetchAuth): MiddlewareHandler<Env> {
  return async (context, next) => {
    const { auth, refusal } = await fetchAuth.authenticate(context.req.raw)
    if (refusal !== undefined) return refusal
    context.set('auth', auth)
    return next()
  }
}

/** The API. `resource` is its own address, as callers know it. */
export function createApp(resource: string, options: TokenValidatorOptions): Hono<Env> {
  const metadata = protectedResourceMetadata({ resource, scopesSupported: ['Things.Read'] })
  const fetchAuth = createFetchAuth({ ...options, resourceMetadata: resourceMetadataUrl(resource) })
  const reader = fetchAuth.requirePermission({
    delegated: { scopes: 'Things.Read' },
    application: { roles: 'Things.Read.All' },
  })

  return new Hono<Env>()
    .use(async (context, next) => metadata(context.req.raw) ?? next())
    .use(guard(fetchAuth))
    .get('/whoami', (context) => context.json({ client: context.get('auth').clientId }))
    .get('/things', guard(reader), (context) => context.json({ things: ['a lamp', 'a chair'] }))
}
