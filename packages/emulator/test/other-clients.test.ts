import { ClientSecretCredential } from '@azure/identity'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { runningClock } from '@countersign/emulator'
import { ids, secrets, startTestEmulator, verified } from './support.js'

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
