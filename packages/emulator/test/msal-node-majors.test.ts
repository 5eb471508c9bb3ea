import * as current from '@azure/msal-node'
import { type Emulator, runningClock } from '@countersign/emulator'
import * as previous from 'msal-node-6'
import * as before from 'msal-node-5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPkce, ids, nativeRedirectUri, secrets, signIn, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  // MSAL compares with the machine's clock.
  emulator = await startTestEmulator({ clock: runningClock() })
})
afterAll(() => emulator.stop())

async function authOf(clientId: string, clientSecret?: string) {
  const discovery = await fetch(`${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
  const host = new URL(emulator.origin).host
  return {
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    authority: `https://${host}/${ids.contoso}`,
    knownAuthorities: [host],
    authorityMetadata: await discovery.text(),
  }
}

describe.each([
  ['7', current],
  ['6', previous],
  ['5', before],
])('MSAL Node %s, unmodified', (_, msal) => {
  test('acquires a token by client credentials, and gets Entra’s answer for a wrong secret', async () => {
    const request = { scopes: ['api://v2/.default'] }
    const client = new msal.ConfidentialClientApplication({ auth: await authOf(ids.daemon, secrets.daemon) })
    expect((await client.acquireTokenByClientCredential(request))?.accessToken.split('.')).toHaveLength(3)
    const wrong = new msal.ConfidentialClientApplication({
      auth: await authOf(ids.daemon, 'test-value-wrong'),
    })
    await expect(wrong.acquireTokenByClientCredential(request)).rejects.toMatchObject({
      errorCode: 'invalid_client',
    })
  })

  test('signs a user in, refreshes, and acts on behalf of the user', async () => {
    const pkce = createPkce()
    const native = new msal.PublicClientApplication({ auth: await authOf(ids.native) })
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
    if (signedIn.account === null) throw new Error('no account')
    const renewed = await native.acquireTokenSilent({
      account: signedIn.account,
      scopes: ['api://v2/Things.Read'],
    })
    expect(renewed.fromCache).toBe(false)
    const middleTier = new msal.ConfidentialClientApplication({
      auth: await authOf(ids.tier1, secrets.tier1),
    })
    const acquired = await middleTier.acquireTokenOnBehalfOf({
      oboAssertion: signedIn.accessToken,
      scopes: ['api://v2/Things.Read'],
    })
    expect(acquired?.uniqueId).toBe(ids.alice)
  })
})
