import { createTokenValidator, entraMultiTenant } from '@countersign/core'
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose'
import { describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { askToken, ids, refusal, secrets, start, startTestEmulator, verified } from './support.js'

interface Listed {
  readonly kid: string
  readonly issuer?: string
  readonly cloud_instance_name?: string
}

async function listed(emulator: Emulator, path = `/${ids.contoso}/discovery/v2.0/keys`): Promise<Listed[]> {
  const response = await fetch(`${emulator.origin}${path}`)
  return ((await response.json()) as { keys: Listed[] }).keys
}

/** Of the instance's own keys, without those that only fill the set. */
const kids = async (emulator: Emulator, path?: string): Promise<string[]> => {
  const [all, own] = [await listed(emulator, path), await emulator.keys.list()]
  return all.map(({ kid }) => kid).filter((kid) => own.some((key) => key.kid === kid))
}

const issue = (emulator: Emulator): Promise<string> =>
  emulator.issueToken({ client: 'daemon', resource: 'v2' })
const kidOf = (token: string): string | undefined => decodeProtectedHeader(token).kid

describe('the life of a key', () => {
  test('has separate steps: published, then signing, then withdrawn', async () => {
    await using emulator = await startTestEmulator()
    const [old = ''] = await kids(emulator)
    const next = await emulator.keys.publish()
    expect(await kids(emulator)).toEqual([old, next])
    expect(kidOf(await issue(emulator))).toBe(old)

    await emulator.keys.use(next)
    expect(kidOf(await issue(emulator))).toBe(next)
    expect((await emulator.keys.list()).map(({ state }) => state)).toEqual(['retiring', 'signing'])

    await emulator.keys.withdraw(old)
    expect(await kids(emulator)).toEqual([next])
    expect((await emulator.keys.list()).map(({ state }) => state)).toEqual(['withdrawn', 'signing'])
  })

  test('ends at once in an emergency, and an assertion it signed is refused with AADSTS50013', async () => {
    await using emulator = await startTestEmulator()
    const assertion = await emulator.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'alice@contoso.example',
    })
    const kid = await emulator.keys.replaceAll()
    expect(await kids(emulator)).toEqual([kid])
    const answer = await askToken(emulator, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      client_id: ids.tier1,
      client_secret: secrets.tier1,
      assertion,
      scope: 'api://v2/.default',
    })
    expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_grant', code: 50013 })
  })

  test('can flap: it is in two answers, missing from one, and in all again after steady', async () => {
    await using emulator = await startTestEmulator()
    const [kid = ''] = await kids(emulator)
    await emulator.keys.flap(kid, { listed: 2, absent: 1 })
    const counts = []
    for (let answer = 0; answer < 6; answer += 1) counts.push((await kids(emulator)).length)
    expect(counts).toEqual([1, 1, 0, 1, 1, 0])
    await emulator.keys.steady(kid)
    expect(await kids(emulator)).toEqual([kid])
  })

  test('refuses a step that cannot be done with a TypeError', async () => {
    await using emulator = await startTestEmulator()
    const [kid = ''] = await kids(emulator)
    await expect(emulator.keys.withdraw(kid)).rejects.toThrow(
      'keys.withdraw: "kid" must be the kid of a key that does not sign',
    )
    await expect(emulator.keys.use('other')).rejects.toThrow('keys.use: "kid" must be the kid of a key')
    await expect(emulator.keys.flap(kid, { listed: 0, absent: 1 })).rejects.toThrow(
      'keys.flap: "listed" must be a whole number',
    )
    await expect(emulator.keys.publishForeign('mars' as never)).rejects.toThrow(
      'keys.publishForeign: "owner" must be',
    )
    const next = await emulator.keys.rotate()
    await emulator.keys.withdraw(kid)
    await expect(emulator.keys.use(kid)).rejects.toThrow('was withdrawn')
    expect(kidOf(await issue(emulator))).toBe(next)
  })
})

describe('foreign keys', () => {
  test('are in the set as in Entra: personal accounts by their concrete issuer, on common alone', async () => {
    await using emulator = await startTestEmulator()
    const msa = await emulator.keys.publishForeign('microsoftAccounts')
    const usGovernment = await emulator.keys.publishForeign('usGovernment')
    const common = await listed(emulator, '/common/discovery/v2.0/keys')
    expect(common.find(({ kid }) => kid === msa)).toMatchObject({
      issuer: `${emulator.origin}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0`,
    })
    expect(common.find(({ kid }) => kid === usGovernment)).toMatchObject({
      issuer: `${emulator.origin}/{tenantid}/v2.0`,
      cloud_instance_name: 'microsoftonline.us',
    })
    expect(await kids(emulator, '/organizations/discovery/v2.0/keys')).not.toContain(msa)
    expect(await kids(emulator, '/organizations/discovery/v2.0/keys')).toContain(usGovernment)
  })

  test.each([
    ['msaKey', 'key_issuer_mismatch'],
    ['otherCloudKey', 'key_issuer_mismatch'],
  ] as const)('sign tokens (%s) that a multi-tenant validator refuses with %s', async (flaw, code) => {
    await using emulator = await startTestEmulator()
    const token = await emulator.issueToken({
      client: 'native',
      resource: 'v2',
      user: 'alice@contoso.example',
      flaw,
    })
    expect(await kids(emulator, '/common/discovery/v2.0/keys')).toContain(kidOf(token))
    const validator = createTokenValidator({
      issuer: entraMultiTenant({
        allowedTenants: [ids.contoso],
        accounts: 'common',
        clientId: ids.v2,
        cloud: emulator.cloud,
      }),
      clock: emulator.clock.now,
    })
    await expect(validator.validateToken(token)).rejects.toMatchObject({ code })
  })
})

test('an API with a key of its own has it under ?appid=, in the document and the set, and nowhere else', async () => {
  await using emulator = await startTestEmulator()
  const kid = await emulator.keys.publishForApplication('v2')
  const document = await fetch(
    `${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration?appid=${ids.v2}`,
  )
  const { jwks_uri: jwksUri } = (await document.json()) as { jwks_uri: string }
  expect(jwksUri).toBe(`${emulator.origin}/${ids.contoso}/discovery/v2.0/keys?appid=${ids.v2}`)
  expect(await kids(emulator, new URL(jwksUri).pathname + new URL(jwksUri).search)).toEqual([kid])
  expect(await kids(emulator)).not.toContain(kid)
  expect(kidOf(await issue(emulator))).toBe(kid)
  const other = await emulator.issueToken({ client: 'daemon', resource: 'v1' })
  expect((await verified(emulator, other)).claims.tid).toBe(decodeJwt(other)['tid'])
})

/** panva/wellknown, entra-common (2024-06 to 2024-10): 6 to 14 keys, of tenants, US Government and personal accounts. */
describe('the set of a new instance', () => {
  const paths = ['/common', `/${ids.contoso}`, '/organizations', '/consumers'].flatMap((tenant) => [
    `${tenant}/discovery/v2.0/keys`,
    ...(tenant === '/consumers' ? [] : [`${tenant}/discovery/keys`]),
  ])

  test('has several keys, as live sets have, and neither the first nor the last of them signs', async () => {
    await using emulator = await startTestEmulator()
    const signing = kidOf(await issue(emulator))
    for (const path of paths) {
      const all = (await listed(emulator, path)).map(({ kid }) => kid)
      expect([path, all.length >= 6 && all.length <= 14]).toEqual([path, true])
      expect(new Set(all).size).toBe(all.length)
      expect([all.indexOf(signing ?? '') > 0, all.at(-1) === signing]).toEqual([true, false])
    }
  })

  test('names the issuer and cloud of each, with those of personal accounts under common and consumers alone', async () => {
    await using emulator = await startTestEmulator()
    const count = async (tenant: string): Promise<Record<string, number>> => {
      const counts = { tenants: 0, usGovernment: 0, personal: 0 }
      for (const { issuer, cloud_instance_name: cloud } of await listed(
        emulator,
        `/${tenant}/discovery/v2.0/keys`,
      )) {
        if (cloud === 'microsoftonline.us') counts.usGovernment += 1
        else if (issuer === `${emulator.origin}/{tenantid}/v2.0`) counts.tenants += 1
        else if (issuer?.includes('9188040d-6c67-4c5b-b112-36a304b66dad')) counts.personal += 1
      }
      return counts
    }
    expect(await count('common')).toEqual({ tenants: 4, usGovernment: 3, personal: 3 })
    expect(await count(ids.contoso)).toEqual({ tenants: 4, usGovernment: 3, personal: 0 })
  })

  test('has nothing to sign with but its own key: the others are in no list and no state', async () => {
    await using emulator = await startTestEmulator()
    const [own, ...more] = await emulator.keys.list()
    expect(more).toEqual([])
    expect((await emulator.exportState()).keys).toHaveLength(1)
    const [first] = await listed(emulator)
    expect(first?.kid).not.toBe(own?.kid)
    await expect(emulator.keys.use(first?.kid ?? '')).rejects.toThrow(
      'must be the kid of a key of this emulator',
    )
  })

  test('fails code that takes the first key', async () => {
    await using emulator = await startTestEmulator()
    const response = await fetch(`${emulator.origin}/${ids.contoso}/discovery/v2.0/keys`)
    const { keys } = (await response.json()) as JSONWebKeySet
    const [key] = keys
    const currentDate = new Date(start * 1000)
    const token = await issue(emulator)
    await expect(
      jwtVerify(token, await importJWK(key ?? {}, 'RS256'), { currentDate }),
    ).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
    await expect(jwtVerify(token, createLocalJWKSet({ keys }), { currentDate })).resolves.toBeDefined()
  })
})
