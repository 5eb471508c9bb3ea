import {
  clientSecret,
  createTokenClient,
  oauthAuthority,
  type OAuthAuthorityOptions,
  type TokenClientOptions,
} from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { clientId, refusalOf, theSecret, userToken } from './setup.js'

const urn = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

/** A service with metadata: the parameters it got, in their order, and its answer. */
async function startService(answer: object = {}, status = 200) {
  const seen: [string, string][][] = []
  let origin = ''
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    response.setHeader('content-type', 'application/json')
    if (request.url?.startsWith('/.well-known/')) {
      const methods = ['client_secret_post']
      const metadata = {
        issuer: origin,
        token_endpoint: `${origin}/token`,
        token_endpoint_auth_methods_supported: methods,
      }
      return void response.end(JSON.stringify(metadata))
    }
    seen.push([...new URLSearchParams(text)])
    response.statusCode = status
    const granted = { access_token: `access-${seen.length}`, token_type: 'Bearer', expires_in: 600 }
    response.end(JSON.stringify({ ...granted, issued_token_type: urn('access_token'), ...answer }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.close().closeAllConnections())
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connect = (
    authority: Omit<OAuthAuthorityOptions, 'issuer'> = {},
    options: Partial<TokenClientOptions> = {},
  ) =>
    createTokenClient({
      authority: oauthAuthority({ issuer: origin, ...authority }),
      clientId,
      credential: clientSecret(theSecret),
      clock: () => 1_800_000_000,
      ...options,
    })
  return { seen, connect }
}

/** What was sent, without the client's own parameters and the user's token. */
function exchanged(parameters: readonly [string, string][] | undefined): [string, string][] {
  const own = ['client_id', 'client_secret', 'subject_token']
  return (parameters ?? []).filter(([name]) => !own.includes(name)).sort(([a], [b]) => a.localeCompare(b))
}

const grant: [string, string] = ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange']

describe('a token exchange', () => {
  it('sends the subject token, its type and the requested type', async () => {
    const { seen, connect } = await startService()
    await connect().acquireOnBehalfOf(userToken(), { resource: 'https://orders.example' })
    expect(Object.fromEntries(seen[0]!)).toMatchObject({ subject_token: userToken() })
    expect(exchanged(seen[0])).toEqual([
      grant,
      ['requested_token_type', urn('access_token')],
      ['resource', 'https://orders.example'],
      ['subject_token_type', urn('access_token')],
    ])
  })

  it('names audience and scopes together (Keycloak, Auth0, Okta)', async () => {
    const { seen, connect } = await startService({ scope: 'orders:read' })
    const client = connect({ resourceParameter: 'audience' })
    const target = { resource: 'orders', scopes: ['orders:read', 'orders:write'] }
    expect((await client.acquireOnBehalfOf(userToken(), target)).scopes).toEqual(['orders:read'])
    expect(exchanged(seen[0])).toEqual([
      ['audience', 'orders'],
      grant,
      ['requested_token_type', urn('access_token')],
      ['scope', 'orders:read orders:write'],
      ['subject_token_type', urn('access_token')],
    ])
    expect(await client.acquireOnBehalfOf(userToken(), { ...target, scopes: ['orders:read'] })).toMatchObject(
      {
        source: 'network',
      },
    )
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
    expect(exchanged(seen[2])).toEqual([
      ['audience', 'orders'],
      ['grant_type', 'client_credentials'],
      ['scope', 'orders:read orders:write'],
    ])
  })

  it.each(['audience', 'resource'] as const)(
    'names several APIs by one %s each, in any order',
    async (name) => {
      const { seen, connect } = await startService()
      const client = connect({ resourceParameter: name })
      await client.acquireOnBehalfOf(userToken(), { resource: ['a', 'b'] })
      expect(seen[0]!.filter(([one]) => one === name)).toEqual([
        [name, 'a'],
        [name, 'b'],
      ])
      expect(await client.acquireOnBehalfOf(userToken(), { resource: ['b', 'a'] })).toMatchObject({
        source: 'cache',
      })
      expect(await client.acquireOnBehalfOf(userToken(), { resource: 'a' })).toMatchObject({
        source: 'network',
      })
    },
  )

  it.each([
    ['jwt', urn('jwt')],
    ['saml2', urn('saml2')],
    ['https://id.example/legacy-session', 'https://id.example/legacy-session'],
  ] as const)('says that the subject token is of type %s', async (subjectTokenType, wire) => {
    const { seen, connect } = await startService()
    await connect({ tokenExchange: { subjectTokenType } }).acquireOnBehalfOf(userToken(), { resource: 'a' })
    expect(Object.fromEntries(seen[0]!)['subject_token_type']).toBe(wire)
  })

  it.each([
    ['jwt', urn('jwt')],
    ['none', undefined],
  ] as const)('requests %s', async (requestedTokenType, wire) => {
    const { seen, connect } = await startService()
    await connect({ tokenExchange: { requestedTokenType } }).acquireOnBehalfOf(userToken(), { resource: 'a' })
    expect(Object.fromEntries(seen[0]!)['requested_token_type']).toBe(wire)
  })

  it('sends an actor token with its type, obtained for each request', async () => {
    const { seen, connect } = await startService()
    let count = 0
    const actorToken = async () => `actor-${++count}`
    const client = connect({ tokenExchange: { actorToken, actorTokenType: 'jwt' } })
    for (const resource of ['a', 'b']) await client.acquireOnBehalfOf(userToken(), { resource })
    expect(seen.map((one) => Object.fromEntries(one))).toMatchObject([
      { actor_token: 'actor-1', actor_token_type: urn('jwt') },
      { actor_token: 'actor-2', actor_token_type: urn('jwt') },
    ])
    expect(exchanged(seen[0]).map(([name]) => name)).toContain('actor_token')
  })

  it('sends no actor token for the application', async () => {
    const { seen, connect } = await startService()
    await connect({ tokenExchange: { actorToken: () => 'actor' } }).acquireForApp({ resource: 'a' })
    expect(Object.fromEntries(seen[0]!)).not.toHaveProperty('actor_token')
  })

  it.each<[string, () => unknown, object]>([
    [
      'never settles',
      () => new Promise(() => {}),
      { code: 'client_credential_unavailable', reason: 'timeout' },
    ],
    ['rejects', () => Promise.reject(undefined), { code: 'client_credential_unavailable' }],
    ['returns nothing', () => undefined, { code: 'client_credential_unusable', reason: 'actorToken' }],
    ['returns a line break', () => 'a\r\nb', { code: 'client_credential_unusable', reason: 'actorToken' }],
  ])('with an actor token function that %s sends nothing', async (_name, call, expected) => {
    const { seen, connect } = await startService()
    const client = connect({ tokenExchange: { actorToken: call as () => string } }, { timeoutSeconds: 0.2 })
    expect(await refusalOf(client.acquireOnBehalfOf(userToken(), { resource: 'a' }))).toMatchObject(expected)
    expect(seen).toEqual([])
  })

  it('gets a refresh token for a session by its scope, or by its type (Keycloak)', async () => {
    for (const tokenExchange of [undefined, { sessionTokenType: 'refresh_token' as const }]) {
      const { seen, connect } = await startService({
        refresh_token: 'refresh-1',
        ...(tokenExchange === undefined ? {} : { issued_token_type: urn('refresh_token') }),
      })
      const client = connect({ tokenExchange })
      const token = userToken({ azp: undefined, client_id: 'web' })
      const session = await client.startSession(token, { resource: 'a', scopes: ['read'] })
      expect(Object.fromEntries(seen[0]!)).toMatchObject({
        requested_token_type: urn(tokenExchange === undefined ? 'access_token' : 'refresh_token'),
        scope: 'read offline_access',
      })
      expect(await session.acquire()).toMatchObject({ source: 'cache' })
      await session.acquire({ resource: 'b' })
      expect(Object.fromEntries(seen[1]!)).toMatchObject({
        grant_type: 'refresh_token',
        refresh_token: 'refresh-1',
      })
    }
  })

  it.each<[string, object, string]>([
    ['a SAML assertion', { issued_token_type: urn('saml2') }, 'issued_token_type'],
    ['an ID token', { issued_token_type: urn('id_token') }, 'issued_token_type'],
    ['a refresh token alone', { issued_token_type: urn('refresh_token') }, 'issued_token_type'],
    [
      'a refresh token in place of the access token',
      { issued_token_type: urn('refresh_token'), access_token: 'r', refresh_token: 'r' },
      'issued_token_type',
    ],
    ['a token that is not sent as Bearer', { token_type: 'N_A' }, 'token_type'],
  ])('refuses %s', async (_name, answer, reason) => {
    const { connect } = await startService(answer)
    const error = await refusalOf(connect().acquireOnBehalfOf(userToken(), { resource: 'a' }))
    expect(error).toMatchObject({ code: 'service_answer_invalid', reason })
  })

  it.each([
    ['invalid_target', 'target_refused', 'fix-configuration'],
    ['invalid_request', 'request_refused', 'fix-configuration'],
    ['invalid_grant', 'interaction_required', 'interact'],
  ])('reads a refusal by its word: %s is %s', async (error, code, action) => {
    const { connect } = await startService({ error }, 400)
    const call = connect().acquireOnBehalfOf(userToken(), { resource: 'a' })
    expect(await refusalOf(call)).toMatchObject({ code, action, service: { status: 400, error } })
  })

  it.each<[string, object, RegExp]>([
    [
      'an unknown type',
      { subjectTokenType: 'token' },
      /"tokenExchange\.subjectTokenType" must be a URI, or one of/,
    ],
    ['an ID token as the result', { requestedTokenType: 'id_token' }, /must be access_token, jwt or none/],
    ['an actor type alone', { actorTokenType: 'jwt' }, /must come with actorToken/],
    [
      'an actor that is no function',
      { actorToken: 'text' },
      /"tokenExchange\.actorToken" must be a function/,
    ],
    ['an unknown option', { audience: 'a' }, /unknown option "tokenExchange\.audience"/],
  ])('with %s is refused at start-up', (_name, tokenExchange, message) => {
    const create = () =>
      oauthAuthority({ issuer: 'https://id.example', tokenExchange } as OAuthAuthorityOptions)
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })
})
