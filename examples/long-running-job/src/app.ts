import KeyvRedis from '@keyv/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import { bearerAuth, entra, type EntraCloud } from '@countersign/fastify'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  isTokenClientError,
  type SessionOwner,
} from '@countersign/token-client'
import Keyv from 'keyv'

export interface Settings {
  readonly tenantId: string
  readonly clientId: string
  readonly secret: string
  readonly cloud?: EntraCloud
  readonly redisUrl: string
  /** 32 bytes in base64: encrypts what is in Redis. Keep it where you keep secrets, not in Redis. */
  readonly storeKey: string
  readonly stockOrigin: string
  readonly clock?: () => number
}

/** The first-tier API: a user asks for a report, and a job makes it later, at any instance, with no user around. */
export async function createApp(settings: Settings): Promise<FastifyInstance> {
  const { tenantId, clientId, secret, redisUrl, storeKey, stockOrigin, cloud, clock } = settings
  const shared = { ...(cloud && { cloud }) }
  const adapter = new KeyvRedis({ url: redisUrl, socket: { connectTimeout: 1000, reconnectStrategy: 500 } })
  const keyv = new Keyv(adapter, { useKeyPrefix: false, throwOnErrors: true })
  keyv.on('error', () => {})
  const client = createTokenClient({
    authority: entraAuthority({ tenantId, version: '2.0', ...shared }),
    clientId,
    credential: clientSecret(secret),
    audience: clientId,
    store: { keyv, keys: [{ secret: storeKey }] },
    ...(clock && { clock }),
  })
  const target = { resource: 'api://stock' }

  const app = Fastify()
  app.addHook('onClose', () => adapter.disconnect(true))
  app.setErrorHandler((error, _request, reply) => {
    if (isTokenClientError(error))
      return reply
        .status(error.status ?? (error.action === 'retry' ? 503 : 410))
        .send({ code: error.code, action: error.action })
    throw error
  })

  // The job is called by a scheduler of your own, so it is not for users: it would be on another port, or in another process.
  app.post<{ Body: SessionOwner & { key: string } }>('/jobs/run', async ({ body }) => {
    const { key, ...owner } = body
    const session = await client.resumeSession(key, owner)
    const { accessToken } = await session.acquire()
    const answer = await fetch(`${stockOrigin}/stock`, {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    return { report: await answer.json() }
  })

  await app.register(async (users) => {
    const issuer = entra({ tenantId, clientId, ...shared })
    await users.register(bearerAuth, { issuer, ...(clock && { clock }) })
    users.post('/reports', async ({ auth }) => {
      const session = await client.startSession(auth, target)
      // Keep the key with the job. Alone it is of no value: it is found for its owner only.
      const { tenantId, objectId, clientId } = auth
      return { key: session.key, tenantId, objectId, clientId }
    })
    users.delete('/me', async ({ auth }) => {
      await client.forgetUser(auth.tenantId ?? '', auth.objectId ?? '')
      return { forgotten: true }
    })
  })
  return app
}
