import { afterAll, beforeAll, describe } from 'vitest'
import { describeAnonymous } from './contract/anonymous.js'
import { describeBeyondBearer } from './contract/beyond-bearer.js'
import { describeBodies } from './contract/bodies.js'
import { describeChallenges } from './contract/challenges.js'
import { describeForgotten } from './contract/forgotten.js'
import { describeHandler } from './contract/handler.js'
import type { AdapterHarness, Contract, ContractApi, RunningApi } from './contract/harness.js'
import { describeHostileHeaders } from './contract/hostile-headers.js'
import { describeIssuers } from './contract/issuers.js'
import { describeOutage } from './contract/outage.js'
import { describeDpop } from './contract/dpop.js'
import { describeMutualTls } from './contract/mutual-tls.js'
import { describeRows } from './contract/rows.js'
import { describeSources } from './contract/sources.js'
import { prepareSilence } from './contract/silence.js'
import { startIssuer, type Issuer } from './issuer.js'

/** Every combination of version, error handler and cache: set by `npm run test:whole` and in CI. */
const isWhole = process.env.COUNTERSIGN_WHOLE === '1'

/**
 * One contract for every adapter: the same requests, the same status, the same challenge byte for byte. Of several versions of
 * a framework the first runs whole, the others with one error handler and one cache, which a version has no part in.
 */
export function describeAdapterContract<TrustedIssuer>(
  versions: readonly (readonly [name: string, harness: AdapterHarness<TrustedIssuer>])[],
): void {
  for (const [index, [name, harness]] of versions.entries()) {
    describeVersion(name, harness, isWhole || index === 0)
  }
}

function describeVersion<TrustedIssuer>(
  name: string,
  harness: AdapterHarness<TrustedIssuer>,
  isInEveryCombination: boolean,
): void {
  const itOutlastsSilence = prepareSilence(harness)

  describe(name, () => {
    let issuer: Issuer
    const running = new Set<RunningApi>()

    beforeAll(async () => {
      issuer = await startIssuer()
    })

    afterAll(async () => {
      await Promise.all([...running].map((api) => api.stop()))
      await issuer.stop()
    })

    async function start(api: ContractApi<TrustedIssuer>): Promise<RunningApi> {
      const started = await harness.start(api)
      running.add(started)
      return started
    }

    const errorHandlers = isInEveryCombination ? (['default', 'custom'] as const) : (['default'] as const)
    describe.each(errorHandlers)('with the %s error handler', (errorHandler) => {
      let handlerRuns = 0
      const handle = (auth: unknown): unknown => {
        handlerRuns++
        return { auth }
      }
      const contract: Contract<TrustedIssuer> = {
        adapter: harness.adapter,
        errorHandler,
        waitsForBody: errorHandler === 'default' && harness.defaultHandlerReadsBody,
        issuer: () => issuer,
        start: (bearerAuth, routes = [{ path: '/', handle }], metadata?) =>
          start({ bearerAuth, routes, errorHandler, ...(metadata && { metadata }) }),
        handle,
        handlerRuns: () => handlerRuns,
      }

      // Which token is refused is core's, and depends on no framework: in the short form every row is sent once.
      const selection =
        isWhole || (isInEveryCombination && errorHandler === 'default') ? 'all' : 'one of each code'
      const again = isWhole ? 'all' : 'one of each code'
      describeRows(contract, 'and a token cache', { maxEntries: 10_000 }, selection)
      describeDpop(contract, 'and a token cache', { maxEntries: 10_000 })
      describeMutualTls(contract, 'and a token cache', { maxEntries: 10_000 })
      describeBeyondBearer(contract, 'and a token cache', { maxEntries: 10_000 })
      // What an error handler does depends on no cache.
      if (errorHandler === 'default' && isInEveryCombination) {
        describeRows(contract, 'and a token cache of one', { maxEntries: 1 }, again)
        describeRows(contract, 'and no token cache', false, again)
        describeDpop(contract, 'and a token cache of one', { maxEntries: 1 })
        describeMutualTls(contract, 'and a token cache of one', { maxEntries: 1 })
        describeBeyondBearer(contract, 'and a token cache of one', { maxEntries: 1 })
        describeDpop(contract, 'and no token cache', false)
        describeMutualTls(contract, 'and no token cache', false)
        describeBeyondBearer(contract, 'and no token cache', false)
      }
      describeAnonymous(contract)
      describeHandler(contract)
      describeBodies(contract)
      describeHostileHeaders(contract)
      describeChallenges(contract)
      describeIssuers(contract)
      describeSources(contract)
      describeForgotten(contract, (permission) =>
        start({ routes: [{ path: '/', permission, handle }], errorHandler }),
      )
      describeOutage(contract)
    })

    itOutlastsSilence()
  })
}
