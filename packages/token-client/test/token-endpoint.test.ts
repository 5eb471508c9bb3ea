import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  clientId,
  createBench,
  objectId,
  otherTenantId,
  refusalOf,
  target,
  tenantId,
  theSecret,
  userToken,
} from './setup.js'
import { refusal, startTokenEndpoint } from './token-endpoint.js'

describe('a refusal of the service', () => {
  it.each([
    [50013, 'invalid_grant', {}, 'user_token_refused', 'new-user-token'],
    [500131, 'invalid_grant', {}, 'user_token_audience_mismatch', 'new-user-token'],
    [500133, 'invalid_grant', {}, 'user_token_expired', 'new-user-token'],
    [[70002, 500133], 'invalid_grant', {}, 'user_token_expired', 'new-user-token'],
    [240002, 'invalid_request', {}, 'user_token_is_id_token', 'new-user-token'],
    [7000114, 'unauthorized_client', {}, 'user_token_is_application_token', 'fix-configuration'],
    [65001, 'invalid_grant', { suberror: 'consent_required' }, 'consent_required', 'consent'],
    [50076, 'invalid_grant', { suberror: 'basic_action' }, 'interaction_required', 'interact'],
    [50079, 'interaction_required', { claims: '{}' }, 'interaction_required', 'interact'],
    [53003, 'invalid_grant', { suberror: 'message_only' }, 'interaction_required', 'interact'],
    [50057, 'invalid_grant', {}, 'user_disabled', 'user-disabled'],
    [7000215, 'invalid_client', {}, 'client_credential_refused', 'fix-configuration'],
    [7000222, 'invalid_client', {}, 'client_credential_expired', 'fix-configuration'],
    [700016, 'unauthorized_client', {}, 'client_refused', 'fix-configuration'],
    [500011, 'invalid_resource', {}, 'target_refused', 'fix-configuration'],
    [70011, 'invalid_scope', {}, 'target_refused', 'fix-configuration'],
    [90002, 'invalid_request', {}, 'tenant_unknown', 'fix-configuration'],
    // unknown numbers: the words decide
    [999999, 'invalid_grant', { suberror: 'consent_required' }, 'consent_required', 'consent'],
    [999999, 'invalid_grant', { suberror: 'additional_action' }, 'interaction_required', 'interact'],
    [999999, 'invalid_grant', {}, 'interaction_required', 'interact'],
    [999999, 'invalid_request', { claims: '{}' }, 'interaction_required', 'interact'],
    [999999, 'invalid_client', {}, 'client_credential_refused', 'fix-configuration'],
    [999999, 'constructor', { suberror: 'toString' }, 'request_refused', 'fix-configuration'],
  ])('AADSTS%s under %s %o is %s: %s', async (aadsts, word, more, code, action) => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal(word, aadsts, more)
    const error = await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(error).toMatchObject({ name: 'TokenClientError', code, action })
    expect(error.service).toMatchObject({
      error: word,
      codes: Array.isArray(aadsts) ? aadsts : [aadsts],
      status: word === 'invalid_client' ? 401 : 400,
      correlationId: '22222222-2222-4222-8222-222222222222',
      traceId: '11111111-1111-4111-8111-111111111111',
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('has the claims as the service sent them', async () => {
    const { client, endpoint } = await createBench()
    const claims = '{"access_token":{"capolids":{"essential":true,"values":["p"]}}}'
    endpoint.answer = () => refusal('interaction_required', 50079, { claims })
    const error = await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(error.service?.claims).toBe(claims)
  })

  it('has the number of the description when there is no list', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('invalid_grant', 65001, { error_codes: undefined })
    expect(await refusalOf(client.acquireOnBehalfOf(userToken(), target))).toMatchObject({
      code: 'consent_required',
    })
  })

  it('is read from the body of a 401 with a WWW-Authenticate challenge', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({
      ...refusal('invalid_client', 7000222),
      headers: { 'www-authenticate': 'Basic realm="r"' },
    })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code: 'client_credential_expired' })
  })
})

describe('a refused on-behalf-of request', () => {
  it('is remembered for five seconds for that token and target, and not one second longer', async () => {
    const { client, endpoint, clock } = await createBench()
    endpoint.answer = () => refusal('invalid_grant', 65001)
    const first = await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    endpoint.answer = (request) => endpoint.grant(request)
    clock.now += 4
    const second = await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(second).toEqual(first)
    expect(second).not.toBe(first)
    expect(endpoint.requests).toHaveLength(1)
    expect(await client.acquireOnBehalfOf(userToken(), { resource: 'api://other' })).toMatchObject({
      source: 'network',
    })
    expect(await client.acquireOnBehalfOf(userToken({ sub: 'other' }), target)).toMatchObject({
      source: 'network',
    })
    clock.now += 1
    expect(await client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })

  it('does not end a claims challenge: the request with the claims is sent', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('invalid_grant', 65001)
    await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    endpoint.answer = (request) => endpoint.grant(request)
    const claims = '{"access_token":{}}'
    expect(await client.acquireOnBehalfOf(userToken(), { ...target, claims })).toMatchObject({
      source: 'network',
    })
  })

  it('is forgotten with its user', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('invalid_grant', 65001)
    await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    endpoint.answer = (request) => endpoint.grant(request)
    await client.forgetUser(tenantId, objectId)
    expect(await client.acquireOnBehalfOf(userToken(), target)).toMatchObject({ source: 'network' })
  })
})

describe('a refused request for the application', () => {
  it('is not remembered', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => refusal('invalid_client', 7000215)
    await refusalOf(client.acquireForApp(target))
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })
})

describe('an invalid answer', () => {
  it.each([
    ['no JSON', 'access_token=1', 'not_json'],
    ['a list', [], 'not_json'],
    ['bytes that are no UTF-8', Buffer.from('7b2261ff227d', 'hex'), 'not_json'],
    ['nothing', '', 'not_json'],
    ['no token', { token_type: 'Bearer', expires_in: 1 }, 'access_token'],
    ['an empty token', { token_type: 'Bearer', access_token: '' }, 'access_token'],
    ['a token that is a number', { token_type: 'Bearer', access_token: 1 }, 'access_token'],
    ['a token that ends a header line', { token_type: 'Bearer', access_token: 'a\r\nx: y' }, 'access_token'],
    ['no token type', { access_token: 'a' }, 'token_type'],
    ['a token of another type', { token_type: 'pop', access_token: 'a' }, 'token_type'],
    [
      'a SAML assertion',
      {
        token_type: 'Bearer',
        access_token: 'a',
        issued_token_type: 'urn:ietf:params:oauth:token-type:saml2',
      },
      'issued_token_type',
    ],
    [
      'an expires_in that is not a number',
      { token_type: 'Bearer', access_token: 'a', expires_in: '3599 or so' },
      'expires_in',
    ],
    ['a negative life', { token_type: 'Bearer', access_token: 'a', expires_in: -1 }, 'expires_in'],
    ['an endless life', '{"token_type":"Bearer","access_token":"a","expires_in":1e999}', 'expires_in'],
    ['scopes that are a list', { token_type: 'Bearer', access_token: 'a', scope: ['a'] }, 'scope'],
    [
      'a refresh token that is an object',
      { token_type: 'Bearer', access_token: 'a', refresh_token: {} },
      'refresh_token',
    ],
  ])('with %s is refused and not cached', async (_name, body, reason) => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({ body })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_answer_invalid',
      reason,
    })
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it.each([
    ['plain', {}, (bytes: Buffer) => bytes],
    ['compressed', { 'content-encoding': 'gzip' }, (bytes: Buffer) => gzipSync(bytes)],
  ])('is not read completely when it is too large, %s', async (_name, headers, encode) => {
    const { client, endpoint } = await createBench('2.0', { maxResponseBytes: 2048 })
    endpoint.answer = () => ({ headers, body: encode(Buffer.alloc(100_000, 32)) })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_answer_invalid',
      reason: 'too_large',
    })
  })

  it('with a redirect is not followed: the secret is sent to no other server', async () => {
    const elsewhere = await startTokenEndpoint()
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({ status: 307, headers: { location: `${elsewhere.origin}/` }, body: '' })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code: 'service_redirected' })
    expect(elsewhere.requests).toEqual([])
  })
})

describe('an outage', () => {
  it('that is transient causes one repetition', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = (request) =>
      endpoint.requests.length === 1 ? { status: 502, body: 'bad gateway' } : endpoint.grant(request)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
    expect(endpoint.requests).toHaveLength(2)
  })

  it('is reported after the second attempt', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({ status: 500, body: {} })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_unavailable',
      action: 'retry',
    })
    expect(endpoint.requests).toHaveLength(2)
  })

  it('of an unreachable service is reported with the system code', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const client = createTokenClient({
      authority: entraAuthority({
        tenantId,
        version: '2.0',
        cloud: { authority: `http://127.0.0.1:${port}` },
      }),
      clientId,
      credential: clientSecret(theSecret),
    })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_unreachable',
      action: 'retry',
      reason: 'ECONNREFUSED',
    })
  })

  it('of a service that never answers ends after timeoutSeconds', async () => {
    const { client, endpoint } = await createBench('2.0', { timeoutSeconds: 0.05 })
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    onTestFinished(() => release())
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'service_timeout',
      action: 'retry',
    })
    expect(endpoint.requests).toHaveLength(1)
  })
})

describe('a fetch that ignores its signal', () => {
  it.each([
    ['never answers', () => new Promise<Response>(() => {})],
    [
      'never ends its answer',
      async () => new Response(new ReadableStream({ pull: () => new Promise<void>(() => {}) })),
    ],
  ])('and %s ends after timeoutSeconds', async (_name, fetch) => {
    const { client } = await createBench('2.0', { timeoutSeconds: 0.02, fetch })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({ code: 'service_timeout' })
  })
})

const user = (number: number) => userToken({ oid: `user ${number}`, sub: `user ${number}` })

describe('a service that asks one request to wait', () => {
  it.each([
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '60' }, body: {} }, 60],
    ['429 alone', { status: 429, body: {} }, 10],
    ['AADSTS50196', refusal('invalid_grant', 50196), 10],
    [
      'Retry-After as a date',
      { status: 429, headers: { 'retry-after': new Date(1_800_000_060_000).toUTCString() }, body: {} },
      60,
    ],
    ['Retry-After without end', { status: 429, headers: { 'retry-after': '99999999' }, body: {} }, 600],
  ])(
    'by %s does not get it again for that time and at most a quarter more, and gets all others',
    async (_name, answer, seconds) => {
      const { client, endpoint, clock } = await createBench()
      endpoint.answer = () => answer
      const call = () => client.acquireOnBehalfOf(user(1), target)
      expect(await refusalOf(call())).toMatchObject({ action: 'retry' })
      endpoint.answer = (request) => endpoint.grant(request)
      clock.now += seconds - 1
      expect(await refusalOf(call())).toMatchObject({
        code: 'throttled',
        action: 'retry',
        retryAfterSeconds: expect.any(Number) as number,
      })
      expect(endpoint.requests).toHaveLength(1)
      expect(await client.acquireOnBehalfOf(user(2), target)).toMatchObject({ source: 'network' })
      expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
      clock.now += 2 + seconds / 4
      expect(await call()).toMatchObject({ source: 'network' })
    },
  )

  it('refuses none of 300 other users while one user asks every second, without consent, in a loop', async () => {
    const { client, endpoint, clock } = await createBench()
    let asked = 0
    endpoint.answer = (request) => {
      if (!(request.form.assertion ?? '').includes(user(0).split('.')[1]!)) return endpoint.grant(request)
      return ++asked > 10
        ? refusal('invalid_grant', 50196)
        : refusal('invalid_grant', 65001, { suberror: 'consent_required' })
    }
    const outcomes = { users: 0, applications: 0 }
    for (let number = 1; number <= 300; number++) {
      clock.now += 1
      await refusalOf(client.acquireOnBehalfOf(user(0), target))
      await client.acquireOnBehalfOf(user(number), target)
      outcomes.users++
      await client.acquireForApp({ resource: `api://target-${number}` })
      outcomes.applications++
    }
    expect(outcomes).toEqual({ users: 300, applications: 300 })
    // One request in five seconds until the service detects the loop, and then one in ten seconds or more.
    expect(asked).toBeLessThan(40)
  })
})

describe('a service that asks everybody to wait', () => {
  it.each([
    ['503 with Retry-After', { status: 503, headers: { 'retry-after': '60' }, body: {} }, 1],
    ['429 for three different requests and no answer between', { status: 429, body: {} }, 3],
  ])('by %s gets no request of anybody', async (_name, answer, calls) => {
    const { client, endpoint, clock } = await createBench()
    endpoint.answer = () => answer
    for (let number = 1; number <= calls; number++) {
      await refusalOf(client.acquireOnBehalfOf(user(number), target))
    }
    endpoint.answer = (request) => endpoint.grant(request)
    for (const call of [client.acquireOnBehalfOf(user(99), target), client.acquireForApp(target)]) {
      expect(await refusalOf(call)).toMatchObject({ code: 'throttled', action: 'retry' })
    }
    expect(endpoint.requests).toHaveLength(calls)
    clock.now += 75
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it('is not assumed when others get their tokens in between', async () => {
    const { client, endpoint } = await createBench()
    for (let number = 0; number < 10; number++) {
      endpoint.answer = () => ({ status: 429, body: {} })
      await refusalOf(client.acquireOnBehalfOf(user(number), target))
      endpoint.answer = (request) => endpoint.grant(request)
      await client.acquireOnBehalfOf(user(1000 + number), target)
    }
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it('is not assumed for one request that is asked to wait again and again', async () => {
    const { client, endpoint, clock } = await createBench()
    endpoint.answer = () => ({ status: 429, body: {} })
    for (let turn = 0; turn < 5; turn++) {
      await refusalOf(client.acquireOnBehalfOf(user(1), target))
      clock.now += 13
    }
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })

  it('in one tenant gets requests for another', async () => {
    const { client, endpoint } = await createBench('2.0', { tenantId: 'organizations' })
    endpoint.answer = () => ({ status: 503, headers: { 'retry-after': '60' }, body: {} })
    await refusalOf(client.acquireForApp({ ...target, tenantId }))
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await client.acquireForApp({ ...target, tenantId: otherTenantId })).toMatchObject({
      source: 'network',
    })
  })
})
