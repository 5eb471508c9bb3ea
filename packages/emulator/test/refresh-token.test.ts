import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock } from '@countersign/emulator'
import {
  askToken,
  type Form,
  ids,
  onBehalfOf,
  refusal,
  secrets,
  signInAndRedeem,
  start,
  startTestEmulator,
  verified,
} from './support.js'

let emulator: Emulator
let refreshToken: string

beforeAll(async () => {
  emulator = await startTestEmulator()
  refreshToken = String((await signInAndRedeem(emulator)).body['refresh_token'])
})
afterAll(() => emulator.stop())

const request = (token: string, changes: Form = {}): Form => ({
  grant_type: 'refresh_token',
  client_id: ids.native,
  refresh_token: token,
  ...changes,
})

test('gives a new token and a new refresh token, and leaves the old one valid', async () => {
  const first = await askToken(emulator, request(refreshToken))
  const second = await askToken(emulator, request(refreshToken))
  expect([first.status, second.status]).toEqual([200, 200])
  expect(first.body['scope']).toBe('api://tier1/Things.Read')
  expect(first.body['refresh_token']).not.toBe(refreshToken)
  expect((await askToken(emulator, request(String(first.body['refresh_token'])))).status).toBe(200)
})

test('is valid for every API the client has consent for, on either version', async () => {
  const v2 = await askToken(emulator, request(refreshToken, { scope: 'api://v2/.default' }))
  expect((await verified(emulator, v2.body['access_token'])).claims.aud).toBe(ids.v2)
  const v1 = await askToken(emulator, request(refreshToken, { resource: 'api://v1' }), { version: '1.0' })
  expect(v1.body).toMatchObject({ resource: 'api://v1', expires_in: '3599' })
})

test("lets the middle tier continue after the user's token has expired", async () => {
  await using own = await startTestEmulator({ clock: fixedClock(start) })
  const assertion = await own.issueToken({
    client: 'native',
    resource: 'tier1',
    user: 'alice@contoso.example',
  })
  const middleTier = { client_id: ids.tier1, client_secret: secrets.tier1 }
  const { body } = await askToken(own, onBehalfOf(assertion, { scope: 'offline_access api://v2/.default' }))
  own.clock.advance(86_400)
  const token = String(body['refresh_token'])
  const renewed = await askToken(own, request(token, { ...middleTier, scope: 'api://v2/.default' }))
  expect(renewed.status).toBe(200)
  expect((await verified(own, renewed.body['access_token'])).claims).toMatchObject({
    azp: ids.tier1,
    oid: ids.alice,
  })
  expect(refusal(await askToken(own, request(token, { client_id: ids.tier1 })))).toEqual({
    status: 401,
    error: 'invalid_client',
    code: 7000218,
  })
})

describe('of a long-running middle tier', () => {
  const middleTier = { client_id: ids.tier1, client_secret: secrets.tier1 }

  /** What the middle tier keeps: a refresh token it got by OBO with offline_access. */
  async function kept(own: Emulator): Promise<string> {
    const user = 'alice@contoso.example'
    const assertion = await own.issueToken({ client: 'native', resource: 'tier1', user })
    const { body } = await askToken(own, onBehalfOf(assertion, { scope: 'offline_access api://v2/.default' }))
    return String(body['refresh_token'])
  }

  test('is valid for another API than that of the first request, and stays valid after use', async () => {
    await using own = await startTestEmulator()
    const token = await kept(own)
    for (const [scope, aud] of [
      ['api://v1/.default', 'api://v1'],
      ['api://v2/.default', ids.v2],
      ['api://v1/.default', 'api://v1'],
    ]) {
      const { body } = await askToken(own, request(token, { ...middleTier, scope: scope ?? '' }))
      expect((await verified(own, body['access_token'])).claims).toMatchObject({ aud, oid: ids.alice })
    }
  })

  test('is refused for the client whose token was the assertion', async () => {
    await using own = await startTestEmulator()
    const answer = await askToken(own, request(await kept(own), { scope: 'api://v2/.default' }))
    expect(answer.status).toBe(401)
  })

  test("ends with the revocation of the user's sign-ins: AADSTS50173", async () => {
    await using own = await startTestEmulator()
    const token = await kept(own)
    const ask = (): ReturnType<typeof askToken> =>
      askToken(own, request(token, { ...middleTier, scope: 'api://v2/.default' }))
    expect((await ask()).status).toBe(200)
    own.users.revokeSessions('alice@contoso.example')
    expect(refusal(await ask())).toEqual({ status: 400, error: 'invalid_grant', code: 50173 })
  })
})

test('ends after ninety days without use', async () => {
  await using own = await startTestEmulator({ clock: fixedClock(start) })
  const token = String((await signInAndRedeem(own)).body['refresh_token'])
  own.clock.set(start + 90 * 86_400 - 1)
  expect((await askToken(own, request(token))).status).toBe(200)
  own.clock.set(start + 90 * 86_400)
  expect(refusal(await askToken(own, request(token)))).toEqual({
    status: 400,
    error: 'invalid_grant',
    code: 700082,
  })
})

describe('refuses', () => {
  test.each<[string, Form, object]>([
    ['another client', { client_id: ids.spa }, { status: 400, error: 'invalid_grant', code: 70000 }],
    [
      'a changed token',
      { refresh_token: '1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
      { status: 400, error: 'invalid_grant', code: 9002313 },
    ],
    ['no token', { refresh_token: '' }, { status: 400, error: 'invalid_request', code: 900144 }],
    [
      'an API without consent',
      { scope: 'api://tier1/Things.Write' },
      { status: 400, error: 'invalid_grant', code: 65001 },
    ],
  ])('%s', async (_, changes, expected) => {
    expect(refusal(await askToken(emulator, request(refreshToken, changes)))).toEqual(expected)
  })

  test('a token of another instance, and at another tenant', async () => {
    await using other = await startTestEmulator()
    expect(refusal(await askToken(other, request(refreshToken))).code).toBe(9002313)
    expect(refusal(await askToken(emulator, request(refreshToken), { tenant: ids.fabrikam })).code).toBe(
      70000,
    )
  })
})
