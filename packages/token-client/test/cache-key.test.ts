import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheKey, type CacheKeyParts } from '../src/grants/cache-key.js'

// A small alphabet of everything that separates something somewhere, so that collisions would be found.
const text = fc.string({
  unit: fc.constantFrom('a', ' ', '"', ',', '[', ']', '\\', '\0', 'null'),
  maxLength: 4,
})
const target = fc.oneof(
  fc.record({ resource: text }),
  fc.record({ scopes: fc.uniqueArray(text, { minLength: 1, maxLength: 3 }).map((scopes) => scopes.sort()) }),
  fc.record({ resource: text, claims: text }),
)
const parts: fc.Arbitrary<CacheKeyParts> = fc.record({
  client: fc.tuple(text, text, text).map((names) => JSON.stringify(names)),
  grant: fc.constantFrom('app', 'obo', 'session'),
  tenantId: fc.option(text, { nil: undefined }),
  subject: fc.option(text, { nil: undefined }),
  target,
})

describe('cacheKey', () => {
  it('is the same for two inputs only when they are the same', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(cacheKey(a) === cacheKey(b)).toBe(fc.stringify(a) === fc.stringify(b))
      }),
      { numRuns: 5000 },
    )
  })

  it('differs when any one input differs', () => {
    const base: CacheKeyParts = {
      client: '["c"]',
      grant: 'app',
      tenantId: 't',
      subject: 's',
      target: { resource: 'r' },
    }
    const others: CacheKeyParts[] = [
      { ...base, client: '["d"]' },
      { ...base, grant: 'obo' },
      { ...base, tenantId: 'u' },
      { ...base, subject: 'u' },
      { ...base, target: { resource: 'q' } },
      { ...base, target: { scopes: ['r'] } },
      { ...base, target: { resource: 'r', claims: '{}' } },
    ]
    expect(new Set([base, ...others].map(cacheKey)).size).toBe(8)
  })

  it('is the same for the same scopes in another order, and twice', () => {
    const base = { client: '[]', grant: 'app', tenantId: undefined, subject: undefined } as const
    expect(cacheKey({ ...base, target: { scopes: ['b', 'a', 'b'] } })).toBe(
      cacheKey({ ...base, target: { scopes: ['a', 'b'] } }),
    )
  })
})
