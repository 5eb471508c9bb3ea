import { execFileSync } from 'node:child_process'
import { constants, createPrivateKey, sign as signWithKey, webcrypto } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type CertificateSource, clientCertificate } from '@countersign/token-client'
import { decodeJwt, decodeProtectedHeader, importX509, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { makeCertificate } from './certificates.js'
import { createBench, otherTenantId, refusalOf, target, tenantId } from './setup.js'

const { certificate, privateKey } = await makeCertificate()
const other = await makeCertificate()
const key = createPrivateKey(privateKey)
const passphrase = 'open sesame'
const encrypted = String(key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }))

function cryptoKey(name: 'RSA-PSS' | 'RSASSA-PKCS1-v1_5'): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { name, hash: 'SHA-256' }, false, ['sign'])
}

const pss = await cryptoKey('RSA-PSS')
const pkcs1 = await cryptoKey('RSASSA-PKCS1-v1_5')

/** As a key vault does: it gets a digest or the data, and gives out a signature. */
function vault(pem: string, algorithm = 'PS256') {
  const padding =
    algorithm === 'PS256'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      : { padding: constants.RSA_PKCS1_PADDING }
  return async (data: Uint8Array) => new Uint8Array(signWithKey('sha256', data, { key: pem, ...padding }))
}

const pfx = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'pfx-'))
  const at = (name: string) => join(folder, name)
  writeFileSync(at('c.pem'), certificate)
  writeFileSync(at('k.pem'), privateKey)
  writeFileSync(at('chain.pem'), other.certificate)
  const files = ['-in', at('c.pem'), '-inkey', at('k.pem'), '-certfile', at('chain.pem'), '-out', at('c.pfx')]
  execFileSync('openssl', ['pkcs12', '-export', ...files, '-passout', `pass:${passphrase}`])
  const bytes = new Uint8Array(readFileSync(at('c.pfx')))
  rmSync(folder, { recursive: true })
  return bytes
})()

describe('a certificate with', () => {
  const sources: readonly [string, CertificateSource, boolean?][] = [
    ['an encrypted PEM key', { certificate, privateKey: encrypted, passphrase }],
    ['a KeyObject', { certificate, privateKey: key }],
    ['a KeyObject, RS256', { certificate, privateKey: key }, true],
    ['a CryptoKey that cannot be exported', { certificate, privateKey: pss }],
    ['such a CryptoKey, RS256', { certificate, privateKey: pkcs1 }, true],
    ['a function that signs', { certificate, sign: vault(privateKey) }],
    ['a function that signs, RS256', { certificate, sign: vault(privateKey, 'RS256') }, true],
    ['a PKCS #12 file', { pfx, passphrase }],
  ]

  it.each(sources)(
    '%s signs the assertion, given as a value or by a function',
    async (_name, source, legacy) => {
      for (const given of [source, async () => ({ ...source })]) {
        const { client, endpoint, clock } = await createBench('2.0', {
          credential: clientCertificate(given, { legacy, sendCertificateChain: true }),
        })
        await client.acquireForApp(target)
        const assertion = endpoint.requests[0]!.form.client_assertion!
        const alg = legacy ? 'RS256' : 'PS256'
        const { payload } = await jwtVerify(assertion, await importX509(certificate, alg), {
          audience: `${endpoint.origin}/${tenantId}/oauth2/v2.0/token`,
          currentDate: new Date(clock.now * 1000),
        })
        expect(payload.exp).toBe(clock.now + 300)
        expect(decodeProtectedHeader(assertion).x5c).toHaveLength('pfx' in source ? 2 : 1)
      }
    },
  )

  it('a function that signs knows its audience for each tenant of organizations', async () => {
    const credential = clientCertificate({ certificate, sign: vault(privateKey) })
    const { client, endpoint } = await createBench('2.0', { tenantId: 'organizations', credential })
    for (const tenant of [tenantId, otherTenantId])
      await client.acquireForApp({ ...target, tenantId: tenant })
    expect(endpoint.requests.map(({ form }) => decodeJwt(form.client_assertion!).aud)).toEqual(
      [tenantId, otherTenantId].map((tenant) => `${endpoint.origin}/${tenant}/oauth2/v2.0/token`),
    )
  })

  it('a function that signs gets the data, its digest and the algorithm', async () => {
    const seen: unknown[] = []
    const credential = clientCertificate({
      certificate,
      async sign(data, { algorithm, digest }) {
        seen.push(algorithm, digest)
        expect(
          new Uint8Array(await webcrypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)),
        ).toEqual(new Uint8Array(digest))
        return vault(privateKey)(data)
      },
    })
    const { client } = await createBench('2.0', { credential })
    await client.acquireForApp(target)
    expect(seen).toEqual(['PS256', expect.any(Uint8Array)])
  })

  it('a signer that is down is reported as retry, with its name and code and nothing else', async () => {
    const failure = Object.assign(new Error('vault said hunter2'), { code: 'ENOTFOUND' })
    const credential = clientCertificate({ certificate, sign: () => Promise.reject(failure) })
    const { client, endpoint } = await createBench('2.0', { credential })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({
      code: 'client_credential_unavailable',
      action: 'retry',
      reason: 'ENOTFOUND',
    })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('hunter2')
    expect(endpoint.requests).toEqual([])
  })

  it('a signer that never answers is reported as retry after timeoutSeconds', async () => {
    const credential = clientCertificate({ certificate, sign: () => new Promise(() => {}) })
    const { client, endpoint } = await createBench('2.0', { credential, timeoutSeconds: 0.05 })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unavailable',
      action: 'retry',
      reason: 'timeout',
    })
    expect(endpoint.requests).toEqual([])
  })

  it.each<[string, () => unknown]>([
    ['another key', () => vault(other.privateKey)(Buffer.from('data'))],
    ['the wrong padding', () => vault(privateKey, 'RS256')(Buffer.from('data'))],
    ['nothing', () => undefined],
    ['text', () => 'c2lnbmF0dXJl'],
  ])('a signer that signs with %s is named before anything is sent', async (_name, sign) => {
    const credential = clientCertificate({ certificate, sign: sign as () => Promise<Uint8Array> })
    const { client, endpoint } = await createBench('2.0', { credential })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'client_credential_unusable',
      reason: 'the signature does not belong to the certificate',
    })
    expect(endpoint.requests).toEqual([])
  })

  it.each<[string, unknown, RegExp]>([
    [
      'an encrypted key without its passphrase',
      { certificate, privateKey: encrypted },
      /"passphrase" must be/,
    ],
    [
      'a wrong passphrase',
      { certificate, privateKey: encrypted, passphrase: 'wrong' },
      /"passphrase" must be the passphrase of "privateKey"/,
    ],
    [
      'a passphrase that is no text',
      { certificate, privateKey: encrypted, passphrase: 1 },
      /must be a string/,
    ],
    [
      'a CryptoKey for another algorithm',
      { certificate, privateKey: pkcs1 },
      /must be a CryptoKey for RSA-PSS with SHA-256/,
    ],
    [
      'a KeyObject of another certificate',
      { certificate: other.certificate, privateKey: key },
      /key of "certificate"/,
    ],
    ['a signer that is no function', { certificate, sign: 'vault' }, /"sign" must be a function/],
    ['a PKCS #12 file as text', { pfx: 'MII', passphrase }, /"pfx" must be the bytes/],
  ])('%s is refused at start-up', (_name, source, message) => {
    const create = () => clientCertificate(source as CertificateSource)
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
    expect(create).not.toThrow(passphrase)
  })

  it.each<[string, CertificateSource]>([
    ['with a wrong passphrase', { pfx, passphrase: 'wrong' }],
    ['that is none', { pfx: new Uint8Array([1, 2, 3]) }],
  ])('a PKCS #12 file %s is named when a token is acquired', async (_name, source) => {
    const { client, endpoint } = await createBench('2.0', { credential: clientCertificate(source) })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({ code: 'client_credential_unusable' })
    expect(error.reason).toMatch(/"pfx" must be a PKCS #12 file .* "passphrase" its passphrase/)
    expect(endpoint.requests).toEqual([])
  })
})
