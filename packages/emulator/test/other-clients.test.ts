import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
  OnBehalfOfCredential,
} from '@azure/identity'
import { createRemoteJWKSet, exportPKCS8, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { runningClock } from '@countersign/emulator'
import { createCertificate } from './certificates.js'
import {
  createPkce,
  ids,
  nativeRedirectUri,
  secrets,
  signIn,
  startTestEmulator,
  verified,
  withApplication,
  withContoso,
} from './support.js'

const scope = 'api://v2/.default'

test('openid-client discovers it and acquires a token by client credentials', async () => {
  await using emulator = await startTestEmulator({ clock: runningClock() })
  const server = new URL(`${emulator.origin}/${ids.contoso}/v2.0`)
  const options = { execute: [client.allowInsecureRequests] }
  const configuration = await client.discovery(server, ids.daemon, secrets.daemon, undefined, options)
  const { access_token: token } = await client.clientCredentialsGrant(configuration, { scope })
  expect((await verified(emulator, token)).claims.aud).toBe(ids.v2)
})

test('oauth4webapi accepts its document and its answer, field by field', async () => {
  await using emulator = await startTestEmulator({ clock: runningClock() })
  const issuer = new URL(`${emulator.origin}/${ids.contoso}/v2.0`)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const answer = await oauth.clientCredentialsGrantRequest(
    server,
    { client_id: ids.daemon },
    oauth.ClientSecretBasic(secrets.daemon),
    { scope },
    insecure,
  )
  const token = await oauth.processClientCredentialsResponse(server, { client_id: ids.daemon }, answer)
  expect(token).toMatchObject({ token_type: 'bearer', expires_in: 3599 })
})

test('@azure/identity acquires a token over https', async () => {
  await using emulator = await startTestEmulator({ clock: runningClock(), https: true })
  const trust = { tlsOptions: { ca: emulator.certificate } }
  const credential = new ClientSecretCredential(ids.contoso, ids.daemon, secrets.daemon, {
    authorityHost: emulator.origin,
    disableInstanceDiscovery: true,
    ...trust,
  })
  const { token } = await credential.getToken(scope)
  expect(token.split('.')).toHaveLength(3)
})

test('@azure/identity acquires a token with a certificate, and on behalf of a user', async () => {
  const certificate = await createCertificate('RSA', 2_500_000_000)
  const registration = withApplication('tier1', {
    keyCredentials: [{ key: certificate.der.toString('base64') }],
  })
  await using emulator = await startTestEmulator({ registration, clock: runningClock(), https: true })
  const options = {
    authorityHost: emulator.origin,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: emulator.certificate },
  }
  const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  try {
    const certificatePath = join(folder, 'tier1.pem')
    await writeFile(certificatePath, `${await exportPKCS8(certificate.privateKey)}\n${certificate.pem}`)
    const byCertificate = new ClientCertificateCredential(
      ids.contoso,
      ids.tier1,
      { certificatePath },
      options,
    )
    expect((await byCertificate.getToken('api://v2/.default')).token.split('.')).toHaveLength(3)

    const userAssertionToken = await emulator.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'alice@contoso.example',
    })
    const base = { tenantId: ids.contoso, clientId: ids.tier1, userAssertionToken, ...options }
    for (const onBehalfOf of [
      new OnBehalfOfCredential({ ...base, clientSecret: secrets.tier1 }),
      new OnBehalfOfCredential({ ...base, certificatePath }),
    ]) {
      expect((await onBehalfOf.getToken('api://v2/Things.Read')).token.split('.')).toHaveLength(3)
    }
    expect(emulator.requests.every(({ status }) => status === 200)).toBe(true)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('@azure/identity acquires a token of a managed identity', async () => {
  const registration = withContoso({
    managedIdentities: [{ displayName: 'machine', type: 'systemAssigned' }],
  })
  await using emulator = await startTestEmulator({ registration, clock: runningClock() })
  const { identityEndpoint, identityHeader } = emulator.managedIdentity
  process.env['IDENTITY_ENDPOINT'] = identityEndpoint
  process.env['IDENTITY_HEADER'] = identityHeader
  try {
    const { token } = await new ManagedIdentityCredential().getToken('api://v2/.default')
    expect((await verified(emulator, token)).claims.aud).toBe(ids.v2)
  } finally {
    delete process.env['IDENTITY_ENDPOINT']
    delete process.env['IDENTITY_HEADER']
  }
})

test('openid-client completes code and PKCE, and refreshes', async () => {
  await using emulator = await startTestEmulator({ clock: runningClock() })
  const server = new URL(`${emulator.origin}/${ids.contoso}/v2.0`)
  const configuration = await client.discovery(server, ids.native, undefined, client.None(), {
    execute: [client.allowInsecureRequests],
  })
  const pkce = createPkce()
  // openid-client takes the address it came back to, whose path is never empty.
  const redirect = { redirect_uri: `${nativeRedirectUri}/` }
  const page = await signIn(emulator, { pkce, query: { nonce: 'the-nonce', ...redirect } })
  if (page.location === undefined) throw new Error('no redirect')
  const tokens = await client.authorizationCodeGrant(configuration, page.location, {
    pkceCodeVerifier: pkce.verifier,
    expectedState: 'the-state',
    expectedNonce: 'the-nonce',
  })
  expect(tokens.claims()).toMatchObject({ aud: ids.native, oid: ids.alice })
  const renewed = await client.refreshTokenGrant(configuration, tokens.refresh_token ?? '')
  expect(renewed.access_token).not.toBe(tokens.access_token)
})

test('jose verifies a token with the keys it fetches, and finds a new key', async () => {
  await using emulator = await startTestEmulator({ clock: runningClock() })
  const keys = createRemoteJWKSet(new URL(`${emulator.origin}/${ids.contoso}/discovery/v2.0/keys`), {
    cooldownDuration: 0,
  })
  const issue = (): Promise<string> => emulator.issueToken({ client: 'daemon', resource: 'v2' })
  const options = { algorithms: ['RS256'], audience: ids.v2 }
  expect((await jwtVerify(await issue(), keys, options)).payload['azp']).toBe(ids.daemon)
  const kid = await emulator.rotateKeys()
  expect((await jwtVerify(await issue(), keys, options)).protectedHeader.kid).toBe(kid)
})
