import { aadsts, type AadstsCode, type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClient,
  type TokenClientErrorCode,
  type ValidatedUserToken,
} from '@countersign/token-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  clientId,
  createBench,
  objectId,
  refusalOf,
  target,
  tenantId,
  theSecret,
  userToken,
} from './setup.js'
import { refusal } from './token-endpoint.js'

/** For each refusal of the catalogue: the code on behalf of a user with the status for the caller, and of the other grants. */
interface Expected {
  readonly obo: readonly [TokenClientErrorCode, 401 | 403 | 500 | 503]
  /** Default: as on behalf of a user. */
  readonly app?: TokenClientErrorCode
  /** With the refresh token of a session. Default: as on behalf of a user. */
  readonly session?: TokenClientErrorCode
}

const signIn: Expected = { obo: ['interaction_required', 403] }
const consent: Expected = { obo: ['consent_required', 403] }
const noAccount: Expected = { obo: ['user_disabled', 403] }
const notAssigned: Expected = { obo: ['user_not_assigned', 403] }
const credential: Expected = { obo: ['client_credential_refused', 500] }
const expiredCredential: Expected = { obo: ['client_credential_expired', 500] }
const clientRefused: Expected = { obo: ['client_refused', 500] }
const targetRefused: Expected = { obo: ['target_refused', 500] }
const tenantUnknown: Expected = { obo: ['tenant_unknown', 500] }
const requestRefused: Expected = { obo: ['request_refused', 500] }
const ended: Expected = {
  obo: ['user_token_refused', 401],
  app: 'request_refused',
  session: 'session_needs_user',
}
/** Refusals of grants that this client does not have: their `error` decides. */
const ofOtherGrants: Expected = {
  obo: ['interaction_required', 403],
  app: 'request_refused',
  session: 'session_needs_user',
}

const catalogue: Readonly<Record<AadstsCode, Expected>> = {
  16000: signIn,
  28000: targetRefused,
  50011: requestRefused,
  50013: {
    obo: ['user_token_refused', 401],
    app: 'client_credential_refused',
    session: 'client_credential_refused',
  },
  50020: noAccount,
  50027: credential,
  50034: noAccount,
  50049: requestRefused,
  50057: noAccount,
  50058: signIn,
  50059: tenantUnknown,
  50076: signIn,
  50079: signIn,
  50097: signIn,
  50105: notAssigned,
  50126: ofOtherGrants,
  50131: signIn,
  50146: targetRefused,
  50148: ofOtherGrants,
  50158: signIn,
  50173: ended,
  50194: clientRefused,
  50196: { obo: ['throttled', 503] },
  53000: signIn,
  53001: signIn,
  53003: signIn,
  54005: ofOtherGrants,
  65001: consent,
  65004: consent,
  70000: ended,
  70003: requestRefused,
  70008: ended,
  70011: targetRefused,
  70016: requestRefused,
  70018: requestRefused,
  70019: requestRefused,
  70043: ended,
  90002: tenantUnknown,
  90009: clientRefused,
  90014: requestRefused,
  90027: requestRefused,
  90094: consent,
  240002: { obo: ['user_token_is_id_token', 401] },
  500011: targetRefused,
  500014: targetRefused,
  500112: credential,
  500131: {
    obo: ['user_token_audience_mismatch', 401],
    app: 'client_credential_refused',
    session: 'client_credential_refused',
  },
  500133: {
    obo: ['user_token_expired', 401],
    app: 'client_credential_expired',
    session: 'client_credential_expired',
  },
  501051: notAssigned,
  501461: targetRefused,
  501481: ofOtherGrants,
  501491: requestRefused,
  650053: targetRefused,
  650057: clientRefused,
  700005: ofOtherGrants,
  700016: clientRefused,
  700021: credential,
  700022: targetRefused,
  700023: credential,
  700024: expiredCredential,
  700025: credential,
  700027: credential,
  700038: clientRefused,
  700051: requestRefused,
  700054: requestRefused,
  700082: ended,
  700084: ended,
  700211: credential,
  700212: credential,
  700213: credential,
  700229: credential,
  900023: tenantUnknown,
  900144: requestRefused,
  900561: requestRefused,
  1000502: expiredCredential,
  1002012: targetRefused,
  1003031: requestRefused,
  1100001: requestRefused,
  7000112: clientRefused,
  7000114: {
    obo: ['user_token_is_application_token', 403],
    app: 'client_refused',
    session: 'client_refused',
  },
  7000215: credential,
  7000216: credential,
  7000218: credential,
  7000222: expiredCredential,
  7000229: clientRefused,
  9000411: requestRefused,
  9001023: requestRefused,
  9002313: requestRefused,
  9002325: requestRefused,
  9002326: requestRefused,
  9002327: requestRefused,
  9002331: requestRefused,
  9002332: requestRefused,
  9010010: targetRefused,
}

const codes = Object.keys(aadsts).map((code) => Number(code) as AadstsCode)

function validatedToken(token: string): ValidatedUserToken {
  return { kind: 'delegated', issuer: 'https://issuer.example', token, tenantId }
}

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

  it.each(codes)('gives AADSTS%s its code and status, for a user and for the application', async (code) => {
    const { obo, app = obo[0] } = catalogue[code]
    const clear = emulator.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code } })
    const token = validatedToken(userToken({ sub: `user ${code}`, oid: objectId }))
    const error = await refusalOf(connect().acquireOnBehalfOf(token, target))
    const ofApplication = await refusalOf(connect().acquireForApp(target))
    clear()
    expect(error.service?.codes).toContain(code)
    expect([error.code, error.status]).toEqual(obo)
    expect(ofApplication.code).toBe(app)
  })

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

describe('the catalogue of refusals, with the refresh token of a session', () => {
  it.each(codes)('gives AADSTS%s its code', async (code) => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    const { error, status, suberror } = aadsts[code]
    endpoint.answer = () => ({ ...refusal(error, code, suberror === undefined ? {} : { suberror }), status })
    const { obo, session: expected = obo[0] } = catalogue[code]
    expect(await refusalOf(session.acquire({ resource: 'api://other' }))).toMatchObject({
      code: expected,
      service: { codes: [code] },
    })
  })
})
