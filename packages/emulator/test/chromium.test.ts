import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { hasChromium, launchChromium } from './chromium.js'
import { askToken, createPkce, ids, startTestEmulator } from './support.js'

describe.runIf(hasChromium)('in Chromium', () => {
  let emulator: Emulator
  let browser: Browser
  /** The application: what came to its address. */
  const arrived: { method: string; parameters: URLSearchParams }[] = []
  const application = createServer((request, response) => {
    void text(request).then((body) => {
      const query = new URL(request.url ?? '/', 'http://localhost').search
      if (request.url !== '/favicon.ico') {
        const sent = request.method === 'POST' ? body : query
        arrived.push({ method: request.method ?? '', parameters: new URLSearchParams(sent) })
      }
      response.end('back at the application')
    })
  })
  let redirectUri = ''
  beforeAll(async () => {
    await new Promise<void>((resolve) => application.listen(0, 'localhost', resolve))
    redirectUri = `http://localhost:${(application.address() as AddressInfo).port}`
    emulator = await startTestEmulator()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await emulator?.stop()
    application.closeAllConnections()
    await new Promise((resolve) => application.close(resolve))
  })

  /** A page without script, as strict as the policy of the emulator's own. Its complaints are collected. */
  async function openPage(javaScriptEnabled = false): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ javaScriptEnabled })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    return { page, complaints }
  }

  const authorize = (more: Record<string, string> = {}): string =>
    `${emulator.origin}/${ids.contoso}/oauth2/v2.0/authorize?${new URLSearchParams({
      client_id: ids.native,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid api://v2/Things.Write',
      ...more,
    }).toString()}`

  test('a user signs in and consents by keyboard alone, without script, and is then signed in silently', async () => {
    const { page } = await openPage()
    const pkce = createPkce()
    await page.goto(authorize({ code_challenge: pkce.challenge, code_challenge_method: 'S256' }))
    await expect.poll(() => page.title()).toBe('Sign in to native')
    await page.getByRole('button', { name: 'Alice Ash' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'native asks for permission' }).waitFor()
    await page.getByRole('button', { name: 'Accept' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('back at the application').waitFor()
    const { status, body } = await askToken(emulator, {
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: redirectUri,
      code: arrived.at(-1)?.parameters.get('code') ?? '',
      code_verifier: pkce.verifier,
    })
    expect([status, body['scope']]).toEqual([200, expect.stringContaining('api://v2/Things.Write')])

    await page.goto(authorize({ prompt: 'none' }))
    await page.getByText('back at the application').waitFor()
    expect(arrived.at(-1)?.parameters.has('code')).toBe(true)
    await page.context().close()
  })

  test('a form posts itself to the client, within its own policy', async () => {
    const { page, complaints } = await openPage(true)
    await page.goto(authorize({ response_mode: 'form_post', scope: 'api://v2/Things.Read' }))
    await page.getByRole('button', { name: 'Alice Ash' }).click()
    await page.getByText('back at the application').waitFor()
    expect(arrived.at(-1)?.method).toBe('POST')
    expect(arrived.at(-1)?.parameters.get('code')).toMatch(/^1\./)
    expect(complaints.filter((text) => text.includes('Content Security Policy'))).toEqual([])
    await page.context().close()
  })

  test('the page shows why a request was refused, clears a fault, and explains a minted token', async () => {
    const { page, complaints } = await openPage()
    await askToken(emulator, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: 'test-value-wrong',
      scope: 'api://v2/.default',
    })
    await page.goto(`${emulator.origin}/_/`)
    await page.getByRole('link', { name: 'Live flow' }).click()
    await page
      .getByRole('link', { name: /AADSTS7000215/ })
      .first()
      .click()
    await page.getByText('Refused: AADSTS7000215').waitFor()

    await page.getByRole('link', { name: 'Faults and clock' }).click()
    await page.getByLabel('Effect').selectOption('503')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('status').getByText('1 fault is active').waitFor()
    await page.getByRole('button', { name: 'Clear all' }).click()
    await page.getByText('None: everything works.').waitFor()

    await page.getByRole('link', { name: 'Mint a token' }).click()
    await page.locator('select[name=client]').selectOption('native')
    await page.locator('select[name=resource]').selectOption('v2')
    await page.locator('select[name=user]').selectOption('alice@contoso.example')
    await page.getByLabel('What is wrong with it').selectOption('graphToken')
    await page.getByRole('button', { name: 'Mint', exact: true }).click()
    const token = await page.getByLabel('The token', { exact: true }).inputValue()
    await page.getByRole('link', { name: 'Inspect a token' }).click()
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByText('This is a token for Microsoft Graph').waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })

  test('a page of another site cannot change anything', async () => {
    const { page } = await openPage(true)
    const origin = 'https://elsewhere.example'
    await page.route(`${origin}/**`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" action="${emulator.origin}/_/faults"><input name="clear" value="all"></form>`,
      }),
    )
    emulator.faults.add({ endpoint: 'keys', effect: { kind: 'hang' } })
    await page.goto(`${origin}/`)
    await page.evaluate('document.forms[0].submit()')
    await page.waitForURL(`${emulator.origin}/**`)
    expect(emulator.faults.list()).toHaveLength(1)
    emulator.faults.clear()
    await page.context().close()
  })

  test('the page fits a narrow window', async () => {
    const { page } = await openPage()
    await page.setViewportSize({ width: 380, height: 800 })
    for (const path of [
      '',
      'requests',
      'inspect',
      'mint',
      'apps',
      `apps/${ids.tier1}`,
      'users',
      `users/${ids.alice}`,
      'consent',
      'keys',
      'faults',
      'registration',
      'state',
      'settings',
    ]) {
      await page.goto(`${emulator.origin}/_/${path}`)
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth').catch(() => 0)
      expect([path, Number(overflow) <= 0]).toEqual([path, true])
    }
    await page.context().close()
  })
})
