import { execFileSync } from 'node:child_process'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { bearerAuth, dpop, mutualTls as byCertificate, oidcIssuer } from '@countersign/fastify'
import {
  clientSecret,
  createTokenClient,
  type MutualTlsOptions,
  mutualTls,
  oauthAuthority,
  type TokenClientOptions,
} from '@countersign/token-client'
import { fastify, type FastifyInstance } from 'fastify'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBench, refusalOf, target, userToken } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'

/*
 * Independent parties: `oidc-provider` issues the tokens and checks the proofs at its token endpoint; the API is our own
 * resource server, which shares no code with the token client.
 */

const audience = 'https://orders.example'
const secret = 'a-secret-of-the-test'

interface Identity {
  readonly certificate: string
  readonly privateKey: string
}

const servers: Server[] = []
let plainIssuer: string
let nonceIssuer: string
let apis: Record<'plain' | 'nonces' | 'certificates', FastifyInstance>
let origins: Record<keyof typeof apis, string>
let [server, client, other] = [] as unknown as [Identity, Identity, Identity]
let folder: string

function createIdentity(name: string): Identity {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
  return { certificate: readFileSync(certificate, 'utf8'), privateKey: readFileSync(key, 'utf8') }
}

async function listen(one: Server, scheme = 'http'): Promise<string> {
  servers.push(one)
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
  return `${scheme}://127.0.0.1:${(one.address() as AddressInfo).port}`
}

/** An issuer at a plain address, and at a second one over TLS, where it asks for a certificate. */
async function startIssuer(wantsNonces: boolean): Promise<string> {
  let handler: ReturnType<Provider['callback']>
  const issuer = await listen(createServer((request, response) => void handler(request, response)))
  const options = {
    key: server.privateKey,
    cert: server.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const alias = await listen(
    createTlsServer(options, (request, response) => void handler(request, response)),
    'https',
  )
  const common = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
  handler = new Provider(issuer, {
    clients: [
      { ...common, client_id: 'by-dpop', client_secret: secret, dpop_bound_access_tokens: true },
      {
        ...common,
        client_id: 'by-certificate',
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: 'CN=client',
        tls_client_certificate_bound_access_tokens: true,
      },
    ],
    clientAuthMethods: ['client_secret_basic', 'tls_client_auth'],
    discovery: { mtls_endpoint_aliases: { token_endpoint: `${alias}/token` } },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        ...(wantsNonces ? { nonceSecret: randomBytes(32), requireNonce: () => true } : {}),
      },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        getCertificate: ({ socket }) => {
          const der = (socket as { getPeerCertificate?: () => { raw?: Buffer } }).getPeerCertificate?.().raw
          return der === undefined ? undefined : new X509Certificate(der).toString()
        },
        certificateAuthorized: () => true,
        certificateSubjectMatches: ({ socket }, _property, expected) =>
          `CN=${(socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN}` ===
          expected,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'orders:read',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  }).callback()
  return issuer
}

async function startApi(
  issuer: string,
  senderProofs: (origin: string) => ReturnType<typeof dpop>,
  tls?: object,
): Promise<FastifyInstance> {
  // The address is part of the proof, and known only when the server listens.
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const app = (tls === undefined ? fastify() : fastify({ https: tls })) as FastifyInstance
  await app.register(bearerAuth, {
    issuer: oidcIssuer({ issuer, tokenType: 'rfc9068' }),
    audience,
    senderProofs: senderProofs(origin),
  })
  app.all('/orders', (request) => ({ client: request.auth.clientId, body: request.body ?? null }))
  await app.listen({ port, host: '127.0.0.1' })
  return app
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-bound-'))
  ;[server, client, other] = [createIdentity('server'), createIdentity('client'), createIdentity('other')]
  ;[plainIssuer, nonceIssuer] = [await startIssuer(false), await startIssuer(true)]
  const tls = {
    key: server.privateKey,
    cert: server.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  apis = {
    plain: await startApi(plainIssuer, (publicUrl) => dpop({ publicUrl })),
    nonces: await startApi(nonceIssuer, (publicUrl) => dpop({ publicUrl, nonceSecrets: [randomBytes(32)] })),
    certificates: await startApi(plainIssuer, () => byCertificate(), tls),
  }
  const originOf = (app: FastifyInstance, scheme = 'http') =>
    `${scheme}://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  origins = {
    plain: originOf(apis.plain),
    nonces: originOf(apis.nonces),
    certificates: originOf(apis.certificates, 'https'),
  }
})

afterAll(async () => {
  for (const one of servers) one.close().closeAllConnections()
  await Promise.all(Object.values(apis).map((app) => app.close()))
  rmSync(folder, { recursive: true })
})

const orders = { resource: audience, scopes: ['orders:read'] }

function connect(issuer: string, options: Partial<TokenClientOptions> = {}) {
  return createTokenClient({
    authority: oauthAuthority({ issuer }),
    clientId: 'by-dpop',
    credential: clientSecret(secret),
    dpop: true,
    ...options,
  })
}

describe('a client with dpop', () => {
  it.each(['plain', 'nonces'] as const)(
    'gets bound tokens of oidc-provider, and calls our API with a proof for each request, with %s',
    async (kind) => {
      const requests: number[] = []
      const tokens = connect(kind === 'plain' ? plainIssuer : nonceIssuer, {
        onRequest: ({ status }) => void requests.push(status ?? 200),
      })
      const token = await tokens.acquireForApp(orders)
      expect(token.tokenType).toBe('DPoP')
      expect(decodeJwt(token.accessToken)).toMatchObject({ cnf: { jkt: expect.any(String) as string } })
      // One request; where a nonce is wanted, the request is sent once more within it.
      expect(requests).toEqual([200])
      const statuses: number[] = []
      const seen: string[] = []
      const fetchOrders = tokens.createFetch({
        target: orders,
        origin: origins[kind],
        fetch: async (input, init) => {
          seen.push(new Headers(init?.headers).get('dpop') ?? '')
          const response = await fetch(input, init)
          statuses.push(response.status)
          return response
        },
      })
      const answer = await fetchOrders(`${origins[kind]}/orders?page=2`, {
        method: 'post',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json' },
      })
      expect([answer.status, await answer.json()]).toEqual([200, { client: 'by-dpop', body: { a: 1 } }])
      expect((await fetchOrders(`${origins[kind]}/orders`)).status).toBe(200)
      expect(statuses).toEqual(kind === 'plain' ? [200, 200] : [401, 200, 200])
      expect(new Set(seen).size).toBe(seen.length)
      const last = seen.at(-1)!
      expect(decodeProtectedHeader(last)).toMatchObject({ typ: 'dpop+jwt', alg: 'ES256' })
      expect(decodeJwt(last)).toMatchObject({
        htm: 'GET',
        htu: `${origins[kind]}/orders`,
        ath: createHash('sha256').update(token.accessToken).digest('base64url'),
      })
    },
  )

  it('the token alone opens nothing: by Bearer, or with a proof of another key', async () => {
    const { accessToken } = await connect(plainIssuer).acquireForApp(orders)
    const bearer = await fetch(`${origins.plain}/orders`, {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    expect(bearer.status).toBe(401)
    let proof = ''
    const thief = connect(plainIssuer).createFetch({
      target: orders,
      origin: origins.plain,
      fetch: async (_input, init) => {
        proof = new Headers(init?.headers).get('dpop')!
        return new Response()
      },
    })
    await thief(`${origins.plain}/orders`)
    const stolen = await fetch(`${origins.plain}/orders`, {
      headers: { authorization: `DPoP ${accessToken}`, dpop: proof },
    })
    expect(stolen.status).toBe(401)
  })

  it('refuses a token that the service does not bind', async () => {
    const { client: tokens } = await createBench('2.0', { dpop: true })
    expect(await refusalOf(tokens.acquireForApp(target))).toMatchObject({
      code: 'service_answer_invalid',
      reason: 'token_type',
    })
  })

  it('repeats a request for a nonce once and not again', async () => {
    const { client: tokens, endpoint } = await createBench('2.0', { dpop: true })
    endpoint.answer = () => ({
      status: 400,
      headers: { 'dpop-nonce': `nonce-${endpoint.requests.length}` },
      body: { error: 'use_dpop_nonce' },
    })
    expect(await refusalOf(tokens.acquireForApp(target))).toMatchObject({
      service: { error: 'use_dpop_nonce' },
    })
    expect(endpoint.requests).toHaveLength(2)
    const nonces = endpoint.requests.map(({ headers }) => decodeJwt(String(headers['dpop']))['nonce'])
    expect(nonces).toEqual([undefined, 'nonce-1'])
  })

  it.each([
    ['client', 1],
    ['session', 2],
  ] as const)('has a key per %s', async (keyPer, keys) => {
    const { keyv } = createOpenStore()
    const { client: tokens, endpoint } = await createBench('2.0', {
      dpop: { keyPer },
      store: { keyv, keys: [{ secret: storeKey }] },
    })
    endpoint.answer = (request) => endpoint.grant(request, { token_type: 'DPoP' })
    const sessions = [
      await tokens.startSession(userToken(), target),
      await tokens.startSession(userToken(), target),
    ]
    const keyOf = async (session: (typeof sessions)[number]) => {
      let proof = ''
      const api = session.createFetch({
        origin: 'http://localhost',
        fetch: async (_input, init) => {
          proof = new Headers(init?.headers).get('dpop')!
          return new Response()
        },
      })
      await api('http://localhost/')
      return JSON.stringify(decodeProtectedHeader(proof).jwk)
    }
    const seen = await Promise.all(sessions.map(keyOf))
    expect(new Set(seen).size).toBe(keys)
    expect(seen.join()).not.toContain('"d"')
    // Its tokens are bound to the same key as the proofs of its requests.
    await sessions[1]!.acquire({ refresh: true })
    const last = decodeProtectedHeader(String(endpoint.requests.at(-1)!.headers['dpop']))
    expect(JSON.stringify(last.jwk)).toBe(seen[1])
    // Also after the session was found again.
    const owner = {
      tenantId: '0f0e0d0c-0b0a-4908-8706-050403020100',
      objectId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
    }
    const clientId = '99999999-1234-4234-8234-123456789012'
    const resumed = await tokens.resumeSession(sessions[1]!.key, { ...owner, clientId })
    expect(await keyOf(resumed)).toBe(seen[1])
  })

  it('takes a private key, so that processes with one store share tokens', async () => {
    const { keyv } = createOpenStore()
    const store = { keyv, keys: [{ secret: storeKey }] } as const
    const { privateKey } = client
    const [first, second, third] = [{ privateKey }, { privateKey }, true].map((dpopOption) =>
      connect(plainIssuer, { dpop: dpopOption, store, sessions: { shared: false } }),
    ) as [ReturnType<typeof connect>, ReturnType<typeof connect>, ReturnType<typeof connect>]
    await first.acquireForApp(orders)
    await first.close()
    expect(await second.acquireForApp(orders)).toMatchObject({ source: 'cache', tokenType: 'DPoP' })
    expect(await third.acquireForApp(orders)).toMatchObject({ source: 'network' })
    const api = second.createFetch({ target: orders, origin: origins.plain })
    expect((await api(`${origins.plain}/orders`)).status).toBe(200)
  })

  it.each<[string, unknown, RegExp]>([
    ['an RSA key', { privateKey: 'x' }, /"dpop\.privateKey" must be a P-256 private key/],
    ['an unknown place of the key', { keyPer: 'user' }, /"dpop\.keyPer" must be client or session/],
    ['an unknown option', { algorithm: 'ES256' }, /unknown option "dpop\.algorithm"/],
  ])('with %s is refused at start-up', (_name, dpopOption, message) => {
    expect(() => connect(plainIssuer, { dpop: dpopOption as boolean })).toThrow(message)
  })
})

describe('a client with mutualTls', () => {
  function connectBy(identity: Identity, options: Partial<MutualTlsOptions> = {}) {
    return createTokenClient({
      authority: oauthAuthority({ issuer: plainIssuer }),
      clientId: 'by-certificate',
      credential: mutualTls({ ...identity, ca: server.certificate, ...options }),
    })
  }

  it('authenticates at the alias of the token endpoint, and calls our API with its certificate', async () => {
    const tokens = connectBy(client)
    const token = await tokens.acquireForApp(orders)
    const thumbprint = createHash('sha256')
      .update(new X509Certificate(client.certificate).raw)
      .digest('base64url')
    expect(decodeJwt(token.accessToken)).toMatchObject({ cnf: { 'x5t#S256': thumbprint } })
    const api = tokens.createFetch({ target: orders, origin: origins.certificates })
    const init = { method: 'POST', body: new URLSearchParams('a=1'), headers: { accept: 'application/json' } }
    expect((await api(`${origins.certificates}/orders`)).status).toBe(200)
    expect((await api(new Request(`${origins.certificates}/orders`))).status).toBe(200)
    // The framework knows no forms: it got one.
    expect((await api(`${origins.certificates}/orders`, init)).status).toBe(415)
  })

  it('with another certificate gets no token, and the token opens nothing with another certificate', async () => {
    expect(await refusalOf(connectBy(other).acquireForApp(orders))).toMatchObject({
      code: 'client_credential_refused',
    })
    const { accessToken } = await connectBy(client).acquireForApp(orders)
    const thief = connectBy(other).createFetch({ target: orders, origin: origins.certificates })
    // It has no token of its own: the stolen one goes to the API by the other certificate.
    const { Agent, fetch: send } = await import('undici')
    const dispatcher = new Agent({
      connect: { cert: other.certificate, key: other.privateKey, ca: server.certificate },
    })
    const headers = { authorization: `Bearer ${accessToken}` }
    expect((await send(`${origins.certificates}/orders`, { headers, dispatcher })).status).toBe(401)
    await expect(thief(`${origins.certificates}/orders`)).rejects.toMatchObject({
      code: 'client_credential_refused',
    })
  })

  it('trusts no server that its authorities do not know', async () => {
    const tokens = connectBy(client, { ca: other.certificate })
    const error = await refusalOf(tokens.acquireForApp(orders))
    expect(error).toMatchObject({ code: 'service_unreachable', action: 'retry' })
    expect(error.message).toContain('The certificate of the host is not trusted here')
  })

  it.each<[string, () => Partial<MutualTlsOptions>]>([
    ['a key of another certificate', () => ({ ...client, privateKey: other.privateKey })],
    ['a key without a certificate', () => ({ privateKey: client.privateKey })],
    ['both a pair and a file', () => ({ ...client, pfx: new Uint8Array(3) })],
    ['text that is no PEM', () => ({ certificate: 'x', privateKey: 'hunter2' })],
  ])('with %s is refused at start-up', (_name, optionsOf) => {
    const create = () => mutualTls(optionsOf())
    expect(create).toThrow(TypeError)
    expect(create).toThrow(/^mutualTls: "certificate" /)
    expect(create).not.toThrow('hunter2')
  })

  it('prints nothing of its key', () => {
    const printed = inspect(connectBy(client), { showHidden: true, depth: 9 })
    expect(printed + inspect(mutualTls(client), { showHidden: true, depth: 9 })).not.toContain(
      client.privateKey.split('\n')[1],
    )
  })
})
