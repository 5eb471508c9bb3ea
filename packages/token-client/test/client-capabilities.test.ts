import { clientSecret, createTokenClient, entraAuthority, oauthAuthority } from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import { clientId, createBench, target, tenantId, textOf, theSecret, userToken } from './setup.js'

const cp1 = { xms_cc: { values: ['cp1'] } }

describe('client capabilities', () => {
  it('are sent to the service in every grant', async () => {
    const { client, endpoint, clock } = await createBench('2.0', { clientCapabilities: ['cp1'] })
    await client.acquireForApp(target)
    await client.acquireOnBehalfOf(userToken(), target)
    const session = await client.startSession(userToken(), target)
    clock.now += 3600
    await session.acquire()
    expect(endpoint.requests.map(({ form }) => JSON.parse(form.claims!) as unknown)).toEqual(
      [1, 2, 3, 4].map(() => ({ access_token: cp1 })),
    )
  })

  it('do not prevent a cache hit', async () => {
    const { client, endpoint } = await createBench('2.0', { clientCapabilities: ['cp1'] })
    await client.acquireForApp(target)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
    expect(endpoint.requests).toHaveLength(1)
  })

  it.each([
    [
      'with another claim',
      '{"access_token":{"nbf":{"value":"1"}}}',
      { access_token: { nbf: { value: '1' }, ...cp1 } },
    ],
    [
      'for another token',
      '{"id_token":{"auth_time":null}}',
      { id_token: { auth_time: null }, access_token: cp1 },
    ],
    ['that says nothing', '{}', { access_token: cp1 }],
    ['with capabilities of its own', '{"access_token":{"xms_cc":{"values":["x"]}}}', { access_token: cp1 }],
    [
      'with an odd name',
      '{"__proto__":{"a":1}}',
      JSON.parse('{"__proto__":{"a":1},"access_token":{"xms_cc":{"values":["cp1"]}}}'),
    ],
  ])('are sent together with a challenge %s', async (_name, claims, expected) => {
    const { client, endpoint } = await createBench('2.0', { clientCapabilities: ['cp1'] })
    await client.acquireForApp({ ...target, claims })
    expect(JSON.parse(endpoint.requests[0]!.form.claims!)).toEqual(expected)
  })

  it('are sent again with a challenge, and the new token replaces the cached one', async () => {
    const { client } = await createBench('2.0', { clientCapabilities: ['cp1'] })
    await client.acquireForApp(target)
    await client.acquireForApp({ ...target, claims: '{"access_token":{}}' })
    expect(textOf(await client.acquireForApp(target))).toBe('access-2')
  })

  it.each([
    ['a text with a space', entraAuthority({ tenantId, version: '2.0' }), ['cp 1']],
    ['a text', entraAuthority({ tenantId, version: '2.0' }), 'cp1'],
    ['the v1.0 endpoint', entraAuthority({ tenantId, version: '1.0' }), ['cp1']],
    ['another issuer', oauthAuthority({ issuer: 'https://issuer.example' }), ['cp1']],
  ])('are refused by createTokenClient with %s', (_name, authority, clientCapabilities) => {
    expect(() =>
      createTokenClient({
        authority,
        clientId,
        credential: clientSecret(theSecret),
        clientCapabilities: clientCapabilities as string[],
      }),
    ).toThrow(/^createTokenClient: "clientCapabilities" must/)
  })
})
