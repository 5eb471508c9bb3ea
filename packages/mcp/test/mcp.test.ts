import { inspect } from 'node:util'
import { condition, entra, entraMultiTenant, fromQuery, oidcIssuer } from '@countersign/core'
import { startEmulator, type Emulator } from '@countersign/emulator'
import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type OAuthTokens,
} from '@modelcontextprotocol/client'
import { Client as ClientOfVersion1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportOfVersion1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { AuthInfo as AuthInfoOfVersion1 } from '@modelcontextprotocol/sdk/server/auth/types.js'
import type { AuthInfo } from '@modelcontextprotocol/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { callerOf, createMcpAuth, type McpAuthInfo, type McpAuthOptions } from '../src/index.js'
import { frameworks, listen } from './servers.js'

const tenantId = '11111111-0000-4000-8000-000000000001'
const serverId = '22222222-0000-4000-8000-000000000001'
const clientId = '22222222-0000-4000-8000-000000000002'
const alice = 'alice@contoso.example'
const redirectUri = 'http://localhost:53682/'
const scopes = ['Tools.Use', 'Orders.Delete']

function startDirectory(resource: string): Promise<Emulator> {
  return startEmulator({
    registration: {
      tenants: [
        {
          id: tenantId,
          displayName: 'Contoso',
          domains: ['contoso.example'],
          users: [{ userPrincipalName: alice, displayName: 'Alice Ash' }],
          oauth2PermissionGrants: [{ clientId: 'client', resourceId: 'orders', scope: scopes.join(' ') }],
          appRoleAssignments: [{ principalId: 'daemon', resourceId: 'orders', appRoleId: 'Tools.Use.All' }],
        },
      ],
      applications: [
        {
          appId: serverId,
          displayName: 'orders',
          identifierUris: [resource],
          appRoles: [{ value: 'Tools.Use.All', allowedMemberTypes: ['Application'] }],
          api: {
            requestedAccessTokenVersion: 2,
            oauth2PermissionScopes: scopes.map((value) => ({ value })),
          },
        },
        { appId: clientId, displayName: 'client', publicClient: { redirectUris: [redirectUri] } },
        { displayName: 'daemon', passwordCredentials: [{ secretText: 'not-a-secret' }] },
      ],
    },
  })
}

describe.each(frameworks)('an MCP server on %s', (_, startMcp) => {
  const calls: string[] = []
  let server: Awaited<ReturnType<typeof listen>>
  let emulator: Emulator
  let resource: string

  const settings = (): McpAuthOptions => ({
    resource,
    issuer: entra({ tenantId, clientId: serverId, cloud: emulator.cloud }),
    clock: emulator.clock.now,
    permission: { delegated: { scopes: 'Tools.Use' } },
    scopesSupported: scopes,
    tools: {
      delete: { delegated: { scopes: 'Orders.Delete' } },
      list: { delegated: { scopes: 'Tools.Use' } },
    },
  })

  beforeAll(async () => {
    server = await listen()
    resource = `${server.origin}/mcp`
    emulator = await startDirectory(resource)
    server.serve(await startMcp(settings(), calls, []))
  })
  afterAll(() => Promise.all([server.stop(), emulator.stop()]))
  beforeEach(() => void (calls.length = 0))

  const tokenFor = (...granted: string[]): Promise<string> =>
    emulator.issueToken({ client: 'client', resource: 'orders', user: alice, scopes: granted })

  /** A call as a client of revision 2025-11-25 sends it. */
  function call(
    name: unknown,
    token?: string,
    more: Record<string, string> = {},
    body?: unknown,
  ): Promise<Response> {
    return fetch(resource, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...more,
      },
      body:
        typeof body === 'string'
          ? body
          : JSON.stringify(
              body ?? { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } },
            ),
    })
  }

  it('passes the caller to its tools', async () => {
    const answer = await call('list', await tokenFor('Tools.Use'))
    expect(answer.status).toBe(200)
    const { oid } = JSON.parse(
      Buffer.from((await tokenFor('Tools.Use')).split('.')[1] ?? '', 'base64url').toString(),
    ) as { oid: string }
    expect((await answer.text()).replaceAll('\\"', '"')).toContain(
      JSON.stringify({ kind: 'delegated', objectId: oid, clientId, hasToken: true }),
    )
    expect(calls).toEqual(['list'])
  })

  it('names its metadata and the scope in full to a caller without a token', async () => {
    const answer = await call('list')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer scope="${resource}/Tools.Use", resource_metadata="${server.origin}/.well-known/oauth-protected-resource/mcp"`,
    )
    expect(calls).toEqual([])
  })

  it('publishes its metadata at every address that clients try, for pages of any origin', async () => {
    const path = '/.well-known/oauth-protected-resource'
    for (const address of [`${path}/mcp`, `${path}/mcp/`, path]) {
      const answer = await fetch(server.origin + address, {
        headers: { 'MCP-Protocol-Version': '2025-11-25' },
      })
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(await answer.json()).toEqual({
        resource,
        authorization_servers: [`${emulator.origin}/${tenantId}/v2.0`],
        scopes_supported: scopes.map((scope) => `${resource}/${scope}`),
        bearer_methods_supported: ['header'],
      })
      const preflight = await fetch(server.origin + address, { method: 'OPTIONS' })
      expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, '*'])
    }
  })

  it.each<[string, unknown, Record<string, string>, unknown]>([
    ['a tool whose scope is missing', 'delete', {}, undefined],
    [
      'the same with another tool in its header',
      'delete',
      { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'list' },
      undefined,
    ],
    ['a tool that is not listed', 'count', {}, undefined],
    ['a tool without a name', undefined, {}, undefined],
    ['a tool whose name is a list', ['list'], {}, undefined],
    ['a tool whose name is on every object', 'constructor', {}, undefined],
    [
      'a list of calls of which one is refused',
      undefined,
      {},
      ['list', 'delete'].map((name, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })),
    ],
  ])('refuses a call of %s, and runs nothing', async (__, name, headers, body) => {
    const answer = await call(name, await tokenFor('Tools.Use'), headers, body)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(calls).toEqual([])
  })

  it('names every scope that a call of the tool needs, in full', async () => {
    const answer = await call('delete', await tokenFor('Tools.Use'))
    expect(answer.headers.get('www-authenticate')).toContain(
      `scope="${resource}/Tools.Use ${resource}/Orders.Delete"`,
    )
    expect((await call('delete', await tokenFor(...scopes))).status).toBe(200)
  })

  it('asks a condition of a tool once for each message, with the message, whatever a header announces', async () => {
    const next = await listen()
    try {
      const asked: unknown[] = []
      const known = condition('known', (_token, request) => {
        asked.push(bodyOf(request))
        return true
      })
      const options = { ...settings(), resource: `${next.origin}/mcp`, tools: { list: known, delete: known } }
      next.serve(await startMcp(options, calls, []))
      const message = (name: string, id = 1) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name },
      })
      const post = async (body: unknown) =>
        fetch(`${next.origin}/mcp`, {
          method: 'POST',
          headers: {
            accept: 'application/json, text/event-stream',
            authorization: `Bearer ${await tokenFor('Tools.Use')}`,
            'content-type': 'application/json',
            'mcp-method': 'tools/call',
            'mcp-name': 'list',
          },
          body: JSON.stringify(body),
        })
      expect((await post(message('list'))).status).toBe(200)
      if (_ !== 'fetch') expect(asked).toEqual([message('list')])
      expect(asked).toHaveLength(1)
      await post(Array.from({ length: 100 }, (__, id) => message(id % 2 === 0 ? 'list' : 'delete', id)))
      expect(asked).toHaveLength(3)
    } finally {
      await next.stop()
    }
  })

  it('refuses by the header alone, before the body is read', async () => {
    const headers = { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'delete' }
    expect((await call('list', await tokenFor('Tools.Use'), headers)).status).toBe(403)
  })

  it.each([
    ['no JSON', '{', {}],
    ['text', '"tools/call"', {}],
    ['null', 'null', {}],
    ['an object that is no message', '{"method":"tools/call","params":{"name":"list"}}', {}],
    ['nothing', '', {}],
    ['a call declared as text', undefined, { 'content-type': 'text/plain' }],
    ['a compressed body', undefined, { 'content-encoding': 'gzip' }],
  ])('runs no tool for %s', async (__, body, headers) => {
    const answer = await call('delete', await tokenFor('Tools.Use'), headers, body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(calls).toEqual([])
  })

  it('refuses what is not a token for it', async () => {
    const expired = await emulator.issueToken({
      client: 'client',
      resource: 'orders',
      user: alice,
      flaw: 'expired',
    })
    for (const token of [expired, 'x.y.z']) {
      const answer = await call('list', token)
      expect([answer.status, answer.headers.get('www-authenticate')?.includes('invalid_token')]).toEqual([
        401,
        true,
      ])
    }
    const daemon = await emulator.issueToken({ client: 'daemon', resource: 'orders' })
    expect((await call('list', daemon)).status).toBe(403)
    expect(calls).toEqual([])
  })

  it('answers with 503, and not with 401 or 500, while the issuer is away', async () => {
    const next = await listen()
    try {
      const away = entra({
        tenantId,
        clientId: serverId,
        cloud: { ...emulator.cloud, authority: 'http://127.0.0.1:1' },
      })
      next.serve(await startMcp({ ...settings(), issuer: away }, calls, []))
      const headers = {
        authorization: `Bearer ${await tokenFor('Tools.Use')}`,
        'content-type': 'application/json',
      }
      const answer = await fetch(`${next.origin}/mcp`, { method: 'POST', headers, body: '{}' })
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    } finally {
      await next.stop()
    }
  })

  it('is found, signed in to and called by the SDK’s own client, unmodified', async () => {
    const provider = new Provider()
    const connect = (): Promise<Client> => connectBy(resource, provider)
    await expect(connect()).rejects.toBeInstanceOf(UnauthorizedError)
    // What the browser would do in between.
    await new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider }).finishAuth(
      provider.code,
    )
    const client = await connect()
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['list', 'delete', 'count'])
    const result = await client.callTool({ name: 'list', arguments: {} })
    expect(JSON.stringify(result)).toContain('delegated')
    await client.close()
    expect(new URL(provider.asked ?? '').searchParams.get('scope')).toContain(`${resource}/Tools.Use`)
    expect(new URL(provider.asked ?? '').searchParams.get('resource')).toBe(resource)
  })

  it('forbids to store any answer to a request with its token in the query', async () => {
    const next = await listen()
    try {
      const options = { ...settings(), resource: `${next.origin}/mcp`, tokenFrom: fromQuery('token') }
      next.serve(await startMcp(options, calls, []))
      const token = await tokenFor('Tools.Use')
      const answers = await Promise.all(
        ['list', 'delete', undefined].map((name) =>
          fetch(`${next.origin}/mcp?token=${token}`, {
            method: 'POST',
            headers: {
              accept: 'application/json, text/event-stream',
              'content-type': 'application/json',
            },
            body:
              name === undefined
                ? '{}'
                : JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
          }),
        ),
      )
      expect(answers.map(({ status }) => status)).toEqual([200, 403, 400])
      for (const { headers } of [answers[1], answers[2]] as Response[]) {
        expect(headers.get('cache-control')).toBe('no-store')
      }
      expect(answers[0]?.headers.get('cache-control')).toMatch(/no-store|no-cache/)
    } finally {
      await next.stop()
    }
  })

  it('lets a preflight pass, and no other request without a token', async () => {
    const asks = { 'access-control-request-method': 'POST', origin: 'https://page.example' }
    const statusOf = async (method: string, headers: Record<string, string>) =>
      (await fetch(resource, { method, headers })).status
    if (_ === 'fetch') expect(await statusOf('OPTIONS', asks)).toBe(401)
    else expect(await statusOf('OPTIONS', asks)).not.toBe(401)
    expect(await statusOf('OPTIONS', {})).toBe(401)
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) expect(await statusOf(method, asks)).toBe(401)
    expect(calls).toEqual([])
  })

  it.each([
    ['a wrapped name', { 'mcp-method': 'tools/call', 'mcp-name': '=?base64?ZGVsZXRl?=' }],
    ['the name of something else', { 'mcp-method': 'prompts/get', 'mcp-name': 'delete' }],
    ['a name without a method', { 'mcp-name': 'delete' }],
  ])('leaves %s in a header to the body', async (__, headers) => {
    const answer = await call('list', await tokenFor('Tools.Use'), headers as Record<string, string>)
    expect(answer.status).not.toBe(403)
    expect(
      (await call('delete', await tokenFor('Tools.Use'), headers as Record<string, string>)).status,
    ).toBe(403)
    expect(calls).not.toContain('delete')
  })

  describe('with other options', () => {
    let next: Awaited<ReturnType<typeof listen>>
    beforeEach(async () => void (next = await listen()))
    afterEach(() => next.stop())

    const post = async (
      more: Partial<McpAuthOptions>,
      name: string | undefined,
      token?: string,
      size = 0,
    ) => {
      next.serve(
        await startMcp(
          { ...settings(), resource: `${next.origin}/mcp`, ...more } as McpAuthOptions,
          calls,
          [],
        ),
      )
      const method = name === undefined ? 'tools/list' : 'tools/call'
      const text = { jsonrpc: '2.0', id: 1, method, params: { name, arguments: { order: 'x'.repeat(size) } } }
      return fetch(`${next.origin}/mcp`, {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(text),
      })
    }

    it('calls no guarded tool for an anonymous caller', async () => {
      const anonymous = { allowAnonymous: true, permission: undefined }
      expect((await post(anonymous, undefined)).status).toBe(200)
      const answer = await post(anonymous, 'list')
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer scope="${next.origin}/mcp/Tools.Use", resource_metadata="${next.origin}/.well-known/oauth-protected-resource/mcp"`,
      ])
      expect(calls).toEqual([])
    })

    it('holds every tool that is not named to what the star requires', async () => {
      const tools = { '*': { delegated: { scopes: 'Orders.Delete' } }, list: { scopes: 'Tools.Use' } }
      const token = await tokenFor('Tools.Use')
      expect((await post({ tools }, 'count', token)).status).toBe(403)
      expect((await post({ tools }, '*', token)).status).toBe(403)
      expect((await post({ tools }, 'list', token)).status).toBe(200)
      expect((await post({ tools }, 'count', await tokenFor(...scopes))).status).toBe(200)
      expect(calls).toEqual(['list', 'count'])
    })

    // A framework that reads the body before us has a limit of its own.
    const weReadTheBody = _ !== 'Fastify' && !_.includes('parsed before')
    if (weReadTheBody)
      it('refuses a larger body with 413', async () => {
        const token = await tokenFor('Tools.Use')
        expect((await post({ maxBodyBytes: 1024 }, 'list', token, 1024)).status).toBe(413)
        expect((await post({ maxBodyBytes: 1024 }, 'list', token, 500)).status).toBe(200)
        expect(calls).toEqual(['list'])
      })

    it('asks the condition of every caller once', async () => {
      let asked = 0
      const permission = condition('counted', () => ++asked > 0)
      expect((await post({ permission }, 'list', await tokenFor('Tools.Use'))).status).toBe(200)
      expect(asked).toBe(1)
    })
  })

  it('does not show the token of its caller where the caller is logged', async () => {
    const mcp = createMcpAuth(settings())
    const token = await tokenFor('Tools.Use')
    let shown = ''
    const serve = mcp.protect((_request, { authInfo }) => {
      shown = inspect(authInfo, { depth: null }) + JSON.stringify(authInfo)
      return new Response(authInfo?.token)
    })
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const answer = await serve(
      new Request(resource, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body }),
    )
    expect(await answer.text()).toBe(token)
    expect(shown).not.toContain(token.slice(0, 40))
  })

  it('is called by the client of version 1 of the SDK', async () => {
    const client = new ClientOfVersion1({ name: 'test', version: '1.0.0' })
    const requestInit = { headers: { authorization: `Bearer ${await tokenFor(...scopes)}` } }
    const transport = new TransportOfVersion1(new URL(resource), { requestInit })
    await client.connect(transport as Parameters<typeof client.connect>[0])
    const result = await client.callTool({ name: 'delete', arguments: {} })
    expect(JSON.stringify(result)).toContain('delegated')
    await client.close()
  })
})

/** The message, where a framework's request has it: Koa's context has it in its own request. */
function bodyOf(request: unknown): unknown {
  const { body, request: inner } = request as { body?: unknown; request?: { body?: unknown } }
  return inner === undefined ? body : inner.body
}

async function connectBy(resource: string, authProvider: OAuthClientProvider): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }))
  return client
}

/** What an application adds to the SDK's client: where tokens are kept, and a browser. Its pages are fetched, not shown. */
class Provider implements OAuthClientProvider {
  code = ''
  asked: string | undefined
  #tokens: OAuthTokens | undefined
  #verifier = ''
  readonly redirectUrl = redirectUri
  readonly clientMetadata = { redirect_uris: [redirectUri] }
  clientInformation = () => ({ client_id: clientId })
  tokens = () => this.#tokens
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens)
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier)
  codeVerifier = () => this.#verifier
  #discovery: OAuthDiscoveryState | undefined
  saveDiscoveryState = (state: OAuthDiscoveryState) => void (this.#discovery = state)
  discoveryState = () => this.#discovery

  async redirectToAuthorization(url: URL): Promise<void> {
    this.asked = url.href
    let page = await fetch(url, { redirect: 'manual' })
    for (const fields of [{ user: alice }, { consent: 'accept' }]) {
      if (page.status !== 200) break
      page = await submit(page, url, fields)
    }
    this.code = new URL(page.headers.get('location') ?? '').searchParams.get('code') ?? ''
  }
}

async function submit(page: Response, url: URL, fields: Record<string, string>): Promise<Response> {
  const html = await page.text()
  const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1] ?? ''
  const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ])
  const body = new URLSearchParams([...hidden, ...Object.entries(fields)] as [string, string][])
  return fetch(new URL(action.replaceAll('&amp;', '&'), url), { method: 'POST', body, redirect: 'manual' })
}

describe('the set-up', () => {
  const issuer = entra({ tenantId, clientId: serverId })
  const resource = 'https://mcp.contoso.example/mcp'

  it.each<[string, object, string]>([
    [
      'a root address with Entra',
      { resource: 'https://mcp.contoso.example', issuer },
      '"resource" must have a path',
    ],
    [
      'a root address with a slash',
      { resource: 'https://mcp.contoso.example/', issuer },
      '"resource" must have a path',
    ],
    ['a slash at the end with Entra', { resource: `${resource}/`, issuer }, '"resource" must have a path'],
    ['no address', { issuer }, '"resource"'],
    [
      'many tenants without an authorization server',
      { resource, issuer: entraMultiTenant({ clientId: serverId, allowedTenants: 'any' }) },
      '"authorizationServers" is required',
    ],
    [
      'a tenant by its domain without an authorization server',
      { resource, issuer: entra({ tenantId: 'contoso.example', clientId: serverId }) },
      '"authorizationServers" is required',
    ],
    [
      'one issuer beside many tenants without an authorization server',
      {
        resource,
        issuer: [
          oidcIssuer({ issuer: 'https://id.example', audience: resource }),
          entraMultiTenant({ clientId: serverId, allowedTenants: 'any' }),
        ],
      },
      '"authorizationServers" is required',
    ],
    ['scopes in a text', { resource, issuer, scopesSupported: 'Tools.Use' }, '"scopesSupported"'],
    ['tools in a list', { resource, issuer, tools: [] }, '"tools" must be an object'],
    ['a tool that requires nothing', { resource, issuer, tools: { add: {} } }, 'requires nothing'],
    ['a bound that is too small', { resource, issuer, maxBodyBytes: 1 }, '"maxBodyBytes"'],
    ['an unknown option', { resource, issuer, tool: {} }, 'unknown option "tool"'],
  ])('of %s is a TypeError', (_, options, words) => {
    expect(() => createMcpAuth(options as never)).toThrow(words)
  })

  it('accepts a root address for any other issuer', () => {
    const make = () =>
      createMcpAuth({
        resource: 'https://mcp.example',
        issuer: 'https://id.example',
        audience: 'https://mcp.example',
      })
    expect(make).not.toThrow()
  })

  it.each([undefined, {}, { extra: {} }, { extra: { auth: null } }, { extra: { auth: { objectId: 'a' } } }])(
    'has no caller in %j',
    (authInfo) => {
      expect(() => callerOf(authInfo)).toThrow('was not authenticated')
    },
  )

  it('makes a caller that fits the types of both versions of the SDK', () => {
    expectTypeOf<McpAuthInfo>().toExtend<AuthInfo>()
    expectTypeOf<McpAuthInfo>().toExtend<AuthInfoOfVersion1>()
  })
})
