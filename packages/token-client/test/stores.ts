import type { KeyvLike } from '@countersign/token-client'
import Keyv from 'keyv'

/** A real Keyv in memory, whose contents a test can read and change, and which a test can stop. */
export function createOpenStore(): {
  readonly keyv: KeyvLike
  readonly contents: Map<string, string>
  readonly operations: string[]
  /** `up`; `down`: every operation fails; `slow`: none ever ends. */
  state: 'up' | 'down' | 'slow'
} {
  const contents = new Map<string, string>()
  const keyv = new Keyv<string>({ store: contents, useKeyPrefix: false })
  const perform = async <T>(operation: string, work: () => T): Promise<Awaited<T>> => {
    store.operations.push(operation)
    if (store.state === 'slow') await new Promise<never>(() => {})
    if (store.state === 'down') throw Object.assign(new Error(`lost ${operation}`), { code: 'ECONNRESET' })
    return await work()
  }
  const store = {
    contents,
    operations: [] as string[],
    state: 'up' as 'up' | 'down' | 'slow',
    keyv: {
      get: (key: string) => perform('get', () => keyv.get(key)),
      set: (key: string, value: string, ttl?: number) => perform('set', () => keyv.set(key, value, ttl)),
      delete: (key: string) => perform('delete', () => keyv.delete(key)),
    },
  }
  return store
}

export const storeKey = Buffer.alloc(32, 'first key').toString('base64')
export const otherStoreKey = Buffer.alloc(32, 'other key').toString('base64')
