import { describe, expect, test } from 'vitest'
import type { Emulator, RevokeConsentOptions } from '@countersign/emulator'
import {
  type Answer,
  askToken,
  ids,
  onBehalfOf,
  refusal,
  sendForm,
  signIn,
  signInAndRedeem,
  startTestEmulator,
  verified,
} from './support.js'

const refreshed = (emulator: Emulator, token: unknown): Promise<Answer> =>
  askToken(emulator, {
    grant_type: 'refresh_token',
    client_id: ids.native,
    refresh_token: String(token),
    scope: 'api://tier1/Things.Read',
  })

const onBehalf = (emulator: Emulator, assertion: unknown): Promise<Answer> =>
  askToken(emulator, onBehalfOf(assertion, { scope: 'api://v2/Things.Read' }))

const consentIsMissing = { status: 400, error: 'invalid_grant', code: 65001 }

describe('revokeConsent', () => {
  test('removes a tenant-wide grant: OBO is refused with AADSTS65001, and issued tokens stay valid', async () => {
    await using emulator = await startTestEmulator()
    const { body } = await signInAndRedeem(emulator)
    const issued = await onBehalf(emulator, body['access_token'])
    expect(issued.status).toBe(200)
    emulator.revokeConsent({ client: 'tier1', resource: 'v2' })
    const refused = await onBehalf(emulator, body['access_token'])
    expect([refusal(refused), refused.body['suberror']]).toEqual([consentIsMissing, 'consent_required'])
    expect((await verified(emulator, issued.body['access_token'])).claims['aud']).toBe(ids.v2)
  })

  test('removes what an administrator granted for everyone: refreshing is refused with AADSTS65001', async () => {
    await using emulator = await startTestEmulator()
    const page = await signIn(emulator, { user: 'carol@contoso.example' })
    await sendForm(emulator, page, { consent: 'accept', organization: 'true' })
    const { body } = await signInAndRedeem(emulator, { user: 'bob@contoso.example' })
    expect((await refreshed(emulator, body['refresh_token'])).status).toBe(200)
    emulator.revokeConsent({ client: 'native', resource: 'tier1' })
    expect(refusal(await refreshed(emulator, body['refresh_token']))).toEqual(consentIsMissing)
    // Alice consented for herself.
    const alice = await signInAndRedeem(emulator)
    expect((await refreshed(emulator, alice.body['refresh_token'])).status).toBe(200)
  })

  test("removes one user's consent, who is asked again at the next sign-in", async () => {
    await using emulator = await startTestEmulator()
    const { body } = await signInAndRedeem(emulator)
    emulator.revokeConsent({ client: 'native', resource: 'tier1', user: 'alice@contoso.example' })
    expect(refusal(await refreshed(emulator, body['refresh_token']))).toEqual(consentIsMissing)
    const page = await signIn(emulator)
    expect(page.html).toContain('name="consent" value="accept"')
  })

  test.each([
    [
      { client: 'nobody', resource: 'v2' },
      'revokeConsent: "client" must be an application of the registration',
    ],
    [{ client: 'native', resource: 'v2' }, 'revokeConsent: there is no such consent'],
    [{ client: 'native', resource: 'v2', users: 'x' }, 'revokeConsent: unknown option "users"'],
    [
      { client: 'native', resource: 'v2', user: 'x' },
      'revokeConsent: "user" must be a user of the registration',
    ],
  ])('throws a TypeError for %j, and removes nothing', async (options, message) => {
    await using emulator = await startTestEmulator()
    const before = await emulator.exportState()
    const revoke = (): void => emulator.revokeConsent(options as RevokeConsentOptions)
    expect(revoke).toThrow(TypeError)
    expect(revoke).toThrow(message)
    expect(await emulator.exportState()).toEqual(before)
  })
})
