import {
  clock,
  createDpopKey,
  dpopProof,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  requestView,
  tokenWith,
  type ProofChange,
} from '@countersign/test-fixtures'
import {
  createTokenValidator,
  dpop,
  introspectedIssuer,
  isBearerError,
  staticIssuer,
  type BearerError,
  type DpopOptions,
  type TokenValidator,
  type TokenValidatorOptions,
  type ValidatedToken,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { MemoryReplayStore } from '../src/replay-store.js'

const publicUrl = 'https://api.example'
const url = `${publicUrl}/orders`
const key = createDpopKey()
const other = createDpopKey()
const algs = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'
const bound = tokenWith({ from: 'generic', claims: { cnf: { jkt: key.jkt } } })
const unbound = tokenWith({ from: 'generic' })
const secret = (fill: number) => new Uint8Array(32).fill(fill)

function start(options: Partial<DpopOptions> = {}, more: Partial<TokenValidatorOptions> = {}) {
  return createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    senderProofs: dpop({ publicUrl, ...options }),
    ...more,
  })
}

interface Sent {
  readonly token?: string
  readonly scheme?: string
  readonly proofs?: readonly string[]
  readonly method?: string
  readonly target?: string
}

async function send(
  validator: TokenValidator,
  { token = bound, scheme = 'DPoP', proofs, method = 'GET', target = '/orders' }: Sent = {},
): Promise<ValidatedToken | BearerError> {
  const dpopHeader = proofs ?? [dpopProof(key, { token, url, method })]
  const view = requestView(
    { authorization: [`${scheme} ${token}`], dpop: dpopHeader.length === 0 ? undefined : dpopHeader },
    { method, url: target },
  )
  try {
    return await validator.authenticate(view)
  } catch (error) {
    if (isBearerError(error)) return error
    throw error
  }
}

/** `accepted`, or the code of the refusal with its claim and reason. */
async function outcomeOf(validator: TokenValidator, sent?: Sent): Promise<string> {
  const result = await send(validator, sent)
  if (!isBearerError(result)) return 'accepted'
  return [result.code, result.claim, result.reason].filter(Boolean).join(' ')
}

const proofOf = (change: ProofChange = {}, token = bound) => dpopProof(key, { token, url }, change)
const privateJwk = key.privateKey.export({ format: 'jwk' })

describe.each([
  ['a token cache', {}],
  ['a token cache of one', { maxEntries: 1 }],
  ['no token cache', false],
] as const)('a token bound to a key, with %s', (_, tokenCache) => {
  it('is accepted with a valid proof, by any case of the scheme', async () => {
    const validator = start({}, { tokenCache })
    for (const scheme of ['DPoP', 'dpop', 'DPOP']) {
      expect(await outcomeOf(validator, { scheme })).toBe('accepted')
    }
  })

  it.each<[string, ProofChange, string]>([
    ['of another typ', { header: { typ: 'JWT' } }, 'typ'],
    ['with typ in capital letters', { header: { typ: 'DPOP+JWT' } }, 'typ'],
    ['without typ', { header: { typ: undefined } }, 'typ'],
    ['without a signature', { header: { alg: 'none' }, proof: (text) => text.replace(/[^.]*$/, '') }, 'alg'],
    ['of a symmetric algorithm', { header: { alg: 'HS256' } }, 'alg'],
    ['of an algorithm that does not fit the key', { header: { alg: 'ES384' } }, 'alg'],
    ['of an algorithm that the jwk does not name', { header: { jwk: { ...key.jwk, alg: 'RS256' } } }, 'jwk'],
    ['without jwk', { header: { jwk: undefined } }, 'jwk'],
    ['with a jwk that is null', { header: { jwk: null } }, 'jwk'],
    ['with a private jwk', { header: { jwk: privateJwk } }, 'jwk'],
    ['with a symmetric jwk', { header: { jwk: { kty: 'oct', k: 'c2VjcmV0' } } }, 'jwk'],
    ['with an encryption jwk', { header: { jwk: { ...key.jwk, use: 'enc' } } }, 'jwk'],
    ['with a point off the curve', { header: { jwk: { ...key.jwk, x: other.jwk.x } } }, 'signature'],
    ['with a critical extension', { header: { crit: ['x'], x: 1 } }, 'crit'],
    ['with b64', { header: { b64: false } }, 'b64'],
    ['signed by another key', { signedBy: other }, 'signature'],
    ['of another method', { claims: { htm: 'POST' } }, 'htm'],
    ['with the method in small letters', { claims: { htm: 'get' } }, 'htm'],
    ['without htm', { claims: { htm: undefined } }, 'htm'],
    ['of another host', { claims: { htu: 'https://evil.example/orders' } }, 'htu'],
    ['of another scheme', { claims: { htu: 'http://api.example/orders' } }, 'htu'],
    ['of another port', { claims: { htu: 'https://api.example:8443/orders' } }, 'htu'],
    ['of another path', { claims: { htu: 'https://api.example/order' } }, 'htu'],
    ['of the path in another case', { claims: { htu: 'https://api.example/Orders' } }, 'htu'],
    ['of the path with a slash', { claims: { htu: 'https://api.example/orders/' } }, 'htu'],
    ['of the path with an encoded slash', { claims: { htu: 'https://api.example/%2Forders' } }, 'htu'],
    ['with a user in the address', { claims: { htu: 'https://a@api.example/orders' } }, 'htu'],
    ['with backslashes in the address', { claims: { htu: 'https:\\\\api.example\\orders' } }, 'htu'],
    ['with a space in the address', { claims: { htu: ' https://api.example/orders' } }, 'htu'],
    ['of a relative address', { claims: { htu: '/orders' } }, 'htu'],
    ['with a list of addresses', { claims: { htu: [url] } }, 'htu'],
    ['without htu', { claims: { htu: undefined } }, 'htu'],
    ['that is too old', { claims: { iat: now - 361 } }, 'iat too_old'],
    ['of the future', { claims: { iat: now + 61 } }, 'iat in_future'],
    ['with iat as text', { claims: { iat: String(now) } }, 'iat'],
    ['with an endless iat', { payloadText: (text) => text.replace(/"iat":\d+/, '"iat":1e999') }, 'iat'],
    ['without iat', { claims: { iat: undefined } }, 'iat'],
    ['for another token', { claims: { ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo' } }, 'ath'],
    ['without ath', { claims: { ath: undefined } }, 'ath'],
    ['without jti', { claims: { jti: undefined } }, 'jti'],
    ['with an empty jti', { claims: { jti: '' } }, 'jti'],
    ['with a number as jti', { claims: { jti: 7 } }, 'jti'],
    ['with a jti of 257 characters', { claims: { jti: 'j'.repeat(257) } }, 'jti'],
    ['with a name twice', { payloadText: (text) => text.replace('{', '{"htm":"PUT",') }, 'dpop malformed'],
    [
      'with a name twice in the header',
      { headerText: (t) => t.replace('{', '{"typ":"JWT",') },
      'dpop malformed',
    ],
    ['of more than three parts', { proof: (text) => `${text}.` }, 'dpop malformed'],
    ['that is empty', { proof: () => '' }, 'dpop malformed'],
    ['with padding', { proof: (text) => `${text}=` }, 'dpop malformed'],
    ['of more than 8 KiB', { claims: { more: 'x'.repeat(8192) } }, 'dpop malformed'],
    ['that a host joined from two headers', { proof: (text) => `${text}, ${text}` }, 'dpop repeated'],
  ])('is refused with a proof %s', async (__, change, detail) => {
    const validator = start({}, { tokenCache })
    expect(await outcomeOf(validator)).toBe('accepted')
    const error = await send(validator, { proofs: [proofOf(change)] })
    if (!isBearerError(error)) throw new Error('accepted')
    expect([error.code, error.claim, error.reason].filter(Boolean).join(' ')).toBe(
      `dpop_proof_invalid ${detail}`,
    )
    expect(error.headers).toEqual({
      'WWW-Authenticate': `DPoP error="invalid_dpop_proof", error_description="The DPoP proof is missing or not valid", algs="${algs}"`,
    })
  })

  it.each<[string, Sent, string]>([
    ['no proof', { proofs: [] }, 'dpop_proof_invalid dpop missing'],
    ['two proofs', { proofs: [proofOf(), proofOf()] }, 'dpop_proof_invalid dpop repeated'],
    ['the same proof twice', { proofs: Array(2).fill(proofOf()) }, 'dpop_proof_invalid dpop repeated'],
    [
      'a proof by another key',
      { proofs: [dpopProof(other, { token: bound, url })] },
      'sender_binding_unproven cnf jkt',
    ],
    ['the scheme Bearer and a proof', { scheme: 'Bearer' }, 'sender_binding_unproven cnf scheme'],
    ['the scheme Bearer alone', { scheme: 'Bearer', proofs: [] }, 'sender_binding_unproven cnf scheme'],
    ['a proof for another target', { target: '/orders/7' }, 'dpop_proof_invalid htu'],
    ['a target that is no path', { target: '*' }, 'dpop_proof_invalid htu'],
    ['a target with dot segments', { target: '/admin/../orders/42' }, 'dpop_proof_invalid htu dot_segment'],
    ['encoded dot segments', { target: '/admin/%2e%2E/orders/42' }, 'dpop_proof_invalid htu dot_segment'],
    [
      'a target that continues the host',
      {
        target: '.evil.example/orders',
        proofs: [dpopProof(key, { token: bound, url: 'https://api.example.evil.example/orders' })],
      },
      'dpop_proof_invalid htu',
    ],
    ['no token', { token: '' }, 'authorization_malformed'],
    ['two tokens', { token: `${bound} ${bound}` }, 'authorization_malformed'],
  ])('is refused with %s', async (__, sent, outcome) => {
    const validator = start({}, { tokenCache })
    expect(await outcomeOf(validator)).toBe('accepted')
    expect(await outcomeOf(validator, sent)).toBe(outcome)
  })

  it('is refused where a proof is used twice, also at the same time', async () => {
    const validator = start({}, { tokenCache })
    const once = { proofs: [proofOf()] }
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(validator, once)))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(new Set(outcomes)).toEqual(new Set(['accepted', 'dpop_proof_invalid jti replayed']))
  })

  it('is refused without a request, after a request with it was accepted', async () => {
    const validator = start({}, { tokenCache })
    expect(await outcomeOf(validator)).toBe('accepted')
    const { error } = await validator.tryValidateToken(bound)
    expect(error?.code).toBe('sender_binding_unproven')
  })

  it('does not use a proof up that is refused', async () => {
    const validator = start({}, { tokenCache })
    const proofs = [proofOf()]
    expect(await outcomeOf(validator, { proofs, target: '/other' })).toBe('dpop_proof_invalid htu')
    expect(await outcomeOf(validator, { proofs, token: unbound })).toBe('sender_binding_missing cnf')
    expect(await outcomeOf(validator, { proofs })).toBe('accepted')
  })
})

describe('the address of a proof', () => {
  it.each([
    ['with query and fragment', 'https://api.example/orders?page=2#top', '/orders?page=3'],
    ['with scheme and host in capital letters', 'HTTPS://API.example/orders', '/orders'],
    ['with the default port', 'https://api.example:443/orders', '/orders'],
    ['with percent-encoded letters', 'https://api.example/%6Frders', '/orders'],
    ['with percent-encodings in small letters', 'https://api.example/a%c3%a9', '/a%C3%A9'],
    ['with dot segments', 'https://api.example/x/../orders', '/orders'],
    ['without a path', 'https://api.example', '/'],
    ['for a target in absolute form', 'https://api.example/orders', 'http://10.0.0.7:8080/orders?x'],
    ['for a path of two slashes', 'https://api.example//evil.example/orders', '//evil.example/orders'],
  ])('is accepted %s', async (_, htu, target) => {
    const proofs = [proofOf({ claims: { htu } })]
    expect(await outcomeOf(start(), { proofs, target })).toBe('accepted')
  })

  it.each([
    ['https://api.example/svc', 'https://api.example/svc/orders'],
    ['https://api.example/svc/', 'https://api.example/svc/orders'],
    ['https://api.example', 'https://api.example/orders'],
  ])('begins with publicUrl %s', async (base, htu) => {
    const validator = start({ publicUrl: base })
    expect(await outcomeOf(validator, { proofs: [proofOf({ claims: { htu } })] })).toBe('accepted')
    const wrong = [proofOf({ claims: { htu: `${htu}x` } })]
    expect(await outcomeOf(validator, { proofs: wrong })).toBe('dpop_proof_invalid htu')
  })

  it('does not depend on Host or forwarded headers', async () => {
    const htu = 'https://evil.example/orders'
    const view = requestView(
      {
        authorization: [`DPoP ${bound}`],
        dpop: [proofOf({ claims: { htu } })],
        host: ['evil.example'],
        'x-forwarded-host': ['evil.example'],
      },
      { url: '/orders' },
    )
    await expect(start().authenticate(view)).rejects.toMatchObject({
      code: 'dpop_proof_invalid',
      claim: 'htu',
    })
  })
})

it.each(algs.split(' '))('accepts proofs of %s', async (alg) => {
  const own = createDpopKey(alg)
  const token = tokenWith({ from: 'generic', claims: { cnf: { jkt: own.jkt } } })
  const validator = start()
  for (let use = 0; use < 2; use++) {
    expect(await outcomeOf(validator, { token, proofs: [dpopProof(own, { token, url })] })).toBe('accepted')
  }
})

describe('what a token says of its sender', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'sender_binding_missing cnf'],
    ['null', null, 'sender_binding_unproven cnf'],
    ['a text', 'none', 'sender_binding_unproven cnf'],
    ['an empty object', {}, 'sender_binding_missing cnf'],
    ['a member that is not understood alone', { kid: 'x' }, 'sender_binding_missing cnf'],
    ['jkt as null', { jkt: null }, 'sender_binding_unproven cnf'],
    ['jkt as a list', { jkt: [key.jkt] }, 'sender_binding_unproven cnf'],
    ['jkt and a member that is not understood', { jkt: key.jkt, 'kc-jkt-type': 'x' }, 'accepted'],
    [
      'a certificate beside jkt, which is not configured',
      { jkt: key.jkt, 'x5t#S256': 'x' },
      'sender_binding_unproven cnf',
    ],
  ])('%s decides under the scheme DPoP', async (_, cnf, outcome) => {
    const token = tokenWith({ from: 'generic', claims: { cnf } })
    expect(await outcomeOf(start(), { token })).toBe(outcome)
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'accepted'],
    ['null', null, 'sender_binding_unproven cnf'],
    ['an empty object', {}, 'sender_binding_unproven cnf'],
    ['a member that is not understood alone', { kid: 'x' }, 'sender_binding_unproven cnf'],
    ['jkt', { jkt: key.jkt }, 'sender_binding_unproven cnf scheme'],
  ])('%s decides under the scheme Bearer', async (_, cnf, outcome) => {
    const token = tokenWith({ from: 'generic', claims: { cnf } })
    expect(await outcomeOf(start(), { token, scheme: 'Bearer' })).toBe(outcome)
  })

  it('is refused where a binding is required, at each use and without a request', async () => {
    const validator = start({ required: true })
    for (let use = 0; use < 2; use++) {
      expect(await outcomeOf(validator, { token: unbound, scheme: 'Bearer' })).toBe(
        'sender_binding_missing cnf',
      )
    }
    expect((await validator.tryValidateToken(unbound)).error?.code).toBe('sender_binding_missing')
    expect(await outcomeOf(validator)).toBe('accepted')
  })

  it('is reported by explain, which has no request', async () => {
    const { checks, refusal } = await start().explain(bound)
    expect(refusal?.code).toBe('sender_binding_unproven')
    expect(checks.find(({ check }) => check === 'sender')).toEqual({
      check: 'sender',
      verdict: 'failed',
      code: 'sender_binding_unproven',
      claim: 'cnf',
      setting: 'senderProofs',
    })
    expect((await start().explain(unbound)).accepted).toBe(true)
  })

  it('counts where it is the answer of an introspection', async () => {
    const opaque = 'opaque-token-1'
    const validator = start(
      {},
      {
        issuer: introspectedIssuer({
          issuer: genericIssuer,
          introspectionUrl: `${genericIssuer}/introspect`,
          authentication: { bearerToken: 'own' },
        }),
        fetch: async () =>
          Response.json({
            active: true,
            iss: genericIssuer,
            aud: genericAudience,
            exp: now + 60,
            cnf: { jkt: key.jkt },
          }),
      },
    )
    expect(await outcomeOf(validator, { token: opaque, scheme: 'Bearer' })).toBe(
      'sender_binding_unproven cnf scheme',
    )
    for (let use = 0; use < 2; use++) {
      expect(await outcomeOf(validator, { token: opaque })).toBe('accepted')
    }
    expect(await outcomeOf(validator, { token: opaque, proofs: [proofOf()] })).toBe('dpop_proof_invalid ath')
  })

  it.each<[string, object | undefined, object | undefined, string]>([
    ['the answer alone', undefined, { jkt: key.jkt }, 'accepted'],
    ['the token alone', { jkt: key.jkt }, undefined, 'accepted'],
    ['both', { jkt: key.jkt }, { jkt: key.jkt }, 'accepted'],
    ['both, to different keys', { jkt: key.jkt }, { jkt: other.jkt }, 'sender_binding_unproven cnf'],
    ['neither', undefined, undefined, 'sender_binding_missing cnf'],
  ])('counts for a lightweight token that is bound by %s', async (_, own, answered, outcome) => {
    const token = tokenWith({ from: 'generic', claims: { cnf: own } })
    const validator = start(
      {},
      {
        issuer: introspectedIssuer({
          issuer: genericIssuer,
          introspectionUrl: `${genericIssuer}/introspect`,
          jwksUri: `${genericIssuer}/keys`,
          authentication: { bearerToken: 'own' },
          tokens: 'jwt',
        }),
        fetch: async (address) =>
          Response.json(
            address.endsWith('/introspect')
              ? { active: true, exp: now + 60, cnf: answered }
              : keySet(['generic']),
          ),
      },
    )
    expect(await outcomeOf(validator, { token })).toBe(outcome)
    expect(await outcomeOf(validator, { token })).toBe(outcome)
  })
})

describe('challenges', () => {
  const challengeOf = (error: unknown) => (error as BearerError).headers['WWW-Authenticate']

  it('name both schemes where both are accepted, Bearer first', async () => {
    const none = requestView({})
    expect(() => start().authenticate(none)).toThrow(
      expect.objectContaining({ headers: { 'WWW-Authenticate': `Bearer, DPoP algs="${algs}"` } }),
    )
    const error = await send(start(), { scheme: 'Bearer' })
    expect(challengeOf(error)).toBe(
      `Bearer error="invalid_token", error_description="The token is bound to a sender, and the request does not prove it", DPoP algs="${algs}"`,
    )
  })

  it('name DPoP alone where the request used it, or where it is required', async () => {
    const alone = `DPoP error="invalid_token", error_description="The token is not bound to its sender as this API requires", algs="${algs}"`
    expect(challengeOf(await send(start(), { token: unbound }))).toBe(alone)
    const required = await send(start({ required: true }), { token: unbound, scheme: 'Bearer' })
    expect(challengeOf(required)).toBe(alone)
  })

  it('of a missing permission name the scheme of the token', async () => {
    const validator = start()
    const token = await send(validator)
    if (isBearerError(token)) throw token
    expect(() => validator.checkPermission(token, { scopes: 'other' })).toThrow(
      expect.objectContaining({
        headers: {
          'WWW-Authenticate': `DPoP error="insufficient_scope", error_description="A required scope is missing", scope="other", algs="${algs}"`,
        },
      }),
    )
  })

  it('without DPoP configured are the same as ever, and the scheme is not supported', async () => {
    const validator = start({}, { senderProofs: undefined })
    const error = await send(validator)
    expect(error).toMatchObject({ code: 'scheme_unsupported', headers: { 'WWW-Authenticate': 'Bearer' } })
    expect(await outcomeOf(validator, { scheme: 'Bearer' })).toBe('sender_binding_unproven cnf')
  })
})

describe('nonces', () => {
  const nonceSecrets = [secret(1)]

  async function nonceOf(validator: TokenValidator): Promise<string> {
    const error = await send(validator)
    if (!isBearerError(error)) throw new Error('accepted')
    expect(error.code).toBe('dpop_nonce_required')
    return error.headers['DPoP-Nonce'] as string
  }

  it('are demanded by use_dpop_nonce alone, and the repeated proof is accepted with one', async () => {
    const validator = start({ nonceSecrets })
    const claims = { jti: 'the-same' }
    const error = await send(validator, { proofs: [proofOf({ claims })] })
    if (!isBearerError(error)) throw new Error('accepted')
    expect(error.headers).toEqual({
      'WWW-Authenticate': `DPoP error="use_dpop_nonce", error_description="The DPoP proof must carry the nonce of this answer", algs="${algs}"`,
      'DPoP-Nonce': expect.stringMatching(/^[\w-]{43}$/),
      'Cache-Control': 'no-store',
    })
    const nonce = error.headers['DPoP-Nonce']
    // Clients may keep the jti: the refused proof did not use it up.
    expect(await outcomeOf(validator, { proofs: [proofOf({ claims: { ...claims, nonce } })] })).toBe(
      'accepted',
    )
    expect(await outcomeOf(validator, { proofs: [proofOf({ claims: { ...claims, nonce } })] })).toBe(
      'dpop_proof_invalid jti replayed',
    )
  })

  it.each([undefined, '', 'x', 7, null])('refuse the nonce %s', async (nonce) => {
    expect(await outcomeOf(start({ nonceSecrets }), { proofs: [proofOf({ claims: { nonce } })] })).toBe(
      'dpop_nonce_required nonce',
    )
  })

  it('are the same on all instances with the same secrets, and none with others', async () => {
    const nonce = await nonceOf(start({ nonceSecrets }))
    const sent = () => ({ proofs: [proofOf({ claims: { nonce } })] })
    expect(await outcomeOf(start({ nonceSecrets: [secret(1)] }), sent())).toBe('accepted')
    expect(await outcomeOf(start({ nonceSecrets: [secret(2), secret(1)] }), sent())).toBe('accepted')
    expect(await outcomeOf(start({ nonceSecrets: [secret(2)] }), sent())).toBe('dpop_nonce_required nonce')
  })

  it('are accepted for five to ten minutes, and by an instance whose clock is behind', async () => {
    let time = now
    const validator = start({ nonceSecrets }, { clock: () => time })
    const nonce = await nonceOf(validator)
    const at = async (seconds: number) => {
      time = now + seconds
      return outcomeOf(validator, { proofs: [proofOf({ claims: { nonce, iat: time } })] })
    }
    expect(await at(300)).toBe('accepted')
    expect(await at(-60)).toBe('accepted')
    expect(await at(600)).toBe('dpop_nonce_required nonce')
  })

  it('are on every answer to a request by DPoP, and on no other', async () => {
    const validator = start({ nonceSecrets })
    const headersFor = (scheme: string) =>
      validator.responseHeaders(requestView({ authorization: [`${scheme} ${bound}`] }))
    const nonce = await nonceOf(validator)
    expect(headersFor('DPoP')).toMatchObject({ 'DPoP-Nonce': nonce })
    expect(headersFor('Bearer')).toBeUndefined()
  })
})

describe('the replay store', () => {
  it('gets a key of characters that any store takes, for the time the proof could be used again', async () => {
    const calls: [string, number][] = []
    const replayStore = {
      async addIfAbsent(stored: string, ttlSeconds: number) {
        calls.push([stored, ttlSeconds])
        return true
      },
    }
    const validator = start({ replayStore, maxAgeSeconds: 10 })
    expect(await outcomeOf(validator, { proofs: [proofOf({ claims: { iat: now + 5 } })] })).toBe('accepted')
    // 5 + 10, the tolerance of 60 here and at an instance whose clock is behind, and 30 for what a request waits.
    expect(calls).toEqual([[expect.stringMatching(/^[\w-]{43}\.[\w-]{43}$/), 165]])
    expect(calls[0]?.[0]).toContain(key.jkt)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret of the store')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('secret of the store'))],
    ['answers with OK', async () => 'OK'],
    ['answers with nothing', async () => undefined],
  ])('that %s is answered with 503', async (_, addIfAbsent) => {
    const validator = start({ replayStore: { addIfAbsent } as never })
    expect(await send(validator)).toMatchObject({
      code: 'check_unavailable',
      reason: 'replay_store',
      status: 503,
      headers: { 'Retry-After': '5' },
    })
  })

  it('that does not answer is answered with 503 after five seconds', async () => {
    const validator = start({ replayStore: { addIfAbsent: async () => new Promise<never>(() => {}) } })
    expect(await outcomeOf(validator)).toBe('check_unavailable replay_store')
  })

  it('is not asked for a proof or a token that is refused', async () => {
    let calls = 0
    const replayStore = { addIfAbsent: async () => ++calls > 0 }
    const validator = start({ replayStore, nonceSecrets: [secret(1)] })
    await send(validator)
    await send(validator, { proofs: [proofOf({ claims: { htm: 'PUT' } })] })
    await send(validator, {
      token: tokenWith({ from: 'generic', claims: { cnf: { jkt: key.jkt }, exp: 1 } }),
    })
    await send(validator, { token: `${bound.slice(0, -4)}AAAA` })
    expect(calls).toBe(0)
  })

  it('in memory keeps a key until its time is over, and then forgets it', async () => {
    let time = 1000
    const store = new MemoryReplayStore(100, () => time)
    expect(await store.addIfAbsent('a.1', 60)).toBe(true)
    time += 60
    expect(await store.addIfAbsent('a.1', 60)).toBe(false)
    time += 20
    expect(await store.addIfAbsent('b.1', 60)).toBe(true)
    expect(store.size).toBe(1)
    expect(await store.addIfAbsent('a.1', 60)).toBe(true)
  })

  it('in memory has room for others however many proofs a client makes, and evicts none', async () => {
    const store = new MemoryReplayStore(1000, () => 0)
    const fill = async (owner: string): Promise<number> => {
      for (let count = 0; ; count++) {
        const isAdded = await store.addIfAbsent(`${owner}.${count}`, 60).catch(() => 'full')
        if (isAdded !== true) return count
      }
    }
    const shares: number[] = []
    for (let client = 0; client < 20; client++) shares.push(await fill(`greedy-${client}`))
    expect(shares[0]).toBe(200)
    expect(await store.addIfAbsent('other.1', 60)).toBe(true)
    expect(await store.addIfAbsent('greedy-0.0', 60)).toBe(false)
    expect(await store.addIfAbsent('greedy-0.199', 60)).toBe(false)
    expect(store.size).toBeLessThanOrEqual(1000)
  })
})

describe('options that are wrong are a TypeError', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /expected an object/],
    ['no publicUrl', {}, /"publicUrl"/],
    ['a publicUrl by http', { publicUrl: 'http://api.example' }, /"publicUrl" must be an https address/],
    ['a publicUrl with a query', { publicUrl: 'https://api.example/?a' }, /must not carry a query/],
    ['an unknown option', { publicUrl, require: true }, /unknown option "require"/],
    ['required as a text', { publicUrl, required: 'yes' }, /"required"/],
    ['maxAgeSeconds of 0', { publicUrl, maxAgeSeconds: 0 }, /"maxAgeSeconds"/],
    ['a store without addIfAbsent', { publicUrl, replayStore: {} }, /"addIfAbsent"/],
    ['a store that is null', { publicUrl, replayStore: null }, /replayStore/],
    ['nonces without a secret', { publicUrl, nonceSecrets: [] }, /"nonceSecrets"/],
    ['nonces by true', { publicUrl, nonceSecrets: true }, /"nonceSecrets"/],
    ['a short secret', { publicUrl, nonceSecrets: [new Uint8Array(31)] }, /"nonceSecrets"/],
    ['a secret as text', { publicUrl, nonceSecrets: ['x'.repeat(32)] }, /"nonceSecrets"/],
  ])('%s', (_, options, message) => {
    expect(() => dpop(options as DpopOptions)).toThrow(message)
    expect(() => dpop(options as DpopOptions)).toThrow(TypeError)
  })

  it.each<[string, unknown]>([
    ['an empty list', []],
    ['an object made by hand', { publicUrl }],
    ['null', null],
    ['two values for one binding', [dpop({ publicUrl }), dpop({ publicUrl })]],
  ])('senderProofs as %s', (_, senderProofs) => {
    expect(() => start({}, { senderProofs: senderProofs as never })).toThrow(TypeError)
  })
})
