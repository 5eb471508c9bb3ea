import { createTokenValidator, entra, isBearerError } from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, tokenFlaws } from '@countersign/emulator'
import { ids, start, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

/** The validator reads the protocol for itself: what both agree on is more than one opinion. */
function createValidator(clientId: string, identifier: string): ReturnType<typeof createTokenValidator> {
  return createTokenValidator({
    issuer: entra({ tenantId: ids.contoso, cloud: emulator.cloud }),
    audience: [clientId, identifier],
    clock: emulator.clock.now,
  })
}

const good = { client: 'native', resource: 'api://v2', user: 'alice@contoso.example' }

describe('a token by issueToken', () => {
  test.each([
    ['v2.0', ids.v2, 'api://v2'],
    ['v1.0', ids.v1, 'api://v1'],
  ])('without a flaw is accepted by a validator, on %s', async (_, clientId, resource) => {
    const validator = createValidator(clientId, resource)
    const token = await validator.validateToken(await emulator.issueToken({ ...good, resource }))
    expect(token).toMatchObject({ kind: 'delegated', objectId: ids.alice, scopes: ['Things.Read'] })
  })

  test.each(tokenFlaws.map((flaw) => [flaw]))('with the flaw %s is refused by a validator', async (flaw) => {
    const isForV1 = flaw === 'v2ForV1'
    // Of a version it does not expect, an API hears by the audience of that version.
    const validator = createTokenValidator({
      issuer: entra({ tenantId: ids.contoso, cloud: emulator.cloud }),
      audience: isForV1 ? 'api://v1' : ids.v2,
      clock: emulator.clock.now,
    })
    const resource = isForV1 ? 'api://v1' : 'api://v2'
    const token = await emulator.issueToken({ ...good, resource, flaw })
    const refusal: unknown = await validator.validateToken(token).then(
      () => 'accepted',
      (error: unknown) => error,
    )
    expect(isBearerError(refusal) ? refusal.status : refusal).toBe(401)
  })
})

test('each flaw changes one thing of the token', async () => {
  const claims = async (flaw: (typeof tokenFlaws)[number]): Promise<Record<string, unknown>> =>
    decodeJwt(await emulator.issueToken({ ...good, flaw }))
  expect((await claims('expired')).exp).toBe(start - 3600)
  expect((await claims('notYetValid')).nbf).toBe(start + 3600)
  expect(await claims('noScope')).not.toHaveProperty('scp')
  expect(await claims('v1ForV2')).toMatchObject({ ver: '1.0', appid: ids.native, tid: ids.contoso })
  expect(await claims('idToken')).toMatchObject({ aud: ids.v2, nonce: expect.any(String) })
  expect((await emulator.issueToken({ ...good, flaw: 'algNone' })).endsWith('.')).toBe(true)
  expect((await emulator.issueToken({ ...good, flaw: 'nestedJwe' })).split('.')).toHaveLength(5)
})

test('an unknown flaw is refused with a TypeError that lists the known ones', async () => {
  const flaw = 'misspelt' as never
  await expect(emulator.issueToken({ ...good, flaw })).rejects.toThrow(
    /^issueToken: "flaw" must be one of expired/,
  )
})
