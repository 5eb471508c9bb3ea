import { describe, expect, it } from 'vitest'
import { acceptedRequests } from '../accepted-requests.js'
import { authorizationValues, refusedRequests } from '../refused-requests.js'
import { sendRequest } from '../send-request.js'
import { setupOptions, type Permission, type Situation } from '../setups.js'
import { expectNoSecret, expectNothingPersonal, expectNoToken, expectRefusal } from './expectations.js'
import type { Contract, ContractRoute, ObservedEvent, RunningApi } from './harness.js'

/** Which rows are sent: all, or one for each code and some that are accepted. */
export type RowSelection = 'all' | 'one of each code'

/** Every row of both tables: what is answered, what the handler sees, what observers receive. */
export function describeRows<TrustedIssuer>(
  contract: Contract<TrustedIssuer>,
  name: string,
  tokenCache: false | { readonly maxEntries: number },
  selection: RowSelection,
): void {
  const { adapter, handle, handlerRuns } = contract

  interface ObservedApi extends RunningApi {
    readonly accepted: object[]
    readonly refused: ObservedEvent[]
  }

  // Rows that need the same validator share a server, with one route for each permission among them.
  const servers = new Map<string, Promise<ObservedApi>>()
  function serverFor(row: Situation): Promise<ObservedApi> {
    const key = validatorKey(row)
    let server = servers.get(key)
    if (server === undefined) servers.set(key, (server = startFor(row, key)))
    return server
  }

  async function startFor(row: Situation, key: string): Promise<ObservedApi> {
    const rows: readonly Situation[] = [...refusedRequests, ...acceptedRequests]
    const routes = new Map<string, ContractRoute>()
    for (const { permission } of rows.filter((other) => validatorKey(other) === key)) {
      const path = pathOf(permission)
      routes.set(path, { path, ...(permission && { permission }), handle })
    }
    const accepted: object[] = []
    const refused: ObservedEvent[] = []
    const api = await contract.start(
      {
        ...setupOptions(adapter, row, contract.issuer()),
        tokenCache,
        onAccepted: (event) => accepted.push(event),
        onRefused: (event) => refused.push(event),
      },
      [...routes.values()],
    )
    return Object.assign(api, { accepted, refused })
  }

  describe(name, () => {
    it('has a row for every refusal that a request can cause', () => {
      const codes = new Set(refusedRequests.map(({ code }) => code))
      const missing = Object.keys(adapter.refusals).filter((code) => !codes.has(code))
      // A cookie's origin, introspection, sender proofs, revocation and conditions have tests of their own. The rest is not
      // the request's fault: an outage, two issuers that match, and a policy that fails.
      expect(missing).toEqual([
        'origin_not_allowed',
        'token_inactive',
        'sender_binding_missing',
        'dpop_proof_invalid',
        'dpop_nonce_required',
        'token_revoked',
        'token_life_too_long',
        'claims_required',
        'authentication_insufficient',
        'auth_context_missing',
        'condition_refused',
        'keys_unavailable',
        'introspection_unavailable',
        'issuer_ambiguous',
        'check_unavailable',
      ])
    })

    it.each(titled(selection === 'all' ? refusedRequests : oneOfEachCode))('refuses %s', async (_, row) => {
      const api = await serverFor(row)
      const path = pathOf(row.permission)
      const authorization = authorizationValues(row.make())
      const loggedBefore = api.logs().length
      const toldBefore = [api.accepted.length, api.refused.length]
      const answer = await expectRefusal(
        contract,
        () => sendRequest(api.origin, { path, authorization }),
        row.code,
        { scope: row.scope },
      )
      expectNoSecret(answer.text, authorization)
      expectNoSecret(api.logs().slice(loggedBefore), authorization)

      const accepted = api.accepted.slice(toldBefore[0])
      const refused = api.refused.slice(toldBefore[1])
      const { code, status, claim, reason } = row
      const expected = { code, status, ...(claim && { claim }), ...(reason && { reason }) }
      expect(refused).toEqual([{ ...refused[0], ...expected }])
      // Where a route's guard refuses, the token itself was accepted before.
      expect(accepted).toHaveLength(row.permission === undefined ? 0 : 1)
      expectNothingPersonal(JSON.stringify([accepted, refused]), authorization)
    })

    // The second time the token is known, where it is remembered.
    it.each(titled(selection === 'all' ? acceptedRequests : someAccepted))(
      'accepts %s, twice',
      async (_, row) => {
        const api = await serverFor(row)
        const path = pathOf(row.permission)
        const authorization = authorizationValues(row.make())
        const loggedBefore = api.logs().length
        const toldBefore = [api.accepted.length, api.refused.length]
        const runsBefore = handlerRuns()
        for (let time = 0; time < 2; time++) {
          const answer = await sendRequest(api.origin, { path, authorization })
          expect(answer.status).toBe(200)
          expect(JSON.parse(answer.body)).toMatchObject({ auth: row.auth })
          expect(answer.header('www-authenticate')).toEqual([])
          // The handler answers with the claims; the token itself must not be among them.
          expectNoToken(answer.text, authorization)
        }
        expect(handlerRuns()).toBe(runsBefore + 2)
        expectNoSecret(api.logs().slice(loggedBefore), authorization)
        expect(api.accepted.slice(toldBefore[0])).toEqual([
          expect.objectContaining({ fromCache: expect.any(Boolean) }),
          expect.objectContaining({ fromCache: tokenCache !== false }),
        ])
        expect(api.refused.slice(toldBefore[1])).toEqual([])
        expectNothingPersonal(JSON.stringify(api.accepted.slice(toldBefore[0])), authorization)
      },
    )
  })
}

const oneOfEachCode = refusedRequests.filter(
  ({ code }, index) => refusedRequests.findIndex((row) => row.code === code) === index,
)
const someAccepted = acceptedRequests.filter((_, index) => index % 8 === 0)

/** Rows with their titles: a refusal's ends in its code. */
const titled = <Row extends { name: string; code?: string }>(rows: readonly Row[]): [string, Row][] =>
  rows.map((row) => [row.code === undefined ? row.name : `${row.name} with ${row.code}`, row])

const validatorKey = ({ setup, issuerOptions, options }: Situation): string =>
  JSON.stringify([setup, issuerOptions, options])

/** A path of its own for each permission. */
function pathOf(permission: Permission | undefined): string {
  if (permission === undefined) return '/'
  return `/${Buffer.from(JSON.stringify(permission)).toString('hex')}`
}
