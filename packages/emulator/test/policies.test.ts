import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  type ConditionalAccessRegistration,
  type Emulator,
  fixedClock,
  type TenantRegistration,
  startEmulator,
} from '@countersign/emulator'
import {
  type Answer,
  askToken,
  createPkce,
  type Form,
  ids,
  nativeRedirectUri,
  onBehalfOf,
  type Page,
  refusal,
  secrets,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
  withContoso,
} from './support.js'

const policyId = '66666666-0000-4000-8000-000000000001'

const startWith = (changes: Partial<TenantRegistration>): Promise<Emulator> =>
  startEmulator({ registration: withContoso(changes), clock: fixedClock(start) })

const startWithPolicy = (policy: Partial<ConditionalAccessRegistration>): Promise<Emulator> =>
  startWith({
    conditionalAccess: [{ id: policyId, displayName: 'the policy', demand: 'mfa', ...policy }],
  })

const capolids = JSON.stringify({ access_token: { capolids: { essential: true, values: [policyId] } } })

/** The middle tier asks for the API behind it, with a token of its caller. */
const onBehalf = (
  emulator: Emulator,
  assertion: unknown,
  version: '1.0' | '2.0' = '2.0',
  more: Form = {},
): Promise<Answer> =>
  askToken(
    emulator,
    onBehalfOf(assertion, {
      ...(version === '1.0' ? { resource: 'api://v2' } : { scope: 'api://v2/Things.Read offline_access' }),
      ...more,
    }),
    { version },
  )

async function redeem(emulator: Emulator, page: Page, verifier: string, more: Form = {}): Promise<Answer> {
  return askToken(emulator, {
    grant_type: 'authorization_code',
    client_id: ids.native,
    redirect_uri: nativeRedirectUri,
    code: page.location?.searchParams.get('code') ?? '',
    code_verifier: verifier,
    ...more,
  })
}

describe('Conditional Access for an API behind a middle tier', () => {
  test('refuses OBO with claims, and allows it after a sign-in with these claims', async () => {
    await using emulator = await startWithPolicy({ resources: ['v2'] })
    const { body } = await signInAndRedeem(emulator)
    const stopped = await onBehalf(emulator, body['access_token'])
    expect(stopped.status).toBe(400)
    expect(Object.keys(stopped.body)).toEqual([
      'error',
      'error_description',
      'error_codes',
      'timestamp',
      'trace_id',
      'correlation_id',
      'error_uri',
      'suberror',
      'claims',
    ])
    expect(stopped.body).toMatchObject({
      error: 'invalid_grant',
      error_codes: [50076],
      suberror: 'basic_action',
      claims: capolids,
    })

    const pkce = createPkce()
    const demand = await signIn(emulator, { pkce, query: { claims: String(stopped.body['claims']) } })
    expect(demand.html).toContain('the policy')
    expect(demand.html).toContain('a second factor')
    const done = await sendForm(emulator, demand, { proof: 'approve' })
    const again = await redeem(emulator, done, pkce.verifier)
    const passed = await onBehalf(emulator, again.body['access_token'])
    expect(passed.status).toBe(200)
    // What the middle tier keeps for later has passed as well.
    const later = await askToken(emulator, {
      grant_type: 'refresh_token',
      client_id: ids.tier1,
      client_secret: secrets.tier1,
      refresh_token: String(passed.body['refresh_token']),
      scope: 'api://v2/Things.Read',
    })
    expect(later.status).toBe(200)
  })

  test.each([
    ['mfa', '2.0', 50076, 'invalid_grant', 'basic_action'],
    ['mfa', '1.0', 50076, 'interaction_required', 'basic_action'],
    ['mfaEnrolment', '2.0', 50079, 'interaction_required', 'basic_action'],
    ['deviceAuthentication', '2.0', 50097, 'interaction_required', 'basic_action'],
    ['otherCondition', '2.0', 50131, 'interaction_required', 'basic_action'],
    ['externalControl', '2.0', 50158, 'interaction_required', 'basic_action'],
    ['compliantDevice', '2.0', 53000, 'interaction_required', 'message_only'],
    ['joinedDevice', '2.0', 53001, 'interaction_required', 'message_only'],
    ['block', '2.0', 53003, 'invalid_grant', 'message_only'],
    ['block', '1.0', 53003, 'interaction_required', 'message_only'],
  ] as const)(
    'answers %s on v%s with AADSTS%i, %s and %s',
    async (demand, version, code, error, suberror) => {
      await using emulator = await startWithPolicy({ demand, resources: ['v2'] })
      const { body } = await signInAndRedeem(emulator)
      const stopped = await onBehalf(emulator, body['access_token'], version)
      expect(refusal(stopped)).toEqual({ status: 400, error, code })
      expect(stopped.body).toMatchObject({ suberror, claims: capolids })
    },
  )

  test('applies to the named users, clients and APIs alone', async () => {
    for (const policy of [{ users: ['bob@contoso.example'] }, { clients: ['web'] }, { resources: ['v1'] }]) {
      await using emulator = await startWithPolicy(policy)
      const { body } = await signInAndRedeem(emulator)
      expect((await onBehalf(emulator, body['access_token'])).status).toBe(200)
    }
  })
})

describe('Conditional Access at the sign-in page', () => {
  test('asks for the second factor, and sends a refusal by the user to the client', async () => {
    await using emulator = await startWithPolicy({ clients: ['native'] })
    const demand = await signIn(emulator)
    expect(demand.html).toContain('a second factor')
    const denied = await sendForm(emulator, demand, { proof: 'deny' })
    expect(denied.location?.searchParams.get('error')).toBe('access_denied')
    const done = await sendForm(emulator, await signIn(emulator), { proof: 'approve' })
    expect(done.location?.searchParams.has('code')).toBe(true)
  })

  test('names the second factor in amr of v1.0 tokens', async () => {
    await using emulator = await startWithPolicy({ clients: ['native'] })
    const pkce = createPkce()
    const query = { scope: 'api://v1/Things.Read' }
    const done = await sendForm(emulator, await signIn(emulator, { pkce, query }), { proof: 'approve' })
    const { body } = await redeem(emulator, done, pkce.verifier)
    expect(decodeJwt(String(body['access_token']))['amr']).toEqual(['pwd', 'mfa'])
  })

  test('shows the user what blocks, and sends nothing to the client', async () => {
    await using emulator = await startWithPolicy({ demand: 'block' })
    const page = await signIn(emulator)
    expect([page.status, page.location]).toEqual([400, undefined])
    expect(page.html).toContain('AADSTS53003:')
  })
})

test('a policy for workloads blocks an application that acts as itself, and no user', async () => {
  await using emulator = await startWithPolicy({ kind: 'workload', demand: 'block', clients: ['daemon'] })
  const answer = await askToken(emulator, {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    client_secret: secrets.daemon,
    scope: 'api://v2/.default',
  })
  expect(refusal(answer)).toEqual({ status: 400, error: 'invalid_grant', code: 53003 })
  expect(answer.body).toMatchObject({ suberror: 'message_only', claims: capolids })
  expect((await signInAndRedeem(emulator)).status).toBe(200)
})

describe('an authentication context', () => {
  const claims = JSON.stringify({ access_token: { acrs: { essential: true, value: 'c1' } } })

  test('is in acrs after a sign-in that was asked for it', async () => {
    await using emulator = await startWith({ authenticationContexts: ['c1'] })
    const pkce = createPkce()
    const demand = await signIn(emulator, { pkce, query: { claims } })
    expect(demand.html).toContain('<strong>c1</strong>')
    const done = await sendForm(emulator, demand, { proof: 'approve' })
    const { body } = await redeem(emulator, done, pkce.verifier, { claims })
    expect(decodeJwt(String(body['access_token']))['acrs']).toEqual(['c1'])
  })

  test('is refused silently: the answer names it in claims', async () => {
    await using emulator = await startWith({ authenticationContexts: ['c1'] })
    const { body } = await signInAndRedeem(emulator)
    expect(decodeJwt(String(body['access_token']))).not.toHaveProperty('acrs')
    const answer = await onBehalf(emulator, body['access_token'], '2.0', { claims })
    expect(answer.body).toMatchObject({ error_codes: [50076], claims })
  })
})

describe('continuous access evaluation', () => {
  const cp1 = JSON.stringify({ access_token: { xms_cc: { values: ['cp1'] } } })
  const client = {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    client_secret: secrets.daemon,
    scope: 'api://v2/.default',
  }

  test('gives a client with the capability cp1 a token for a day with xms_cc, and another client neither', async () => {
    await using emulator = await startWith({})
    const long = await askToken(emulator, { ...client, claims: cp1 })
    expect(long.body['expires_in']).toBe(86_399)
    expect(decodeJwt(String(long.body['access_token']))['xms_cc']).toEqual(['cp1'])
    const short = await askToken(emulator, client)
    expect(short.body['expires_in']).toBe(3599)
    expect(decodeJwt(String(short.body['access_token']))).not.toHaveProperty('xms_cc')
  })

  test('honours the claims of a challenge: the new token is not older than asked', async () => {
    await using emulator = await startWith({})
    const value = String(start - 10)
    const claims = JSON.stringify({
      access_token: { nbf: { essential: true, value }, xms_cc: { values: ['cp1'] } },
    })
    const { body } = await askToken(emulator, { ...client, claims })
    expect(decodeJwt(String(body['access_token'])).nbf).toBe(start - 10)
  })

  test('lists a revocation when an API can know it, and refuses the user with AADSTS50173', async () => {
    await using emulator = await startWith({})
    const { body } = await signInAndRedeem(emulator)
    emulator.users.revokeSessions('alice@contoso.example', { visibleAfterSeconds: 300 })
    expect(emulator.revocations).toEqual([])
    const refused = await onBehalf(emulator, body['access_token'])
    expect(refusal(refused)).toEqual({ status: 400, error: 'invalid_grant', code: 50173 })
    const renewed = await askToken(emulator, {
      grant_type: 'refresh_token',
      client_id: ids.native,
      refresh_token: String(body['refresh_token']),
    })
    expect(refusal(renewed).code).toBe(50173)
    emulator.clock.advance(300)
    const known = [
      { tenantId: ids.contoso, objectId: ids.alice, reason: 'sessions_revoked', revokedAt: start },
    ]
    expect(emulator.revocations).toMatchObject(known)
    const response = await fetch(`${emulator.origin}/_/revocations`)
    expect(await response.json()).toMatchObject({ revocations: known })
    expect((await signInAndRedeem(emulator)).status).toBe(200)
  })

  test('a disabled user is refused with AADSTS50057 until enabled again', async () => {
    await using emulator = await startWith({})
    const { body } = await signInAndRedeem(emulator)
    emulator.users.disable('alice@contoso.example')
    expect(refusal(await onBehalf(emulator, body['access_token'])).code).toBe(50057)
    emulator.users.enable('alice@contoso.example')
    expect((await onBehalf(emulator, body['access_token'])).status).toBe(200)
  })
})

test('a sign-in is refreshed no longer than signInFrequencySeconds: AADSTS70043', async () => {
  await using emulator = await startWith({ signInFrequencySeconds: 7200 })
  const { body } = await signInAndRedeem(emulator)
  const form = {
    grant_type: 'refresh_token',
    client_id: ids.native,
    refresh_token: String(body['refresh_token']),
  }
  emulator.clock.advance(7199)
  expect((await askToken(emulator, form)).status).toBe(200)
  emulator.clock.advance(1)
  expect(refusal(await askToken(emulator, form)).code).toBe(70043)
})
