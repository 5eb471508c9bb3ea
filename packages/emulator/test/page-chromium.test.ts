import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, type Registration, startEmulator } from '@countersign/emulator'
import { hasChromium, launchChromium } from './chromium.js'

/** Two tiers, and consent of the middle one is missing. */
const registration: Registration = {
  tenants: [
    {
      displayName: 'Contoso',
      domains: ['contoso.example'],
      users: [
        {
          userPrincipalName: 'alice@contoso.example',
          displayName: 'Alice Ash',
          directoryRoles: ['Global Administrator'],
        },
        { userPrincipalName: 'bob@contoso.example', displayName: 'Bob Birch' },
      ],
      oauth2PermissionGrants: [{ clientId: 'mobile-app', resourceId: 'orders-api', scope: 'Orders.Read' }],
    },
  ],
  applications: [
    {
      displayName: 'mobile-app',
      publicClient: { redirectUris: ['http://localhost'] },
      requiredResourceAccess: [
        { resourceAppId: 'orders-api', resourceAccess: [{ id: 'Orders.Read', type: 'Scope' }] },
      ],
    },
    {
      displayName: 'orders-api',
      identifierUris: ['api://orders-api'],
      passwordCredentials: [{ secretText: 'test-value-orders' }],
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
      requiredResourceAccess: [
        { resourceAppId: 'stock-api', resourceAccess: [{ id: 'Stock.Read', type: 'Scope' }] },
      ],
    },
    {
      displayName: 'stock-api',
      identifierUris: ['api://stock-api'],
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Stock.Read' }] },
    },
  ],
}

/** Width and colours; what axe runs there: all its rules, or those that depend on the look. */
const looks = [
  { width: 1280, colorScheme: 'light', rules: 'all' },
  { width: 1280, colorScheme: 'dark', rules: 'look' },
  { width: 390, colorScheme: 'light', rules: 'look' },
  { width: 390, colorScheme: 'dark', rules: 'look' },
] as const

/** In the short form of the tests two looks that differ in both. */
const shownLooks = process.env['COUNTERSIGN_WHOLE'] === '1' ? looks : [looks[0], looks[3]]

/** What axe finds at each look, and where a page scrolls sideways. The policy of the page allows no foreign script: it comes by the debugger. */
async function findings(page: Page, at: readonly (typeof looks)[number][] = shownLooks): Promise<unknown[]> {
  const session = await page.context().newCDPSession(page)
  const evaluate = async (expression: string): Promise<unknown> =>
    (await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result
      .value
  await evaluate(`${axe.source};0`)
  const found: unknown[] = []
  for (const { width, colorScheme, rules } of at) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    const options =
      rules === 'all' ? '{}' : "{ runOnly: ['color-contrast', 'scrollable-region-focusable', 'target-size'] }"
    const violations = await evaluate(
      `axe.run(document, ${options}).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))])))`,
    )
    if (violations !== '[]') found.push([width, colorScheme, violations])
    const overflow = await evaluate('document.documentElement.scrollWidth - innerWidth')
    if (Number(overflow) > 0) found.push([width, 'scrolls sideways', overflow])
  }
  await session.detach()
  return found
}

describe.runIf(hasChromium)('the page in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  async function open({
    width = 1280,
    ...options
  }: {
    readonly width?: number
    readonly javaScriptEnabled?: boolean
  } = {}): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
      // Colours that are on their way are none that axe could judge.
      reducedMotion: 'reduce',
      ...options,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    return { context, page, complaints }
  }

  const idsOf = async (emulator: Emulator): Promise<{ tenant: string; id: (name: string) => string }> => {
    const response = await fetch(`${emulator.controlApi.address}/directory`, {
      headers: { authorization: `Bearer ${emulator.controlApi.token}` },
    })
    const { tenants, applications } = (await response.json()) as {
      tenants: { id: string }[]
      applications: { appId: string; displayName: string }[]
    }
    const id = (name: string): string =>
      applications.find(({ displayName }) => displayName === name)?.appId ?? ''
    return { tenant: tenants[0]?.id ?? '', id }
  }

  const post = async (url: string, form: Record<string, string>): Promise<Record<string, unknown>> =>
    (await (await fetch(url, { method: 'POST', body: new URLSearchParams(form) })).json()) as Record<
      string,
      unknown
    >

  const onBehalfOf = async (emulator: Emulator, assertion: string): Promise<Record<string, unknown>> => {
    const { tenant, id } = await idsOf(emulator)
    return post(`${emulator.origin}/${tenant}/oauth2/v2.0/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      client_id: id('orders-api'),
      client_secret: 'test-value-orders',
      assertion,
      scope: 'api://stock-api/Stock.Read',
    })
  }

  const authorize = async (emulator: Emulator, more: Record<string, string> = {}): Promise<string> => {
    const { tenant, id } = await idsOf(emulator)
    const query = new URLSearchParams({
      client_id: id('mobile-app'),
      response_type: 'code',
      redirect_uri: 'http://localhost:9/',
      scope: 'openid api://orders-api/Orders.Read',
      ...more,
    })
    return `${emulator.origin}/${tenant}/oauth2/v2.0/authorize?${query.toString()}`
  }

  /** Signs a user in as a browser does, and redeems the code. */
  const signIn = async (emulator: Emulator, user: string): Promise<string> => {
    const { tenant, id } = await idsOf(emulator)
    const html = await (await fetch(await authorize(emulator))).text()
    const transaction = /name="transaction" value="([^"]*)"/.exec(html)?.[1] ?? ''
    const answer = await fetch(`${emulator.origin}/${tenant}/oauth2/v2.0/authorize`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ transaction, user }),
    })
    const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
    const { access_token: token } = await post(`${emulator.origin}/${tenant}/oauth2/v2.0/token`, {
      grant_type: 'authorization_code',
      client_id: id('mobile-app'),
      redirect_uri: 'http://localhost:9/',
      code,
    })
    return String(token)
  }

  test('no page has a finding of axe, scrolls sideways or complains, wide and narrow, light and dark', async () => {
    await using emulator = await startEmulator({ registration })
    const { id } = await idsOf(emulator)
    const token = await signIn(emulator, 'bob@contoso.example')
    await onBehalfOf(emulator, token)
    const { context, page, complaints } = await open()
    const check = async (name: string, at?: readonly (typeof looks)[number][]): Promise<void> => {
      expect([name, await findings(page, at)]).toEqual([name, []])
      await page.setViewportSize({ width: 1280, height: 900 })
    }
    const pages = ['', 'apps', `apps/${id('orders-api')}`, 'users', 'consent', 'keys', 'faults', 'state']
    for (const path of [...pages, 'registration', 'settings']) {
      await page.goto(`${emulator.origin}/_/${path}`)
      // They are made of the same parts as the others: two looks are enough.
      await check(path, path === '' ? shownLooks : [looks[0], looks[3]])
    }
    await page.goto(`${emulator.origin}/_/requests`)
    await page.locator('a.flow').first().click()
    await page.getByRole('heading', { name: /orders-api may not call stock-api for Bob Birch/ }).waitFor()
    await check('live flow')
    await page.goto(`${emulator.origin}/_/mint`)
    await page.getByRole('button', { name: 'Mint', exact: true }).click()
    await page.getByRole('heading', { name: 'Accepted by orders-api' }).waitFor()
    await check('mint')
    const wrong = await emulator.issueToken({
      client: 'mobile-app',
      resource: 'orders-api',
      user: 'bob@contoso.example',
      flaw: 'graphToken',
    })
    await page.goto(`${emulator.origin}/_/inspect`)
    await page.getByLabel('Token', { exact: true }).fill(wrong)
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: /Refused by orders-api/ }).waitFor()
    await check('inspector')
    await page.goto(await authorize(emulator, { prompt: 'consent' }))
    await check('sign-in')
    await page.getByRole('button', { name: 'Alice Ash' }).click()
    await page.getByRole('heading', { name: 'mobile-app asks for permission' }).waitFor()
    await check('consent')
    expect(complaints).toEqual([])
    await page.goto(await authorize(emulator, { redirect_uri: 'http://elsewhere.example/' }))
    await check('error')
    await context.close()
  }, 120_000)

  test('what is missing is in the picture, and one click grants it', async () => {
    await using emulator = await startEmulator({ registration })
    const { context, page, complaints } = await open()
    const question = { client: 'orders-api', resource: 'stock-api', user: 'bob@contoso.example' }
    expect(emulator.explainPermission(question).isIssued).toBe(false)
    await page.goto(`${emulator.origin}/_/`)
    const missing = page.locator('svg .edge.missing')
    expect(await missing.locator('title').allTextContents()).toEqual([
      'orders-api calls stock-api: Stock.Read missing.',
    ])
    expect(await page.locator('svg .edge.granted title').allTextContents()).toEqual([
      'mobile-app calls orders-api: Orders.Read granted.',
    ])
    await page.locator('svg').getByRole('button', { name: 'Grant Stock.Read to orders-api' }).click()
    await expect.poll(() => missing.count()).toBe(0)
    expect(emulator.explainPermission(question).scopes).toEqual(['Stock.Read'])
    await page.locator('svg a.node', { hasText: 'orders-api' }).click()
    await page.getByRole('heading', { name: 'Expose an API' }).waitFor()
    await page.goBack()
    await page.locator('svg .edge.granted a').first().click()
    await page.getByRole('heading', { name: 'What is granted' }).waitFor()
    expect(complaints).toEqual([])
    await context.close()
  })

  test('the live flow shows a sign-in, its tokens and the calls of APIs while they happen, in one sequence', async () => {
    await using emulator = await startEmulator({ registration })
    const { context, page, complaints } = await open()
    await page.goto(`${emulator.origin}/_/requests`)
    await page.getByText('Nothing yet.').waitFor()
    const token = await signIn(emulator, 'bob@contoso.example')
    const line = page.locator('a.flow', { hasText: 'Bob Birch, mobile-app → orders-api' })
    await line.getByText('sign-in, code, 3 steps').waitFor()
    await line.click()
    const steps = page.locator('svg a.step')
    await expect.poll(() => steps.count()).toBe(3)

    await fetch(`${emulator.controlApi.address}/api-calls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${emulator.controlApi.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        api: 'orders-api',
        outcome: 'accepted',
        method: 'GET',
        path: '/orders',
        tokenId: decodeJwt(token)['uti'],
      }),
    })
    await onBehalfOf(emulator, token)
    await expect.poll(() => steps.count()).toBe(5)
    expect(await steps.nth(3).locator('title').textContent()).toBe(
      'mobile-app to orders-api: GET /orders; accepted.',
    )
    await page.getByRole('heading', { name: 'orders-api may not call stock-api for Bob Birch' }).waitFor()
    await page.getByRole('link', { name: 'Consent' }).last().waitFor()

    // From the refusal to the token: grant, and do it again.
    await page.getByRole('button', { name: 'Grant for everyone' }).click()
    await page.waitForURL(/\/_\/requests\/\d+$/)
    await page.getByRole('button', { name: 'Do it again' }).click()
    await page.getByRole('button', { name: 'Explain the token' }).waitFor()
    expect(await steps.count()).toBe(6)
    expect(await page.locator('a.flow').count()).toBe(1)
    await page.getByRole('button', { name: 'Explain the token' }).click()
    await page.getByRole('heading', { name: 'Accepted by stock-api: every check holds.' }).waitFor()
    expect(new URL(page.url()).search).toBe('')
    expect(complaints).toEqual([])
    await context.close()
  })

  test('the live flow filters, pauses, goes on and clears', async () => {
    await using emulator = await startEmulator({ registration })
    const { tenant, id } = await idsOf(emulator)
    const { context, page } = await open()
    await page.goto(`${emulator.origin}/_/requests`)
    const wrong = (secret: string): Promise<unknown> =>
      post(`${emulator.origin}/${tenant}/oauth2/v2.0/token`, {
        grant_type: 'client_credentials',
        client_id: id('orders-api'),
        client_secret: secret,
        scope: 'api://stock-api/.default',
      })
    await wrong('wrong')
    await wrong('test-value-orders')
    await fetch(`${emulator.origin}/${tenant}/v2.0/.well-known/openid-configuration`)
    const lines = page.locator('a.flow:not([hidden])')
    await expect.poll(() => lines.count()).toBe(2)
    await page.getByLabel('Discovery and keys too').check()
    await expect.poll(() => lines.count()).toBe(3)
    await page.getByLabel('Filter').fill('AADSTS7000215')
    await expect.poll(() => lines.allTextContents()).toEqual([expect.stringContaining('AADSTS7000215')])
    await page.getByLabel('Filter').fill('')
    await page.getByRole('button', { name: 'Pause' }).click()
    await wrong('wrong again')
    await page.getByRole('button', { name: 'Go on: there is more' }).waitFor()
    expect(await lines.count()).toBe(3)
    await page.getByRole('button', { name: 'Go on: there is more' }).click()
    await expect.poll(() => lines.count()).toBe(4)
    // By keyboard: down the list, and into the flow.
    await page.locator('#flows').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe('/_/flows/3')
    await page.keyboard.press('Enter')
    await page.locator('#panel').getByRole('heading', { level: 2 }).waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await expect.poll(() => lines.count()).toBe(0)
    expect(emulator.requests).toEqual([])
    await context.close()
  })

  test('the inspector counts down, judges by the API that is chosen, and keeps the token in place', async () => {
    await using emulator = await startEmulator({ registration })
    const asked = { client: 'mobile-app', resource: 'orders-api', user: 'bob@contoso.example' }
    const token = await emulator.issueToken({ ...asked, lifetimeSeconds: 120 })
    const { context, page, complaints } = await open()
    await page.goto(`${emulator.origin}/_/inspect`)
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Accepted by orders-api' }).waitFor()
    const left = page.locator('.chip time')
    const before = await left.textContent()
    expect(before).toMatch(/^in (?:2 min 0|1 min \d+) s$/)
    await expect.poll(() => left.textContent()).not.toBe(before)
    const judge = page.getByLabel('Judged by')
    expect(await judge.locator('option').allTextContents()).toEqual([
      '(the API it is for)',
      'orders-api',
      'stock-api',
    ])
    await judge.selectOption('stock-api')
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByRole('heading', { name: 'Refused by stock-api: it is for another API.' }).waitFor()
    expect((await page.getByRole('textbox', { name: 'Token' }).inputValue()).trim()).toBe(token)
    expect(await page.locator('[data-check=audience]').textContent()).toMatch(/expected.*found.*orders-api/s)
    expect(new URL(page.url()).search).toBe('')
    expect(complaints).toEqual([])
    await context.close()
  })

  test('the first choice of the mint belongs together, and its token is copied with a button', async () => {
    await using emulator = await startEmulator({ registration })
    const { context, page } = await open()
    await page.goto(`${emulator.origin}/_/mint`)
    await page.getByRole('button', { name: 'Mint', exact: true }).click()
    await page.getByRole('heading', { name: 'Accepted by orders-api' }).waitFor()
    await page.getByRole('button', { name: 'Copy the token' }).click()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(decodeJwt(copied)).toMatchObject({ scp: 'Orders.Read', name: 'Alice Ash' })
    await page.getByText('The 31 flaws').click()
    await page.getByRole('button', { name: 'Mint with the flaw expired' }).click()
    await page.getByRole('heading', { name: /Refused by orders-api\. It expired/ }).waitFor()
    await page.getByText('To be refused by every API, with 401 invalid_token.').waitFor()
    await context.close()
  })

  test('a user is found by search, signs in and consents without script, and an error leads to its request', async () => {
    const users = Array.from({ length: 1000 }, (_, index) => ({
      userPrincipalName: `user-${index}@contoso.example`,
      displayName: `User number ${index}`,
    }))
    const many: Registration = {
      ...registration,
      tenants: [{ ...registration.tenants[0], domains: ['contoso.example'], users }],
    }
    await using emulator = await startEmulator({ registration: many })
    const { context, page } = await open({ javaScriptEnabled: false })
    await page.route('http://localhost:9/**', (route) => route.fulfill({ body: 'back' }))
    await page.goto(await authorize(emulator, { prompt: 'consent' }))
    expect(await page.locator('button.who').count()).toBe(8)
    await page.getByLabel('Search 1000 users').fill('number 777')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'User number 777' }).click()
    await page.getByRole('heading', { name: 'mobile-app asks for permission' }).waitFor()
    await page.getByRole('button', { name: 'Accept' }).click()
    await page.getByText('back').waitFor()
    expect(new URL(page.url()).searchParams.get('code')).toMatch(/^1\./)
    // One flow, whatever was searched.
    await page.goto(`${emulator.origin}/_/requests`)
    await page.getByRole('link', { name: /User number 777, mobile-app → orders-api/ }).click()
    await page.getByText('sign-in, 4 steps').waitFor()

    await page.goto(await authorize(emulator, { redirect_uri: 'http://elsewhere.example/' }))
    await page.getByText('Add the address to web, spa or publicClient redirectUris').waitFor()
    await page.getByRole('link', { name: 'See this request' }).click()
    await page.getByText('sent a redirect URI that its registration does not have').waitFor()
    await context.close()
  })

  test('1,000 users and 200 applications: each page stays small, and a search follows the typing', async () => {
    const large: Registration = {
      tenants: [
        {
          domains: ['contoso.example'],
          users: Array.from({ length: 1000 }, (_, index) => ({
            userPrincipalName: `user-${index}@contoso.example`,
          })),
          oauth2PermissionGrants: Array.from({ length: 60 }, (_, index) => ({
            clientId: `client-${index}`,
            resourceId: `api-${index % 30}`,
            scope: 'Things.Read',
          })),
        },
      ],
      applications: [
        ...Array.from({ length: 140 }, (_, index) => ({
          displayName: `client-${index}`,
          publicClient: { redirectUris: ['http://localhost'] },
          requiredResourceAccess: [
            {
              resourceAppId: `api-${index % 60}`,
              resourceAccess: [{ id: 'Things.Read', type: 'Scope' as const }],
            },
          ],
        })),
        ...Array.from({ length: 60 }, (_, index) => ({
          displayName: `api-${index}`,
          identifierUris: [`api://api-${index}`],
          api: { oauth2PermissionScopes: [{ value: 'Things.Read' }] },
        })),
      ],
    }
    await using emulator = await startEmulator({ registration: large })
    const { context, page, complaints } = await open()
    for (const path of ['', 'apps', 'users', 'consent', 'mint', 'inspect', 'requests', '?find=client-1']) {
      const html = await (await fetch(`${emulator.origin}/_/${path}`)).text()
      expect([path, html.length < 100_000]).toEqual([path, true])
      await page.goto(`${emulator.origin}/_/${path}`)
      const elements = await page.evaluate<number>('document.querySelectorAll("*").length')
      expect([path, elements < 1200]).toEqual([path, true])
    }
    await page.goto(`${emulator.origin}/_/users`)
    await page.getByText('1 to 25 of 1000').waitFor()
    await page.getByRole('link', { name: 'Next' }).click()
    await page.getByText('26 to 50 of 1000').waitFor()
    await page.getByLabel('Find a user').pressSequentially('user-77')
    await expect.poll(() => page.locator('tbody tr').count()).toBe(11)
    await page.goto(`${emulator.origin}/_/`)
    await page.getByLabel('Find an application or a scope').pressSequentially('api-59')
    await page.getByText('Shows 3 of 200').waitFor()
    expect(await page.locator('svg a.node.found').allTextContents()).toEqual([
      expect.stringContaining('api-59'),
    ])
    await page.goto(`${emulator.origin}/_/mint`)
    await page.getByLabel('User', { exact: true }).fill('user-99')
    await expect
      .poll(() => page.locator('#user-names option').first().getAttribute('value'))
      .toBe('user-99@contoso.example')
    expect(complaints).toEqual([])
    await context.close()
  })

  test.each([
    ['script', '<img src=x onerror=alert(1)><script>alert(1)</script>'],
    ['right-to-left', '\u202egnp.exe \u05d0\u05d1\u05d2 \u0627\u0644\u0639'],
    ['250 characters', 'W'.repeat(250)],
    ['a quote', `"'><svg onload=alert(1)>`],
  ])('a hostile name changes nothing: %s', async (_, name) => {
    const hostile: Registration = {
      tenants: [
        {
          displayName: name,
          domains: ['contoso.example'],
          users: [{ userPrincipalName: 'bob@contoso.example', displayName: name }],
        },
      ],
      applications: [
        {
          displayName: name,
          publicClient: { redirectUris: ['http://localhost'] },
          requiredResourceAccess: [
            { resourceAppId: 'api://api', resourceAccess: [{ id: 'Things.Read', type: 'Scope' }] },
          ],
        },
        {
          displayName: `${name} api`,
          identifierUris: ['api://api'],
          api: {
            requestedAccessTokenVersion: 2,
            oauth2PermissionScopes: [{ value: 'Things.Read', userConsentDisplayName: name }],
          },
        },
      ],
    }
    const registered = { ...hostile, applications: hostile.applications ?? [] }
    const [client, api] = registered.applications
    const appId = '33333333-0000-4000-8000-0000000000aa'
    await using emulator = await startEmulator({
      registration: {
        ...registered,
        applications: [
          {
            ...client,
            displayName: name,
            requiredResourceAccess: [
              { resourceAppId: appId, resourceAccess: [{ id: 'Things.Read', type: 'Scope' }] },
            ],
          },
          { ...api, displayName: `${name} api`, appId },
        ],
      },
    })
    const { tenant, id } = await idsOf(emulator)
    const { context, page, complaints } = await open({ width: 390 })
    page.on('dialog', (dialog) => complaints.push(dialog.message()))
    const query = new URLSearchParams({
      client_id: id(name),
      response_type: 'code',
      redirect_uri: 'http://localhost:9/',
      scope: 'api://api/Things.Read',
    })
    await page.goto(`${emulator.origin}/${tenant}/oauth2/v2.0/authorize?${query.toString()}`)
    expect(await page.locator('h1 bdi').textContent()).toBe(name)
    await page.getByRole('button').first().click()
    await page.getByRole('button', { name: 'Accept' }).waitFor()
    await page.route('http://localhost:9/**', (route) => route.fulfill({ body: 'back' }))
    await page.goto(`${emulator.origin}/_/requests`)
    await page.locator('a.flow').first().click()
    await page.locator('svg a.step').first().waitFor()
    for (const path of ['', 'apps', `apps/${id(name)}`, 'users', 'consent', 'mint', 'requests']) {
      if (path !== 'requests') await page.goto(`${emulator.origin}/_/${path}`)
      const found = await page.evaluate<[number, number, boolean]>(
        '[document.querySelectorAll("img, script:not([nonce]), [onload]").length, document.querySelectorAll("main h1, nav.menu, header.top").length, document.documentElement.scrollWidth <= innerWidth]',
      )
      expect([path, ...found]).toEqual([path, 0, 3, true])
    }
    expect(complaints).toEqual([])
    await context.close()
  })
})
