import { ConfidentialClientApplication, PublicClientApplication, type Configuration } from '@azure/msal-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Emulator, runningClock } from '@countersign/emulator'
import { createPkce, ids, nativeRedirectUri, secrets, signIn, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  // MSAL compares with the machine's clock.
  emulator = await startTestEmulator({ clock: runningClock() })
})
afterAll(() => emulator.stop())

/** MSAL insists on an https authority; the endpoints come from the emulator's own document. */
async function configuration(clientId: string, clientSecret?: string): Promise<Configuration> {
  const discovery = await fetch(`${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const host = new URL(emulator.origin).host
  return {
    auth: {
      clientId,
      ...(clientSecret === undefined ? {} : { clientSecret }),
      authority: `https://${host}/${ids.contoso}`,
      knownAuthorities: [host],
      authorityMetadata: await discovery.text(),
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

test('is told what Entra would tell it about a wrong secret', async () => {
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
