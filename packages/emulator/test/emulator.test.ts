import { X509Certificate } from 'node:crypto'
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { fixedClock, runningClock, startEmulator, type EmulatorOptions } from '@countersign/emulator'
import { askToken, ids, refusal, secrets, signInAndRedeem, start, startTestEmulator } from './support.js'

const form = {
  grant_type: 'client_credentials',
  client_id: ids.daemon,
  client_secret: secrets.daemon,
  scope: 'api://v2/.default',
}

/** `fetch` does not let its caller choose the Host header. */
function statusFor(origin: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const url = `${origin}/common/discovery/keys`
    request(url, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

describe('startEmulator', () => {
  test('returns a cloud whose issuers are those of its tokens', async () => {
    await using emulator = await startTestEmulator()
    expect(emulator.origin).toMatch(/^http:\/\/localhost:\d+$/)
    expect(emulator.cloud).toEqual({
      authority: emulator.origin,
      v1Issuer: `${emulator.origin}/{tenantid}/`,
      v2Issuer: `${emulator.origin}/{tenantid}/v2.0`,
      cloudInstanceName: 'microsoftonline.com',
    })
    for (const [resource, template] of [
      ['v1', emulator.cloud.v1Issuer],
      ['v2', emulator.cloud.v2Issuer],
    ] as const) {
      const token = await emulator.issueToken({ client: 'daemon', resource })
      expect(decodeJwt(token).iss).toBe(template.replace('{tenantid}', ids.contoso))
    }
  })

  test('starts without a registration, from a file, and several times in one process', async () => {
    await using standard = await startEmulator()
    const file = new URL('../../../examples/tour/registration.json', import.meta.url).pathname
    await using tour = await startEmulator({ registration: file })
    expect(standard.origin).not.toBe(tour.origin)
    expect(decodeJwt(await standard.issueToken({ client: 'daemon', resource: 'api' }))['roles']).toEqual([
      'Things.Read.All',
    ])
    const token = await tour.issueToken({ client: 'nightly-daemon', resource: 'reports-api-v2' })
    expect(decodeJwt(token)['roles']).toEqual(['Reports.Read.All'])
  })

  test('is not changed by a registration that is changed later', async () => {
    const applications = [{ displayName: 'daemon' }, { displayName: 'api' }]
    const options = { registration: { tenants: [{ domains: ['contoso.example'] }], applications } }
    await using emulator = await startEmulator(options)
    applications[1] = { displayName: 'other' }
    await expect(emulator.issueToken({ client: 'daemon', resource: 'api' })).resolves.toEqual(
      expect.any(String),
    )
  })

  test.each<[string, unknown, string]>([
    ['an unknown option', { prot: 1 }, 'startEmulator: unknown option "prot"; expected registration, port, '],
    ['a port that is none', { port: 65_536 }, 'startEmulator: "port" must be a whole number from 0 to 65535'],
    ['a word for https', { https: 'yes' }, 'startEmulator: "https" must be true or false'],
    [
      'half a clock',
      { clock: { now: () => 0 } },
      'startEmulator: "clock" must be an object with the functions now, advance and set',
    ],
    [
      'no lifetime',
      { accessTokenLifetimeSeconds: 0 },
      'startEmulator: "accessTokenLifetimeSeconds" must be a whole number',
    ],
    ['no options', null, 'startEmulator: expected an object of options'],
  ])('refuses %s with a TypeError that names it', async (_, options, message) => {
    const started = startEmulator(options as EmulatorOptions)
    await expect(started).rejects.toThrow(TypeError)
    await expect(started).rejects.toThrow(message)
  })

  test("fails with the system's error when the port is taken", async () => {
    await using emulator = await startTestEmulator()
    const port = Number(new URL(emulator.origin).port)
    await expect(startTestEmulator({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('treats an option that is undefined as absent', async () => {
    const options: Required<{ [Name in keyof EmulatorOptions]: undefined }> = {
      registration: undefined,
      port: undefined,
      https: undefined,
      clock: undefined,
      accessTokenLifetimeSeconds: undefined,
      state: undefined,
      page: undefined,
      controlToken: undefined,
      allowPasswordGrant: undefined,
      onTokenIssuanceStart: undefined,
      origin: undefined,
      hostNames: undefined,
      imitateMicrosoftIssuers: undefined,
      allowConnectionsFromOtherMachines: undefined,
    }
    await using emulator = await startEmulator(options)
    expect(emulator.origin).toMatch(/^http:\/\/localhost:\d+$/)
    const token = await emulator.issueToken({
      client: 'daemon',
      resource: 'api',
      user: undefined,
      tenant: undefined,
      scopes: undefined,
      roles: undefined,
      lifetimeSeconds: undefined,
      claims: undefined,
      flaw: undefined,
    })
    expect(decodeJwt(token)).toMatchObject({ roles: ['Things.Read.All'] })
  })

  test('frees its port when stopped, also when stopped twice', async () => {
    const emulator = await startTestEmulator()
    await emulator.stop()
    await emulator.stop()
    await expect(fetch(emulator.origin)).rejects.toThrow()
  })

  test('serves https with a certificate of its own, for the loopback names', async () => {
    await using emulator = await startTestEmulator({ https: true })
    const { origin, certificate } = emulator
    expect(origin).toMatch(/^https:/)
    const status = await new Promise((resolve, reject) => {
      secureRequest(`${origin}/common/discovery/keys`, { ca: certificate }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(200)
    await expect(fetch(`${origin}/common/discovery/keys`)).rejects.toThrow()
  })
})

describe('a request', () => {
  test('is answered only by a loopback name', async () => {
    await using emulator = await startTestEmulator()
    const port = new URL(emulator.origin).port
    for (const name of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect(await statusFor(emulator.origin, name)).toBe(200)
    }
    for (const name of [
      'evil.example',
      'localhost.evil.example',
      `localhost@evil.example:${port}`,
      '169.254.1.1',
    ]) {
      expect(await statusFor(emulator.origin, name)).toBe(400)
    }
  })

  test('is recorded with its outcome, and without secrets, tokens, codes and assertions', async () => {
    await using emulator = await startTestEmulator()
    await signInAndRedeem(emulator)
    await askToken(emulator, {
      ...form,
      client_secret: 'test-value-wrong',
      scope: `eyJhbGciOi.${'x'.repeat(20)}`,
    })
    const [page, pick, redeem, refused] = emulator.requests
    expect([page?.method, pick?.method]).toEqual(['GET', 'POST'])
    expect(page?.path).toBe(`/${ids.contoso}/oauth2/v2.0/authorize`)
    expect(redeem).toMatchObject({
      time: start,
      method: 'POST',
      status: 200,
      parameters: {
        grant_type: 'authorization_code',
        client_id: ids.native,
        code: '[redacted]',
        code_verifier: '[redacted]',
      },
    })
    expect(refused).toMatchObject({
      status: 401,
      errorCode: 7000215,
      parameters: { client_secret: '[redacted]', scope: '[redacted]' },
    })
    const text = JSON.stringify(emulator.requests)
    expect(text).not.toContain('test-value')
    expect(text).not.toContain('eyJ')
  })

  test('of another kind is refused in the shape of Entra, or is not found', async () => {
    await using emulator = await startTestEmulator()
    const url = `${emulator.origin}/common/oauth2/v2.0/token`
    expect(await (await fetch(url)).json()).toMatchObject({ error: 'invalid_request', error_codes: [900561] })
    const huge = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ scope: 'x'.repeat(300_000) }),
    })
    expect(huge.status).toBe(413)
    expect(await huge.json()).toMatchObject({ error: 'invalid_request', error_codes: [9002313] })
    expect((await fetch(`${emulator.origin}/common/oauth2/v2.0/devicecode`)).status).toBe(404)
    expect((await fetch(`${emulator.origin}/%ff/oauth2/v2.0/token`, { method: 'POST' })).status).toBe(400)
  })
})

describe('the clock', () => {
  test('moves the time tokens are issued at', async () => {
    await using emulator = await startTestEmulator()
    emulator.clock.advance(100.5)
    expect(decodeJwt(await emulator.issueToken({ client: 'daemon', resource: 'v2' })).exp).toBe(start + 3700)
    emulator.clock.set(start)
    expect(emulator.clock.now()).toBe(start)
  })

  test('counts the lifetime that was set, in the answer and in the token', async () => {
    await using emulator = await startTestEmulator({ accessTokenLifetimeSeconds: 600 })
    const { body } = await askToken(emulator, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    })
    expect(body['expires_in']).toBe(599)
    expect(decodeJwt(String(body['access_token']))['exp']).toBe(start + 600)
  })

  test('dates the certificates of new keys', async () => {
    await using emulator = await startTestEmulator()
    emulator.clock.advance(400 * 86_400)
    const kid = await emulator.rotateKeys()
    const response = await fetch(`${emulator.origin}/common/discovery/v2.0/keys`)
    const { keys } = (await response.json()) as { keys: { kid: string; x5c: [string] }[] }
    const [der = ''] = keys.find((key) => key.kid === kid)?.x5c ?? []
    const { validFrom, validTo } = new X509Certificate(Buffer.from(der, 'base64'))
    expect(Date.parse(validFrom) / 1000).toBeLessThan(emulator.clock.now())
    expect(Date.parse(validFrom) / 1000).toBeGreaterThan(start + 390 * 86_400)
    expect(Date.parse(validTo) / 1000).toBeGreaterThan(emulator.clock.now() + 365 * 86_400)
  })

  test("runs with the machine's unless another is given, and takes no nonsense", () => {
    const { now, advance, set } = runningClock()
    expect(Math.abs(now() - Date.now() / 1000)).toBeLessThan(5)
    advance(3600)
    expect(now()).toBeGreaterThan(Date.now() / 1000 + 3590)
    for (const wrong of [Number.NaN, -1, Infinity, '1' as never]) {
      expect(() => advance(wrong)).toThrow(TypeError)
      expect(() => set(wrong)).toThrow(TypeError)
      expect(() => fixedClock(wrong)).toThrow(TypeError)
    }
  })
})

describe('issueToken', () => {
  test('issues the requested token, for a user or an application', async () => {
    await using emulator = await startTestEmulator()
    const user = decodeJwt(
      await emulator.issueToken({
        client: 'native',
        resource: 'api://v1',
        user: 'bob@contoso.example',
        scopes: ['Anything'],
        lifetimeSeconds: -1,
      }),
    )
    expect(user).toMatchObject({
      aud: 'api://v1',
      scp: 'Anything',
      exp: start - 1,
      ver: '1.0',
      appidacr: '0',
    })
    const application = decodeJwt(
      await emulator.issueToken({
        client: ids.daemon,
        resource: ids.v2,
        roles: ['A', 'B'],
        claims: { tid: undefined, extra: 1 },
      }),
    )
    expect(application).toMatchObject({ aud: ids.v2, roles: ['A', 'B'], extra: 1, azpacr: '1' })
    expect(application).not.toHaveProperty('tid')
  })

  test('throws a TypeError that names the wrong option', async () => {
    await using emulator = await startTestEmulator()
    const known = { client: 'daemon', resource: 'v2' }
    const misspelt = { ...known, scope: 'x' }
    for (const [options, message] of [
      [{ ...known, client: 'nobody' }, 'issueToken: "client" must be an application of the registration'],
      [
        { ...known, resource: 'nothing' },
        'issueToken: "resource" must be an application of the registration',
      ],
      [{ ...known, user: 'nobody@contoso.example' }, 'issueToken: "user" must be a user of the registration'],
      [{ ...known, tenant: 'unknown.example' }, 'issueToken: "tenant" must be a tenant of the registration'],
      [
        { ...known, tenant: 'fabrikam.example' },
        'issueToken: "client" must have a service principal in the tenant',
      ],
      [misspelt, 'issueToken: unknown option "scope"'],
    ] as const) {
      const issued = emulator.issueToken(options)
      await expect(issued).rejects.toThrow(TypeError)
      await expect(issued).rejects.toThrow(message)
    }
  })
})

test('remembers a redeemed code until the code expires', async () => {
  await using emulator = await startTestEmulator()
  expect((await signInAndRedeem(emulator)).status).toBe(200)
  emulator.clock.advance(3600)
  expect(refusal(await signInAndRedeem(emulator)).status).toBe(200)
})
