import Fastify, { type FastifyInstance } from 'fastify'
import { bearerAuth, requirePermission, type TokenValidatorOptions } from '@countersign/fastify'

/** The API. What it stores belongs to a tenant: a user is only known by tenant and object id together. */
export async function createApp(options: TokenValidatorOptions): Promise<FastifyInstance> {
  const notes = new Map<string, string[]>()
  const app = Fastify()
  await app.register(bearerAuth, options)
  const onRequest = requirePermission({ delegated: { scopes: 'Notes.ReadWrite' } })

  app.get('/notes', { onRequest }, ({ auth }) => ({ notes: notes.get(auth.tenantId ?? '') ?? [] }))
  app.post<{ Body: { text: string } }>('/notes', { onRequest }, ({ auth, body }) => {
    const own = notes.get(auth.tenantId ?? '') ?? []
    notes.set(auth.tenantId ?? '', [...own, body.text])
    return { saved: true }
  })
  return app
}
