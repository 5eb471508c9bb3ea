import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest'
import type { Emulator, EmulatorEndpoint, FaultOptions } from '@countersign/emulator'
import { endpoints } from '../src/instance/faults.js'
import { askToken, ids, refusal, secrets, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterEach(() => emulator.faults.clear())
afterAll(() => emulator.stop())

const form = {
  grant_type: 'client_credentials',
  client_id: ids.daemon,
  client_secret: secrets.daemon,
  scope: 'api://v2/.default',
}
const ask = (): ReturnType<typeof askToken> => askToken(emulator, form)
const askRaw = (): Promise<Response> =>
  fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(300),
  })

describe('a fault', () => {
  test('answers 429 with Retry-After, so many times and no more', async () => {
    emulator.faults.add({
      endpoint: 'token',
      effect: { kind: 'status', status: 429, retryAfterSeconds: 7 },
      times: 2,
    })
    for (const expected of [429, 429, 200]) {
      const { status, headers } = await ask()
      expect([status, headers.get('retry-after')]).toEqual([expected, expected === 429 ? '7' : null])
    }
    expect(emulator.faults.list()).toEqual([])
  })

  test('answers 503 without Retry-After until it is cleared', async () => {
    const clear = emulator.faults.add({ endpoint: 'token', effect: { kind: 'status', status: 503 } })
    expect((await ask()).status).toBe(503)
    expect(emulator.faults.list()).toMatchObject([{ endpoint: 'token', met: 1 }])
    clear()
    expect((await ask()).status).toBe(200)
  })

  test('meets one client and not another', async () => {
    emulator.faults.add({ endpoint: 'token', clientId: ids.tier1, effect: { kind: 'status', status: 500 } })
    expect((await ask()).status).toBe(200)
    const other = await askToken(emulator, { ...form, client_id: ids.tier1, client_secret: secrets.tier1 })
    expect(other.status).toBe(500)
  })

  test('provokes any refusal of the table, such as the client loop AADSTS50196', async () => {
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code: 50196 } })
    expect(refusal(await ask())).toEqual({ status: 400, error: 'invalid_grant', code: 50196 })
  })

  test('answers with a body that is not JSON, or JSON under another type', async () => {
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'malformedJson' }, times: 1 })
    const malformed = await askRaw()
    expect(malformed.status).toBe(200)
    await expect(malformed.json()).rejects.toThrow(SyntaxError)
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'wrongContentType' }, times: 1 })
    expect((await askRaw()).headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  test('cuts the body short', async () => {
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'truncatedBody' }, times: 1 })
    const response = await askRaw()
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(500)
    await expect(response.text()).rejects.toThrow()
  })

  test.each(['hang', 'reset'] as const)('ends without an answer: %s', async (kind) => {
    emulator.faults.add({ endpoint: 'token', effect: { kind }, times: 1 })
    await expect(askRaw()).rejects.toThrow()
    expect(await emulator.requests.waitFor(({ fault }) => fault === kind)).toMatchObject({
      status: 0,
      outcome: 'fault',
    })
  })

  test('delays the answer', async () => {
    emulator.faults.add({ endpoint: 'token', effect: { kind: 'latency', seconds: 0.2 }, times: 1 })
    const before = performance.now()
    expect((await ask()).status).toBe(200)
    expect(performance.now() - before).toBeGreaterThan(190)
  })

  test.each<[EmulatorEndpoint, string, 'GET' | 'POST']>([
    ['adminConsent', `/${ids.contoso}/v2.0/adminconsent`, 'GET'],
    ['authorize', `/${ids.contoso}/oauth2/v2.0/authorize`, 'GET'],
    ['deviceCode', `/${ids.contoso}/oauth2/v2.0/devicecode`, 'POST'],
    ['deviceLogin', '/common/oauth2/deviceauth', 'GET'],
    ['discovery', `/${ids.contoso}/v2.0/.well-known/openid-configuration`, 'GET'],
    ['discovery', `/${ids.contoso}/.well-known/openid-configuration`, 'GET'],
    ['graph', '/v1.0/me', 'GET'],
    ['instanceDiscovery', '/common/discovery/instance', 'GET'],
    ['keys', `/${ids.contoso}/discovery/v2.0/keys`, 'GET'],
    ['keys', `/${ids.contoso}/discovery/keys`, 'GET'],
    ['logout', '/common/oauth2/v2.0/logout', 'GET'],
    ['managedIdentity', '/metadata/identity/oauth2/token', 'GET'],
    ['token', `/${ids.contoso}/oauth2/token`, 'POST'],
    ['userInfo', '/oidc/userinfo', 'GET'],
    ['userRealm', '/common/userrealm/alice@contoso.example', 'GET'],
  ])('meets the endpoint %s at %s once, and no other', async (endpoint, path, method) => {
    const statusOf = async (): Promise<number> =>
      (await fetch(`${emulator.origin}${path}`, { method, redirect: 'manual' })).status
    const effect = { kind: 'status', status: 418 } as const
    for (const other of endpoints.filter((name) => name !== endpoint)) {
      emulator.faults.add({ endpoint: other, effect })
    }
    expect(await statusOf()).not.toBe(418)
    emulator.faults.add({ endpoint, effect, times: 1 })
    expect([await statusOf(), (await statusOf()) === 418]).toEqual([418, false])
    expect(emulator.requests.at(-2)).toMatchObject({ endpoint, fault: 'status', status: 418 })
  })

  test.each(['discovery', 'keys'] as const)(
    'makes %s slow, absent, truncated or no JSON',
    async (endpoint) => {
      const path = endpoint === 'keys' ? 'discovery/v2.0/keys' : 'v2.0/.well-known/openid-configuration'
      const get = (): Promise<Response> => fetch(`${emulator.origin}/${ids.contoso}/${path}`)
      const add = (effect: FaultOptions['effect']): unknown =>
        emulator.faults.add({ endpoint, effect, times: 1 })
      add({ kind: 'status', status: 404 })
      expect((await get()).status).toBe(404)
      add({ kind: 'wrongContentType' })
      expect((await get()).headers.get('content-type')).toContain('text/html')
      add({ kind: 'malformedJson' })
      await expect((await get()).json()).rejects.toThrow(SyntaxError)
      add({ kind: 'truncatedBody' })
      await expect((await get()).text()).rejects.toThrow()
      add({ kind: 'latency', seconds: 0.1 })
      const asked = performance.now()
      expect((await get()).status).toBe(200)
      expect(performance.now() - asked).toBeGreaterThan(90)
    },
  )

  test('meets one client at the sign-in page as well', async () => {
    emulator.faults.add({ endpoint: 'authorize', clientId: ids.web, effect: { kind: 'status', status: 503 } })
    const open = async (clientId: string): Promise<number> =>
      (await fetch(`${emulator.origin}/common/oauth2/v2.0/authorize?client_id=${clientId}`)).status
    expect([await open(ids.web), await open(ids.native)]).toEqual([503, 400])
  })

  test('answers with the key set as it was, or a huge one', async () => {
    const keys = async (): Promise<number> => {
      const response = await fetch(`${emulator.origin}/common/discovery/v2.0/keys`)
      return ((await response.json()) as { keys: unknown[] }).keys.length
    }
    const before = await keys()
    const clear = emulator.faults.add({ endpoint: 'keys', effect: { kind: 'stale' } })
    await emulator.keys.publish()
    expect(await keys()).toBe(before)
    clear()
    expect(await keys()).toBe(before + 1)
    emulator.faults.add({ endpoint: 'keys', effect: { kind: 'hugeKeySet', keys: 2000 }, times: 1 })
    expect(await keys()).toBe(before + 2001)
  })

  test.each<[unknown, string]>([
    [{ endpoint: 'tokens', effect: { kind: 'hang' } }, 'faults.add: "endpoint" must be one of adminConsent'],
    [{ endpoint: 'token', effect: { kind: 'explode' } }, 'faults.add: "effect.kind" must be one of latency'],
    [{ endpoint: 'token', effect: { kind: 'status', status: 200 } }, 'faults.add: "effect.status" must be'],
    [{ endpoint: 'token', effect: { kind: 'latency', seconds: -1 } }, 'faults.add: "effect.seconds" must be'],
    [{ endpoint: 'token', effect: { kind: 'refusal', code: 1 } }, 'faults.add: "effect.code" must be'],
    [
      { endpoint: 'token', effect: { kind: 'stale' } },
      'faults.add: "endpoint" must be keys for the effect stale',
    ],
    [{ endpoint: 'token', effect: { kind: 'hang' }, times: 0 }, 'faults.add: "times" must be'],
    [{ endpoint: 'token', effect: { kind: 'hang' }, time: 1 }, 'faults.add: unknown option "time"'],
    [
      { endpoint: 'token', effect: { kind: 'status', status: 429, retryAfter: 1 } },
      'faults.add: unknown option "retryAfter"; expected kind, status, retryAfterSeconds',
    ],
  ])('with a wrong or unknown member is refused with a TypeError: %j', (fault, message) => {
    expect(() => emulator.faults.add(fault as FaultOptions)).toThrow(TypeError)
    expect(() => emulator.faults.add(fault as FaultOptions)).toThrow(message)
  })
})

describe('the request log', () => {
  test('lets a test wait for a future request', async () => {
    await using own = await startTestEmulator()
    const waiting = own.requests.waitFor(({ endpoint }) => endpoint === 'token')
    await askToken(own, form)
    expect(await waiting).toMatchObject({ outcome: 'answered', status: 200, clientId: ids.daemon })
    const refused = own.requests.waitFor(({ outcome }) => outcome === 'refused')
    await askToken(own, { ...form, client_secret: 'test-value-wrong' })
    expect(await refused).toMatchObject({
      errorCode: 7000215,
      fix: expect.stringContaining('passwordCredentials'),
    })
  })

  test('does not keep a token that was sent as a client id by mistake', async () => {
    await using own = await startTestEmulator()
    const token = await own.issueToken({ client: 'daemon', resource: 'v2' })
    expect(refusal(await askToken(own, { ...form, client_id: token })).code).toBe(700016)
    expect(own.requests.at(-1)).not.toHaveProperty('clientId')
    expect(JSON.stringify(own.requests)).not.toContain(token.slice(0, 40))
  })

  test('rejects when no such request comes in time', async () => {
    await expect(emulator.requests.waitFor(() => false, { timeoutSeconds: 0.02 })).rejects.toThrow(
      'no such request came within 0.02 s',
    )
  })
})

test('stop does not wait for a request that hangs', async () => {
  const own = await startTestEmulator()
  own.faults.add({ endpoint: 'keys', effect: { kind: 'hang' } })
  const hanging = fetch(`${own.origin}/common/discovery/v2.0/keys`)
  const ended = expect(hanging).rejects.toThrow()
  await own.requests.waitFor(({ endpoint }) => endpoint === 'keys')
  await own.stop()
  await ended
})
