import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator, Registration } from '@countersign/emulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alice, apiId, command, registration, startTestEmulator, tenantId, webId } from './support.js'

let emulator: Emulator
let folder = ''
let file = ''
beforeAll(async () => {
  emulator = await startTestEmulator()
  folder = await mkdtemp(join(tmpdir(), 'countersign-commands-'))
  file = join(folder, 'registration.json')
  await writeFile(file, JSON.stringify(registration))
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

const environment = () => ({ COUNTERSIGN_EMULATOR_TOKEN: emulator.controlApi.token })
const withEmulator = (...args: readonly string[]) =>
  command([...args, '--emulator', emulator.origin], { environment: environment() })

describe('countersign can', () => {
  it('answers yes with who granted what, for one user', async () => {
    const { code, lines } = await withEmulator(
      'can',
      'orders-web',
      'call',
      'orders-api',
      '--scope',
      'Orders.Read',
      '--as',
      alice,
    )
    expect(lines).toEqual([
      `yes  orders-web may call orders-api as ${alice}`,
      '  Scopes  Orders.Read (consented for everyone), Orders.Write (consented by the',
      '          user)',
    ])
    expect(code).toBe(0)
  })

  it('answers no with the missing grant, for every user without --as', async () => {
    const { code, lines, flat } = await withEmulator(
      'can',
      'orders-web',
      'call',
      'orders-api',
      '--scope',
      'Orders.Write',
    )
    expect(lines.slice(0, 3)).toEqual([
      'no  orders-web may not call orders-api for 1 of 2 users',
      `  yes  ${alice}`,
      '  no   bob@contoso.example  AADSTS65001',
    ])
    expect(flat).toContain(
      'Fix Let the user or an administrator consent, or add the grant to oauth2PermissionGrants.',
    )
    expect(lines.at(-1)).toBe('  More    countersign explain AADSTS65001')
    expect(code).toBe(1)
  })

  it.each([
    [['nightly'], 0, 'yes  nightly may call orders-api as the client itself'],
    [['nightly', '--role', 'Orders.Read.All'], 0, 'yes  nightly may call orders-api as the client itself'],
    [
      ['nightly', '--role', 'Orders.Write.All'],
      1,
      'no  nightly may not call orders-api as the client itself',
    ],
    [['orders-web'], 1, 'no  orders-web may not call orders-api as the client itself'],
  ] as const)('answers for a client itself: %j', async ([client, ...flags], expected, first) => {
    const { code, lines } = await command(['can', client, 'call', 'orders-api', ...flags, '--config', file])
    expect(lines[0]).toBe(first)
    expect(code).toBe(expected)
  })

  it('prints the answer as JSON', async () => {
    const { output } = await withEmulator(
      'can',
      webId,
      'call',
      `api://${apiId}`,
      '--scope',
      'Orders.Read',
      '--json',
    )
    expect(JSON.parse(output)).toMatchObject({
      isAllowed: true,
      answers: [{ caller: alice }, { isIssued: true }],
    })
  })

  it.each([
    [['can', 'orders-web', 'calls', 'orders-api'], 'write it as in'],
    [['can', 'orders-web', 'call', 'nothing'], 'call: the registration has no application "nothing"'],
    [['can', 'orders-web'], "missing required argument 'call'"],
  ])('refuses %j', async (args, message) => {
    const { code, errors } = await withEmulator(...args)
    expect(errors).toContain(message)
    expect(code).toBe(64)
  })

  it('prints nothing of a hostile name that moves the cursor or turns the line', async () => {
    const { applications = [], ...rest } = registration as Registration
    const hostile = join(folder, 'hostile.json')
    const name = 'orders-web\u001B[2J\u202E'
    await writeFile(
      hostile,
      JSON.stringify({
        ...rest,
        tenants: rest.tenants.map((tenant) => ({ ...tenant, oauth2PermissionGrants: [] })),
        applications: applications.map((application) =>
          application.displayName === 'orders-web' ? { ...application, displayName: name } : application,
        ),
      }),
    )
    for (const args of [
      ['can', webId, 'call', 'orders-api', '--scope', 'Orders.Read', '--config', hostile],
      ['check', hostile],
      ['can', 'nothing', 'call', 'orders-api', '--config', hostile],
    ]) {
      const { output, errors } = await command(args)
      expect(output + errors).toContain('orders-web?[2J?')
      for (const character of ['\u001B', '\u202E']) expect(output + errors).not.toContain(character)
    }
  })

  it('does not repeat the token of the control API, whichever was given', async () => {
    const { code, errors, output } = await command(['can', 'a', 'call', 'b', '--emulator', emulator.origin], {
      environment: { COUNTERSIGN_EMULATOR_TOKEN: 'another-token-of-sixteen' },
    })
    expect(errors).toBe('error: COUNTERSIGN_EMULATOR_TOKEN is not the token of this emulator')
    expect({ code, output }).toEqual({ code: 64, output: '' })
  })
})

describe('countersign token', () => {
  it('prints the token of the emulator alone on stdout, and what it is on stderr', async () => {
    const { code, lines, errors } = await withEmulator(
      'token',
      '--client',
      'orders-web',
      '--api',
      'orders-api',
      '--user',
      alice,
      '--scope',
      'Orders.Read',
    )
    expect(lines).toHaveLength(1)
    expect(errors).toMatch(
      new RegExp(`^access token, v2\\.0, for a user, for ${apiId}, issued .* ago, expires in `),
    )
    expect(code).toBe(0)
    const explained = await command(
      [
        'explain',
        '--emulator',
        emulator.origin,
        '--tenant',
        tenantId,
        '--client-id',
        apiId,
        '--scope',
        'Orders.Read',
      ],
      { input: lines[0] ?? '' },
    )
    expect(explained.code).toBe(0)
  })

  it('makes flawed tokens', async () => {
    const { lines } = await withEmulator(
      'token',
      '--client',
      'nightly',
      '--api',
      'orders-api',
      '--flaw',
      'expired',
    )
    const { claims = {} } = await emulator.explainToken(lines[0] ?? '')
    expect(Number(claims['exp'])).toBeLessThan(Date.now() / 1000)
  })

  it('acquires a token from a real token service, through the token client', async () => {
    const { code, output, errors } = await command(
      [
        'token',
        '--tenant',
        tenantId,
        '--authority',
        emulator.origin,
        '--client',
        webId,
        '--api',
        `api://${apiId}`,
        '--json',
      ],
      { environment: { COUNTERSIGN_CLIENT_SECRET: 'not-a-secret' } },
    )
    expect(JSON.parse(output)).toMatchObject({ token_type: 'Bearer', audience: apiId })
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
  })

  it('says why a real token service refuses, in the words of the table, and never the secret', async () => {
    const { code, output, errors } = await command(
      [
        'token',
        '--tenant',
        tenantId,
        '--authority',
        emulator.origin,
        '--client',
        webId,
        '--api',
        `api://${apiId}`,
      ],
      { environment: { COUNTERSIGN_CLIENT_SECRET: 'another-secret' } },
    )
    expect(errors.replaceAll(/\s+/g, ' ')).toMatch(/^error: client_credential_refused: .*AADSTS7000215/)
    expect(errors).toMatch(/\nMore: countersign explain AADSTS7000215$/)
    expect(errors).not.toContain('another-secret')
    expect({ code, output }).toEqual({ code: 1, output: '' })
  })

  it.each([
    [['token'], 'name --client and --api'],
    [['token', '--tenant', tenantId, '--client', webId, '--api', 'x'], 'set COUNTERSIGN_CLIENT_SECRET'],
    [
      ['token', '--tenant', tenantId, '--client', webId, '--key', 'x'],
      '--certificate and --key must be given together',
    ],
    [['token', '--client', 'a', '--api', 'b', '--lifetime', 'long'], '--lifetime must be whole seconds'],
  ])('refuses %j', async (args, message) => {
    const { code, errors } = await command(args)
    expect(errors).toContain(message)
    expect(code).toBe(64)
  })
})

describe('countersign check', () => {
  it('says that a registration can be used, and what is probably forgotten', async () => {
    const { applications = [], ...rest } = registration as Registration
    const forgetful = join(folder, 'forgetful.json')
    await writeFile(
      forgetful,
      JSON.stringify({
        ...rest,
        tenants: rest.tenants.map((tenant) => ({ ...tenant, oauth2PermissionGrants: [] })),
        applications: applications.map((application) =>
          application.displayName === 'nightly'
            ? {
                ...application,
                passwordCredentials: [{ secretText: 'old', endDateTime: '2020-01-01T00:00:00Z' }],
              }
            : application,
        ),
      }),
    )
    const good = await command(['check', file])
    expect(good.lines).toEqual([`yes  ${file} can be used: 1 tenant, 2 users, 3 applications`])
    expect(good.code).toBe(0)
    const { code, lines } = await command(['check', forgetful])
    expect(lines.slice(1)).toEqual([
      '  note  orders-web lists Orders.Read of orders-api, and oauth2PermissionGrants does not grant it: users are asked to consent (AADSTS65001 without a page)',
      '  note  all secrets of nightly have expired: AADSTS7000222',
    ])
    expect(code).toBe(0)
  })

  it('names the place of what is wrong, and ends with 1', async () => {
    const wrong = join(folder, 'wrong.json')
    await writeFile(wrong, '{"tenants":[{"domains":[1]}]}')
    const { code, lines } = await command(['check', wrong])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^no {2}registration: tenants\[0\]\.domains\[0\]/)
    expect(code).toBe(1)
    const printed = await command(['check', wrong, '--json'])
    expect(JSON.parse(printed.output)).toMatchObject({ isUsable: false })
  })
})
