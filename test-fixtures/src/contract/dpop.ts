import { beforeAll, describe, expect, it } from 'vitest'
import { createDpopKey, dpopProof, type ProofChange } from '../dpop.js'
import { sendRequest, type Answer, type OutgoingRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectNoToken } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

const publicUrl = 'https://api.example/gateway'
const algs = 'algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"'
const key = createDpopKey()
const other = createDpopKey()

/** Tokens that are bound to a key of the client (RFC 9449). */
export function describeDpop<TrustedIssuer>(
  contract: Contract<TrustedIssuer>,
  name: string,
  tokenCache: false | { readonly maxEntries: number },
): void {
  const { adapter, handle, handlerRuns } = contract
  const bound = (scope = 'files:read'): string =>
    tokenWith({ from: 'generic', claims: { cnf: { jkt: key.jkt }, scope } })
  const unbound = (): string => tokenWith({ from: 'generic' })
  const proof = (token: string, path = '/', change?: ProofChange): string =>
    dpopProof(key, { token, url: publicUrl + path }, change)

  /** A request with a valid proof, unless something is changed. */
  function byDpop(token: string, more: OutgoingRequest = {}): OutgoingRequest {
    const dpop = [proof(token, more.path?.replace(/\?.*/, ''))]
    return { authorization: [`DPoP ${token}`], dpop, ...more }
  }

  const start = (more: Partial<Parameters<typeof adapter.dpop>[0]> = {}): Promise<RunningApi> =>
    contract.start(
      {
        ...setupOptions(adapter, { setup: 'oidc' }, contract.issuer()),
        tokenCache,
        senderProofs: adapter.dpop({ publicUrl, ...more }),
      },
      [
        { path: '/', handle },
        { path: '/guarded', permission: { scopes: 'files:read' }, handle },
      ],
    )

  const challengeOf = (code: string): string => {
    const { error, phrase } = adapter.refusals[code] ?? {}
    return `DPoP error="${error}", error_description="${phrase}", ${algs}`
  }

  async function expectRefused(api: RunningApi, request: OutgoingRequest, code: string): Promise<Answer> {
    const before = handlerRuns()
    const answer = await sendRequest(api.origin, request)
    expect([answer.status, answer.header('www-authenticate')]).toEqual([
      adapter.refusals[code]?.status,
      [challengeOf(code)],
    ])
    expect(handlerRuns()).toBe(before)
    expectNoToken(answer.text + api.logs(), [...(request.authorization ?? []), ...(request.dpop ?? [])])
    return answer
  }

  describe(`where DPoP is accepted ${name}`, () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await start()
    })

    it('accepts a token with a new proof for every request, at every address', async () => {
      for (const request of [{}, {}, { path: '/guarded' }, { path: '/?page=2' }]) {
        expect((await sendRequest(api.origin, byDpop(bound(), request))).status).toBe(200)
      }
    })

    it('accepts an unbound token by Bearer', async () => {
      const answer = await sendRequest(api.origin, { authorization: [`Bearer ${unbound()}`] })
      expect([answer.status, answer.header('dpop-nonce')]).toEqual([200, []])
    })

    it.each<[string, (token: string) => OutgoingRequest, string]>([
      ['no proof', (token) => byDpop(token, { dpop: [] }), 'dpop_proof_invalid'],
      ['two proofs', (token) => byDpop(token, { dpop: [proof(token), proof(token)] }), 'dpop_proof_invalid'],
      ['a proof that is no JWT', (token) => byDpop(token, { dpop: ['x'] }), 'dpop_proof_invalid'],
      [
        'a proof for another address',
        (token) => byDpop(token, { dpop: [proof(token, '/other')] }),
        'dpop_proof_invalid',
      ],
      ['another method', (token) => byDpop(token, { method: 'POST' }), 'dpop_proof_invalid'],
      [
        'a proof for another token',
        (token) => byDpop(token, { dpop: [proof(unbound())] }),
        'dpop_proof_invalid',
      ],
      [
        'a proof by another key',
        (token) => byDpop(token, { dpop: [dpopProof(other, { token, url: `${publicUrl}/` })] }),
        'sender_binding_unproven',
      ],
    ])('refuses a bound token with %s, after it was accepted', async (_, change, code) => {
      const token = bound()
      expect((await sendRequest(api.origin, byDpop(token))).status).toBe(200)
      await expectRefused(api, change(token), code)
    })

    it('refuses a proof that was used, and an unbound token', async () => {
      const request = byDpop(bound())
      expect((await sendRequest(api.origin, request)).status).toBe(200)
      await expectRefused(api, request, 'dpop_proof_invalid')
      await expectRefused(api, byDpop(unbound()), 'sender_binding_missing')
    })

    it('refuses a bound token by Bearer, with a challenge of both schemes', async () => {
      const token = bound()
      expect((await sendRequest(api.origin, byDpop(token))).status).toBe(200)
      const before = handlerRuns()
      const answer = await sendRequest(api.origin, byDpop(token, { authorization: [`Bearer ${token}`] }))
      const { error, phrase } = adapter.refusals.sender_binding_unproven ?? {}
      expect([answer.status, answer.header('www-authenticate'), handlerRuns()]).toEqual([
        401,
        [`Bearer error="${error}", error_description="${phrase}", DPoP ${algs}`],
        before,
      ])
    })

    it('names both schemes to a request without a token', async () => {
      const answer = await sendRequest(api.origin)
      expect([answer.status, answer.header('www-authenticate')]).toEqual([401, [`Bearer, DPoP ${algs}`]])
    })

    it('names DPoP alone in the 403 of a guard', async () => {
      const before = handlerRuns()
      const answer = await sendRequest(api.origin, byDpop(bound('other'), { path: '/guarded' }))
      expect([answer.status, answer.header('www-authenticate'), handlerRuns()]).toEqual([
        403,
        [
          `DPoP error="insufficient_scope", error_description="A required scope is missing", scope="files:read", ${algs}`,
        ],
        before,
      ])
    })
  })

  it(`demands a nonce and hands out the next one ${name}`, async () => {
    const api = await start({ nonceSecrets: [new Uint8Array(32).fill(7)] })
    const token = bound()
    const refused = await expectRefused(api, byDpop(token), 'dpop_nonce_required')
    const [nonce] = refused.header('dpop-nonce')
    expect(nonce).toMatch(/^[\w-]+$/)
    const answer = await sendRequest(
      api.origin,
      byDpop(token, { dpop: [proof(token, '/', { claims: { nonce } })] }),
    )
    expect([answer.status, answer.header('dpop-nonce')]).toEqual([200, [nonce]])
  })

  it(`answers with 503 where the replay store fails ${name}`, async () => {
    const api = await start({ replayStore: { addIfAbsent: async () => Promise.reject(new Error('down')) } })
    const before = handlerRuns()
    const answer = await sendRequest(api.origin, byDpop(bound()))
    expect([answer.status, answer.header('www-authenticate'), answer.header('retry-after')]).toEqual([
      503,
      [],
      ['5'],
    ])
    expect(handlerRuns()).toBe(before)
  })

  it(`accepts bound tokens alone where DPoP is required ${name}`, async () => {
    const api = await start({ required: true })
    expect((await sendRequest(api.origin, byDpop(bound()))).status).toBe(200)
    await expectRefused(api, { authorization: [`Bearer ${unbound()}`] }, 'sender_binding_missing')
  })
}
