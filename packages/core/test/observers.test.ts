import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  apiClientId,
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  signingKey,
  tokenWith,
  requestView,
} from '@countersign/test-fixtures'
import { createTokenValidator, entra, staticIssuer, type TokenValidatorOptions } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const channels = {
  accepted: 'countersign:accepted',
  refused: 'countersign:refused',
  keysRefreshed: 'countersign:keys-refreshed',
  keysRefreshFailed: 'countersign:keys-refresh-failed',
  keySkipped: 'countersign:key-skipped',
}
let heard: [string, unknown][]
const listeners = Object.entries(channels).map(
  ([name, channel]) => [channel, (event: unknown) => void heard.push([name, event])] as const,
)

beforeEach(() => {
  heard = []
})

afterEach(() => {
  for (const [channel, listener] of listeners) unsubscribe(channel, listener)
})

const issuerName = `staticIssuer(${genericIssuer})`
const expected = [
  ['keySkipped', { issuer: issuerName, reason: 'symmetric' }],
  ['keySkipped', { issuer: issuerName, reason: 'not_an_object' }],
  ['keysRefreshed', { issuer: issuerName, keys: 1, skipped: 2, durationSeconds: 0 }],
  ['accepted', { kind: 'delegated', issuer: issuerName, fromCache: false }],
  ['accepted', { kind: 'delegated', issuer: issuerName, fromCache: true }],
  ['refused', { code: 'scope_insufficient', status: 403 }],
  ['refused', { code: 'token_malformed', status: 401, reason: 'parts' }],
  ['refused', { code: 'credentials_missing', status: 401 }],
]

/** An accepted token, twice, then a forbidden one and two bad requests. */
async function play(observers: Partial<TokenValidatorOptions> = {}): Promise<void> {
  const { validateToken, authenticate } = createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    ...observers,
  })
  const token = tokenWith({ from: 'generic' })
  await validateToken(token)
  await validateToken(token)
  await expect(validateToken(token, { scopes: 'more' })).rejects.toMatchObject({ status: 403 })
  await expect(validateToken('x')).rejects.toMatchObject({ status: 401 })
  expect(() => authenticate(requestView({ authorization: [] }))).toThrow('no bearer token')
}

describe('events', () => {
  it('are reported to observers, in order, with nothing of the token in them', async () => {
    const record = (name: string) => (event: unknown) => void heard.push([name, event])
    await play({
      onAccepted: record('accepted'),
      onRefused: record('refused'),
      onKeysRefreshed: record('keysRefreshed'),
      onKeysRefreshFailed: record('keysRefreshFailed'),
      onKeySkipped: record('keySkipped'),
    })
    expect(heard).toEqual(expected)
  })

  it('are published on diagnostics_channel where the validator has no observer', async () => {
    for (const [channel, listener] of listeners) subscribe(channel, listener)
    await play()
    expect(heard).toEqual(expected)
  })

  it('report a failed fetch with its fault, its status and the time of the next', async () => {
    for (const [channel, listener] of listeners) subscribe(channel, listener)
    const { ready } = createTokenValidator({
      issuer: entra({ tenantId: 'contoso.example', clientId: apiClientId }),
      clock,
      fetch: async () => new Response('a body that is not read', { status: 500 }),
    })
    await expect(ready()).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(heard).toEqual([
      [
        'keysRefreshFailed',
        {
          issuer: 'entra(contoso.example)',
          fault: 'status',
          status: 500,
          url: 'https://login.microsoftonline.com/contoso.example/v2.0/.well-known/openid-configuration',
          retryInSeconds: expect.closeTo(0.75, 0) as number,
        },
      ],
    ])
  })

  it('report no refusal where the application made the mistake', async () => {
    for (const [channel, listener] of listeners) subscribe(channel, listener)
    const { validateToken } = createTokenValidator({
      issuer: staticIssuer({ issuer: genericIssuer, jwks: signingKey('generic').jwk }),
      audience: genericAudience,
      clock,
    })
    await expect(validateToken('x', {})).rejects.toThrow(TypeError)
    expect(heard).toEqual([])
  })
})
