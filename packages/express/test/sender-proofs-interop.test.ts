import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import * as oauth from 'oauth4webapi'
import { Provider } from 'oidc-provider'
import * as openid from 'openid-client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  bearerAuth,
  dpop,
  forwardedCertificate,
  mutualTls,
  oidcIssuer,
  requirePermission,
  type RefusedEvent,
} from '../src/index.js'

/*
 * Independent parties: `oidc-provider` issues the tokens, `oauth4webapi` and `openid-client` are the clients. Both clients
 * make their own proofs and decide by themselves what a challenge means.
 */

const audience = 'https://orders.example'
const secret = 'a-secret-of-the-test'
const servers: Server[] = []
let issuer: string
let api: string
let refused: RefusedEvent[] = []

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  const providerServer = createServer((request, response) => void handler(request, response))
  issuer = await listen(providerServer)
  const client = {
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: 'by-dpop', dpop_bound_access_tokens: true },
      { ...client, client_id: 'by-certificate', tls_client_certificate_bound_access_tokens: true },
    ],
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'PS256', 'Ed25519'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: (context) => {
          const header = context.get('x-certificate')
          return header === '' ? undefined : decodeURIComponent(header)
        },
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
  })
  const handler = provider.callback()

  const app = express()
  const apiServer = createServer(app)
  api = await listen(apiServer)
  const options = { issuer: oidcIssuer({ issuer, tokenType: 'rfc9068' }), audience }
  const proof = (nonceSecrets?: readonly Uint8Array[]) =>
    bearerAuth({
      ...options,
      senderProofs: dpop({ publicUrl: api, nonceSecrets }),
      onRefused: (event) => refused.push(event),
    })
  const guarded = express.Router()
  guarded.get('/orders', requirePermission({ scopes: 'orders:read' }), (request, response) => {
    response.json({ client: request.auth.clientId })
  })
  // Mounted: Express removes the mount point from the address that the middleware sees.
  app.use('/plain', proof(), guarded)
  app.use('/nonces', proof([randomBytes(32)]), guarded)
  const certificateFrom = forwardedCertificate({
    trustedProxies: '127.0.0.1',
    header: 'X-Certificate',
    format: 'url-encoded-pem',
  })
  app.use('/certificates', bearerAuth({ ...options, senderProofs: mutualTls({ certificateFrom }) }), guarded)
})

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

beforeEach(() => {
  refused = []
})

const parameters = () => new URLSearchParams({ resource: audience, scope: 'orders:read' })
const insecure = { [oauth.allowInsecureRequests]: true }

describe.each(['ES256', 'PS256', 'Ed25519'] as const)('oauth4webapi with a key for %s', (alg) => {
  async function prepare() {
    const client: oauth.Client = { client_id: 'by-dpop' }
    const server = { issuer, token_endpoint: `${issuer}/token` }
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg))
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      oauth.ClientSecretBasic(secret),
      parameters(),
      { DPoP, ...insecure },
    )
    const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, answer)
    const call = (path: string) =>
      oauth.protectedResourceRequest(token, 'GET', new URL(path, api), undefined, null, { DPoP, ...insecure })
    return { token, call }
  }

  it('calls an API behind a mount point, as often as it likes', async () => {
    const { call } = await prepare()
    for (const path of ['/plain/orders', '/plain/orders?page=2', '/plain/orders']) {
      const answer = await call(path)
      expect([answer.status, await answer.json()]).toEqual([200, { client: 'by-dpop' }])
    }
    expect(refused).toEqual([])
  })

  it('understands the demand for a nonce, once', async () => {
    const { call } = await prepare()
    const error = await call('/nonces/orders').catch((reason: unknown) => reason)
    expect(oauth.isDPoPNonceError(error)).toBe(true)
    for (let use = 0; use < 3; use++) expect((await call('/nonces/orders')).status).toBe(200)
    expect(refused.map(({ code }) => code)).toEqual(['dpop_nonce_required'])
  })

  it('reads the challenge where its token is sent without a proof', async () => {
    const { token } = await prepare()
    const error = await oauth
      .protectedResourceRequest(token, 'GET', new URL('/plain/orders', api), undefined, null, insecure)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(oauth.WWWAuthenticateChallengeError)
    const challenges = (error as oauth.WWWAuthenticateChallengeError).cause
    expect(challenges.map(({ scheme }) => scheme)).toEqual(['bearer', 'dpop'])
    expect(challenges[0]?.parameters.error).toBe('invalid_token')
    expect(challenges[1]?.parameters.algs?.split(' ')).toContain(alg)
  })
})

describe('openid-client', () => {
  it('calls the API, and repeats a request by itself when a nonce is demanded', async () => {
    const configuration = await openid.discovery(new URL(issuer), 'by-dpop', secret, undefined, {
      execute: [openid.allowInsecureRequests],
    })
    const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'))
    const tokens = await openid.clientCredentialsGrant(configuration, parameters(), { DPoP })
    const call = (path: string) =>
      openid.fetchProtectedResource(
        configuration,
        tokens.access_token,
        new URL(path, api),
        'GET',
        undefined,
        undefined,
        { DPoP },
      )
    expect((await call('/plain/orders')).status).toBe(200)
    expect(refused).toEqual([])
    expect((await call('/nonces/orders')).status).toBe(200)
    expect((await call('/nonces/orders')).status).toBe(200)
    expect(refused.map(({ code }) => code)).toEqual(['dpop_nonce_required'])
  })
})

describe('a token that oidc-provider binds to a certificate', () => {
  // The provider and the API read the bytes of the certificate and nothing in them.
  const pemOf = (der: Buffer) =>
    `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
  const certificate = randomBytes(600)
  const header = (der: Buffer) => ({ 'x-certificate': encodeURIComponent(pemOf(der)) })

  it('is accepted with that certificate, and with no other', async () => {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`by-certificate:${secret}`)}`, ...header(certificate) },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...Object.fromEntries(parameters()) }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as object
    const thumbprint = createHash('sha256').update(certificate).digest('base64url')
    expect(claims).toMatchObject({ cnf: { 'x5t#S256': thumbprint } })
    const statusWith = async (headers: Record<string, string>) =>
      (
        await fetch(`${api}/certificates/orders`, {
          headers: { authorization: `Bearer ${token}`, ...headers },
        })
      ).status
    expect(await statusWith(header(certificate))).toBe(200)
    expect(await statusWith(header(randomBytes(600)))).toBe(401)
    expect(await statusWith({})).toBe(401)
  })
})
