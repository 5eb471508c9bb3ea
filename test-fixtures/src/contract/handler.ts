import { beforeAll, describe, expect, it } from 'vitest'
import { sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** What comes after `bearerAuth`: handlers that crash, other methods, unknown paths, many callers at once. */
export function describeHandler<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handle, handlerRuns } = contract
  const authorization = [`Bearer ${tokenWith()}`]

  describe('around the handler', () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await contract.start(setupOptions(adapter, { setup: 'entra' }, contract.issuer()), [
        { path: '/', handle },
        {
          path: '/crash',
          handle() {
            throw new Error('The handler crashed')
          },
        },
        {
          path: '/reject',
          handle: () => Promise.reject(new Error('The handler crashed a little later')),
        },
      ])
    })

    it.each(['/crash', '/reject'])('answers a crash in the handler of %s with 500, not 401', async (path) => {
      const answer = await sendRequest(api.origin, { path, authorization })
      expect(answer.status).toBe(500)
      expect(answer.header('www-authenticate')).toEqual([])
    })

    it('answers a crash with 500 also where the keys had to be fetched first', async () => {
      const cold = await contract.start(setupOptions(adapter, { setup: 'entra' }, contract.issuer()), [
        {
          path: '/',
          handle() {
            throw new Error('The handler crashed')
          },
        },
      ])
      const answer = await sendRequest(cold.origin, { authorization })
      expect(answer.status).toBe(500)
      expect(answer.header('www-authenticate')).toEqual([])
    })

    it.each(['GET', 'HEAD', 'POST', 'OPTIONS'])(
      'answers %s of an unknown path with 401 without a token and 404 with one',
      async (method) => {
        const send = (known: readonly string[]) =>
          sendRequest(api.origin, { method, path: '/nowhere', authorization: known })
        await expectRefusal(contract, () => send([]), 'credentials_missing')
        expect((await send(authorization)).status).toBe(404)
      },
    )

    it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s without a token', async (method) => {
      await expectRefusal(contract, () => sendRequest(api.origin, { method }), 'credentials_missing')
    })

    it('answers a refused HEAD with its headers and no body', async () => {
      const answer = await expectRefusal(
        contract,
        () => sendRequest(api.origin, { method: 'HEAD', authorization: ['Bearer not-a-token'] }),
        'token_malformed',
      )
      expect(answer.body).toBe('')
    })

    it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('accepts %s with a token', async (method) => {
      const runsBefore = handlerRuns()
      expect((await sendRequest(api.origin, { method, authorization, body: '' })).status).toBe(200)
      expect(handlerRuns()).toBe(runsBefore + 1)
    })

    it('keeps the callers of simultaneous requests apart', async () => {
      const users = Array.from(
        { length: 24 },
        (_, index) => `0b1ec7ed-0000-4000-8000-${String(index).padStart(12, '0')}`,
      )
      const seen = await Promise.all(
        users.map(async (oid) => {
          const answer = await sendRequest(api.origin, {
            authorization: [`Bearer ${tokenWith({ claims: { oid } })}`],
          })
          return (JSON.parse(answer.body) as { auth: { objectId: string } }).auth.objectId
        }),
      )
      expect(seen).toEqual(users)
    })
  })
}
