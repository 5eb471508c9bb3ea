import { describe, expect, it } from 'vitest'
import { startIssuer, type Issuer } from '../issuer.js'
import { openRequest, sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectNoSecret, expectRefusal } from './expectations.js'
import type { Contract, ContractOptions } from './harness.js'

/** The issuer is unavailable: never the caller's fault, and no request is accepted. */
export function describeOutage<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handlerRuns } = contract
  const authorization = [`Bearer ${tokenWith()}`]
  const optionsAt = (issuer: Issuer): ContractOptions<TrustedIssuer> =>
    setupOptions(adapter, { setup: 'entra' }, issuer)

  describe('while the issuer is unavailable', () => {
    it.each([
      ['answers 500', { status: 500 }],
      ['drops the connection', 'reset'],
      ['answers with a page instead of JSON', { body: '<html>maintenance window 4711-secret</html>' }],
    ] as const)('answers 503 with Retry-After and no challenge when it %s', async (_, fault) => {
      await using broken = await startIssuer()
      broken.fail(fault)
      const api = await contract.start(optionsAt(broken))
      const answer = await expectRefusal(
        contract,
        () => sendRequest(api.origin, { authorization }),
        'keys_unavailable',
      )
      expectNoSecret(answer.text, authorization)
      expectNoSecret(api.logs(), authorization)
      expect(answer.text + api.logs()).not.toContain('4711-secret')
    })

    it('answers 503 when no server listens at its address', async () => {
      const gone = await startIssuer()
      await gone.stop()
      const api = await contract.start(optionsAt(gone))
      await expectRefusal(contract, () => sendRequest(api.origin, { authorization }), 'keys_unavailable')
    })

    it('continues after a caller that ends the connection while the keys are fetched', async () => {
      const silent = await startIssuer()
      silent.fail('hang')
      const api = await contract.start(optionsAt(silent))
      const runsBefore = handlerRuns()
      const caller = await openRequest(api.origin, { authorization })
      await silent.requested('/openid-configuration')
      await caller.hangUp()
      // The fetch fails now, and no caller waits for it.
      await silent.stop()
      await expectRefusal(contract, () => sendRequest(api.origin, { authorization }), 'keys_unavailable')
      expect(handlerRuns()).toBe(runsBefore)
      expectNoSecret(api.logs(), authorization)
    })
  })
}
