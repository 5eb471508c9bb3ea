import { createHash, randomBytes } from 'node:crypto'
import {
  clock,
  createDpopKey,
  dpopProof,
  genericAudience,
  genericIssuer,
  keySet,
  requestView,
  tokenWith,
} from '@countersign/test-fixtures'
import {
  createTokenValidator,
  dpop,
  forwardedCertificate,
  introspectedIssuer,
  isBearerError,
  mutualTls,
  staticIssuer,
  type ForwardedCertificateOptions,
  type SenderProof,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'

/** The checks read the bytes of a certificate as they are: no member of it is parsed. */
const certificate = randomBytes(700)
const other = randomBytes(700)
const thumbprintOf = (der: Uint8Array) => createHash('sha256').update(der).digest('base64url')
const hexOf = (der: Uint8Array) => createHash('sha256').update(der).digest('hex')
const bound = tokenWith({ from: 'generic', claims: { cnf: { 'x5t#S256': thumbprintOf(certificate) } } })

function start(
  senderProofs: SenderProof | readonly SenderProof[] = mutualTls(),
  tokenCache: false | { maxEntries?: number } = {},
) {
  return createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    senderProofs,
    tokenCache,
  })
}

type View = Parameters<typeof requestView>[1]

async function outcomeOf(
  validator: ReturnType<typeof start>,
  view: View = {},
  headers: Record<string, readonly string[]> = {},
  token = bound,
): Promise<string> {
  try {
    await validator.authenticate(requestView({ authorization: [`Bearer ${token}`], ...headers }, view))
    return 'accepted'
  } catch (error) {
    if (!isBearerError(error)) throw error
    return [error.code, error.claim, error.reason].filter(Boolean).join(' ')
  }
}

describe.each([
  ['a token cache', {}],
  ['a token cache of one', { maxEntries: 1 }],
  ['no token cache', false],
] as const)('a token bound to a certificate, with %s', (_, tokenCache) => {
  it('is accepted over a connection with that certificate, each time', async () => {
    const validator = start(mutualTls(), tokenCache)
    for (let use = 0; use < 2; use++) expect(await outcomeOf(validator, { certificate })).toBe('accepted')
  })

  it.each<[string, View, string]>([
    ['another certificate', { certificate: other }, 'sender_binding_unproven cnf certificate'],
    ['no certificate', {}, 'sender_binding_unproven cnf certificate_missing'],
    ['an empty certificate', { certificate: new Uint8Array() }, 'sender_binding_unproven cnf certificate'],
  ])('is refused over a connection with %s, after it was accepted', async (__, view, outcome) => {
    const validator = start(mutualTls(), tokenCache)
    expect(await outcomeOf(validator, { certificate })).toBe('accepted')
    expect(await outcomeOf(validator, view)).toBe(outcome)
  })

  it('is refused without a request, after it was accepted', async () => {
    const validator = start(mutualTls(), tokenCache)
    expect(await outcomeOf(validator, { certificate })).toBe('accepted')
    expect((await validator.tryValidateToken(bound)).error?.code).toBe('sender_binding_unproven')
  })
})

describe('what a token says of its certificate', () => {
  const x5t = thumbprintOf(certificate)
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'accepted'],
    ['null', null, 'sender_binding_unproven cnf'],
    ['a thumbprint with padding', { 'x5t#S256': `${x5t}=` }, 'sender_binding_unproven cnf certificate'],
    [
      'a thumbprint in hexadecimal',
      { 'x5t#S256': hexOf(certificate) },
      'sender_binding_unproven cnf certificate',
    ],
    ['a list', { 'x5t#S256': [x5t] }, 'sender_binding_unproven cnf'],
    ['a member that is not understood beside it', { 'x5t#S256': x5t, 'kc-jkt-type': 'x' }, 'accepted'],
    ['a member that is not understood alone', { kid: 'x' }, 'sender_binding_unproven cnf'],
    [
      'a key beside it, which is not configured',
      { 'x5t#S256': x5t, jkt: 'x' },
      'sender_binding_unproven cnf',
    ],
  ])('%s decides', async (_, cnf, outcome) => {
    const token = tokenWith({ from: 'generic', claims: { cnf } })
    expect(await outcomeOf(start(), { certificate }, {}, token)).toBe(outcome)
  })

  it('is refused where a binding is required and it says nothing', async () => {
    const validator = start(mutualTls({ required: true }))
    const unbound = tokenWith({ from: 'generic' })
    for (let use = 0; use < 2; use++) {
      expect(await outcomeOf(validator, { certificate }, {}, unbound)).toBe('sender_binding_missing cnf')
    }
    expect(await outcomeOf(validator, { certificate })).toBe('accepted')
  })

  it('counts where it is the answer of an introspection', async () => {
    const validator = createTokenValidator({
      issuer: introspectedIssuer({
        issuer: genericIssuer,
        introspectionUrl: `${genericIssuer}/introspect`,
        authentication: { bearerToken: 'own' },
      }),
      audience: genericAudience,
      clock,
      senderProofs: mutualTls(),
      fetch: async () =>
        Response.json({ active: true, iss: genericIssuer, aud: genericAudience, cnf: { 'x5t#S256': x5t } }),
    })
    for (let use = 0; use < 2; use++) {
      expect(await outcomeOf(validator, { certificate }, {}, 'opaque-1')).toBe('accepted')
      expect(await outcomeOf(validator, { certificate: other }, {}, 'opaque-1')).toBe(
        'sender_binding_unproven cnf certificate',
      )
    }
  })

  it('is refused by the scheme DPoP, where only a certificate is proved', async () => {
    const validator = start([mutualTls(), dpop({ publicUrl: 'https://api.example' })])
    const headers = { authorization: [`DPoP ${bound}`] }
    expect(await outcomeOf(validator, { certificate }, headers)).toBe('sender_binding_missing cnf')
    expect(await outcomeOf(validator, { certificate })).toBe('accepted')
  })

  it('and of a key: both must be proved', async () => {
    const key = createDpopKey()
    const token = tokenWith({ from: 'generic', claims: { cnf: { jkt: key.jkt, 'x5t#S256': x5t } } })
    const validator = start([dpop({ publicUrl: 'https://api.example' }), mutualTls()])
    const proof = dpopProof(key, { token, url: 'https://api.example/' })
    const send = (view: View, dpopHeader = [proof]) =>
      outcomeOf(validator, view, { authorization: [`DPoP ${token}`], dpop: dpopHeader }, token)
    expect(await send({})).toBe('sender_binding_unproven cnf certificate_missing')
    expect(await send({ certificate }, [])).toBe('dpop_proof_invalid dpop missing')
    // The proof was not used up by the request without a certificate.
    expect(await send({ certificate })).toBe('accepted')
    expect(await send({ certificate })).toBe('dpop_proof_invalid jti replayed')
    expect(await outcomeOf(validator, { certificate }, {}, token)).toBe('sender_binding_unproven cnf scheme')
  })
})

const base64 = certificate.toString('base64')
const pemOf = (der: Buffer) =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`
const encoded = encodeURIComponent(pemOf(certificate))
const trustedProxies = ['10.0.0.5', '::1']

describe.each<[ForwardedCertificateOptions['format'], readonly string[], readonly string[]]>([
  [
    'client-cert',
    [`:${base64}:`],
    [base64, `:${base64}`, `:${base64}:;a=1`, `:${base64}:, :${base64}:`, '::', ':=:'],
  ],
  [
    'xfcc',
    [
      `Hash=${hexOf(certificate)}`,
      `Cert="${encoded}"`,
      `By=spiffe://api;Hash=${hexOf(certificate)};Subject="CN=\\"a,b;c\\"";URI=spiffe://web`,
      `Hash=${hexOf(certificate).toUpperCase()};Cert="${encoded}"`,
    ],
    [
      `Hash=${hexOf(certificate)},Hash=${hexOf(other)}`,
      `Hash=${hexOf(other)};Cert="${encoded}"`,
      `Hash=${hexOf(certificate)};Hash=${hexOf(certificate)}`,
      `Subject="Hash=${hexOf(certificate)}"`,
      `Hash=${hexOf(certificate).slice(2)}`,
      `Hash="${hexOf(certificate)}`,
      'Cert=""',
      ';',
    ],
  ],
  [
    'url-encoded-pem',
    [encoded, encodeURIComponent(pemOf(certificate).trim()), encoded.replaceAll('%2F', '/')],
    [
      base64,
      encoded + encoded,
      `${encoded}, ${encoded}`,
      encodeURIComponent(pemOf(certificate).replaceAll('CERTIFICATE', 'PUBLIC KEY')),
      // A regular expression that tries every split of the spaces would take a second for this one.
      `-----BEGIN CERTIFICATE-----A${' '.repeat(30_000)}!`,
      `${encodeURIComponent(pemOf(certificate).trim())}x`,
      '%zz',
      `x${encoded}`,
      'x'.repeat(40_000),
    ],
  ],
])('a certificate forwarded as %s', (format, good, malformed) => {
  const header = 'X-Client'
  const validator = start(
    mutualTls({ certificateFrom: forwardedCertificate({ trustedProxies, header, format }) }),
  )
  const send = (values: readonly string[] | undefined, view: View = { remoteAddress: '10.0.0.5' }) =>
    outcomeOf(validator, view, values === undefined ? {} : { 'x-client': values })

  it.each(good)('is accepted as %s', async (value) => {
    expect(await send([value])).toBe('accepted')
  })

  it.each(malformed)('is refused as %s', async (value) => {
    expect(await send([value])).toBe('sender_binding_unproven cnf header_malformed')
  })

  it('is refused where the header is repeated, missing or empty', async () => {
    const [value = ''] = good
    expect(await send([value, value])).toBe('sender_binding_unproven cnf header_repeated')
    expect(await send(undefined)).toBe('sender_binding_unproven cnf header_missing')
    expect(await send([''])).toBe('sender_binding_unproven cnf header_missing')
  })

  it.each(['10.0.0.6', '110.0.0.5', '::2', undefined, ''])('is refused from %s', async (remoteAddress) => {
    const view = remoteAddress === undefined ? { certificate } : { certificate, remoteAddress }
    expect(await send([good[0] as string], view)).toBe('sender_binding_unproven cnf proxy')
  })

  it.each(['10.0.0.5', '::ffff:10.0.0.5', '::1', '0:0:0:0:0:0:0:1'])(
    'is accepted from %s',
    async (remoteAddress) => {
      expect(await send([good[0] as string], { remoteAddress })).toBe('accepted')
    },
  )

  it('does not give way to the certificate of the connection', async () => {
    expect(await send(undefined, { remoteAddress: '10.0.0.5', certificate })).toBe(
      'sender_binding_unproven cnf header_missing',
    )
  })
})

describe('options that are wrong are a TypeError', () => {
  const forwarded = { trustedProxies: '10.0.0.5', header: 'client-cert', format: 'client-cert' }
  it.each<[string, unknown]>([
    ['no list of proxies', { ...forwarded, trustedProxies: undefined }],
    ['an empty list of proxies', { ...forwarded, trustedProxies: [] }],
    ['a proxy by name', { ...forwarded, trustedProxies: 'proxy.internal' }],
    ['a range of proxies', { ...forwarded, trustedProxies: '10.0.0.0/8' }],
    ['a proxy with octal digits', { ...forwarded, trustedProxies: '010.0.0.5' }],
    ['no header', { ...forwarded, header: undefined }],
    ['a header with a colon', { ...forwarded, header: 'client-cert:' }],
    ['no format', { ...forwarded, format: undefined }],
    ['an unknown format', { ...forwarded, format: 'toString' }],
    ['an unknown option', { ...forwarded, headers: 'a' }],
  ])('%s', (_, options) => {
    expect(() => forwardedCertificate(options as never)).toThrow(TypeError)
  })

  it.each<[string, unknown]>([
    ['an unknown option', { require: true }],
    ['required as text', { required: 'yes' }],
    ['certificateFrom made by hand', { certificateFrom: forwarded }],
    ['null', null],
  ])('of mutualTls: %s', (_, options) => {
    expect(() => mutualTls(options as never)).toThrow(TypeError)
  })
})
