import {
  discoverAuthorizationServerMetadata,
  exchangeAuthorization,
  refreshAuthorization,
  startAuthorization,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { type Emulator } from '@countersign/emulator'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ids, nativeRedirectUri, openPage, sendForm, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

/* The client of the MCP TypeScript SDK, unmodified, with a client id that is registered before, as Entra needs it. */

test('the MCP SDK’s client finds the emulator, signs a user in with PKCE, redeems and refreshes', async () => {
  const issuer = `${emulator.origin}/${ids.contoso}/v2.0`
  const metadata = await discoverAuthorizationServerMetadata(issuer)
  expect(metadata).toMatchObject({ issuer })
  const client = {
    metadata: metadata!,
    clientInformation: { client_id: ids.native },
    redirectUrl: nativeRedirectUri,
  }
  const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
    ...client,
    scope: 'openid offline_access api://tier1/Things.Read',
    state: 's-1',
  })
  const page = await openPage(
    emulator,
    authorizationUrl.pathname,
    Object.fromEntries(authorizationUrl.searchParams),
  )
  // The SDK asks for consent wherever it asks for a refresh token.
  const consent = await sendForm(emulator, page, { user: 'alice@contoso.example' })
  const answered = await sendForm(emulator, consent, { consent: 'accept' })
  const authorizationCode = answered.location?.searchParams.get('code') ?? ''
  const tokens = await exchangeAuthorization(issuer, {
    ...client,
    authorizationCode,
    codeVerifier,
    redirectUri: nativeRedirectUri,
  })
  expect(decodeJwt(tokens.access_token)).toMatchObject({ oid: ids.alice, scp: 'Things.Read' })
  const refreshed = await refreshAuthorization(issuer, {
    ...client,
    refreshToken: tokens.refresh_token ?? '',
  })
  expect(decodeJwt(refreshed.access_token)).toMatchObject({ oid: ids.alice })
})
