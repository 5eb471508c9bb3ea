import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TokenIssuance, TokenIssuanceHook } from '@countersign/emulator'
import {
  askToken,
  contoso,
  ids,
  refusal,
  secrets,
  signInAndRedeem,
  startTestEmulator,
  withContoso,
} from './support.js'

const warnings: string[] = []
const listen = (warning: Error): void => void warnings.push(warning.message)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', listen)
})
afterEach(() => process.off('warning', listen))

const daemon = {
  grant_type: 'client_credentials',
  client_id: ids.daemon,
  client_secret: secrets.daemon,
  scope: 'api://v2/.default',
}

describe('claims of a user in the registration', () => {
  const withClaims = (claims: object): ReturnType<typeof withContoso> =>
    withContoso({
      users: contoso.users.map((user) =>
        user.userPrincipalName.startsWith('alice') ? { ...user, claims } : user,
      ) as never,
    })

  test('are in every token for the user: access token and id token, issued and minted', async () => {
    await using emulator = await startTestEmulator({
      registration: withClaims({ extn_department: 'toys', levels: [1, 2] }),
    })
    const { body } = await signInAndRedeem(emulator)
    for (const token of [
      body['access_token'],
      body['id_token'],
      await emulator.issueToken({ client: 'native', resource: 'v1', user: ids.alice }),
    ]) {
      expect(decodeJwt(String(token))).toMatchObject({ extn_department: 'toys', levels: [1, 2] })
    }
    const bob = await emulator.issueToken({ client: 'native', resource: 'v1', user: 'bob@contoso.example' })
    expect(decodeJwt(bob)).not.toHaveProperty('extn_department')
  })

  test.each(['aud', 'iss', 'oid', 'scp', 'tid', 'exp'])('must not name %s', async (claim) => {
    await expect(startTestEmulator({ registration: withClaims({ [claim]: 'x' }) })).rejects.toThrow(
      'registration: tenants[0].users[0].claims: has a claim that the protocol needs',
    )
  })
})

describe('onTokenIssuanceStart', () => {
  test('gets what is about to be issued, and adds and replaces claims', async () => {
    const seen: TokenIssuance[] = []
    await using emulator = await startTestEmulator({
      onTokenIssuanceStart(issuance) {
        seen.push(issuance)
        return issuance.kind === 'accessToken' ? { department: 'toys', roles: ['Extra'] } : undefined
      },
    })
    const { body } = await askToken(emulator, daemon)
    expect(decodeJwt(String(body['access_token']))).toMatchObject({ department: 'toys', roles: ['Extra'] })
    await signInAndRedeem(emulator)
    expect(
      seen.map(({ kind, clientId, resourceId, userId }) => [kind, clientId, resourceId, userId]),
    ).toEqual([
      ['accessToken', ids.daemon, ids.v2, undefined],
      ['accessToken', ids.native, ids.tier1, ids.alice],
      ['idToken', ids.native, ids.native, ids.alice],
    ])
    expect(seen[0]).toMatchObject({ tenantId: ids.contoso, claims: { aud: ids.v2 } })
  })

  test('cannot change the claims of the token it was shown', async () => {
    await using emulator = await startTestEmulator({
      onTokenIssuanceStart({ claims }) {
        Object.assign(claims, { aud: 'another' })
        return undefined
      },
    })
    expect(decodeJwt(await emulator.issueToken({ client: 'daemon', resource: 'v2' })).aud).toBe(ids.v2)
  })

  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  test.each<[string, unknown]>([
    [
      'throws',
      () => {
        throw new Error('test-value')
      },
    ],
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
    ['rejects', () => Promise.reject(new Error('test-value'))],
    ['returns text', () => 'test-value'],
    ['returns null', () => null],
    ['returns a list', () => [{ a: 1 }]],
    ['returns a circle', () => circular],
    ['returns a function that JSON leaves out', () => () => {}],
    ['returns something that turns into text', () => ({ toJSON: () => 'test-value' })],
    [
      'returns something that throws when it is read',
      () => ({
        get a() {
          throw new Error('test-value')
        },
      }),
    ],
    [
      'returns a hostile promise',
      () =>
        new Proxy(
          {},
          {
            get() {
              throw new Error('test-value')
            },
          },
        ),
    ],
    ['returns a big integer', () => ({ a: 1n })],
    ['returns too much', () => ({ a: 'x'.repeat(200_000) })],
    ['replaces the audience', () => ({ aud: 'another' })],
    ['never settles', () => new Promise(() => {})],
    ['settles too late', () => new Promise((resolve) => setTimeout(resolve, 2500).unref())],
  ])(
    'that %s ends the request with AADSTS1100001 within a deadline, and the next one works',
    async (_, hook) => {
      let isHostile = true
      await using emulator = await startTestEmulator({
        onTokenIssuanceStart: (issuance) => (isHostile ? (hook as TokenIssuanceHook)(issuance) : undefined),
      })
      const before = performance.now()
      const answer = await askToken(emulator, daemon)
      expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_request', code: 1100001 })
      expect(performance.now() - before).toBeLessThan(4000)
      expect(JSON.stringify(answer.body)).not.toContain('test-value')
      await vi.waitFor(() => expect(warnings.join()).toContain('onTokenIssuanceStart'))
      expect(warnings.join()).not.toContain('test-value')
      isHostile = false
      expect((await askToken(emulator, daemon)).status).toBe(200)
    },
  )

  test('must be a function', async () => {
    await expect(startTestEmulator({ onTokenIssuanceStart: 'x' as never })).rejects.toThrow(
      'startEmulator: "onTokenIssuanceStart" must be a function',
    )
  })
})
