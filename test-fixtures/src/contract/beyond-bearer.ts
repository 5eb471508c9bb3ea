import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { genericAudience, genericIssuer, genericSubject, tenantId, userClientId } from '../identities.js'
import { sendRequest, type Answer } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectNoToken, expectRefusal } from './expectations.js'
import type { Contract, ObservedEvent, OpaquePermission, RunningApi } from './harness.js'

/** Conditions, step-up and revocation: what is decided at every use, whatever the cache. */
export function describeBeyondBearer<TrustedIssuer>(
  contract: Contract<TrustedIssuer>,
  name: string,
  tokenCache: false | { readonly maxEntries: number },
): void {
  const { adapter, handle } = contract
  const delegated = { delegated: { scopes: 'Files.Read' } }

  /** An API that trusts Entra and another issuer. */
  function bothIssuers() {
    const issuer = contract.issuer()
    const { issuer: entra, clock } = setupOptions(adapter, { setup: 'entra' }, issuer)
    const { genericMetadataUrl: metadataUrl } = issuer
    const generic = adapter.oidcIssuer({ issuer: genericIssuer, metadataUrl, audience: genericAudience })
    return { issuer: [entra, generic], clock }
  }

  describe(`what is decided at every use ${name}`, () => {
    let api: RunningApi
    let isOpen: unknown
    let isRevoked: unknown
    const events: ObservedEvent[] = []
    const seen: unknown[] = []

    /** One condition that answers, throws or hangs as a test says, with the request that the framework gives it. */
    const gate = adapter.condition('gate', (_token, request: { readonly url?: string }) => {
      seen.push(request.url)
      if (isOpen instanceof Error) throw isOpen
      return isOpen as boolean
    })
    const routes: Record<string, OpaquePermission> = {
      '/gate': gate,
      '/both': adapter.allOf([delegated, gate]),
      '/either': adapter.anyOf([{ scopes: 'nothing' }, gate]),
      '/context': adapter.authContext('c1'),
      '/recent': adapter.authentication({ acr: 'phr', maxAgeSeconds: 300 }),
    }

    beforeAll(async () => {
      api = await contract.start(
        {
          ...bothIssuers(),
          tokenCache,
          revocation: {
            isRevoked() {
              if (isRevoked instanceof Error) throw isRevoked
              return isRevoked as boolean
            },
          },
          onRefused: (event) => events.push(event),
        },
        [
          { path: '/', handle },
          ...Object.entries(routes).map(([path, permission]) => ({ path, permission, handle })),
        ],
      )
    })

    beforeEach(() => {
      isOpen = true
      isRevoked = false
      events.length = seen.length = 0
    })

    const send = (path: string, token: string): Promise<Answer> =>
      sendRequest(api.origin, { path, authorization: [`Bearer ${token}`] })

    async function expectOpen(path: string, token: string): Promise<void> {
      expect((await send(path, token)).status).toBe(200)
    }

    async function expectClosed(
      path: string,
      token: string,
      code: string,
      more: Record<string, string | undefined> = {},
    ): Promise<void> {
      const answer = await expectRefusal(contract, () => send(path, token), code, more)
      expect(events.at(-1)?.code).toBe(code)
      expect(answer.text + api.logs()).not.toContain('a secret of the application')
      expectNoToken(answer.text + api.logs(), [`Bearer ${token}`])
    }

    it.each([
      ['true', true, undefined],
      ['a promise of true', Promise.resolve(true), undefined],
      ['false', false, 'condition_refused'],
      ['a promise of false', Promise.resolve(false), 'condition_refused'],
      ['something else', 'yes', 'check_unavailable'],
      ['a throw', new Error('a secret of the application'), 'check_unavailable'],
    ])('asks a condition each time, which answers with %s', async (_, answer, code) => {
      const token = tokenWith()
      await expectOpen('/gate', token)
      isOpen = answer
      if (code === undefined) return expectOpen('/gate', token)
      await expectClosed('/gate', token, code)
      expect(events.at(-1)?.reason).toBe('gate')
    })

    it('gives a condition the request of the framework', async () => {
      await expectOpen('/gate?order=7', tokenWith())
      expect(seen).toEqual(['/gate?order=7'])
    })

    it('combines conditions with permissions', async () => {
      await expectOpen('/both', tokenWith())
      await expectOpen('/either', tokenWith())
      isOpen = false
      await expectClosed('/both', tokenWith(), 'condition_refused')
      await expectClosed('/either', tokenWith(), 'condition_refused')
      seen.length = 0
      await expectClosed('/both', tokenWith({ claims: { scp: 'Other' } }), 'scope_insufficient', {
        scope: 'Files.Read',
      })
      expect(seen).toEqual([])
    })

    it('sends the claims challenge to a client that declares cp1, and to no other', async () => {
      await expectOpen('/context', tokenWith({ claims: { acrs: ['c1'] } }))
      await expectClosed('/context', tokenWith({ claims: { acrs: ['c2'] } }), 'auth_context_missing')
      const capable = tokenWith({ claims: { xms_cc: ['cp1'] } })
      const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
      await expectClosed('/context', capable, 'claims_required', {
        authorization_uri: `${contract.issuer().origin}/${tenantId}/oauth2/v2.0/authorize`,
        claims: Buffer.from(claims).toString('base64'),
        cc_type: 'authcontext',
      })
    })

    it('asks for authentication by acr_values and max_age', async () => {
      const now = bothIssuers().clock()
      const claims = { acr: 'phr', auth_time: now - 100 }
      await expectOpen('/recent', tokenWith({ from: 'generic', claims }))
      await expectClosed(
        '/recent',
        tokenWith({ from: 'generic', claims: { ...claims, auth_time: now - 1000 } }),
        'authentication_insufficient',
        { acr_values: 'phr', max_age: '300' },
      )
    })

    it.each([
      ['true', true, 'token_revoked'],
      ['a promise of true', Promise.resolve(true), 'token_revoked'],
      ['something else', 1, 'check_unavailable'],
      ['a throw', new Error('a secret of the application'), 'check_unavailable'],
    ])('asks about revocation each time, which answers with %s', async (_, answer, code) => {
      const token = tokenWith()
      await expectOpen('/', token)
      isRevoked = answer
      await expectClosed('/', token, code)
      isRevoked = false
      await expectOpen('/', token)
    })

    it('sends the nbf challenge to a client that declares cp1', async () => {
      const capable = tokenWith({ claims: { xms_cc: ['cp1'] } })
      const now = bothIssuers().clock()
      await expectOpen('/', capable)
      isRevoked = true
      const claims = `{"access_token":{"nbf":{"essential":true,"value":"${now}"}}}`
      await expectClosed('/', capable, 'claims_required', {
        authorization_uri: `${contract.issuer().origin}/${tenantId}/oauth2/v2.0/authorize`,
        claims: Buffer.from(claims).toString('base64'),
      })
    })
  })

  describe(`a revocation list ${name}`, () => {
    it('refuses a user and a client from the next request on', async () => {
      const issuers = bothIssuers()
      const revocation = adapter.createRevocationList({ maxTokenLifeSeconds: 7200, clock: issuers.clock })
      const { origin } = await contract.start({ ...issuers, tokenCache, revocation })
      const tokens = [tokenWith(), tokenWith({ from: 'generic' })]
      const statuses = (): Promise<number[]> =>
        Promise.all(
          tokens.map(
            async (token) => (await sendRequest(origin, { authorization: [`Bearer ${token}`] })).status,
          ),
        )
      expect(await statuses()).toEqual([200, 200])
      await revocation.revoke({ client: userClientId })
      expect(await statuses()).toEqual([401, 200])
      await revocation.revoke({ user: { issuer: genericIssuer, subject: genericSubject } })
      expect(await statuses()).toEqual([401, 401])
    })
  })
}
