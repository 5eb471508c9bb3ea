import { createClient } from '@redis/client'

/** Remembers used DPoP proofs in Redis or Valkey, for all instances of an API. */
export async function redisReplayStore(url) {
  // Without the offline queue a request fails at once while Redis is away, and is answered with 503.
  const redis = createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: 1000 } })
  redis.on('error', () => {})
  await redis.connect()
  return {
    // One command: a GET before a SET would accept a proof twice that comes twice at once.
    async addIfAbsent(key, ttlSeconds) {
      const answer = await redis.set(`orders-api:dpop:${key}`, '1', { NX: true, PX: ttlSeconds * 1000 })
      return answer === 'OK'
    },
  }
}
