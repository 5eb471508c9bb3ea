import { createHook } from 'node:async_hooks'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  apiClientId,
  entraKeyNames,
  keySet,
  now,
  otherApiClientId,
  secondTenantId,
  signingKey,
  startIssuer,
  tenantId,
  tokenWith,
  v2Issuer,
  type Issuer,
  type KeyName,
  requestView,
} from '@countersign/test-fixtures'
import {
  BearerError,
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  staticIssuer,
  type KeySkippedEvent,
  type KeySnapshot,
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

/** A token that is valid for days, so that only its key decides. */
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

/** Observers that report the end of the next refresh, whether it succeeded or failed. */
function refreshes(): {
  observers: Pick<TokenValidatorOptions, 'onKeysRefreshed' | 'onKeysRefreshFailed'>
  next: () => Promise<void>
} {
  let waiting: (() => void)[] = []
  const resolveAll = (): void => {
    // The event comes from inside the refresh; one turn later it is over.
    const resolved = waiting
    waiting = []
    setImmediate(() => {
      for (const resolve of resolved) resolve()
    })
  }
  return {
    observers: { onKeysRefreshed: resolveAll, onKeysRefreshFailed: resolveAll },
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
    const result = validator.authenticate(requestView({ authorization: [`Bearer ${tokenWith()}`] }))
    expect(result).not.toBeInstanceOf(Promise)
    expect(result).toMatchObject({ kind: 'delegated' })
  })

  it('rejects ready with keys_unavailable while the issuer is down', async () => {
    issuer.fail({ status: 500 })
    expect(await codeOf(validatorWith().ready())).toBe('keys_unavailable')
  })

  it('rejects ready with keys_unavailable once its keys have expired', async () => {
    const { ready } = validatorWith()
    await ready()
    issuer.fail({ status: 500 })
    time += 24 * hour - 1
    expect(await codeOf(ready())).toBe('accepted')
    time += 1
    expect(await codeOf(ready())).toBe('keys_unavailable')
    issuer.recover()
    time += 60
    expect(await codeOf(ready())).toBe('accepted')
  })

  it('rejects ready with keys_unavailable where no key of the set is usable, and fetches again when that is due', async () => {
    issuer.rotateKeys(['tooSmall'])
    const { ready } = validatorWith()
    expect(await codeOf(ready())).toBe('keys_unavailable')
    expect(await codeOf(ready())).toBe('keys_unavailable')
    expect(keyFetches()).toBe(1)
    issuer.rotateKeys(everyKey)
    time += 31
    expect(await codeOf(ready())).toBe('accepted')
  })

  it('answers a token whose keys are unavailable with 503 and Retry-After, not with a challenge', async () => {
    issuer.fail({ status: 500 })
    const error: unknown = await validatorWith()
      .validateToken(tokenWith())
      .catch((refusal: unknown) => refusal)
    expect(error).toMatchObject({ code: 'keys_unavailable', status: 503, headers: { 'Retry-After': '5' } })
    expect(error).toMatchObject({ expose: false })
  })

  it('waits after a failure, and recovers with the next try', async () => {
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

  it('waits longer after each failure, a minute at most', async () => {
    const pauses: number[] = []
    const { validateToken } = validatorWith({
      onKeysRefreshFailed: ({ retryInSeconds }) => pauses.push(retryInSeconds),
    })
    issuer.fail({ status: 500 })
    for (let failure = 0; failure < 9; failure++) {
      expect(await codeOf(validateToken(longLived()))).toBe('keys_unavailable')
      time += 60
    }
    const longest = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    expect(pauses).toHaveLength(longest.length)
    for (const [index, most] of longest.entries()) {
      expect(pauses[index]).toBeGreaterThan(most / 2 - 0.001)
      expect(pauses[index]).toBeLessThanOrEqual(most)
    }
    issuer.recover()
    expect(await codeOf(validateToken(longLived()))).toBe('accepted')
    issuer.fail({ status: 500 })
    time += hour
    expect(await codeOf(validateToken(longLived()))).toBe('accepted')
    await expect.poll(() => pauses.length).toBe(10)
    expect(pauses[9]).toBeLessThanOrEqual(1)
  })

  it('does not wait for a time that a wrong clock set, once the clock is corrected', async () => {
    const { validateToken } = validatorWith()
    time = now + 365 * 24 * hour
    issuer.fail({ status: 500 })
    expect(await codeOf(validateToken(tokenWith({ claims: { exp: time + hour } })))).toBe('keys_unavailable')
    issuer.recover()
    time = now
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
  })

  it('continues to wait where the clock went back a little', async () => {
    const { validateToken } = validatorWith()
    issuer.fail({ status: 500 })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    issuer.recover()
    const before = issuer.requests.length
    time -= 30
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(issuer.requests.length).toBe(before)
  })

  it('uses the fetch of its options', async () => {
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

  it('refuses metadata of another issuer for any OpenID Connect issuer too', async () => {
    const asked: string[] = []
    const faults: string[] = []
    const { validateToken } = validatorWith({
      issuer: oidcIssuer('https://issuer.example'),
      audience: 'https://files.example',
      fetch: async (url) => {
        asked.push(url)
        return Response.json({ issuer: 'https://other.example', jwks_uri: 'https://issuer.example/keys' })
      },
      onKeysRefreshFailed: ({ fault }) => faults.push(fault),
    })
    const token = tokenWith({ from: 'generic', claims: { iss: 'https://issuer.example' } })
    expect(await codeOf(validateToken(token))).toBe('keys_unavailable')
    expect(faults).toEqual(['issuer'])
    expect(asked).toHaveLength(1)
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

  it.each([
    ['metadata', 256 * 1024, 0],
    ['keys', 4 * 1024 * 1024, 1],
  ])('reads %s of at most %i bytes', async (_, limit, index) => {
    const documents = [{ issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` }, keySet(['entra'])]
    const faults: string[] = []
    const outcomeWith = (size: number): Promise<string> => {
      let asked = 0
      const { validateToken } = validatorWith({
        fetch: async () => {
          const text = JSON.stringify(documents[asked])
          return new Response(asked++ === index ? text.padEnd(size) : text)
        },
        onKeysRefreshFailed: ({ fault }) => faults.push(fault),
      })
      return codeOf(validateToken(tokenWith()))
    }
    expect(await outcomeWith(limit)).toBe('accepted')
    expect(await outcomeWith(limit + 1)).toBe('keys_unavailable')
    expect(faults).toEqual(['too_large'])
  })

  it('counts a compressed document as large as it is', async () => {
    const whole = gzipSync(Buffer.alloc(300 * 1024, 0x20))
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const faults: string[] = []
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId, clientId: apiClientId, cloud: { ...issuer.cloud, authority: origin } }),
      onKeysRefreshFailed: ({ fault }) => faults.push(fault),
    })
    expect(whole.length).toBeLessThan(1024)
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(faults).toEqual(['too_large'])
    server.closeAllConnections()
    server.close()
  })

  it.each<[string, unknown, string]>([
    ['no issuer', { jwks_uri: 'https://a.example/k' }, 'issuer'],
    ['an issuer in a list', { issuer: [v2Issuer()], jwks_uri: 'https://a.example/k' }, 'issuer'],
    ['no jwks_uri', { issuer: v2Issuer() }, 'jwks_uri'],
    ['a jwks_uri in a list', { issuer: v2Issuer(), jwks_uri: ['https://a.example/k'] }, 'jwks_uri'],
  ])('refuses metadata with %s', async (_, document, fault) => {
    const faults: string[] = []
    const asked: string[] = []
    const { validateToken } = validatorWith({
      fetch: async (url) => {
        asked.push(url)
        return Response.json(url.includes('openid') ? document : keySet(['entra']))
      },
      onKeysRefreshFailed: (event) => faults.push(event.fault),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('keys_unavailable')
    expect(faults).toEqual([fault])
    expect(asked).toHaveLength(1)
  })

  it.each<[string, () => Promise<Response>, string]>([
    ['keys that are no list', async () => Response.json({ keys: { 0: 'k' } }), 'not_json'],
    ['no body', async () => new Response(null), 'not_json'],
    ['text that is no UTF-8', async () => new Response(Uint8Array.of(0x7b, 0xff, 0x7d)), 'not_json'],
    ['a failure with words of its own', () => Promise.reject(new Error('private words')), 'network'],
    [
      'a body that breaks off',
      async () =>
        new Response(new ReadableStream({ start: (controller) => controller.error(new Error('x')) })),
      'network',
    ],
  ])('reports %s with a fixed word', async (_, answer, fault) => {
    const faults: string[] = []
    const { validateToken } = validatorWith({
      issuer: oidcIssuer({ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys' }),
      audience: 'https://files.example',
      fetch: answer,
      onKeysRefreshFailed: (event) => faults.push(event.fault),
    })
    const token = tokenWith({ from: 'generic', claims: { iss: 'https://issuer.example' } })
    expect(await codeOf(validateToken(token))).toBe('keys_unavailable')
    expect(faults).toEqual([fault])
  })

  it('aborts its fetch after the time-out, and the rest of the answer', async () => {
    const signals: AbortSignal[] = []
    const { validateToken } = validatorWith({
      fetch: async (url, init) => {
        signals.push(init.signal)
        return fetch(url, init)
      },
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('leaves no timer running', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const { validateToken } = validatorWith({
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys')
            ? keySet(['entra'])
            : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
    })
    await validateToken(tokenWith())
    expect(timers()).toBe(before)
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

  it('reads a thousand keys of a set and skips the rest', async () => {
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
    // Reported once for each set.
    expect(skipped.filter(({ reason }) => reason === 'too_many')).toHaveLength(refreshed.length)
    expect(refreshed[0]).toMatchObject({ keys: 1000, skipped: 3 })
  })

  it('skips members that are not public signature keys, reports them, and keeps the rest', async () => {
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

  it('does not fetch a set without a usable key for each request', async () => {
    issuer.rotateKeys(['tooSmall'])
    const { validateToken } = validatorWith()
    for (let index = 0; index < 50; index++) {
      expect(await codeOf(validateToken(tokenWith()))).toBe('key_unknown')
    }
    expect(keyFetches()).toBeLessThanOrEqual(18)
    issuer.rotateKeys(everyKey)
    time += 31
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
  })

  it('makes ten thousand requests wait for a fetch, and refuses more', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const { validateToken } = validatorWith({
      tokenCache: false,
      fetch: async (url, init) => {
        await held
        return fetch(url, init)
      },
    })
    const token = tokenWith()
    const waiting = Array.from({ length: 10_000 }, () => codeOf(validateToken(token)))
    expect(await codeOf(validateToken(token))).toBe('keys_unavailable')
    release()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['accepted']))
    // They have been answered: others may wait again.
    expect(await codeOf(validateToken(forged(1)))).toBe('key_unknown')
  })

  it('finds the tenant of a domain through its metadata, and then fetches only keys', async () => {
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

  it('does not accept another tenant for the same domain while it runs', async () => {
    const refresh = refreshes()
    const faults: string[] = []
    let tenantOfDomain = tenantId
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId: 'contoso.example', clientId: apiClientId, cloud: issuer.cloud }),
      fetch: (url, init) => fetch(url.replace('contoso.example', tenantOfDomain), init),
      onKeysRefreshed: refresh.observers.onKeysRefreshed!,
      onKeysRefreshFailed: ({ fault }) => {
        faults.push(fault)
      },
    })
    await validateToken(longLived())
    tenantOfDomain = secondTenantId
    time += hour
    expect(await codeOf(validateToken(longLived()))).toBe('accepted')
    await expect.poll(() => faults).toEqual(['issuer'])
    const foreign = { tid: secondTenantId, iss: v2Issuer(secondTenantId), exp: now + 10 * hour }
    expect(await codeOf(validateToken(tokenWith({ claims: foreign })))).toBe('issuer_not_trusted')
    expect(await codeOf(validateToken(longLived()))).toBe('accepted')
  })

  it('fetches the v2.0 document of all organizations for a multi-tenant API, for every tenant', async () => {
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

  it('does not continue with the second metadata address where the first is unavailable', async () => {
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

  it('uses no network for configured keys: a set, a key, and PEM', async () => {
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
  it('passes background work to waitUntil, and continues where that fails', async () => {
    for (const isBroken of [false, true]) {
      const work: Promise<unknown>[] = []
      const refresh = refreshes()
      const validator = validatorWith({
        ...refresh.observers,
        waitUntil: (promise) => {
          work.push(promise)
          if (isBroken) throw new Error('too late')
        },
      })
      time = now
      await validator.ready()
      expect(work).toEqual([])
      time += hour
      const done = refresh.next()
      expect(validator.authenticate(requestView({ authorization: [`Bearer ${longLived()}`] }))).toMatchObject(
        {
          kind: 'delegated',
        },
      )
      expect(work).toHaveLength(1)
      await done
      expect(await work[0]).toBe(true)
    }
  })

  it('is renewed an hour after a fetch, or up to six minutes before', async () => {
    const validator = validatorWith()
    await validator.ready()
    const authorization = [`Bearer ${longLived()}`]
    time += hour * 0.9 - 1
    void validator.authenticate(requestView({ authorization }))
    expect(issuer.requests).toHaveLength(2)
    time = now + hour
    void validator.authenticate(requestView({ authorization }))
    await issuer.requested('/openid-configuration')
    await expect.poll(() => issuer.requests.length).toBeGreaterThan(2)
  })

  it('is refreshed at once when the clock went back', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    time = now + 1000 * hour
    await validator.ready()
    time = now
    const done = refresh.next()
    expect(validator.authenticate(requestView({ authorization: [`Bearer ${tokenWith()}`] }))).toMatchObject({
      kind: 'delegated',
    })
    await done
    expect(keyFetches()).toBe(2)
    issuer.fail({ status: 500 })
    time = now + 24 * hour
    expect(await codeOf(validator.validateToken(longLived()))).toBe('keys_unavailable')
  })

  it('keeps a thousand keys at most of an old and a new set together', async () => {
    const refresh = refreshes()
    const { jwk } = signingKey('entra')
    const named = (prefix: string, length: number): object[] =>
      Array.from({ length }, (_, index) => ({ ...jwk, kid: `${prefix}-${index}` }))
    let keys = named('old', 600)
    const validator = validatorWith({
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys') ? { keys } : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
      ...refresh.observers,
    })
    await validator.ready()
    keys = named('new', 600)
    time += hour
    const done = refresh.next()
    await validator.validateToken(tokenWith({ header: { kid: 'old-0' }, claims: { exp: now + 10 * hour } }))
    await done
    expect(validator.exportKeys().issuers[0]?.keys).toHaveLength(1000)
  })

  it('starts anew where the issuer binds the same material to another issuer', async () => {
    const refresh = refreshes()
    const { jwk } = signingKey('entra')
    let listed: object = jwk
    const validator = validatorWith({
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys')
            ? { keys: [listed] }
            : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
      ...refresh.observers,
    })
    await validator.validateToken(longLived())
    listed = { ...jwk, issuer: v2Issuer(secondTenantId) }
    time += hour
    const done = refresh.next()
    await validator.validateToken(longLived())
    await done
    time = now + 24 * hour
    expect(await codeOf(validator.validateToken(longLived()))).toBe('key_issuer_mismatch')
  })

  it.each<[string, object]>([
    ['for encryption', { use: 'enc' }],
    ['for other operations', { key_ops: ['encrypt'] }],
    ['with its private part', { d: 'AQAB' }],
    ['for an algorithm that signs nothing', { alg: 'RSA-OAEP' }],
  ])('ends at once where the issuer lists the same key %s', async (_, change) => {
    const refresh = refreshes()
    const { keys } = keySet(['generic'])
    let listed: object = keys[0] as object
    const { validateToken } = validatorWith({
      issuer: oidcIssuer({ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys' }),
      audience: 'https://files.example',
      fetch: async () => Response.json({ keys: [listed, ...keySet(['p256']).keys] }),
      ...refresh.observers,
    })
    const claims = { iss: 'https://issuer.example', exp: now + 100 * hour }
    const token = tokenWith({ from: 'generic', claims })
    expect(await codeOf(validateToken(token))).toBe('accepted')
    listed = { ...listed, ...change }
    time += hour
    const done = refresh.next()
    await validateToken(token)
    await done
    expect(await codeOf(validateToken(token))).toBe('key_unknown')
  })

  it('refreshes in the background after an hour, and the request does not wait', async () => {
    const validator = validatorWith()
    await validator.ready()
    issuer.fail('hang')
    time += hour
    const result = validator.authenticate(requestView({ authorization: [`Bearer ${longLived()}`] }))
    expect(result).not.toBeInstanceOf(Promise)
    await expect.poll(() => issuer.requests.length).toBe(3)
  })

  it('refreshes in the background of a request with a cached token too', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    const authorization = [`Bearer ${longLived()}`]
    await validator.authenticate(requestView({ authorization }))
    time += hour
    const done = refresh.next()
    expect(validator.authenticate(requestView({ authorization }))).not.toBeInstanceOf(Promise)
    await done
    expect(keyFetches()).toBe(2)
  })

  it('waits between failures in the background too', async () => {
    const failures: number[] = []
    const { validateToken } = validatorWith({
      onKeysRefreshFailed: ({ retryInSeconds }) => failures.push(retryInSeconds),
    })
    await validateToken(longLived())
    issuer.fail({ status: 500 })
    time += hour
    for (let request = 0; request < 20; request++) {
      await validateToken(longLived())
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => failures.length).toBe(1)
    const before = issuer.requests.length
    for (let request = 0; request < 20; request++) await validateToken(longLived())
    expect(issuer.requests.length).toBe(before)
    time += 1
    await validateToken(longLived())
    await expect.poll(() => failures.length).toBe(2)
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

  it('serves a key that newer sets lack for a day after the first set that lacked it', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    await validator.validateToken(longLived())
    issuer.rotateKeys(['entraNext'])
    time += hour
    const done = refresh.next()
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    await done
    time = now + 25 * hour - 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('key_unknown')
    expect(await codeOf(validator.validateToken(longLived('entraNext')))).toBe('accepted')
  })

  it('serves a key of another issuer for an hour after the first set that lacked it', async () => {
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
    time = now + 2 * hour - 2
    expect(await codeOf(validateToken(token))).toBe('accepted')
    time += 1
    expect(await codeOf(validateToken(token))).toBe('key_unknown')
  })

  it('counts from the first set that lacked a key, not from a later one', async () => {
    const refresh = refreshes()
    const validator = validatorWith(refresh.observers)
    await validator.validateToken(longLived())
    const nextHour = async (): Promise<void> => {
      time += hour
      const done = refresh.next()
      expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
      await done
    }
    for (let passed = 1; passed <= 30; passed++) await nextHour()
    issuer.rotateKeys(['entraNext'])
    for (let passed = 31; passed < 55; passed++) await nextHour()
    expect(validator.exportKeys().issuers[0]?.keys.length).toBeGreaterThan(1)
    time = now + 55 * hour - 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('key_unknown')
    expect(validator.exportKeys().issuers[0]?.keys).toHaveLength(1)
  })

  it('continues to serve a key that is absent for a time and is listed again', async () => {
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

  it('keeps a cached token only while its key serves', async () => {
    const validator = validatorWith()
    const authorization = [`Bearer ${longLived()}`]
    await validator.authenticate(requestView({ authorization }))
    issuer.fail({ status: 500 })
    time += 24 * hour
    await expect(async () => validator.authenticate(requestView({ authorization }))).rejects.toMatchObject({
      code: 'keys_unavailable',
    })
  })
})

describe('an unknown key id', () => {
  it('causes a fetch at once, so that a rotation refuses no valid token', async () => {
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

  it('causes two fetches for any number of forged tokens at once, and valid tokens are accepted meanwhile', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    const tokens = Array.from({ length: 2000 }, (_, index) => forged(index))
    const attempts = tokens.map((token) => codeOf(validateToken(token)))
    expect(await codeOf(validateToken(tokenWith()))).toBe('accepted')
    expect(new Set(await Promise.all(attempts))).toEqual(new Set(['key_unknown']))
    // The first of them starts a fetch, and all others wait for one that starts after they came.
    expect(keyFetches()).toBe(3)
  })

  it('is refused again without a fetch while a fetch of the last thirty seconds lacked it', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    for (let attempt = 0; attempt < 100; attempt++) {
      expect(await codeOf(validateToken(forged(1)))).toBe('key_unknown')
    }
    expect(keyFetches()).toBe(2)
    time += 31
    expect(await codeOf(validateToken(forged(1)))).toBe('key_unknown')
    expect(keyFetches()).toBe(3)
  })

  it('causes no second fetch of the metadata within the hour', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
    expect(issuer.requests.filter((path) => path.includes('openid-configuration'))).toHaveLength(1)
  })

  it('is found through the metadata where the address of the key set has moved', async () => {
    let place = 'first'
    const { validateToken } = validatorWith({
      fetch: async (url) => {
        if (url.includes('openid')) {
          return Response.json({ issuer: v2Issuer(), jwks_uri: `${issuer.origin}/${place}` })
        }
        if (!url.endsWith(place)) return new Response('', { status: 404 })
        return Response.json(keySet(place === 'first' ? ['entra'] : ['entra', 'rotatedIn']))
      },
    })
    await validateToken(tokenWith())
    place = 'second'
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
  })

  it('shares the fetch that is under way', async () => {
    let release = (): void => {}
    const { validateToken } = validatorWith({
      fetch: async (url, init) => {
        if (keyFetches() === 1 && url.includes('openid')) {
          await new Promise<void>((resolve) => (release = resolve))
        }
        return fetch(url, init)
      },
    })
    await validateToken(tokenWith())
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    const outcomes = Array.from({ length: 100 }, () => codeOf(validateToken(tokenWith({ key: 'rotatedIn' }))))
    await new Promise((resolve) => setImmediate(resolve))
    release()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['accepted']))
    expect(keyFetches()).toBe(2)
  })

  it('causes sixteen fetches at once, then one in two seconds', async () => {
    const { validateToken } = validatorWith({ clock: () => time })
    const fetchesAfter = async (index: number): Promise<number> => {
      await codeOf(validateToken(forged(index)))
      return keyFetches()
    }
    await validateToken(tokenWith())
    for (let index = 1; index <= 16; index++) expect(await fetchesAfter(index)).toBe(index + 1)
    const waiting = [17, 18, 19].map(fetchesAfter)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(keyFetches()).toBe(17)
    // All that wait share the next fetch.
    expect(await Promise.all(waiting)).toEqual([18, 18, 18])
    time += 1000
    expect(await fetchesAfter(20)).toBe(19)
  })

  it('may cause a fetch again soon after the clock went back', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    time = now + 1000
    for (let index = 0; index < 17; index++) await codeOf(validateToken(forged(index)))
    const before = keyFetches()
    time = now
    await codeOf(validateToken(forged(26)))
    time = now + 30
    await codeOf(validateToken(forged(27)))
    expect(keyFetches()).toBeGreaterThan(before)
  })

  it('is answered with 503 while the last attempt failed, though a set from just before lacked it', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    expect(await codeOf(validateToken(forged(1)))).toBe('key_unknown')
    issuer.fail({ status: 500 })
    expect(await codeOf(validateToken(forged(2)))).toBe('keys_unavailable')
    expect(await codeOf(validateToken(forged(3)))).toBe('keys_unavailable')
    issuer.recover()
    time += 60
    expect(await codeOf(validateToken(forged(4)))).toBe('key_unknown')
  })

  it('of another issuer’s token does not use keys with another id', async () => {
    const { validateToken } = validatorWith({
      issuer: entra({ tenantId, clientId: apiClientId }),
      fetch: async (url) =>
        Response.json(
          url.includes('/keys')
            ? { keys: [{ ...signingKey('entra').jwk, kid: undefined }] }
            : { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' },
        ),
    })
    // Entra names its keys: one without an id is not used.
    expect(await codeOf(validateToken(tokenWith()))).toBe('key_unknown')
  })

  it('is looked up once more by a timer that keeps no process alive, and by none after close', async () => {
    // Only the timers that core makes: other code in this process has timers of its own.
    const timers = new Map<number, NodeJS.Timeout>()
    const hook = createHook({
      init(id, type, _trigger, resource) {
        const isOurs = type === 'Timeout' && new Error().stack?.includes('/core/src/') === true
        if (isOurs) timers.set(id, resource as NodeJS.Timeout)
      },
      destroy: (id) => void timers.delete(id),
    })
    const holding = (): number => [...timers.values()].filter((timer) => timer.hasRef()).length
    const settled = async (): Promise<number> => {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
      return timers.size
    }
    const withoutSockets: Partial<TokenValidatorOptions> = {
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys')
            ? keySet(['entra'])
            : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
    }
    const validator = validatorWith(withoutSockets)
    await validator.validateToken(tokenWith())
    hook.enable()
    expect(await codeOf(validator.validateToken(forged(1)))).toBe('key_unknown')
    expect(await codeOf(validator.validateToken(forged(2)))).toBe('key_unknown')
    expect([await settled(), holding()]).toEqual([1, 0])
    validator.close()
    expect(await settled()).toBe(0)
    time += 60
    expect(await codeOf(validator.validateToken(forged(3)))).toBe('key_unknown')
    expect(await settled()).toBe(0)
    const closedBefore = validatorWith(withoutSockets)
    await closedBefore.ready()
    closedBefore.close()
    const settledBefore = await settled()
    expect(await codeOf(closedBefore.validateToken(forged(4)))).toBe('key_unknown')
    expect(await settled()).toBe(settledBefore)
    hook.disable()
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('accepted')
  })

  it('delays a key that was just published by no more than two seconds in a flood, and refuses none of it', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    let isOver = false
    let index = 0
    const flood = Array.from({ length: 50 }, async () => {
      while (!isOver) expect(await codeOf(validateToken(forged(index++)))).toBe('key_unknown')
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    const started = performance.now()
    const good = Array.from({ length: 25 }, () => codeOf(validateToken(tokenWith({ key: 'rotatedIn' }))))
    expect(new Set(await Promise.all(good))).toEqual(new Set(['accepted']))
    expect(performance.now() - started).toBeLessThan(4000)
    isOver = true
    await Promise.all(flood)
    expect(keyFetches()).toBeLessThanOrEqual(22)
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

  it('is looked up once more a little later, because front ends disagree', async () => {
    const { validateToken } = validatorWith()
    await validateToken(tokenWith())
    expect(await codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('key_unknown')
    issuer.rotateKeys([...everyKey, 'rotatedIn'])
    await expect.poll(() => keyFetches(), { timeout: 6000 }).toBe(3)
    await expect.poll(() => codeOf(validateToken(tokenWith({ key: 'rotatedIn' })))).toBe('accepted')
    expect(keyFetches()).toBe(3)
  })
})

describe('forgetKeys and deniedKeys', () => {
  it('refuse a cached token whose key was forgotten, and fetch anew', async () => {
    const validator = validatorWith()
    const token = tokenWith()
    await validator.validateToken(token)
    issuer.rotateKeys(['entraNext'])
    validator.forgetKeys()
    expect(validator.exportKeys().issuers[0]?.keys).toEqual([])
    expect(await codeOf(validator.validateToken(token))).toBe('key_unknown')
    expect(keyFetches()).toBeGreaterThan(1)
  })

  it('refuse a named key for ever, also if the issuer lists it again', async () => {
    const validator = validatorWith()
    const token = tokenWith()
    await validator.validateToken(token)
    validator.forgetKeys({ kid: signingKey('entra').kid })
    expect(await codeOf(validator.validateToken(token))).toBe('key_denied')
    validator.forgetKeys()
    expect(await codeOf(validator.validateToken(token))).toBe('key_denied')
    expect(await codeOf(validator.validateToken(tokenWith({ key: 'entraNext' })))).toBe('accepted')
  })

  it.each(['remembered', 'new'])(
    'refuse a %s token whose key is forgotten while the tenant function runs',
    async (which) => {
      let answer: (isAllowed: boolean) => void = () => {}
      let asked = (): void => {}
      const question = (): Promise<void> => new Promise((resolve) => (asked = resolve))
      const validator = validatorWith({
        issuer: entraMultiTenant({
          clientId: apiClientId,
          cloud: issuer.cloud,
          allowedTenants: () => {
            asked()
            return new Promise((resolve) => (answer = resolve))
          },
        }),
      })
      await validator.ready()
      const ask = async (): Promise<Promise<string>[]> => {
        const isAsked = question()
        const outcome = codeOf(validator.validateToken(tokenWith()))
        await isAsked
        return [outcome]
      }
      if (which === 'remembered') {
        const [first] = await ask()
        answer(true)
        expect(await first).toBe('accepted')
      }
      const [outcome] = await ask()
      validator.forgetKeys({ kid: signingKey('entra').kid })
      answer(true)
      expect(await outcome).toBe('key_denied')
    },
  )

  it('refuse a key that is forgotten while a request waits for it', async () => {
    let arrived = (): void => {}
    let release = (): void => {}
    const arrival = new Promise<void>((resolve) => (arrived = resolve))
    const held = new Promise<void>((resolve) => (release = resolve))
    const validator = validatorWith({
      fetch: async (url, init) => {
        arrived()
        await held
        return fetch(url, init)
      },
    })
    const outcome = codeOf(validator.validateToken(tokenWith()))
    await arrival
    validator.forgetKeys({ kid: signingKey('entra').kid })
    release()
    expect(await outcome).toBe('key_denied')
  })

  it('fetch at once, also after a flood of forged key ids', async () => {
    const validator = validatorWith()
    await validator.validateToken(tokenWith())
    for (let index = 0; index < 5; index++) await codeOf(validator.validateToken(forged(index)))
    const before = keyFetches()
    validator.forgetKeys()
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('accepted')
    expect(keyFetches()).toBe(before + 1)
  })

  it('ignore the answer to a fetch that started before keys were forgotten', async () => {
    let release = (): void => {}
    let arrived = (): void => {}
    const arrival = new Promise<void>((resolve) => (arrived = resolve))
    let sets = 0
    const validator = validatorWith({
      fetch: async (url, init) => {
        const response = await fetch(url, init)
        if (url.endsWith('/keys') && ++sets === 1) {
          arrived()
          await new Promise<void>((resolve) => (release = resolve))
        }
        return response
      },
    })
    const outcome = codeOf(validator.validateToken(tokenWith()))
    await arrival
    issuer.rotateKeys(['entraNext'])
    validator.forgetKeys()
    release()
    expect(await outcome).toBe('key_unknown')
    expect(sets).toBe(2)
  })

  it.each([
    ['a misspelt name', { kdi: 'k' }, '"kdi"'],
    ['a key id that is undefined', { kid: undefined }, '"kid"'],
    ['a key id that is empty', { kid: '' }, '"kid"'],
    ['a key id that is a list', { kid: ['k'] }, '"kid"'],
    ['no object', 'k', 'expected an object'],
  ])('throw for %s, and forget nothing', async (_, which, words) => {
    const validator = validatorWith()
    await validator.validateToken(tokenWith())
    expect(() => validator.forgetKeys(which as never)).toThrow(TypeError)
    expect(() => validator.forgetKeys(which as never)).toThrow(words)
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('accepted')
    expect(keyFetches()).toBe(1)
  })

  it('forget also a key that a full set dropped before its time', async () => {
    const refresh = refreshes()
    const { jwk } = signingKey('entra')
    let keys: object[] = [jwk]
    const validator = validatorWith({
      fetch: async (url) =>
        Response.json(
          url.endsWith('/keys') ? { keys } : { issuer: v2Issuer(), jwks_uri: `${issuer.origin}/keys` },
        ),
      ...refresh.observers,
    })
    await validator.validateToken(longLived())
    keys = Array.from({ length: 1000 }, (_, index) => ({ ...jwk, kid: `key-${index}` }))
    time += hour
    const done = refresh.next()
    await validator.validateToken(longLived())
    await done
    expect(await codeOf(validator.validateToken(longLived()))).toBe('key_unknown')
  })

  it('forget the keys of one issuer and keep the others', async () => {
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

  it('throw for an issuer that is not configured', () => {
    expect(() => validatorWith().forgetKeys({ issuer: 'https://unknown.example' })).toThrow(TypeError)
  })

  it('never accept a key that the configuration denies', async () => {
    const skipped: string[] = []
    const { validateToken } = validatorWith({
      deniedKeys: [signingKey('entra').kid],
      onKeySkipped: ({ reason }) => skipped.push(reason),
    })
    expect(await codeOf(validateToken(tokenWith()))).toBe('key_denied')
    expect(await codeOf(validateToken(tokenWith({ key: 'entraNext' })))).toBe('accepted')
    expect(skipped).toContain('denied')
    const before = keyFetches()
    expect(await codeOf(validateToken(tokenWith()))).toBe('key_denied')
    expect(keyFetches()).toBe(before)
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
    expect(validator.authenticate(requestView({ authorization: [`Bearer ${tokenWith()}`] }))).toMatchObject({
      kind: 'delegated',
    })
    expect(issuer.requests.length).toBe(before)
  })

  it('holds public members only', async () => {
    expect(await exported()).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/)
  })

  it('does not make a key serve longer than a day after the issuer listed it', async () => {
    const snapshot = await exported()
    issuer.fail({ status: 500 })
    time += 24 * hour - 1
    const validator = validatorWith()
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('keys_unavailable')
  })

  it('keeps what binds a key: its issuer, its cloud and its algorithm', async () => {
    const snapshot = await exported()
    const validator = validatorWith({
      fetch: () => Promise.reject(new Error('no network')),
    })
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
    expect(await codeOf(validator.validateToken(longLived('foreignTenant')))).toBe('key_issuer_mismatch')
    expect(await codeOf(validator.validateToken(longLived('otherCloudName')))).toBe('key_issuer_mismatch')
    expect(await codeOf(validator.validateToken(tokenWith({ key: 'boundToRs512' })))).toBe('key_unknown')
    expect(JSON.parse(JSON.stringify(validator.exportKeys()))).toEqual(JSON.parse(snapshot))
  })

  it('makes a tenant that is named by its domain known without a fetch', async () => {
    const options = {
      issuer: entra({ tenantId: 'contoso.example', clientId: apiClientId, cloud: issuer.cloud }),
    }
    const first = validatorWith({
      ...options,
      fetch: (url, init) => fetch(url.replace('contoso.example', tenantId), init),
    })
    await first.ready()
    const second = validatorWith({ ...options, fetch: () => Promise.reject(new Error('no network')) })
    second.importKeys(first.exportKeys())
    expect(await codeOf(second.validateToken(tokenWith()))).toBe('accepted')
  })

  it('gives a key that the newest set lacked no more than its grace', async () => {
    const address = 'https://issuer.example'
    const options = {
      issuer: oidcIssuer({ issuer: address, jwksUri: `${address}/keys` }),
      audience: 'https://files.example',
      fetch: () => Promise.reject(new Error('no network')),
    }
    const name = JSON.stringify([`oidcIssuer(${address})`, `${address}/keys`])
    const keys = [
      { jwk: signingKey('generic').jwk, lastListed: now - 1800 },
      { jwk: signingKey('p256').jwk, lastListed: now },
    ]
    const validator = validatorWith(options)
    validator.importKeys({ version: 1, issuers: [{ name, keys }] })
    const claims = { iss: address, exp: now + 100 * hour }
    const tokenBy = (key: KeyName): string => tokenWith({ from: 'generic', key, claims })
    time = now + 1799
    expect(await codeOf(validator.validateToken(tokenBy('generic')))).toBe('accepted')
    time += 1
    expect(await codeOf(validator.validateToken(tokenBy('generic')))).toBe('keys_unavailable')
    expect(await codeOf(validator.validateToken(tokenBy('p256')))).toBe('accepted')
  })

  it('has the time of the last fetch, so that the next one is due in time and no earlier', async () => {
    const snapshot = await exported()
    let fetches = 0
    const validator = validatorWith({
      fetch: (url, init) => {
        fetches++
        return fetch(url, init)
      },
    })
    validator.importKeys(JSON.parse(snapshot))
    time += hour - 1
    await validator.validateToken(longLived())
    expect(fetches).toBe(0)
    time += 1
    await validator.validateToken(longLived())
    expect(fetches).toBe(1)
  })

  it('of an issuer with metadata serves where its keys are configured by address', async () => {
    const address = 'https://issuer.example'
    const validator = validatorWith({
      issuer: oidcIssuer({ issuer: address, jwksUri: `${address}/keys` }),
      audience: 'https://files.example',
      fetch: async () => Response.json(keySet(['generic'])),
    })
    const saved = { name: `oidcIssuer(${address})`, metadataIssuer: address, keys: [] }
    validator.importKeys({ version: 1, issuers: [saved] })
    const token = tokenWith({ from: 'generic', claims: { iss: address } })
    expect(await codeOf(validator.validateToken(token))).toBe('accepted')
  })

  it('does not change what the validator has from a later fetch', async () => {
    const snapshot = JSON.parse(await exported()) as KeySnapshot
    const validator = validatorWith()
    await validator.ready()
    const older: KeySnapshot = {
      version: 1,
      issuers: snapshot.issuers.map((saved) => ({
        ...saved,
        keys: saved.keys.map(({ jwk, lastListed }) => ({ jwk, lastListed: lastListed - 23 * hour })),
      })),
    }
    validator.importKeys(older)
    issuer.fail({ status: 500 })
    time += 24 * hour - 1
    expect(await codeOf(validator.validateToken(longLived()))).toBe('accepted')
  })

  it('does not bring back a denied key for a token that names none', async () => {
    const address = 'https://issuer.example'
    const { kid } = signingKey('generic')
    const options = {
      issuer: oidcIssuer({ issuer: address, jwksUri: `${address}/keys` }),
      audience: 'https://files.example',
      fetch: async () => Response.json(keySet(['generic', 'p256'])),
    }
    const token = tokenWith({ from: 'generic', header: { kid: undefined }, claims: { iss: address } })
    const first = validatorWith(options)
    expect(await codeOf(first.validateToken(token))).toBe('accepted')
    const denying = validatorWith({ ...options, deniedKeys: [kid] })
    expect(await codeOf(denying.validateToken(token))).toBe('key_unknown')
    denying.importKeys(first.exportKeys())
    expect(await codeOf(denying.validateToken(token))).toBe('key_unknown')
    first.forgetKeys({ kid })
    expect(await codeOf(first.validateToken(token))).toBe('key_unknown')
  })

  it('does not bring back a key that was forgotten', async () => {
    const snapshot = await exported()
    const validator = validatorWith()
    validator.forgetKeys({ kid: signingKey('entra').kid })
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('key_denied')
  })

  it('is refused with a TypeError when a key was listed in the future', async () => {
    const snapshot = await exported()
    time -= 1
    expect(() => validatorWith().importKeys(JSON.parse(snapshot))).toThrow(TypeError)
  })

  it.each([
    null,
    [],
    {},
    { version: 2, issuers: [] },
    { version: 1, issuers: {} },
    { version: 1, issuers: ['x'] },
    { version: 1, issuers: [{ name: 'x' }] },
    { version: 1, issuers: [{ name: 7, keys: [] }] },
    { version: 1, issuers: [{ name: 'x', keys: ['k'] }] },
    { version: 1, issuers: [{ name: 'x', keys: [{ lastListed: 1 }] }] },
    { version: 1, issuers: [{ name: 'x', keys: [{ jwk: 'k', lastListed: 1 }] }] },
    { version: 1, issuers: [{ name: 'x', keys: [{ jwk: {} }] }] },
    { version: 1, issuers: [{ name: 'x', keys: [{ jwk: {}, lastListed: '1' }] }] },
    { version: 1, issuers: [{ name: 'x', keys: [{ jwk: {}, lastListed: null }] }] },
  ])('is refused with a TypeError when it is malformed: %j', (snapshot) => {
    expect(() => validatorWith().importKeys(snapshot as never)).toThrow(TypeError)
  })

  it('of one cloud is not used for the same tenant of another', async () => {
    const snapshot = await exported()
    const validator = validatorWith({ issuer: entra({ tenantId, clientId: apiClientId, cloud: 'china' }) })
    validator.importKeys(JSON.parse(snapshot))
    expect(validator.exportKeys().issuers.map(({ keys }) => keys)).toEqual([[]])
  })

  it('does not bring back a denied key', async () => {
    const snapshot = await exported()
    const validator = validatorWith({ deniedKeys: [signingKey('entra').kid] })
    validator.importKeys(JSON.parse(snapshot))
    expect(await codeOf(validator.validateToken(tokenWith()))).toBe('key_denied')
  })
})
