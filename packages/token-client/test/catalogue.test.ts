import { aadsts, type AadstsCode, type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClient,
  type TokenClientAction,
} from '@countersign/token-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientId, objectId, refusalOf, target, tenantId, theSecret, userToken } from './setup.js'

/** The action for every refusal of the catalogue whose action is not `fix-configuration`. */
const actions: Partial<Record<AadstsCode, TokenClientAction>> = {
  50013: 'new-user-token',
  500131: 'new-user-token',
  500133: 'new-user-token',
  240002: 'new-user-token',
  16000: 'interact',
  50058: 'interact',
  50076: 'interact',
  50079: 'interact',
  50097: 'interact',
  50131: 'interact',
  50158: 'interact',
  50173: 'interact',
  53000: 'interact',
  53001: 'interact',
  53003: 'interact',
  70000: 'interact',
  70008: 'interact',
  70043: 'interact',
  700082: 'interact',
  700084: 'interact',
  65001: 'consent',
  65004: 'consent',
  90094: 'consent',
  50034: 'user-disabled',
  50057: 'user-disabled',
  50196: 'retry',
}

/** Refusals of grants that this client does not have: their `error` decides. */
const ofOtherGrants: ReadonlySet<number> = new Set([50126, 50148, 501481, 54005, 700005])

describe.each(['1.0', '2.0'] as const)('the catalogue of refusals, on the %s endpoint', (version) => {
  let emulator: Emulator

  beforeAll(async () => {
    emulator = await startEmulator({
      clock: fixedClock(1_800_000_000),
      registration: { tenants: [{ id: tenantId, domains: ['contoso.example'] }] },
    })
  })
  afterAll(() => emulator.stop())

  function connect(): TokenClient {
    return createTokenClient({
      authority: entraAuthority({ tenantId, version, cloud: emulator.cloud }),
      clientId,
      credential: clientSecret(theSecret),
      clock: emulator.clock.now,
    })
  }

  it.each(Object.keys(aadsts).map((code) => Number(code) as AadstsCode))(
    'gives AADSTS%s the action that helps, for a user and for the application',
    async (code) => {
      const clear = emulator.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code } })
      const token = userToken({ sub: `user ${code}`, oid: objectId })
      const error = await refusalOf(connect().acquireOnBehalfOf(token, target))
      const ofApplication = await refusalOf(connect().acquireForApp(target))
      clear()
      expect(error.service?.codes).toContain(code)
      if (!ofOtherGrants.has(code)) {
        const action = actions[code] ?? 'fix-configuration'
        expect([error.action, ofApplication.action]).toEqual([action, action])
      }
    },
  )

  it.each([
    [{ kind: 'status', status: 503 } as const, 'service_unavailable', 'retry'],
    [{ kind: 'reset' } as const, 'service_unreachable', 'retry'],
    [{ kind: 'malformedJson' } as const, 'request_refused', 'fix-configuration'],
    [{ kind: 'truncatedBody' } as const, 'service_unreachable', 'retry'],
  ])('reports a service that fails with %o by its code', async (effect, code, action) => {
    const clear = emulator.faults.add({ endpoint: 'token', effect })
    const error = await refusalOf(connect().acquireForApp(target))
    clear()
    expect(error).toMatchObject({ code, action })
  })
})
