import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readToken, type UnverifiedToken } from '../src/token.js'
import { TokenCache, type Cacheable } from '../src/token-cache.js'

const tail = 'T'.repeat(43)

function entry(name: string, expiresAt = 1000): Cacheable {
  const token = name + '.'.repeat(50) + name.padStart(43, '_')
  return { token, expiresAt, bytes: 400 + 2 * token.length, used: false }
}

function cacheOf(size: number): { cache: TokenCache<Cacheable>; entries: Cacheable[] } {
  const cache = new TokenCache<Cacheable>({ maxEntries: size })
  const entries = Array.from({ length: size }, (_, index) => entry(`token-${index}`))
  for (const one of entries) cache.set(one, 0)
  return { cache, entries }
}

describe('the token cache', () => {
  it('finds a token by its tail, and not another token with the same tail', () => {
    const cache = new TokenCache<Cacheable>({})
    const own = { token: `own${tail}`, expiresAt: 1000, bytes: 500, used: false }
    cache.set(own, 0)
    expect(cache.get(`own${tail}`)).toBe(own)
    expect(cache.get(`other${tail}`)).toBeUndefined()
    expect(cache.get(tail)).toBeUndefined()
  })

  it('evicts nothing for a token that shares a tail', () => {
    const cache = new TokenCache<Cacheable>({})
    const own = { token: `own${tail}`, expiresAt: 1000, bytes: 500, used: false }
    const other = { token: `other${tail}`, expiresAt: 1000, bytes: 500, used: false }
    cache.set(own, 0)
    cache.set(other, 0)
    cache.delete(other)
    expect(cache.get(own.token)).toBe(own)
    expect(cache.get(other.token)).toBeUndefined()
    expect(cache.size).toBe(1)
  })

  it('replaces the entry of the same token, and counts it once', () => {
    const cache = new TokenCache<Cacheable>({})
    const before = { token: `same${tail}`, expiresAt: 1, bytes: 500, used: false }
    const after = { token: `same${tail}`, expiresAt: 2, bytes: 500, used: false }
    cache.set(before, 0)
    const { bytes } = cache
    cache.set(after, 0)
    expect(cache.get(after.token)).toBe(after)
    expect([cache.size, cache.bytes]).toEqual([1, bytes])
    cache.delete(before)
    expect(cache.get(after.token)).toBe(after)
    cache.delete(after)
    expect(cache.get(after.token)).toBeUndefined()
    expect([cache.size, cache.bytes]).toEqual([0, 0])
  })

  it('holds as many entries as are allowed, and not one more', () => {
    const { cache, entries } = cacheOf(3)
    expect(cache.size).toBe(3)
    cache.set(entry('one more'), 0)
    expect(cache.size).toBe(3)
    expect(cache.get(entry('one more').token)).toBeDefined()
    expect(entries.filter(({ token }) => cache.get(token) === undefined)).toHaveLength(1)
  })

  it('keeps entries that were used and evicts the others', () => {
    const { cache, entries } = cacheOf(10)
    for (const { token } of entries.slice(0, 9)) cache.get(token)
    cache.set(entry('new'), 0)
    expect(entries.map(({ token }) => cache.get(token) !== undefined)).toEqual([
      ...Array.from({ length: 9 }, () => true),
      false,
    ])
  })

  it('evicts entries that were used and have expired', () => {
    const cache = new TokenCache<Cacheable>({ maxEntries: 3 })
    const entries = [entry('a', 1000), entry('b', 10), entry('c', 1000)]
    for (const one of entries) cache.set(one, 0)
    for (const { token } of entries) cache.get(token)
    cache.set(entry('new'), 10)
    expect(entries.map(({ token }) => cache.get(token) !== undefined)).toEqual([true, false, true])
  })

  it('keeps a token to the last second that it is valid', () => {
    const cache = new TokenCache<Cacheable>({ maxEntries: 2 })
    const [used, idle] = [entry('used', 10), entry('idle', 1000)]
    cache.set(used, 0)
    cache.set(idle, 0)
    cache.get(used.token)
    cache.set(entry('new'), 9)
    expect(cache.get(used.token)).toBe(used)
    expect(cache.get(idle.token)).toBeUndefined()
  })

  it('evicts an entry also where all were used', () => {
    const { cache, entries } = cacheOf(5)
    for (let round = 0; round < 20; round++) {
      for (const { token } of entries) cache.get(token)
      cache.set(entry(`new-${round}`), 0)
      expect(cache.size).toBe(5)
    }
  })

  it('gives a token that was used one second chance', () => {
    const { cache, entries } = cacheOf(2)
    const [first] = entries as [Cacheable]
    cache.get(first.token)
    cache.set(entry('new-1'), 0)
    cache.set(entry('new-2'), 0)
    cache.set(entry('new-3'), 0)
    expect(cache.get(first.token)).toBeUndefined()
  })

  it('evicts old tokens that are not used any more, and not the new ones', () => {
    const { cache, entries } = cacheOf(100)
    cache.set(entry('first'), 0)
    for (const { token } of entries) cache.get(token)
    const renewed = Array.from({ length: 50 }, (_, index) => entry(`renewed-${index}`))
    for (const one of renewed) cache.set(one, 0)
    expect(renewed.filter(({ token }) => cache.get(token) !== undefined)).toHaveLength(50)
  })

  it('does not store a token that is larger than the whole cache, and keeps the rest', () => {
    const cache = new TokenCache<Cacheable>({ maxBytes: 2500 })
    const small = entry('small')
    cache.set(small, 0)
    cache.set({ token: 'x'.repeat(2500), expiresAt: 1000, bytes: 5000, used: false }, 0)
    expect(cache.get(small.token)).toBe(small)
    expect(cache.size).toBe(1)
  })

  it('never holds more entries or bytes than are allowed, and counts them correctly, after any operations', () => {
    const step = fc.record({
      action: fc.constantFrom('set', 'set', 'set', 'get', 'delete'),
      name: fc.nat(40),
      expiresAt: fc.nat(100),
      now: fc.nat(100),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 12 }),
        (steps, maxEntries) => {
          const maxBytes = 9000
          const cache = new TokenCache<Cacheable>({ maxEntries, maxBytes })
          const known = new Map<string, Cacheable>()
          for (const { action, name, expiresAt, now } of steps) {
            const token = 'x'.repeat(name * 10) + String(name).padStart(43, '_')
            const value = { token, expiresAt, bytes: 400 + 2 * token.length, used: false }
            if (action === 'set') {
              cache.set(value, now)
              known.set(token, value)
              expect(cache.get(token)).toBe(value)
            } else if (action === 'get') {
              const found = cache.get(token)
              if (found !== undefined) expect(found).toBe(known.get(token))
            } else {
              cache.delete(known.get(token) ?? value)
              expect(cache.get(token)).toBeUndefined()
            }
            expect(cache.size).toBeLessThanOrEqual(maxEntries)
            expect(cache.bytes).toBeLessThanOrEqual(maxBytes)
          }
          for (const value of known.values()) cache.delete(value)
          expect([cache.size, cache.bytes]).toEqual([0, 0])
        },
      ),
    )
  })
})

describe('the estimate of the memory that a token uses', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const typical = (index: number): object => ({
    aud: `6c1e0000-0000-4000-8000-${index}`,
    iss: 'https://login.microsoftonline.com/9f1c0000-0000-4000-8000-000000000001/v2.0',
    iat: index,
    exp: index,
    aio: 'E2ZgYHj8'.repeat(8) + index,
    oid: `oid-${index}`,
    scp: 'Orders.Read Orders.Write',
    sub: 'Zk3lqhY2mA9vT7cR1xWnE5uJ8sPbD4gFoKiLtQyXwMz',
  })

  it.each<[string, (index: number) => unknown, number?]>([
    // So many that what else the engine keeps does not show.
    ['nothing more', () => undefined, 4000],
    [
      '200 groups',
      (index) => Array.from({ length: 200 }, (_, id) => `7d2e0000-0000-4000-8000-${id}-${index}`),
    ],
    ['500 short roles', (index) => Array.from({ length: 500 }, (_, id) => `r${id}_${index}`)],
    ['1000 empty objects', () => Array.from({ length: 1000 }, () => ({}))],
    ['1000 empty lists', () => Array.from({ length: 1000 }, () => [])],
    [
      '500 members',
      (index) => Object.fromEntries(Array.from({ length: 500 }, (_, id) => [`k${id}_${index}`, 1])),
    ],
    ['500 nested objects', () => Array.from({ length: 500 }, () => ({ a: { b: [1] } }))],
  ])('is not below what tokens with %s really use by more than a fifth', (_, extra, count = 200) => {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const header = encode({ alg: 'RS256', typ: 'JWT', kid: 'key' })
    const texts = Array.from({ length: count }, (_unused, index) => {
      const claims = encode({ ...typical(index), extra: extra(index) })
      return Buffer.from(`${header}.${claims}.${Buffer.alloc(256, index).toString('base64url')}`)
    })
    const headers = new Map()
    const read = (text: Buffer): UnverifiedToken => readToken(text.toString('latin1'), 1024 * 1024, headers)
    // Compiled before it counts.
    for (const text of texts.slice(0, 200)) read(text)
    const kept: unknown[] = []
    let estimated = 0
    collect()
    const before = process.memoryUsage().heapUsed
    for (const text of texts) {
      const { token, unverifiedClaims, bytes } = read(text)
      kept.push(token, unverifiedClaims)
      estimated += bytes
    }
    collect()
    const measured = process.memoryUsage().heapUsed - before
    expect(kept).toHaveLength(2 * count)
    expect(measured / estimated).toBeLessThan(1.2)
  })
})
