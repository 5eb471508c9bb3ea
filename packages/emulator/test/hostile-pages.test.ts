import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { hideSecrets } from '../src/registration/hidden-secrets.js'
import { askToken, ids, registration, secrets, startTestEmulator } from './support.js'

let emulator: Emulator
let pageToken = ''
beforeAll(async () => {
  emulator = await startTestEmulator()
  pageToken = await readPageToken()
})
afterAll(() => emulator.stop())

async function readPageToken(): Promise<string> {
  const html = await (await fetch(`${emulator.origin}/_/faults`)).text()
  return /name="page_token" value="([^"]*)"/.exec(html)?.[1] ?? ''
}

async function post(path: string, fields: Record<string, string>): Promise<{ status: number; text: string }> {
  const response = await fetch(`${emulator.origin}/_/${path}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ page_token: pageToken, ...fields }),
  })
  return { status: response.status, text: await response.text() }
}

/** A page or a redirect; never a crash, a word from inside, a secret, or markup that came in as text. */
function checkPage({ status, text }: { status: number; text: string }): void {
  expect([200, 303, 400, 404]).toContain(status)
  expect(text).not.toMatch(/node_modules|at .*\.[jt]s:\d+|PRIVATE KEY/)
  for (const secret of Object.values(secrets)) expect(text).not.toContain(secret)
  expect(text).not.toContain('<img')
}

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '<img src=x onerror=alert(1)>',
    '-1',
    '1e999',
    'NaN',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'add',
    'apply',
    'check',
    'revoke',
    'token',
    'status 429',
    ids.native,
    ids.v2,
    ids.alice,
    ids.contoso,
  ),
)
const fieldNames = fc.constantFrom(
  'add',
  'advance',
  'api',
  'back',
  'clear',
  'client',
  'do',
  'effect',
  'endpoint',
  'flaw',
  'kid',
  'lifetime',
  'real',
  'registration',
  'resource',
  'roles',
  'scopes',
  'snapshot',
  'step',
  'tenant',
  'times',
  'token',
  'user',
  'what',
  'row_flaw',
  'find',
  'page',
)

describe('hostile input to the page', () => {
  test.each([
    'again',
    'consent',
    'faults',
    'grant',
    'clock',
    'inspect',
    'keys',
    'mint',
    'registration',
    'state',
    'users',
  ])('forms of any kind sent to /_/%s are answered with a page', async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fieldNames, texts), { maxLength: 8 }), async (fields) => {
        checkPage(await post(path, Object.fromEntries(fields)))
        emulator.faults.clear()
      }),
      { numRuns: 60 },
    )
    expect((await post('clock', { real: 'true' })).status).toBe(303)
  })

  test.each([
    ['registration', 'registration'],
    ['state', 'snapshot'],
  ])('deeply nested data, sent to /_/%s, is refused with a reason', async (path, field) => {
    const nested = '['.repeat(60_000) + ']'.repeat(60_000)
    const inside = `{"tenants":[{"domains":["a.example"],"users":${nested}}]}`
    for (const text of [nested, `{"keys":${nested}}`, inside]) {
      const answer = await post(path, { [field]: text, do: 'check' })
      checkPage(answer)
      expect(answer.status).toBe(400)
    }
  })

  test('a body longer than any registration is refused with 413 on a page', async () => {
    const { status, text } = await post('registration', { registration: 'x'.repeat(2_100_000), do: 'check' })
    expect(status).toBe(413)
    expect(text).toContain('A form takes up to')
    expect((await fetch(`${emulator.origin}/_/registration`)).status).toBe(200)
  })

  test('queries and addresses of any kind under /_/ are answered, or are not there', async () => {
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.array(fc.tuple(fieldNames, texts), { maxLength: 4 }),
        async (name, fields) => {
          const query = new URLSearchParams(fields).toString()
          for (const path of [
            `apps/${encodeURIComponent(name)}`,
            `requests/${encodeURIComponent(name)}`,
            `flows/${encodeURIComponent(name)}`,
            `steps/${encodeURIComponent(name)}/open`,
            `users/${encodeURIComponent(name)}`,
            `users?${query}`,
            `?${query}`,
            `suggest?${query}`,
            `consent?${query}`,
          ]) {
            const response = await fetch(`${emulator.origin}/_/${path}`)
            expect([200, 400, 404, 414]).toContain(response.status)
            expect(await response.text()).not.toMatch(/node_modules|at .*\.[jt]s:\d+|<img/)
          }
        },
      ),
      { numRuns: process.env['COUNTERSIGN_WHOLE'] === '1' ? 100 : 33 },
    )
  })
})

/** Every place in plain data, as the steps to it. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, inner]) => placesIn(inner, [...path, name]))]
}

function replaced(value: unknown, [step, ...rest]: readonly string[], leaf: unknown): unknown {
  if (step === undefined) return leaf
  const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  Reflect.set(copy, step, replaced(Reflect.get(copy, step), rest, leaf))
  return copy
}

test('a registration with any value at any place is applied or refused with its place, and the emulator continues', async () => {
  const places = placesIn(registration)
  const shown = async (): Promise<string> => (await fetch(`${emulator.origin}/_/registration`)).text()
  const textOf = (html: string): string => /<textarea[^>]*>([^<]*)/.exec(html)?.[1] ?? ''
  const leaves = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      '[hidden]',
      '2026-02-30T12:00:00Z',
      '275761-01-01T00:00:00Z',
      'http://localhost:99999',
      '00000003-0000-0000-c000-000000000000',
      1e308,
      -1,
      {},
      [],
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), leaves, async (place, leaf) => {
      emulator.reload(registration)
      const before = textOf(await shown())
      const sent = JSON.stringify(replaced(hideSecrets(registration), place, leaf))
      const checked = await post('registration', { registration: sent, do: 'check' })
      checkPage(checked)
      expect(textOf(await shown())).toBe(before)
      const applied = await post('registration', { registration: sent, do: 'apply' })
      expect(applied.status).toBe(checked.status)
      if (applied.status === 400) {
        expect(applied.text).toMatch(/role="alert">registration: /)
        expect(textOf(await shown())).toBe(before)
      }
      for (const path of ['', 'consent', `apps/${ids.v2}`, `apps/${ids.daemon}`]) {
        expect((await fetch(`${emulator.origin}/_/${path}`)).status).toBeLessThan(500)
      }
      const answer = await askToken(emulator, {
        grant_type: 'client_credentials',
        client_id: ids.daemon,
        client_secret: secrets.daemon,
        scope: 'api://v2/.default',
      })
      expect(answer.status).toBeLessThan(500)
    }),
    { numRuns: process.env['COUNTERSIGN_WHOLE'] === '1' ? 150 : 50 },
  )
}, 60_000)
