import { beforeAll, describe, expect, it } from 'vitest'
import { userObjectId } from '../identities.js'
import { sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** `allowAnonymous`: a request without credentials is accepted, a bad token is not. */
export function describeAnonymous<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handle } = contract

  describe('where anonymous callers are allowed', () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await contract.start(
        { ...setupOptions(adapter, { setup: 'entra' }, contract.issuer()), allowAnonymous: true },
        [
          { path: '/', handle },
          { path: '/guarded', permission: { delegated: { scopes: 'Files.Read' } }, handle },
        ],
      )
    })

    it('accepts a request without credentials, with auth null', async () => {
      const answer = await sendRequest(api.origin)
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toEqual({ auth: null })
    })

    it('accepts a valid token, with its auth', async () => {
      const answer = await sendRequest(api.origin, { authorization: [`Bearer ${tokenWith()}`] })
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toMatchObject({ auth: { objectId: userObjectId } })
    })

    it.each([
      ['an expired token', 'token_expired', () => [`Bearer ${tokenWith({ claims: { exp: 1 } })}`]],
      ['an empty Authorization header', 'authorization_malformed', () => ['']],
      ['two Authorization headers', 'authorization_repeated', () => ['Bearer a', 'Bearer b']],
      ['another scheme', 'scheme_unsupported', () => ['Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0']],
    ] as const)('refuses %s with %s all the same', async (_, code, make) => {
      await expectRefusal(contract, () => sendRequest(api.origin, { authorization: make() }), code)
    })

    it('answers an anonymous caller of a guarded route with 401 and a bare challenge', async () => {
      await expectRefusal(
        contract,
        () => sendRequest(api.origin, { path: '/guarded' }),
        'credentials_missing',
      )
    })

    it('accepts a permitted caller of a guarded route', async () => {
      const authorization = [`Bearer ${tokenWith()}`]
      expect((await sendRequest(api.origin, { path: '/guarded', authorization })).status).toBe(200)
    })
  })
}
