import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import KeyvRedis from '@keyv/redis'
import type { StoreLock, StoreOptions } from '@countersign/token-client'
import Keyv from 'keyv'

/** The `store` of a token client, in Redis or Valkey. */
export function redisStore(
  url: string,
  secret: string,
): { store: StoreOptions; disconnect: () => Promise<void> } {
  const adapter = new KeyvRedis({ url, socket: { connectTimeout: 1000, reconnectStrategy: 500 } })
  // With throwOnErrors a lost connection is reported by onStoreFault; without it, the store looks empty.
  const keyv = new Keyv(adapter, { useKeyPrefix: false, throwOnErrors: true })
  keyv.on('error', () => {})
  return {
    store: { keyv, keys: [{ secret }], lock: createLock(adapter) },
    disconnect: () => adapter.disconnect(true),
  }
}

const leaseMilliseconds = 30_000

/** One at a time, as long as Redis has one primary: a lease that only its holder can release. */
function createLock(adapter: KeyvRedis<unknown>): StoreLock {
  return async (name, work) => {
    const redis = (await adapter.getClient()) as RedisCommands
    const [lock, holder] = [`${name}:lock`, randomUUID()]
    const until = Date.now() + leaseMilliseconds
    while ((await redis.set(lock, holder, { NX: true, PX: leaseMilliseconds })) === null) {
      if (Date.now() > until) throw new Error('The lock was not free in time')
      await delay(20 + Math.random() * 30)
    }
    try {
      await work()
    } finally {
      const release = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end`
      await redis.eval(release, { keys: [lock], arguments: [holder] })
    }
  }
}

interface RedisCommands {
  set(key: string, value: string, options: { NX: true; PX: number }): Promise<string | null>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}
