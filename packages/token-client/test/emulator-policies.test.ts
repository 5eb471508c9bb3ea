import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClient,
  type ValidatedUserToken,
} from '@countersign/token-client'
import express from 'express'
import { fastify } from 'fastify'
import { decodeJwt } from 'jose'
import Koa from 'koa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { refusalOf } from './setup.js'

const tenantId = '6f0e0d0c-0b0a-4908-8706-050403020100'
const firstTierId = '11111111-0b0a-4908-8706-050403020100'
const user = 'alice@contoso.example'
const stranger = 'bob@contoso.example'
const target = { resource: 'api://second-tier' }
const xms_cc = { optionalClaims: { accessToken: [{ name: 'xms_cc' }] } }

async function start(demand?: 'mfa' | 'block'): Promise<Emulator> {
  const emulator = await startEmulator({
    clock: fixedClock(1_800_000_000),
    registration: {
      tenants: [
        {
          id: tenantId,
          domains: ['contoso.example'],
          users: [{ userPrincipalName: user }, { userPrincipalName: stranger }],
          oauth2PermissionGrants: [
            {
              clientId: 'first-tier',
              resourceId: 'second-tier',
              scope: 'Orders.Read',
              consentType: 'Principal',
              principalId: user,
            },
          ],
          ...(demand === undefined
            ? {}
            : { conditionalAccess: [{ displayName: 'policy', demand, resources: ['second-tier'] }] }),
        },
      ],
      applications: [
        {
          displayName: 'native',
          publicClient: { redirectUris: ['http://localhost'] },
          requiredResourceAccess: [
            { resourceAppId: 'first-tier', resourceAccess: [{ id: 'access_as_user', type: 'Scope' }] },
          ],
        },
        {
          displayName: 'first-tier',
          appId: firstTierId,
          identifierUris: ['api://first-tier'],
          passwordCredentials: [{ secretText: 'not-a-secret' }],
          requiredResourceAccess: [
            { resourceAppId: 'second-tier', resourceAccess: [{ id: 'Orders.Read', type: 'Scope' }] },
          ],
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'access_as_user' }] },
          ...xms_cc,
        },
        {
          displayName: 'second-tier',
          identifierUris: ['api://second-tier'],
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
          ...xms_cc,
        },
      ],
    },
  })
  onTestFinished(() => emulator.stop())
  return emulator
}

function connect(emulator: Emulator): TokenClient {
  return createTokenClient({
    authority: entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud }),
    clientId: firstTierId,
    credential: clientSecret('not-a-secret'),
    clientCapabilities: ['cp1'],
    clock: emulator.clock.now,
  })
}

/** The user's token as a resource server passes it on after validation. */
async function signIn(
  emulator: Emulator,
  who = user,
  more: Readonly<Record<string, unknown>> = { xms_cc: ['cp1'] },
): Promise<ValidatedUserToken> {
  const token = await emulator.issueToken({
    client: 'native',
    resource: 'api://first-tier',
    user: who,
    scopes: ['access_as_user'],
    claims: more,
  })
  const claims = decodeJwt(token)
  return { kind: 'delegated', issuer: String(claims.iss), token, tenantId, claims }
}

type FirstTier = (acquire: () => Promise<unknown>) => Promise<string>

const frameworks: readonly [string, FirstTier][] = [
  [
    'fastify',
    async (acquire) => {
      const app = fastify()
      app.get('/', () => acquire())
      onTestFinished(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
  ],
  [
    'express',
    async (acquire) => {
      const app = express().set('env', 'test')
      app.get('/', async () => {
        await acquire()
      })
      return listen(app)
    },
  ],
  [
    'koa',
    async (acquire) => {
      const app = new Koa()
      app.silent = true
      app.use(() => acquire())
      return listen(app.callback() as RequestListener)
    },
  ],
]

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close().closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(frameworks)("a first tier on %s hands on the service's word", (_name, serve) => {
  it.each(['mfa', 'block'] as const)(
    'of a policy (%s): a claims challenge for a cp1 caller',
    async (demand) => {
      const emulator = await start(demand)
      const token = await signIn(emulator)
      const client = connect(emulator)
      const response = await fetch(await serve(() => client.acquireOnBehalfOf(token, target)))
      expect(response.status).toBe(401)
      const header = response.headers.get('www-authenticate') ?? ''
      const [, uri, claims] =
        /^Bearer authorization_uri="([^"]+)", error="insufficient_claims", claims="([^"]+)"$/.exec(header) ??
        []
      expect(uri).toBe(`${emulator.origin}/${tenantId}/oauth2/v2.0/authorize`)
      expect(JSON.parse(Buffer.from(claims ?? '', 'base64').toString())).toHaveProperty(
        'access_token.capolids',
      )
    },
  )

  it('of a policy: 403 for any other caller', async () => {
    const emulator = await start('mfa')
    const token = await signIn(emulator, user, {})
    const client = connect(emulator)
    const response = await fetch(await serve(() => client.acquireOnBehalfOf(token, target)))
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null])
  })

  it('of a missing consent: 403', async () => {
    const emulator = await start()
    const token = await signIn(emulator, stranger)
    const client = connect(emulator)
    const response = await fetch(await serve(() => client.acquireOnBehalfOf(token, target)))
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null])
  })
})

describe('a client with capabilities', () => {
  it('gets tokens with xms_cc', async () => {
    const emulator = await start()
    const { accessToken } = await connect(emulator).acquireOnBehalfOf(await signIn(emulator), target)
    expect(decodeJwt(accessToken)['xms_cc']).toEqual(['cp1'])
  })
})

describe('a session', () => {
  it.each([
    ['was disabled', (emulator: Emulator) => emulator.users.disable(user), 'user_disabled'],
    [
      'had all sign-ins revoked',
      (emulator: Emulator) => emulator.users.revokeSessions(user),
      'session_needs_user',
    ],
  ])('of a user who %s has ended', async (_name, end, code) => {
    const emulator = await start()
    const session = await connect(emulator).startSession(await signIn(emulator), target)
    // A client with cp1 gets tokens that are valid for a day.
    emulator.clock.advance(30 * 3600)
    end(emulator)
    expect(await refusalOf(session.acquire())).toMatchObject({ code })
  })

  it('that was not used until its refresh token expired needs its user', async () => {
    const emulator = await start()
    const client = createTokenClient({
      authority: entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud }),
      clientId: firstTierId,
      credential: clientSecret('not-a-secret'),
      clock: emulator.clock.now,
      // As long as a refresh token is valid; the session's own idle time must not end it first.
      sessions: { idleSeconds: 90 * 86_400 },
    })
    const session = await client.startSession(await signIn(emulator), target)
    emulator.clock.advance(89 * 86_400)
    await session.acquire()
    emulator.users.revokeSessions(user)
    emulator.clock.advance(2 * 3600)
    expect(await refusalOf(session.acquire())).toMatchObject({
      code: 'session_needs_user',
      action: 'interact',
    })
  })
})
