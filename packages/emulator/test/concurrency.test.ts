import { decodeJwt, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { createSigningCertificate, thumbprintOf } from '../src/keys/certificates.js'
import { generateRsaKeys } from '../src/keys/rsa-key.js'
import {
  type Answer,
  askToken,
  createPkce,
  type Form,
  ids,
  nativeRedirectUri,
  openPage,
  refusal,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
  startTestEmulator,
  withApplication,
} from './support.js'

const alice = 'alice@contoso.example'

/** The same request, twenty times at once: what came of it, and how often. */
async function atOnce(ask: () => Promise<Answer>): Promise<Record<string, number>> {
  const answers = await Promise.all(Array.from({ length: 20 }, ask))
  const outcomes = answers.map((answer) =>
    answer.status === 200 ? 'a token' : `AADSTS${String(refusal(answer).code)}`,
  )
  return Object.fromEntries(
    [...new Set(outcomes)].map((outcome) => [outcome, outcomes.filter((other) => other === outcome).length]),
  )
}

test('a code that is redeemed twenty times at once gives tokens once, and AADSTS54005 otherwise', async () => {
  await using emulator = await startTestEmulator()
  const pkce = createPkce()
  const page = await signIn(emulator, { pkce })
  const form = {
    grant_type: 'authorization_code',
    client_id: ids.native,
    redirect_uri: nativeRedirectUri,
    code: page.location?.searchParams.get('code') ?? '',
    code_verifier: pkce.verifier,
  }
  expect(await atOnce(() => askToken(emulator, form))).toEqual({ 'a token': 1, AADSTS54005: 19 })
})

/** Begins a sign-in on a device and finishes it in a browser. */
async function signInByDevice(emulator: Emulator): Promise<Form> {
  const begun = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: ids.native, scope: 'api://tier1/Things.Read' }),
  })
  const { device_code, user_code } = (await begun.json()) as { device_code: string; user_code: string }
  const page = await openPage(emulator, '/common/oauth2/deviceauth', {})
  await sendForm(emulator, await sendForm(emulator, page, { user_code }), { user: alice })
  return { grant_type: 'device_code', client_id: ids.native, device_code }
}

test('a device code that is polled twenty times at once gives tokens once, and AADSTS70018 otherwise', async () => {
  await using emulator = await startTestEmulator({
    registration: withApplication('native', { isFallbackPublicClient: true }),
  })
  const form = await signInByDevice(emulator)
  expect(await atOnce(() => askToken(emulator, form))).toEqual({ 'a token': 1, AADSTS70018: 19 })
})

test('a device code of a client whose assertion takes time to check gives tokens once as well', async () => {
  const keys = await generateRsaKeys()
  const certificate = createSigningCertificate(keys, 'native', start)
  await using emulator = await startTestEmulator({
    registration: withApplication('native', { keyCredentials: [{ key: certificate.toString('base64') }] }),
  })
  const form = await signInByDevice(emulator)
  const assertion = await new SignJWT({ nbf: start, exp: start + 600 })
    .setProtectedHeader({ alg: 'RS256', x5t: thumbprintOf(certificate) })
    .setIssuer(ids.native)
    .setSubject(ids.native)
    .setAudience(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`)
    .sign(keys.privateKey)
  const proved = {
    ...form,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  }
  expect(await atOnce(() => askToken(emulator, proved))).toEqual({ 'a token': 1, AADSTS70018: 19 })
})

test('a device code stays valid when its client fails to authenticate', async () => {
  await using emulator = await startTestEmulator({
    registration: withApplication('native', { isFallbackPublicClient: true }),
  })
  const form = await signInByDevice(emulator)
  expect(refusal(await askToken(emulator, { ...form, client_secret: 'test-value' })).code).toBe(700025)
  expect((await askToken(emulator, form)).status).toBe(200)
})

test('a refresh token that is used twenty times at once gives a new token each time', async () => {
  await using emulator = await startTestEmulator()
  const { body } = await signInAndRedeem(emulator)
  const form = {
    grant_type: 'refresh_token',
    client_id: ids.native,
    refresh_token: String(body['refresh_token']),
  }
  const used = new Set<unknown>()
  const outcome = await atOnce(async () => {
    const answer = await askToken(emulator, form)
    used.add(decodeJwt(String(answer.body['access_token']))['uti'])
    return answer
  })
  expect([outcome, used.size]).toEqual([{ 'a token': 20 }, 20])
})

test('twenty requests before the first key is made are answered with that one key', async () => {
  await using emulator = await startTestEmulator()
  const issued = await Promise.all(
    Array.from({ length: 20 }, () => emulator.issueToken({ client: 'native', resource: 'v2', user: alice })),
  )
  const kids = issued.map((token) => Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  expect(new Set(kids).size).toBe(1)
  expect(await emulator.keys.list()).toHaveLength(1)
})

test('two tokens of another cloud at once are signed by the one key that is made for them', async () => {
  await using emulator = await startTestEmulator()
  const flawed = { client: 'native', resource: 'v2', user: alice, flaw: 'otherCloudKey' } as const
  await Promise.all([emulator.issueToken(flawed), emulator.issueToken(flawed)])
  const owners = (await emulator.keys.list()).map(({ owner, state }) => `${owner} ${state}`)
  expect(owners).toEqual(['tenants signing', 'usGovernment signing'])
})

test('a consent that is sent twice at once is one consent', async () => {
  await using emulator = await startTestEmulator()
  const page = await signIn(emulator, { query: { scope: 'api://v2/Things.Write' } })
  await Promise.all([1, 2].map(() => sendForm(emulator, page, { consent: 'accept' })))
  const { directory } = await emulator.exportState()
  const grants = directory.tenants[ids.contoso]?.grants.filter(
    ({ clientAppId, resourceAppId }) => clientAppId === ids.native && resourceAppId === ids.v2,
  )
  expect(grants).toEqual([expect.objectContaining({ scopes: ['Things.Write'] })])
})
