import {
  type Authority,
  clientCertificate,
  clientSecret,
  createTokenClient,
  type CreateFetchOptions,
  entraAuthority,
  type EntraAuthorityOptions,
  oauthAuthority,
  type TokenClientOptions,
} from '@countersign/token-client'
import { expect, it } from 'vitest'
import { makeCertificate } from './certificates.js'
import { clientId, createBench, target, tenantId, theSecret } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'

// The compiler reads this file with `exactOptionalPropertyTypes`, as new projects have it.

it('an option that is undefined is the same as one that is left out', async () => {
  const entra: Required<EntraAuthorityOptions> = {
    tenantId,
    version: undefined,
    cloud: undefined,
    region: undefined,
  }
  const options: Required<Omit<TokenClientOptions, 'authority' | 'credential'>> = {
    clientId,
    audience: undefined,
    cache: { maxEntries: undefined, maxBytes: undefined, maxTokenLifeSeconds: undefined },
    sessions: { maxSessions: undefined, idleSeconds: undefined, shared: undefined },
    store: undefined,
    dpop: undefined,
    clientCapabilities: undefined,
    timeoutSeconds: undefined,
    maxResponseBytes: undefined,
    clock: undefined,
    fetch: undefined,
    onRequest: undefined,
    onHit: undefined,
    onMiss: undefined,
    onRefresh: undefined,
    onFailure: undefined,
    onCredentialFault: undefined,
    onStoreFault: undefined,
  }
  const isLocal = false as boolean
  const client = createTokenClient({
    ...options,
    authority: entraAuthority({ ...entra, cloud: isLocal ? 'china' : undefined }),
    credential: clientCertificate(await makeCertificate(), {
      legacy: undefined,
      sendCertificateChain: undefined,
    }),
    onMiss: isLocal ? () => {} : undefined,
    store: isLocal
      ? undefined
      : {
          keyv: createOpenStore().keyv,
          keys: [{ secret: storeKey, readUntil: undefined }],
          namespace: undefined,
          timeoutSeconds: undefined,
          recheckSeconds: undefined,
          lock: undefined,
        },
  })
  const fetchOptions: CreateFetchOptions = {
    target: { resource: 'api://a', scopes: undefined },
    origin: 'https://a.example',
    userToken: undefined,
    tenantId: undefined,
    fetch: undefined,
  }
  expect(typeof client.createFetch(fetchOptions)).toBe('function')
  oauthAuthority({ issuer: 'https://issuer.example', resourceParameter: undefined })
})

it('members of a call that are undefined are the same as members that are left out', async () => {
  const { client, endpoint } = await createBench()
  await client.acquireForApp({
    ...target,
    scopes: undefined,
    claims: undefined,
    signal: undefined,
    tenantId: undefined,
  })
  expect(await client.acquireForApp(target)).toMatchObject({ source: 'cache' })
  expect(endpoint.requests).toHaveLength(1)
})

it('values that only this package makes cannot be written by hand', () => {
  const credential = clientSecret(theSecret)
  // @ts-expect-error: an authority is opaque
  const authority: Authority = { identity: ['entra'] }
  expect(() => createTokenClient({ authority, clientId, credential })).toThrow(TypeError)
  // @ts-expect-error: the members of an authority are internal
  expect(entraAuthority({ tenantId, version: '2.0' }).tokenEndpoint).toBeUndefined()
})
