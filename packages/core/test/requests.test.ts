import {
  acceptedRequests,
  authorizationValues,
  refusedRequests,
  setupOptions,
  startIssuer,
  type Issuer,
  type Situation,
  requestView,
} from '@countersign/test-fixtures'
import {
  BearerError,
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  refusals,
  type ValidatedToken,
} from '@countersign/core'
import { createGuard } from '@countersign/core/adapter'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.stop())

/** The same as an adapter: authenticate, then the route's guard. */
async function authenticate(
  row: Situation & { make(): string | readonly string[] },
  tokenCache: false | { maxEntries: number },
  times: number,
): Promise<ValidatedToken> {
  const validator = createTokenValidator({
    ...setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer),
    tokenCache,
  })
  const authorization = authorizationValues(row.make())
  let token = await validator.authenticate(requestView({ authorization }))
  for (let time = 1; time < times; time++)
    token = await validator.authenticate(requestView({ authorization }))
  if (row.permission !== undefined) await createGuard(row.permission)(token, validator)
  return token
}

async function refusalOf(attempt: Promise<unknown>): Promise<BearerError> {
  const outcome = await attempt.then(
    () => 'accepted',
    (error: unknown) => error,
  )
  if (!(outcome instanceof BearerError)) throw new Error('expected a refusal', { cause: outcome })
  return outcome
}

describe.each([
  ['the token cache', { maxEntries: 10_000 }],
  ['a token cache of one', { maxEntries: 1 }],
  ['no token cache', false],
] as const)('with %s', (_, tokenCache) => {
  it.each(refusedRequests)('refuses $name with $code', async (row) => {
    const error = await refusalOf(authenticate(row, tokenCache, 1))
    const { phrase, error: word } = refusals[error.code]
    const members = [
      ...(word === undefined ? [] : [`error="${word}"`, `error_description="${phrase}"`]),
      ...(row.scope === undefined ? [] : [`scope="${row.scope}"`]),
    ]
    expect({
      code: error.code,
      reason: error.reason,
      claim: error.claim,
      status: error.status,
      headers: error.headers,
    }).toEqual({
      code: row.code,
      reason: row.reason ?? error.reason,
      claim: row.claim ?? error.claim,
      status: row.status,
      headers: { 'WWW-Authenticate': ['Bearer', members.join(', ')].filter(Boolean).join(' ') },
    })
  })

  it.each(acceptedRequests)('accepts $name, twice', async (row) => {
    expect(await authenticate(row, tokenCache, 2)).toMatchObject(row.auth)
  })
})
