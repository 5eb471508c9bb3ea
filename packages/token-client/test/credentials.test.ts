import { createHash, X509Certificate } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  clientAssertion,
  clientCertificate,
  type ClientCredential,
  clientSecret,
} from '@countersign/token-client'
import { importX509, jwtVerify } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from './certificates.js'
import { clientId, createBench, refusalOf, target, tenantId, theSecret } from './setup.js'

const pair = await makeCertificate()
const otherPair = await makeCertificate()
const ecPair = await makeCertificate({ ec: true })
const shortPair = await makeCertificate({ modulusLength: 1024 })

function thumbprint(algorithm: 'sha1' | 'sha256', certificate: string): string {
  return createHash(algorithm).update(new X509Certificate(certificate).raw).digest('base64url')
}

describe('clientSecret', () => {
  it('calls its function for every request, so that a rotated secret needs no restart', async () => {
    let secret = 'first'
    const { client, endpoint } = await createBench('2.0', { credential: clientSecret(async () => secret) })
    await client.acquireForApp({ resource: 'a' })
    secret = 'second'
    await client.acquireForApp({ resource: 'b' })
    expect(endpoint.requests.map(({ form }) => form.client_secret)).toEqual(['first', 'second'])
  })

  it('reports a failed function as client_credential_unavailable, with a system code and nothing else', async () => {
    const failure = Object.assign(new Error('vault said: hunter2'), { code: 'ECONNRESET' })
    const { client, endpoint } = await createBench('2.0', {
      credential: clientSecret(() => Promise.reject(failure)),
    })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({
      code: 'client_credential_unavailable',
      action: 'retry',
      reason: 'ECONNRESET',
    })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('hunter2')
    expect(endpoint.requests).toEqual([])
  })

  it('refuses an empty secret with a TypeError', () => {
    expect(() => clientSecret('')).toThrow(TypeError)
  })

  it('sends nothing when its function returns nothing', async () => {
    const { client, endpoint } = await createBench('2.0', { credential: clientSecret(() => '') })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unusable',
    })
    expect(endpoint.requests).toEqual([])
  })
})

describe('clientCertificate', () => {
  it.each([
    ['PS256 and x5t#S256', {}, 'PS256', { 'x5t#S256': thumbprint('sha256', pair.certificate) }],
    ['RS256 and x5t when legacy', { legacy: true }, 'RS256', { x5t: thumbprint('sha1', pair.certificate) }],
    [
      'the chain with sendCertificateChain',
      { sendCertificateChain: true },
      'PS256',
      {
        'x5t#S256': thumbprint('sha256', pair.certificate),
        x5c: [new X509Certificate(pair.certificate).raw.toString('base64')],
      },
    ],
  ])('signs an assertion for the token endpoint with %s', async (_name, options, alg, header) => {
    const { client, endpoint, clock } = await createBench('2.0', {
      credential: clientCertificate(pair, options),
    })
    await client.acquireForApp(target)
    const { form } = endpoint.requests[0]!
    expect(form).toMatchObject({
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    expect(form).not.toHaveProperty('client_secret')
    const { payload, protectedHeader } = await jwtVerify(
      form.client_assertion!,
      await importX509(pair.certificate, alg),
      {
        audience: `${endpoint.origin}/${tenantId}/oauth2/v2.0/token`,
        issuer: clientId,
        subject: clientId,
        currentDate: new Date(clock.now * 1000),
      },
    )
    expect(protectedHeader).toEqual({ alg, typ: 'JWT', ...header })
    expect(payload).toMatchObject({ iat: clock.now, nbf: clock.now, exp: clock.now + 300 })
    expect(payload.jti).toBeTypeOf('string')
  })

  it('signs a new assertion for every request', async () => {
    const { client, endpoint } = await createBench('2.0', { credential: clientCertificate(pair) })
    await client.acquireForApp({ resource: 'a' })
    await client.acquireForApp({ resource: 'b' })
    expect(new Set(endpoint.requests.map(({ form }) => form.client_assertion)).size).toBe(2)
  })

  it('signs with the new pair as soon as its function returns one', async () => {
    let current = pair
    const { client, endpoint } = await createBench('2.0', { credential: clientCertificate(() => current) })
    await client.acquireForApp({ resource: 'a' })
    current = otherPair
    await client.acquireForApp({ resource: 'b' })
    const signer = await importX509(otherPair.certificate, 'PS256')
    const verified = jwtVerify(endpoint.requests[1]!.form.client_assertion!, signer, {
      currentDate: new Date(1_800_000_000_000),
    })
    await expect(verified).resolves.toBeDefined()
  })

  it('accepts a certificate in its last second, refuses it in the next, and sends nothing', async () => {
    const { client, endpoint, clock } = await createBench('2.0', { credential: clientCertificate(pair) })
    clock.now = Date.parse('2029-01-01') / 1000 - 1
    await client.acquireForApp({ resource: 'a' })
    clock.now += 1
    expect(await refusalOf(client.acquireForApp({ resource: 'b' }))).toMatchObject({
      code: 'client_credential_expired',
      action: 'fix-configuration',
      reason: 'certificate_expired',
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('refuses a certificate that is not yet valid', async () => {
    const { client, clock } = await createBench('2.0', { credential: clientCertificate(pair) })
    clock.now = Date.parse('2026-01-01') / 1000 - 1
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      reason: 'certificate_not_yet_valid',
    })
  })

  it.each([
    [
      'a key of another certificate',
      { ...pair, privateKey: otherPair.privateKey },
      /^(clientCertificate: )?"privateKey" must be the key of "certificate"/,
    ],
    [
      'a certificate that is not PEM',
      { ...pair, certificate: 'x' },
      /"certificate" must be a PEM certificate/,
    ],
    ['a key that is not PEM', { ...pair, privateKey: 'x' }, /"privateKey" must be an unencrypted PEM key/],
    ['a key that is not RSA', ecPair, /RSA/],
    ['a key that is too short', shortPair, /2048/],
    ['nothing', undefined, /PEM text/],
  ])(
    'refuses %s at start-up, and as client_credential_unusable when a function returns it',
    async (_name, wrong, message) => {
      const untyped = wrong as typeof pair
      expect(() => clientCertificate(untyped)).toThrow(TypeError)
      expect(() => clientCertificate(untyped)).toThrow(message)
      const { client, endpoint } = await createBench('2.0', { credential: clientCertificate(() => untyped) })
      const error = await refusalOf(client.acquireForApp(target))
      expect(error).toMatchObject({ code: 'client_credential_unusable' })
      expect(error.reason).toMatch(message)
      expect(endpoint.requests).toEqual([])
    },
  )
})

describe('clientAssertion', () => {
  it('reads its file for every request', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'token')
    const { client, endpoint } = await createBench('2.0', { credential: clientAssertion({ file }) })
    await writeFile(file, 'first.a.b\n')
    await client.acquireForApp({ resource: 'a' })
    await writeFile(file, 'second.a.b\n')
    await client.acquireForApp({ resource: 'b' })
    expect(endpoint.requests.map(({ form }) => form.client_assertion)).toEqual(['first.a.b', 'second.a.b'])
  })

  it('reports a missing file as client_credential_unavailable, and sends nothing', async () => {
    const { client, endpoint } = await createBench('2.0', {
      credential: clientAssertion({ file: '/nowhere/token' }),
    })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unavailable',
      reason: 'ENOENT',
    })
    expect(endpoint.requests).toEqual([])
  })

  it('refuses an assertion that is not a JWT', async () => {
    const { client } = await createBench('2.0', { credential: clientAssertion(() => 'not a jwt') })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unusable',
    })
  })
})

const never = () => new Promise<never>(() => {})

describe.each([
  [
    'clientSecret',
    (hang: () => Promise<never>, settled: () => string) => clientSecret(chosen(hang, settled)),
  ],
  [
    'clientCertificate',
    (hang: () => Promise<never>, settled: () => string) =>
      clientCertificate(chosen(hang, () => (settled(), pair))),
  ],
  [
    'clientAssertion',
    (hang: () => Promise<never>, settled: () => string) =>
      clientAssertion(chosen(hang, () => `${settled()}.a.b`)),
  ],
  [
    'a credential of the application',
    (hang: () => Promise<never>, settled: () => string): ClientCredential =>
      async (_server, _client, body) => {
        await chosen<string>(hang, settled)()
        body.set('client_secret', theSecret)
      },
  ],
])('%s with a function that never settles', (_name, credentialOf) => {
  it('fails with client_credential_unavailable after timeoutSeconds, and the next call starts afresh', async () => {
    let calls = 0
    const faults: unknown[] = []
    const credential = credentialOf(
      () => (calls++ === 0 ? never() : Promise.reject(new Error('asked again'))),
      () => 'value',
    )
    const { client, endpoint } = await createBench('2.0', {
      credential,
      timeoutSeconds: 0.3,
      onCredentialFault: (event) => void faults.push(event),
    })
    const [first, joined] = await Promise.all([
      refusalOf(client.acquireForApp(target)),
      refusalOf(client.acquireForApp(target)),
    ])
    for (const error of [first, joined]) {
      expect(error).toMatchObject({
        code: 'client_credential_unavailable',
        action: 'retry',
        reason: 'timeout',
      })
    }
    expect(calls).toBe(1)
    expect(endpoint.requests).toEqual([])
    expect(faults).toEqual([{ fault: 'timeout', durationSeconds: expect.any(Number) as number }])
    isReady = true
    onTestFinished(() => void (isReady = false))
    expect(await client.acquireForApp(target)).toMatchObject({ source: 'network' })
  })
})

let isReady = false
/** Hangs until a test says that it is ready. */
function chosen<T>(hang: () => Promise<never>, settled: () => T): () => Promise<T> {
  return async () => (isReady ? settled() : hang())
}

describe('what a credential function throws', () => {
  class VaultError extends Error {
    override readonly name = 'VaultError'
    readonly code = 'ECONNRESET'
  }

  it('is passed to an observer alone; the error and the channel carry its name and system code', async () => {
    const thrown = new VaultError('vault said: hunter2')
    const [observed, published]: [unknown[], unknown[]] = [[], []]
    const listener = (event: unknown) => void published.push(event)
    subscribe('countersign:token-credential-fault', listener)
    onTestFinished(() => void unsubscribe('countersign:token-credential-fault', listener))
    const { client } = await createBench('2.0', {
      credential: clientSecret(() => Promise.reject(thrown)),
      onCredentialFault: (event) => void observed.push(event),
    })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({
      code: 'client_credential_unavailable',
      reason: 'VaultError ECONNRESET',
    })
    const event = {
      fault: 'error',
      reason: 'VaultError ECONNRESET',
      durationSeconds: expect.any(Number) as number,
    }
    expect(observed).toEqual([{ ...event, error: thrown }])
    expect((observed[0] as { error: unknown }).error).toBe(thrown)
    expect(published).toEqual([event])
    expect(inspect([error, published], { showHidden: true, depth: 9 })).not.toContain('hunter2')
  })
})
