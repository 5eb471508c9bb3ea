import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiId, asked, command, startTestEmulator, tenantId, webId } from './support.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-stories-'))
})
afterAll(() => rm(folder, { recursive: true }))

const now = 1_800_000_000
const otherTenantId = '99999999-0000-4000-8000-000000000009'

/** A token of Entra as it says of itself; nobody signed it, and offline nobody asks. */
function unsigned(claims: object, header: object = {}): string {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const usual = {
    aud: apiId,
    iss: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    iat: now - 60,
    nbf: now - 60,
    exp: now + 3600,
    azp: webId,
    azpacr: '1',
    scp: 'Orders.Read',
    tid: tenantId,
    ver: '2.0',
  }
  return `${encoded({ typ: 'JWT', alg: 'RS256', kid: 'a-key', ...header })}.${encoded({ ...usual, ...claims })}.AAAA`
}

async function whyOf(input: string, ...flags: readonly string[]): Promise<string> {
  const api = flags.includes('--config') ? [] : ['--tenant', tenantId, '--client-id', apiId]
  const { output } = await command(
    ['explain', '--offline', '--at', String(now), ...api, ...flags, '--json'],
    { input },
  )
  const { story } = JSON.parse(output) as { story?: { why: string; code?: string } }
  return story?.why ?? 'no story'
}

const v1 = { ver: '1.0', azp: undefined, azpacr: undefined, appid: webId, appidacr: '1' }
const stsIssuer = `https://sts.windows.net/${tenantId}/`

describe('the usual mistakes', () => {
  it.each([
    ['for Graph', { aud: 'https://graph.microsoft.com' }, 'This is a token for Microsoft Graph.'],
    ['an id token', { nonce: 'n' }, 'This is the id token of a sign-in.'],
    [
      'from an emulator',
      { iss: `http://localhost:8400/${tenantId}/v2.0` },
      'This token comes from an emulator on a development machine',
    ],
    [
      'from another cloud',
      { iss: `https://login.microsoftonline.us/${tenantId}/v2.0` },
      'The token comes from another cloud of Microsoft: usGovernment.',
    ],
    [
      'from another tenant',
      { iss: `https://login.microsoftonline.com/${otherTenantId}/v2.0`, tid: otherTenantId },
      `The token comes from the tenant ${otherTenantId}, and the API trusts another.`,
    ],
    ['v2.0 with the identifier URI', { aud: `api://${apiId}` }, 'It is the right API under its other name'],
    [
      'with a slash too many',
      { ...v1, iss: stsIssuer, aud: `api://${apiId}/` },
      'aud differs from a configured audience by a slash',
    ],
    [
      'in other letters',
      { ...v1, iss: stsIssuer, aud: `API://${apiId}` },
      'aud differs from a configured audience by upper and lower case',
    ],
    ['for another API', { aud: 'https://stock.example' }, 'The token is for another API'],
    ['expired', { exp: now - 7200 }, 'It expired 2 h ago, at 2027-01-15T06:00:00Z.'],
    [
      'early, by some minutes',
      { nbf: now + 180 },
      'By this machine it is 2027-01-15T08:00:00Z; the token begins at 2027-01-15T08:03:00Z, 3 min later. One of the two clocks is wrong.',
    ],
    ['good', {}, 'no story'],
  ])('are recognised: a token %s', async (_, claims, why) => {
    expect(await whyOf(unsigned(claims))).toContain(why)
  })

  it('are recognised: a token of the real Entra ID at an API that trusts an emulator', async () => {
    const config = join(folder, 'emulator.json')
    const origin = 'http://localhost:8400'
    const cloud = {
      authority: origin,
      v1Issuer: `${origin}/{tenantid}/`,
      v2Issuer: `${origin}/{tenantid}/v2.0`,
    }
    await writeFile(config, JSON.stringify({ issuer: { entra: { tenantId, clientId: apiId, cloud } } }))
    expect(await whyOf(unsigned({}), '--config', config)).toContain('the API trusts an emulator')
  })

  it('are recognised: a user in too many groups, the other kind of token, a scope that nobody granted', async () => {
    const manyGroups = { roles: ['Other'], _claim_names: { groups: 'src1' } }
    const roles = ['--scope', 'Orders.Read', '--role', 'Orders.Read.All']
    expect(await whyOf(unsigned({}), '--role', 'Orders.Read.All')).toContain("This is a user's token")
    expect(await whyOf(unsigned({ scp: 'Other' }), ...roles)).toContain('The token carries "Other".')
    const config = join(folder, 'groups.json')
    await writeFile(
      config,
      JSON.stringify({
        issuer: { entra: { tenantId, clientId: apiId } },
        permission: { delegated: { roles: 'Manager' } },
      }),
    )
    expect(await whyOf(unsigned(manyGroups), '--config', config)).toContain('The user is in too many groups')
  })

  it.each([
    ['an opaque text', 'opaque-text', 'It has no dots'],
    ['a part of a token', 'e30.e30', 'A signed token has three parts, separated by dots; this has 2.'],
    ['an encrypted token', 'e30.a.b.c.d', 'no story'],
    ['nothing that can be read', '!.!.!', 'no story'],
  ])('are recognised: %s', async (_, input, why) => {
    expect(await whyOf(input)).toContain(why)
  })

  it('are recognised: an emulator that has other keys than before', async () => {
    const emulator = await startTestEmulator()
    const input = await emulator.issueToken(asked)
    await emulator.keys.replaceAll()
    const flags = ['--emulator', emulator.origin, '--tenant', tenantId, '--client-id', apiId]
    const { flat } = await command(['explain', ...flags], { input })
    await emulator.stop()
    expect(flat).toContain('REFUSED 401 invalid_token key_unknown')
    expect(flat).toContain('The emulator has another key than the one that signed this token')
    expect(flat).toContain('in code countersign emulator --state emulator-state.json')
  })
})
