import { createHash, randomUUID, webcrypto } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import { createCertificate, type TestCertificate } from './certificates.js'
import {
  askToken,
  type Form,
  ids,
  refusal,
  registration,
  secrets,
  start,
  startTestEmulator,
  verified,
} from './support.js'

let emulator: Emulator
let certificate: TestCertificate
let ellipticCertificate: TestCertificate
let expiredCertificate: TestCertificate

beforeAll(async () => {
  ;[certificate, ellipticCertificate, expiredCertificate] = await Promise.all([
    createCertificate(),
    createCertificate('EC'),
    createCertificate('RSA', start),
  ])
  const applications = registration.applications.map((application) =>
    application.displayName === 'daemon'
      ? {
          ...application,
          keyCredentials: [certificate, ellipticCertificate, expiredCertificate].map(({ der }) => ({
            key: der.toString('base64'),
          })),
        }
      : application,
  )
  emulator = await startEmulator({
    registration: { ...registration, applications },
    clock: fixedClock(start),
  })
})
afterAll(() => emulator.stop())

const bySecret = { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: secrets.daemon }

describe('with a secret', () => {
  test('answers v2.0 with numbers and a v2.0 token for a v2.0 API, with the roles granted', async () => {
    const { status, body, headers } = await askToken(emulator, { ...bySecret, scope: 'api://v2/.default' })
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'Bearer',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: expect.any(String),
    })
    expect(headers.get('cache-control')).toBe('no-store, no-cache')
    const { header, claims } = await verified(emulator, body['access_token'])
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', kid: expect.stringMatching(/^[\w-]{27}$/) })
    expect(claims).toMatchObject({
      aud: ids.v2,
      iss: `${emulator.origin}/${ids.contoso}/v2.0`,
      iat: start - 300,
      nbf: start - 300,
      exp: start + 3600,
      azp: ids.daemon,
      azpacr: '1',
      roles: ['Things.Read.All'],
      tid: ids.contoso,
      ver: '2.0',
      uti: expect.stringMatching(/^[\w-]{22}$/),
    })
    expect(claims.sub).toBe(claims['oid'])
    expect(claims['oid']).not.toBe(ids.daemon)
    for (const absent of ['appid', 'scp', 'idtyp', 'name', 'upn']) expect(claims).not.toHaveProperty(absent)
  })

  test('answers v1.0 with strings and a v1.0 token for a v1.0 API, with the audience as it was requested', async () => {
    const { status, body } = await askToken(
      emulator,
      { ...bySecret, resource: 'api://v1' },
      { version: '1.0' },
    )
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'Bearer',
      expires_in: '3599',
      ext_expires_in: '3599',
      expires_on: String(start + 3600),
      not_before: String(start - 300),
      resource: 'api://v1',
      access_token: expect.any(String),
    })
    const { header, claims } = await verified(emulator, body['access_token'])
    expect(header.x5t).toBe(header.kid)
    expect(claims).toMatchObject({
      aud: 'api://v1',
      iss: `${emulator.origin}/${ids.contoso}/`,
      appid: ids.daemon,
      appidacr: '1',
      roles: ['Things.Read.All'],
      ver: '1.0',
    })
    expect(claims).not.toHaveProperty('azp')
  })

  test('lets the API choose the version of its token, whichever endpoint was asked', async () => {
    const v1Token = await askToken(emulator, { ...bySecret, scope: 'api://v1/.default' })
    expect((await verified(emulator, v1Token.body['access_token'])).claims['ver']).toBe('1.0')
    const v2Token = await askToken(emulator, { ...bySecret, resource: ids.v2 }, { version: '1.0' })
    expect((await verified(emulator, v2Token.body['access_token'])).claims['ver']).toBe('2.0')
  })

  test('keeps the slash an identifier ends with in the audience of a v1.0 token', async () => {
    const { body } = await askToken(emulator, { ...bySecret, scope: 'https://v1.contoso.example//.default' })
    expect((await verified(emulator, body['access_token'])).claims.aud).toBe('https://v1.contoso.example/')
  })

  test('issues a token without roles to a client that has none', async () => {
    const { status, body } = await askToken(emulator, { ...bySecret, scope: 'api://tier1/.default' })
    expect(status).toBe(200)
    expect((await verified(emulator, body['access_token'])).claims).not.toHaveProperty('roles')
  })

  test('accepts the credential by Basic, form-encoded', async () => {
    const credentials = `${ids.tier1}:${encodeURIComponent(secrets.tier1)}`
    const headers = { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    const { status } = await askToken(
      emulator,
      { grant_type: 'client_credentials', scope: 'api://v2/.default' },
      { headers },
    )
    expect(status).toBe(200)
  })

  test('puts the capabilities that the client declared into xms_cc', async () => {
    const claims = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
    const { body } = await askToken(emulator, { ...bySecret, scope: 'api://v2/.default', claims })
    expect((await verified(emulator, body['access_token'])).claims['xms_cc']).toEqual(['cp1'])
  })
})

describe('with a certificate', () => {
  const tokenEndpoint = (): string => `${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`
  const thumbprints = ({ der }: TestCertificate): { sha1: string; sha256: string } => ({
    sha1: createHash('sha1').update(der).digest('base64url'),
    sha256: createHash('sha256').update(der).digest('base64url'),
  })

  async function privateKeyFor({ privateKey }: TestCertificate, alg: string): Promise<webcrypto.CryptoKey> {
    if (alg === 'ES256') return privateKey
    const name = alg === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5'
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey)
    return webcrypto.subtle.importKey('pkcs8', pkcs8, { name, hash: 'SHA-256' }, false, ['sign'])
  }

  async function ask(
    changes: {
      header?: Record<string, string>
      claims?: Record<string, unknown>
      signer?: TestCertificate
      alg?: string
      form?: Form
    } = {},
  ): Promise<Awaited<ReturnType<typeof askToken>>> {
    const { signer = certificate, alg = 'PS256' } = changes
    const claims = {
      iss: ids.daemon,
      sub: ids.daemon,
      aud: tokenEndpoint(),
      jti: randomUUID(),
      iat: start,
      nbf: start,
      exp: start + 600,
      ...changes.claims,
    }
    const assertion = await new SignJWT(claims)
      .setProtectedHeader({
        alg,
        typ: 'JWT',
        ...(changes.header ?? { 'x5t#S256': thumbprints(certificate).sha256 }),
      })
      .sign(await privateKeyFor(signer, alg))
    return askToken(emulator, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: 'api://v2/.default',
      ...changes.form,
    })
  }

  test('accepts PS256 with x5t#S256, and RS256 with x5t, and sets azpacr to 2', async () => {
    for (const answer of [
      await ask(),
      await ask({ alg: 'RS256', header: { x5t: thumbprints(certificate).sha1 } }),
    ]) {
      expect(answer.status).toBe(200)
      expect((await verified(emulator, answer.body['access_token'])).claims['azpacr']).toBe('2')
    }
  })

  test('accepts the token endpoint of either version, by id or domain, as audience', async () => {
    for (const path of [`${ids.contoso}/oauth2/token`, 'contoso.example/oauth2/v2.0/token']) {
      expect((await ask({ claims: { aud: `${emulator.origin}/${path}` } })).status).toBe(200)
    }
  })

  test('refuses an assertion signed with another key than the one it names with AADSTS700027', async () => {
    const other = await createCertificate()
    expect(refusal(await ask({ signer: other }))).toEqual({
      status: 401,
      error: 'invalid_client',
      code: 700027,
    })
  })

  test('refuses a certificate that is not registered with AADSTS700027', async () => {
    const other = await createCertificate()
    const answer = await ask({ signer: other, header: { 'x5t#S256': thumbprints(other).sha256 } })
    expect(refusal(answer)).toEqual({ status: 401, error: 'invalid_client', code: 700027 })
  })

  test('refuses an elliptic key, although it is registered, with AADSTS700027', async () => {
    const header = { 'x5t#S256': thumbprints(ellipticCertificate).sha256 }
    const answer = await ask({ signer: ellipticCertificate, alg: 'ES256', header })
    expect(refusal(answer)).toEqual({ status: 401, error: 'invalid_client', code: 700027 })
  })

  test('refuses an expired certificate with AADSTS1000502', async () => {
    const header = { 'x5t#S256': thumbprints(expiredCertificate).sha256 }
    expect(refusal(await ask({ signer: expiredCertificate, header }))).toEqual({
      status: 401,
      error: 'invalid_client',
      code: 1000502,
    })
  })

  test.each([
    ['no thumbprint', { header: {} }, 50027],
    ['another issuer', { claims: { iss: ids.tier1 } }, 700021],
    ['another subject', { claims: { sub: ids.tier1 } }, 700021],
    ['another audience', { claims: { aud: 'https://elsewhere.example/oauth2/v2.0/token' } }, 700023],
    ['no audience', { claims: { aud: undefined } }, 700023],
    ['no expiry', { claims: { exp: undefined } }, 50027],
    ['its expiry reached', { claims: { exp: start } }, 700024],
    ['a start too far ahead', { claims: { nbf: start + 301 } }, 700024],
  ])('refuses an assertion with %s', async (_, changes, code) => {
    expect(refusal(await ask(changes))).toEqual({ status: 401, error: 'invalid_client', code })
  })

  test('accepts an assertion in its last second, and one that starts five minutes ahead', async () => {
    expect((await ask({ claims: { exp: start + 1 } })).status).toBe(200)
    expect((await ask({ claims: { nbf: start + 300 } })).status).toBe(200)
  })

  test('refuses an unsigned assertion and a text that is not an assertion with AADSTS50027 or AADSTS700027', async () => {
    const header = { alg: 'none', 'x5t#S256': thumbprints(certificate).sha256 }
    const unsigned = [header, { iss: ids.daemon }].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    expect(refusal(await ask({ form: { client_assertion: `${unsigned.join('.')}.` } })).code).toBe(700027)
    expect(refusal(await ask({ form: { client_assertion: 'nonsense' } })).code).toBe(50027)
  })
})

describe('refuses', () => {
  const v2 = { ...bySecret, scope: 'api://v2/.default' }
  const without = (name: string): Form =>
    Object.fromEntries(Object.entries(v2).filter(([key]) => key !== name))

  test.each<[string, Form, { status: number; error: string; code: number }]>([
    [
      'a wrong secret',
      { ...v2, client_secret: 'test-value-wrong' },
      { status: 401, error: 'invalid_client', code: 7000215 },
    ],
    [
      'an expired secret',
      { ...v2, client_secret: 'test-value-expired' },
      { status: 401, error: 'invalid_client', code: 7000222 },
    ],
    ['no credential', without('client_secret'), { status: 401, error: 'invalid_client', code: 7000216 }],
    ['no client_id', without('client_id'), { status: 400, error: 'invalid_request', code: 900144 }],
    ['no grant_type', without('grant_type'), { status: 400, error: 'invalid_request', code: 900144 }],
    ['no scope', without('scope'), { status: 400, error: 'invalid_request', code: 90014 }],
    [
      'another grant type',
      { ...v2, grant_type: 'magic' },
      { status: 400, error: 'unsupported_grant_type', code: 70003 },
    ],
    [
      'an unknown client',
      { ...v2, client_id: randomUUID() },
      { status: 400, error: 'unauthorized_client', code: 700016 },
    ],
    [
      'the nil GUID as client',
      { ...v2, client_id: '00000000-0000-0000-0000-000000000000' },
      { status: 400, error: 'unauthorized_client', code: 700038 },
    ],
    [
      'an unknown API',
      { ...v2, scope: 'api://unknown/.default' },
      { status: 400, error: 'invalid_resource', code: 500011 },
    ],
    [
      'a named scope',
      { ...v2, scope: 'api://v2/Things.Read' },
      { status: 400, error: 'invalid_scope', code: 1002012 },
    ],
    [
      'a sign-in scope',
      { ...v2, scope: 'api://v2/.default openid' },
      { status: 400, error: 'invalid_scope', code: 1002012 },
    ],
    [
      'two APIs at once',
      { ...v2, scope: 'api://v1/.default api://v2/.default' },
      { status: 400, error: 'invalid_request', code: 700022 },
    ],
    [
      'an API that demands assignment',
      { ...v2, scope: 'api://guarded/.default' },
      { status: 400, error: 'invalid_grant', code: 501051 },
    ],
    [
      'claims that are not JSON',
      { ...v2, claims: '{' },
      { status: 400, error: 'invalid_request', code: 9002313 },
    ],
    [
      'two credentials',
      { ...v2, client_assertion: 'a.b.c' },
      { status: 400, error: 'invalid_request', code: 9002313 },
    ],
  ])('%s', async (_, form, expected) => {
    const answer = await askToken(emulator, form)
    expect(refusal(answer)).toEqual(expected)
    expect(answer.body).not.toHaveProperty('access_token')
  })

  test('a tenant that is not named, unknown, or has not consented', async () => {
    expect(refusal(await askToken(emulator, v2, { tenant: 'common' })).code).toBe(50059)
    expect(refusal(await askToken(emulator, v2, { tenant: 'unknown.example' }))).toEqual({
      status: 400,
      error: 'invalid_request',
      code: 90002,
    })
    expect(refusal(await askToken(emulator, v2, { tenant: ids.fabrikam })).code).toBe(700016)
  })

  test('a parameter that is there twice with AADSTS9000411', async () => {
    const response = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams([...Object.entries(v2), ['scope', 'api://v1/.default']]),
    })
    expect(await response.json()).toMatchObject({ error: 'invalid_request', error_codes: [9000411] })
  })

  test('a JSON body as one without parameters', async () => {
    const response = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(v2),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error_codes: [900144] })
  })

  test("in the shape of Entra, with the client's own correlation id", async () => {
    const correlationId = randomUUID()
    const answer = await askToken(
      emulator,
      { ...v2, client_secret: 'test-value-wrong' },
      { headers: { 'client-request-id': correlationId } },
    )
    const { body, headers } = answer
    const traceId = headers.get('x-ms-request-id')
    expect(Object.keys(body)).toEqual([
      'error',
      'error_description',
      'error_codes',
      'timestamp',
      'trace_id',
      'correlation_id',
      'error_uri',
    ])
    expect(body).toMatchObject({
      timestamp: '2026-03-01 12:00:00Z',
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `${emulator.origin}/error?code=7000215`,
    })
    expect(body['error_description']).toMatch(/^AADSTS7000215: Invalid client secret provided\. /)
    expect(
      String(body['error_description']).endsWith(
        ` Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: 2026-03-01 12:00:00Z`,
      ),
    ).toBe(true)
    expect(JSON.stringify(body)).not.toContain('test-value-wrong')
  })
})

test('ends a secret at the very second of its endDateTime', async () => {
  await using own = await startTestEmulator({ clock: fixedClock(start - 1) })
  const form = { ...bySecret, client_secret: 'test-value-expired', scope: 'api://v2/.default' }
  expect((await askToken(own, form)).status).toBe(200)
  own.clock.advance(1)
  expect(refusal(await askToken(own, form)).code).toBe(7000222)
})
