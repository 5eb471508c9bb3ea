import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import {
  askToken,
  createPkce,
  ids,
  nativeRedirectUri,
  refusal,
  secrets,
  signIn,
  signInAndRedeem,
  startTestEmulator,
} from './support.js'

const registered = 'https://spa.contoso.example'
const stranger = 'https://elsewhere.example'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterEach(() => emulator.faults.clear())
afterAll(() => emulator.stop())

const readableBy = (headers: Headers): string | null => headers.get('access-control-allow-origin')

/** Asks beforehand, as a browser does for a request that is more than a form. */
const preflight = (origin: string): Promise<Response> =>
  fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-anchormailbox',
    },
  })

describe('the token endpoint', () => {
  test('allows a page of a registered single-page application in the preflight answer', async () => {
    const { status, headers } = await preflight(registered)
    expect([status, readableBy(headers), headers.get('access-control-allow-headers')]).toEqual([
      200,
      registered,
      'x-anchormailbox',
    ])
  })

  test('sends a page of another origin no CORS header, neither in the preflight answer nor in the answer', async () => {
    const before = await preflight(stranger)
    const answer = await askToken(
      emulator,
      { grant_type: 'refresh_token' },
      { headers: { origin: stranger } },
    )
    for (const { headers } of [before, answer]) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })

  test('lets a page read every refusal, also of a form that cannot be read and of a fault', async () => {
    const headers = { origin: registered }
    const twice = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token&grant_type=refresh_token',
    })
    expect([twice.status, readableBy(twice.headers)]).toEqual([400, registered])
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'status', status: 429 } })
    const throttled = await askToken(emulator, {}, { headers })
    expect([throttled.status, readableBy(throttled.headers)]).toEqual([429, registered])
  })

  test('refuses a page that redeems a code of another platform: AADSTS9002326', async () => {
    const pkce = createPkce()
    const page = await signIn(emulator, { pkce })
    const code = {
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: nativeRedirectUri,
      code: page.location?.searchParams.get('code') ?? '',
      code_verifier: pkce.verifier,
    }
    const { body } = await signInAndRedeem(emulator)
    const refresh = {
      grant_type: 'refresh_token',
      client_id: ids.native,
      refresh_token: String(body['refresh_token']),
    }
    const secret = {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    }
    for (const form of [code, refresh, secret]) {
      const answer = await askToken(emulator, form, { headers: { origin: registered } })
      expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_request', code: 9002326 })
    }
    // What was refused for its sender is not used up.
    expect((await askToken(emulator, code)).status).toBe(200)
  })
})

test.each(['v2.0/.well-known/openid-configuration', 'discovery/v2.0/keys'])(
  'any page may read %s',
  async (path) => {
    const { headers } = await fetch(`${emulator.origin}/${ids.contoso}/${path}`, {
      headers: { origin: stranger },
    })
    expect(readableBy(headers)).toBe('*')
  },
)

test.each(['oauth2/v2.0/authorize', 'oauth2/v2.0/devicecode', 'oauth2/v2.0/logout'])(
  'no page may read %s, not even of a registered origin',
  async (path) => {
    const { headers } = await fetch(`${emulator.origin}/${ids.contoso}/${path}`, {
      method: path.endsWith('devicecode') ? 'POST' : 'GET',
      headers: { origin: registered },
    })
    expect(readableBy(headers)).toBeNull()
  },
)
