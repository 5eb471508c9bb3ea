import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AdapterHarness, RunningApi } from './contract/harness.js'
import { tenantId } from './identities.js'
import { sendRequest, type Answer } from './send-request.js'
import { tokenWith } from './tokens.js'

/** The testing entry of a package. */
interface TestAuth {
  readonly validator: unknown
  signIn(identity: object | null): void
  headersOf(identity: object): { authorization: string }
  refusedHeaders(code: string): { authorization: string }
}

/** Identities of a test on a real server of the framework. */
export function describeTestAuth<TrustedIssuer>(
  createTestAuth: () => TestAuth,
  harness: AdapterHarness<TrustedIssuer>,
): void {
  const { adapter } = harness
  const user = { kind: 'delegated', tenantId, objectId: 'mara', scopes: ['Files.Read'], clientId: 'app' }
  const daemon = { kind: 'application', roles: 'Files.Read.All', clientId: 'job' }

  describe('identities of a test', () => {
    const test = createTestAuth()
    let api: RunningApi
    let open: RunningApi

    beforeAll(async () => {
      const handle = (auth: unknown): unknown => ({ auth })
      const routes = [
        { path: '/', handle },
        {
          path: '/files',
          permission: adapter.anyOf([
            { delegated: { scopes: 'Files.Read' } },
            { application: { roles: 'Files.Read.All' } },
          ]),
          handle,
        },
        {
          path: '/own',
          permission: adapter.condition('own', ({ subject }) => subject === 'mara'),
          handle,
        },
        { path: '/strong', permission: adapter.authContext('c1'), handle },
      ]
      const validator = test.validator as never
      ;[api, open] = await Promise.all([
        harness.start({ bearerAuth: { validator }, routes, errorHandler: 'default' }),
        harness.start({ bearerAuth: { validator, allowAnonymous: true }, routes, errorHandler: 'default' }),
      ])
    })
    afterAll(() => Promise.all([api.stop(), open.stop()]))

    const ask = (path: string, headers?: { authorization: string }): Promise<Answer> =>
      sendRequest(api.origin, { path, authorization: headers === undefined ? [] : [headers.authorization] })
    const statusOf = async (...asked: Parameters<typeof ask>): Promise<number> => (await ask(...asked)).status

    it('are of one request each, by their header', async () => {
      const [mara, job] = [test.headersOf(user), test.headersOf(daemon)]
      const answer = await ask('/files', mara)
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toMatchObject({
        auth: {
          kind: 'delegated',
          version: '2.0',
          tenantId,
          objectId: 'mara',
          subject: 'mara',
          clientId: 'app',
          scopes: ['Files.Read'],
          userRoles: [],
          issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
          claims: { scp: 'Files.Read', oid: 'mara', azp: 'app' },
        },
      })
      expect(JSON.parse((await ask('/files', job)).body)).toMatchObject({
        auth: { kind: 'application', roles: ['Files.Read.All'], issuer: 'https://issuer.test' },
      })
      expect(await statusOf('/files')).toBe(401)
    })

    it('meet guards and conditions as callers do', async () => {
      expect(await statusOf('/files', test.headersOf({ ...user, scopes: 'Other' }))).toBe(403)
      expect(await statusOf('/files', test.headersOf({ kind: 'unknown', scopes: 'Files.Read' }))).toBe(403)
      expect(await statusOf('/own', test.headersOf(user))).toBe(200)
      expect(await statusOf('/own', test.headersOf(daemon))).toBe(403)
      expect(await statusOf('/strong', test.headersOf({ ...user, claims: { acrs: ['c1'] } }))).toBe(200)
      const challenge = await ask('/strong', test.headersOf({ ...user, claims: { xms_cc: ['cp1'] } }))
      expect(challenge.header('www-authenticate')[0]).toMatch(/^Bearer error="insufficient_claims"/)
    })

    it('are of all requests without a header, once somebody is signed in', async () => {
      test.signIn(user)
      expect(await statusOf('/files')).toBe(200)
      expect(await statusOf('/own', test.headersOf(daemon))).toBe(403)
      test.signIn(null)
      const answer = await ask('/files')
      expect([answer.status, answer.header('www-authenticate')]).toEqual([401, ['Bearer']])
    })

    it('are absent for anonymous callers, where these are allowed', async () => {
      expect(JSON.parse((await sendRequest(open.origin)).body)).toEqual({ auth: null })
      expect((await sendRequest(open.origin, { path: '/files' })).status).toBe(401)
    })

    it('may be refused as a bad token is', async () => {
      for (const code of ['token_expired', 'keys_unavailable', 'client_not_allowed']) {
        expect(await statusOf('/', test.refusedHeaders(code))).toBe(adapter.refusals[code]?.status)
      }
    })

    it('are no real token, and no real token is one', async () => {
      const answer = await ask('/', { authorization: `Bearer ${tokenWith()}` })
      expect(answer.status).toBe(401)
      expect(answer.header('www-authenticate')[0]).toContain('invalid_token')
    })

    it.each([
      undefined,
      {},
      { kind: 'user' },
      { kind: 'delegated', roles: 'x' },
      { kind: 'delegated', scopes: [7] },
    ])('of %j are a TypeError', (identity) => {
      expect(() => test.headersOf(identity as object)).toThrow(TypeError)
      expect(() => test.signIn(identity as object)).toThrow(TypeError)
    })

    it('have no refusal of an unknown code', () => {
      expect(() => test.refusedHeaders('nothing')).toThrow(TypeError)
    })
  })
}
