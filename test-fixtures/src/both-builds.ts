import { describe, expect, it } from 'vitest'
import { clock } from './clock.js'
import type { Adapter, AdapterHarness } from './contract/harness.js'
import { genericAudience, genericClientId, genericIssuer } from './identities.js'
import { signingKey } from './keys.js'
import { sendRequest } from './send-request.js'
import { tokenWith } from './tokens.js'

/** A package twice in one process: as `import` and as `require` load it from `dist`. */
export interface BothBuilds<Package> {
  readonly import: Package
  readonly require: Package
}

/** One build that makes a value, and the other build that accepts it. */
export const pairsOfBuilds = [
  ['import', 'require'],
  ['require', 'import'],
] as const

/** An adapter with what the mix needs of it. */
interface MixedAdapter<TrustedIssuer> extends Adapter<TrustedIssuer> {
  readonly requirePermission: unknown
}

/** The keys and the issuer of `signedByStaticKey`, for `staticIssuer`. */
export const staticKey = {
  issuer: genericIssuer,
  jwks: { keys: [signingKey('p256').jwk] },
}

/** A valid token with these scopes. Its key is quickly made: no RSA. */
export function signedByStaticKey(scope: string): string {
  return tokenWith({ from: 'rfc9068', key: 'p256', claims: { scope } })
}

/** What the tests of every adapter have in common: values of one build work in the other. */
export function describeBothBuilds<TrustedIssuer, Package extends MixedAdapter<TrustedIssuer>>(
  builds: BothBuilds<Package>,
  harnessOf: (adapter: Package) => AdapterHarness<TrustedIssuer>,
): void {
  describe('the ES modules and the CommonJS build in one process', () => {
    it('are two copies', () => {
      expect(builds.import.requirePermission).not.toBe(builds.require.requirePermission)
    })

    it.each(pairsOfBuilds)(
      'bearerAuth of %s accepts the issuer made by %s, whose guard accepts the conditions and the token of the first',
      async (one, other) => {
        const { [one]: authenticating, [other]: guarding } = builds
        const harness = harnessOf({ ...authenticating, requirePermission: guarding.requirePermission })
        let isOpen = true
        const permission = authenticating.allOf([
          authenticating.anyOf([
            { application: { roles: 'Orders.Read.All' } },
            { delegated: { scopes: 'Orders.Read' } },
          ]),
          authenticating.condition('is-open', () => isOpen),
        ])
        const revocation = guarding.createRevocationList({ maxTokenLifeSeconds: 7200, clock })
        const api = await harness.start({
          bearerAuth: {
            issuer: guarding.staticIssuer(staticKey),
            audience: genericAudience,
            clock,
            revocation,
          },
          routes: [{ path: '/', permission, handle: () => ({ passed: true }) }],
          errorHandler: 'default',
        })
        try {
          const status = async (...authorization: string[]): Promise<number> =>
            (await sendRequest(api.origin, { authorization })).status
          expect(await status(`Bearer ${signedByStaticKey('Orders.Read')}`)).toBe(200)
          expect(await status(`Bearer ${signedByStaticKey('Orders.Write')}`)).toBe(403)
          expect(await status()).toBe(401)
          isOpen = false
          expect(await status(`Bearer ${signedByStaticKey('Orders.Read')}`)).toBe(403)
          await revocation.revoke({ client: genericClientId })
          expect(await status(`Bearer ${signedByStaticKey('Orders.Read')}`)).toBe(401)
        } finally {
          await api.stop()
        }
      },
    )
  })
}
