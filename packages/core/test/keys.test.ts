import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  apiClientId,
  entraKeyNames,
  keySet,
  now,
  otherApiClientId,
  signingKey,
  startIssuer,
  tenantId,
  tokenWith,
  v2Issuer,
  type Issuer,
  type KeyName,
} from '@countersign/test-fixtures'
import {
  BearerError,
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  staticIssuer,
  type KeySkippedEvent,
  type KeysRefreshedEvent,
  type KeysRefreshFailedEvent,
  type TokenValidator,
  type TokenValidatorOptions,
} from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const hour = 3600
const everyKey = [...entraKeyNames]

let issuer: Issuer
let time: number
let open: TokenValidator[]

beforeEach(async () => {
  issuer = await startIssuer()
  time = now
  open = []
})

afterEach(async () => {
  for (const validator of open) validator.close()
  await issuer.stop()
})

function validatorWith(options: Partial<TokenValidatorOptions> = {}): TokenValidator {
  const validator = createTokenValidator({
    issuer: entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
    clock: () => time,
    ...options,
  })
  open.push(validator)
  return validator
}

/** A token that lives for days, so that only its key decides. */
function longLived(key: KeyName = 'entra'): string {
  return tokenWith({ key, claims: { exp: now + 1000 * hour } })
}

function forged(index: number): string {
  return tokenWith({ key: 'attacker', header: { kid: `forged-${index}` } })
}

function keyFetches(): number {
  return issuer.requests.filter((path) => path.endsWith('/keys')).length
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => {
      if (error instanceof BearerError) return error.code
      throw error
    },
  )
}

/** Observers that tell when the next refresh is over, either way. */
function refreshes(): {
  observers: Pick<TokenValidatorOptions, 'onKeysRefreshed' | 'onKeysRefreshFailed'>
  next: () => Promise<void>
} {
  let waiting: (() => void)[] = []
  const tell = (): void => {
    // The event comes from inside the refresh; one turn later it is over.
    const told = waiting
    waiting = []
    setImmediate(() => {
      for (const resolve of told) resolve()
    })
  }
  return {
    observers: { onKeysRefreshed: tell, onKeysRefreshFailed: tell },
    next: () => new Promise((resolve) => waiting.push(resolve)),
  }
}

describe('fetching', () => {
  it('makes no request until a token needs keys', () => {
    validatorWith()
    expect(issuer.requests).toEqual([])
  })

  it('fetches metadata and keys once for a thousand first requests at the same time', async () => {
    const { validateToken } = validatorWith({ tokenCache: false })
    const token = tokenWith()
    const results = await Promise.all(Array.from({ length: 1000 }, () => validateToken(token)))
    expect(results).toHaveLength(1000)
    expect(issuer.requests).toEqual([
      `/${tenantId}/v2.0/.well-known/openid-configuration`,
      `/${tenantId}/discovery/v2.0/keys`,
    ])
  })

  it('fetches nothing for a token of an issuer that is not trusted', async () => {
    const { validateToken } = validatorWith()
    const token = tokenWith({ claims: { iss: 'http://127.0.0.1:9/evil' } })
    expect(await codeOf(validateToken(token))).toBe('issuer_not_trusted')
    expect(issuer.requests).toEqual([])
  })

  it('makes keys available with ready, and answers the next request without waiting', async () => {
    const validator = validatorWith()
    await validator.ready()
    const result = validator.authenticate({ authorization: [`Bearer ${tokenWith()}`] })
    expect(result).not.toBeInstanceOf(Promise)
    expect(result).toMatchObject({ kind: 'delegated' })
  })

  it('rejects ready with keys_unavailable while the issuer is down', async () => {
    issuer.fail({ status: 500 })
    expect(await codeOf(validatorWith().ready())).toBe('keys_unavailable')
  })

  it('answers a token whose keys are out of reach with 503 and Retry-After, not with a challenge', async () => {
    issuer.fail({ status: 500 })
    const error: unknown = await validatorWith()
      .validateToken(tokenWith())
      .catch((refusal: unknown) => refusal)
    expect(error).toMatchObject({ code: 'keys_unavailable', status: 503, headers: { 'Retry-After': '5' } })
    expect(error).toMatchObject({ expose: false })
  })

  it('backs off after a failure and recovers when the time has come', async () => {
    const { validateToken } = validatorWith()
    issuer.fail({ status: 500 })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    const before = issuer.requests.length
    issuer.recover()
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(issuer.requests.length).toBe(before)
    time += 1
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
  })

  it('uses the fetch it is given', async () => {
    const asked: string[] = []
    const { validateToken } = validatorWith({
      fetch: (url, init) => {
        asked.push(url)
        return fetch(url, init)
      },
    })
    await validateToken(tokenWith())
    expect(asked).toHaveLength(2)
  })

  it.each<[string, Parameters<Issuer['fail']>[0]]>([
    ['a status other than 200', { status: 404 }],
    ['text that is no JSON', { body: '<html>' }],
    ['JSON that is no object', { body: '[]' }],
    ['a document without keys', { body: '{"issuer":"x","jwks_uri":"y"}' }],
    ['a document that repeats a name', { body: '{"keys":[],"keys":[]}' }],
    ['a connection that breaks', 'reset'],
  ])('treats %s as an outage: keys_unavailable', async (_, fault) => {
    issuer.fail(fault)
    expect(await codeOf(validatorWith().validateToken(tokenWith()))).toBe('keys_unavailable')
  })

  it('gives up on an issuer that does not answer after five seconds', async () => {
    issuer.fail('hang')
    const faults: string[] = []
    const { validateToken } = validatorWith({ onKeysRefreshFailed: ({ fault }) => faults.push(fault) })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(faults).toEqual(['timeout'])
  })

  it('refuses metadata of another issuer', async () => {
    const faults: string[] = []
    issuer.fail({ body: JSON.stringify({ issuer: v2Issuer('other'), jwks_uri: `${issuer.origin}/keys` }) })
    const { validateToken } = validatorWith({ onKeysRefreshFailed: ({ fault }) => faults.push(fault) })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(faults).toEqual(['issuer'])
    expect(keyFetches()).toBe(0)
  })

  it.each(['http://keys.example/', 'file:///etc/passwd', 'ftp://127.0.0.1/', 'nonsense'])(
    'does not follow a jwks_uri of %s',
    async (jwksUri) => {
      const faults: string[] = []
      issuer.fail({ body: JSON.stringify({ issuer: v2Issuer(), jwks_uri: jwksUri }) })
      const { validateToken } = validatorWith({ onKeysRefreshFailed: ({ fault }) => faults.push(fault) })
      expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
      expect(faults).toEqual(['jwks_uri'])
    },
  )

  it('does not let metadata from elsewhere point to this machine', async () => {
    const asked: string[] = []
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId, clientId: apiClientId }),
      fetch: async (url) => {
        asked.push(url)
        return Response.json({ issuer: v2Issuer(), jwks_uri: 'http://127.0.0.1:1/keys' })
      },
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(asked).toHaveLength(1)
  })

  it('follows no redirect', async () => {
    const reached: string[] = []
    const server = createServer((request, response) => {
      reached.push(request.url ?? '')
      response.writeHead(302, { location: `${issuer.origin}${request.url}` }).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId, clientId: apiClientId, cloud: { ...issuer.cloud, authority: origin } }),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(reached).toHaveLength(1)
    expect(issuer.requests).toEqual([])
    server.close()
  })

  it('stops reading a document that never ends', async () => {
    let sent = 0
    const { validateToken } = validatorWith({
      fetch: async () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent++
              controller.enqueue(new Uint8Array(64 * 1024).fill(0x20))
            },
          }),
        ),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(sent).toBeLessThan(10)
  })

  it('takes a thousand keys of a set and passes over the rest', async () => {
    const skipped: KeySkippedEvent[] = []
    const refreshed: KeysRefreshedEvent[] = []
    const { jwk } = signingKey('entra')
    const keys = Array.from({ length: 1003 }, (_, index) => ({ ...jwk, kid: `key-${index}` }))
    const { validateToken } = validatorWith({
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys') ? { keys } : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
      onKeySkipped: (event) => skipped.push(event),
      onKeysRefreshed: (event) => refreshed.push(event),
    })
    expect(await codeOf(validateToken(tokenWith({ header: { kid: 'key-999' } })))).toBe('accepted')
    expect(await codeOf(validateToken(tokenWith({ header: { kid: 'key-1000' } })))).toBe('key_unknown')
    expect(skipped.filter(({ reason }) => reason === 'too_many').length).toBeGreaterThanOrEqual(3)
    expect(refreshed[0]).toMatchObject({ keys: 1000, skipped: 3 })
  })

  it('passes over what is no public signature key, and says so, and keeps the rest', async () => {
    const skipped: KeySkippedEvent[] = []
    const { validateToken } = validatorWith({ onKeySkipped: (event) => skipped.push(event) })
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
    expect(skipped.map(({ reason }) => reason).sort()).toEqual([
      'key_ops',
      'not_an_object',
      'private',
      'rsa_exponent',
      'rsa_size',
      'symmetric',
      'use',
    ])
  })

  it('finds the tenant of a domain through its metadata, and asks again only for keys', async () => {
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId: 'contoso.example', clientId: apiClientId, cloud: issuer.cloud }),
      fetch: (url, init) => fetch(url.replace('contoso.example', tenantId), init),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
    expect(await codeOf(validateToken(tokenWith({ claims: { iss: v2Issuer(otherApiClientId) } })))).toBe(
      'issuer_not_trusted',
    )
    expect(issuer.requests).toHaveLength(2)
  })

  it('asks the v2.0 document of all organizations for a multi-tenant API, whatever the tenant', async () => {
    const { validateToken } = validatorWith({
      issuer: entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId, cloud: issuer.cloud }),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
    expect(issuer.requests).toEqual([
      '/organizations/v2.0/.well-known/openid-configuration',
      '/organizations/discovery/v2.0/keys',
    ])
  })

  it('looks for RFC 8414 metadata where there is none of OpenID Connect', async () => {
    const asked: string[] = []
    const address = 'https://issuer.example/tenant1'
    const { jwk } = signingKey('generic')
    const { validateToken } = validatorWith({
      issuer: oidcIssuer(address),
      audience: 'https://files.example',
      fetch: async (url) => {
        asked.push(url)
        if (url.endsWith('/keys')) return Response.json({ keys: [jwk] })
        if (url.includes('openid')) return new Response('no', { status: 404 })
        return Response.json({ issuer: address, jwks_uri: 'https://issuer.example/keys' })
      },
    })
    const token = tokenWith({ from: 'generic', claims: { iss: address } })
    expect(await codeOf(validateToken(token))).toBe('accepted')
    expect(asked).toEqual([
      'https://issuer.example/tenant1/.well-known/openid-configuration',
      'https://issuer.example/.well-known/oauth-authorization-server/tenant1',
      'https://issuer.example/keys',
    ])
  })

  it('does not take an outage of the first metadata address for its absence', async () => {
    const asked: string[] = []
    const { validateToken } = validatorWith({
      issuer: oidcIssuer('https://issuer.example'),
      audience: 'https://files.example',
      fetch: async (url) => {
        asked.push(url)
        return new Response('', { status: 502 })
      },
    })
    const token = tokenWith({ from: 'generic', claims: { iss: 'https://issuer.example' } })
    expect(await codeOf(validateToken(token))).toBe('keys_unavailable')
    expect(asked).toHaveLength(1)
  })

  it('uses no network for keys that are given: a set, a key, and PEM', async () => {
    const key = signingKey('generic')
    const pem = key.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    for (const jwks of [keySet(['generic']), key.jwk, pem]) {
      const { validateToken } = validatorWith({
        issuer: staticIssuer({ issuer: 'https://given.example', jwks }),
        audience: 'https://files.example',
        fetch: () => Promise.reject(new Error('no network')),
      })
      const token = tokenWith({ from: 'generic', claims: { iss: 'https://given.example' } })
      expect(await codeOf(validateToken(token))).toBe('accepted')
    }
  })
})

describe('the life of a key', () => {
  it('refreshes behind a request when the hour is over, and the request does not wait', async () => {
    const validator = validatorWith()
    await validator.ready()
    issuer.fail('hang')
    time += hour
    const result = validator.authenticate({ authorization: [`Bearer ${longLived()}`] })
    expect(result).not.toBeInstanceOf(Promise)
    await expect.poll(() => issuer.requests.length).toBe(3)
  })

  it('refreshes behind a request for a remembered token too', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    const authorization = [`Bearer ${longLived()}`]
    await validator.authenticate({ authorization })
    time += hour
    const done = refresh.next()
    expect(validator.authenticate({ authorization })).not.toBeInstanceOf(Promise)
    await done
    expect(keyFetches()).toBe(2)
  })

  it('serves known keys through an outage for a day and not a second more', async () => {
    const failures: KeysRefreshFailedEvent[] = []
    const { validateToken } = validatorWith({ onKeysRefreshFailed: (event) => failures.push(event) })
    await validateToken(longLived())
    issuer.fail({ status: 500 })
    time += 24 * hour - 1
    expect(await codeOf(validateToken(longLived()))).toBe('accepted')
    await expect.poll(() => failures.length).toBe(1)
    time += 1
    expect(await codeOf(validateToken(longLived()))).toBe('keys_unavailable')
  })

  it('serves a key that newer sets lack for a day after it was last listed', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    await validator.validateToken(longLived())
    issuer.rotateKeys(['entraNext'])
    time += hour
    const done = refresh.next()
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    await done
    time = now + 24 * hour - 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('key_unknown')
    expect(await codeOf(validator.validateToken(longLived('entraNext')))).toBe('accepted')
  })

  it('serves a key of another issuer for an hour once newer sets lack it', async () => {
    const refresh = refreshes()
    const names: KeyName[] = ['generic']
    const { validateToken } = validatorWith({
      issuer: oidcIssuer({ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys' }),
      audience: 'https://files.example',
      fetch: async () => Response.json(keySet(names)),
      ...refresh.observers,
    })
    const token = tokenWith({
      from: 'generic',
      claims: { iss: 'https://issuer.example', exp: now + 100 * hour },
    })
    expect(await codeOf(validateToken(token))).toBe('accepted')
    names[0] = 'p256'
    // The refresh that finds it missing comes within the hour that follows the first fetch.
    time = now + hour - 1
    const done = refresh.next()
    expect(await codeOf(validateToken(token))).toBe('accepted')
    await done
    time = now + hour
    expect(await codeOf(validateToken(token))).toBe('key_unknown')
  })

  it('serves a key on and on that vanishes and comes back', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    await validator.validateToken(longLived())
    for (let round = 1; round <= 60; round++) {
      issuer.rotateKeys(round % 2 === 0 ? everyKey : ['entraNext'])
      time += hour
      const done = refresh.next()
      expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
      await done
    }
  })

  it('keeps what a key verified only while the key lives', async () => {
    const validator = validatorWith()
    const authorization = [`Bearer ${longLived()}`]
    await validator.authenticate({ authorization })
    issuer.fail({ status: 500 })
    time += 24 * hour
    await expect(async () => validator.authenticate({ authorization })).rejects.toMatchObject({
      code: 'keys_unavailable',
    })
  })
})

describe('an unknown key id', () => {
  it('is fetched for at once, so that a rotation costs nobody a refusal', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
    expect(keyFetches()).toBe(2)
  })

  it('is refused with key_unknown when a fresh set lacks it', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    expect(await codeOf(validateToken(forged(1)))).toBe('key_unknown')
  })

  it('is answered with 503 when the set cannot be fetched', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    issuer.fail({ status: 500 })
    expect(await codeOf(validateToken(forged(1)))).toBe('keys_unavailable')
  })

  it('costs at most three fetches however many are forged, and good tokens go on passing', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    const codes = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => codeOf(validateToken(forged(index)))),
    )
    for (let index = 1000; index < 2000; index++) codes.push(await codeOf(validateToken(forged(index))))
    expect(new Set(codes)).toEqual(new Set(['key_unknown']))
    expect(keyFetches()).toBeLessThanOrEqual(3)
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
  })

  it('does not keep a real rotation out: it is picked up within thirty seconds of a flood', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    for (let index = 0; index < 100; index++) await codeOf(validateToken(forged(index)))
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('key_unknown')
    time += 30
    expect(await codeOf(validateToken(forged(100)))).toBe('key_unknown')
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
  })

  it.each([
    ['expired', { exp: now - hour }, 'token_expired'],
    ['for another audience', { aud: otherApiClientId }, 'audience_mismatch'],
  ])('of a token that is %s spends no fetch', async (_, claims, code) => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    const token = tokenWith({ key: 'attacker', header: { kid: 'unknown' }, claims })
    expect(await codeOf(validateToken(token))).toBe(code)
    expect(keyFetches()).toBe(1)
  })

  it('is looked for once more a little later, because front ends disagree', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('key_unknown')
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    await expect.poll(() => keyFetches(), { timeout: 6000 }).toBe(3)
    await expect.poll(() => codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
    expect(keyFetches()).toBe(3)
  })
})

describe('the emergency brake', () => {
  it('refuses what a forgotten key verified, and fetches anew', async () => {
    const validator = validatorWith()
    const token = tokenWith()
    await validator.validateToken(token)
    issuer.rotateKeys(['entraNext'])
    validator.forgetKeys()
    expect(await codeOf(validator.validateToken(token))).toBe('key_unknown')
    expect(keyFetches()).toBeGreaterThan(1)
  })

  it('refuses a named key for good, also if the issuer lists it again', async () => {
    const validator = validatorWith()
    const token = tokenWith()
    await validator.validateToken(token)
    validator.forgetKeys({ kid: signingKey('entra').kid })
    expect(await codeOf(validator.validateToken(token))).toBe('key_denied')
    validator.forgetKeys()
    expect(await codeOf(validator.validateToken(token))).toBe('key_denied')
    expect(await codeOf(validator.validateToken(tokenWith({ key: 'entraNext' })))).toBe('accepted')
  })

  it('forgets the keys of one issuer and leaves the others', async () => {
    const given = staticIssuer({ issuer: 'https://given.example', jwks: keySet(['generic']), audience: 'a' })
    const own = entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud })
    const validator = validatorWith({ issuer: [own, given] })
    const token = tokenWith()
    await validator.validateToken(token)
    validator.forgetKeys({ issuer: 'https://given.example' })
    expect(await codeOf(validator.validateToken(token))).toBe('accepted')
    expect(keyFetches()).toBe(1)
    validator.forgetKeys({ issuer: own })
    expect(await codeOf(validator.validateToken(token))).toBe('accepted')
    expect(keyFetches()).toBe(2)
  })

  it('throws for an issuer it does not know', () => {
    expect(() => validatorWith().forgetKeys({ issuer: 'https://nobody.example' })).toThrow(TypeError)
  })

  it('never accepts a key that the configuration denies', async () => {
    const skipped: string[] = []
    const { validateToken } = validatorWith({
      deniedKeys: [signingKey('entra').kid],
      onKeySkipped: ({ reason }) => skipped.push(reason),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('key_denied')
    expect(await codeOf(validateToken(tokenWith({ key: 'entraNext' })))).toBe('accepted')
    expect(skipped).toContain('denied')
  })
})

describe('a snapshot of keys', () => {
  async function exported(): Promise<string> {
    const validator = validatorWith()
    await validator.ready()
    return JSON.stringify(validator.exportKeys())
  }

  it('lets another validator answer its first request without a fetch', async () => {
    const snapshot = await exported()
    const before = issuer.requests.length
    const validator = validatorWith()
    validator.importKeys(JSON.parse(snapshot))
    expect(validator.authenticate({ authorization: [`Bearer ${tokenWith()}`] })).toMatchObject({
      kind: 'delegated',
    })
    expect(issuer.requests.length).toBe(before)
  })

  it('holds public members only', async () => {
    expect(await exported()).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/)
  })

  it('does not make a key live longer than a day after the issuer listed it', async () => {
    const snapshot = await exported()
    issuer.fail({ status: 500 })
    time += 24 * hour - 1
    const validator = validatorWith()
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('keys_unavailable')
  })

  it('is refused with a TypeError when a key was listed in the future', async () => {
    const snapshot = await exported()
    time -= 1
    expect(() => validatorWith().importKeys(JSON.parse(snapshot))).toThrow(TypeError)
  })

  it.each([null, [], {}, { version: 2, issuers: [] }, { version: 1, issuers: [{ name: 'x' }] }])(
    'is refused with a TypeError when it is malformed: %j',
    (snapshot) => {
      expect(() => validatorWith().importKeys(snapshot as never)).toThrow(TypeError)
    },
  )

  it('does not bring back a denied key', async () => {
    const snapshot = await exported()
    const validator = validatorWith({ deniedKeys: [signingKey('entra').kid] })
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('key_denied')
  })
})
