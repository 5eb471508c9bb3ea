import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { type Emulator, type EmulatorState, startEmulator } from '@countersign/emulator'
import { createCertificate } from './certificates.js'
import {
  askToken,
  ids,
  openPage,
  refusal,
  sendForm,
  signIn,
  signInAndRedeem,
  startTestEmulator,
  verified,
} from './support.js'

const alice = 'alice@contoso.example'
const refreshWith = (refreshToken: unknown, scope = 'api://tier1/.default'): Record<string, string> => ({
  grant_type: 'refresh_token',
  client_id: ids.native,
  refresh_token: String(refreshToken),
  scope,
})
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** The same data with another leaf at one place; undefined leaves it out. */
function replaced(value: unknown, [step, ...rest]: readonly string[], leaf: unknown): unknown {
  if (step === undefined) return leaf
  const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  Reflect.set(copy, step, replaced(Reflect.get(copy, step), rest, leaf))
  return copy
}

const longer = (base64 = ''): string =>
  Buffer.concat([Buffer.from(base64, 'base64'), Buffer.from('x')]).toString('base64')

/** A snapshot with a foreign key, a consent that only this instance has, and a user who was signed out. */
async function lived(): Promise<{
  port: number
  snapshot: EmulatorState
  access: unknown
  refresh: unknown
  revoked: unknown
}> {
  await using emulator = await startTestEmulator()
  const { body } = await signInAndRedeem(emulator)
  const consent = await signIn(emulator, { query: { scope: 'api://v2/Things.Write' } })
  await sendForm(emulator, consent, { consent: 'accept' })
  const bob = await signInAndRedeem(emulator, {
    user: 'bob@contoso.example',
    query: { scope: 'openid offline_access' },
  })
  emulator.users.revokeSessions('bob@contoso.example')
  await emulator.keys.publishForeign('usGovernment')
  await emulator.rotateKeys()
  return {
    port: Number(new URL(emulator.origin).port),
    snapshot: asJson(await emulator.exportState()),
    access: body['access_token'],
    refresh: body['refresh_token'],
    revoked: bob.body['refresh_token'],
  }
}

const question = { client: 'native', resource: 'v2', user: alice, scopes: ['Things.Write'] }

describe('a snapshot', () => {
  test('is plain data, and the same instance exports the same after importing it', async () => {
    const { snapshot } = await lived()
    await using other = await startTestEmulator({ state: snapshot })
    expect(asJson(await other.exportState())).toEqual(snapshot)
  })

  test('lets another instance continue: old tokens, refresh tokens, consents and revocations stay valid', async () => {
    const { port, snapshot, access, refresh, revoked } = await lived()
    await using other = await startTestEmulator({ state: snapshot, port })
    expect((await verified(other, access)).claims['oid']).toBe(ids.alice)
    expect((await askToken(other, refreshWith(refresh))).status).toBe(200)
    expect(other.explainPermission(question).isIssued).toBe(true)
    expect(refusal(await askToken(other, refreshWith(revoked, 'openid'))).code).toBe(50173)
    const states = (await other.keys.list()).map(({ owner, state }) => `${owner} ${state}`)
    expect(states).toEqual(['tenants retiring', 'usGovernment signing', 'tenants signing'])
  })

  test('is imported by a running instance, which then drops its own state', async () => {
    const { snapshot, refresh } = await lived()
    await using other = await startTestEmulator()
    const own = await signInAndRedeem(other)
    expect(refusal(await askToken(other, refreshWith(refresh))).code).toBe(9002313)
    other.importState(snapshot)
    expect((await askToken(other, refreshWith(refresh))).status).toBe(200)
    expect(refusal(await askToken(other, refreshWith(own.body['refresh_token']))).code).toBe(9002313)
    expect(other.explainPermission(question).isIssued).toBe(true)
    await expect(verified(other, own.body['access_token'])).rejects.toThrow()
  })

  test('is imported before the first key of the instance is made, which then never signs', async () => {
    const { snapshot } = await lived()
    await using other = await startTestEmulator()
    other.importState(snapshot)
    const token = await other.issueToken({ client: 'native', resource: 'v2', user: alice })
    expect((await verified(other, token)).claims['aud']).toBe(ids.v2)
    expect(await other.keys.list()).toHaveLength(snapshot.keys.length)
  })

  test('is in the state file of the instance that imported it', async () => {
    const { snapshot } = await lived()
    const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
    try {
      const file = join(folder, 'state.json')
      const other = await startTestEmulator({ state: file })
      other.importState(snapshot)
      await other.stop()
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(snapshot)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('has no effect on a registration that has none of its tenants', async () => {
    const { snapshot } = await lived()
    await using other = await startEmulator({ state: snapshot })
    expect((await other.exportState()).directory.tenants).not.toHaveProperty(ids.contoso)
  })

  test('is not changed by what happens to the instance afterwards', async () => {
    await using emulator = await startTestEmulator()
    const snapshot = await emulator.exportState()
    const before = asJson(snapshot)
    emulator.users.disable(alice)
    await emulator.rotateKeys()
    expect(asJson(snapshot)).toEqual(before)
  })
})

describe('what is not a snapshot', () => {
  let emulator: Emulator
  let good: EmulatorState
  let ecKey: string
  let foreign: string
  beforeAll(async () => {
    emulator = await startTestEmulator()
    good = asJson((await lived()).snapshot)
    ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()
    foreign = (await createCertificate('RSA', 2_500_000_000)).der.toString('base64')
  })
  afterAll(() => emulator.stop())

  const tenant = ['directory', 'tenants', ids.contoso]
  const key = (index: number, member: string): string[] => ['keys', String(index), member]
  const inTenant = `state: directory.tenants.${ids.contoso}`

  test.each<[string, string[], unknown, string]>([
    ['nothing', [], null, 'state: type "null" is invalid'],
    ['a list', [], [], 'state: type "array" is invalid'],
    ['another version', ['version'], 1, 'state: version: does not match 2'],
    ['a short seal', ['seal'], 'dGVzdA==', 'state: seal: does not match pattern'],
    ['a seal that is spelled otherwise', ['seal'], `${'A'.repeat(42)}B=`, 'state: seal: is not base64'],
    ['no keys', ['keys'], [], 'state: keys: '],
    ['an unknown owner', key(0, 'owner'), 'test-value', 'state: keys[0].owner: does not match pattern'],
    [
      'an unknown state of a key',
      key(1, 'state'),
      'test-value',
      'state: keys[1].state: does not match any of',
    ],
    [
      'a key that is none',
      key(0, 'privateKey'),
      'test-value',
      'state: keys[0].privateKey: must be a private RSA key',
    ],
    [
      'a key of another kind',
      key(0, 'privateKey'),
      () => ecKey,
      'state: keys[0].privateKey: must be a private RSA key',
    ],
    [
      'a certificate of another key',
      key(2, 'certificate'),
      () => foreign,
      'state: keys[2].certificate: must be the certificate of that key',
    ],
    [
      'a certificate with something after it',
      key(2, 'certificate'),
      () => longer(good.keys[2]?.certificate),
      'state: keys[2].certificate: must be the certificate of that key',
    ],
    [
      'a key twice',
      ['keys', '3'],
      () => good.keys[0],
      'state: keys[3].certificate: must not be that of another key',
    ],
    [
      'two keys that sign',
      key(0, 'state'),
      'signing',
      'state: keys[2].state: must not be signing, because another key of this owner signs',
    ],
    [
      'no key that signs',
      key(2, 'state'),
      'retiring',
      'state: keys: must contain a key of tenants that signs',
    ],
    ['an unknown member', ['more'], true, 'state: more: is not a known member'],
    ['a tenant without an id', ['directory', 'tenants', 'contoso'], {}, 'state: directory.tenants.contoso: '],
    [
      'a grant without scopes',
      [...tenant, 'grants', '0', 'scopes'],
      undefined,
      `${inTenant}.grants[0]: does not have`,
    ],
    [
      'a user neither enabled nor disabled',
      [...tenant, 'users', ids.alice, 'isEnabled'],
      1,
      `${inTenant}.users.${ids.alice}.isEnabled: type`,
    ],
    [
      'a time beyond all dates',
      [...tenant, 'users', ids.alice, 'sessionsValidFrom'],
      1e300,
      `${inTenant}.users.${ids.alice}.sessionsValidFrom: is out of range`,
    ],
  ])('is refused with its place, and changes nothing: %s', async (_, path, leaf, place) => {
    const before = asJson(await emulator.exportState())
    const value = replaced(good, path, typeof leaf === 'function' ? leaf() : leaf) as EmulatorState
    const refused = (error: unknown): string => {
      expect(error).toBeInstanceOf(TypeError)
      return (error as TypeError).message
    }
    let message = 'accepted'
    try {
      emulator.importState(value)
    } catch (error) {
      message = refused(error)
    }
    expect(message.slice(0, place.length)).toBe(place)
    expect(message).not.toMatch(/test-value|PRIVATE/)
    const atStart = await startTestEmulator({ state: value }).then(() => 'accepted', refused)
    expect(atStart).toBe(message)
    expect(asJson(await emulator.exportState())).toEqual(before)
  })

  test('is refused with a TypeError, of any type, and changes nothing', async () => {
    const before = asJson(await emulator.exportState())
    const places = fc.constantFrom('version', 'seal', 'keys', 'directory')
    fc.assert(
      fc.property(places, fc.jsonValue({ maxDepth: 4 }), (place, value) => {
        if (place === 'version' && value === 2) return
        expect(() => emulator.importState({ ...good, [place]: value } as never)).toThrow(TypeError)
      }),
      { numRuns: 300 },
    )
    expect(asJson(await emulator.exportState())).toEqual(before)
  })
})

test('a page of a running sign-in that was sealed before an import is refused, and no user is signed in', async () => {
  await using emulator = await startTestEmulator()
  const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: 'http://localhost',
    scope: 'api://v2/Things.Read',
  })
  emulator.importState((await lived()).snapshot)
  const answer = await sendForm(emulator, page, { user: alice })
  expect([answer.status, answer.location]).toEqual([400, undefined])
})
