import { beforeAll, describe, expect, it } from 'vitest'
import { userObjectId } from '../identities.js'
import { sendRequest, type OutgoingRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import type { Contract, RunningApi } from './harness.js'

/** Tokens from elsewhere than the `Authorization` header. */
export function describeSources<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handle } = contract
  const permission = { delegated: { scopes: 'Files.Read' } }

  describe.each([false, true])(
    'where a token may come from a cookie or the query, anonymous allowed: %s',
    (allowAnonymous) => {
      let api: RunningApi

      beforeAll(async () => {
        api = await contract.start(
          {
            ...setupOptions(adapter, { setup: 'entra' }, contract.issuer()),
            allowAnonymous,
            tokenFrom: [
              adapter.authorizationHeader(),
              adapter.fromCookie('session', { allowedOrigins: 'https://app.example' }),
              adapter.fromQuery('access_token'),
            ],
          },
          [
            { path: '/', handle },
            { path: '/guarded', permission, handle },
          ],
        )
      })

      const good = (): string => tokenWith()
      const expired = (): string => tokenWith({ claims: { exp: 1 } })
      const inCookie = (token: string, more: Record<string, string> = {}): OutgoingRequest => ({
        headers: { Cookie: `theme=dark; session=${token}`, ...more },
      })
      const inQuery = (token: string): OutgoingRequest => ({ path: `/?access_token=${token}` })

      it.each<[string, () => OutgoingRequest]>([
        ['the Authorization header', () => ({ authorization: [`Bearer ${good()}`] })],
        ['a cookie', () => inCookie(good())],
        ['a cookie of an allowed page', () => inCookie(good(), { Origin: 'https://app.example' })],
        ['the query', () => inQuery(good())],
      ])('accepts a token of %s', async (_, request) => {
        const answer = await sendRequest(api.origin, request())
        expect(answer.status).toBe(200)
        expect(JSON.parse(answer.body)).toMatchObject({ auth: { objectId: userObjectId } })
      })

      it('has the guard ask the same permission of it', async () => {
        const headers = { Cookie: `session=${tokenWith({ claims: { scp: 'Other' } })}` }
        const answer = await sendRequest(api.origin, { path: '/guarded', headers })
        expect(answer.status).toBe(403)
        const allowed = { Cookie: `session=${good()}` }
        expect((await sendRequest(api.origin, { path: '/guarded', headers: allowed })).status).toBe(200)
      })

      it.each<[string, () => OutgoingRequest, number]>([
        ['an expired token in a cookie', () => inCookie(expired()), 401],
        ['an expired token in the query', () => inQuery(expired()), 401],
        ['a cookie sent by another page', () => inCookie(good(), { Origin: 'https://evil.example' }), 403],
        ['a cookie without an origin on POST', () => ({ ...inCookie(good()), method: 'POST' }), 403],
        [
          'a header and a cookie at once',
          () => ({ ...inCookie(good()), authorization: [`Bearer ${good()}`] }),
          400,
        ],
      ])('refuses %s, and the handler does not run', async (_, request, status) => {
        const before = contract.handlerRuns()
        const answer = await sendRequest(api.origin, request())
        expect(answer.status).toBe(status)
        expect(answer.header('www-authenticate')).toHaveLength(1)
        expect(contract.handlerRuns()).toBe(before)
      })

      it('keeps the answer to a token in the query out of caches, accepted or refused', async () => {
        for (const token of [good(), expired()]) {
          expect((await sendRequest(api.origin, inQuery(token))).header('cache-control')).toEqual([
            'no-store',
          ])
        }
        expect((await sendRequest(api.origin, inCookie(good()))).header('cache-control')).toEqual([])
      })

      it(`answers a request without any token with ${allowAnonymous ? 'auth null' : '401'}`, async () => {
        const answer = await sendRequest(api.origin, { headers: { Cookie: 'theme=dark' } })
        expect(answer.status).toBe(allowAnonymous ? 200 : 401)
        if (allowAnonymous) expect(JSON.parse(answer.body)).toEqual({ auth: null })
        else expect(answer.header('www-authenticate')).toEqual(['Bearer'])
      })
    },
  )
}
