import { afterAll, beforeAll, expect, it } from 'vitest'
import { startIssuer } from '../issuer.js'
import { sendRequest, type Answer } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import type { AdapterHarness } from './harness.js'

/** A silent issuer. The time-out of five seconds passes for all frameworks of a file at once, before their other tests end. */
export function prepareSilence<TrustedIssuer>(harness: AdapterHarness<TrustedIssuer>): () => void {
  let answered: Promise<{ answer: Answer; seconds: number }>
  let runs = 0
  const stops: (() => Promise<void>)[] = []

  beforeAll(async () => {
    const issuer = await startIssuer()
    issuer.fail('hang')
    const api = await harness.start({
      bearerAuth: setupOptions(harness.adapter, { setup: 'entra' }, issuer),
      routes: [{ path: '/', handle: () => ++runs }],
      errorHandler: 'default',
    })
    stops.push(
      () => api.stop(),
      () => issuer.stop(),
    )
    const startedAt = performance.now()
    answered = sendRequest(api.origin, { authorization: [`Bearer ${tokenWith()}`] }).then((answer) => ({
      answer,
      seconds: (performance.now() - startedAt) / 1000,
    }))
  })
  afterAll(async () => {
    for (const stop of stops) await stop()
  })

  return () => {
    it('answers 503 when a silent issuer has used up its five seconds', async () => {
      const { answer, seconds } = await answered
      expect(answer.status).toBe(503)
      expect(answer.header('retry-after')).toEqual([expect.stringMatching(/^[1-9]\d*$/)])
      expect(answer.header('www-authenticate')).toEqual([])
      expect(runs).toBe(0)
      expect(seconds).toBeGreaterThan(4.5)
      expect(seconds).toBeLessThan(15)
    })
  }
}
