import { createHash, randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** Tokens that are bound to a certificate (RFC 8705), which a proxy forwards. `describeMutualTlsServers` has real TLS. */
export function describeMutualTls<TrustedIssuer>(
  contract: Contract<TrustedIssuer>,
  name: string,
  tokenCache: false | { readonly maxEntries: number },
): void {
  const { adapter } = contract
  const certificate = randomBytes(700)
  const hash = createHash('sha256').update(certificate)
  const bound = tokenWith({ from: 'generic', claims: { cnf: { 'x5t#S256': hash.digest('base64url') } } })
  const forwarded = (der: Buffer): Record<string, string> => ({
    'Client-Cert': `:${der.toString('base64')}:`,
  })
  const authorization = [`Bearer ${bound}`]

  const start = (trustedProxies: string): Promise<RunningApi> =>
    contract.start({
      ...setupOptions(adapter, { setup: 'oidc' }, contract.issuer()),
      tokenCache,
      senderProofs: adapter.mutualTls({
        certificateFrom: adapter.forwardedCertificate({
          trustedProxies,
          header: 'Client-Cert',
          format: 'client-cert',
        }),
      }),
    })

  describe(`where a proxy forwards certificates ${name}`, () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await start('127.0.0.1')
    })

    it('accepts a token that is bound to the certificate, each time', async () => {
      for (let use = 0; use < 2; use++) {
        const answer = await sendRequest(api.origin, { authorization, headers: forwarded(certificate) })
        expect(answer.status).toBe(200)
      }
    })

    it.each<[string, Record<string, string>]>([
      ['another certificate', forwarded(randomBytes(700))],
      ['no certificate', {}],
      [
        'the header twice',
        { ...forwarded(certificate), 'client-cert': `:${certificate.toString('base64')}:` },
      ],
      ['a header that cannot be read', { 'Client-Cert': certificate.toString('base64') }],
    ])('refuses it with %s, after it was accepted', async (_, headers) => {
      const good = await sendRequest(api.origin, { authorization, headers: forwarded(certificate) })
      expect(good.status).toBe(200)
      const send = () => sendRequest(api.origin, { authorization, headers })
      await expectRefusal(contract, send, 'sender_binding_unproven')
    })
  })

  it(`believes no forwarded certificate of an address that is not listed ${name}`, async () => {
    const api = await start('192.0.2.1')
    const send = () => sendRequest(api.origin, { authorization, headers: forwarded(certificate) })
    await expectRefusal(contract, send, 'sender_binding_unproven')
  })
}
