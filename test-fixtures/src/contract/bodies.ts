import { beforeAll, describe, expect, it } from 'vitest'
import { openRequest, sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** Requests with bodies: large, in chunks, or never finished. */
export function describeBodies<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handle, waitsForBody, handlerRuns } = contract
  const method = 'POST'

  describe('given a request with a body', () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await contract.start(setupOptions(adapter, { setup: 'entra' }, contract.issuer()), [
        { path: '/', handle },
        { path: '/guarded', permission: { delegated: { scopes: 'Files.Delete' } }, handle },
      ])
    })

    it.each([
      ['with a Content-Length', {}],
      ['in chunks', { 'Transfer-Encoding': 'chunked' }],
    ] as [string, Record<string, string>][])('refuses a bad token before 2 MiB %s', async (_, headers) => {
      const authorization = ['Bearer not-a-token']
      await expectRefusal(
        contract,
        () => sendRequest(api.origin, { method, headers, authorization, body: 'x'.repeat(2 ** 21) }),
        'token_malformed',
      )
    })

    it(`refuses ${waitsForBody ? 'at the end of' : 'in the middle of'} a body that is on its way`, async () => {
      for (const [path, code, scope, token] of [
        ['/', 'token_malformed', undefined, 'not-a-token'],
        ['/guarded', 'scope_insufficient', 'Files.Delete', tokenWith()],
      ] as const) {
        const caller = await openRequest(api.origin, {
          method,
          path,
          authorization: [`Bearer ${token}`],
          headers: { 'Transfer-Encoding': 'chunked' },
          body: 'the first chunk',
        })
        if (waitsForBody) caller.finish()
        await expectRefusal(contract, () => caller.answered, code, { scope })
        await caller.hangUp()
      }
    })

    it('continues after a caller that ends the connection in the middle of the body, and refused it', async () => {
      const runsBefore = handlerRuns()
      for (const token of ['not-a-token', tokenWith({ claims: { exp: 1 } })]) {
        const caller = await openRequest(api.origin, {
          method,
          authorization: [`Bearer ${token}`],
          headers: { 'Content-Length': '1000000' },
          body: 'the first bytes',
        })
        await caller.hangUp()
      }
      expect((await sendRequest(api.origin, { authorization: [`Bearer ${tokenWith()}`] })).status).toBe(200)
      expect(handlerRuns()).toBe(runsBefore + 1)
    })
  })
}
