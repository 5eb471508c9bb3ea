import {
  acceptedRequests,
  authorizationValues,
  clock,
  genericAudience,
  genericIssuer,
  refusedRequests,
  setupOptions,
  signingKey,
  startIssuer,
  tokenWith,
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
  staticIssuer,
  type ValidatedToken,
} from '@countersign/core'
import { createGuard } from '@countersign/core/adapter'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { platform } from '#platform'

/*
 * The tables once more, with the engine of Deno, Bun, Workers and browsers under the same policy: what is refused must not
 * depend on the runtime, and neither must the reason.
 */

vi.mock('#platform', () => import('../src/platform-web.js'))

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.stop())

async function authenticate(
  row: Situation & { make(): string | readonly string[] },
): Promise<ValidatedToken> {
  const validator = createTokenValidator(setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer))
  const authorization = authorizationValues(row.make())
  await validator.authenticate(requestView({ authorization }))
  const token = await validator.authenticate(requestView({ authorization }))
  if (row.permission !== undefined) await createGuard(row.permission)(token, validator)
  return token
}

it('is in use', () => {
  expect(platform.redirect).toBe('manual')
})

describe('the engine of other runtimes', () => {
  it.each(refusedRequests)('refuses $name with $code', async (row) => {
    const error: unknown = await authenticate(row).catch((refusal: unknown) => refusal)
    expect(error).toBeInstanceOf(BearerError)
    expect(error).toMatchObject({
      code: row.code,
      status: row.status,
      ...(row.reason !== undefined && { reason: row.reason }),
      ...(row.claim !== undefined && { claim: row.claim }),
    })
  })

  it.each(acceptedRequests)('accepts $name', async (row) => {
    expect(await authenticate(row)).toMatchObject(row.auth)
  })

  it('answers a token seen before at once', async () => {
    const validator = createTokenValidator(
      setupOptions({ entra, entraMultiTenant, oidcIssuer }, { setup: 'entra' }, issuer),
    )
    const authorization = [`Bearer ${tokenWith()}`]
    await validator.authenticate(requestView({ authorization }))
    expect(validator.authenticate(requestView({ authorization }))).not.toBeInstanceOf(Promise)
  })
})

describe('PEM text', () => {
  const pemOf = (name: 'generic' | 'p256' | 'p384' | 'p521' | 'ed25519'): string =>
    signingKey(name).publicKey.export({ format: 'pem', type: 'spki' }).toString()

  it.each(['generic', 'p256', 'p384', 'p521', 'ed25519'] as const)(
    'of the key %s is accepted',
    async (key) => {
      const { validateToken } = createTokenValidator({
        issuer: staticIssuer({ issuer: genericIssuer, jwks: pemOf(key) }),
        audience: genericAudience,
        clock,
      })
      const token = tokenWith({ from: 'generic', key, header: { kid: undefined } })
      expect(await validateToken(token)).toMatchObject({ issuer: genericIssuer })
    },
  )

  it('of a private key is a TypeError', () => {
    const pem = signingKey('generic').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    expect(() => staticIssuer({ issuer: genericIssuer, jwks: pem })).toThrow('private key')
  })

  it('without a key is keys_unavailable, and no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const { validateToken } = createTokenValidator({
      issuer: staticIssuer({
        issuer: genericIssuer,
        jwks: '-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----',
      }),
      audience: genericAudience,
      clock,
    })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
    process.off('unhandledRejection', note)
    await expect(validateToken(tokenWith({ from: 'generic' }))).rejects.toMatchObject({
      code: 'keys_unavailable',
    })
  })
})
