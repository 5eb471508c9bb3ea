import {
  apiClientId,
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  tenantId,
  tokenWith,
  v2Issuer,
  requestView,
} from '@countersign/test-fixtures'
import {
  createTokenValidator,
  entra,
  staticIssuer,
  type TokenValidator,
  type TokenValidatorOptions,
} from '@countersign/core'
import { afterEach, beforeEach, expect, it } from 'vitest'

/*
 * An unhandled rejection ends a Node process, and a timer that throws ends it too. No function that an
 * application passes in may cause that.
 */

let unhandled: unknown[]
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
})

afterEach(() => {
  process.off('unhandledRejection', note)
  process.off('uncaughtException', note)
})

/** Node reports a rejection once the microtasks of this turn are done. */
async function nextTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function validatorWith(options: Partial<TokenValidatorOptions>): TokenValidator {
  return createTokenValidator({
    issuer: entra({ tenantId, clientId: apiClientId }),
    clock,
    fetch: async (url) =>
      Response.json(
        url.includes('/keys')
          ? keySet(['entra'])
          : { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' },
      ),
    ...options,
  })
}

it('an observer whose promise is rejected changes nothing', async () => {
  const fail = async (): Promise<never> => Promise.reject(new Error('the log is full'))
  const { validateToken } = createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    onAccepted: fail,
    onRefused: fail,
    onKeysRefreshed: fail,
    onKeySkipped: fail,
  })
  await validateToken(tokenWith({ from: 'generic' }))
  await expect(validateToken('x')).rejects.toMatchObject({ code: 'token_malformed' })
  await nextTurns()
  expect(unhandled).toEqual([])
})

it('a clock that fails while keys are refreshed in the background changes nothing', async () => {
  let time = now
  let isBroken = false
  const authorization = [`Bearer ${tokenWith({ claims: { exp: now + 10_000 } })}`]
  let fetched = 0
  const validator = validatorWith({
    clock: () => {
      if (isBroken) throw new Error('clock')
      return time
    },
    fetch: async (url) => {
      fetched++
      if (fetched === 3) isBroken = true
      return Response.json(
        url.includes('/keys')
          ? keySet(['entra'])
          : { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' },
      )
    },
  })
  await validator.authenticate(requestView({ authorization }))
  time += 3600
  expect(validator.authenticate(requestView({ authorization }))).toMatchObject({ kind: 'delegated' })
  await expect.poll(() => fetched).toBe(4)
  await nextTurns()
  expect(unhandled).toEqual([])
  isBroken = false
  expect(validator.authenticate(requestView({ authorization }))).toMatchObject({ kind: 'delegated' })
})

it('a clock that fails as a refresh begins changes nothing', async () => {
  let calls = 0
  let failAt = Infinity
  let time = now
  const authorization = [`Bearer ${tokenWith({ claims: { exp: now + 10_000 } })}`]
  const validator = validatorWith({
    clock: () => {
      if (++calls === failAt) throw new Error('clock')
      return time
    },
  })
  await validator.authenticate(requestView({ authorization }))
  time += 3600
  failAt = calls + 2
  expect(validator.authenticate(requestView({ authorization }))).toMatchObject({ kind: 'delegated' })
  await nextTurns()
  expect(calls).toBeGreaterThanOrEqual(failAt)
  expect(unhandled).toEqual([])
})

it('a clock that fails as an unknown key is looked up once more changes nothing', async () => {
  let isBroken = false
  let asked = (): void => {}
  const validator = validatorWith({
    clock: () => {
      if (!isBroken) return now
      asked()
      throw new Error('clock')
    },
  })
  await validator.validateToken(tokenWith())
  await expect(validator.validateToken(tokenWith({ key: 'rotatedIn' }))).rejects.toMatchObject({
    code: 'key_unknown',
  })
  const secondTry = new Promise<void>((resolve) => (asked = resolve))
  isBroken = true
  await secondTry
  await nextTurns()
  expect(unhandled).toEqual([])
  validator.close()
})
