import { PublicClientApplication } from '@azure/msal-node'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import type { EmulatorOptions, Registration } from '@countersign/emulator'
import {
  type Answer,
  askToken,
  contoso,
  type Form,
  ids,
  refusal,
  secrets,
  startTestEmulator,
  withContoso,
} from './support.js'

const username = 'alice@contoso.example'
const password = 'test-value-password'

function withPasswords(changes: Parameters<typeof withContoso>[0] = {}): Registration {
  const users = contoso.users.map((user) => ({ ...user, passwordProfile: { password } }))
  const base = withContoso({ users: users as never, ...changes })
  return {
    ...base,
    applications: (base.applications ?? []).map((application) =>
      application.displayName === 'native' ? { ...application, isFallbackPublicClient: true } : application,
    ),
  }
}

async function ask(form: Form = {}, options: EmulatorOptions = {}, settings = {}): Promise<Answer> {
  await using emulator = await startTestEmulator({
    registration: withPasswords(),
    allowPasswordGrant: true,
    ...options,
  })
  return await askToken(
    emulator,
    {
      grant_type: 'password',
      client_id: ids.native,
      username,
      password,
      scope: 'openid offline_access api://tier1/Things.Read',
      ...form,
    },
    settings,
  )
}

describe('the password grant', () => {
  test('is refused with AADSTS70003 unless an option allows it', async () => {
    expect(refusal(await ask({}, { allowPasswordGrant: false })).code).toBe(70003)
  })

  test('answers with an access token, a refresh token and an id token for the user', async () => {
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ oid: ids.alice, scp: 'Things.Read' })
    expect(decodeJwt(String(body['id_token']))).toMatchObject({ aud: ids.native })
    expect(typeof body['refresh_token']).toBe('string')
  })

  test('serves v1.0 and the address organizations as well', async () => {
    const v1 = await ask({ resource: 'api://tier1', scope: '' }, {}, { version: '1.0' })
    expect([v1.status, v1.body['resource']]).toEqual([200, 'api://tier1'])
    const client = { client_id: ids.fleet, client_secret: 'test-value-fleet', scope: 'openid' }
    const organizations = await ask({ ...client }, {}, { tenant: 'organizations' })
    expect(refusal(organizations).code).not.toBe(9001023)
    for (const tenant of ['common', 'consumers']) {
      expect([tenant, refusal(await ask({}, {}, { tenant })).code]).toEqual([
        tenant,
        tenant === 'common' ? 9001023 : 90002,
      ])
    }
  })

  test.each<[string, Form, number]>([
    ['a wrong password', { password: 'wrong' }, 50126],
    ['no password', { password: '' }, 900144],
    ['an unknown user', { username: 'nobody@contoso.example' }, 50034],
    ['a disabled user', { username: 'dora@contoso.example' }, 50057],
    ['a missing consent', { scope: 'api://v2/Things.Write' }, 65001],
    ['a confidential client without a credential', { client_id: ids.daemon }, 7000218],
    ['a wrong secret', { client_id: ids.daemon, client_secret: 'wrong' }, 7000215],
    ['two APIs', { scope: 'api://v2/Things.Read api://v1/Things.Read' }, 28000],
    ['no scope', { scope: '' }, 90014],
  ])('refuses %s', async (_, form, code) => {
    expect(refusal(await ask(form)).code).toBe(code)
  })

  test('refuses a user without a password in the registration, whatever is sent', async () => {
    const registration = withPasswords({ users: contoso.users as never })
    for (const text of ['undefined', 'null', ' ', '[hidden]']) {
      expect(refusal(await ask({ password: text }, { registration })).code).toBe(50126)
    }
  })

  test.each([
    ['mfa', 50076, 'invalid_grant'],
    ['mfaEnrolment', 50079, 'interaction_required'],
    ['block', 53003, undefined],
  ] as const)('answers with the outcome of Conditional Access: %s', async (demand, code, error) => {
    const registration = withPasswords({ conditionalAccess: [{ displayName: 'policy', demand }] })
    const answer = await ask({}, { registration })
    expect(refusal(answer).code).toBe(code)
    if (error !== undefined) expect(refusal(answer).error).toBe(error)
    if (demand === 'mfa')
      expect(answer.body).toMatchObject({
        suberror: 'basic_action',
        claims: expect.stringContaining('capolids'),
      })
  })

  test('is what MSAL Node asks with', async () => {
    await using emulator = await startTestEmulator({
      registration: withPasswords(),
      allowPasswordGrant: true,
    })
    const { host } = new URL(emulator.origin)
    const discovery = await fetch(`${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
    const application = new PublicClientApplication({
      auth: {
        clientId: ids.native,
        authority: `https://${host}/${ids.contoso}`,
        knownAuthorities: [host],
        authorityMetadata: await discovery.text(),
      },
    })
    const result = await application.acquireTokenByUsernamePassword({
      scopes: ['api://tier1/Things.Read'],
      username,
      password,
    })
    expect(decodeJwt(result?.accessToken ?? '')).toMatchObject({ oid: ids.alice })
  })

  test('passwords are hidden on the page and in the control API, and restored from what is sent back', async () => {
    await using emulator = await startTestEmulator({
      registration: withPasswords(),
      allowPasswordGrant: true,
    })
    const shown = emulator.registration.read()
    expect(JSON.stringify(shown)).not.toContain(password)
    expect(await (await fetch(`${emulator.origin}/_/registration`)).text()).not.toContain(password)
    emulator.registration.replace(shown)
    const form = {
      grant_type: 'password',
      client_id: ids.native,
      username,
      password,
      scope: 'api://tier1/Things.Read',
    }
    expect((await askToken(emulator, form)).status).toBe(200)
    const renamed = JSON.parse(
      JSON.stringify(shown).replaceAll('bob@contoso.example', 'rob@contoso.example'),
    ) as Registration
    expect(() => emulator.registration.replace(renamed)).toThrow(
      'registration: tenants[0].users[1].passwordProfile.password: does not identify one password',
    )
    expect(JSON.stringify(emulator.requests)).not.toContain(password)
    expect(secrets.daemon).not.toBe(password)
  })
})
