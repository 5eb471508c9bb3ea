import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock } from '@countersign/emulator'
import {
  askToken,
  type Form,
  ids,
  onBehalfOf,
  refusal,
  signInAndRedeem,
  start,
  startTestEmulator,
  verified,
} from './support.js'

let emulator: Emulator
let userToken: string
let idToken: string

beforeAll(async () => {
  emulator = await startTestEmulator()
  const { body } = await signInAndRedeem(emulator)
  userToken = String(body['access_token'])
  idToken = String(body['id_token'])
})
afterAll(() => emulator.stop())

test('gives the middle tier a v2.0 token for the user at the next API, and no more than it asks for', async () => {
  const { status, body } = await askToken(emulator, onBehalfOf(userToken, { scope: 'api://v2/Things.Read' }))
  expect(status).toBe(200)
  expect(body).toEqual({
    token_type: 'Bearer',
    scope: 'api://v2/Things.Read api://v2/Things.Write',
    expires_in: 3599,
    ext_expires_in: 3599,
    access_token: expect.any(String),
  })
  const { claims } = await verified(emulator, body['access_token'])
  expect(claims).toMatchObject({
    aud: ids.v2,
    azp: ids.tier1,
    azpacr: '1',
    oid: ids.alice,
    tid: ids.contoso,
    scp: 'Things.Read Things.Write',
    roles: ['Things.Manager'],
  })
  expect(claims.sub).not.toBe((await verified(emulator, userToken)).claims.sub)
})

test('gives a refresh token, an id token and client_info on v2.0 when asked, and echoes .default', async () => {
  const { body } = await askToken(
    emulator,
    onBehalfOf(userToken, { scope: 'openid profile offline_access api://v2/.default', client_info: '1' }),
  )
  expect(body).toMatchObject({
    scope: 'api://v2/Things.Read api://v2/Things.Write api://v2/.default',
    refresh_token: expect.any(String),
    id_token: expect.any(String),
    client_info: Buffer.from(JSON.stringify({ uid: ids.alice, utid: ids.contoso })).toString('base64url'),
  })
})

test('answers v1.0 with strings, short scopes and always a refresh token', async () => {
  const { status, body } = await askToken(emulator, onBehalfOf(userToken, { resource: 'api://v1' }), {
    version: '1.0',
  })
  expect(status).toBe(200)
  expect(body).toEqual({
    token_type: 'Bearer',
    scope: 'Things.Read Things.Write',
    expires_in: '3599',
    ext_expires_in: '3599',
    expires_on: String(start + 3600),
    not_before: String(start - 300),
    resource: 'api://v1',
    access_token: expect.any(String),
    refresh_token: expect.any(String),
  })
  expect((await verified(emulator, body['access_token'])).claims).toMatchObject({
    aud: 'api://v1',
    appid: ids.tier1,
    appidacr: '1',
    oid: ids.alice,
    ver: '1.0',
  })
})

test('reads the tenant from the assertion on common', async () => {
  const { status } = await askToken(emulator, onBehalfOf(userToken, { scope: 'api://v2/.default' }), {
    tenant: 'common',
  })
  expect(status).toBe(200)
})

describe('refuses', () => {
  const toV2 = { scope: 'api://v2/.default' }
  const invalidGrant = (code: number): object => ({ status: 400, error: 'invalid_grant', code })

  test('a token for another API with AADSTS500131', async () => {
    const token = await emulator.issueToken({
      client: 'native',
      resource: 'v2',
      user: 'alice@contoso.example',
    })
    expect(refusal(await askToken(emulator, onBehalfOf(token, toV2)))).toEqual(invalidGrant(500131))
  })

  test('an id token with AADSTS240002', async () => {
    expect(refusal(await askToken(emulator, onBehalfOf(idToken, toV2)))).toEqual({
      status: 400,
      error: 'invalid_request',
      code: 240002,
    })
  })

  test('an application token with AADSTS7000114', async () => {
    const token = await emulator.issueToken({ client: 'daemon', resource: 'tier1' })
    expect(refusal(await askToken(emulator, onBehalfOf(token, toV2)))).toEqual({
      status: 400,
      error: 'unauthorized_client',
      code: 7000114,
    })
  })

  test('a token at the second it expires with AADSTS500133, and not a second before', async () => {
    await using own = await startTestEmulator({ clock: fixedClock(start) })
    const token = await own.issueToken({ client: 'native', resource: 'tier1', user: 'alice@contoso.example' })
    own.clock.set(start + 3599.999)
    expect((await askToken(own, onBehalfOf(token, toV2))).status).toBe(200)
    own.clock.set(start + 3600)
    expect(refusal(await askToken(own, onBehalfOf(token, toV2)))).toEqual(invalidGrant(500133))
  })

  test('a token of another instance, a changed one, an unsigned one and nonsense with AADSTS50013', async () => {
    await using other = await startTestEmulator()
    const foreign = await other.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'alice@contoso.example',
    })
    const [header = '', payload = '', signature = ''] = userToken.split('.')
    const changed = [header, Buffer.from('{"scp":"Things.Admin"}').toString('base64url'), signature].join('.')
    const none = [Buffer.from('{"alg":"none"}').toString('base64url'), payload, ''].join('.')
    for (const token of [foreign, changed, none, 'nonsense']) {
      expect(refusal(await askToken(emulator, onBehalfOf(token, toV2)))).toEqual(invalidGrant(50013))
    }
  })

  test('a token of one tenant at the endpoint of another with AADSTS50013', async () => {
    const answer = await askToken(emulator, onBehalfOf(userToken, toV2), { tenant: ids.fabrikam })
    expect(refusal(answer)).toEqual(invalidGrant(50013))
  })

  test('a middle tier without consent with AADSTS65001 and what to do about it', async () => {
    const answer = await askToken(emulator, onBehalfOf(userToken, { scope: 'api://lonely/.default' }))
    expect(refusal(answer)).toEqual(invalidGrant(65001))
    expect(answer.body['suberror']).toBe('consent_required')
    const v1 = await askToken(emulator, onBehalfOf(userToken, { resource: 'api://lonely' }), {
      version: '1.0',
    })
    expect(refusal(v1)).toEqual(invalidGrant(65001))
  })

  test('a user whose account was disabled with AADSTS50057', async () => {
    const token = await emulator.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'dora@contoso.example',
      scopes: ['Things.Read'],
    })
    expect(refusal(await askToken(emulator, onBehalfOf(token, toV2)))).toEqual(invalidGrant(50057))
  })

  test.each<[string, Form, object]>([
    [
      'a wrong secret',
      { client_secret: 'test-value-wrong' },
      { status: 401, error: 'invalid_client', code: 7000215 },
    ],
    ['no credential', { client_secret: '' }, { status: 401, error: 'invalid_client', code: 7000218 }],
    ['no assertion', { assertion: '' }, { status: 400, error: 'invalid_request', code: 900144 }],
    [
      'no requested_token_use',
      { requested_token_use: '' },
      { status: 400, error: 'invalid_request', code: 900144 },
    ],
    ['no scope', { scope: '' }, { status: 400, error: 'invalid_request', code: 90014 }],
    [
      'two APIs',
      { scope: 'api://v1/.default api://v2/.default' },
      { status: 400, error: 'invalid_request', code: 28000 },
    ],
    [
      'an unknown API',
      { scope: 'api://unknown/.default' },
      { status: 400, error: 'invalid_resource', code: 500011 },
    ],
    [
      'an unknown scope',
      { scope: 'api://v2/Things.Unknown' },
      { status: 400, error: 'invalid_client', code: 650053 },
    ],
    [
      'itself by its URI',
      { scope: 'api://tier1/.default' },
      { status: 400, error: 'invalid_request', code: 90009 },
    ],
  ])('%s', async (_, changes, expected) => {
    const answer = await askToken(emulator, onBehalfOf(userToken, { ...toV2, ...changes }))
    expect(refusal(answer)).toEqual(expected)
  })
})
