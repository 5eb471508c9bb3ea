import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { ids, startTestEmulator } from './support.js'

/*
 * The rules by which Microsoft's own .NET libraries tell whose a token is, written down once more on their own: the
 * issuer by the template of the metadata and the tenant of the token, the key by the issuer it is listed with, and the
 * cloud of both. They hold for the emulator's tokens and refuse those of foreign keys.
 */

interface Metadata {
  readonly issuer: string
  readonly cloud_instance_name: string
  readonly keys: readonly {
    readonly kid: string
    readonly issuer?: string
    readonly cloud_instance_name?: string
  }[]
}

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
  await emulator.keys.publishForeign('microsoftAccounts')
  await emulator.keys.publishForeign('usGovernment')
})
afterAll(() => emulator.stop())

async function metadataOf(version: '1.0' | '2.0', tenant: string): Promise<Metadata> {
  const path = version === '1.0' ? '' : 'v2.0/'
  const get = async (url: string): Promise<Record<string, unknown>> =>
    (await (await fetch(url)).json()) as Record<string, unknown>
  const document = await get(`${emulator.origin}/${tenant}/${path}.well-known/openid-configuration`)
  return { ...document, ...(await get(String(document['jwks_uri']))) } as unknown as Metadata
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const filled = (template: string, tenant: string): string => template.replaceAll('{tenantid}', tenant)

/** The tenant a token says it is of: one claim, however it is spelled, that is a GUID. */
function tenantOf(token: string): string | undefined {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  const names = payload.match(/"tid"\s*:/gi) ?? []
  const { tid } = decodeJwt(token)
  return names.length === 1 && typeof tid === 'string' && guid.test(tid) ? tid : undefined
}

/** 'accepted', or the rule that refuses. `sameMetadata`: metadata of v2.0 alone, as an API with one authority has. */
async function verdict(token: string, tenant: string, sameMetadata = false): Promise<string> {
  const tid = tenantOf(token)
  if (tid === undefined) return 'tid'
  const { iss = '', aud } = decodeJwt(token)
  const isV1 = !/\/v2\.0\/?$/.test(iss)
  const v2 = await metadataOf('2.0', tenant)
  const own = isV1 ? await metadataOf('1.0', tenant) : v2
  if (filled(own.issuer, tid) !== iss) return 'issuer'

  const { keys, cloud_instance_name: cloud } = isV1 && !sameMetadata ? own : v2
  const key = keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid)
  if (key === undefined) return 'key'
  const signs = key.issuer === undefined ? undefined : filled(key.issuer, tid)
  // A key of v2.0 metadata never names an issuer of v1.0: the v2.0 issuer of the same tenant stands for it.
  if (signs !== undefined && signs !== (isV1 ? filled(v2.issuer, tid) : iss)) return 'issuer of the key'
  if (key.cloud_instance_name !== undefined && key.cloud_instance_name !== cloud) return 'cloud of the key'
  const set = { keys } as unknown as JSONWebKeySet
  const check: Promise<{ payload: JWTPayload }> = jwtVerify(token, createLocalJWKSet(set), {
    algorithms: ['RS256'],
    audience: String(aud),
    currentDate: new Date(emulator.clock.now() * 1000),
  })
  return check.then(
    () => 'accepted',
    () => 'signature',
  )
}

const good = { client: 'native', user: 'alice@contoso.example' }

describe('the rules for issuers of Microsoft.IdentityModel', () => {
  test.each([
    ['v1', ids.contoso],
    ['v2', ids.contoso],
    ['v1', 'organizations'],
    ['v2', 'organizations'],
    ['v2', 'common'],
  ])('accept a token of the API %s by the metadata of %s', async (resource, tenant) => {
    expect(await verdict(await emulator.issueToken({ ...good, resource }), tenant)).toBe('accepted')
  })

  test('accept a token of v1.0 by the keys of v2.0, whose issuer is that of the same tenant', async () => {
    const token = await emulator.issueToken({ ...good, resource: 'v1' })
    expect(await verdict(token, ids.contoso, true)).toBe('accepted')
  })

  test('accept a token of an application in another tenant by the templated issuer alone', async () => {
    const token = await emulator.issueToken({ client: 'fleet', resource: 'fleet-api', tenant: ids.contoso })
    expect(await verdict(token, 'common')).toBe('accepted')
    expect(await verdict(token, ids.fabrikam)).toBe('issuer')
  })

  test.each([
    ['msaKey', 'common', 'issuer of the key'],
    ['msaKey', ids.contoso, 'key'],
    ['otherCloudKey', 'common', 'cloud of the key'],
    ['otherCloudKey', ids.contoso, 'cloud of the key'],
    ['unknownKid', ids.contoso, 'key'],
    ['wrongTenant', ids.contoso, 'issuer'],
    ['wrongIssuer', ids.contoso, 'issuer'],
    ['tenantMismatch', 'common', 'issuer'],
    ['duplicateTid', ids.contoso, 'tid'],
    ['tampered', ids.contoso, 'signature'],
    ['hmacConfusion', ids.contoso, 'signature'],
    ['graphToken', ids.contoso, 'signature'],
  ] as const)('refuse a token with the flaw %s by the metadata of %s: the %s', async (flaw, tenant, rule) => {
    expect(await verdict(await emulator.issueToken({ ...good, resource: 'v2', flaw }), tenant)).toBe(rule)
  })
})
