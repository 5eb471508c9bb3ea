import * as first from '@countersign/token-client'
import { expect, it } from 'vitest'
import { makeCertificate } from './certificates.js'
import { clientId, target, tenantId, theSecret } from './setup.js'
import { refusal, startTokenEndpoint } from './token-endpoint.js'

/*
 * One process can hold two copies of this package: one loaded by `import`, another by `require`, or two versions. Their
 * values must work together. Here they are the sources and the build.
 */

const built = new URL('../dist/index.js', import.meta.url).href
const second = (await import(/* @vite-ignore */ built)) as typeof first
const copies = [
  ['source', first, second],
  ['build', second, first],
] as const

it('there are two copies here', () => {
  expect(first.TokenClientError).not.toBe(second.TokenClientError)
})

it.each(copies)(
  'a client of the %s takes an authority and a credential of the other copy',
  async (_name, one, other) => {
    const endpoint = await startTokenEndpoint()
    const client = one.createTokenClient({
      authority: other.entraAuthority({ tenantId, version: '2.0', cloud: { authority: endpoint.origin } }),
      clientId,
      credential: other.clientSecret(theSecret),
    })
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
    expect(endpoint.requests[0]!.form).toMatchObject({ client_secret: theSecret })
  },
)

it.each(copies)(
  "a client of the %s reports the code of the other copy's credential",
  async (_name, one, other) => {
    const endpoint = await startTokenEndpoint()
    const client = one.createTokenClient({
      authority: other.entraAuthority({ tenantId, version: '2.0', cloud: { authority: endpoint.origin } }),
      clientId,
      credential: other.clientCertificate(await makeCertificate()),
      // Long after the certificate's end: the credential has to use the clock of the other copy's client.
      clock: () => 4_000_000_000,
    })
    await expect(client.acquireForApp(target)).rejects.toMatchObject({
      code: 'client_credential_expired',
      reason: 'certificate_expired',
    })
    expect(endpoint.requests).toEqual([])
  },
)

it.each(copies)(
  "a client of the %s reports the code of the other copy's authority",
  async (_name, one, other) => {
    const endpoint = await startTokenEndpoint()
    endpoint.answer = () => ({ body: { issuer: 'https://elsewhere.example' } })
    const failures: string[] = []
    const client = one.createTokenClient({
      authority: other.oauthAuthority({ issuer: endpoint.origin }),
      clientId,
      credential: other.clientSecret(theSecret),
      onFailure: ({ code }) => failures.push(code),
    })
    const call = client.acquireForApp(target)
    await expect(call).rejects.toBeInstanceOf(one.TokenClientError)
    await expect(call).rejects.toMatchObject({ code: 'metadata_invalid' })
    expect(failures).toEqual(['metadata_invalid'])
  },
)

it.each(copies)(
  'isTokenClientError of the %s recognises an error of the other copy',
  async (_name, one, other) => {
    const endpoint = await startTokenEndpoint()
    endpoint.answer = () => refusal('invalid_client', 7000215)
    const client = other.createTokenClient({
      authority: other.entraAuthority({ tenantId, version: '2.0', cloud: { authority: endpoint.origin } }),
      clientId,
      credential: other.clientSecret(theSecret),
    })
    const error = await client.acquireForApp(target).catch((caught: unknown) => caught)
    expect(error).not.toBeInstanceOf(one.TokenClientError)
    expect(one.isTokenClientError(error)).toBe(true)
  },
)

it.each([
  ['an error of another name', Object.assign(new Error('x'), { code: 'throttled' })],
  ['an unknown code', Object.assign(new Error('x'), { name: 'TokenClientError', code: 'toString' })],
  ['a code that is not a text', Object.assign(new Error('x'), { name: 'TokenClientError', code: 1 })],
  ['a plain object', { name: 'TokenClientError', code: 'throttled' }],
  ['nothing', undefined],
])('isTokenClientError does not recognise %s', (_name, value) => {
  expect(first.isTokenClientError(value)).toBe(false)
})

it.each([
  ['a copy of an authority', { ...first.entraAuthority({ tenantId, version: '2.0' }) }],
  ['an authority from a file', JSON.parse('{"identity":["entra"],"takesClaims":true}')],
])('createTokenClient refuses %s', (_name, authority) => {
  const create = () =>
    first.createTokenClient({
      authority: authority as never,
      clientId,
      credential: first.clientSecret(theSecret),
    })
  expect(create).toThrow(/^createTokenClient: "authority" must be made by/)
})

it('an error that a credential forges passes nothing on but its code', async () => {
  const endpoint = await startTokenEndpoint()
  const client = first.createTokenClient({
    authority: first.entraAuthority({ tenantId, version: '2.0', cloud: { authority: endpoint.origin } }),
    clientId,
    credential: () => {
      throw Object.assign(new Error(theSecret), {
        name: 'TokenClientError',
        code: 'client_credential_refused',
        service: { claims: theSecret },
      })
    },
  })
  const error: unknown = await client.acquireForApp(target).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'client_credential_refused', service: undefined })
  expect(String(error)).not.toContain(theSecret)
})
