import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { genericAudience, genericIssuer, keySet, now, signToken, tokenWith } from '@countersign/test-fixtures'
import {
  createTokenValidator,
  introspectedIssuer,
  oidcIssuer,
  type IntrospectedIssuerOptions,
  type IntrospectionFailedEvent,
  type TokenValidatorOptions,
} from '@countersign/core'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const address = 'https://id.example'
const audience = 'https://reports.example'
const active = {
  active: true,
  iss: address,
  aud: audience,
  sub: 'mara',
  client_id: 'web',
  scope: 'reports:read',
  token_type: 'Bearer',
  exp: now + 3600,
}

interface Asked {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly form: URLSearchParams
}

type Answer = object | ((asked: Asked) => Response | Promise<Response>)

function start(
  answer: Answer,
  settings: Partial<IntrospectedIssuerOptions> = {},
  options: Partial<TokenValidatorOptions> = {},
) {
  let time = now
  const asked: Asked[] = []
  const failures: IntrospectionFailedEvent[] = []
  let current = answer
  const validator = createTokenValidator({
    issuer: introspectedIssuer({
      issuer: address,
      introspectionUrl: `${address}/introspect`,
      authentication: { clientId: 'reports api', clientSecret: 'p:ss' },
      audience,
      ...settings,
    }),
    clock: () => time,
    onIntrospectionFailed: (event) => failures.push(event),
    fetch: async (url, init) => {
      if (init.method === 'GET') return Response.json(keySet(['generic']))
      const one = { url, headers: init.headers, form: new URLSearchParams(init.body) }
      asked.push(one)
      return typeof current === 'function'
        ? (current as (asked: Asked) => Response | Promise<Response>)(one)
        : Response.json(current)
    },
    ...options,
  })
  return {
    validator,
    asked,
    failures,
    change: (to: Answer) => void (current = to),
    wait: (seconds: number) => void (time += seconds),
    outcomeOf: async (token = 'opaque-1'): Promise<string> => {
      const { error } = await validator.tryValidateToken(token)
      return error === undefined
        ? 'accepted'
        : [error.code, error.claim, error.reason].filter(Boolean).join(' ')
    },
  }
}

describe('an opaque token', () => {
  it('is accepted with what the issuer answers about it, held to the rules of a JWT', async () => {
    const { validator, asked } = start(active)
    const token = await validator.validateToken('opaque-1', { delegated: { scopes: 'reports:read' } })
    expect(token).toMatchObject({
      kind: 'delegated',
      issuer: address,
      subject: 'mara',
      clientId: 'web',
      scopes: ['reports:read'],
      expiresAt: now + 3600,
      token: 'opaque-1',
    })
    expect(asked[0]?.form.get('token')).toBe('opaque-1')
    // Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
    const credentials = `Basic ${Buffer.from('reports+api:p%3Ass').toString('base64')}`
    expect(asked[0]?.headers).toMatchObject({ authorization: credentials, accept: 'application/json' })
  })

  it.each<[string, object, string]>([
    ['that is not active', { active: false }, 'token_inactive'],
    ['that is not active, with claims beside', { ...active, active: false }, 'token_inactive'],
    ['of another issuer', { ...active, iss: 'https://evil.example' }, 'issuer_not_trusted iss'],
    ['for another audience', { ...active, aud: 'other' }, 'audience_mismatch aud'],
    ['without an audience', { ...active, aud: undefined }, 'claim_missing aud'],
    ['that has expired', { ...active, exp: now - 61 }, 'token_expired exp'],
    ['that is not valid yet', { ...active, nbf: now + 61 }, 'token_not_yet_valid nbf'],
    ['that is bound to a sender', { ...active, cnf: { jkt: 'x' } }, 'sender_binding_unproven cnf'],
    ['that is a refresh token', { ...active, token_type: 'Refresh' }, 'token_type_mismatch token_type'],
    ['of a type that nobody knows', { ...active, token_type: 'N_A' }, 'token_type_mismatch token_type'],
    ['whose type is a list', { ...active, token_type: ['Bearer'] }, 'token_type_mismatch token_type'],
    ['of a type in other letters', { ...active, token_type: 'bearer' }, 'accepted'],
    ['without a type', { ...active, token_type: undefined }, 'accepted'],
    ['that is a refresh token by its payload', { ...active, typ: 'Refresh' }, 'token_type_mismatch typ'],
    ['that is an offline token by its payload', { ...active, typ: 'Offline' }, 'token_type_mismatch typ'],
    ['that is an id token', { ...active, token_use: 'id' }, 'id_token token_use'],
    ['without exp and iss', { ...active, exp: undefined, iss: undefined }, 'accepted'],
  ])('%s is answered with the expected code', async (_, answer, outcome) => {
    expect(await start(answer).outcomeOf()).toBe(outcome)
  })

  it.each<[string, Partial<IntrospectedIssuerOptions>, object, string]>([
    ['of a client that is not allowed', { allowedClients: ['other'] }, active, 'client_not_allowed'],
    ['without a required claim', { requiredClaims: { org: 'acme' } }, active, 'claim_not_allowed org'],
    [
      'whose client is the audience',
      { audience: 'web', audienceClaim: 'client_id' },
      { ...active, aud: undefined },
      'accepted',
    ],
  ])('%s is decided as a JWT is', async (_, settings, answer, outcome) => {
    expect(await start(answer, settings).outcomeOf()).toBe(outcome)
  })

  it('is asked about once by many requests at the same time, and again when the answer is old', async () => {
    const { outcomeOf, asked, wait } = start(active, { maxAgeSeconds: 30 })
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => outcomeOf()))
    expect(new Set(outcomes)).toEqual(new Set(['accepted']))
    expect(asked).toHaveLength(1)
    wait(29)
    await outcomeOf()
    expect(asked).toHaveLength(1)
    wait(1)
    await outcomeOf()
    expect(asked).toHaveLength(2)
  })

  it('is refused when it was revoked, once the answer is old', async () => {
    const { outcomeOf, change, wait } = start(active, { maxAgeSeconds: 30 })
    expect(await outcomeOf()).toBe('accepted')
    change({ active: false })
    wait(30)
    expect(await outcomeOf()).toBe('token_inactive')
  })

  it('is asked about every time where no age is allowed', async () => {
    const { outcomeOf, asked } = start(active, { maxAgeSeconds: 0 })
    await outcomeOf()
    await outcomeOf()
    expect(asked).toHaveLength(2)
  })

  it('is not used beyond its exp, however fresh the answer', async () => {
    const { outcomeOf, wait } = start(
      { ...active, exp: now + 10 },
      { maxAgeSeconds: 3600 },
      { clockToleranceSeconds: 0 },
    )
    expect(await outcomeOf()).toBe('accepted')
    wait(10)
    expect(await outcomeOf()).toBe('token_expired exp')
  })

  it('that is not active is remembered for ten seconds, and pushes out no good one', async () => {
    const { outcomeOf, asked, wait } = start(({ form }) =>
      Response.json(form.get('token') === 'good' ? active : { active: false }),
    )
    expect(await outcomeOf('good')).toBe('accepted')
    for (let index = 0; index < 1500; index++) expect(await outcomeOf(`bad-${index}`)).toBe('token_inactive')
    expect(await outcomeOf('bad-1499')).toBe('token_inactive')
    expect(await outcomeOf('good')).toBe('accepted')
    expect(asked).toHaveLength(1501)
    wait(10)
    await outcomeOf('bad-1499')
    expect(asked).toHaveLength(1502)
  })

  it.each(['with space', 'with"quote', 'ümlaut', 'a\nb'])(
    'of characters that no token has is not sent: %j',
    async (token) => {
      const { outcomeOf, asked } = start(active)
      expect(await outcomeOf(token)).toBe('token_malformed characters')
      expect(asked).toEqual([])
    },
  )

  it('tells of its refusal in explain, check by check', async () => {
    const { validator } = start({ ...active, aud: 'other', scope: 'none' })
    const { accepted, checks, refusal } = await validator.explain('opaque-1', { scopes: 'reports:read' })
    expect([accepted, refusal?.code]).toEqual([false, 'audience_mismatch'])
    expect(checks.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      'introspection passed',
      'token_type passed',
      'lifetime passed',
      'audience failed',
      'sender passed',
      'kind passed',
      'client passed',
      'required_claims passed',
      'revocation passed',
      'permission failed',
    ])
  })
})

describe('what an opaque token may look like', () => {
  it('that is larger than the bound is refused, and not sent', async () => {
    const { outcomeOf, asked } = start(active, {}, { maxTokenBytes: 2000 })
    expect(await outcomeOf('o'.repeat(2001))).toBe('token_too_large')
    expect(asked).toEqual([])
    expect(await outcomeOf('o'.repeat(2000))).toBe('accepted')
  })

  it('is anything whose first part is not a header in JSON', async () => {
    const { outcomeOf } = start(active)
    for (const token of ['eyes.of-the-cat', 'ey.j', 'v2.local.abc', 'abc']) {
      expect(await outcomeOf(token)).toBe('accepted')
    }
  })
})

describe('a failed introspection', () => {
  it('of one token does not stop the questions about others', async () => {
    const { outcomeOf, asked, wait } = start(({ form }) =>
      Response.json(form.get('token') === 'poison' ? { active: 1 } : active),
    )
    for (let attempt = 0; attempt < 5; attempt++) {
      expect(await outcomeOf('poison')).toBe('introspection_unavailable')
      expect(await outcomeOf(`good-${attempt}`)).toBe('accepted')
    }
    expect(asked.filter(({ form }) => form.get('token') === 'poison')).toHaveLength(1)
    wait(10)
    await outcomeOf('poison')
    expect(asked.filter(({ form }) => form.get('token') === 'poison')).toHaveLength(2)
  })

  it.each<[string, () => Response | Promise<Response>, object]>([
    [
      'a wrong credential of our own',
      () => new Response('', { status: 401 }),
      { fault: 'status', status: 401 },
    ],
    ['an outage', () => new Response('', { status: 500 }), { fault: 'status', status: 500 }],
    ['too many requests', () => new Response('', { status: 429 }), { fault: 'status', status: 429 }],
    ['a redirect', () => new Response('', { status: 302 }), { fault: 'status', status: 302 }],
    ['no answer', () => Promise.reject(new Error('private words')), { fault: 'network' }],
    ['no JSON', () => new Response('<html>'), { fault: 'answer' }],
    [
      'no word on whether it is active',
      () => Response.json({ ...active, active: undefined }),
      { fault: 'answer' },
    ],
    [
      'a word instead of a truth value',
      () => Response.json({ ...active, active: 'true' }),
      { fault: 'answer' },
    ],
    ['a number instead of a truth value', () => Response.json({ ...active, active: 1 }), { fault: 'answer' }],
    ['a repeated member', () => new Response('{"active":true,"active":false}'), { fault: 'answer' }],
    [
      'too long an answer',
      () => Response.json({ ...active, x: 'x'.repeat(300_000) }),
      { fault: 'too_large' },
    ],
  ])('by %s is answered with 503 and reported', async (_, answer, event) => {
    const { outcomeOf, failures } = start(answer)
    expect(await outcomeOf()).toBe('introspection_unavailable')
    expect(failures).toEqual([
      expect.objectContaining({ issuer: `introspectedIssuer(${address})`, ...event }),
    ])
    expect(JSON.stringify(failures)).not.toMatch(/opaque-1|private words|p:ss/)
  })

  it('backs off, and recovers', async () => {
    const { outcomeOf, asked, change, wait } = start(() => new Response('', { status: 500 }))
    for (let attempt = 0; attempt < 20; attempt++)
      expect(await outcomeOf(`t${attempt}`)).toBe('introspection_unavailable')
    expect(asked).toHaveLength(1)
    change(active)
    wait(1)
    expect(await outcomeOf()).toBe('accepted')
  })

  it.each<[string, IntrospectedIssuerOptions['authentication']]>([
    [
      'a function that throws',
      () => {
        throw new Error('private words')
      },
    ],
    ['a function that gives text', (() => 'Basic x') as never],
    ['headers that are numbers', (() => ({ headers: { a: 1 } })) as never],
    ['a secret that is not text', { clientId: 'a', clientSecret: (() => undefined) as never }],
    ['a token that rejects', { bearerToken: () => Promise.reject(new Error('private words')) }],
  ])('by %s is answered with 503, and nothing is sent', async (_, authentication) => {
    const { outcomeOf, asked, failures } = start(active, { authentication })
    expect(await outcomeOf()).toBe('introspection_unavailable')
    expect(asked).toEqual([])
    expect(failures).toMatchObject([{ fault: 'credentials' }])
  })

  it('authenticates by a token or by what a function adds', async () => {
    const bearer = start(active, { authentication: { bearerToken: async () => 'own-token' } })
    await bearer.outcomeOf()
    expect(bearer.asked[0]?.headers.authorization).toBe('Bearer own-token')
    const assertion = start(active, {
      authentication: () => ({ parameters: { client_id: 'a', client_assertion: 'jwt' } }),
    })
    await assertion.outcomeOf()
    expect(Object.fromEntries(assertion.asked[0]?.form ?? [])).toMatchObject({
      client_assertion: 'jwt',
      token: 'opaque-1',
    })
  })
})

describe('a JWT beside introspection', () => {
  const jwt = tokenWith({ from: 'generic', claims: { iss: address, aud: audience } })

  it('of the issuer of opaque tokens is refused, and not sent', async () => {
    const { outcomeOf, asked } = start(active)
    expect(await outcomeOf(jwt)).toBe('token_type_mismatch opaque_expected')
    expect(asked).toEqual([])
  })

  it.each([
    ['of another issuer', tokenWith({ from: 'generic', claims: { iss: 'https://other.example' } })],
    ['that is malformed', 'eyJhbGciOiJSUzI1NiJ9.x'],
    ['that is encrypted', 'eyJhbGciOiJkaXIifQ..a.b.c'],
  ])('%s is refused, and never sent', async (_, token) => {
    const { outcomeOf, asked } = start(active)
    expect(await outcomeOf(token)).not.toBe('accepted')
    expect(asked).toEqual([])
  })

  it('of a configured issuer is validated by itself, beside an issuer of opaque tokens', async () => {
    const { validator, asked } = start(
      active,
      {},
      {
        issuer: [
          introspectedIssuer({
            issuer: address,
            introspectionUrl: `${address}/introspect`,
            authentication: { clientId: 'a', clientSecret: 'b' },
            audience,
          }),
          oidcIssuer({ issuer: genericIssuer, audience: genericAudience, jwksUri: 'https://k.example/k' }),
        ],
      },
    )
    expect((await validator.tryValidateToken(tokenWith({ from: 'generic' }))).error).toBeUndefined()
    expect(asked).toEqual([])
    expect((await validator.tryValidateToken('opaque-1')).error).toBeUndefined()
    expect(asked).toHaveLength(1)
  })
})

describe('a lightweight JWT', () => {
  const settings = { tokens: 'jwt', jwksUri: `${address}/keys`, claims: { roles: 'extra_roles' } } as const
  const light = (claims: object = {}): string =>
    tokenWith({ from: 'generic', claims: { iss: address, aud: audience, sub: 'mara', ...claims } })

  it('gets the claims of the answer once its signature was verified', async () => {
    const { validator, asked } = start({ ...active, extra_roles: ['editor'] }, settings)
    const token = await validator.validateToken(light())
    expect(token).toMatchObject({ kind: 'delegated', userRoles: ['editor'], clientId: 'web' })
    await validator.validateToken(light())
    expect(asked).toHaveLength(1)
  })

  it('keeps what it says itself', async () => {
    const { validator } = start({ ...active, scope: 'everything' }, settings)
    expect(await validator.validateToken(light({ scope: 'reports:read' }))).toMatchObject({
      scopes: ['reports:read'],
    })
  })

  it('may leave its audience to the answer', async () => {
    expect(await start(active, settings).outcomeOf(light({ aud: undefined }))).toBe('accepted')
    expect(await start({ ...active, aud: 'other' }, settings).outcomeOf(light({ aud: undefined }))).toBe(
      'audience_mismatch aud',
    )
    expect(await start({ ...active, aud: undefined }, settings).outcomeOf(light({ aud: undefined }))).toBe(
      'claim_missing aud',
    )
  })

  it('does not hide the answer behind a null', async () => {
    const { validator } = start({ ...active, extra_roles: ['editor'] }, settings)
    const token = await validator.validateToken(light({ extra_roles: null }))
    expect(token).toMatchObject({ userRoles: ['editor'] })
  })

  it.each<[string, string, object, string]>([
    ['whose signature does not hold', `${light().slice(0, -8)}AAAAAAAA`, active, 'signature_invalid'],
    ['that has expired', light({ exp: now - 1000 }), active, 'token_expired exp'],
    ['for another audience', light({ aud: 'other' }), active, 'audience_mismatch aud'],
  ])('%s is refused, and not sent', async (_, token, answer, outcome) => {
    const { outcomeOf, asked } = start(answer, settings)
    expect(await outcomeOf(token)).toBe(outcome)
    expect(asked).toEqual([])
  })

  it.each<[string, object, string]>([
    ['that was revoked', { active: false }, 'token_inactive'],
    [
      'whose answer is about somebody else',
      { ...active, sub: 'eve' },
      'introspection_unavailable sub another_token',
    ],
    ['that the answer binds to a sender', { ...active, cnf: { jkt: 'x' } }, 'sender_binding_unproven cnf'],
  ])('%s is refused', async (_, answer, outcome) => {
    expect(await start(answer, settings).outcomeOf(light())).toBe(outcome)
  })

  it('is the only kind of token that is accepted there', async () => {
    const { outcomeOf, asked } = start(active, settings)
    expect(await outcomeOf('opaque-1')).toBe('token_malformed parts')
    expect(asked).toEqual([])
  })
})

describe('a signed answer', () => {
  const settings = { signedAnswersFor: 'reports-api', jwksUri: `${address}/keys` } as const
  const signedType = 'application/token-introspection+jwt'
  const signed = (claims: object = {}, header: object = {}): (() => Response) => {
    const jws = signToken({
      header: JSON.stringify({ alg: 'RS256', typ: 'token-introspection+jwt', kid: kidOf(), ...header }),
      payload: JSON.stringify({
        iss: address,
        aud: 'reports-api',
        iat: now,
        token_introspection: active,
        ...claims,
      }),
      key: 'generic',
      alg: 'RS256',
    })
    return () => new Response(jws, { headers: { 'content-type': signedType } })
  }
  const kidOf = (): unknown => (keySet(['generic']).keys[0] as { kid?: string }).kid

  it('is accepted when the issuer signed it for this API just now', async () => {
    const { outcomeOf, asked } = start(signed(), settings)
    expect(await outcomeOf()).toBe('accepted')
    expect(asked[0]?.headers.accept).toBe(signedType)
  })

  it.each<[string, () => Response]>([
    ['of another type', signed({}, { typ: 'JWT' })],
    ['of another issuer', signed({ iss: 'https://evil.example' })],
    ['for another API', signed({ aud: 'other' })],
    ['made long ago', signed({ iat: now - 301 })],
    ['without its time', signed({ iat: undefined })],
    ['without its content', signed({ token_introspection: undefined })],
    ['with a critical extension', signed({}, { crit: ['x'] })],
    ['with a key nobody lists', signed({}, { kid: 'other' })],
    ['without a signature algorithm', signed({}, { alg: 'none' })],
    ['that is plain JSON', () => Response.json(active)],
    [
      'that is plain JSON and says it is signed',
      () => Response.json(active, { headers: { 'content-type': signedType } }),
    ],
  ])('%s is answered with 503', async (_, answer) => {
    const { outcomeOf } = start(answer, settings)
    expect(await outcomeOf()).toBe('introspection_unavailable')
  })

  it('is refused where plain JSON is expected', async () => {
    expect(await start(signed()).outcomeOf()).toBe('introspection_unavailable')
  })

  it('is not an access token itself', async () => {
    const { validator } = start(active, { tokens: 'jwt', jwksUri: `${address}/keys` })
    const jws = await signed()().text()
    expect((await validator.tryValidateToken(jws)).error?.code).toBe('token_type_mismatch')
  })
})

describe('a set-up mistake of introspection', () => {
  const make = (settings: Record<string, unknown>) => () =>
    introspectedIssuer({
      issuer: address,
      introspectionUrl: `${address}/introspect`,
      authentication: { clientId: 'a', clientSecret: 'b' },
      ...settings,
    } as never)

  it.each<[string, () => unknown, string]>([
    ['without its address', make({ introspectionUrl: undefined }), '"introspectionUrl"'],
    ['over plain http', make({ introspectionUrl: 'http://id.example/i' }), '"introspectionUrl"'],
    ['without authentication', make({ authentication: undefined }), 'authentication'],
    ['without a secret', make({ authentication: { clientId: 'a' } }), '"clientSecret"'],
    ['with an unknown authentication', make({ authentication: { apiKey: 'a' } }), 'unknown option "apiKey"'],
    ['of unknown tokens', make({ tokens: 'all' }), '"tokens"'],
    ['with too long an age', make({ maxAgeSeconds: 3601 }), '"maxAgeSeconds"'],
    ['with an unknown option', make({ cache: true }), 'unknown option "cache"'],
    [
      'of two issuers of opaque tokens',
      () =>
        createTokenValidator({
          issuer: [make({ audience })() as never, make({ issuer: 'https://b.example', audience })() as never],
        }),
      'at most one introspectedIssuer',
    ],
  ])('%s is a TypeError', (_, attempt, words) => {
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(words)
  })
})

describe('an independent authorization server', () => {
  let server: Server
  let origin: string
  const secret = 'a-secret-of-the-test'

  beforeAll(async () => {
    server = createServer((request, response) => void handler(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    const client = (id: string, more: object) => ({
      client_id: id,
      client_secret: secret,
      redirect_uris: [],
      response_types: [] as never[],
      ...more,
    })
    const provider = new Provider(origin, {
      jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'k' }] as never },
      clients: [
        client('daemon', { grant_types: ['client_credentials'] }),
        client('plain-api', { grant_types: [] }),
        client('signed-api', { grant_types: [], introspection_signed_response_alg: 'RS256' }),
      ],
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        introspection: { enabled: true, allowedPolicy: () => true },
        jwtIntrospection: { enabled: true },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: 'reports:read',
            audience,
            accessTokenFormat: 'opaque',
            accessTokenTTL: 600,
          }),
        },
      },
    })
    const handler = provider.callback()
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const post = (path: string, form: Record<string, string>): Promise<Response> =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`daemon:${secret}`)}` },
      body: new URLSearchParams(form),
    })

  async function opaqueToken(): Promise<string> {
    const form = { grant_type: 'client_credentials', resource: audience, scope: 'reports:read' }
    const { access_token: token } = (await (await post('/token', form)).json()) as { access_token: string }
    return token
  }

  it.each([
    ['plain', 'plain-api', undefined],
    ['signed', 'signed-api', 'signed-api'],
  ])(
    'gives an opaque token whose %s answer is accepted, until it is revoked',
    async (_, clientId, signedAnswersFor) => {
      const { validateToken, tryValidateToken } = createTokenValidator({
        issuer: introspectedIssuer({
          issuer: origin,
          introspectionUrl: `${origin}/token/introspection`,
          authentication: { clientId, clientSecret: secret },
          audience,
          maxAgeSeconds: 0,
          signedAnswersFor,
        }),
      })
      const token = await opaqueToken()
      expect(token).not.toContain('.')
      expect(await validateToken(token, { scopes: 'reports:read' })).toMatchObject({
        clientId: 'daemon',
        scopes: ['reports:read'],
      })
      expect((await tryValidateToken(`${token}x`)).error?.code).toBe('token_inactive')
      await post('/token/revocation', { token })
      expect((await tryValidateToken(token)).error?.code).toBe('token_inactive')
    },
  )

  it('is answered with 503 to a wrong credential of the API', async () => {
    const failures: IntrospectionFailedEvent[] = []
    const { tryValidateToken } = createTokenValidator({
      issuer: introspectedIssuer({
        issuer: origin,
        introspectionUrl: `${origin}/token/introspection`,
        authentication: { clientId: 'plain-api', clientSecret: 'wrong' },
        audience,
      }),
      onIntrospectionFailed: (event) => failures.push(event),
    })
    expect((await tryValidateToken(await opaqueToken())).error).toMatchObject({ status: 503 })
    expect(failures).toMatchObject([{ fault: 'status', status: 401 }])
  })
})
