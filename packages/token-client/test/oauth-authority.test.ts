import {
  clientSecret,
  createTokenClient,
  oauthAuthority,
  type OAuthAuthorityOptions,
} from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import { clientId, nativeAppId, refusalOf, target, theSecret, userToken } from './setup.js'
import { type Answer, refusal, startTokenEndpoint, type TokenEndpoint } from './token-endpoint.js'

interface IssuerBench {
  readonly endpoint: TokenEndpoint
  readonly client: ReturnType<typeof createTokenClient>
  readonly issuer: string
  readonly clock: { now: number }
  /** The requests for tokens, without those for metadata. */
  readonly tokenRequests: () => TokenEndpoint['requests']
}

/** A client of an issuer with metadata; `metadata` changes the document. */
async function createIssuer(
  metadata: Readonly<Record<string, unknown>> = {},
  options: Partial<OAuthAuthorityOptions> = {},
): Promise<IssuerBench> {
  const endpoint = await startTokenEndpoint()
  const issuer = `${endpoint.origin}/realm`
  const clock = { now: 1_800_000_000 }
  endpoint.answer = (request): Answer =>
    request.path === '/realm/.well-known/openid-configuration'
      ? {
          body: {
            issuer,
            token_endpoint: `${endpoint.origin}/realm/v2.0/token`,
            token_endpoint_auth_methods_supported: ['client_secret_post'],
            ...metadata,
          },
        }
      : endpoint.grant(request)
  const client = createTokenClient({
    authority: oauthAuthority({ issuer, ...options }),
    clientId,
    credential: clientSecret(theSecret),
    clock: () => clock.now,
  })
  return {
    endpoint,
    client,
    issuer,
    clock,
    tokenRequests: () => endpoint.requests.filter(({ form }) => form.grant_type),
  }
}

describe('oauthAuthority', () => {
  it('reads the metadata once and asks its token endpoint', async () => {
    const { client, endpoint } = await createIssuer()
    await Promise.all([
      client.acquireForApp({ scopes: ['a', 'b'] }),
      client.acquireForApp({ resource: 'https://api.example' }),
    ])
    expect(endpoint.requests.map(({ path }) => path)).toEqual([
      '/realm/.well-known/openid-configuration',
      '/realm/v2.0/token',
      '/realm/v2.0/token',
    ])
    expect(endpoint.requests.slice(1).map(({ form }) => form)).toMatchObject([
      { grant_type: 'client_credentials', client_secret: theSecret, scope: 'a b' },
      { resource: 'https://api.example' },
    ])
  })

  it('reads RFC 8414 metadata when there is no OpenID Connect metadata', async () => {
    const { client, endpoint, issuer } = await createIssuer()
    endpoint.answer = (request): Answer => {
      if (request.path === '/realm/.well-known/openid-configuration') return { status: 404, body: 'no' }
      if (request.path !== '/.well-known/oauth-authorization-server/realm') return endpoint.grant(request)
      return { body: { issuer, token_endpoint: `${endpoint.origin}/token` } }
    }
    await client.acquireForApp(target)
    expect(endpoint.requests.at(-1)?.path).toBe('/token')
  })

  it('sends the secret in the Authorization header when the metadata names no other method', async () => {
    const { client, tokenRequests } = await createIssuer({ token_endpoint_auth_methods_supported: undefined })
    await client.acquireForApp(target)
    const [request] = tokenRequests()
    expect(request?.form).not.toHaveProperty('client_secret')
    expect(request?.headers.authorization).toMatch(/^Basic /)
  })

  it('sends the resource as audience with resourceParameter audience', async () => {
    const { client, tokenRequests } = await createIssuer({}, { resourceParameter: 'audience' })
    await client.acquireForApp(target)
    expect(tokenRequests()[0]?.form).toMatchObject({ audience: target.resource })
    expect(tokenRequests()[0]?.form).not.toHaveProperty('resource')
  })

  it('exchanges the user token as in RFC 8693', async () => {
    const { client, tokenRequests } = await createIssuer()
    await client.acquireOnBehalfOf('opaque-user-token', target)
    expect(tokenRequests()[0]?.form).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'opaque-user-token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: target.resource,
    })
    expect(await client.acquireOnBehalfOf('opaque-user-token', target)).toMatchObject({ source: 'cache' })
  })

  it('refuses a user token whose exp has passed', async () => {
    const { client, endpoint } = await createIssuer()
    expect(
      await refusalOf(client.acquireOnBehalfOf(userToken({ exp: 1_800_000_000 }), target)),
    ).toMatchObject({
      code: 'user_token_expired',
    })
    expect(endpoint.requests).toEqual([])
  })

  it('keeps a session for the issuer, the subject and the client, and tells subjects apart by case', async () => {
    const { client, clock, issuer, tokenRequests } = await createIssuer()
    const session = await client.startSession(userToken({ sub: 'Alice' }), target)
    clock.now += 3600
    expect(await session.acquire()).toMatchObject({ source: 'network' })
    expect(tokenRequests()[1]?.form).toMatchObject({ grant_type: 'refresh_token', scope: 'offline_access' })
    const owner = { tenantId: issuer, objectId: 'Alice', clientId: nativeAppId }
    const { key } = await client.resumeSession(session.key, owner)
    expect(key).toBe(session.key)
    expect(await refusalOf(client.resumeSession(key, { ...owner, objectId: 'alice' }))).toMatchObject({
      code: 'session_unknown',
    })
  })

  it('does not send a refresh token twice, because the issuer could treat it as theft', async () => {
    const { client, clock, endpoint, tokenRequests } = await createIssuer()
    const session = await client.startSession(userToken(), target)
    clock.now += 3600
    endpoint.answer = () => ({ status: 502, body: 'bad gateway' })
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'service_unavailable' })
    expect(tokenRequests()).toHaveLength(2)
  })

  it('starts no session for an opaque token, which has no owner', async () => {
    const { client, endpoint } = await createIssuer()
    expect(await refusalOf(client.startSession('opaque', target))).toMatchObject({
      code: 'user_token_malformed',
    })
    expect(endpoint.requests).toEqual([])
  })

  it.each([
    ['another issuer', { issuer: 'https://evil.example' }, 'metadata_invalid'],
    ['no token endpoint', { token_endpoint: undefined }, 'metadata_invalid'],
    [
      'a token endpoint over plain http elsewhere',
      { token_endpoint: 'http://evil.example/token' },
      'metadata_invalid',
    ],
    ['a token endpoint that is no URL', { token_endpoint: '/token' }, 'metadata_invalid'],
  ])('sends no secret when the metadata names %s', async (_name, metadata, code) => {
    const { client, tokenRequests } = await createIssuer(metadata)
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code })
    expect(tokenRequests()).toEqual([])
  })

  it.each([
    ['a slash at its end', (issuer: string) => `${issuer}/`],
    ['capitals that mean the same to a URL', (issuer: string) => issuer.replace('http:', 'HTTP:')],
  ])('compares the issuer character by character: %s is another issuer', async (_name, change) => {
    const { client, endpoint, issuer, tokenRequests } = await createIssuer()
    endpoint.answer = () => ({ body: { issuer: change(issuer), token_endpoint: `${endpoint.origin}/token` } })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code: 'metadata_invalid' })
    expect(tokenRequests()).toEqual([])
  })

  it('asks for the metadata again after a failure', async () => {
    const { client, endpoint, issuer } = await createIssuer()
    const working = endpoint.answer
    endpoint.answer = () => ({ status: 503, body: '' })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_unavailable',
      action: 'retry',
    })
    endpoint.answer = working
    expect(await client.acquireForApp(target), issuer).toMatchObject({ source: 'network' })
  })

  it('reads plain OAuth refusals', async () => {
    const { client, endpoint } = await createIssuer()
    const working = endpoint.answer
    endpoint.answer = (request) =>
      request.form.grant_type ? refusal('invalid_target', []) : working(request)
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code: 'target_refused' })
  })

  it.each([
    ['http elsewhere', 'http://issuer.example'],
    ['a query', 'https://issuer.example/?a=b'],
    ['a text that is not a URL', 'issuer'],
  ])('refuses an issuer with %s', (_name, issuer) => {
    expect(() => oauthAuthority({ issuer })).toThrow(/^oauthAuthority: "issuer" must be/)
  })

  it.each([
    ['claims', { ...target, claims: '{}' }],
    ['a tenant', { ...target, tenantId: clientId }],
  ])('refuses %s with a TypeError', async (_name, wrong) => {
    const { client, endpoint } = await createIssuer()
    await expect(client.acquireForApp(wrong)).rejects.toThrow(TypeError)
    expect(endpoint.requests).toEqual([])
  })
})
