import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import { compare, expectations, type Row, rules, type Verdict } from './golden.js'
import { askToken, type Form, ids, secrets, signInAndRedeem, start, withContoso } from './support.js'

let emulator: Emulator
const answers = new Map<string, Record<string, unknown>>()
const verdicts = new Map<Verdict, number>([
  ['same', 0],
  ['differs', 0],
  ['not checked', 0],
])

beforeAll(async () => {
  emulator = await startEmulator({
    registration: withContoso({
      conditionalAccess: [{ displayName: 'mfa', demand: 'mfa', resources: ['v2'] }],
    }),
    clock: fixedClock(start),
  })
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await (await fetch(`${emulator.origin}/${ids.contoso}${path}`)).json()) as Record<string, unknown>
  const ask = async (form: Form, settings = {}): Promise<Record<string, unknown>> =>
    (await askToken(emulator, form, settings)).body
  const bySecret = { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: secrets.daemon }
  const byScope = { ...bySecret, scope: 'api://v2/.default' }

  const v2 = await get('/v2.0/.well-known/openid-configuration')
  const token = await ask(byScope)
  const user = await signInAndRedeem(emulator)
  const onBehalf = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    client_id: ids.tier1,
    client_secret: secrets.tier1,
    assertion: String(user.body['access_token']),
  }
  const keyOf = ({ keys }: Record<string, unknown>): Record<string, unknown> =>
    (keys as Record<string, unknown>[])[0] ?? {}
  for (const [subject, answer] of Object.entries({
    'discovery 2.0': v2,
    'discovery 2.0, since 2025': v2,
    'discovery 1.0': await get('/.well-known/openid-configuration'),
    'key 2.0': keyOf(await get('/discovery/v2.0/keys')),
    'key 1.0': keyOf(await get('/discovery/keys')),
    'client credentials 2.0': token,
    'client credentials 1.0': await ask({ ...bySecret, resource: 'api://v1' }, { version: '1.0' }),
    'claims of an application 2.0': decodeJwt(String(token['access_token'])),
    'scopes of an API, asked for with sign-in scopes': user.body,
    'scopes of Graph, asked for with sign-in scopes': (
      await signInAndRedeem(emulator, { query: { scope: 'openid profile offline_access' } })
    ).body,
    'claims of a user 2.0': decodeJwt(String(user.body['access_token'])),
    'error 7000215': await ask({ ...byScope, client_secret: 'test-value-wrong' }),
    'error 500011': await ask({ ...byScope, scope: 'api://unknown/.default' }),
    'error 70003': await ask({ ...byScope, grant_type: 'magic' }),
    'error 700038': await ask({ ...byScope, client_id: '00000000-0000-0000-0000-000000000000' }),
    'error 90002': await ask(byScope, { tenant: 'unknown.example' }),
    'error 65001': await ask({ ...onBehalf, scope: 'api://lonely/Things.Read' }),
    'error 50076': await ask({ ...onBehalf, scope: 'api://v2/Things.Read' }),
    'error 7000114': await ask({
      ...onBehalf,
      scope: 'api://v2/Things.Read',
      assertion: await emulator.issueToken({ client: 'daemon', resource: 'tier1' }),
    }),
  })) {
    answers.set(subject, answer)
  }
})
afterAll(async () => {
  const counts = [...verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')
  const oldest = expectations
    .flatMap(({ rows }) => rows.flatMap(({ source }) => source?.date ?? []))
    .toSorted()[0]
  console.info(
    `live answers, compared with what is known of them: ${counts}; the oldest source is of ${oldest}`,
  )
  await emulator.stop()
})

const context = (): { origin: string; tenant: string } => ({ origin: emulator.origin, tenant: ids.contoso })

describe.each(expectations.map((expectation) => [expectation.subject, expectation] as const))(
  '%s',
  (subject, { rows, isComplete }) => {
    test.each(rows.map((row) => [row.member, row] as const))(
      '%s is as it was seen live, or the row states why not',
      (_, row) => {
        const verdict = compare(row, answers.get(subject)?.[row.member], context())
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
        const expected =
          row.source === undefined ? 'not checked' : row.differsBecause === undefined ? 'same' : 'differs'
        expect(verdict).toBe(expected)
      },
    )

    if (!isComplete) return
    test('has those members in that order, and no other', () => {
      const expected = rows.filter(({ member, differsBecause }) => {
        const isThere = answers.get(subject)?.[member] !== undefined
        return isThere || differsBecause === undefined
      })
      expect(Object.keys(answers.get(subject) ?? {})).toEqual(expected.map(({ member }) => member))
    })
  },
)

describe('a rule for comparing', () => {
  const samples: Readonly<Record<string, { row: Row; actual: string; nearMiss: string }>> = {
    origin: sample('{origin}/x', 'http://localhost:1/x', 'http://localhost:2/x'),
    tenant: sample('/{tenant}/x', `/${ids.contoso}/x`, '/contoso.example/x'),
    guid: sample('{guid}', ids.alice, ids.alice.slice(1)),
    time: sample('{time}', '2026-03-01 12:00:00Z', '2026-03-01T12:00:00Z'),
    token: sample('{token}', 'a.b.c', 'a.b'),
  }
  const context = { origin: 'http://localhost:1', tenant: ids.contoso }

  test.each(rules.map(({ name }) => [name]))('is needed, and folds nothing else: %s', (name) => {
    const { row, actual, nearMiss } = samples[name] ?? sample('', '', '')
    expect(compare(row, actual, context)).toBe('same')
    expect(
      compare(
        row,
        actual,
        context,
        rules.filter((rule) => rule.name !== name),
      ),
    ).toBe('differs')
    expect(compare(row, nearMiss, context)).toBe('differs')
  })

  test('does not make a wrong type the same, nor a row without a source', () => {
    const row: Row = { member: 'x', kind: 'number', source: { where: 'here', date: '2026-01-01' } }
    expect(compare(row, '3599', context)).toBe('differs')
    expect(compare(row, undefined, context)).toBe('differs')
    expect(compare({ member: 'x', kind: 'number' }, 3599, context)).toBe('not checked')
  })
})

function sample(
  value: string,
  actual: string,
  nearMiss: string,
): { row: Row; actual: string; nearMiss: string } {
  return {
    row: { member: 'x', kind: 'string', value, source: { where: 'here', date: '2026-01-01' } },
    actual,
    nearMiss,
  }
}
