import { readFile } from 'node:fs/promises'
import { createTokenValidator, entra, isBearerError } from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, tokenFlaws, tokenFlawsFor, tokenFlawTable } from '@countersign/emulator'
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

describe('the table of flaws', () => {
  test('leaves out, for an API, what is a good token there', () => {
    const left = (api: Parameters<typeof tokenFlawsFor>[0]): string[] =>
      tokenFlaws.filter((flaw) => !tokenFlawsFor(api).includes(flaw))
    expect(left(undefined)).toEqual(['v1ForV2', 'v2ForV1'])
    expect(left({ versions: ['2.0'] })).toEqual(['v2ForV1'])
    expect(left({ versions: ['1.0'] })).toEqual(['v1ForV2'])
    expect(left({ versions: ['2.0'], acceptsAnyTenant: true })).toEqual(['wrongTenant', 'v2ForV1'])
    expect(left({ versions: ['2.0'], acceptsTokensWithoutPermissions: true })).toEqual(['v2ForV1', 'noScope'])
  })

  test('is right: an API with both audiences accepts exactly the flaws that do not apply to it', async () => {
    const validator = createValidator(ids.v2, 'api://v2')
    const accepted: string[] = []
    for (const flaw of tokenFlaws) {
      const token = await emulator.issueToken({ ...good, flaw })
      await validator.validateToken(token).then(
        () => accepted.push(flaw),
        (error: unknown) => {
          const { refusals } = tokenFlawTable[flaw]
          expect([
            flaw,
            refusals.map(({ status }) => status).includes(Reflect.get(Object(error), 'status') as number),
          ]).toEqual([flaw, true])
        },
      )
    }
    expect(accepted).toEqual(tokenFlaws.filter((flaw) => !tokenFlawsFor().includes(flaw)))
  })

  test('needs a user exactly where it says so', async () => {
    for (const flaw of tokenFlaws) {
      const minted = await emulator.issueToken({ client: 'daemon', resource: 'v2', flaw }).then(
        () => true,
        () => false,
      )
      expect([flaw, minted]).toEqual([flaw, !tokenFlawTable[flaw].needsUser])
    }
  })

  test('is the one in the documentation, word for word', async () => {
    const text = await readFile(new URL('../../../docs/token-flaws.md', import.meta.url), 'utf8')
    const rows = text
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    const expected = tokenFlaws.map((flaw) => {
      const { meaning, appliesTo, refusals } = tokenFlawTable[flaw]
      const answers = refusals.map(({ status, error }) =>
        error === undefined ? `${status}` : `${status} \`${error}\``,
      )
      return [`\`${flaw}\``, meaning, appliesTo, answers.join(', ')]
    })
    expect(rows).toEqual(expected)
  })
})
