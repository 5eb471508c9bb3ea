import {
  ConfidentialClientApplication,
  type Configuration,
  type NodeAuthOptions,
  PublicClientApplication,
} from '@azure/msal-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Emulator, runningClock } from '@countersign/emulator'
import { exportPKCS8 } from 'jose'
import { createCertificate } from './certificates.js'
import {
  createPkce,
  ids,
  nativeRedirectUri,
  openPage,
  secrets,
  sendForm,
  signIn,
  startTestEmulator,
  withApplication,
  withContoso,
} from './support.js'

let emulator: Emulator
beforeAll(async () => {
  // MSAL compares with the machine's clock.
  emulator = await startTestEmulator({ clock: runningClock() })
})
afterAll(() => emulator.stop())

/** MSAL insists on an https authority; the endpoints come from the emulator's own document. */
async function configuration(
  clientId: string,
  clientSecret?: string,
  more: Partial<NodeAuthOptions> = {},
): Promise<Configuration> {
  const discovery = await fetch(`${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const host = new URL(emulator.origin).host
  return {
    auth: {
      clientId,
      ...(clientSecret === undefined ? {} : { clientSecret }),
      authority: `https://${host}/${ids.contoso}`,
      knownAuthorities: [host],
      authorityMetadata: await discovery.text(),
      ...more,
    },
  }
}

const tokenRequests = (): number => emulator.requests.filter(({ path }) => path.endsWith('/token')).length

test('acquires a token by client credentials, and the second time from its cache', async () => {
  const client = new ConfidentialClientApplication(await configuration(ids.daemon, secrets.daemon))
  const first = await client.acquireTokenByClientCredential({ scopes: ['api://v2/.default'] })
  expect(first?.accessToken).toEqual(expect.any(String))
  const before = tokenRequests()
  const second = await client.acquireTokenByClientCredential({ scopes: ['api://v2/.default'] })
  expect([second?.fromCache, tokenRequests()]).toEqual([true, before])
})

test('gets the answer of Entra for a wrong secret', async () => {
  const client = new ConfidentialClientApplication(await configuration(ids.daemon, 'test-value-wrong'))
  await expect(
    client.acquireTokenByClientCredential({ scopes: ['api://v2/.default'] }),
  ).rejects.toMatchObject({
    errorCode: 'invalid_client',
    errorNo: 7000215,
  })
})

test('signs a user in with code and PKCE, redeems, refreshes, and acts on behalf of that user from the cache', async () => {
  const pkce = createPkce()
  const native = new PublicClientApplication(await configuration(ids.native))
  const page = await signIn(emulator, {
    pkce,
    query: { scope: 'openid profile offline_access api://tier1/Things.Read', client_info: '1' },
  })
  const signedIn = await native.acquireTokenByCode({
    code: page.location?.searchParams.get('code') ?? '',
    codeVerifier: pkce.verifier,
    redirectUri: nativeRedirectUri,
    scopes: ['api://tier1/Things.Read'],
    clientInfo: page.location?.searchParams.get('client_info') ?? '',
  })
  expect(signedIn.account).toMatchObject({
    homeAccountId: `${ids.alice}.${ids.contoso}`,
    username: 'alice@contoso.example',
  })

  if (signedIn.account === null) throw new Error('no account')
  const renewed = await native.acquireTokenSilent({
    account: signedIn.account,
    scopes: ['api://v2/Things.Read'],
  })
  expect([renewed.fromCache, renewed.scopes]).toEqual([
    false,
    expect.arrayContaining(['api://v2/Things.Read']),
  ])

  const middleTier = new ConfidentialClientApplication(await configuration(ids.tier1, secrets.tier1))
  const request = { oboAssertion: signedIn.accessToken, scopes: ['api://v2/Things.Read'] }
  const acquired = await middleTier.acquireTokenOnBehalfOf(request)
  expect(acquired).toMatchObject({ fromCache: false, uniqueId: ids.alice })
  const before = tokenRequests()
  expect(await middleTier.acquireTokenOnBehalfOf(request)).toMatchObject({
    fromCache: true,
    accessToken: acquired?.accessToken,
  })
  expect(tokenRequests()).toBe(before)

  await expect(
    middleTier.acquireTokenOnBehalfOf({ ...request, scopes: ['api://lonely/Things.Read'] }),
  ).rejects.toMatchObject({ name: 'InteractionRequiredAuthError', subError: 'consent_required' })
})

test('acquires a token with a certificate', async () => {
  const certificate = await createCertificate('RSA', 2_500_000_000)
  const key = certificate.der.toString('base64')
  await using own = await startTestEmulator({
    registration: withApplication('daemon', { keyCredentials: [{ key }] }),
    clock: runningClock(),
  })
  const discovery = await fetch(`${own.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const host = new URL(own.origin).host
  const client = new ConfidentialClientApplication({
    auth: {
      clientId: ids.daemon,
      clientCertificate: {
        thumbprintSha256: Buffer.from(certificate.sha256, 'base64url').toString('hex'),
        privateKey: await exportPKCS8(certificate.privateKey),
      },
      authority: `https://${host}/${ids.contoso}`,
      knownAuthorities: [host],
      authorityMetadata: await discovery.text(),
    },
  })
  const acquired = await client.acquireTokenByClientCredential({ scopes: ['api://v2/.default'] })
  expect(acquired?.accessToken.split('.')).toHaveLength(3)
})

test('signs a user in interactively: a form posts the code to the port MSAL listens on', async () => {
  const native = new PublicClientApplication(await configuration(ids.native))
  const acquired = await native.acquireTokenInteractive({
    scopes: ['api://tier1/Things.Read'],
    async openBrowser(url) {
      const { pathname, searchParams } = new URL(url)
      expect(searchParams.get('response_mode')).toBe('form_post')
      const page = await openPage(emulator, pathname, Object.fromEntries(searchParams))
      const answer = await sendForm(emulator, page, { user: 'alice@contoso.example' })
      const fields = [...answer.html.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(
        ([, name = '', value = '']): [string, string] => [name, value],
      )
      await fetch(answer.action, { method: 'POST', body: new URLSearchParams(fields) })
    },
  })
  expect(acquired).toMatchObject({ uniqueId: ids.alice, tenantId: ids.contoso })
})

test('signs a user in by device code', async () => {
  await using own = await startTestEmulator({
    registration: withApplication('native', { isFallbackPublicClient: true }),
    clock: runningClock(),
  })
  const discovery = await fetch(`${own.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const host = new URL(own.origin).host
  const native = new PublicClientApplication({
    auth: {
      clientId: ids.native,
      authority: `https://${host}/${ids.contoso}`,
      knownAuthorities: [host],
      authorityMetadata: await discovery.text(),
    },
    system: { networkClient: overHttp },
  })
  const acquired = await native.acquireTokenByDeviceCode({
    scopes: ['api://tier1/Things.Read'],
    deviceCodeCallback({ userCode, verificationUri, message }) {
      expect(message).toContain(verificationUri)
      // Whoever is shown the code signs in while MSAL waits.
      signingIn = openPage(own, new URL(verificationUri).pathname, {})
        .then((page) => sendForm(own, page, { user_code: userCode }))
        .then((page) => sendForm(own, page, { user: 'alice@contoso.example' }))
    },
  })
  await signingIn
  expect(acquired?.uniqueId).toBe(ids.alice)
})

let signingIn: Promise<unknown> | undefined

/** MSAL derives the address for device codes from its authority, which must be https; the emulator here is not. */
const overHttp: NonNullable<NonNullable<Configuration['system']>['networkClient']> = {
  sendGetRequestAsync: async <T>(url: string) => answerOf<T>(await fetch(url.replace(/^https:/, 'http:'))),
  sendPostRequestAsync: async <T>(
    url: string,
    options?: { headers?: Record<string, string>; body?: string },
  ) =>
    answerOf<T>(
      await fetch(url.replace(/^https:/, 'http:'), {
        method: 'POST',
        headers: options?.headers ?? {},
        body: options?.body ?? '',
      }),
    ),
}

async function answerOf<T>(
  response: Response,
): Promise<{ status: number; headers: Record<string, string>; body: T }> {
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: (await response.json()) as T,
  }
}

test('returns the claims of Conditional Access, and gets a token when the user has met them', async () => {
  await using own = await startTestEmulator({
    registration: withContoso({
      conditionalAccess: [{ displayName: 'mfa for v2', demand: 'mfa', resources: ['v2'] }],
    }),
    clock: runningClock(),
  })
  const discovery = await fetch(`${own.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const authorityMetadata = await discovery.text()
  const host = new URL(own.origin).host
  const auth = { authority: `https://${host}/${ids.contoso}`, knownAuthorities: [host], authorityMetadata }
  const middleTier = new ConfidentialClientApplication({
    auth: { ...auth, clientId: ids.tier1, clientSecret: secrets.tier1, clientCapabilities: ['cp1'] },
  })
  const signInWith = async (claims?: string): Promise<string> => {
    const native = new PublicClientApplication({ auth: { ...auth, clientId: ids.native } })
    const pkce = createPkce()
    const page = await signIn(own, { pkce, query: claims === undefined ? {} : { claims } })
    const done = claims === undefined ? page : await sendForm(own, page, { proof: 'approve' })
    const { accessToken } = await native.acquireTokenByCode({
      code: done.location?.searchParams.get('code') ?? '',
      codeVerifier: pkce.verifier,
      redirectUri: nativeRedirectUri,
      scopes: ['api://tier1/Things.Read'],
    })
    return accessToken
  }
  const onBehalfOf = async (oboAssertion: string): ReturnType<typeof middleTier.acquireTokenOnBehalfOf> =>
    middleTier.acquireTokenOnBehalfOf({ oboAssertion, scopes: ['api://v2/Things.Read'] })

  const refused: unknown = await onBehalfOf(await signInWith()).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    name: 'InteractionRequiredAuthError',
    claims: expect.stringContaining('capolids'),
  })
  const { claims } = refused as { claims: string }
  expect((await onBehalfOf(await signInWith(claims)))?.accessToken).toEqual(expect.any(String))
})
