import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Emulator, runningClock } from '@countersign/emulator'
import { bearerAuth, entra } from '@countersign/fastify'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { fastify, type FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createFirstTier } from './recipes/middle-tier.js'
import { callForUser } from './recipes/users-client.js'
import { startTiers, tiers } from './tiers.js'

const redirectUri = 'http://localhost:51234'
const cp1 = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
const { tenantId, nativeId, firstTierId, secondTierId, user, secret } = tiers

/** The user at the sign-in page: picks the account, and approves the second factor when it is asked for. */
async function signIn(emulator: Emulator, claims: string): Promise<{ token: string; approved: boolean }> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: nativeId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid api://first-tier/access_as_user',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    claims,
  })
  const base = `${emulator.origin}/${tenantId}/oauth2/v2.0`
  let response = await fetch(`${base}/authorize?${query.toString()}`, { redirect: 'manual' })
  let approved = false
  for (const fields of [{ user }, { proof: 'approve' }]) {
    if (response.status !== 200) break
    const html = await response.text()
    const action = /<form method="post" action="([^"]*)"/.exec(html)?.[1]
    const transaction = /name="transaction" value="([^"]*)"/.exec(html)?.[1]
    approved = 'proof' in fields
    response = await fetch(`${emulator.origin}${action}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ transaction: transaction!, ...fields } as Record<string, string>),
    })
  }
  const code = new URL(response.headers.get('location')!).searchParams.get('code')!
  const form = { grant_type: 'authorization_code', client_id: nativeId, redirect_uri: redirectUri, code }
  const answer = await fetch(`${base}/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, code_verifier: verifier, claims }),
  })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  return { token, approved }
}

async function startSecondTier(emulator: Emulator): Promise<FastifyInstance> {
  const app = fastify()
  const issuer = entra({ tenantId, clientId: secondTierId, cloud: emulator.cloud })
  await app.register(bearerAuth, { issuer, audience: secondTierId })
  app.get('/orders', (request) => ({ orders: ['1'], for: request.auth.objectId }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

/** The whole chain. `firstTier` changes the registration of the API in the middle. */
async function startChain(firstTier: object = {}) {
  const emulator = await startTiers({
    clock: runningClock(),
    tenant: {
      conditionalAccess: [{ displayName: 'second factor', demand: 'mfa', resources: ['second-tier'] }],
      oauth2PermissionGrants: [
        { clientId: 'native', resourceId: 'first-tier', scope: 'access_as_user' },
        { clientId: 'first-tier', resourceId: 'second-tier', scope: 'Orders.Read' },
      ],
    },
    firstTier,
  })
  const second = await startSecondTier(emulator)
  const tokens = createTokenClient({
    authority: entraAuthority({ tenantId, version: '2.0', cloud: emulator.cloud }),
    clientId: firstTierId,
    credential: clientSecret(secret),
  })
  const { port } = second.server.address() as { port: number }
  const issuer = entra({ tenantId, clientId: firstTierId, cloud: emulator.cloud })
  const app = await createFirstTier({ issuer, audience: firstTierId }, tokens, `http://127.0.0.1:${port}`)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const stop = () => Promise.all([app.close(), second.close(), tokens.close(), emulator.stop()])
  return { emulator, url: `${origin}/orders`, stop }
}

describe('a user whose client declares cp1', () => {
  let chain: Awaited<ReturnType<typeof startChain>>
  beforeAll(async () => {
    chain = await startChain()
  })
  afterAll(() => chain.stop())

  it('is asked for a second factor that only the second tier wants, and gets the orders', async () => {
    const { emulator, url } = chain
    const first = await signIn(emulator, cp1)
    expect([first.approved, decodeJwt(first.token)['xms_cc']]).toEqual([false, ['cp1']])
    const challenges: string[] = []
    const response = await callForUser(url, first.token, async (claims) => {
      challenges.push(claims)
      const again = await signIn(emulator, claims)
      expect(again.approved).toBe(true)
      return again.token
    })
    expect([response.status, await response.json()]).toEqual([
      200,
      { orders: ['1'], for: expect.any(String) as string },
    ])
    expect(challenges).toHaveLength(1)
    expect(JSON.parse(challenges[0]!)).toHaveProperty('access_token.capolids')
  })

  it('gets the challenge in the header, and the claims nowhere else', async () => {
    const { token } = await signIn(chain.emulator, cp1)
    const response = await fetch(chain.url, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(
      /^Bearer authorization_uri="[^"]+\/oauth2\/v2\.0\/authorize", error="insufficient_claims", claims="[\w+/=]+"$/,
    )
    const body = await response.text()
    for (const part of ['second-tier', firstTierId, tenantId, secret]) expect(body).not.toContain(part)
  })

  it('that does not declare it gets 403, and no challenge', async () => {
    const { token } = await signIn(chain.emulator, '{}')
    const response = await fetch(chain.url, { headers: { authorization: `Bearer ${token}` } })
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null])
    expect(await response.json()).toMatchObject({
      message: 'The token service requires the user to sign in again (AADSTS50076)',
    })
  })
})

it('without xms_cc among the optional claims of the first tier, a client with cp1 gets 403 as well', async () => {
  const { emulator, url, stop } = await startChain({ optionalClaims: {} })
  onTestFinished(() => stop().then(() => {}))
  const { token } = await signIn(emulator, cp1)
  expect(decodeJwt(token)).not.toHaveProperty('xms_cc')
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null])
})

it.each(['middle-tier', 'users-client'])('the recipe prints the code of %s that is run here', (name) => {
  const source = readFileSync(new URL(`./recipes/${name}.ts`, import.meta.url), 'utf8')
  expect(
    readFileSync(new URL('../../../docs/recipes/middle-tier-mfa.md', import.meta.url), 'utf8'),
  ).toContain(source)
})
