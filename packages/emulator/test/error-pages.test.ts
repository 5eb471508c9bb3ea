import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aadsts, advice, type AadstsCode, type Emulator } from '@countersign/emulator'
import {
  askToken,
  authorizePaths,
  ids,
  nativeRedirectUri,
  openPage,
  sendForm,
  startTestEmulator,
} from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** azure-docs 114009 (2023-08): error redirects have error_uri, and ids and the time in the description. */
describe('a refusal in a redirect', () => {
  const query = {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: nativeRedirectUri,
    scope: 'openid',
    state: 'the-state',
  }

  test.each([
    ['before the user is known', { prompt: 'none' }, 50058],
    ['in the fragment', { prompt: 'none', response_mode: 'fragment' }, 50058],
  ] as const)('has error_uri, and the ids and the time in its description: %s', async (_, changes, code) => {
    const correlationId = '44444444-0000-4000-8000-000000000001'
    const page = await openPage(emulator, `/${ids.contoso}${authorizePaths['2.0']}`, {
      ...query,
      ...changes,
      'client-request-id': correlationId,
    })
    const { location } = page
    const answer = new URLSearchParams(location?.search === '' ? location.hash.slice(1) : location?.search)
    expect([...answer.keys()]).toEqual(['error', 'error_description', 'error_uri', 'state'])
    expect(answer.get('error_uri')).toBe(`${emulator.origin}/error?code=${code}`)
    expect(answer.get('error_description')).toMatch(
      new RegExp(
        `^AADSTS${code}: .+ Trace ID: ${guid} Correlation ID: ${correlationId} Timestamp: 2026-03-01 12:00:00Z$`,
      ),
    )
  })

  test('after the user declined has them too, and one of admin consent beside admin_consent', async () => {
    const page = await openPage(emulator, `/${ids.contoso}${authorizePaths['2.0']}`, {
      ...query,
      scope: 'api://v2/Things.Read',
    })
    const consent = await sendForm(emulator, page, { user: 'bob@contoso.example' })
    const declined = (await sendForm(emulator, consent, { consent: 'deny' })).location?.searchParams
    expect(declined?.get('error_uri')).toBe(`${emulator.origin}/error?code=65004`)
    const admin = await openPage(emulator, `/${ids.contoso}/adminconsent`, {
      client_id: ids.fleet,
      redirect_uri: 'http://localhost/consented',
    })
    const shown = await sendForm(emulator, admin, { user: 'carol@contoso.example' })
    const refused = (await sendForm(emulator, shown, { consent: 'deny' })).location?.searchParams
    expect([refused?.get('error_uri'), refused?.get('admin_consent')]).toEqual([
      `${emulator.origin}/error?code=65004`,
      'True',
    ])
  })
})

describe('the page that error_uri leads to', () => {
  test('explains each code of the catalogue, with nothing left to fill in', async () => {
    for (const code of Object.keys(aadsts).map(Number) as AadstsCode[]) {
      const response = await fetch(`${emulator.origin}/error?code=${code}`)
      const html = await response.text()
      expect([code, response.status, response.headers.get('content-type')]).toEqual([
        code,
        200,
        'text/html; charset=utf-8',
      ])
      expect(html).toContain(`<h1>AADSTS${code}</h1>`)
      expect(html.replaceAll('&lt;', '<').replaceAll('&gt;', '>')).toContain(advice[code])
      expect(/<code>(AADSTS\d+: [^<]*)</.exec(html)?.[1] ?? '{none}').not.toMatch(/\{\w+\}/)
    }
  })

  test.each(['1', '', '50058x', '<b>', '1e3', '99999999999'])(
    'says that it does not know the code "%s", without repeating what is no number',
    async (code) => {
      const response = await fetch(`${emulator.origin}/error?${new URLSearchParams({ code }).toString()}`)
      expect(response.status).toBe(404)
      expect(await response.text()).not.toContain('<b>')
    },
  )

  test('is where a refusal of the token endpoint leads', async () => {
    const { body } = await askToken(emulator, { grant_type: 'client_credentials', client_id: ids.daemon })
    const response = await fetch(String(body['error_uri']))
    expect([response.status, (await response.text()).includes('AADSTS7000216: ')]).toEqual([200, true])
  })
})

describe('the text of a refusal', () => {
  test('is filled in, in the log and on its page', async () => {
    await using own = await startTestEmulator()
    await askToken(own, { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: 'wrong' })
    const entry = own.requests.at(-1)
    expect(entry?.error).toContain(`for a secret added to app '${ids.daemon}'`)
    const html = await (await fetch(`${own.origin}/_/requests/${String(entry?.id)}`)).text()
    expect(html).toContain(`for a secret added to app &#39;${ids.daemon}&#39;`)
    expect(html).not.toContain('{client}')
  })

  test('that comes by a fault names the client', async () => {
    await using own = await startTestEmulator()
    own.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code: 700016 }, times: 1 })
    const { body } = await askToken(own, { grant_type: 'client_credentials', client_id: ids.daemon })
    expect(body['error_description']).toMatch(
      new RegExp(
        `^AADSTS700016: Application with identifier '${ids.daemon}' was not found in the directory '`,
      ),
    )
    expect(body['error_description']).not.toMatch(/''|\{\w+\}/)
  })

  test('does not keep a token in the log, which was sent as something else', async () => {
    await using own = await startTestEmulator()
    const token = await own.issueToken({ client: 'daemon', resource: 'v2' })
    await askToken(own, { grant_type: token })
    expect(own.requests.at(-1)?.error).toBe(
      "AADSTS70003: The app requested an unsupported grant type '[redacted]'.",
    )
  })
})
