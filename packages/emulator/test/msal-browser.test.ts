import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { get } from 'node:https'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BrowserContext, Page } from 'playwright-core'
import { createTokenValidator, entra, isBearerError } from '@countersign/core'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, type RecordedRequest, runningClock } from '@countersign/emulator'
import { hasChromium, launchProfile } from './chromium.js'
import { contoso, ids, startTestEmulator, withApplication } from './support.js'

const require = createRequire(import.meta.url)

/** A server of this test on a free port of localhost. */
async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener)
  // All loopback addresses: a page by another name than localhost is of another origin.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

describe.runIf(hasChromium)('MSAL Browser, unmodified', () => {
  let emulator: Emulator
  let folder: string
  let browser: BrowserContext
  let page: Page
  /** What the application serves, by path; anything else is its page. */
  const files = new Map<string, string>()
  const servers: Server[] = []
  const complaints: string[] = []
  let home: string
  let elsewhere: string
  let apiAddress: string

  beforeAll(async () => {
    const main = require.resolve('@azure/msal-browser')
    for (const name of ['msal-browser.min.js', 'redirect-bridge/msal-redirect-bridge.min.js']) {
      files.set(`/${name}`, await readFile(join(main, '..', name), 'utf8'))
    }
    files.set(
      '/back',
      `<!doctype html><script src="/redirect-bridge/msal-redirect-bridge.min.js"></script>
      <script>msalRedirectBridge.broadcastResponseToMainFrame()</script>`,
    )

    const application = await listen((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname
      response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html')
      response.end(files.get(path) ?? applicationPage())
    })
    home = `http://localhost:${application.port}`
    elsewhere = `http://127.0.0.1:${application.port}`
    const api = await listen((request, response) => {
      response.setHeader('access-control-allow-origin', home)
      response.setHeader('access-control-allow-headers', 'authorization')
      if (request.method === 'OPTIONS') return void response.end()
      void answerOfApi(request.headers.authorization).then(({ status, body }) => {
        response.statusCode = status
        response.end(JSON.stringify(body))
      })
    })
    apiAddress = `http://localhost:${api.port}/`
    servers.push(application.server, api.server)

    const registered = withApplication('spa', { spa: { redirectUris: [`${home}/`, `${home}/back`] } })
    emulator = await startTestEmulator({
      registration: {
        ...registered,
        tenants: [
          {
            ...contoso,
            oauth2PermissionGrants: [
              { clientId: 'spa', resourceId: 'v1', scope: 'Things.Read' },
              { clientId: 'spa', resourceId: 'v2', scope: 'Things.Read' },
            ],
          },
        ],
      },
      https: true,
      // MSAL compares with the machine's clock.
      clock: runningClock(),
    })
    folder = await mkdtemp(join(tmpdir(), 'chromium-'))
    browser = await launchProfile(folder, emulator.certificate ?? '')
    page = await browser.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
  })
  afterAll(async () => {
    await browser?.close()
    await emulator?.stop()
    await rm(folder, { recursive: true, force: true })
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })

  /** The whole application: what MSAL's own guide shows, with the emulator as its authority. */
  function applicationPage(): string {
    const configuration = {
      auth: {
        clientId: ids.spa,
        authority: `${emulator.origin}/${ids.contoso}`,
        knownAuthorities: [new URL(emulator.origin).host],
        redirectUri: `${home}/`,
      },
    }
    return `<!doctype html><title>loading</title>
      <script src="/msal-browser.min.js"></script>
      <script>
        const client = new msal.PublicClientApplication(${JSON.stringify(configuration)})
        const acquire = async (scopes) => {
          const [account] = client.getAllAccounts()
          const { accessToken, fromCache, scopes: granted } = await client.acquireTokenSilent({ account, scopes })
          return { accessToken, fromCache, granted }
        }
        const call = async (address, token) => {
          const answer = await fetch(address, { headers: { authorization: 'Bearer ' + token } })
          return [answer.status, await answer.json()]
        }
        client.initialize()
          .then(() => client.handleRedirectPromise())
          .then(() => { document.title = client.getAllAccounts()[0]?.username ?? 'nobody' })
          .catch((error) => { document.title = String(error) })
      </script>`
  }

  async function answerOfApi(authorization: string | undefined): Promise<{ status: number; body: unknown }> {
    const validator = createTokenValidator({
      issuer: entra({ tenantId: ids.contoso, cloud: emulator.cloud }),
      audience: ids.v2,
      fetch: async (url) => new Response(await secureText(url, emulator.certificate)),
    })
    try {
      const { kind, objectId, scopes } = await validator.validateToken((authorization ?? '').slice(7))
      return { status: 200, body: { kind, objectId, scopes } }
    } catch (error) {
      return { status: isBearerError(error) ? error.status : 500, body: {} }
    }
  }

  /** What the page was given for some scopes. */
  const acquire = (scope: string): Promise<{ accessToken: string; fromCache: boolean; granted: string[] }> =>
    page.evaluate(`acquire(['${scope}'])`)
  const tokenRequests = (): readonly RecordedRequest[] =>
    emulator.requests.filter(({ endpoint }) => endpoint === 'token')

  test('signs a user in by redirect, with code and PKCE', async () => {
    await page.goto(`${home}/`)
    await expect.poll(() => page.title()).toBe('nobody')
    await page.evaluate(`void client.loginRedirect({ scopes: ['api://v2/Things.Read'] })`)
    await page.getByRole('button', { name: 'Alice Ash' }).click()
    await expect.poll(() => page.title()).toBe('alice@contoso.example')
    expect(complaints).toEqual([])

    const [asked] = emulator.requests.filter(({ endpoint }) => endpoint === 'authorize')
    expect(asked?.parameters).toMatchObject({
      response_type: 'code',
      response_mode: 'fragment',
      redirect_uri: `${home}/`,
      code_challenge_method: 'S256',
    })
    expect(tokenRequests().map(({ parameters, status }) => [parameters['grant_type'], status])).toEqual([
      ['authorization_code', 200],
    ])
  })

  test('acquires a token silently from its cache, which the validator accepts', async () => {
    const before = emulator.requests.length
    const { accessToken, fromCache } = await acquire('api://v2/Things.Read')
    expect([fromCache, emulator.requests.length]).toEqual([true, before])
    expect(decodeJwt(accessToken)).toMatchObject({ aud: ids.v2, azp: ids.spa, azpacr: '0' })
    const answer = await page.evaluate(`call('${apiAddress}', '${accessToken}')`)
    expect(answer).toEqual([200, { kind: 'delegated', objectId: ids.alice, scopes: ['Things.Read'] }])
  })

  test('acquires a token of another API by its refresh token, which the first API refuses', async () => {
    const { accessToken, fromCache, granted } = await acquire('api://v1/Things.Read')
    expect([fromCache, granted]).toEqual([false, expect.arrayContaining(['api://v1/Things.Read'])])
    expect(decodeJwt(accessToken)).toMatchObject({ ver: '1.0', appid: ids.spa, aud: 'api://v1' })
    expect(tokenRequests().at(-1)).toMatchObject({
      status: 200,
      parameters: { grant_type: 'refresh_token', scope: expect.stringContaining('api://v1/Things.Read') },
    })
    expect(await page.evaluate(`call('${apiAddress}', '${accessToken}')`)).toEqual([401, {}])
  })

  test('gets the error and its code when the service refuses', async () => {
    const error = await acquire('api://tier1/Things.Read').catch((reason: unknown) => reason)
    expect(String(error)).toContain('AADSTS65001')
    expect(tokenRequests().at(-1)).toMatchObject({ status: 400, errorCode: 65001 })
  })

  test('is signed in silently, in a frame, by the session of the browser', async () => {
    const before = emulator.requests.length
    const { username } = await page.evaluate<{ username: string }>(
      `client.ssoSilent({ scopes: ['api://v2/Things.Read'], loginHint: 'alice@contoso.example', redirectUri: '${home}/back' })
        .then(({ account }) => ({ username: account.username }))`,
    )
    expect(username).toBe('alice@contoso.example')
    const [asked] = emulator.requests.slice(before)
    expect(asked).toMatchObject({ endpoint: 'authorize', status: 302, parameters: { prompt: 'none' } })
  })

  test('signs another user in by a popup window', async () => {
    const opened = page.waitForEvent('popup')
    const signedIn = page.evaluate<{ username: string }>(
      `client.loginPopup({ scopes: ['api://v2/Things.Read'], prompt: 'select_account', redirectUri: '${home}/back' })
        .then(({ account }) => ({ username: account.username }))`,
    )
    await (await opened).getByRole('button', { name: 'bob@contoso.example' }).click()
    expect(await signedIn).toEqual({ username: 'bob@contoso.example' })
  })

  test('signs out, and returns to a page where no user is signed in, not even silently', async () => {
    await page.evaluate(`void client.logoutRedirect({ postLogoutRedirectUri: '${home}/' })`)
    await expect.poll(() => page.title()).toBe('nobody')
    expect(emulator.requests.at(-1)).toMatchObject({ endpoint: 'logout', outcome: 'answered' })
    const error = await page
      .evaluate(
        `client.ssoSilent({ scopes: ['api://v2/Things.Read'], redirectUri: '${home}/back' }).then(() => 'signed in')`,
      )
      .catch((reason: unknown) => reason)
    expect(String(error)).toContain('AADSTS50058')
  })

  test('gets no token on a page of an origin that is not registered', async () => {
    const stranger = await browser.newPage()
    await stranger.goto(`${elsewhere}/`)
    const ask = (path: string, method: string): Promise<string> =>
      stranger.evaluate(
        `fetch('${emulator.origin}/${ids.contoso}${path}', { method: '${method}' }).then(() => 'read', () => 'not read')`,
      )
    expect(await ask('/oauth2/v2.0/token', 'POST')).toBe('not read')
    expect(await ask('/v2.0/.well-known/openid-configuration', 'GET')).toBe('read')
    await stranger.close()
  })
})

/** Only this certificate is trusted: the one the emulator made. */
function secureText(url: string | URL, ca: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, (response) => void text(response).then(resolve, reject)).on('error', reject)
  })
}
