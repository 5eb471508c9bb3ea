import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock } from '@countersign/emulator'
import {
  askToken,
  createPkce,
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
} from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

const codeOf = (page: { location: URL | undefined }): string => page.location?.searchParams.get('code') ?? ''

describe('a native sign-in on v2.0', () => {
  test('ends with access, refresh and id token, in numbers and prefixed scopes', async () => {
    const { status, body } = await signInAndRedeem(emulator, { query: { nonce: 'the-nonce' } })
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'Bearer',
      scope: 'api://tier1/Things.Read',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      id_token: expect.any(String),
    })
    const access = await verified(emulator, body['access_token'])
    expect(access.header).not.toHaveProperty('x5t')
    expect(access.claims).toMatchObject({
      aud: ids.tier1,
      azp: ids.native,
      azpacr: '0',
      scp: 'Things.Read',
      oid: ids.alice,
      tid: ids.contoso,
      name: 'Alice Ash',
      preferred_username: 'alice@contoso.example',
      ver: '2.0',
    })
    for (const absent of ['upn', 'nonce', 'roles', 'appid']) expect(access.claims).not.toHaveProperty(absent)

    const id = await verified(emulator, body['id_token'])
    expect(id.claims).toMatchObject({ aud: ids.native, nonce: 'the-nonce', oid: ids.alice, ver: '2.0' })
    expect(id.claims.iss).toBe(`${emulator.origin}/${ids.contoso}/v2.0`)
    for (const absent of ['scp', 'azp', 'appid', 'azpacr']) expect(id.claims).not.toHaveProperty(absent)
    expect(id.claims.sub).not.toBe(access.claims.sub)
    expect(String(body['refresh_token']).split('.')).toHaveLength(2)
  })

  test('gives only what was asked for: no refresh token without offline_access, no id token without openid', async () => {
    const { body } = await signInAndRedeem(emulator, { query: { scope: 'api://tier1/Things.Read' } })
    expect(Object.keys(body)).toEqual(['token_type', 'scope', 'expires_in', 'ext_expires_in', 'access_token'])
    expect((await verified(emulator, body['access_token'])).claims).not.toHaveProperty('name')
  })

  test('echoes .default together with the granted scopes', async () => {
    const { body } = await signInAndRedeem(emulator, { query: { scope: 'api://v2/.default' } })
    expect(body['scope']).toBe('api://v2/Things.Read api://v2/.default')
  })

  test('issues a token for Graph to a client that asks for sign-in scopes alone', async () => {
    const { body } = await signInAndRedeem(emulator, { query: { scope: 'openid profile' } })
    expect(body['scope']).toBe('openid profile')
    expect((await verified(emulator, body['access_token'])).claims.aud).toBe(
      '00000003-0000-0000-c000-000000000000',
    )
  })

  test('puts the roles a user has through a group into the token', async () => {
    const { body } = await signInAndRedeem(emulator, { query: { scope: 'api://v2/Things.Read' } })
    expect((await verified(emulator, body['access_token'])).claims).toMatchObject({
      roles: ['Things.Manager'],
      scp: 'Things.Read',
    })
  })

  test('answers by a form that sends itself when asked for form_post', async () => {
    const page = await signIn(emulator, { query: { response_mode: 'form_post' } })
    expect(page.status).toBe(200)
    expect(page.action).toBe(nativeRedirectUri)
    expect(page.html).toMatch(/name="code" value="1\.[\w-]+"/)
    expect(page.html).toContain('name="state" value="the-state"')
  })

  test('answers in the fragment when asked for it', async () => {
    const page = await signIn(emulator, { query: { response_mode: 'fragment' } })
    expect(page.location?.search).toBe('')
    expect(new URLSearchParams(page.location?.hash.slice(1)).get('state')).toBe('the-state')
  })

  test('returns client_info to a client that asks for it', async () => {
    const page = await signIn(emulator, { query: { client_info: '1' } })
    const info: unknown = JSON.parse(
      Buffer.from(page.location?.searchParams.get('client_info') ?? '', 'base64url').toString(),
    )
    expect(info).toEqual({ uid: ids.alice, utid: ids.contoso })
  })
})

describe('a native sign-in on v1.0', () => {
  test('ends with strings, short scopes, and always a refresh token and a signed id token', async () => {
    const { status, body } = await signInAndRedeem(emulator, {
      version: '1.0',
      query: { resource: 'api://v1' },
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'Bearer',
      scope: 'Things.Read',
      expires_in: '3599',
      ext_expires_in: '3599',
      expires_on: String(start + 3600),
      not_before: String(start - 300),
      resource: 'api://v1',
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      id_token: expect.any(String),
    })
    const access = await verified(emulator, body['access_token'])
    expect(access.claims).toMatchObject({
      aud: 'api://v1',
      appid: ids.native,
      appidacr: '0',
      scp: 'Things.Read',
      oid: ids.alice,
      upn: 'alice@contoso.example',
      unique_name: 'alice@contoso.example',
      given_name: 'Alice',
      family_name: 'Ash',
      acr: '1',
      amr: ['pwd'],
      ver: '1.0',
    })
    expect((await verified(emulator, body['id_token'])).claims).toMatchObject({ aud: ids.native, ver: '1.0' })
  })
})

describe('the sign-in page', () => {
  const query: Form = {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: nativeRedirectUri,
    scope: 'openid',
    state: 'the-state',
  }
  const path = `/${ids.contoso}/oauth2/v2.0/authorize`
  const changed = (changes: Record<string, string | undefined>): Form =>
    Object.fromEntries(
      Object.entries({ ...query, ...changes }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      ),
    )

  test('lists the users of the tenant, says that it is an emulator, and escapes names', async () => {
    const page = await openPage(emulator, path, changed({ login_hint: 'bob@contoso.example' }))
    expect(page.status).toBe(200)
    expect(page.html).toContain('Countersign emulator: for development and tests')
    const users = [...page.html.matchAll(/name="user" value="([^"]+)"/g)].map(([, user]) => user)
    expect(users).toEqual(['bob', 'alice', 'carol', 'dora'].map((name) => `${name}@contoso.example`))
    expect(page.action).toBe(path)
  })

  test.each([
    ['an address nobody registered', { redirect_uri: 'https://evil.example/' }, 50011],
    ['another path', { redirect_uri: 'http://localhost:51234/other' }, 50011],
    ['another scheme', { redirect_uri: 'https://localhost:51234' }, 50011],
    ['a name in front of localhost', { redirect_uri: 'http://user@localhost:51234' }, 50011],
    ['no address', { redirect_uri: undefined }, 900144],
    ['an unknown client', { client_id: '33333333-0000-4000-8000-0000000000ff' }, 700016],
  ])('refuses %s on a page, without redirect', async (_, changes, code) => {
    const page = await openPage(emulator, path, changed(changes))
    expect(page.status).toBe(400)
    expect(page.location).toBeUndefined()
    expect(page.html).toContain(`AADSTS${code}:`)
    expect(emulator.requests.at(-1)).toMatchObject({ errorCode: code, status: 400 })
  })

  test('refuses a single-tenant client on common with AADSTS50194', async () => {
    expect((await openPage(emulator, '/common/oauth2/v2.0/authorize', query)).html).toContain('AADSTS50194:')
  })

  test.each([
    ['another response type', { response_type: 'code spin' }, 'invalid_request'],
    ['a silent sign-in', { prompt: 'none' }, 'login_required'],
    ['no scope', { scope: undefined }, 'invalid_request'],
    ['an unknown API', { scope: 'api://unknown/Things.Read' }, 'invalid_resource'],
    ['.default beside a named scope', { scope: 'api://v2/.default api://v2/Things.Read' }, 'invalid_scope'],
    ['a short code_challenge', { code_challenge: 'short' }, 'invalid_request'],
    [
      'another challenge method',
      { code_challenge: 'x'.repeat(43), code_challenge_method: 'none' },
      'invalid_request',
    ],
    ['a request object', { request: 'e30.e30.' }, 'invalid_request'],
  ])('sends the refusal of %s back to the client', async (_, changes, error) => {
    const page = await openPage(emulator, path, changed(changes))
    expect(page.status).toBe(302)
    expect(page.location?.origin).toBe(nativeRedirectUri)
    expect(page.location?.searchParams.get('error')).toBe(error)
    expect(page.location?.searchParams.get('state')).toBe('the-state')
    expect(page.location?.searchParams.has('code')).toBe(false)
  })

  test('refuses a disabled user with AADSTS50057 and one of another tenant', async () => {
    const page = await openPage(emulator, path, query)
    expect((await sendForm(emulator, page, { user: 'dora@contoso.example' })).html).toContain('AADSTS50057:')
    expect((await sendForm(emulator, page, { user: 'erin@fabrikam.example' })).html).toContain('AADSTS70000:')
  })

  test('refuses a form from another site, and one with a forged state', async () => {
    const page = await openPage(emulator, path, query)
    const crossSite = await sendForm(
      emulator,
      page,
      { user: 'alice@contoso.example' },
      { origin: 'https://evil.example' },
    )
    expect([crossSite.status, crossSite.location]).toEqual([400, undefined])
    const forged = await sendForm(
      emulator,
      { ...page, transaction: `${page.transaction}A` },
      { user: 'alice@contoso.example' },
    )
    expect([forged.status, forged.location]).toEqual([400, undefined])
  })
})

describe('the consent page', () => {
  const bob = 'bob@contoso.example'

  test('lists what is missing with the texts of the API, and grants it to that user alone', async () => {
    await using own = await startTestEmulator()
    const page = await signIn(own, { user: bob })
    expect(page.status).toBe(200)
    expect(page.html).toContain('Read your &lt;things&gt;')
    expect(page.html).not.toContain('name="organization"')
    const accepted = await sendForm(own, page, { consent: 'accept' })
    expect(codeOf(accepted)).not.toBe('')
    expect(codeOf(await signIn(own, { user: bob }))).not.toBe('')
    expect(codeOf(await signIn(own, { user: 'carol@contoso.example' }))).toBe('')
  })

  test('asks for one more scope alone when the others have been consented to, and keeps them', async () => {
    await using own = await startTestEmulator()
    const titles = (page: Page): string[] =>
      ['Read your &lt;things&gt;', 'Things.Write'].filter((title) => page.html.includes(title))
    const first = await signIn(own, { user: bob, query: { scope: 'api://v2/Things.Read' } })
    expect(titles(first)).toEqual(['Read your &lt;things&gt;'])
    await sendForm(own, first, { consent: 'accept' })

    const more = { user: bob, query: { scope: 'api://v2/Things.Read api://v2/Things.Write' } }
    const second = await signIn(own, more)
    expect(titles(second)).toEqual(['Things.Write'])
    await sendForm(own, second, { consent: 'accept' })
    const { body } = await signInAndRedeem(own, more)
    expect(
      String(decodeJwt(String(body['access_token']))['scp'])
        .split(' ')
        .toSorted(),
    ).toEqual(['Things.Read', 'Things.Write'])
  })

  test('sends access_denied back when the user declines, and grants nothing', async () => {
    await using own = await startTestEmulator()
    const page = await signIn(own, { user: bob })
    const declined = await sendForm(own, page, { consent: 'deny' })
    expect(declined.location?.searchParams.get('error')).toBe('access_denied')
    expect(declined.location?.searchParams.get('error_description')).toMatch(/^AADSTS65004:/)
    expect(codeOf(await signIn(own, { user: bob }))).toBe('')
  })

  test('lets an administrator consent for everyone', async () => {
    await using own = await startTestEmulator()
    const page = await signIn(own, { user: 'carol@contoso.example' })
    expect(page.html).toContain('name="organization"')
    expect(codeOf(await sendForm(own, page, { consent: 'accept', organization: 'true' }))).not.toBe('')
    expect(codeOf(await signIn(own, { user: bob }))).not.toBe('')
  })

  test('does not let a user consent for everyone by adding the field', async () => {
    await using own = await startTestEmulator()
    await sendForm(own, await signIn(own, { user: bob }), { consent: 'accept', organization: 'true' })
    expect(codeOf(await signIn(own, { user: 'carol@contoso.example' }))).toBe('')
  })

  test('asks again when the client wants it', async () => {
    const page = await signIn(emulator, { query: { prompt: 'consent' } })
    expect(page.html).toContain('name="consent" value="accept"')
  })

  test('is not shown for a scope that needs an administrator, nor where users may not consent: AADSTS90094', async () => {
    const admin = await signIn(emulator, { user: bob, query: { scope: 'api://v2/Things.Admin' } })
    expect(admin.location?.searchParams.get('error_description')).toMatch(/^AADSTS90094:/)
    const tenants = registration.tenants.map((tenant) => ({ ...tenant, userConsent: 'disabled' as const }))
    await using own = await startTestEmulator({ registration: { ...registration, tenants } })
    const disabled = await signIn(own, { user: bob })
    expect(disabled.location?.searchParams.get('error_description')).toMatch(/^AADSTS90094:/)
  })

  test.each([
    ['unknown', 'api://v2/Things.Unknown'],
    ['disabled', 'api://v2/Things.Gone'],
  ])('is not shown for a scope that is %s: AADSTS650053', async (_, scope) => {
    const page = await signIn(emulator, { query: { scope } })
    expect(page.location?.searchParams.get('error_description')).toMatch(/^AADSTS650053:/)
  })

  test('is not shown for an API the client does not list: AADSTS650057', async () => {
    const page = await signIn(emulator, { query: { scope: 'api://lonely/.default' } })
    expect(page.location?.searchParams.get('error_description')).toMatch(/^AADSTS650057:/)
  })
})

describe('a code', () => {
  const pkce = createPkce()
  const form = (page: { location: URL | undefined }): Form => ({
    grant_type: 'authorization_code',
    client_id: ids.native,
    redirect_uri: nativeRedirectUri,
    code: codeOf(page),
    code_verifier: pkce.verifier,
  })

  test.each<
    [string, Form, { status: number; error: string; code: number }, { tenant?: string; version?: '1.0' }?]
  >([
    [
      'a wrong verifier',
      { code_verifier: createPkce().verifier },
      { status: 400, error: 'invalid_grant', code: 501481 },
    ],
    ['no verifier', { code_verifier: '' }, { status: 400, error: 'invalid_grant', code: 50148 }],
    [
      'another redirect URI',
      { redirect_uri: 'http://localhost:1' },
      { status: 401, error: 'invalid_client', code: 500112 },
    ],
    ['another client', { client_id: ids.daemon }, { status: 400, error: 'invalid_grant', code: 70000 }],
    [
      'a credential of a public client',
      { client_secret: 'test-value' },
      { status: 401, error: 'invalid_client', code: 700025 },
    ],
    [
      'another tenant segment',
      {},
      { status: 400, error: 'invalid_grant', code: 700005 },
      { tenant: 'contoso.example' },
    ],
    ['a made-up code', { code: '1.AAAA' }, { status: 400, error: 'invalid_grant', code: 9002313 }],
    [
      'two APIs',
      { scope: 'api://v1/Things.Read api://v2/Things.Read' },
      { status: 400, error: 'invalid_request', code: 28000 },
    ],
    [
      'an API without consent',
      { scope: 'api://tier1/Things.Write' },
      { status: 400, error: 'invalid_grant', code: 65001 },
    ],
  ])('is refused with %s', async (_, changes, expected, settings) => {
    const answer = await askToken(
      emulator,
      { ...form(await signIn(emulator, { pkce })), ...changes },
      settings,
    )
    expect(refusal(answer)).toEqual(expected)
  })

  test('is redeemed once: the second time is refused with AADSTS54005', async () => {
    const page = await signIn(emulator, { pkce })
    expect((await askToken(emulator, form(page))).status).toBe(200)
    expect(refusal(await askToken(emulator, form(page))).code).toBe(54005)
  })

  test('is valid for ten minutes', async () => {
    await using own = await startTestEmulator({ clock: fixedClock(start) })
    const [last, late] = [await signIn(own, { pkce }), await signIn(own, { pkce })]
    own.clock.advance(599)
    expect((await askToken(own, form(last))).status).toBe(200)
    own.clock.advance(1)
    expect(refusal(await askToken(own, form(late))).code).toBe(70008)
  })

  test('that was requested without a challenge is refused with a verifier', async () => {
    const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
      client_id: ids.native,
      response_type: 'code',
      redirect_uri: nativeRedirectUri,
      scope: 'openid',
    })
    const answered = await sendForm(emulator, page, { user: 'alice@contoso.example' })
    expect(refusal(await askToken(emulator, form(answered))).code).toBe(501481)
  })

  test('of a web application needs its credential, and keeps the query of its address', async () => {
    const redirectUri = 'https://web.contoso.example/signed-in?from=entra'
    const page = await signIn(emulator, {
      pkce,
      query: { client_id: ids.web, redirect_uri: redirectUri, scope: 'api://v2/.default' },
    })
    expect(page.location?.searchParams.get('from')).toBe('entra')
    const request = { ...form(page), client_id: ids.web, redirect_uri: redirectUri }
    expect(refusal(await askToken(emulator, request))).toEqual({
      status: 401,
      error: 'invalid_client',
      code: 7000218,
    })
    const { status, body } = await askToken(emulator, { ...request, client_secret: secrets.web })
    expect(status).toBe(200)
    expect((await verified(emulator, body['access_token'])).claims['azpacr']).toBe('1')
  })

  test('of a single-page application needs PKCE and a page to redeem it', async () => {
    const redirectUri = 'https://spa.contoso.example/'
    const query = { client_id: ids.spa, redirect_uri: redirectUri, scope: 'openid api://v2/.default' }
    const unprotected = await signIn(emulator, { query: { ...query, code_challenge: '' } })
    expect(unprotected.location?.searchParams.get('error_description')).toMatch(/^AADSTS9002325:/)
    const request = {
      ...form(await signIn(emulator, { pkce, query })),
      client_id: ids.spa,
      redirect_uri: redirectUri,
    }
    expect(refusal(await askToken(emulator, request)).code).toBe(9002327)
    const answer = await askToken(emulator, request, { headers: { origin: 'https://spa.contoso.example' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://spa.contoso.example')
  })
})
