import { createHash } from 'node:crypto'
import { request as secureRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, type Registration, startEmulator } from '@countersign/emulator'
import {
  askToken,
  Browser,
  type Form,
  ids,
  nativeRedirectUri,
  openPage,
  type Page,
  refusal,
  registration,
  secrets,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
  startTestEmulator,
  verified,
  withApplication,
  withContoso,
} from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator({ registration: withDevices() })
})
afterAll(() => emulator.stop())

/** The registration with a client for devices, a front-channel logout and id tokens from the sign-in page. */
function withDevices(): Registration {
  const applications = registration.applications.map((application) => {
    if (application.displayName === 'native') return { ...application, isFallbackPublicClient: true }
    if (application.displayName !== 'web') return application
    return {
      ...application,
      web: {
        ...application.web,
        logoutUrl: 'https://web.contoso.example/signed-out',
        implicitGrantSettings: { enableIdTokenIssuance: true },
      },
    }
  })
  return { ...registration, applications }
}

async function getJson(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${emulator.origin}${path}`)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('instance discovery', () => {
  const ask = (endpoint: string): ReturnType<typeof getJson> =>
    getJson(
      `/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(endpoint)}`,
    )

  test('knows its own host and aliases', async () => {
    const { status, body } = await ask(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/authorize`)
    const host = new URL(emulator.origin).host
    expect(status).toBe(200)
    expect(Object.keys(body)).toEqual(['tenant_discovery_endpoint', 'api-version', 'metadata'])
    expect(body).toMatchObject({
      tenant_discovery_endpoint: `${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: expect.arrayContaining([host]) }],
    })
  })

  test('refuses another host with invalid_instance, AADSTS50049', async () => {
    expect((await ask('https://login.evil.example/common')).body).toMatchObject({
      error: 'invalid_instance',
      error_codes: [50049],
    })
  })
})

test('the user realm of a known domain is managed, of another unknown', async () => {
  expect((await getJson('/common/userrealm/alice@contoso.example?api-version=1.0')).body).toEqual({
    ver: '1.0',
    account_type: 'Managed',
    domain_name: 'contoso.example',
    cloud_instance_name: 'microsoftonline.com',
    cloud_audience_urn: 'urn:federation:MicrosoftOnline',
  })
  expect((await getJson('/common/userrealm/alice@other.example')).body).toMatchObject({
    account_type: 'Unknown',
  })
})

describe('device code', () => {
  async function begin(version: '1.0' | '2.0', fields: Form = {}): Promise<Record<string, unknown>> {
    const path = version === '1.0' ? '/oauth2/devicecode' : '/oauth2/v2.0/devicecode'
    const response = await fetch(`${emulator.origin}/${ids.contoso}${path}`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: ids.native,
        ...(version === '1.0'
          ? { resource: 'api://tier1' }
          : { scope: 'openid offline_access api://tier1/Things.Read' }),
        ...fields,
      }),
    })
    return (await response.json()) as Record<string, unknown>
  }

  async function enter(userCode: unknown, user = 'alice@contoso.example'): Promise<Page> {
    const page = await openPage(emulator, '/common/oauth2/deviceauth', {})
    const next = await sendForm(emulator, page, { user_code: String(userCode) })
    return next.transaction === '' ? next : sendForm(emulator, next, { user })
  }

  const poll = (
    deviceCode: unknown,
    version: '1.0' | '2.0' = '2.0',
    changes: Form = {},
  ): ReturnType<typeof askToken> =>
    askToken(
      emulator,
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: ids.native,
        [version === '1.0' ? 'code' : 'device_code']: String(deviceCode),
        ...changes,
      },
      { version },
    )

  test('answers numbers on v2.0, is pending until the user has signed in, and then gives tokens once', async () => {
    const begun = await begin('2.0')
    expect(begun).toEqual({
      user_code: expect.stringMatching(/^[A-Z2-9]{9}$/),
      device_code: expect.any(String),
      verification_uri: `${emulator.origin}/common/oauth2/deviceauth`,
      expires_in: 900,
      interval: 5,
      message: expect.stringContaining(String(begun['user_code'])),
    })
    expect(refusal(await poll(begun['device_code']))).toEqual({
      status: 400,
      error: 'authorization_pending',
      code: 70016,
    })
    const done = await enter(begun['user_code'])
    expect(done.html).toContain('You have signed in to native')
    const { status, body } = await poll(begun['device_code'], '2.0', { grant_type: 'device_code' })
    expect(status).toBe(200)
    expect((await verified(emulator, body['access_token'])).claims).toMatchObject({
      aud: ids.tier1,
      oid: ids.alice,
      azpacr: '0',
    })
    expect(body).toMatchObject({ refresh_token: expect.any(String), id_token: expect.any(String) })
    expect(refusal(await poll(begun['device_code'])).code).toBe(70018)
  })

  test('answers strings on v1.0, under the names of v1.0', async () => {
    const begun = await begin('1.0')
    expect(begun).toMatchObject({
      verification_url: `${emulator.origin}/common/oauth2/deviceauth`,
      expires_in: '900',
      interval: '5',
    })
    await enter(begun['user_code'])
    const { status, body } = await poll(begun['device_code'], '1.0', { grant_type: 'device_code' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ expires_in: '3599', resource: 'api://tier1' })
  })

  test('is refused when declined, expired, of another client, or mistyped', async () => {
    const declined = await begin('2.0', { scope: 'api://v2/Things.Write' })
    const page = await enter(declined['user_code'])
    expect(page.html).toContain('Accept')
    await sendForm(emulator, page, { consent: 'deny' })
    expect(refusal(await poll(declined['device_code'])).error).toBe('authorization_declined')

    const other = await begin('2.0')
    expect(refusal(await poll(other['device_code'], '2.0', { client_id: ids.web })).error).toBe(
      'bad_verification_code',
    )
    expect((await enter('AAAAAAAAA')).html).toContain('AADSTS70018:')
    const late = await startTestEmulator({ registration: withDevices(), clock: fixedClock(start) })
    await using _ = late
    const path = `${late.origin}/${ids.contoso}/oauth2/v2.0/devicecode`
    const response = await fetch(path, {
      method: 'POST',
      body: new URLSearchParams({ client_id: ids.native, scope: 'api://tier1/.default' }),
    })
    const { device_code: deviceCode } = (await response.json()) as { device_code: string }
    late.clock.advance(900)
    const expired = await askToken(late, {
      grant_type: 'device_code',
      client_id: ids.native,
      device_code: deviceCode,
    })
    expect(refusal(expired).error).toBe('expired_token')
  })

  test('is valid for a quarter of an hour: pending in its last second, expired in the next', async () => {
    await using own = await startTestEmulator({ registration: withDevices() })
    const begun = await fetch(`${own.origin}/${ids.contoso}/oauth2/v2.0/devicecode`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: ids.native, scope: 'api://tier1/.default' }),
    })
    const { device_code } = (await begun.json()) as { device_code: string }
    const form = { grant_type: 'device_code', client_id: ids.native, device_code }
    own.clock.advance(899)
    expect(refusal(await askToken(own, form)).code).toBe(70016)
    own.clock.advance(1)
    expect(refusal(await askToken(own, form))).toEqual({ status: 400, error: 'expired_token', code: 70019 })
  })

  test('of a client that is not public needs its credential: AADSTS7000218', async () => {
    const begun = await begin('2.0', { client_id: ids.web, scope: 'api://v2/Things.Read' })
    await enter(begun['user_code'])
    expect(refusal(await poll(begun['device_code'], '2.0', { client_id: ids.web })).code).toBe(7000218)
  })
})

const query = {
  client_id: ids.native,
  response_type: 'code',
  redirect_uri: nativeRedirectUri,
  scope: 'openid api://tier1/Things.Read',
}
/** Over https, with the certificate of the emulator. */
function ofSecure(own: Emulator, url: string, form?: string): Promise<{ text: string; cookie: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const options = { ca: own.certificate, method: form === undefined ? 'GET' : 'POST', headers }
    secureRequest(url, options, (response) => {
      const cookie = response.headers['set-cookie']?.[0] ?? ''
      void text(response).then((body) => resolve({ text: body, cookie }), reject)
    })
      .on('error', reject)
      .end(form)
  })
}

const silent = `/${ids.contoso}/oauth2/v2.0/authorize?${new URLSearchParams({ ...query, prompt: 'none' }).toString()}`

const answerOf = (response: Response): URLSearchParams =>
  new URL(response.headers.get('location') ?? '').searchParams

describe('single sign-on', () => {
  test('lets a browser that has signed in continue silently, and no other', async () => {
    const browser = new Browser(emulator)
    expect(answerOf(await browser.open(silent)).get('error')).toBe('login_required')
    expect(answerOf(await browser.signIn(query, 'alice@contoso.example')).has('code')).toBe(true)
    expect(browser.cookie).not.toContain(ids.alice)
    expect(answerOf(await browser.open(silent)).has('code')).toBe(true)
    expect(answerOf(await new Browser(emulator).open(silent)).get('error')).toBe('login_required')
  })

  test('is sent in frames of other sites over https alone, as cookies are', async () => {
    await using secure = await startTestEmulator({ https: true })
    const page = await ofSecure(
      secure,
      `${secure.origin}/${ids.contoso}/oauth2/v2.0/authorize?${new URLSearchParams(query).toString()}`,
    )
    const transaction = /name="transaction" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    const signedIn = await ofSecure(
      secure,
      `${secure.origin}/${ids.contoso}/oauth2/v2.0/authorize`,
      new URLSearchParams({ transaction, user: 'alice@contoso.example' }).toString(),
    )
    expect(signedIn.cookie).toMatch(/; HttpOnly; SameSite=None; Secure$/)
    const browser = new Browser(emulator)
    const plain = await browser.signIn(query, 'alice@contoso.example')
    expect(plain.headers.getSetCookie()[0]).toMatch(/; HttpOnly; SameSite=Lax$/)
  })

  test('asks for a hint when two accounts are signed in, and follows it', async () => {
    const browser = new Browser(emulator)
    await browser.signIn(query, 'alice@contoso.example')
    await browser.signIn({ ...query, prompt: 'select_account' }, 'bob@contoso.example')
    expect(answerOf(await browser.open(silent)).get('error')).toBe('interaction_required')
    expect(answerOf(await browser.open(`${silent}&login_hint=alice@contoso.example`)).has('code')).toBe(true)
  })

  test('answers a silent request with the missing consent, and grants nothing', async () => {
    const browser = new Browser(emulator)
    await browser.signIn(query, 'alice@contoso.example')
    const wanting = silent.replace('Things.Read', 'Things.Write')
    const answer = answerOf(await browser.open(wanting))
    expect([answer.get('error'), answer.get('error_description')]).toEqual([
      'interaction_required',
      expect.stringContaining('AADSTS65001'),
    ])
  })

  test('ends with the revocation of the sign-in', async () => {
    await using own = await startTestEmulator()
    const page = await signIn(own)
    expect(page.location?.searchParams.has('code')).toBe(true)
    const browser = new Browser(emulator)
    await browser.signIn(query, 'alice@contoso.example')
    emulator.users.revokeSessions('alice@contoso.example')
    expect(answerOf(await browser.open(silent)).get('error')).toBe('login_required')
  })
})

describe('sign-out', () => {
  const web = {
    client_id: ids.web,
    response_type: 'code',
    redirect_uri: 'https://web.contoso.example/signed-in?from=entra',
    scope: 'openid api://v2/Things.Read',
  }

  test('ends the sign-in and redirects to a registered address with the state', async () => {
    const browser = new Browser(emulator)
    await browser.signIn(query, 'alice@contoso.example')
    const back = encodeURIComponent('http://localhost')
    const response = await browser.open(
      `/${ids.contoso}/oauth2/v2.0/logout?post_logout_redirect_uri=${back}&state=s`,
    )
    expect([response.status, response.headers.get('location')]).toEqual([302, 'http://localhost/?state=s'])
    expect(answerOf(await browser.open(silent)).get('error')).toBe('login_required')
  })

  test('does not redirect to an address that is not registered', async () => {
    const response = await new Browser(emulator).open(
      `/common/oauth2/logout?post_logout_redirect_uri=${encodeURIComponent('https://evil.example/')}`,
    )
    expect(response.status).toBe(200)
    expect(await response.text()).not.toContain('evil.example')
  })

  test('notifies the applications that were signed in to, in frames', async () => {
    const browser = new Browser(emulator)
    await browser.signIn(web, 'alice@contoso.example')
    const response = await browser.open('/common/oauth2/v2.0/logout')
    const html = await response.text()
    expect(html).toMatch(
      /<iframe src="https:\/\/web\.contoso\.example\/signed-out\?iss=[^"]+&amp;sid=[\w-]{36}"/,
    )
    expect(response.headers.get('content-security-policy')).toContain(
      'frame-src https://web.contoso.example;',
    )
  })
})

describe('an id token from the sign-in page', () => {
  const web = {
    client_id: ids.web,
    redirect_uri: 'https://web.contoso.example/signed-in?from=entra',
    scope: 'openid profile',
    nonce: 'the-nonce',
  }
  const path = `/${ids.contoso}/oauth2/v2.0/authorize`
  const fragment = (page: Page): URLSearchParams => new URLSearchParams(page.location?.hash.slice(1))

  test('comes beside the code, in the fragment, with the hash of the code', async () => {
    const page = await openPage(emulator, path, { ...web, response_type: 'code id_token' })
    const answer = fragment(await sendForm(emulator, page, { user: 'alice@contoso.example' }))
    const claims = decodeJwt(answer.get('id_token') ?? '')
    const hash = createHash('sha256')
      .update(answer.get('code') ?? '')
      .digest()
    expect(claims).toMatchObject({
      aud: ids.web,
      nonce: 'the-nonce',
      c_hash: hash.subarray(0, 16).toString('base64url'),
    })
  })

  test('is refused for a client without the setting (AADSTS700054), in a query, and without nonce', async () => {
    const native = { ...query, response_type: 'id_token', nonce: 'n' }
    const other = await openPage(emulator, path, native)
    expect(fragment(other).get('error')).toBe('unsupported_response_type')
    const inQuery = { ...web, response_type: 'id_token', response_mode: 'query' }
    expect((await openPage(emulator, path, inQuery)).html).toContain('AADSTS9002313')
    const { nonce: _, ...without } = web
    expect(
      fragment(await openPage(emulator, path, { ...without, response_type: 'id_token' })).get('error'),
    ).toBe('invalid_request')
  })
})

describe('what Graph answers about the signed-in user', () => {
  const get = async (path: string, token: unknown, method = 'GET'): Promise<Response> =>
    fetch(`${emulator.origin}${path}`, { method, headers: { authorization: `Bearer ${String(token)}` } })

  test('me and userinfo, for a token of Graph alone', async () => {
    const { body } = await signInAndRedeem(emulator, { query: { scope: 'openid profile' } })
    const me = await get('/v1.0/me', body['access_token'])
    expect(await me.json()).toMatchObject({ id: ids.alice, userPrincipalName: 'alice@contoso.example' })
    const info = await get('/oidc/userinfo', body['access_token'])
    expect(await info.json()).toMatchObject({
      name: 'Alice Ash',
      sub: decodeJwt(String(body['access_token'])).sub,
    })
    const other = await signInAndRedeem(emulator)
    expect((await get('/v1.0/me', other.body['access_token'])).status).toBe(401)
    expect((await get('/v1.0/me', 'none')).status).toBe(401)
  })

  test('userinfo of v1.0', async () => {
    const { body } = await signInAndRedeem(emulator, { version: '1.0', query: { resource: 'api://v1' } })
    const info = await get(`/${ids.contoso}/openid/userinfo`, body['access_token'])
    expect(await info.json()).toMatchObject({ oid: ids.alice, upn: 'alice@contoso.example' })
  })

  test('the groups of a user with too many for a token, where the token points', async () => {
    const groups = Array.from({ length: 201 }, (_, index) => ({
      displayName: `group ${index}`,
      members: ['alice@contoso.example'],
    }))
    const { applications = [] } = withApplication('v2', { groupMembershipClaims: 'SecurityGroup' })
    await using own = await startEmulator({
      registration: { ...withContoso({ groups, appRoleAssignments: [] }), applications },
    })
    const token = await own.issueToken({ client: 'native', resource: 'v2', user: 'alice@contoso.example' })
    const claims = decodeJwt(token)
    expect(claims).not.toHaveProperty('groups')
    expect(claims['_claim_names']).toEqual({ groups: 'src1' })
    const sources = claims['_claim_sources'] as { src1: { endpoint: string } }
    const response = await fetch(sources.src1.endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(((await response.json()) as { value: string[] }).value).toHaveLength(201)
  })
})

test('the correlation id is echoed, and telemetry is answered in x-ms-clitelem', async () => {
  const { headers, body } = await askToken(
    emulator,
    { grant_type: 'client_credentials', client_id: ids.daemon, 'x-client-current-telemetry': '5|1,0|' },
    {
      headers: {
        'client-request-id': '55555555-0000-4000-8000-000000000001',
        'return-client-request-id': 'true',
      },
    },
  )
  expect(headers.get('client-request-id')).toBe('55555555-0000-4000-8000-000000000001')
  expect(headers.get('x-ms-clitelem')).toBe('1,7000216,0,,')
  expect(headers.get('x-ms-request-id')).toBe(body['trace_id'])
  expect(body['correlation_id']).toBe('55555555-0000-4000-8000-000000000001')
})

test.each([
  ['a token', { client_secret: secrets.daemon }, 200],
  ['a refusal', { client_secret: 'test-value' }, 401],
])('%s has the headers of Entra', async (_, credential, expected) => {
  const { status, headers } = await askToken(emulator, {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    scope: 'api://v2/.default',
    ...credential,
  })
  expect(status).toBe(expected)
  const named = ['cache-control', 'pragma', 'expires', 'x-content-type-options', 'p3p', 'x-ms-ests-server']
  expect(Object.fromEntries(named.map((name) => [name, headers.get(name)]))).toEqual({
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
    expires: '-1',
    'x-content-type-options': 'nosniff',
    p3p: 'CP="DSP CUR OTPi IND OTRi ONL FIN"',
    'x-ms-ests-server': expect.any(String),
  })
  expect(headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  // Without telemetry there is none to answer.
  expect(headers.get('x-ms-clitelem')).toBeNull()
})
