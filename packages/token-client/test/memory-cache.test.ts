import { describe, expect, it } from 'vitest'
import { createAcquiredToken } from '../src/base/acquired-token.js'
import { type CachedToken, MemoryCache } from '../src/cache/memory-cache.js'

const now = 1_800_000_000

function entry(usableUntil: number, revokedWith: readonly string[] = [], length = 100): CachedToken {
  const token = createAcquiredToken({
    accessToken: 'a'.repeat(length),
    expiresAt: usableUntil,
    scopes: [],
    source: 'cache',
  })
  return { token, usableUntil, refreshAt: usableUntil, revokedWith }
}

const roomy = { maxEntries: 1000, maxBytes: 1e9 }

describe('the memory cache', () => {
  it('returns an entry in its last second, and not in the next', () => {
    const cache = new MemoryCache(roomy)
    cache.set('key', entry(now + 60), now)
    expect(cache.get('key', now + 59.9)).toBeDefined()
    expect(cache.get('key', now + 60)).toBeUndefined()
  })

  it('does not accept an expired entry', () => {
    const cache = new MemoryCache(roomy)
    cache.set('key', entry(now), now)
    expect(cache.size).toBe(0)
  })

  it.each([0, 0.5])('holds nothing, and does not hang, with maxEntries %s', (maxEntries) => {
    const cache = new MemoryCache({ ...roomy, maxEntries })
    cache.set('key', entry(now + 60), now)
    expect(cache.size).toBe(0)
  })

  it('makes room by removing the entry that ends soonest', () => {
    const cache = new MemoryCache({ ...roomy, maxEntries: 2 })
    cache.set('late', entry(now + 3000), now)
    cache.set('soon', entry(now + 300), now)
    cache.set('later', entry(now + 6000), now)
    expect(['late', 'soon', 'later'].map((key) => cache.get(key, now) !== undefined)).toEqual([
      true,
      false,
      true,
    ])
  })

  it('stays within maxBytes, and refuses an entry that alone is larger', () => {
    const cache = new MemoryCache({ ...roomy, maxBytes: 10_000 })
    for (let count = 0; count < 50; count++)
      cache.set(`key ${count}`, entry(now + count * 60 + 60, [], 2000), now)
    expect(cache.bytes).toBeLessThanOrEqual(10_000)
    expect(cache.size).toBe(3)
    cache.set('huge', entry(now + 60, [], 10_000), now)
    expect([cache.size, cache.get('huge', now)]).toEqual([3, undefined])
  })

  it('removes past minutes as a whole, without a look-up of their keys', () => {
    const cache = new MemoryCache(roomy)
    for (let count = 0; count < 100; count++)
      cache.set(`key ${count}`, entry(now + 60 + count, ['user']), now)
    cache.set('new', entry(now + 10_000), now + 5000)
    expect(cache.size).toBe(1)
    expect(cache.bytes).toBeLessThan(1000)
  })

  it('revokes a name, and leaves entries of other names', () => {
    const cache = new MemoryCache(roomy)
    cache.set('a', entry(now + 60, ['user']), now)
    cache.set('b', entry(now + 60, ['user', 'session']), now)
    cache.set('c', entry(now + 60, ['session']), now)
    cache.revoke('user')
    expect(['a', 'b', 'c'].map((key) => cache.get(key, now) !== undefined)).toEqual([false, false, true])
  })

  it('counts an entry that replaces another once', () => {
    const cache = new MemoryCache(roomy)
    cache.set('key', entry(now + 60), now)
    const { bytes } = cache
    cache.set('key', entry(now + 6000), now)
    expect([cache.size, cache.bytes]).toEqual([1, bytes])
    cache.delete('key')
    expect([cache.size, cache.bytes]).toEqual([0, 0])
  })

  it('stays within its limits through a hundred thousand users and a clock that jumps', () => {
    const cache = new MemoryCache({ maxEntries: 500, maxBytes: 1e6 })
    let time = now
    for (let user = 0; user < 100_000; user++) {
      if (user % 10_000 === 9999) time += user % 20_000 === 9999 ? 1e6 : -1e6
      cache.set(`user ${user}`, entry(time + 60 + (user % 3600), [`user ${user}`]), time)
    }
    expect(cache.size).toBeLessThanOrEqual(500)
    expect(cache.bytes).toBeLessThanOrEqual(1e6)
  })
})
