import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Validator, type Schema } from '@cfworker/json-schema'
import { tokenFlawTable, type Emulator, type TokenFlaw } from '@countersign/emulator'
import { refusalExplanations } from '@countersign/explanations/refusals'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alice, apiId, asked, command, startTestEmulator, tenantId, webId } from './support.js'

let emulator: Emulator
let folder = ''
let api: readonly string[] = []
beforeAll(async () => {
  emulator = await startTestEmulator()
  folder = await mkdtemp(join(tmpdir(), 'countersign-explain-'))
  api = ['--emulator', emulator.origin, '--tenant', tenantId, '--client-id', apiId]
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

const schema = new Validator(
  JSON.parse(await readFile(new URL('../explain.schema.json', import.meta.url), 'utf8')) as Schema,
  '2020-12',
  false,
)

/** A report that is as its schema says. */
function reportIn(output: string): unknown {
  const report: unknown = JSON.parse(output)
  expect(schema.validate(report).errors).toEqual([])
  return report
}

const explain = async (input: string, ...args: readonly string[]) => command(['explain', ...args], { input })

describe('countersign explain, with a token', () => {
  it('says on the first line that a good token is accepted, and ends with 0', async () => {
    const { code, lines, errors } = await explain(await emulator.issueToken(asked), ...api)
    expect(lines[0]).toBe('ACCEPTED  18 checks passed')
    expect(lines.filter((line) => line.startsWith('  ✓'))).toHaveLength(18)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
  })

  it('says of a refused token what failed, expected and found, why, how to fix it and what was sent', async () => {
    const token = await emulator.issueToken({ ...asked, flaw: 'wrongAudience' })
    const { code, lines, output } = await explain(token, ...api)
    expect(lines[0]).toBe(
      'REFUSED  401 invalid_token audience_mismatch  (1 of 18 checks failed, 1 not reached)',
    )
    const at = lines.findIndex((line) => line.startsWith('  ✗'))
    expect(lines[at]).toBe('  ✗ audience         audience_mismatch, aud')
    expect(lines[at + 1]).toBe(`      expected  ${apiId}`)
    expect(lines[at + 2]).toMatch(/^ {6}found {5}aud "[\da-f-]{36}"$/)
    expect(lines[at + 3]).toBe('      look at   audience')
    expect(output).toContain('  Why        The token is for another API')
    expect(output).toContain('  Fix        The client developer: Let the client ask for this API')
    expect(output).toContain(`    in code  scopes: ['api://${apiId}/<scope>']`)
    expect(output).toContain('  Sent       WWW-Authenticate: Bearer error="invalid_token",')
    expect(output).toContain('  More       countersign explain audience_mismatch')
    expect(code).toBe(1)
  })

  it('continues after the first failure, and reports all that is wrong', async () => {
    const token = await emulator.issueToken({
      ...asked,
      lifetimeSeconds: -7200,
      claims: { aud: 'https://other' },
    })
    const { lines } = await explain(token, ...api)
    expect(lines.filter((line) => line.startsWith('  ✗')).map((line) => line.trim().split(/\s+/)[1])).toEqual(
      ['lifetime', 'audience'],
    )
  })

  it.each(
    Object.entries(refusalExplanations).flatMap(([code, { emulator: how = '' }]) => {
      const flaw = /--flaw (\w+)/.exec(how)?.[1]
      const who = how.includes('<a daemon>') ? { client: 'nightly', resource: 'orders-api' } : asked
      return flaw === undefined ? [] : [[code, flaw as TokenFlaw, who] as const]
    }),
  )(
    'is refused with %s for a token with the flaw that its explanation names, %s',
    async (expected, flaw, who) => {
      expect(Object.keys(tokenFlawTable)).toContain(flaw)
      const several = join(folder, 'several.json')
      const { cloud } = emulator
      await writeFile(
        several,
        JSON.stringify({
          issuer: { entraMultiTenant: { allowedTenants: [tenantId], clientId: apiId, cloud } },
        }),
      )
      const flags = expected === 'tenant_not_allowed' ? ['--config', several] : api
      const token = await emulator.issueToken({ ...who, flaw })
      const { code, output } = await explain(token, ...flags, '--json')
      expect(reportIn(output)).toMatchObject({ verdict: 'refused', refusal: { code: expected } })
      expect(code).toBe(1)
    },
  )

  it.each(['wrongAudience', 'expired', 'tampered', 'graphToken', 'idToken', 'truncated', undefined] as const)(
    'shows nothing of the token and of its user (%s)',
    async (flaw) => {
      const claims = { name: 'Alice Ash', email: alice, ipaddr: '203.0.113.7' }
      const token = await emulator.issueToken({ ...asked, claims, ...(flaw === undefined ? {} : { flaw }) })
      for (const format of [[], ['--json']]) {
        const { output, errors } = await explain(token, ...api, ...format)
        const secrets = [...token.split('.').slice(1), alice, 'Alice Ash', '203.0.113.7']
        for (const secret of secrets) expect(output + errors).not.toContain(secret)
      }
    },
  )

  it('prints a report as its schema describes it, whatever the verdict', async () => {
    const token = await emulator.issueToken(asked)
    const accepted = await explain(token, ...api, '--json')
    expect(reportIn(accepted.output)).toMatchObject({ verdict: 'accepted', signature: 'valid' })
    const undecided = await explain(`Bearer ${token}`, '--json')
    expect(reportIn(undecided.output)).toMatchObject({ verdict: 'undecided', signature: 'not verified' })
    const opaque = await explain('opaque', ...api, '--json')
    expect(reportIn(opaque.output)).toMatchObject({ verdict: 'refused', token: { kind: 'not a JWT' } })
  })

  it('demands a scope, and says what the token carries instead', async () => {
    const { code, output } = await explain(
      await emulator.issueToken(asked),
      ...api,
      '--scope',
      'Orders.Write',
    )
    expect(output).toContain('REFUSED  403 insufficient_scope scope_insufficient')
    expect(output).toContain('  Why        The token carries "Orders.Read".')
    expect(output).toContain('scope="Orders.Write"')
    expect(code).toBe(1)
  })

  it("says of a client's own token that the route is for users", async () => {
    const token = await emulator.issueToken({ client: 'nightly', resource: 'orders-api' })
    const { flat } = await explain(token, ...api, '--scope', 'Orders.Read')
    expect(flat).toContain('REFUSED 403 insufficient_scope kind_not_allowed')
    expect(flat).toContain("Why This is a client's own token (it has roles), and the route is for users")
    expect((await explain(token, ...api, '--role', 'Orders.Read.All')).code).toBe(0)
  })

  it.each([
    ['after the scheme', (token: string) => `Bearer ${token}\n`, 'The scheme before the token was removed.'],
    ['in quotes', (token: string) => `"${token}"`, 'The token was in quotes.'],
    ['over several lines', (token: string) => token.replaceAll(/(.{70})/g, '$1\n'), 'Spaces or line breaks'],
    [
      'in a token response',
      (token: string) => JSON.stringify({ token_type: 'Bearer', access_token: token }),
      'The text is a token response; its access_token is explained.',
    ],
  ])('finds a token %s, and says so', async (_, written, note) => {
    const { code, output } = await explain(written(await emulator.issueToken(asked)), ...api)
    expect(output).toContain(`  Note       ${note}`)
    expect(code).toBe(0)
  })

  it('warns of a token that is an argument', async () => {
    const token = await emulator.issueToken(asked)
    const { code, errors, output } = await command(['explain', token, ...api])
    expect(errors).toMatch(/^note: an argument stays in the history of the shell/)
    expect(output + errors).not.toContain(token.split('.')[1])
    expect(code).toBe(0)
  })

  it('judges a token of any other issuer by its address and the audience', async () => {
    const issuer = `${emulator.origin}/${tenantId}/v2.0`
    const token = await emulator.issueToken(asked)
    const good = await explain(token, '--issuer', issuer, '--audience', apiId)
    expect(good.lines[0]).toMatch(/^ACCEPTED/)
    const other = await explain(token, '--issuer', issuer, '--audience', 'orders', '--scope', 'Orders.Read')
    expect(other.lines[0]).toMatch(/^REFUSED {2}401 invalid_token audience_mismatch/)
    expect([good.code, other.code]).toEqual([0, 1])
  })

  it('judges at another time', async () => {
    const token = await emulator.issueToken(asked)
    const { code, output } = await explain(
      token,
      ...api,
      '--at',
      new Date(Date.now() + 7_500_000).toISOString(),
    )
    expect(output).toContain('token_expired')
    expect(output).toMatch(/Why {8}It expired 1 h 5 min ago, at /)
    expect(code).toBe(1)
  })

  it('says that one of two clocks is wrong where a token begins in some minutes', async () => {
    const token = await emulator.issueToken(asked)
    const { output } = await explain(token, ...api, '--at', String(Math.floor(Date.now() / 1000) - 900))
    expect(output).toContain('token_not_yet_valid')
    expect(output).toContain('One of the two')
  })
})

describe('countersign explain, when it cannot decide', () => {
  it('says how to describe the API, with what the token says, and ends with 2', async () => {
    const { code, lines, flat } = await explain(await emulator.issueToken(asked))
    expect(lines[0]).toBe('UNDECIDED  no API is described, so nothing can be compared')
    expect(lines.at(-1)).toBe(`    countersign explain --tenant ${tenantId} --client-id ${apiId}`)
    expect(flat).toContain('Signature not verified')
    expect(flat).toContain(`client ${webId}`)
    expect(code).toBe(2)
  })

  it('sends nothing offline, and does not call a token good', async () => {
    const token = await emulator.issueToken(asked)
    const config = join(folder, 'offline.json')
    const { cloud } = emulator
    await writeFile(config, JSON.stringify({ issuer: { entra: { tenantId, clientId: apiId, cloud } } }))
    const before = emulator.requests.length
    const good = await explain(token, '--offline', '--config', config)
    expect(good.lines[0]).toBe('UNDECIDED  offline: the signature is not verified')
    expect(good.output).not.toMatch(/Fix|Would send/)
    expect(good.code).toBe(2)
    const expired = await emulator.issueToken({ ...asked, claims: { aud: 'https://other' } })
    const refused = await explain(expired, '--offline', '--config', config)
    expect(refused.lines[0]).toMatch(
      /^REFUSED {2}401 invalid_token audience_mismatch .*whatever the signature is/,
    )
    expect(refused.code).toBe(1)
    expect(emulator.requests.length).toBe(before)
  })

  it('ends with 2 where the keys cannot be fetched', async () => {
    const stopped = await startTestEmulator()
    const token = await stopped.issueToken(asked)
    const config = join(folder, 'stopped.json')
    await writeFile(
      config,
      JSON.stringify({ issuer: { entra: { tenantId, clientId: apiId, cloud: stopped.cloud } } }),
    )
    await stopped.stop()
    const { code, lines, output } = await explain(token, '--config', config)
    expect(lines[0]).toBe('UNDECIDED  the signing keys are unavailable')
    expect(output).toContain('Fix        The operator: Restore the network path')
    expect(code).toBe(2)
  })

  it('ends with 2 where no emulator answers', async () => {
    const { code, errors } = await explain(
      'a.b.c',
      '--emulator',
      'http://127.0.0.1:9',
      '--tenant',
      tenantId,
      '--client-id',
      apiId,
    )
    expect(errors).toMatch(/^undecided: no emulator answers at http:\/\/127\.0\.0\.1:9\//)
    expect(code).toBe(2)
  })
})

describe('countersign explain --config', () => {
  it('reads the options of a module, and leaves out what adapters add', async () => {
    const config = join(folder, 'auth.mjs')
    const core = new URL('../../core/src/index.ts', import.meta.url).href
    await writeFile(
      config,
      `import { entra } from ${JSON.stringify(core)}
       export const options = {
         allowAnonymous: true,
         onKeysRefreshed() { throw new Error('no request is observed') },
         issuer: entra(${JSON.stringify({ tenantId, clientId: apiId, cloud: emulator.cloud })}),
         permission: { delegated: { scopes: 'Orders.Write' } },
       }`,
    )
    const { output, code } = await explain(await emulator.issueToken(asked), '--config', config)
    expect(output).toContain('scope_insufficient')
    expect(code).toBe(1)
  })

  it('ends with 70 for a fault that nobody expects, and does not quote its message', async () => {
    const config = join(folder, 'fault.mjs')
    await writeFile(config, `export default { get issuer() { throw new Error('a-secret') } }`)
    const { code, errors, output } = await explain('a.b.c', '--config', config)
    expect(errors).toMatch(/^a fault in countersign, please report it: Error\n +at /)
    expect(errors).not.toContain('a-secret')
    expect({ code, output }).toEqual({ code: 70, output: '' })
  })

  it.each([
    ['missing.json', undefined, 'cannot read'],
    ['text.json', 'not json', 'is not JSON'],
    ['list.json', '[]', 'must hold the options of the API as one object'],
    ['unknown.json', '{"issuer":{"azure":{}}}', '"issuer" must be an address, or'],
    ['wrong.json', '{"issuer":{"entra":{"tenantId":"common"}}}', 'entra: "tenantId" must be one tenant'],
    ['option.json', '{"issuer":"https://id.example","audience":"a","scopes":"x"}', 'scopes'],
  ])('refuses %s with a message that says what is wrong', async (name, text, message) => {
    const config = join(folder, name)
    if (text !== undefined) await writeFile(config, text)
    const { code, errors } = await explain('a.b.c', '--config', config)
    expect(errors).toContain(message)
    expect(code).toBe(64)
  })
})

describe('countersign explain, with the wrong API', () => {
  it('answers a token of any issuer at an API of Entra, and of Entra at another, without failing', async () => {
    const config = join(folder, 'entra.json')
    const { cloud } = emulator
    await writeFile(config, JSON.stringify({ issuer: { entra: { tenantId, clientId: apiId, cloud } } }))
    for (const flags of [[], ['--scope', 'a'], ['--role', 'b'], ['--scope', 'a', '--role', 'b']]) {
      const generic = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString('base64url')}.${Buffer.from('{"iss":"https://id.example","sub":"s"}').toString('base64url')}.AA`
      const first = await explain(generic, '--config', config, ...flags)
      expect({ code: first.code, errors: first.errors }).toEqual({ code: 1, errors: '' })
      const second = await explain(
        await emulator.issueToken(asked),
        '--offline',
        '--issuer',
        'https://id.example',
        '--audience',
        'orders',
        ...flags,
      )
      expect({ code: second.code, errors: second.errors }).toEqual({ code: 1, errors: '' })
    }
  })
})

describe('countersign explain, with a code', () => {
  it('explains a refusal with the answer of the API', async () => {
    const { code, lines } = await command(['explain', 'graph_token'])
    expect(lines[0]).toBe('graph_token  401  invalid_token  "The token is meant for Microsoft Graph"')
    expect(lines.find((line) => line.startsWith('    in Entra'))).toContain(
      'entra.microsoft.com > App registrations',
    )
    expect(code).toBe(0)
  })

  it.each(['AADSTS65001', 'aadsts65001', '65001'])('explains %s', async (word) => {
    const { code, lines } = await command(['explain', word])
    expect(lines[0]).toBe('AADSTS65001')
    expect(lines.at(-1)).toBe('  More       https://login.microsoftonline.com/error?code=65001')
    expect(code).toBe(0)
  })

  it('prints it as JSON', async () => {
    const { output } = await command(['explain', 'token_expired', '--json'])
    expect(JSON.parse(output)).toMatchObject({ code: 'token_expired', answer: { status: 401 } })
  })

  it('proposes the nearest code for a misspelt one, and ends with 64', async () => {
    const { code, errors } = await command(['explain', 'token_expird'])
    expect(errors).toMatch(/^error: token_expird is not a code .*did you mean token_expired/)
    expect(code).toBe(64)
  })
})

describe('countersign explain, with something else', () => {
  it('names the page of Microsoft for a code of Entra that is not in the table', async () => {
    const { code, errors } = await command(['explain', 'AADSTS9999999'])
    expect(errors).toContain("Microsoft's page: https://login.microsoftonline.com/error?code=9999999")
    expect(code).toBe(64)
  })

  it('says how to give a file', async () => {
    const file = join(folder, 'token.txt')
    await writeFile(file, await emulator.issueToken(asked))
    const { code, errors } = await command(['explain', file])
    expect(errors).toBe(
      `error: ${file} is a file: give it by the input, as in "countersign explain < ${file}"`,
    )
    expect(code).toBe(64)
  })
})

describe('the arguments', () => {
  it.each([
    [['explain', '--tenant', tenantId], '--tenant needs --client-id'],
    [['explain', '--issuer', 'https://id.example'], '--issuer needs --audience'],
    [['explain', '--issuer', 'https://id.example', '--tenant', tenantId], 'give one of'],
    [['explain', '--client-id', apiId], 'need --tenant'],
    [['explain', '--at', 'tomorrow'], '--at must be'],
    [['explain', '--nonsense'], "unknown option '--nonsense'"],
    [['nonsense'], "unknown command 'nonsense'"],
    [['explain'], 'no token came'],
  ])('refuses %j and ends with 64', async (args, message) => {
    const { code, errors, output } = await command(args)
    expect(errors).toContain(message)
    expect({ code, output }).toEqual({ code: 64, output: '' })
  })

  it('begins the help with examples, names the exit codes, and ends with 0', async () => {
    const { code, lines } = await command(['explain', '--help'])
    expect(lines[2]).toMatch(/^ {2}countersign explain --tenant/)
    expect(lines.at(-1)).toMatch(/^Exit codes: 0 yes/)
    expect(code).toBe(0)
  })
})
