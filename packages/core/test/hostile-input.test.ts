import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  apiClientId,
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  signToken,
  signingKey,
  tenantId,
  tokenWith,
  v2Issuer,
  requestView,
} from '@countersign/test-fixtures'
import {
  BearerError,
  createTokenValidator,
  entra,
  entraMultiTenant,
  isBearerError,
  oidcIssuer,
  staticIssuer,
} from '@countersign/core'
import { createGuard } from '@countersign/core/adapter'
import { describe, expect, it } from 'vitest'

const given = staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) })
const generic = createTokenValidator({ issuer: given, audience: genericAudience, clock })
const entraShaped = createTokenValidator({
  issuer: entra({ tenantId, clientId: apiClientId }),
  clock,
  fetch: async (url) =>
    Response.json(
      url.includes('/keys')
        ? keySet(['entra'])
        : { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' },
    ),
})
const validToken = tokenWith({ from: 'generic' })

async function outcomeOf(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt()
  } catch (error) {
    return error
  }
}

describe('a valid token', () => {
  it('is accepted', async () => {
    expect(await generic.validateToken(validToken)).toMatchObject({ issuer: genericIssuer })
  })

  it('is refused with any one bit of any one byte changed', async () => {
    const bytes = Buffer.from(validToken, 'latin1')
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (index, bit) => {
        const changed = Buffer.from(bytes)
        changed[index] = (changed[index] as number) ^ (1 << bit)
        const outcome = await outcomeOf(() => generic.validateToken(changed.toString('latin1')))
        expect(outcome).toBeInstanceOf(BearerError)
      }),
      { numRuns: 1500 },
    )
  })

  it('is refused with any one character replaced, removed or inserted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(validToken.length - 1),
        fc.string({ minLength: 0, maxLength: 1, unit: 'binary' }),
        fc.boolean(),
        async (index, text, insert) => {
          const changed = validToken.slice(0, index) + text + validToken.slice(insert ? index : index + 1)
          fc.pre(changed !== validToken)
          const outcome = await outcomeOf(() => generic.validateToken(changed))
          expect(outcome).toBeInstanceOf(BearerError)
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('cannot be changed by a handler, at any depth', async () => {
    const token = await entraShaped.validateToken(
      tokenWith({ claims: { roles: ['Reader'], deep: { list: [{ a: 1 }] } } }),
    )
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      expect(Object.isFrozen(value)).toBe(true)
      expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value))
      for (const member of Object.values(value)) visit(member)
    }
    visit(token)
    visit(token.claims)
    visit(token.header)
  })

  it('is not in the output when its validated token is logged, spread or serialized', async () => {
    const text = tokenWith()
    const token = await entraShaped.validateToken(text)
    const signature = text.slice(text.lastIndexOf('.') + 1)
    expect(token.token).toBe(text)
    expect(inspect(token, { depth: null })).not.toContain(signature)
    expect(inspect(token, { depth: null, showHidden: true })).not.toContain(signature)
    expect(JSON.stringify(token)).not.toContain(signature)
    expect(JSON.stringify({ ...token })).not.toContain(signature)
  })
})

describe('a large token', () => {
  const maxTokenBytes = 1024 * 1024
  const roomy = createTokenValidator({ issuer: given, audience: genericAudience, clock, maxTokenBytes })
  // Sizes around the limit of the engine's fast path, and the largest token that is read.
  const sizes = [24_000, 32_000, 32_768, 33_000, 44_000, 700_000]

  it.each(sizes)('with a claim of %i bytes is accepted, and refused with one bit changed', async (size) => {
    const token = tokenWith({ from: 'generic', claims: { filler: 'é'.repeat(size / 2) } })
    expect((await roomy.validateToken(token)).claims['filler']).toHaveLength(size / 2)
    const at = token.length - 1000
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    expect(await outcomeOf(() => roomy.validateToken(changed))).toBeInstanceOf(BearerError)
    const padded = token.replace('.', '=.')
    expect(await outcomeOf(() => roomy.validateToken(padded))).toMatchObject({ reason: 'base64url' })
  })

  it('above the limit is token_too_large, and at it is read', async () => {
    expect(await outcomeOf(() => roomy.validateToken('x'.repeat(maxTokenBytes + 1)))).toMatchObject({
      code: 'token_too_large',
    })
    expect(await outcomeOf(() => roomy.validateToken('x'.repeat(maxTokenBytes)))).toMatchObject({
      code: 'token_malformed',
    })
  })
})

describe('random input', () => {
  it('as a token is refused and never crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
        const outcome = await outcomeOf(() => generic.validateToken(text))
        expect(outcome).toBeInstanceOf(BearerError)
      }),
    )
  })

  it('as an Authorization header is refused and never crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), async (values) => {
        const outcome = await outcomeOf(() => generic.authenticate(requestView({ authorization: values })))
        expect(outcome).toBeInstanceOf(BearerError)
      }),
    )
  })

  it.each([[undefined], [null], [7], [{}], [['Bearer x']]])(
    'as a header value %j that is not a string is authorization_malformed',
    async (value) => {
      const attempt = (): unknown => generic.authenticate(requestView({ authorization: [value as never] }))
      expect(await outcomeOf(attempt)).toMatchObject({ code: 'authorization_malformed', status: 400 })
    },
  )

  const json = fc.json({ maxDepth: 4 })
  const claimNames = [
    'iss',
    'aud',
    'exp',
    'nbf',
    'iat',
    'tid',
    'ver',
    'azp',
    'scp',
    'roles',
    'cnf',
    'idtyp',
    'sub',
  ]

  it('as signed header or payload JSON is refused or accepted and never crashes', async () => {
    await fc.assert(
      fc.asyncProperty(json, json, async (header, payload) => {
        const token = signToken({ header, payload, key: 'entra', alg: 'RS256' })
        const outcome = await outcomeOf(() => entraShaped.validateToken(token))
        expect(outcome).toBeInstanceOf(BearerError)
      }),
      { numRuns: 300 },
    )
  })

  it('as any claim of a signed token is refused or accepted and never crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...claimNames), fc.jsonValue(), async (name, value) => {
        const outcome = await outcomeOf(() =>
          entraShaped.validateToken(tokenWith({ claims: { [name]: value } })),
        )
        if (outcome instanceof BearerError) expect(outcome.status).not.toBe(503)
        else expect(outcome).toMatchObject({ kind: expect.any(String) as string })
      }),
      { numRuns: 500 },
    )
  })

  const factories: Readonly<Record<string, (options: never) => unknown>> = {
    createTokenValidator,
    entra,
    entraMultiTenant,
    oidcIssuer,
    staticIssuer,
    createGuard,
  }
  const optionNames = [
    'issuer',
    'audience',
    'tenantId',
    'clientId',
    'cloud',
    'allowedTenants',
    'allowedClients',
    'algorithms',
    'jwks',
    'metadataUrl',
    'jwksUri',
    'permission',
    'clockToleranceSeconds',
    'maxTokenAgeSeconds',
    'maxTokenBytes',
    'deniedKeys',
    'tokenCache',
    'clock',
    'fetch',
    'onAccepted',
    'scopes',
    'roles',
    'delegated',
    'application',
  ]

  it.each(Object.keys(factories))('as options of %s throws a TypeError or nothing', (name) => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom(...optionNames), fc.anything())),
        (options) => {
          try {
            factories[name]?.(options as never)
          } catch (error) {
            expect(error).toBeInstanceOf(TypeError)
            expect((error as Error).message).not.toMatch(
              /undefined \(reading|is not a function|Cannot convert/,
            )
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('a refusal', () => {
  it('has nothing of the token in it, at any depth', async () => {
    const secret = 'very-private-value'
    const changes = [
      { claims: { exp: now - 1000, sub: secret } },
      { claims: { aud: secret } },
      { claims: { iss: `https://${secret}.example` } },
      { header: { kid: secret } },
      { header: { alg: secret } },
      { claims: { scp: undefined, roles: [secret] } },
      { payloadText: () => `{"aud": "${secret}"` },
    ]
    for (const change of changes) {
      const token = tokenWith(change)
      const error = await outcomeOf(() => entraShaped.validateToken(token))
      expect(error).toBeInstanceOf(BearerError)
      const shown = inspect(error, { showHidden: true, depth: null }) + JSON.stringify(error)
      expect(shown).not.toContain(secret)
      for (const part of token.split('.').filter(Boolean)) expect(shown).not.toContain(part)
    }
  })

  it('has no stack trace, and does not change those of other errors', async () => {
    const limit = Error.stackTraceLimit
    const error = await outcomeOf(() => generic.validateToken('x'))
    expect((error as Error).stack).not.toContain('    at ')
    expect(Error.stackTraceLimit).toBe(limit)
    expect(new Error('a crash').stack).toContain('    at ')
  })

  it('is recognised only by its name together with a code of the table', async () => {
    const error = await outcomeOf(() => generic.validateToken('x'))
    expect(isBearerError(error)).toBe(true)
    const likeness = (name: string, code: unknown): Error => Object.assign(new Error('x'), { name, code })
    expect(isBearerError(likeness('BearerError', 'token_malformed'))).toBe(true)
    expect(isBearerError(likeness('Error', 'token_malformed'))).toBe(false)
    expect(isBearerError(likeness('BearerError', 'ENOENT'))).toBe(false)
    expect(isBearerError(likeness('BearerError', 'constructor'))).toBe(false)
    expect(isBearerError(likeness('BearerError', 7))).toBe(false)
    expect(isBearerError({ name: 'BearerError', code: 'token_malformed' })).toBe(false)
  })

  it('names the address of the resource’s metadata, for every code', async () => {
    const resourceMetadata = 'https://files.example/.well-known/oauth-protected-resource'
    const { validateToken } = createTokenValidator({
      issuer: given,
      audience: genericAudience,
      clock,
      resourceMetadata,
    })
    const attempts: [() => Promise<unknown>, string][] = [
      [() => validateToken(''), 'Bearer '],
      [
        () => validateToken('x'),
        'Bearer error="invalid_token", error_description="The token is malformed", ',
      ],
      [
        () => validateToken(validToken, { scopes: ['a', 'b'] }),
        'Bearer error="insufficient_scope", error_description="A required scope is missing", scope="a b", ',
      ],
    ]
    for (const [attempt, words] of attempts) {
      expect(await outcomeOf(attempt)).toMatchObject({
        headers: { 'WWW-Authenticate': `${words}resource_metadata="${resourceMetadata}"` },
      })
    }
  })

  it.each([undefined, null, 7, {}, ''])(
    'is credentials_missing for %j in place of a token',
    async (token) => {
      expect(await outcomeOf(() => generic.validateToken(token as string))).toMatchObject({
        code: 'credentials_missing',
      })
    },
  )
})

describe('what the application passes in', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('clock')
      },
    ],
    ['answers NaN', () => Number.NaN],
    ['answers infinity', () => Number.POSITIVE_INFINITY],
    ['answers a string', () => '1772366400' as never],
  ])('a clock that %s is check_unavailable, never an acceptance', async (_, brokenClock) => {
    const { validateToken } = createTokenValidator({
      issuer: given,
      audience: genericAudience,
      clock: brokenClock,
    })
    expect(await outcomeOf(() => validateToken(validToken))).toMatchObject({
      code: 'check_unavailable',
      reason: 'clock',
      status: 503,
    })
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('database'))],
    ['answers nothing in five seconds', () => new Promise(() => {})],
  ])('a tenant policy that %s is check_unavailable, never an acceptance', async (_, allowedTenants) => {
    const validator = createTokenValidator({
      issuer: entraMultiTenant({ allowedTenants: allowedTenants as () => boolean, clientId: apiClientId }),
      clock,
      fetch: async (url) =>
        Response.json(
          url.includes('/keys')
            ? keySet(['entra'])
            : {
                issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
                jwks_uri: 'https://login.microsoftonline.com/keys',
              },
        ),
    })
    expect(await outcomeOf(() => validator.validateToken(tokenWith()))).toMatchObject({
      code: 'check_unavailable',
      reason: 'allowed_tenants',
    })
  })

  it.each([false, undefined, null, 0, 1, 'yes', {}])(
    'a tenant policy that answers %j is tenant_not_allowed',
    async (answer) => {
      const validator = createTokenValidator({
        issuer: entraMultiTenant({ allowedTenants: async () => answer as boolean, clientId: apiClientId }),
        clock,
        fetch: async (url) =>
          Response.json(
            url.includes('/keys')
              ? keySet(['entra'])
              : {
                  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
                  jwks_uri: 'https://login.microsoftonline.com/keys',
                },
          ),
      })
      expect(await outcomeOf(() => validator.validateToken(tokenWith()))).toMatchObject({
        code: 'tenant_not_allowed',
      })
    },
  )

  it('observers that throw change nothing', async () => {
    const fail = (): never => {
      throw new Error('observer')
    }
    const validator = createTokenValidator({
      issuer: given,
      audience: genericAudience,
      clock,
      onAccepted: fail,
      onRefused: fail,
      onKeysRefreshed: fail,
      onKeySkipped: fail,
    })
    expect(await outcomeOf(() => validator.validateToken(validToken))).toMatchObject({
      issuer: genericIssuer,
    })
    expect(await outcomeOf(() => validator.validateToken('x'))).toMatchObject({ code: 'token_malformed' })
  })

  it('a polluted Object.prototype gives no token a claim', async () => {
    const polluted = Object.prototype as Record<string, unknown>
    polluted['roles'] = ['Files.Write.All']
    try {
      const outcome = await outcomeOf(() =>
        entraShaped.validateToken(tokenWith({ from: 'v2Application', claims: { roles: undefined } })),
      )
      expect(outcome).toMatchObject({ code: 'permissions_missing' })
    } finally {
      delete polluted['roles']
    }
  })

  it('a key that no engine can import does not affect the other keys of the set', async () => {
    const { jwk } = signingKey('p256')
    const offCurve = { ...jwk, kid: 'off-curve', x: jwk['y'], y: jwk['x'] }
    const { validateToken } = createTokenValidator({
      issuer: staticIssuer({
        issuer: genericIssuer,
        jwks: { keys: [offCurve, ...keySet(['generic']).keys] as object[] },
      }),
      audience: genericAudience,
      clock,
    })
    expect(await outcomeOf(() => validateToken(validToken))).toMatchObject({ issuer: genericIssuer })
    const bad = tokenWith({ from: 'generic', key: 'p256', header: { kid: 'off-curve', alg: 'ES256' } })
    expect(await outcomeOf(() => validateToken(bad))).toMatchObject({ code: 'signature_invalid' })
  })
})
