import type { Target } from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import {
  clientId,
  createBench,
  otherTenantId,
  refusalOf,
  target,
  tenantId,
  theSecret,
  userToken,
} from './setup.js'

describe('acquireForApp', () => {
  it('asks the v1.0 endpoint for a resource and reads its numbers, which are strings', async () => {
    const { client, endpoint, clock } = await createBench('1.0')
    const token = await client.acquireForApp(target)
    expect(token).toMatchObject({ expiresAt: clock.now + 3599, scopes: [], source: 'network' })
    expect(token.accessToken).toBe('access-1')
    expect(endpoint.requests).toMatchObject([
      {
        path: `/${tenantId}/oauth2/token`,
        form: {
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: theSecret,
          resource: 'api://second-tier',
        },
      },
    ])
    expect(endpoint.requests[0]?.form).not.toHaveProperty('scope')
  })

  it('asks the v2.0 endpoint for the resource with /.default', async () => {
    const { client, endpoint } = await createBench('2.0')
    await client.acquireForApp({ resource: 'https://api.contoso.example/' })
    expect(endpoint.requests[0]).toMatchObject({
      path: `/${tenantId}/oauth2/v2.0/token`,
      form: { scope: 'https://api.contoso.example//.default' },
    })
    expect(endpoint.requests[0]?.form).not.toHaveProperty('resource')
  })

  it('requests scopes unchanged', async () => {
    const { client, endpoint } = await createBench('2.0')
    const token = await client.acquireForApp({ scopes: ['api://a/.default'] })
    expect(endpoint.requests[0]?.form.scope).toBe('api://a/.default')
    expect(token.scopes).toEqual(['api://a/.default'])
  })

  it('answers the second call from the cache, until 30 seconds before the token expires', async () => {
    const { client, endpoint, clock } = await createBench()
    await client.acquireForApp(target)
    endpoint.answer = () => ({ status: 503, headers: { 'retry-after': '1000' }, body: {} })
    clock.now += 3568
    const kept = await client.acquireForApp(target)
    expect(kept).toMatchObject({ source: 'cache', expiresAt: 1_800_003_599 })
    expect(kept.accessToken).toBe('access-1')
    clock.now += 1
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ action: 'retry' })
  })

  it('ends a cached token at maxTokenLifeSeconds when the service grants more', async () => {
    const { client, endpoint, clock } = await createBench('2.0', { cache: { maxTokenLifeSeconds: 100 } })
    const token = await client.acquireForApp(target)
    expect(token.expiresAt).toBe(clock.now + 100)
    clock.now += 90
    await client.acquireForApp(target)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('returns a token without expires_in and does not cache it', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = (request) => endpoint.grant(request, { expires_in: undefined })
    await client.acquireForApp(target)
    await client.acquireForApp(target)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('sends one request for a hundred concurrent calls', async () => {
    const { client, endpoint } = await createBench()
    const tokens = await Promise.all(Array.from({ length: 100 }, () => client.acquireForApp(target)))
    expect(new Set(tokens.map(({ accessToken }) => accessToken))).toEqual(new Set(['access-1']))
    expect(endpoint.requests).toHaveLength(1)
  })

  it('sends one request for each target and each tenant', async () => {
    const { client, endpoint } = await createBench('2.0', { tenantId: 'organizations' })
    await client.acquireForApp({ resource: 'a', tenantId })
    await client.acquireForApp({ resource: 'b', tenantId })
    await client.acquireForApp({ resource: 'a', tenantId: otherTenantId.toUpperCase() })
    expect(endpoint.requests.map(({ path, form }) => [path.split('/')[1], form.scope])).toEqual([
      [tenantId, 'a/.default'],
      [tenantId, 'b/.default'],
      [otherTenantId, 'a/.default'],
    ])
  })

  it('works without this', async () => {
    const { client } = await createBench()
    const { acquireForApp } = client
    expect(await acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it.each([
    ['nothing', undefined, /^target: exactly one of "resource" and "scopes"/],
    ['no target', {}, /^target: exactly one of "resource" and "scopes"/],
    ['both targets', { resource: 'a', scopes: ['b'] }, /exactly one of "resource" and "scopes"/],
    ['a resource with a space', { resource: 'a b' }, /^target: "resource" must/],
    ['an empty list of scopes', { scopes: [] }, /^target: "scopes" must/],
    ['offline_access', { scopes: ['offline_access'] }, /startSession/],
    ['claims that are not a JSON object', { resource: 'a', claims: '[]' }, /^target: "claims" must/],
    [
      'an unknown member',
      { resource: 'a', scope: 'b' },
      /^target: unknown option "scope"; expected resource, scopes, claims, refresh, signal, tenantId$/,
    ],
    ['another tenant', { resource: 'a', tenantId: otherTenantId }, /"tenantId" must be the authority's own/],
    [
      'a tenant that is not a GUID',
      { resource: 'a', tenantId: 'common' },
      /"tenantId" must be a tenant's GUID/,
    ],
  ])('refuses %s with a TypeError and sends nothing', async (_name, wrong, message) => {
    const { client, endpoint } = await createBench()
    const call = client.acquireForApp(wrong as Target)
    await expect(call).rejects.toThrow(TypeError)
    await expect(call).rejects.toThrow(message)
    expect(endpoint.requests).toEqual([])
  })

  it('requires a tenant when the authority is for many tenants', async () => {
    const { client } = await createBench('2.0', { tenantId: 'organizations' })
    await expect(client.acquireForApp(target)).rejects.toThrow(/"tenantId" is required/)
  })

  it.each([
    ['scopes', { scopes: ['a/.default'] }],
    ['claims', { resource: 'a', claims: '{}' }],
  ])('refuses %s on v1.0 with a TypeError', async (_name, wrong) => {
    const { client, endpoint } = await createBench('1.0')
    await expect(client.acquireForApp(wrong)).rejects.toThrow(/version 2\.0/)
    expect(endpoint.requests).toEqual([])
  })
})

describe('renewal before the expiry', () => {
  it('returns the cached token and renews it once in the background', async () => {
    const { client, endpoint, clock } = await createBench()
    await client.acquireForApp(target)
    clock.now += 3599 - 280
    const kept = await Promise.all(Array.from({ length: 20 }, () => client.acquireForApp(target)))
    expect(new Set(kept.map(({ accessToken }) => accessToken))).toEqual(new Set(['access-1']))
    await expect.poll(async () => (await client.acquireForApp(target)).accessToken).toBe('access-2')
    expect(endpoint.requests).toHaveLength(2)
  })

  it('renews at the time of refresh_in', async () => {
    const { client, endpoint, clock } = await createBench()
    endpoint.answer = (request) => endpoint.grant(request, { expires_in: 86_400, refresh_in: 43_200 })
    await client.acquireForApp(target)
    clock.now += 43_199
    await client.acquireForApp(target)
    expect(endpoint.requests).toHaveLength(1)
    clock.now += 1
    await client.acquireForApp(target)
    await expect.poll(() => endpoint.requests.length).toBe(2)
  })

  it('serves a token that is still valid while the service is down, and tries again only after a pause', async () => {
    const { client, endpoint, clock } = await createBench()
    await client.acquireForApp(target)
    clock.now += 3599 - 200
    endpoint.answer = () => ({ status: 503, body: {} })
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    await expect.poll(() => endpoint.requests.length).toBe(3)
    clock.now += 29
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(3)
    // A call joins an attempt that has not ended, so the test may have to wait for a second pause.
    const callAfterAPause = async () => {
      clock.now += 30
      expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
      return endpoint.requests.length
    }
    await expect.poll(callAfterAPause).toBeGreaterThan(3)
  })
})

describe('a claims challenge', () => {
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1800000000"}}}'

  it('is never answered from the cache, and its token replaces the challenged one', async () => {
    const { client, endpoint } = await createBench()
    await client.acquireForApp(target)
    const fresh = await client.acquireForApp({ ...target, claims })
    expect(fresh.accessToken).toBe('access-2')
    expect(endpoint.requests[1]?.form.claims).toBe(claims)
    const after = await client.acquireForApp(target)
    expect(after).toMatchObject({ source: 'cache' })
    expect(after.accessToken).toBe('access-2')
    expect((await client.acquireForApp({ ...target, claims })).accessToken).toBe('access-3')
  })

  it('removes the challenged token even when the service refuses a new one', async () => {
    const { client, endpoint } = await createBench()
    await client.acquireForApp(target)
    endpoint.answer = () => ({ status: 400, body: { error: 'invalid_request' } })
    await refusalOf(client.acquireForApp({ ...target, claims }))
    await refusalOf(client.acquireForApp(target))
    expect(endpoint.requests).toHaveLength(3)
  })
})

describe('callers who share a request', () => {
  it('get their token when one of them aborts', async () => {
    const { client, endpoint } = await createBench()
    const controller = new AbortController()
    const leaving = client.acquireForApp({ ...target, signal: controller.signal })
    const staying = client.acquireForApp(target)
    controller.abort()
    await expect(leaving).rejects.toMatchObject({ name: 'AbortError' })
    expect((await staying).accessToken).toBe('access-1')
    expect(endpoint.requests).toHaveLength(1)
  })

  it('each get an error of their own, and the next caller asks again', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({ status: 400, body: { error: 'invalid_request' } })
    const [first, second] = await Promise.all([
      refusalOf(client.acquireForApp(target)),
      refusalOf(client.acquireForApp(target)),
    ])
    expect(first).not.toBe(second)
    expect(endpoint.requests).toHaveLength(1)
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })
})

describe('a target that cannot work', () => {
  const wrong: readonly [string, object, RegExp][] = [
    [
      'an unknown option',
      { ...target, skipCache: true },
      /^target: unknown option "skipCache"; expected resource, scopes, /,
    ],
    [
      'a resource with /.default',
      { resource: `${target.resource}/.default` },
      /^target: "resource" must be the identifier alone, without \/\.default/,
    ],
  ]
  it.each(wrong)('with %s is refused whether its token is cached or not', async (_name, options, message) => {
    const { client, endpoint } = await createBench()
    const untyped = options as typeof target
    const calls = [
      () => client.acquireForApp(untyped),
      () => client.acquireOnBehalfOf(userToken(), untyped),
      () => client.startSession(userToken(), untyped),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow(message)
    expect(endpoint.requests).toEqual([])
    await client.acquireForApp(target)
    await client.acquireOnBehalfOf(userToken(), target)
    for (const call of calls) await expect(call()).rejects.toThrow(message)
    const session = await client.startSession(userToken(), target)
    await expect(session.acquire(untyped)).rejects.toThrow(message)
    expect(endpoint.requests).toHaveLength(3)
  })
})
