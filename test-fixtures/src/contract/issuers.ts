import { describe, expect, it } from 'vitest'
import { clock } from '../clock.js'
import {
  apiClientId,
  genericAudience,
  genericIssuer,
  genericSubject,
  tenantId,
  userSubject,
} from '../identities.js'
import { keySet } from '../issuer.js'
import { sendRequest } from '../send-request.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

type Policy = (tenantId: string) => boolean | Promise<boolean>

/** Whom an API may trust beyond one issuer that is discovered. */
export function describeIssuers<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter } = contract
  const bearer = (token: string = tokenWith()): string[] => [`Bearer ${token}`]
  const subjectOf = async (api: RunningApi, token: string): Promise<unknown> => {
    const answer = await sendRequest(api.origin, { authorization: bearer(token) })
    expect(answer.status).toBe(200)
    return (JSON.parse(answer.body) as { auth: { subject: string } }).auth.subject
  }

  describe('where a function decides about tenants', () => {
    const startWith = (allowedTenants: Policy): Promise<RunningApi> =>
      contract.start({
        issuer: adapter.entraMultiTenant({
          allowedTenants,
          clientId: apiClientId,
          cloud: contract.issuer().cloud,
        }),
        clock,
      })

    it.each([
      ['says true', () => true],
      ['promises true', async () => true],
    ] as [string, Policy][])('accepts a token when it %s of its tenant', async (_, policy) => {
      const asked: string[] = []
      const api = await startWith((tenant) => {
        asked.push(tenant)
        return policy(tenant)
      })
      expect(await subjectOf(api, tokenWith())).toBe(userSubject)
      expect(await subjectOf(api, tokenWith())).toBe(userSubject)
      expect(asked).toEqual([tenantId, tenantId])
    })

    it.each([
      ['says false', 'tenant_not_allowed', () => false],
      ['promises false', 'tenant_not_allowed', async () => false],
      ['answers with a word', 'tenant_not_allowed', () => 'yes' as unknown as boolean],
      [
        'throws',
        'check_unavailable',
        () => {
          throw new Error('the tenant table 4711-secret is gone')
        },
      ],
      ['rejects', 'check_unavailable', () => Promise.reject(new Error('4711-secret'))],
      ['rejects with nothing', 'check_unavailable', () => Promise.reject(undefined)],
    ] as [string, string, Policy][])('refuses a token when it %s, with %s', async (_, code, policy) => {
      const api = await startWith(policy)
      const answer = await expectRefusal(
        contract,
        () => sendRequest(api.origin, { authorization: bearer() }),
        code,
      )
      expect(answer.text + api.logs()).not.toContain('4711-secret')
    })

    it('refuses with tenant_not_allowed a tenant that was allowed a request ago', async () => {
      let isAllowed = true
      const api = await startWith(() => isAllowed)
      await subjectOf(api, tokenWith())
      isAllowed = false
      const send = () => sendRequest(api.origin, { authorization: bearer() })
      await expectRefusal(contract, send, 'tenant_not_allowed')
    })

    it('does not call it for a token whose signature is not valid', async () => {
      let asked = 0
      const api = await startWith(() => ++asked > 0)
      const forged = bearer(tokenWith({ signatureSegment: () => '' }))
      await expectRefusal(
        contract,
        () => sendRequest(api.origin, { authorization: forged }),
        'signature_invalid',
      )
      expect(asked).toBe(0)
    })
  })

  describe('where the keys are given', () => {
    it('accepts their tokens and refuses others, without a request to any issuer', async () => {
      // Not the issuer's own log: other APIs of this contract fetch from it in the background.
      let fetches = 0
      const api = await contract.start({
        issuer: adapter.staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
        audience: genericAudience,
        clock,
        fetch: async () => {
          fetches++
          throw new Error('no request is needed')
        },
      })
      expect(await subjectOf(api, tokenWith({ from: 'generic' }))).toBe(genericSubject)
      const other = bearer(tokenWith({ from: 'generic', key: 'p256' }))
      await expectRefusal(contract, () => sendRequest(api.origin, { authorization: other }), 'key_unknown')
      expect(fetches).toBe(0)
    })
  })

  describe('where several issuers are trusted', () => {
    const start = (): Promise<RunningApi> => {
      const { cloud, genericMetadataUrl } = contract.issuer()
      return contract.start({
        issuer: [
          adapter.entra({ tenantId, clientId: apiClientId, cloud }),
          adapter.oidcIssuer({
            issuer: genericIssuer,
            metadataUrl: genericMetadataUrl,
            audience: genericAudience,
          }),
        ],
        clock,
      })
    }

    it('accepts the tokens of each', async () => {
      const api = await start()
      expect(await subjectOf(api, tokenWith())).toBe(userSubject)
      expect(await subjectOf(api, tokenWith({ from: 'v1Delegated' }))).toBe(userSubject)
      expect(await subjectOf(api, tokenWith({ from: 'generic' }))).toBe(genericSubject)
    })

    it.each([
      ['the audience of the other', 'audience_mismatch', { from: 'generic', claims: { aud: apiClientId } }],
      ['the audience of the first', 'audience_mismatch', { claims: { aud: genericAudience } }],
      ['the key of the other', 'key_unknown', { key: 'generic' }],
      ['the name of the other', 'key_unknown', { from: 'generic', key: 'entra' }],
      ['the name of a third', 'issuer_not_trusted', { claims: { iss: 'https://third.example' } }],
    ] as const)("refuses one issuer's token with %s, with %s", async (_, code, change) => {
      const api = await start()
      const authorization = bearer(tokenWith(change))
      await expectRefusal(contract, () => sendRequest(api.origin, { authorization }), code)
    })
  })
}
