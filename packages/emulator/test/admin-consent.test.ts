import { expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import {
  askToken,
  ids,
  openPage,
  type Page,
  refusal,
  sendForm,
  startTestEmulator,
  verified,
} from './support.js'

const path = { '1.0': `/${ids.fabrikam}/adminconsent`, '2.0': `/${ids.fabrikam}/v2.0/adminconsent` } as const
const scope = { '1.0': {}, '2.0': { scope: 'api://fleet-api/.default' } } as const

async function open(
  emulator: Emulator,
  version: '1.0' | '2.0',
  user = 'erin@fabrikam.example',
): Promise<Page> {
  const page = await openPage(emulator, path[version], {
    client_id: ids.fleet,
    redirect_uri: 'http://localhost:8080/consented',
    state: 'the-state',
    ...scope[version],
  })
  return sendForm(emulator, page, { user })
}

const asFleet = {
  grant_type: 'client_credentials',
  client_id: ids.fleet,
  client_secret: 'test-value-fleet',
  scope: 'api://fleet-api/.default',
}

test.each(['1.0', '2.0'] as const)(
  'brings a client and its API into another tenant on v%s',
  async (version) => {
    await using emulator = await startTestEmulator()
    expect(refusal(await askToken(emulator, asFleet, { tenant: ids.fabrikam })).code).toBe(7000229)

    const page = await open(emulator, version)
    expect(page.html).toContain('Read the fleet')
    expect(page.html).toContain('for everyone in the organization')
    const { location } = await sendForm(emulator, page, { consent: 'accept' })
    expect(Object.fromEntries(location?.searchParams ?? [])).toEqual({
      admin_consent: 'True',
      tenant: ids.fabrikam,
      state: 'the-state',
      ...scope[version],
    })

    const { status, body } = await askToken(emulator, asFleet, { tenant: ids.fabrikam })
    expect(status).toBe(200)
    const { claims } = await verified(emulator, body['access_token'])
    expect(claims).toMatchObject({ tid: ids.fabrikam, aud: ids.fleetApi, roles: ['Fleet.Read.All'] })
    const home = await askToken(emulator, asFleet)
    expect((await verified(emulator, home.body['access_token'])).claims['oid']).not.toBe(claims['oid'])
  },
)

test('changes nothing when the administrator declines, and sends access_denied to the client', async () => {
  await using emulator = await startTestEmulator()
  const { location } = await sendForm(emulator, await open(emulator, '2.0'), { consent: 'deny' })
  expect(Object.fromEntries(location?.searchParams ?? [])).toMatchObject({
    error: 'access_denied',
    admin_consent: 'True',
    state: 'the-state',
  })
  expect(refusal(await askToken(emulator, asFleet, { tenant: ids.fabrikam })).code).toBe(7000229)
})

test('refuses a user who is not an administrator with AADSTS90094', async () => {
  await using emulator = await startTestEmulator()
  const page = await open(emulator, '1.0', 'dan@fabrikam.example')
  expect(page.location).toBeUndefined()
  expect(page.html).toContain('AADSTS90094:')
})

test('refuses a client that lists no permissions with AADSTS1003031, and an address that is not registered on a page', async () => {
  await using emulator = await startTestEmulator()
  const start = await openPage(emulator, `/${ids.contoso}/adminconsent`, {
    client_id: ids.web,
    redirect_uri: 'https://web.contoso.example/signed-in?from=entra',
  })
  const { location } = await sendForm(emulator, start, { user: 'carol@contoso.example' })
  expect(location?.searchParams.get('error_description')).toMatch(/^AADSTS1003031:/)
  expect(location?.searchParams.get('admin_consent')).toBe('True')
  const page = await openPage(emulator, path['1.0'], {
    client_id: ids.fleet,
    redirect_uri: 'https://evil.example/',
  })
  expect(page.location).toBeUndefined()
  expect(page.html).toContain('AADSTS50011:')
})

test('does not accept the state of a sign-in as that of a consent', async () => {
  await using emulator = await startTestEmulator()
  const signIn = await openPage(emulator, path['1.0'], {
    client_id: ids.fleet,
    redirect_uri: 'http://localhost/consented',
  })
  const page = await sendForm(emulator, signIn, { consent: 'accept' })
  expect(page.location).toBeUndefined()
  expect(refusal(await askToken(emulator, asFleet, { tenant: ids.fabrikam })).code).toBe(7000229)
})
