import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tokenFlaws, type Emulator } from '@countersign/emulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { junitXml } from '../src/probe/junit.js'
import { summaryOf } from '../src/probe/report-text.js'
import { command, registration, startTestEmulator } from './support.js'
import { adapters, careless, listen, others, type Target } from './targets.js'

let emulator: Emulator
let folder = ''
beforeAll(async () => {
  emulator = await startTestEmulator()
  folder = await mkdtemp(join(tmpdir(), 'countersign-probe-'))
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

const environment = () => ({ COUNTERSIGN_EMULATOR_TOKEN: emulator.controlApi.token })
const probe = (target: Target, ...args: readonly string[]) =>
  command(['probe', target.url, '--emulator', emulator.origin, ...args], { environment: environment() })

async function probed(start: (emulator: Emulator) => Promise<Target>, ...args: readonly string[]) {
  const target = await start(emulator)
  try {
    return await probe(target, ...args)
  } finally {
    await target.stop()
  }
}

/** Left out where they show nothing more: the emulator makes a key for each. */
const costly = ['--skip', 'unknownKid,embeddedKey,nestedJwe']

interface Printed {
  readonly summary: Readonly<Record<'right' | 'wrong' | 'accepted' | 'skipped', number>>
  readonly findings: readonly { name: string; result: string; answered: string; detail?: string }[]
}

function namesOf({ findings }: Printed, result: string): string[] {
  return findings.filter((finding) => finding.result === result).map(({ name }) => name)
}

// The whole catalogue, some forty requests and keys that are made for them, in most of these tests.
describe('countersign probe', { timeout: 60_000 }, () => {
  it.each(Object.entries(adapters))('passes our adapter for %s whole', async (_, start) => {
    const { code, output, errors } = await probed(start, '--json')
    if (output === '') throw new Error(errors)
    const printed = JSON.parse(output) as Printed
    expect(namesOf(printed, 'accepted')).toEqual([])
    expect(printed.findings.filter(({ result }) => result === 'wrong')).toEqual([])
    expect(namesOf(printed, 'skipped')).toEqual(['v1ForV2', 'v2ForV1'])
    expect(printed.findings.map(({ name }) => name)).toEqual(expect.arrayContaining([...tokenFlaws]))
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
  })

  it.each([
    [
      'express-jwt',
      others['express-jwt'],
      [
        'issuedInFuture',
        'noExpiry',
        'wrongAudience',
        'wrongTenant',
        'tenantMismatch',
        'wrongIssuer',
        'otherCloudKey',
        'idToken',
        'noScope',
        'duplicateTid',
        'crit',
        'unencodedPayload',
        'boundToCertificate',
        'wrongPermission',
        'twoHeaders',
      ],
    ],
    [
      'jose by hand',
      others['jose by hand'],
      [
        'issuedInFuture',
        'noExpiry',
        'wrongAudience',
        'wrongTenant',
        'tenantMismatch',
        'wrongIssuer',
        'otherCloudKey',
        'idToken',
        'noScope',
        'duplicateTid',
        'boundToCertificate',
        'wrongPermission',
        'twoHeaders',
      ],
    ],
    [
      '@fastify/jwt',
      others['@fastify/jwt'],
      [
        'issuedInFuture',
        'noExpiry',
        'tenantMismatch',
        'otherCloudKey',
        'idToken',
        'noScope',
        'duplicateTid',
        'boundToCertificate',
        'wrongPermission',
        'twoHeaders',
      ],
    ],
  ] as const)('finds out what %s accepts where checks are left out', async (_, start, accepted) => {
    const file = join(folder, 'probe.xml')
    const { code, output } = await probed(start, '--json', '--junit', file)
    const printed = JSON.parse(output) as Printed
    expect(namesOf(printed, 'accepted')).toEqual(accepted)
    const wrong = printed.findings.find(({ name }) => name === 'expired')
    expect(wrong).toMatchObject({
      result: 'wrong',
      answered: '401',
      expected: '401 invalid_token',
      detail: 'no challenge (WWW-Authenticate: Bearer)',
    })
    const xml = await readFile(file, 'utf8')
    const failures = accepted.length + namesOf(printed, 'wrong').length
    expect(xml).toContain(`<testsuites tests="${printed.findings.length}" failures="${failures}" skipped="2"`)
    expect(xml).toContain('<testcase classname="countersign.probe.token" name="overlong"/>')
    expect(xml).toContain(
      'name="noExpiry"><failure type="accepted" message="accepted with 200">It has no exp. Expected: 401 invalid_token</failure>',
    )
    expect(code).toBe(1)
  })

  it('prints a line for each case as it comes, what was accepted with its meaning, and the numbers at the end', async () => {
    const { code, lines } = await probed(others['@fastify/jwt'], ...costly)
    expect(lines[0]).toMatch(
      /^Probing GET http:\/\/127\.0\.0\.1:\d+\/orders as orders-api, with tokens for alice@contoso\.example by orders-web$/,
    )
    expect(lines[1]).toBe('  ✓ a good token         200, accepted')
    const at = lines.indexOf('  ✗ noExpiry             200  ACCEPTED')
    expect(lines[at + 1]).toBe('      It has no exp. Expected: 401 invalid_token')
    expect(lines).toContain(
      '  ! expired              401  wrong answer: no challenge (WWW-Authenticate: Bearer); expected 401 invalid_token',
    )
    expect(lines).toContain('  · v1ForV2              skipped: only for APIs that accept v2.0 tokens alone')
    expect(lines).toContain('  ✓ overlong             431')
    expect(lines.at(-1)).toMatch(
      /^FAIL {2}\d+ answered as they must be, 10 ACCEPTED, \d+ wrong answers, 5 skipped {2}\([\d.]+ s\)$/,
    )
    expect(code).toBe(1)
  })

  it('does what it is asked: one version, a daemon, cases that are left out', async () => {
    const target = await adapters.Koa(emulator)
    try {
      const versions = await probe(
        target,
        '--versions',
        '2.0',
        ...costly,
        '--skip',
        'twoHeaders,crit',
        '--json',
      )
      const printed = JSON.parse(versions.output) as Printed
      // The recommended set-up accepts both versions, so the other one is no flaw there.
      expect(namesOf(printed, 'accepted')).toEqual(['v1ForV2'])
      expect(namesOf(printed, 'skipped')).toEqual([
        'unknownKid',
        'embeddedKey',
        'v2ForV1',
        'crit',
        'nestedJwe',
        'twoHeaders',
      ])
      const daemon = await probe(target, '--client', 'nightly', '--role', 'Orders.Read.All')
      expect(daemon.errors).toMatch(
        /^undecided: the API answers a good token .* for nightly with 403 \(Bearer error="insufficient_scope"/,
      )
      expect(daemon.code).toBe(2)
    } finally {
      await target.stop()
    }
  })

  it('says so where a refusal repeats the token, or the API fetched an address of the token', async () => {
    const { code, output } = await probed(careless, ...costly, '--json')
    const { findings } = JSON.parse(output) as Printed
    const detailOf = (name: string) => findings.find((finding) => finding.name === name)?.detail
    expect(detailOf('expired')).toBe('the answer repeats the token')
    expect(detailOf('keyFromUrl')).toBe('the API fetched the address that the token names')
    expect(detailOf('notAToken')).toBe(undefined)
    expect(code).toBe(1)
  })

  it('starts an emulator for itself, and an API that refuses nothing fails in every case', async () => {
    const file = join(folder, 'registration.json')
    await writeFile(file, JSON.stringify(registration))
    const target = await listen((_request, response) => response.end('{}'))
    try {
      const { code, output } = await command([
        'probe',
        target.url,
        '--config',
        file,
        '--port',
        '0',
        '--json',
        ...costly,
      ])
      const { summary, findings } = JSON.parse(output) as Printed
      // Only requests that are good, and headers that Node's own parser refuses.
      expect(namesOf({ summary, findings }, 'right')).toEqual([
        'overlong',
        'lowercaseScheme',
        'goodTokenAgain',
      ])
      expect(summary).toMatchObject({ wrong: 0, skipped: 5, accepted: findings.length - 8 })
      expect(code).toBe(1)
    } finally {
      await target.stop()
    }
  })

  it('cannot decide where no API answers, or where it refuses the good token', async () => {
    const target = await adapters.Koa(emulator)
    await target.stop()
    const stopped = await probe(target)
    expect(stopped.errors).toMatch(/^undecided: no API answers at http:\/\/127\.0\.0\.1:\d+$/)
    expect(stopped.code).toBe(2)
    const stranger = await startTestEmulator()
    const other = await adapters.Koa(stranger)
    const refused = await probe(other)
    expect(refused.errors).toContain('does it trust this emulator, as orders-api')
    expect(refused.code).toBe(2)
    const trusting = await adapters.Fastify(emulator)
    const elsewhere = await probe({ ...trusting, url: trusting.url.replace('orders', 'nothing') })
    expect(elsewhere.errors).toMatch(/^undecided: .* with 404: name a route that answers it with success/)
    expect(elsewhere.code).toBe(2)
    await Promise.all([other.stop(), stranger.stop(), trusting.stop()])
  })

  it.each([
    [
      ['http://localhost:1', '--skip', 'nothing', '--config', 'x', '--emulator', 'y'],
      '--config and --emulator exclude',
    ],
    [['localhost'], 'the address must be that of a route'],
    [['http://localhost:1', '--versions', '3.0'], '--versions must be'],
    [['http://localhost:1', '--header', 'nothing'], '--header must be'],
    [['http://localhost:1', '--port', '1'], '--port needs --config'],
    [['http://localhost:1', '--config', 'missing.json'], '--config: '],
    [['http://localhost:1'], 'set COUNTERSIGN_EMULATOR_TOKEN'],
  ])('refuses the arguments %j', async (args, message) => {
    const { code, errors, output } = await command(['probe', ...args])
    expect(errors).toContain(message)
    expect({ code, output }).toEqual({ code: 64, output: '' })
  })

  it.each([
    [
      ['--api', 'nothing'],
      '--api: the registration has no application "nothing"; it has orders-api, orders-web',
    ],
    [['--client', 'nothing'], '--client: the registration has no application'],
    [['--user', 'nothing'], '--user: the registration has no user "nothing"; it has alice@contoso.example'],
    [['--skip', 'nothing'], '--skip: there is no "nothing"; there are expired'],
  ])('names what there is where %j names nothing', async (args, message) => {
    const { code, errors } = await probed((each) => adapters.Koa(each), ...args)
    expect(errors).toContain(message)
    expect(code).toBe(64)
  })
})

describe('the JUnit report', () => {
  it('escapes what XML does not allow', () => {
    const finding = {
      name: 'a<b',
      group: 'request',
      meaning: 'A & "B".',
      result: 'wrong',
      answered: '500',
      detail: '\u0000',
    } as const
    const xml = junitXml('http://localhost/?a=1&b=2', [finding], summaryOf([finding], 0.1))
    expect(xml).toContain(
      'name="a&lt;b"><failure type="wrong" message="500: ?">A &amp; &quot;B&quot;. Expected: </failure>',
    )
    expect(xml).toContain('?a=1&amp;b=2')
  })
})
