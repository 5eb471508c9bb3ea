import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createBench, refusalOf, target, userToken } from './setup.js'
import { refusal } from './token-endpoint.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1800000000"}}}'
const challenge = `Bearer error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`

/** An API on loopback: its requests, and its answers. */
async function startApi(handler: Handler = (_request, response) => response.end('orders')) {
  const seen: { url: string; method: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { url = '', method = '', headers } = request
    seen.push({ url, method, headers, body })
    handler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close().closeAllConnections()
  })
  return { seen, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Refuses one token with a claims challenge, and accepts the next. */
function challengeOnce(header = challenge): Handler {
  return ({ headers }, response) => {
    if (headers.authorization !== 'Bearer access-1') return void response.end('orders')
    response.writeHead(401, { 'www-authenticate': header }).end('challenged')
  }
}

describe('a fetch for a target', () => {
  it('sends the token of the application, or of the user', async () => {
    const { client } = await createBench()
    const api = await startApi()
    const asApplication = client.createFetch({ target, origin: api.origin })
    const forUser = client.createFetch({ target, origin: api.origin, userToken: userToken() })
    expect(await (await asApplication(`${api.origin}/a`)).text()).toBe('orders')
    await forUser(new URL('/b', api.origin))
    await forUser(new Request(`${api.origin}/c`, { method: 'POST', body: 'text' }))
    expect(api.seen.map(({ url, headers, body }) => [url, headers.authorization, body])).toEqual([
      ['/a', 'Bearer access-1', ''],
      ['/b', 'Bearer access-2', ''],
      ['/c', 'Bearer access-2', 'text'],
    ])
  })

  it('sends no token to another origin, whatever the address looks like', async () => {
    const { client, endpoint } = await createBench()
    const [api, other] = [await startApi(), await startApi()]
    const fetch = client.createFetch({ target, origin: api.origin })
    await fetch(`${other.origin}/?${api.origin}`)
    await fetch(`${other.origin}/`, { headers: { authorization: 'Basic mine' } })
    const { host } = new URL(other.origin)
    await fetch(`${api.origin.replace('127.0.0.1', 'user')}@${host}/`).catch(() => {})
    expect(other.seen.slice(0, 2).map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Basic mine',
    ])
    expect(endpoint.requests).toEqual([])
  })

  it('follows a redirect to another origin without the token', async () => {
    const { client, endpoint } = await createBench()
    const other = await startApi((_request, response) =>
      response.writeHead(401, { 'www-authenticate': challenge }).end(),
    )
    const api = await startApi((_request, response) =>
      response.writeHead(307, { location: `${other.origin}/elsewhere` }).end(),
    )
    const fetch = client.createFetch({ target, origin: api.origin })
    expect((await fetch(`${api.origin}/`, { method: 'POST', body: 'x' })).status).toBe(401)
    expect(api.seen[0]?.headers.authorization).toBe('Bearer access-1')
    expect(other.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/elsewhere', undefined],
    ])
    // The challenge of another server causes no request for a token.
    expect(endpoint.requests).toHaveLength(1)
  })

  it('follows a redirect within the origin with the token', async () => {
    const { client } = await createBench()
    const api = await startApi(({ url }, response) =>
      url === '/new' ? response.end() : response.writeHead(302, { location: '/new' }).end(),
    )
    await client.createFetch({ target, origin: api.origin })(`${api.origin}/`)
    expect(api.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer access-1',
      'Bearer access-1',
    ])
  })

  it.each([
    ['a text', 'text' as const, 'text'],
    ['a form', new URLSearchParams({ a: 'b' }), 'a=b'],
    ['bytes', new TextEncoder().encode('bytes'), 'bytes'],
    ['a blob', new Blob(['blob']), 'blob'],
  ])('answers a claims challenge once, with %s as body sent again', async (_name, body, text) => {
    const { client, endpoint } = await createBench()
    const api = await startApi(challengeOnce())
    const fetch = client.createFetch({ target, origin: api.origin, userToken: userToken() })
    const response = await fetch(`${api.origin}/`, {
      method: 'PUT',
      body,
      headers: { traceparent: '00-a-b-01' },
    })
    expect([response.status, await response.text()]).toEqual([200, 'orders'])
    expect(endpoint.requests.map(({ form }) => form.claims)).toEqual([undefined, claims])
    expect(api.seen.map(({ method, body: sent, headers }) => [method, sent, headers.traceparent])).toEqual([
      ['PUT', text, '00-a-b-01'],
      ['PUT', text, '00-a-b-01'],
    ])
  })

  it('returns the 401 of an API that also refuses the second token', async () => {
    const { client, endpoint } = await createBench()
    const api = await startApi((_request, response) =>
      response.writeHead(401, { 'www-authenticate': challenge }).end(),
    )
    expect((await client.createFetch({ target, origin: api.origin })(api.origin)).status).toBe(401)
    expect([api.seen.length, endpoint.requests.length]).toEqual([2, 2])
  })

  it.each([
    ['no challenge', {}],
    ['a challenge without claims', { 'www-authenticate': 'Bearer error="invalid_token"' }],
    [
      'the claims challenge of another service',
      { 'www-authenticate': `${challenge}, authorization_uri="https://login.evil.example/x"` },
    ],
  ])('returns a 401 with %s, and requests no token', async (_name, headers) => {
    const { client, endpoint } = await createBench()
    const api = await startApi((_request, response) => response.writeHead(401, headers).end('why'))
    const response = await client.createFetch({ target, origin: api.origin })(api.origin)
    expect([response.status, await response.text()]).toEqual([401, 'why'])
    expect([api.seen.length, endpoint.requests.length]).toEqual([1, 1])
  })

  it('returns a claims challenge on the v1.0 endpoint, which takes no claims', async () => {
    const { client, endpoint } = await createBench('1.0')
    const api = await startApi(challengeOnce())
    expect((await client.createFetch({ target, origin: api.origin })(api.origin)).status).toBe(401)
    expect(endpoint.requests).toHaveLength(1)
  })

  it('answers a challenge that names its own login host, among several headers', async () => {
    const { client, endpoint } = await createBench()
    const api = await startApi(({ headers }, response) => {
      if (headers.authorization !== 'Bearer access-1') return void response.end()
      const own = `${challenge}, authorization_uri="${endpoint.origin}/common/oauth2/authorize"`
      response.writeHead(401, { 'www-authenticate': ['Basic realm="a"', own] }).end()
    })
    expect((await client.createFetch({ target, origin: api.origin })(api.origin)).status).toBe(200)
  })

  it.each([
    [
      'a stream',
      (url: string, body: ReadableStream) => [url, { method: 'POST', body, duplex: 'half' }] as const,
    ],
    [
      'a Request with a body',
      (url: string, body: ReadableStream) =>
        [new Request(url, { method: 'POST', body, duplex: 'half' } as RequestInit)] as const,
    ],
  ])('sends %s and returns its 401: the body cannot be sent again', async (_name, write) => {
    const { client, endpoint } = await createBench()
    const api = await startApi(challengeOnce())
    const fetch = client.createFetch({ target, origin: api.origin })
    const [input, init] = write(`${api.origin}/`, new Blob(['streamed']).stream())
    const response = await fetch(input, init as RequestInit)
    expect([response.status, await response.text()]).toEqual([401, 'challenged'])
    expect(api.seen.map(({ body }) => body)).toEqual(['streamed'])
    expect(endpoint.requests).toHaveLength(1)
  })

  it('streams a response: the first part arrives before the last was sent', async () => {
    const { client } = await createBench()
    let finish = () => {}
    const api = await startApi((_request, response) => {
      response.write('first')
      finish = () => response.end('last')
    })
    const response = await client.createFetch({ target, origin: api.origin })(api.origin)
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('first')
    finish()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('last')
  })

  it('ends with its signal, while it waits for the token and for the API', async () => {
    const { client, endpoint } = await createBench()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const api = await startApi(() => {})
    const fetch = client.createFetch({ target, origin: api.origin })
    await expect(fetch(api.origin, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    expect(api.seen).toEqual([])
    release()
    const controller = new AbortController()
    const underWay = fetch(new Request(api.origin, { signal: controller.signal }))
    await expect.poll(() => api.seen.length).toBe(1)
    controller.abort()
    await expect(underWay).rejects.toMatchObject({ name: 'AbortError' })
  })

  it("relays the service's own claims challenge to the caller of the first tier", async () => {
    const { client, endpoint } = await createBench()
    const api = await startApi(challengeOnce())
    const token = { kind: 'delegated', issuer: 'i', token: userToken(), claims: { xms_cc: ['CP1'] } } as const
    const fetch = client.createFetch({ target, origin: api.origin, userToken: token })
    endpoint.answer = (request) =>
      request.form.claims === undefined
        ? endpoint.grant(request)
        : refusal('interaction_required', 50076, { claims: '{"access_token":{"capolids":{}}}' })
    expect(await refusalOf(fetch(api.origin))).toMatchObject({ action: 'interact', status: 401 })
    expect(api.seen).toHaveLength(1)
  })

  it('refuses a request with an authorization header', async () => {
    const { client } = await createBench()
    const api = await startApi()
    const fetch = client.createFetch({ target, origin: api.origin })
    await expect(fetch(api.origin, { headers: { Authorization: 'Basic x' } })).rejects.toThrow(TypeError)
    expect(api.seen).toEqual([])
  })

  it.each([
    ['no origin', { origin: undefined }],
    ['an address with a path', { origin: 'https://orders.example/api' }],
    ['an empty list', { origin: [] }],
    ['plain http', { origin: 'http://orders.example' }],
    ['an unknown option', { origins: 'https://orders.example' }],
    ['a tenant together with a user', { userToken: 'a.b.c', tenantId: 't' }],
    ['no target', { target: undefined }],
    ['a target with claims', { target: { resource: 'r', claims: '{}' } }],
  ])('is refused by createFetch with %s', async (_name, changes) => {
    const { client } = await createBench()
    const options = { target, origin: 'https://orders.example', ...changes }
    expect(() => client.createFetch(options as Parameters<typeof client.createFetch>[0])).toThrow(TypeError)
  })
})

describe('a plain 401 with invalid_token', () => {
  const refused = 'Bearer error="invalid_token", error_description="The token was revoked"'

  it('is answered once with a new token, for all requests that got it at the same time', async () => {
    const { client, endpoint, clock } = await createBench()
    const api = await startApi(challengeOnce(refused))
    await client.acquireForApp(target)
    clock.now += 30
    const fetch = client.createFetch({ target, origin: api.origin })
    const responses = await Promise.all([1, 2, 3].map(() => fetch(api.origin, { method: 'POST', body: 'x' })))
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(endpoint.requests).toHaveLength(2)
    expect(api.seen.map(({ headers, body }) => [headers.authorization, body])).toEqual([
      ...[1, 2, 3].map(() => ['Bearer access-1', 'x']),
      ...[1, 2, 3].map(() => ['Bearer access-2', 'x']),
    ])
  })

  it.each([
    ['a token that is younger than 30 seconds', refused, 29],
    ['another error', 'Bearer error="insufficient_scope"', 60],
    ['a bare challenge', 'Bearer', 60],
    ['another scheme', 'Basic error="invalid_token"', 60],
  ])('of %s is returned: no token is requested', async (_name, header, seconds) => {
    const { client, endpoint, clock } = await createBench()
    const api = await startApi((_request, response) =>
      response.writeHead(401, { 'www-authenticate': header }).end('mine'),
    )
    await client.acquireForApp(target)
    clock.now += seconds
    const response = await client.createFetch({ target, origin: api.origin })(api.origin)
    expect([response.status, await response.text()]).toEqual([401, 'mine'])
    expect([api.seen.length, endpoint.requests.length]).toEqual([1, 1])
  })

  it('of an API that refuses every token costs one request for a token in 30 seconds', async () => {
    const { client, endpoint, clock } = await createBench()
    const api = await startApi((_request, response) =>
      response.writeHead(401, { 'www-authenticate': refused }).end(),
    )
    const fetch = client.createFetch({ target, origin: api.origin })
    for (let call = 0; call < 60; call++) {
      expect((await fetch(api.origin)).status).toBe(401)
      clock.now += 1
    }
    expect(endpoint.requests).toHaveLength(2)
  })

  it('whose body is a stream is returned', async () => {
    const { client, endpoint, clock } = await createBench()
    const api = await startApi((_request, response) =>
      response.writeHead(401, { 'www-authenticate': refused }).end(),
    )
    await client.acquireForApp(target)
    clock.now += 60
    const body = new Blob(['x']).stream()
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit
    expect((await client.createFetch({ target, origin: api.origin })(api.origin, init)).status).toBe(401)
    expect(endpoint.requests).toHaveLength(1)
  })
})
