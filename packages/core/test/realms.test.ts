import { genericAudience, keySet, now, tokenWith } from '@countersign/test-fixtures'
import {
  createTokenValidator,
  oidcIssuer,
  oidcIssuers,
  type OidcIssuersOptions,
  type TokenValidatorOptions,
} from '@countersign/core'
import { describe, expect, it, vi } from 'vitest'

const realm = (name: string): string => `https://id.example/realms/${name}`
const settingsOf = (iss: string) => ({ issuer: iss, audience: genericAudience, jwksUri: `${iss}/keys` })

interface Situation {
  readonly resolve: OidcIssuersOptions['resolve']
  readonly more?: Partial<OidcIssuersOptions>
  readonly options?: Partial<TokenValidatorOptions>
}

function start({ resolve, more = {}, options = {} }: Situation) {
  let time = now
  const fetched: string[] = []
  const validator = createTokenValidator({
    issuer: oidcIssuers({ resolve, ...more }),
    clock: () => time,
    fetch: async (url) => {
      fetched.push(url)
      return Response.json(keySet(['generic']))
    },
    ...options,
  })
  return {
    fetched,
    validator,
    wait: (seconds: number) => (time += seconds),
    outcomeOf: async (iss: string, claims: object = {}): Promise<string> => {
      const token = tokenWith({ from: 'generic', claims: { iss, exp: now + 10_000, ...claims } })
      const { error } = await validator.tryValidateToken(token)
      return error === undefined ? 'accepted' : [error.code, error.reason].filter(Boolean).join(' ')
    },
  }
}

describe('issuers that appear at run time', () => {
  it('are trusted where the function gives settings, and not where it gives none', async () => {
    const known = new Set([realm('acme')])
    const { outcomeOf, fetched } = start({ resolve: (iss) => (known.has(iss) ? settingsOf(iss) : undefined) })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    expect(await outcomeOf(realm('evil'))).toBe('issuer_not_trusted')
    expect(await outcomeOf(realm('acme'), { aud: 'other' })).toBe('audience_mismatch')
    expect(fetched).toEqual([`${realm('acme')}/keys`])
  })

  it('share what the validator requires of all of them', async () => {
    const resolve = (iss: string) => ({ issuer: iss, jwksUri: `${iss}/keys` })
    const shared = start({ resolve, options: { audience: genericAudience, allowedClients: ['web'] } })
    expect(await shared.outcomeOf(realm('acme'), { client_id: 'web' })).toBe('accepted')
    expect(await shared.outcomeOf(realm('acme'), { client_id: 'other' })).toBe('client_not_allowed')
  })

  it('are asked for once while their settings are fresh, and once for all that wait', async () => {
    const resolve = vi.fn(async (iss: string) => settingsOf(iss))
    const { outcomeOf, wait } = start({ resolve, more: { maxAgeSeconds: 100 } })
    const attempts = Array.from({ length: 20 }, () => outcomeOf(realm('acme')))
    expect(new Set(await Promise.all(attempts))).toEqual(new Set(['accepted']))
    wait(99)
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    expect(resolve).toHaveBeenCalledTimes(1)
    wait(1)
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    expect(resolve).toHaveBeenCalledTimes(2)
  })

  it('end with the settings, for a token that is remembered too', async () => {
    let isTrusted = true
    const { outcomeOf, wait } = start({
      resolve: (iss) => (isTrusted ? settingsOf(iss) : undefined),
      more: { maxAgeSeconds: 100 },
    })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    isTrusted = false
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    wait(100)
    expect(await outcomeOf(realm('acme'))).toBe('issuer_not_trusted')
  })

  it('keep their keys where new settings name the same addresses, and fetch anew where they do not', async () => {
    let address = 'keys'
    const { outcomeOf, fetched, wait } = start({
      resolve: (iss) => ({ ...settingsOf(iss), jwksUri: `${iss}/${address}` }),
      more: { maxAgeSeconds: 100 },
    })
    await outcomeOf(realm('acme'))
    wait(100)
    await outcomeOf(realm('acme'), { jti: 'another token' })
    expect(fetched).toHaveLength(1)
    address = 'moved'
    wait(100)
    expect(await outcomeOf(realm('acme'), { jti: 'a third' })).toBe('accepted')
    expect(fetched).toEqual([`${realm('acme')}/keys`, `${realm('acme')}/moved`])
  })

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('private words')
      },
      'check_unavailable issuers',
    ],
    ['rejects', () => Promise.reject(new Error('private words')), 'check_unavailable issuers'],
    ['answers null', () => null, 'check_unavailable issuer_settings'],
    ['answers false', () => false, 'check_unavailable issuer_settings'],
    ['answers text', () => 'https://other.example', 'check_unavailable issuer_settings'],
    [
      'answers settings of another issuer',
      () => settingsOf(realm('other')),
      'check_unavailable issuer_settings',
    ],
    [
      'answers settings without an audience',
      () => ({ issuer: realm('acme') }),
      'check_unavailable issuer_settings',
    ],
    [
      'answers an unknown option',
      () => ({ ...settingsOf(realm('acme')), x: 1 }),
      'check_unavailable issuer_settings',
    ],
    [
      'answers settings over plain http',
      () => ({ ...settingsOf(realm('acme')), jwksUri: 'http://keys.example' }),
      'check_unavailable issuer_settings',
    ],
  ])('are answered with 503 where the function %s', async (_, resolve, outcome) => {
    const { outcomeOf, fetched } = start({ resolve: resolve as never })
    expect(await outcomeOf(realm('acme'))).toBe(outcome)
    expect(fetched).toEqual([])
  })

  it('are answered with 503 where the function never answers, and asked for again by the next request', async () => {
    vi.useFakeTimers()
    try {
      let isStuck = true
      const { outcomeOf } = start({
        resolve: (iss) => (isStuck ? new Promise<never>(() => {}) : settingsOf(iss)),
      })
      const stuck = outcomeOf(realm('acme'))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await stuck).toBe('check_unavailable issuers')
      isStuck = false
      expect(await outcomeOf(realm('acme'))).toBe('accepted')
    } finally {
      vi.useRealTimers()
    }
  })

  it('that are not known are remembered for a minute', async () => {
    const resolve = vi.fn(() => undefined)
    const { outcomeOf, wait } = start({ resolve })
    for (let attempt = 0; attempt < 10; attempt++) {
      expect(await outcomeOf(realm('evil'))).toBe('issuer_not_trusted')
    }
    expect(resolve).toHaveBeenCalledTimes(1)
    wait(60)
    await outcomeOf(realm('evil'))
    expect(resolve).toHaveBeenCalledTimes(2)
  })

  it('cost the function a bounded number of calls in a flood, and no known one is lost', async () => {
    const resolve = vi.fn(async (iss: string) => (iss === realm('acme') ? settingsOf(iss) : undefined))
    const { outcomeOf, wait, fetched } = start({ resolve, more: { maxIssuers: 2 } })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    const outcomes = new Map<string, number>()
    for (let index = 0; index < 2000; index++) {
      const outcome = await outcomeOf(realm(`evil-${index}`))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    // One of the fifty was the known realm itself.
    expect(resolve).toHaveBeenCalledTimes(50)
    expect([...outcomes.keys()].sort()).toEqual(['check_unavailable issuers', 'issuer_not_trusted'])
    expect(await outcomeOf(realm('acme'), { jti: 'a new token' })).toBe('accepted')
    wait(1)
    expect(await outcomeOf(realm('evil-new'))).toBe('issuer_not_trusted')
    expect(fetched).toHaveLength(1)
  })

  it('are not kept out by a flood where the function answers immediately', async () => {
    const resolve = (iss: string) => (iss === realm('acme') ? settingsOf(iss) : undefined)
    const { outcomeOf } = start({ resolve })
    for (let index = 0; index < 200; index++) {
      expect(await outcomeOf(realm(`evil-${index}`))).toBe('issuer_not_trusted')
    }
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
  })

  it('may be known to one of two functions', async () => {
    const knowing = (name: string) => (iss: string) => (iss === realm(name) ? settingsOf(iss) : undefined)
    let time = now
    const validator = createTokenValidator({
      issuer: [oidcIssuers({ resolve: knowing('a') }), oidcIssuers({ resolve: knowing('b') })],
      clock: () => time,
      fetch: async () => Response.json(keySet(['generic'])),
    })
    for (let attempt = 0; attempt < 3; attempt++) {
      for (const name of ['a', 'b']) {
        const claims = { iss: realm(name), exp: now + 10_000, jti: `${attempt}` }
        await expect(validator.validateToken(tokenWith({ from: 'generic', claims }))).resolves.toBeDefined()
      }
      time += 61
    }
  })

  it('have keys that forgetKeys drops: of one, of all of a function, and for ever by id', async () => {
    const issuer = oidcIssuers({ resolve: settingsOf })
    const { validator, outcomeOf, fetched } = start({ resolve: settingsOf, options: { issuer } })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    validator.forgetKeys({ issuer: realm('acme') })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    expect(fetched).toHaveLength(2)
    validator.forgetKeys({ issuer })
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    expect(fetched).toHaveLength(3)
    expect(() => validator.forgetKeys({ issuer: realm('unseen') })).toThrow(TypeError)
    const [{ kid }] = keySet(['generic']).keys as [{ kid: string }]
    validator.forgetKeys({ kid })
    expect(await outcomeOf(realm('acme'))).toBe('key_denied')
    expect(await outcomeOf(realm('resolved-later'))).toBe('key_denied')
  })

  it('get another key store where a changed setting decides which keys they accept', async () => {
    let algorithms: ['RS256'] | ['PS256'] = ['PS256']
    const { outcomeOf, wait, fetched } = start({
      resolve: (iss) => ({ ...settingsOf(iss), algorithms }),
      more: { maxAgeSeconds: 10 },
    })
    expect(await outcomeOf(realm('acme'))).toBe('algorithm_not_allowed')
    algorithms = ['RS256']
    wait(10)
    expect(await outcomeOf(realm('acme'))).toBe('accepted')
    wait(10)
    expect(await outcomeOf(realm('acme'), { jti: 'new' })).toBe('accepted')
    expect(fetched).toHaveLength(1)
  })

  it('beyond what is remembered push out the one that was asked for the longest ago', async () => {
    const resolve = vi.fn((iss: string) => settingsOf(iss))
    const { outcomeOf } = start({ resolve, more: { maxIssuers: 2 } })
    for (const name of ['a', 'b', 'c']) expect(await outcomeOf(realm(name))).toBe('accepted')
    expect(await outcomeOf(realm('c'), { jti: 'new' })).toBe('accepted')
    expect(resolve).toHaveBeenCalledTimes(3)
    expect(await outcomeOf(realm('a'), { jti: 'new' })).toBe('accepted')
    expect(resolve).toHaveBeenCalledTimes(4)
  })

  it('are never asked for where an issuer is configured, or the name is beyond measure', async () => {
    const resolve = vi.fn((iss: string) => settingsOf(iss))
    const { validator } = start({
      resolve,
      options: {
        issuer: [
          oidcIssuer({
            issuer: realm('fixed'),
            audience: genericAudience,
            jwksUri: `${realm('fixed')}/keys`,
          }),
          oidcIssuers({ resolve }),
        ],
      },
    })
    const tokenOf = (iss: string) => tokenWith({ from: 'generic', claims: { iss } })
    expect((await validator.tryValidateToken(tokenOf(realm('fixed')))).error).toBeUndefined()
    const long = await validator.tryValidateToken(tokenOf(realm('x'.repeat(2048))))
    expect(long.error?.code).toBe('issuer_not_trusted')
    expect(resolve).not.toHaveBeenCalled()
  })

  it('that two functions know are answered with issuer_ambiguous', async () => {
    const resolve = (iss: string) => settingsOf(iss)
    const { outcomeOf } = start({
      resolve,
      options: { issuer: [oidcIssuers({ resolve }), oidcIssuers({ resolve })] },
    })
    expect(await outcomeOf(realm('acme'))).toBe('issuer_ambiguous')
  })

  it.each<[string, () => unknown, string]>([
    ['no function', () => oidcIssuers({} as never), '"resolve" must be a function'],
    ['no room', () => oidcIssuers({ resolve: () => undefined, maxIssuers: 0 }), '"maxIssuers"'],
    ['no age', () => oidcIssuers({ resolve: () => undefined, maxAgeSeconds: 0 }), '"maxAgeSeconds"'],
    [
      'an unknown option',
      () => oidcIssuers({ resolve: () => undefined, ttl: 1 } as never),
      'unknown option "ttl"',
    ],
  ])('with %s are a TypeError', (_, make, words) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(words)
  })
})
