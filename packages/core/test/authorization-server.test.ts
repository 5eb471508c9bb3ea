import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  BearerError,
  createTokenValidator,
  oidcIssuer,
  type SigningAlgorithm,
  type TokenValidator,
} from '@countersign/core'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * An authorization server that is independent of this package: `oidc-provider`, certified by the OpenID Foundation. Its
 * discovery, its keys and its RFC 9068 access tokens are what other issuers serve.
 */

const audience = 'https://reports.example'
let server: Server
let origin: string
let tokens: Record<'RS256' | 'PS256' | 'ES256' | 'EdDSA', string>

async function signingJwk(alg: string): Promise<Record<string, unknown>> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `key-${alg}` }
}

beforeAll(async () => {
  server = createServer((request, response) => void handler(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
  const provider = new Provider(origin, {
    jwks: { keys: (await Promise.all(algorithms.map(signingJwk))) as never },
    clients: algorithms.map((alg) => ({
      client_id: `daemon-${alg}`,
      client_secret: 'a-secret-of-the-test',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, _resource, client) => ({
          scope: 'reports:read reports:write',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: client.clientId.replace('daemon-', '') as 'RS256' } },
        }),
      },
    },
  })
  const handler = provider.callback()
  const issued = algorithms.map(async (alg) => {
    const response = await fetch(`${origin}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`daemon-${alg}:a-secret-of-the-test`)}` },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: audience,
        scope: 'reports:read',
      }),
    })
    const { access_token: token } = (await response.json()) as { access_token: string }
    return [alg, token]
  })
  tokens = Object.fromEntries(await Promise.all(issued)) as typeof tokens
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function validatorWith(
  settings: { tokenType?: 'rfc9068'; algorithms?: readonly SigningAlgorithm[] } = {},
): TokenValidator {
  return createTokenValidator({
    issuer: oidcIssuer({ issuer: origin, algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'], ...settings }),
    audience,
  })
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error instanceof BearerError ? error.code : String(error)),
  )
}

describe.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('an access token signed with %s', (alg) => {
  it('of an independent authorization server is accepted', async () => {
    const token = await validatorWith({ tokenType: 'rfc9068' }).validateToken(tokens[alg], {
      scopes: 'reports:read',
    })
    expect(token).toMatchObject({
      kind: 'application',
      issuer: origin,
      clientId: `daemon-${alg}`,
      subject: `daemon-${alg}`,
      scopes: ['reports:read'],
      header: { alg, typ: 'at+jwt' },
    })
  })

  it('is refused with scope_insufficient where more is demanded', async () => {
    const attempt = validatorWith().validateToken(tokens[alg], { scopes: 'reports:write' })
    expect(await codeOf(attempt)).toBe('scope_insufficient')
  })

  it('is refused with signature_invalid when its payload is changed', async () => {
    const [header = '', payload = '', signature = ''] = tokens[alg].split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const changed = Buffer.from(JSON.stringify({ ...claims, scope: 'reports:write' })).toString('base64url')
    expect(await codeOf(validatorWith().validateToken(`${header}.${changed}.${signature}`))).toBe(
      'signature_invalid',
    )
  })

  it('is refused with signature_invalid when its signature is of another token', async () => {
    const other = tokens[alg].split('.').slice(0, 2).join('.')
    const wrong = Buffer.alloc(alg.endsWith('S256') && alg !== 'ES256' ? 256 : 64, 1).toString('base64url')
    expect(await codeOf(validatorWith().validateToken(`${other}.${wrong}`))).toBe('signature_invalid')
  })
})

it('refuses a token whose algorithm is not among those named for the issuer', async () => {
  const { validateToken } = validatorWith({ algorithms: ['RS256'] })
  expect(await codeOf(validateToken(tokens.ES256))).toBe('algorithm_not_allowed')
  expect(await codeOf(validateToken(tokens.RS256))).toBe('accepted')
})

it('refuses a token of that server where another audience is meant', async () => {
  const { validateToken } = createTokenValidator({ issuer: origin, audience: 'https://other.example' })
  expect(await codeOf(validateToken(tokens.RS256))).toBe('audience_mismatch')
})
