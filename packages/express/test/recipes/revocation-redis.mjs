import { createClient } from '@redis/client'

/** Shares revocations of all instances of an API in a stream of Redis or Valkey (6.2 or later). */
export async function redisRevocationStore(url) {
  const stream = 'orders-api:revocations'
  // Without the offline queue a request fails at once while Redis is away.
  const redis = createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: 1000 } })
  redis.on('error', () => {})
  await redis.connect()
  return {
    async append(entry, ttlSeconds) {
      // Entries that no token can outlive any more are trimmed; twice the time, because clocks differ.
      const oldest = Date.now() - 2 * ttlSeconds * 1000
      const TRIM = { strategy: 'MINID', strategyModifier: '~', threshold: oldest }
      await redis.xAdd(stream, '*', { entry }, { TRIM })
    },
    async readSince(cursor) {
      const start = cursor === undefined ? '-' : `(${cursor}`
      const found = await redis.xRange(stream, start, '+', { COUNT: 1000 })
      return {
        entries: found.map(({ message }) => message.entry),
        cursor: found.at(-1)?.id ?? cursor ?? '0-0',
      }
    },
  }
}
