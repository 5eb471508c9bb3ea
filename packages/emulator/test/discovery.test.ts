import { createHash, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { ids, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

async function get(
  path: string,
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await fetch(`${emulator.origin}${path}`)
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

const v1 = (tenant: string): string => `/${tenant}/.well-known/openid-configuration`
const v2 = (tenant: string): string => `/${tenant}/v2.0/.well-known/openid-configuration`

test('names a tenant by its id in the v2.0 document, whether asked by id or by domain', async () => {
  for (const name of [ids.contoso, ids.contoso.toUpperCase(), 'contoso.example', 'CONTOSO.example']) {
    const { status, body } = await get(v2(name))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      issuer: `${emulator.origin}/${ids.contoso}/v2.0`,
      token_endpoint: `${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`,
      authorization_endpoint: `${emulator.origin}/${ids.contoso}/oauth2/v2.0/authorize`,
      jwks_uri: `${emulator.origin}/${ids.contoso}/discovery/v2.0/keys`,
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      cloud_instance_name: 'microsoftonline.com',
      request_uri_parameter_supported: false,
    })
  }
})

test('ends the v1.0 issuer with a slash and lists the members of v1.0 only', async () => {
  const { body } = await get(v1(ids.contoso))
  expect(body).toMatchObject({
    issuer: `${emulator.origin}/${ids.contoso}/`,
    token_endpoint: `${emulator.origin}/${ids.contoso}/oauth2/token`,
    jwks_uri: `${emulator.origin}/${ids.contoso}/discovery/keys`,
    scopes_supported: ['openid'],
    microsoft_multi_refresh_token: true,
  })
  expect(body).not.toHaveProperty('request_uri_parameter_supported')
})

test.each(['common', 'organizations'])('keeps {tenantid} in the issuers of %s', async (segment) => {
  expect((await get(v2(segment))).body).toMatchObject({
    issuer: `${emulator.origin}/{tenantid}/v2.0`,
    token_endpoint: `${emulator.origin}/${segment}/oauth2/v2.0/token`,
    tenant_region_scope: null,
  })
  expect((await get(v1(segment))).body).toMatchObject({ issuer: `${emulator.origin}/{tenantid}/` })
})

test('gives consumers the issuer of personal accounts on v2.0 and refuses them on v1.0 with AADSTS90027', async () => {
  const { body } = await get(v2('consumers'))
  expect(body['issuer']).toBe(`${emulator.origin}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0`)
  const refused = await get(v1('consumers'))
  expect(refused.status).toBe(400)
  expect(refused.body['error_codes']).toEqual([90027])
})

test('refuses an unknown tenant with AADSTS90002, and a text that is not a tenant name with AADSTS900023', async () => {
  for (const [name, code, error] of [
    ['11111111-0000-4000-8000-00000000000f', 90002, 'invalid_tenant'],
    ['unknown.example', 90002, 'invalid_tenant'],
    ['no_name', 900023, 'invalid_tenant'],
  ] as const) {
    const { status, body } = await get(v2(name))
    expect({ status, error: body['error'], codes: body['error_codes'] }).toEqual({
      status: 400,
      error,
      codes: [code],
    })
  }
})

test('lists keys whose kid and x5t are the SHA-1 of their certificate, without alg', async () => {
  const { body, headers } = await get(`/${ids.contoso}/discovery/v2.0/keys`)
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(headers.get('cache-control')).toBe('max-age=86400, private')
  const [key = {}] = body['keys'] as Record<string, unknown>[]
  expect(Object.keys(key)).toEqual([
    'kty',
    'use',
    'kid',
    'x5t',
    'n',
    'e',
    'x5c',
    'cloud_instance_name',
    'issuer',
  ])
  expect(key).toMatchObject({
    kty: 'RSA',
    use: 'sig',
    e: 'AQAB',
    issuer: `${emulator.origin}/{tenantid}/v2.0`,
  })
  const certificate = new X509Certificate(Buffer.from(String(key['x5c']), 'base64'))
  const thumbprint = createHash('sha1').update(certificate.raw).digest('base64url')
  expect([key['kid'], key['x5t']]).toEqual([thumbprint, thumbprint])
  expect(certificate.publicKey.export({ format: 'jwk' }).n).toBe(key['n'])
})

test('lists the same keys on v1.0 without issuer and cloud_instance_name', async () => {
  const { body } = await get('/common/discovery/keys')
  const [key = {}] = body['keys'] as Record<string, unknown>[]
  expect(Object.keys(key)).toEqual(['kty', 'use', 'kid', 'x5t', 'n', 'e', 'x5c'])
})

test('keeps the old key in the set when a new one signs', async () => {
  await using own = await startTestEmulator()
  const before = await own.issueToken({ client: 'daemon', resource: 'v2' })
  const kid = await own.rotateKeys()
  const { keys } = (await (await fetch(`${own.origin}/common/discovery/v2.0/keys`)).json()) as {
    keys: { kid: string }[]
  }
  const known = (await own.keys.list()).map((key) => key.kid)
  const listed = keys.filter((key) => known.includes(key.kid))
  expect(listed).toHaveLength(2)
  expect(listed[1]?.kid).toBe(kid)
  expect(JSON.parse(Buffer.from(before.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
    kid: listed[0]?.kid,
  })
  const after = await own.issueToken({ client: 'daemon', resource: 'v2' })
  expect(JSON.parse(Buffer.from(after.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({ kid })
})
