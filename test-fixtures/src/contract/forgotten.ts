import { describe, expect, it } from 'vitest'
import { sendRequest } from '../send-request.js'
import { tokenWith } from '../tokens.js'
import type { Contract, RunningApi } from './harness.js'

/** A guard without `bearerAuth`: a mistake of the set-up, which opens no route. */
export function describeForgotten<TrustedIssuer>(
  contract: Contract<TrustedIssuer>,
  startWithout: (permission: { delegated: { scopes: string } }) => Promise<RunningApi>,
): void {
  describe('where bearerAuth was forgotten', () => {
    it('answers a guarded route with 500 and never runs its handler', async () => {
      const api = await startWithout({ delegated: { scopes: 'Files.Read' } })
      const runsBefore = contract.handlerRuns()
      for (const authorization of [[], [`Bearer ${tokenWith()}`]]) {
        const answer = await sendRequest(api.origin, { authorization })
        expect(answer.status).toBe(500)
        expect(answer.header('www-authenticate')).toEqual([])
      }
      expect(contract.handlerRuns()).toBe(runsBefore)
      expect(api.logs()).toContain('bearerAuth did not run')
    })
  })
}
