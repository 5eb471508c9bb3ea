import { describe, expect, it } from 'vitest'
import {
  apiAudience,
  createBench,
  nativeAppId,
  objectId,
  otherTenantId,
  refusalOf,
  target,
  tenantId,
  textOf,
  userToken,
} from './setup.js'
import { refusal } from './token-endpoint.js'

describe('acquireOnBehalfOf', () => {
  it.each(['1.0', '2.0'] as const)(
    'sends the user token to the %s endpoint, without offline_access',
    async (version) => {
      const { client, endpoint } = await createBench(version)
      const token = await client.acquireOnBehalfOf(userToken(), target)
      expect(token).toMatchObject({ scopes: ['Orders.Read'], source: 'network' })
      expect(endpoint.requests[0]?.form).toMatchObject({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        requested_token_use: 'on_behalf_of',
        assertion: userToken(),
        ...(version === '1.0' ? { resource: 'api://second-tier' } : { scope: 'api://second-tier/.default' }),
      })
      expect(JSON.stringify(endpoint.requests[0]?.form)).not.toContain('offline_access')
    },
  )

  it('takes a validated token as well as its text', async () => {
    const { client, endpoint } = await createBench()
    const validated = { kind: 'delegated', issuer: 'i', token: userToken() } as const
    await client.acquireOnBehalfOf(validated, target)
    expect(await client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('refuses the option tenantId with a TypeError: the user token names the tenant', async () => {
    const { client, endpoint } = await createBench('2.0', { tenantId: 'organizations' })
    const options = { ...target, tenantId: otherTenantId }
    await expect(client.acquireOnBehalfOf(userToken(), options)).rejects.toThrow(/"tenantId"/)
    expect(endpoint.requests).toEqual([])
  })

  it("takes the tenant from the user's token when the authority is for many tenants", async () => {
    const { client, endpoint } = await createBench('2.0', { tenantId: 'organizations' })
    await client.acquireOnBehalfOf(userToken({ tid: otherTenantId }), target)
    expect(endpoint.requests[0]?.path).toBe(`/${otherTenantId}/oauth2/v2.0/token`)
  })

  it('discards the refresh token that v1.0 always sends', async () => {
    const { client, endpoint, clock } = await createBench('1.0')
    await client.acquireOnBehalfOf(userToken({ exp: clock.now + 10_000 }), target)
    clock.now += 3600
    await client.acquireOnBehalfOf(userToken({ exp: clock.now + 6400 }), target)
    expect(endpoint.requests.map(({ form }) => form.grant_type)).not.toContain('refresh_token')
  })

  it('sends two requests for twenty alternating calls of two devices of one user', async () => {
    const { client, endpoint } = await createBench()
    const devices = [userToken({ uti: 'phone' }), userToken({ uti: 'laptop' })]
    const seen: string[] = []
    for (let call = 0; call < 20; call++)
      seen.push(textOf(await client.acquireOnBehalfOf(devices[call % 2]!, target)))
    expect(endpoint.requests).toHaveLength(2)
    expect(seen).toEqual(Array.from({ length: 20 }, (_, call) => `access-${(call % 2) + 1}`))
  })

  it("serves the cached token in the last second of the user's token, and refuses it in the next", async () => {
    const { client, endpoint, clock } = await createBench()
    const token = userToken({ exp: clock.now + 100 })
    await client.acquireOnBehalfOf(token, target)
    clock.now += 99.9
    expect(await client.acquireOnBehalfOf(token, target)).toMatchObject({ source: 'cache' })
    clock.now += 0.1
    expect(await refusalOf(client.acquireOnBehalfOf(token, target))).toMatchObject({
      code: 'user_token_expired',
      action: 'new-user-token',
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  it.each([
    ['user_token_expired', 'an expired token', { exp: 1_800_000_000 }],
    [
      'user_token_is_application_token',
      'an application token',
      { scp: undefined, roles: ['Orders.Read.All'] },
    ],
    ['user_token_is_application_token', 'a token that calls itself one of an application', { idtyp: 'app' }],
    ['user_token_is_id_token', 'an id token with a nonce', { nonce: 'n' }],
    ['user_token_is_id_token', 'an id token without one', { azp: undefined, scp: undefined }],
    ['user_token_tenant_mismatch', 'a token of another tenant', { tid: otherTenantId }],
    ['user_token_audience_mismatch', 'a token for another API', { aud: 'api://other' }],
    ['user_token_audience_mismatch', 'a token for no API', { aud: undefined }],
    ['user_token_malformed', 'a tenant that would bend the path', { tid: '../evil' }],
    ['user_token_malformed', 'an end that is no number', { exp: '1900000000' }],
    ['user_token_malformed', 'no end', { exp: undefined }],
  ])('refuses with %s %s, and sends nothing', async (code, _name, changes) => {
    const { client, endpoint } = await createBench('2.0', { audience: [apiAudience, 'other-name'] })
    const token = userToken(changes)
    expect(await refusalOf(client.acquireOnBehalfOf(token, target))).toMatchObject({ code })
    expect(await refusalOf(client.startSession(token, target))).toMatchObject({ code })
    expect(endpoint.requests).toEqual([])
  })

  it.each([
    ['an empty text', ''],
    ['no JWT', 'opaque'],
    ['a payload that is no JSON', 'e30.bm90IGpzb24.c2ln'],
    ['a payload that is no object', 'e30.W10.c2ln'],
    ['a token without end', `e30.${'a'.repeat(20_000)}.c2ln`],
  ])('refuses %s with user_token_malformed', async (_name, token) => {
    const { client, endpoint } = await createBench()
    expect(await refusalOf(client.acquireOnBehalfOf(token, target))).toMatchObject({
      code: 'user_token_malformed',
    })
    expect(endpoint.requests).toEqual([])
  })

  it('refuses a validated token of an application by its kind', async () => {
    const { client, endpoint } = await createBench()
    const validated = { kind: 'application', issuer: 'i', token: userToken() } as const
    expect(await refusalOf(client.acquireOnBehalfOf(validated, target))).toMatchObject({
      code: 'user_token_is_application_token',
    })
    expect(endpoint.requests).toEqual([])
  })

  it('removes the cached token when the service refuses its renewal and requires the user', async () => {
    const { client, endpoint, clock } = await createBench()
    const token = userToken({ exp: clock.now + 10_000 })
    await client.acquireOnBehalfOf(token, target)
    endpoint.answer = () => refusal('invalid_grant', 50076, { suberror: 'basic_action' })
    clock.now += 3599 - 200
    expect(await client.acquireOnBehalfOf(token, target)).toMatchObject({ source: 'cache' })
    await expect
      .poll(() => client.acquireOnBehalfOf(token, target).catch((error: { code: string }) => error.code))
      .toBe('interaction_required')
  })
})

describe('forgetUser', () => {
  it('removes the cached tokens of that user, and no others', async () => {
    const { client, endpoint } = await createBench()
    const other = userToken({ oid: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' })
    await client.acquireOnBehalfOf(userToken(), target)
    await client.acquireOnBehalfOf(other, target)
    await client.forgetUser(tenantId.toUpperCase(), objectId)
    expect(await client.acquireOnBehalfOf(other, target)).toMatchObject({ source: 'cache' })
    expect(await client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
    expect(endpoint.requests).toHaveLength(3)
  })

  it('does not cache the token of a request that was under way', async () => {
    const { client, endpoint } = await createBench()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const underWay = client.acquireOnBehalfOf(userToken(), target)
    const session = client.startSession(userToken(), target)
    await expect.poll(() => endpoint.requests.length).toBe(2)
    await client.forgetUser(tenantId, objectId)
    release()
    await underWay
    expect(await refusalOf(session)).toMatchObject({ code: 'session_unknown' })
    expect(await client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })

  it('ends the sessions of that user', async () => {
    const { client } = await createBench()
    const session = await client.startSession(userToken(), target)
    await client.forgetUser(tenantId, objectId)
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
    const owner = { tenantId, objectId, clientId: nativeAppId }
    expect(await refusalOf(client.resumeSession(session.key, owner))).toMatchObject({
      code: 'session_unknown',
    })
  })
})
