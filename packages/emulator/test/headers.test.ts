import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { askToken, ids, refusal, secrets, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

const documents = [
  `/${ids.contoso}/v2.0/.well-known/openid-configuration`,
  `/${ids.contoso}/.well-known/openid-configuration`,
  `/${ids.contoso}/discovery/v2.0/keys`,
  `/${ids.contoso}/discovery/keys`,
]
const instanceDiscovery = (host: string): string =>
  `/common/discovery/instance?api-version=1.1&authorization_endpoint=https://${host}/common/oauth2/v2.0/authorize`

/** azure-sdk-for-js, clientsecretcredential/recording_authenticates_when_cae_enabled.json (2023-08-05). */
describe('a document that clients keep', () => {
  test('has the cache and CORS headers of recorded answers, and no Pragma or Expires', async () => {
    for (const path of [...documents, instanceDiscovery(new URL(emulator.origin).host)]) {
      const { status, headers } = await fetch(`${emulator.origin}${path}`)
      expect([path, status]).toEqual([path, 200])
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'max-age=86400, private',
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, OPTIONS',
      })
      expect([headers.has('pragma'), headers.has('expires')]).toEqual([false, false])
    }
  })

  test('answers the OPTIONS that it advertises', async () => {
    for (const path of [...documents, instanceDiscovery('localhost')]) {
      const response = await fetch(`${emulator.origin}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://anywhere.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'x-client-sku',
        },
      })
      expect([path, response.status, await response.text()]).toEqual([path, 200, ''])
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, OPTIONS',
        'access-control-allow-headers': 'x-client-sku',
      })
    }
  })

  // azure-sdk-for-js, environmentcredential/recording_throws_…_failed.json (2023-08-03).
  test.each(['tenant', 'unknown.example', '33333333-0000-4000-8000-0000000000ff'])(
    'is refused under the unknown tenant %s with AADSTS90002, which any page may read and nobody keeps',
    async (tenant) => {
      const response = await fetch(`${emulator.origin}/${tenant}/v2.0/.well-known/openid-configuration`)
      const body = (await response.json()) as Record<string, unknown>
      expect([response.status, body['error'], body['error_codes']]).toEqual([400, 'invalid_tenant', [90002]])
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'cache-control': 'private',
        'access-control-allow-origin': '*',
      })
      expect(response.headers.has('pragma')).toBe(false)
    },
  )

  test('of an unknown host is refused with AADSTS50049, and not kept', async () => {
    const response = await fetch(`${emulator.origin}${instanceDiscovery('elsewhere.example')}`)
    expect([response.status, response.headers.get('cache-control')]).toEqual([400, 'private'])
  })

  test('does not make an answer of the token endpoint one to keep, or one for any page', async () => {
    const { headers } = await askToken(emulator, { grant_type: 'client_credentials' })
    expect(headers.get('cache-control')).toBe('no-store, no-cache')
    expect([headers.get('pragma'), headers.get('access-control-allow-origin')]).toEqual(['no-cache', null])
  })
})

/** MSAL Go asks for UserRealm with capitals. */
test('a path is found whatever the case of its letters', async () => {
  const answer = async (path: string): Promise<unknown> => (await fetch(`${emulator.origin}${path}`)).json()
  expect(await answer('/common/UserRealm/alice@contoso.example')).toMatchObject({ account_type: 'Managed' })
  expect(await answer(`/${ids.contoso}/V2.0/.Well-Known/OpenID-Configuration`)).toEqual(
    await answer(`/${ids.contoso}/v2.0/.well-known/openid-configuration`),
  )
  const asked = await fetch(`${emulator.origin}/Contoso.Example/OAuth2/V2.0/Token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    }),
  })
  expect(asked.status).toBe(200)
})

/** azure-sdk-for-js recordings: the client sends the header with this name, and correlation_id repeats it. */
test.each(['client-request-id', 'x-ms-client-request-id'])(
  'the header %s is the correlation id, in the answer and in the log',
  async (name) => {
    const id = '44444444-0000-4000-8000-000000000002'
    const answer = await askToken(emulator, { grant_type: 'magic' }, { headers: { [name]: id } })
    expect(refusal(answer).code).toBe(70003)
    expect(answer.body['correlation_id']).toBe(id)
    expect(emulator.requests.at(-1)?.correlationId).toBe(id)
    const other = await askToken(emulator, { grant_type: 'magic' }, { headers: { [name]: 'no GUID' } })
    expect(other.body['correlation_id']).toBe(other.body['trace_id'])
  },
)

test('a path in other letters does not reach around the check of the host name', async () => {
  const status = await new Promise((resolve) => {
    request(`${emulator.origin}/COMMON/V2.0/.well-known/openid-configuration`, {
      headers: { host: 'evil.example' },
    })
      .on('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      .end()
  })
  expect(status).toBe(400)
})
