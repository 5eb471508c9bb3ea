import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, type Registration, tokenFlaws } from '@countersign/emulator'
import {
  askToken,
  type Form,
  ids,
  refusal,
  registration,
  secrets,
  startTestEmulator,
  withApplication,
} from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

const get = async (path: string): Promise<string> => (await fetch(`${emulator.origin}/_/${path}`)).text()
const tokenOf = (html: string): string => /name="page_token" value="([^"]*)"/.exec(html)?.[1] ?? ''

async function post(path: string, fields: Form, headers: Record<string, string> = {}): Promise<Response> {
  const pageToken = tokenOf(await get('faults'))
  return fetch(`${emulator.origin}/_/${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams({ page_token: pageToken, ...fields }),
  })
}

const sections = [
  '',
  'requests',
  'inspect',
  'mint',
  'apps',
  'users',
  'consent',
  'keys',
  'faults',
  'registration',
  'state',
  'settings',
]

describe('every page', () => {
  test.each(sections)(
    '/_/%s is small, says that it is an emulator, loads nothing, and runs only its own script',
    async (section) => {
      const response = await fetch(`${emulator.origin}/_/${section}`)
      const html = await response.text()
      expect(response.status).toBe(200)
      expect(html.length).toBeLessThan(100_000)
      expect(html).toContain('Countersign: local emulator')
      expect(html).not.toMatch(/<img|<link|@import|url\((?!#)| style="| on\w+="|<script[^>]* src/)
      const policy = response.headers.get('content-security-policy') ?? ''
      const [, nonce = ''] = /script-src 'nonce-([^']{16,})'/.exec(policy) ?? []
      expect(policy).toBe(
        `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      for (const [tag] of html.matchAll(/<(?:script|style)\b[^>]*>/g)) {
        expect(tag).toMatch(new RegExp(`^<(?:script|style) nonce="${nonce.replaceAll('+', '\\+')}">$`))
      }
      expect(response.headers.get('x-frame-options')).toBe('DENY')
    },
  )

  test('of an application is small too', async () => {
    for (const appId of Object.values(ids).slice(3)) {
      expect((await get(`apps/${appId}`)).length).toBeLessThan(100_000)
    }
  })

  test('of sixty applications in three tiers is small, and draws all of them', async () => {
    const needs = (
      index: number,
    ): { resourceAppId: string; resourceAccess: { id: string; type: 'Scope' }[] } => ({
      resourceAppId: `api-${index}`,
      resourceAccess: [{ id: 'Things.Read', type: 'Scope' }],
    })
    await using own = await startTestEmulator({
      registration: {
        tenants: [
          {
            domains: ['contoso.example'],
            users: [{ userPrincipalName: 'bob@contoso.example' }],
            oauth2PermissionGrants: Array.from({ length: 30 }, (_, index) => ({
              clientId: `client-${index}`,
              resourceId: `api-${index % 16}`,
              scope: 'Things.Read',
            })),
          },
        ],
        applications: [
          ...Array.from({ length: 35 }, (_, index) => ({
            displayName: `client-${index}`,
            publicClient: { redirectUris: ['http://localhost'] },
            requiredResourceAccess: [needs(index % 16), needs((index + 5) % 16)],
          })),
          ...Array.from({ length: 25 }, (_, index) => ({
            displayName: `api-${index}`,
            identifierUris: [`api://api-${index}`],
            requiredResourceAccess: index < 16 ? [needs(16 + (index % 9))] : [],
            api: { oauth2PermissionScopes: [{ value: 'Things.Read' }] },
          })),
        ],
      },
    })
    const html = await (await fetch(`${own.origin}/_/`)).text()
    expect(html.match(/class="node (?:api|client) "/g)).toHaveLength(60)
    expect(html.match(/class="edge (?:granted|missing)"/g)).toHaveLength(86)
    expect(html.length).toBeLessThan(100_000)
  })

  test('shows no secret, no private key, and escapes what is registered', async () => {
    for (const section of [...sections, `apps/${ids.v2}`, `apps/${ids.daemon}`]) {
      const html = await get(section)
      expect(html).not.toMatch(/test-value|PRIVATE KEY/)
      expect(html).not.toContain('<things>')
    }
    expect(await get(`apps/${ids.v2}`)).toContain('Read your &lt;things&gt;')
  })

  test('can be left out', async () => {
    await using own = await startTestEmulator({ page: false })
    expect((await fetch(`${own.origin}/_/`)).status).toBe(404)
  })
})

describe('what a page may change', () => {
  test('a grant of the overview, of one scope and for all that is listed, and goes back to a page of its own alone', async () => {
    await using own = await startTestEmulator()
    const token = tokenOf(await (await fetch(`${own.origin}/_/faults`)).text())
    const send = async (path: string, fields: Form): Promise<[number, string | null]> => {
      const body = new URLSearchParams({ page_token: token, ...fields })
      const answer = await fetch(`${own.origin}/_/${path}`, { method: 'POST', redirect: 'manual', body })
      return [answer.status, answer.headers.get('location')]
    }
    const question = { client: 'native', resource: 'v2', user: 'bob@contoso.example' }
    expect(own.explainPermission(question).isIssued).toBe(false)
    const named = { tenant: ids.contoso, client: ids.native, resource: ids.v2 }
    expect(await send('grant', { ...named, scopes: 'Things.Write', back: 'https://evil.example/' })).toEqual([
      303,
      '/_/',
    ])
    expect(own.explainPermission(question).scopes).toEqual(['Things.Write'])
    expect(
      await send('grant', { what: `grant ${ids.contoso} ${ids.native} ${ids.v2}`, back: '//evil.example' }),
    ).toEqual([303, '/_/'])
    expect(own.explainPermission(question).scopes).toEqual(['Things.Write', 'Things.Read'])
    expect(await send('grant', { ...named, scopes: 'Things.Read', back: `/_/apps/${ids.native}#x` })).toEqual(
      [303, `/_/apps/${ids.native}#x`],
    )
    expect(await send('grant', { ...named, scopes: 'Things.Gone' })).toEqual([400, null])
    expect(await send('grant', { ...named, page_token: '1.AAAA' })).toEqual([400, null])
  })

  test('an assignment of all users to an application that demands one', async () => {
    await using own = await startTestEmulator()
    const token = tokenOf(await (await fetch(`${own.origin}/_/faults`)).text())
    const { applications } = (await (
      await fetch(`${own.controlApi.address}/directory`, {
        headers: { authorization: `Bearer ${own.controlApi.token}` },
      })
    ).json()) as { applications: { appId: string; displayName: string }[] }
    const guarded = applications.find(({ displayName }) => displayName === 'guarded')?.appId ?? ''
    const question = { client: 'guarded', resource: 'v2', user: 'bob@contoso.example' }
    expect(own.explainPermission(question).errorCode).toBe(50105)
    const body = new URLSearchParams({ page_token: token, what: `assign ${ids.contoso} ${guarded}` })
    expect((await fetch(`${own.origin}/_/grant`, { method: 'POST', redirect: 'manual', body })).status).toBe(
      303,
    )
    expect(own.explainPermission(question).errorCode).toBe(650057)
  })
})

describe('a change', () => {
  test('is refused without the form token of a page, with another, and from another origin', async () => {
    const add = { endpoint: 'token', effect: 'hang', add: 'true' }
    expect((await post('faults', { ...add, page_token: '' })).status).toBe(400)
    expect((await post('faults', { ...add, page_token: '1.AAAA' })).status).toBe(400)
    expect((await post('faults', add, { origin: 'https://evil.example' })).status).toBe(400)
    expect(emulator.faults.list()).toEqual([])
  })

  test('is refused under a host name that is not a loopback one', async () => {
    const status = await new Promise((resolve) => {
      request(`${emulator.origin}/_/`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).end()
    })
    expect(status).toBe(400)
  })

  test('adds and clears a fault, which every page mentions', async () => {
    expect(
      (await post('faults', { endpoint: 'token', effect: 'status 503', times: '3', add: 'true' })).status,
    ).toBe(303)
    expect(await get('')).toContain('1 fault is active')
    await post('faults', { clear: 'all' })
    expect(await get('')).not.toContain('fault is active')
    const wrong = await post('faults', { endpoint: 'token', effect: 'stale', add: 'true' })
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      expect.stringContaining('must be keys for the effect stale'),
    ])
  })

  test('publishes, uses and withdraws keys step by step', async () => {
    await post('keys', { do: 'publish' })
    const [, next] = await emulator.keys.list()
    expect(next?.state).toBe('next')
    await post('keys', { do: 'use', kid: next?.kid ?? '' })
    expect((await emulator.keys.list()).map(({ state }) => state)).toEqual(['retiring', 'signing'])
    expect((await post('keys', { do: 'withdraw', kid: next?.kid ?? '' })).status).toBe(400)
  })

  test('moves the clock, signs a user out, revokes a grant, and resets all but keys and clock', async () => {
    await using own = await startTestEmulator()
    const change = async (path: string, fields: Form): Promise<number> => {
      const page = await (await fetch(`${own.origin}/_/faults`)).text()
      const body = new URLSearchParams({ page_token: tokenOf(page), ...fields })
      return (await fetch(`${own.origin}/_/${path}`, { method: 'POST', redirect: 'manual', body })).status
    }
    const before = own.clock.now()
    expect(await change('clock', { advance: '3600' })).toBe(303)
    expect(own.clock.now()).toBe(before + 3600)
    expect(await change('users', { user: ids.alice, do: 'revoke' })).toBe(303)
    expect(own.revocations).toMatchObject([{ objectId: ids.alice }])
    const question = { client: 'web', resource: 'v2', user: 'alice@contoso.example', scopes: ['Things.Read'] }
    expect(own.explainPermission(question).isIssued).toBe(true)
    expect(await change('consent', { tenant: ids.contoso, client: ids.web, resource: ids.v2 })).toBe(303)
    expect(own.explainPermission(question).isIssued).toBe(false)
    expect(await change('reset', {})).toBe(303)
    expect(own.explainPermission(question).isIssued).toBe(true)
    expect(own.requests).toEqual([])
  })
})

describe('the page of an application', () => {
  const text = (html: string): string => html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

  test('has the headings of Entra in their order', async () => {
    const headings = [...(await get(`apps/${ids.v2}`)).matchAll(/<h2 id="\w+">([^<]*)<\/h2>/g)].map(
      ([, name]) => name,
    )
    expect(headings).toEqual([
      'Overview',
      'Authentication',
      'Certificates &amp; secrets',
      'Federated credentials',
      'Token configuration',
      'API permissions',
      'Expose an API',
      'App roles',
      'Manifest',
    ])
  })

  test('marks a secret that has expired on the clock of the emulator, and the other not', async () => {
    const html = await get(`apps/${ids.daemon}`)
    expect(html.match(/class="no"\s*>[^<]*, expired</g)).toHaveLength(1)
    expect(text(html)).toMatch(/secret no start never secret no start 2026-03-01 12:00:00/)
  })

  test('shows which of the listed permissions everyone has at home', async () => {
    const detail = text(await get(`apps/${ids.tier1}`))
    expect(detail).toContain('v1 Things.Read delegated granted for Contoso')
    expect(detail).toContain('lonely Things.Read delegated not granted for all')
  })

  test('shows the manifest in the names of Microsoft Graph, with its secrets hidden', async () => {
    const html = await get(`apps/${ids.daemon}`)
    const [, manifest = ''] = /<pre>([^<]*)<\/pre>/.exec(html.split('Manifest</h2>')[1] ?? '') ?? []
    expect(JSON.parse(manifest.replaceAll('&quot;', '"'))).toMatchObject({
      appId: ids.daemon,
      passwordCredentials: [{ secretText: '[hidden]' }, { secretText: '[hidden]' }],
    })
  })
})

describe('the registration', () => {
  const shownIn = (html: string): string =>
    (/<textarea[^>]*>\n?([^<]*)<\/textarea/.exec(html)?.[1] ?? '')
      .replaceAll('&quot;', '"')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&')
  const daemon = {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    client_secret: secrets.daemon,
    scope: 'api://v2/.default',
  }
  async function shown(own: Emulator): Promise<{ text: string; send: (fields: Form) => Promise<Response> }> {
    const html = await (await fetch(`${own.origin}/_/registration`)).text()
    return {
      text: shownIn(html),
      send: (fields) =>
        fetch(`${own.origin}/_/registration`, {
          method: 'POST',
          body: new URLSearchParams({ page_token: tokenOf(html), ...fields }),
        }),
    }
  }

  test('is shown as it was given, with its secrets hidden', async () => {
    const { text } = await shown(emulator)
    expect(JSON.parse(text.replaceAll('"[hidden]"', '"test-value"'))).toEqual(
      JSON.parse(
        JSON.stringify(registration).replaceAll(/"secretText":"[^"]*"/g, '"secretText":"test-value"'),
      ),
    )
  })

  test('sent back unchanged is the same as before, and the hidden secrets stay valid', async () => {
    await using own = await startTestEmulator()
    const { text, send } = await shown(own)
    const applied = await send({ registration: text, do: 'apply' })
    expect([applied.status, (await applied.text()).includes('It is the same as before.')]).toEqual([
      200,
      true,
    ])
    expect((await askToken(own, daemon)).status).toBe(200)
    const tier1 = { ...daemon, client_id: ids.tier1, client_secret: secrets.tier1 }
    expect((await askToken(own, tier1)).status).toBe(200)
  })

  test('is checked without being changed, and applied with the lines to copy', async () => {
    await using own = await startTestEmulator()
    const { text, send } = await shown(own)
    const changed = text.replace('"displayName": "Alice Ash"', '"displayName": "Alice Oak"')
    const named = async (): Promise<boolean> =>
      (await (await fetch(`${own.origin}/_/users`)).text()).includes('Alice Oak')
    const checked = await (await send({ registration: changed, do: 'check' })).text()
    expect(checked).toContain('Nothing has changed yet.')
    expect(await named()).toBe(false)
    const applied = await (await send({ registration: changed, do: 'apply' })).text()
    expect(applied).toMatch(
      /\n-\s+&quot;displayName&quot;: &quot;Alice Ash&quot;,\n\+\s+&quot;displayName&quot;: &quot;Alice Oak&quot;,\n/,
    )
    expect(await named()).toBe(true)
  })

  test('is accepted also if it is longer than a token request may be', async () => {
    await using own = await startTestEmulator()
    const { text, send } = await shown(own)
    const users = Array.from({ length: 4000 }, (_, index) => ({
      userPrincipalName: `user-${index}@contoso.example`,
    }))
    const { tenants, ...rest } = JSON.parse(text) as typeof registration
    const longer = { tenants: [...tenants, { domains: ['many.example'], users }], ...rest }
    const answer = await send({ registration: JSON.stringify(longer, undefined, 2), do: 'apply' })
    expect(answer.status).toBe(200)
    const path = 'many.example/v2.0/.well-known/openid-configuration'
    expect((await fetch(`${own.origin}/${path}`)).status).toBe(200)
  })

  test('accepts a new secret for a hidden one, and never shows it', async () => {
    await using own = await startTestEmulator()
    const { text, send } = await shown(own)
    const changed = text.replace('"[hidden]"', '"test-value-fresh"')
    const html = await (await send({ registration: changed, do: 'apply' })).text()
    expect(html).not.toContain('test-value')
    expect((await askToken(own, { ...daemon, client_secret: 'test-value-fresh' })).status).toBe(200)
    expect(refusal(await askToken(own, daemon)).code).toBe(7000215)
  })

  const twoSecrets = withApplication('daemon', {
    passwordCredentials: [{ secretText: secrets.daemon }, { secretText: 'test-value-other' }],
  })
  test.each<[string, (text: string) => string, string, Registration]>([
    [
      'text that is not JSON',
      (text) => text.replace('{', '{ test-value'),
      'registration: is not JSON',
      registration,
    ],
    [
      'a scope with a space',
      (text) => text.replace('"Things.Gone"', '"test value"'),
      'oauth2PermissionScopes[3].value',
      registration,
    ],
    [
      'an unknown member',
      (text) => text.replace('"displayName"', '"test": 1, "displayName"'),
      'tenants[0].test: is not a known member',
      registration,
    ],
    [
      'a hidden secret of an application that is not there',
      (text) => text.replaceAll(ids.daemon, ids.alice),
      'passwordCredentials[0].secretText: does not identify one secret',
      registration,
    ],
    [
      'one of two alike secrets',
      (text) => text.replace(/\{\s*"secretText": "\[hidden\]"\s*\},/, ''),
      'passwordCredentials[0].secretText: does not identify one secret',
      twoSecrets,
    ],
  ])('stays as it is when sent with %s, and the page shows the place', async (_, spoil, place, given) => {
    await using own = await startTestEmulator({ registration: given })
    const { text, send } = await shown(own)
    const spoilt = spoil(text)
    expect(spoilt).not.toBe(text)
    for (const action of ['check', 'apply']) {
      const response = await send({ registration: spoilt, do: action })
      const html = await response.text()
      const [, said = ''] = /role="alert">([^<]*)</.exec(html) ?? []
      expect([response.status, said]).toEqual([400, expect.stringContaining(place)])
      expect(said).not.toContain('test-value')
      expect(shownIn(html)).toBe(spoilt)
    }
    expect((await shown(own)).text).toBe(text)
    expect((await askToken(own, daemon)).status).toBe(200)
  })

  test('is not accepted from another site', async () => {
    const { text, send } = await shown(emulator)
    const response = await send({ registration: text, do: 'apply', page_token: '1.AAAA' })
    expect(response.status).toBe(400)
  })
})

describe('the state', () => {
  const say = async (own: Emulator): Promise<string> => (await fetch(`${own.origin}/_/state`)).text()
  const send = async (own: Emulator, path: string, fields: Form = {}): Promise<Response> => {
    const body = new URLSearchParams({ page_token: tokenOf(await say(own)), ...fields })
    return fetch(`${own.origin}/_/${path}`, { method: 'POST', redirect: 'manual', body })
  }

  test('shows the version, where it is kept and that nothing is less strict than Entra', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    const html = await get('state')
    expect(html).toContain(`<dd>${version}</dd>`)
    expect(html).toContain('in memory')
    expect(html).toContain('it refuses what Entra refuses')
  })

  test('names the file it is kept in, and every lenient option', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
    try {
      const file = join(folder, 'state.json')
      await using own = await startTestEmulator({ state: file, imitateMicrosoftIssuers: 'global' })
      const html = await say(own)
      expect(html).toContain(file)
      expect(html).toContain('imitateMicrosoftIssuers: ')
      expect(html).not.toContain('it refuses what Entra refuses')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('is downloaded as a file, and another instance continues from it', async () => {
    await using own = await startTestEmulator()
    own.users.disable(ids.alice)
    const download = await send(own, 'state/snapshot')
    expect([download.status, download.headers.get('content-disposition')]).toEqual([
      200,
      'attachment; filename="emulator-state.json"',
    ])
    const snapshot = await download.text()
    await using other = await startTestEmulator()
    expect((await send(other, 'state', { snapshot })).status).toBe(303)
    expect(await other.keys.list()).toEqual(await own.keys.list())
    const question = { client: 'web', resource: 'v2', user: ids.alice }
    expect(other.explainPermission(question)).toMatchObject({ isIssued: false, errorCode: 50057 })
  })

  test('is not answered by GET, nor without the form token of a page, nor to another origin', async () => {
    expect((await fetch(`${emulator.origin}/_/state/snapshot`)).status).toBe(404)
    for (const response of [
      await post('state/snapshot', { page_token: '1.AAAA' }),
      await post('state/snapshot', {}, { origin: 'https://evil.example' }),
    ]) {
      expect(response.status).toBe(400)
      expect(await response.text()).not.toContain('PRIVATE KEY')
    }
  })

  test('stays as it is when the pasted text is not a snapshot, and the page shows the place without the text', async () => {
    const before = await emulator.exportState()
    for (const [snapshot, place] of [
      ['test-value', 'state: the pasted text is not JSON'],
      [JSON.stringify({ ...before, seal: 'test-value' }), 'state: seal: does not match pattern'],
    ] as const) {
      const response = await post('state', { snapshot })
      const html = await response.text()
      expect([response.status, html.includes(place)]).toEqual([400, true])
      expect(html).not.toContain('test-value')
    }
    expect(await emulator.exportState()).toEqual(before)
  })
})

describe('the requests', () => {
  test('show which rule refused and what to do', async () => {
    await using own = await startTestEmulator()
    await askToken(own, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: 'test-value-wrong',
      scope: 'api://v2/.default',
    })
    const list = await (await fetch(`${own.origin}/_/requests`)).text()
    expect(list).toContain('AADSTS7000215')
    expect(list).toContain('daemon')
    const detail = await (await fetch(`${own.origin}/_/requests/1`)).text()
    expect(detail).toContain('What to do:')
    expect(detail).toContain('client_secret=[redacted]')
    expect(detail).not.toContain('test-value-wrong')
    expect((await fetch(`${own.origin}/_/requests/99`)).status).toBe(404)
  })
})

describe('a code', () => {
  test('of the validator is explained, and another is not known', async () => {
    const known = await fetch(`${emulator.origin}/_/codes/token_expired`)
    expect([known.status, await known.text()]).toEqual([200, expect.stringContaining('What to change')])
    for (const code of ['nope', '__proto__', 'constructor', '%3Cb%3E']) {
      const response = await fetch(`${emulator.origin}/_/codes/${code}`)
      expect([response.status, (await response.text()).includes('<b>')]).toEqual([404, false])
    }
  })

  test('of Entra leads to what happened, who can change it and where', async () => {
    const html = await (await fetch(`${emulator.origin}/error?code=65001`)).text()
    expect(html).toMatch(/What happened.*What to change.*Who can: the administrator/s)
  })
})

describe('the consent page of the emulator', () => {
  test('previews the token, or the refusal and why', async () => {
    const query = (more: Form): string =>
      `consent?${new URLSearchParams({ resource: ids.v2, ...more }).toString()}`
    const issued = await get(query({ client: ids.native, user: ids.alice }))
    expect(issued).toContain('A token is issued')
    expect(issued).toContain('<code>Things.Read</code>')
    const refused = await get(query({ client: ids.native, user: ids.alice, scopes: 'Things.Write' }))
    expect(refused).toContain('No token: AADSTS65001')
  })
})

describe('the inspector', () => {
  const inspect = async (token: string, api = ''): Promise<string> =>
    (await post('inspect', { token, api })).text()
  const good = { client: 'native', resource: 'api://v2', user: 'alice@contoso.example' }

  test('shows what a token is and which API accepts it, also with Bearer and line breaks around it', async () => {
    const token = await emulator.issueToken(good)
    const html = await inspect(`Authorization: Bearer "${token.slice(0, 80)}\n${token.slice(80)}"`)
    expect(html).toContain('Accepted by <bdi>v2</bdi>')
    expect(html).toContain('an access token of v2.0, for a user')
    expect(html).toContain('alice@contoso.example')
    // In the form, where it was pasted, and nowhere else.
    expect(html.split(String(token.split('.')[2]))).toHaveLength(2)
    expect(html).toMatch(/<textarea\s+name="token"[^>]*>\s*Authorization: Bearer &quot;eyJ/)
    expect(JSON.stringify(emulator.requests)).not.toContain('inspect')
  })

  test.each(tokenFlaws.filter((flaw) => flaw !== 'overlong').map((flaw) => [flaw]))(
    'refuses a token with the flaw %s at every API',
    async (flaw) => {
      const resource = flaw === 'v2ForV1' ? 'api://v1' : good.resource
      const html = await inspect(await emulator.issueToken({ ...good, resource, flaw }))
      expect(html).toMatch(/Refused by <bdi>|an encrypted token|not a token/)
      expect(html).not.toMatch(/Accepted by|<span class="ok">accepts/)
    },
  )

  test.each([
    ['graphToken', 'This is a token for Microsoft Graph'],
    ['idToken', 'This is an id token'],
    ['expired', 'It expired 3600 s ago'],
    ['wrongTenant', 'a tenant this registration does not have'],
    ['hmacConfusion', 'signed with HS256'],
  ] as const)('explains %s', async (flaw, story) => {
    expect(await inspect(await emulator.issueToken({ ...good, flaw }))).toContain(story)
  })

  test('shows the failing check with what was expected and received', async () => {
    const html = await inspect(await emulator.issueToken({ ...good, flaw: 'wrongAudience' }), ids.v2)
    const [, check = ''] = /data-check="audience" data-result="failed">(.*?)<\/li>/s.exec(html) ?? []
    const said = check.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
    expect(check).toMatch(new RegExp(`<code\\s+title="${ids.v2}"`))
    expect(said).toMatch(/audience failed expected 33333333 .* 0005 copy found [0-9a-f]{8} /)
    expect(await inspect('nonsense')).toContain('this has 1')
  })
})

describe('minting', () => {
  test('gives a token that works, decoded, and the code for it', async () => {
    const response = await post('mint', { client: ids.daemon, resource: ids.v2, lifetime: '60' })
    const html = await response.text()
    expect(html).toContain('Accepted by <bdi>v2</bdi>')
    expect(html).toContain('&quot;lifetimeSeconds&quot;: 60')
    const flawed = await (
      await post('mint', { client: ids.daemon, resource: ids.v2, flaw: 'noScope' })
    ).text()
    expect(flawed).toContain('Refused by <bdi>v2</bdi>: it has neither scopes nor roles.')
    expect(flawed).toContain('with 401 invalid_token or 403 insufficient_scope')
    const wrong = await (await post('mint', { client: ids.daemon, resource: ids.v2, flaw: 'other' })).text()
    expect(wrong).toContain('&quot;flaw&quot; must be one of')
    const claimed = { client: ids.daemon, resource: ids.v2, claims: '{"department":"toys"}' }
    expect(await (await post('mint', claimed)).text()).toContain('&quot;department&quot;: &quot;toys&quot;')
    for (const claims of ['{', '[]', 'null', '7']) {
      expect(await (await post('mint', { ...claimed, claims })).text()).toContain('must be a JSON object')
    }
  })
})
