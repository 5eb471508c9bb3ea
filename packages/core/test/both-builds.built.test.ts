import { createRequire } from 'node:module'
import * as imported from '@countersign/core'
import {
  clock,
  genericAudience,
  pairsOfBuilds,
  signedByStaticKey,
  staticKey,
} from '@countersign/test-fixtures'
import { describe, expect, it } from 'vitest'

const required = createRequire(import.meta.url)('@countersign/core') as typeof imported
const builds = { import: imported, require: required }

describe('the ES modules and the CommonJS build in one process', () => {
  it.each(pairsOfBuilds)(
    'the issuer and the anyOf made by %s work in the validator made by %s, whose error the first recognises',
    async (one, other) => {
      const { [one]: making, [other]: taking } = builds
      const validator = taking.createTokenValidator({
        issuer: making.staticIssuer(staticKey),
        audience: genericAudience,
        permission: making.anyOf([{ scopes: 'Orders.Read' }, { scopes: 'Orders.Write' }]),
        clock,
      })
      expect(await validator.validateToken(signedByStaticKey('Orders.Write'))).toMatchObject({
        scopes: ['Orders.Write'],
      })
      const refusal: unknown = await validator
        .validateToken(signedByStaticKey('Orders.Delete'))
        .catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'scope_insufficient' })
      expect(refusal).toBeInstanceOf(taking.BearerError)
      expect(refusal).not.toBeInstanceOf(making.BearerError)
      expect(making.isBearerError(refusal)).toBe(true)
    },
  )

  it.each(pairsOfBuilds)('a copy of an issuer made by %s is refused by %s', (one, other) => {
    const issuer = { ...builds[one].staticIssuer(staticKey) }
    expect(() => builds[other].createTokenValidator({ issuer, audience: genericAudience })).toThrow(/issuer/)
  })
})
