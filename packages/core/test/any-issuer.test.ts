import {
  apiClientId,
  apiUri,
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  secondTenantId,
  signingKey,
  tenantId,
  tokenWith,
  v2Issuer,
} from '@countersign/test-fixtures'
import {
  absent,
  claimPath,
  clouds,
  createTokenValidator,
  entra,
  entraMultiTenant,
  expectation,
  oidcIssuer,
  present,
  staticIssuer,
  type Claims,
  type StaticIssuerOptions,
  type TokenValidatorOptions,
  type TrustedIssuer,
} from '@countersign/core'
import { auth0, gitHubActions, kubernetes } from '@countersign/core/issuers'
import { describe, expect, it, vi } from 'vitest'

const jwks = keySet(['generic'])

function issuerWith(settings: Partial<StaticIssuerOptions>): TrustedIssuer {
  return staticIssuer({ issuer: genericIssuer, jwks, audience: genericAudience, ...settings })
}

async function outcomeOf(
  issuer: TrustedIssuer | readonly TrustedIssuer[],
  claims: Readonly<Record<string, unknown>> = {},
  more: Partial<TokenValidatorOptions> = {},
): Promise<string> {
  const { tryValidateToken } = createTokenValidator({ issuer, clock, ...more })
  const { error } = await tryValidateToken(tokenWith({ from: 'generic', claims }))
  return error === undefined ? 'accepted' : [error.code, error.claim, error.reason].filter(Boolean).join(' ')
}

describe('required claims', () => {
  it.each<[string, Record<string, unknown>, unknown, string]>([
    ['a number where a string is required', { level: '3' }, 3, 'claim_not_allowed level'],
    ['a value of a list', { level: [1, 3] }, 3, 'accepted'],
    ['a list where a value is required', { level: 3 }, [3], 'claim_not_allowed level'],
    ['a claim that must be there', { level: present }, 0, 'accepted'],
    ['a claim that must be there and is null', { level: present }, null, 'claim_not_allowed level'],
    ['a claim that must not be there', { level: absent }, 0, 'claim_not_allowed level'],
    ['a claim that must not be there and is null', { level: absent }, null, 'accepted'],
    ['an expectation that holds', { level: expectation('high', (level) => level === 3) }, 3, 'accepted'],
    [
      'an expectation that does not hold',
      { level: expectation('high', (level) => level === 3) },
      2,
      'claim_not_allowed level',
    ],
    [
      'an expectation that answers with something true',
      { level: expectation('high', (() => 'yes') as never) },
      3,
      'claim_not_allowed level',
    ],
    [
      'an expectation that answers later',
      { level: expectation('high', (async () => true) as never) },
      3,
      'claim_not_allowed level',
    ],
    [
      'an expectation that throws',
      {
        level: expectation('high', () => {
          throw new Error('private words')
        }),
      },
      3,
      'check_unavailable level expectation',
    ],
    [
      'an expectation without its claim',
      { level: expectation('any', () => true) },
      undefined,
      'claim_not_allowed level',
    ],
    ['a member of an object', { level: { of: { user: 3 } } }, { of: { user: 3 } }, 'accepted'],
    [
      'another member of an object',
      { level: { of: { user: 3 } } },
      { of: 3 },
      'claim_not_allowed level.of.user',
    ],
  ])('compare %s', async (_, requiredClaims, level, outcome) => {
    const issuer = issuerWith({ requiredClaims: requiredClaims as never })
    expect(await outcomeOf(issuer, { level })).toBe(outcome)
  })

  it('refuse before any guard, and before the function that decides about tenants', async () => {
    const allowedTenants = vi.fn(() => true)
    const { validateToken } = createTokenValidator({
      issuer: entraMultiTenant({ allowedTenants, clientId: apiClientId, requiredClaims: { acct: 0 } }),
      clock,
      fetch: async (url) =>
        Response.json(
          url.includes('openid')
            ? { issuer: clouds.global.v2Issuer, jwks_uri: 'https://login.microsoftonline.com/keys' }
            : keySet(['entra']),
        ),
    })
    await expect(validateToken(tokenWith({ claims: { acct: 1 } }))).rejects.toMatchObject({
      code: 'claim_not_allowed',
      status: 403,
    })
    expect(allowedTenants).not.toHaveBeenCalled()
    await validateToken(tokenWith({ claims: { acct: 0 } }))
    expect(allowedTenants).toHaveBeenCalledTimes(1)
  })

  it('are compared with the token’s own members, not with those of a prototype', async () => {
    expect(await outcomeOf(issuerWith({ requiredClaims: { constructor: present } }))).toBe(
      'claim_not_allowed constructor',
    )
    expect(await outcomeOf(issuerWith({ requiredClaims: { a: { toString: present } } }), { a: {} })).toBe(
      'claim_not_allowed a.toString',
    )
  })
})

describe('claim sources', () => {
  const read = async (claims: Record<string, unknown>, sources: StaticIssuerOptions['claims']) => {
    const { validateToken } = createTokenValidator({ issuer: issuerWith({ claims: sources }), clock })
    return validateToken(tokenWith({ from: 'generic', claims }))
  }

  it('find a value by path, where names contain dots', async () => {
    const claims = { resource_access: { 'my.api': { roles: ['editor'] } } }
    expect(await read(claims, { roles: claimPath('resource_access', 'my.api', 'roles') })).toMatchObject({
      userRoles: ['editor'],
    })
    expect(await read(claims, { roles: claimPath('resource_access', 'other', 'roles') })).toMatchObject({
      userRoles: [],
    })
  })

  it('join roles of several sources, each once', async () => {
    const claims = { roles: ['a', 'b'], permissions: ['b', 'c'] }
    expect(await read(claims, { roles: ['roles', 'permissions'] })).toMatchObject({
      userRoles: ['a', 'b', 'c'],
    })
  })

  it('take the client of the first source that has a value, and no other in its place', async () => {
    const sources = { clientId: ['cid', 'azp'] }
    expect(await read({ cid: 'first', azp: 'second' }, sources)).toMatchObject({ clientId: 'first' })
    expect(await read({ azp: 'second' }, sources)).toMatchObject({ clientId: 'second' })
    await expect(read({ cid: ['a', 'b'], azp: 'second' }, sources)).rejects.toMatchObject({
      code: 'claim_malformed',
      claim: 'cid',
    })
  })

  it.each<[string, (claims: Claims) => unknown, readonly string[]]>([
    [
      'throws',
      () => {
        throw new Error('private words')
      },
      [],
    ],
    ['returns a promise', async () => ['admin'], []],
    ['returns null', () => null, []],
    ['returns numbers', () => [1], []],
    ['returns one string', () => 'admin', ['admin']],
    ['returns names of an object', ({ roles }) => Object.keys(roles as object), ['admin']],
  ])('grant what a function gives that %s', async (_, roles, granted) => {
    expect(await read({ roles: { admin: {} } }, { roles })).toMatchObject({ userRoles: granted })
  })

  it('run once for a token that is used again and again', async () => {
    const roles = vi.fn(() => ['admin'])
    const { validateToken } = createTokenValidator({ issuer: issuerWith({ claims: { roles } }), clock })
    const token = tokenWith({ from: 'generic' })
    for (let use = 0; use < 5; use++) await validateToken(token, { roles: 'admin' })
    expect(roles).toHaveBeenCalledTimes(1)
  })

  it('are not run for a token whose signature does not hold', async () => {
    const roles = vi.fn(() => ['admin'])
    const { tryValidateToken } = createTokenValidator({ issuer: issuerWith({ claims: { roles } }), clock })
    const { kid } = signingKey('generic')
    const { error } = await tryValidateToken(tokenWith({ from: 'generic', key: 'attacker', header: { kid } }))
    expect(error?.code).toBe('signature_invalid')
    expect(roles).not.toHaveBeenCalled()
  })
})

describe('a rule for kinds', () => {
  const kindOf = async (
    kind: StaticIssuerOptions['kind'],
    claims: Record<string, unknown>,
  ): Promise<string> => {
    const { tryValidateToken } = createTokenValidator({ issuer: issuerWith({ kind }), clock })
    const { token, error } = await tryValidateToken(tokenWith({ from: 'generic', claims }))
    return token?.kind ?? `${error?.code} ${error?.reason}`
  }
  const shapes = { application: { gty: 'client' }, delegated: { auth: present } }

  it.each([
    ['application', { gty: 'client' }],
    ['delegated', { auth: 1 }],
    ['unknown', { gty: 'client', auth: 1 }],
    ['unknown', {}],
  ])('of two shapes says %s of %j', async (kind, claims) => {
    expect(await kindOf(shapes, claims)).toBe(kind)
  })

  it.each<[unknown, string]>([
    ['application', 'application'],
    ['delegated', 'delegated'],
    ['admin', 'unknown'],
    [undefined, 'unknown'],
    [true, 'unknown'],
    [Promise.resolve('application'), 'unknown'],
  ])('that is a function and answers %s says %s', async (answer, kind) => {
    expect(await kindOf((() => answer) as never, {})).toBe(kind)
  })

  it('that throws is answered with 503', async () => {
    const kind = (): never => {
      throw new Error('private words')
    }
    expect(await kindOf(kind, {})).toBe('check_unavailable kind')
  })
})

describe('two issuers', () => {
  const multi = (allowedTenants: 'any' | string[] | (() => boolean)): TrustedIssuer =>
    entraMultiTenant({ allowedTenants, clientId: apiClientId })
  const one = entra({ tenantId, clientId: apiClientId })

  it.each<[string, TrustedIssuer[]]>([
    ['of one name', [issuerWith({}), issuerWith({ allowedClients: ['web'] })]],
    [
      'with one spelling in common',
      [issuerWith({}), issuerWith({ issuer: ['https://a.example', genericIssuer] })],
    ],
    ['of one tenant', [one, entra({ tenantId, clientId: secondTenantId })]],
    ['of one tenant and any', [one, multi('any')]],
    ['of any tenant and one', [multi('any'), one]],
    ['of one tenant and a function', [one, multi(() => false)]],
    ['of lists that share a tenant', [multi([tenantId]), multi([secondTenantId, tenantId])]],
    ['of any tenant, twice', [multi('any'), multi(() => true)]],
  ])('%s are a TypeError that names both', (_, issuer) => {
    expect(() => createTokenValidator({ issuer })).toThrow(TypeError)
    expect(() => createTokenValidator({ issuer })).toThrow('two values for the same tokens')
  })

  it('of a tenant and of a list without it work together, in either order', async () => {
    const documents = async (url: string): Promise<Response> => {
      if (!url.includes('openid')) return Response.json(keySet(['entra']))
      const issuer = url.includes(tenantId) ? v2Issuer() : clouds.global.v2Issuer
      return Response.json({ issuer, jwks_uri: 'https://login.microsoftonline.com/keys' })
    }
    for (const issuer of [
      [one, multi([secondTenantId])],
      [multi([secondTenantId]), one],
    ]) {
      const { validateToken } = createTokenValidator({ issuer, clock, fetch: documents })
      expect(await validateToken(tokenWith())).toMatchObject({ tenantId })
      const other = tokenWith({ claims: { iss: v2Issuer(secondTenantId), tid: secondTenantId } })
      expect(await validateToken(other)).toMatchObject({ tenantId: secondTenantId })
    }
  })

  it('that turn out to be one tenant, by its domain and by its id, are answered with issuer_ambiguous', async () => {
    const byDomain = entra({ tenantId: 'contoso.example', clientId: secondTenantId })
    const fetch = async (url: string): Promise<Response> =>
      Response.json(
        url.includes('openid')
          ? { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' }
          : keySet(['entra']),
      )
    for (const issuer of [
      [byDomain, one],
      [one, byDomain],
    ]) {
      const { ready, tryValidateToken } = createTokenValidator({ issuer, clock, fetch })
      await ready()
      const { error } = await tryValidateToken(tokenWith())
      expect(error).toMatchObject({ code: 'issuer_ambiguous', status: 503, headers: { 'Retry-After': '5' } })
    }
  })
})

describe('a snapshot', () => {
  const serving = (key: 'entra' | 'entraNext') => async (url: string) =>
    Response.json(
      url.includes('openid')
        ? { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' }
        : keySet([key]),
    )

  it('of an application’s own keys gives none to another application of the tenant', async () => {
    const own = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId, applicationKeys: true }),
      clock,
      fetch: serving('entra'),
    })
    await own.ready()
    const other = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId }),
      clock,
      fetch: () => Promise.reject(new Error('no network')),
    })
    other.importKeys(own.exportKeys())
    expect((await other.tryValidateToken(tokenWith())).error?.code).toBe('keys_unavailable')
    const same = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId, applicationKeys: true }),
      clock,
      fetch: () => Promise.reject(new Error('no network')),
    })
    same.importKeys(own.exportKeys())
    expect((await same.tryValidateToken(tokenWith())).error).toBeUndefined()
  })

  it('of one key address gives none to another address of the same issuer', async () => {
    const at = (jwksUri: string, fetch: () => Promise<Response>) =>
      createTokenValidator({
        issuer: oidcIssuer({ issuer: genericIssuer, jwksUri }),
        audience: genericAudience,
        clock,
        fetch,
      })
    const first = at('https://issuer.example/a', async () => Response.json(jwks))
    await first.ready()
    const second = at('https://issuer.example/b', () => Promise.reject(new Error('no network')))
    second.importKeys(first.exportKeys())
    const token = tokenWith({ from: 'generic' })
    expect((await second.tryValidateToken(token)).error?.code).toBe('keys_unavailable')
  })

  it('holds no keys that are configured', async () => {
    const validator = createTokenValidator({ issuer: issuerWith({}), clock })
    await validator.ready()
    expect(validator.exportKeys().issuers).toEqual([])
  })
})

describe('an audience of Entra where any tenant is allowed', () => {
  const make = (audience: string) => () =>
    createTokenValidator({ issuer: entraMultiTenant({ allowedTenants: 'any' }), audience })

  it.each(['api://orders', 'urn:orders', 'orders'])(
    'is a TypeError where any tenant may register it: %s',
    (audience) => {
      expect(make(audience)).toThrow(TypeError)
      expect(make(audience)).toThrow('"audience" must be the client id')
    },
  )

  it.each([apiClientId, `api://${apiClientId}`, 'https://orders.contoso.example'])(
    'may be %s',
    (audience) => {
      expect(make(audience)).not.toThrow()
    },
  )

  it('may be any where tenants are listed', () => {
    const issuer = entraMultiTenant({ allowedTenants: [tenantId] })
    expect(() => createTokenValidator({ issuer, audience: apiUri })).not.toThrow()
  })
})

describe('an issuer from which anyone can obtain a token', () => {
  it.each([
    'https://token.actions.githubusercontent.com',
    'https://token.actions.githubusercontent.com/acme',
    'https://token.actions.acme.ghe.com',
    'https://gitlab.com',
    'https://accounts.google.com',
    'accounts.google.com',
    'https://securetoken.google.com/project',
    'https://abcdef.supabase.co/auth/v1',
    'https://kubernetes.default.svc.cluster.local',
    'https://oidc.eks.eu-central-1.amazonaws.com/id/0123',
    'https://appleid.apple.com',
    'https://slack.com',
    'https://secure.login.gov/',
    'https://api.botframework.com',
  ])('is a TypeError without a required claim that pins it: %s', (issuer) => {
    const make = (requiredClaims?: StaticIssuerOptions['requiredClaims']) => () =>
      staticIssuer({ issuer, jwks, audience: 'a', requiredClaims })
    expect(make()).toThrow(TypeError)
    expect(make()).toThrow('"requiredClaims" must name')
    // A claim that only has to be there lets everyone in.
    const everyone = { sub: present, email: present, project_id: present, repository_id: present }
    expect(make(everyone)).toThrow('"requiredClaims" must name')
  })

  it.each([
    ['https://token.actions.githubusercontent.com', { ref: 'refs/heads/main' }],
    ['https://gitlab.com', { ref_protected: 'true' }],
    ['https://accounts.google.com', { email_verified: true }],
    ['https://accounts.google.com', { email: 'ann@example.com' }],
    ['https://appleid.apple.com', { email: 'ann@example.com' }],
    ['https://token.actions.githubusercontent.com', { job_workflow_ref: 'a/b/.github/workflows/c.yml@v1' }],
    ['https://oidc.eks.cn-north-1.amazonaws.com.cn/id/1', { aud: 'a' }],
    ['https://eastus.oic.prod-aks.azure.com/tenant/id/', { iss: 'x' }],
  ])('%s is not pinned by %j', (issuer, requiredClaims) => {
    expect(() => staticIssuer({ issuer, jwks, audience: 'a', requiredClaims })).toThrow('must name one of')
  })

  it.each([
    ['https://session.firebase.google.com/my-project', { aud: 'my-project' }],
    ['https://securetoken.google.com/my-project', { role: 'authenticated' }],
    ['https://abc.supabase.co/auth/v1', { role: 'authenticated' }],
  ])('%s is not pinned by what everyone’s tokens say: %j', (issuer, requiredClaims) => {
    expect(() => staticIssuer({ issuer, jwks, audience: 'a', requiredClaims })).toThrow('a claim of your own')
  })

  it('is accepted with an address that was verified', () => {
    const requiredClaims = { email: 'ann@example.com', email_verified: true }
    const issuer = 'https://accounts.google.com'
    expect(() => staticIssuer({ issuer, jwks, audience: 'a', requiredClaims })).not.toThrow()
  })

  it('is accepted with one that pins it', () => {
    const issuer = 'https://token.actions.githubusercontent.com'
    const requiredClaims = { repository_id: '1' }
    expect(() => staticIssuer({ issuer, jwks, audience: 'a', requiredClaims })).not.toThrow()
  })
})

describe('a set-up mistake of an issuer', () => {
  it.each<[string, () => unknown, string]>([
    [
      'acceptMissingAudience alone',
      () => issuerWith({ acceptMissingAudience: true }),
      '"acceptMissingAudience" needs "requiredClaims"',
    ],
    [
      'acceptMissingAudience with a claim that only has to be there',
      () => issuerWith({ acceptMissingAudience: true, requiredClaims: { org: present } }),
      '"acceptMissingAudience" needs "requiredClaims"',
    ],
    [
      'acceptMissingAudience with audienceClaim',
      () => issuerWith({ acceptMissingAudience: true, audienceClaim: 'azp', requiredClaims: { org: 'a' } }),
      'must not be set together',
    ],
    [
      'an empty shape',
      () => issuerWith({ requiredClaims: {} }),
      '"requiredClaims" must name at least one member',
    ],
    ['an empty list in a shape', () => issuerWith({ requiredClaims: { a: [] } }), '"a" must be a value'],
    ['null in a shape', () => issuerWith({ requiredClaims: { a: null as never } }), '"a" must be a value'],
    ['an empty object in a shape', () => issuerWith({ requiredClaims: { a: {} } }), '"a" must be a value'],
    [
      'a source that is a number',
      () => issuerWith({ claims: { roles: 1 as never } }),
      '"roles" must be the name of a claim',
    ],
    ['no source at all', () => issuerWith({ claims: { roles: [] } }), '"roles" must be the name of a claim'],
    ['an unknown source', () => issuerWith({ claims: { scope: 'a' } as never }), 'unknown option "scope"'],
    ['an empty path', () => claimPath(), 'claimPath'],
    ['an expectation without a name', () => expectation('', () => true), '"name" must be'],
    ['an expectation without a test', () => expectation('a', 'b' as never), '"test" must be'],
    ['an empty rule for kinds', () => issuerWith({ kind: {} }), 'must have "application" or "delegated"'],
    ['a kind that is a word', () => issuerWith({ kind: 'application' as never }), 'kind'],
    [
      'an empty token type',
      () => issuerWith({ tokenType: {} }),
      'must have "header", "claims" or "allowNonce"',
    ],
    ['a token type that is another word', () => issuerWith({ tokenType: 'jwt' as never }), 'tokenType'],
    [
      'metadataIssuer without its address',
      () => oidcIssuer({ issuer: 'https://a.example', metadataIssuer: 'https://b.example' }),
      '"metadataIssuer" must be set together',
    ],
    ['no issuer', () => oidcIssuer({ issuer: [] }), '"issuer" must not be an empty list'],
    [
      'GitHub without a pin',
      () => gitHubActions({ audience: 'a', requiredClaims: { ref: 'main' } }),
      'must name one of',
    ],
    [
      'a service account without its namespace',
      () => kubernetes({ issuer: 'https://k.example', audience: 'a', serviceAccounts: 'checkout' }),
      'namespace/name',
    ],
  ])('%s is a TypeError that names it', (_, make, words) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(words)
  })
})

describe('explain of a refused token', () => {
  it.each<[string, Record<string, unknown>, Partial<StaticIssuerOptions>, string, string]>([
    [
      'audience',
      { aud: undefined },
      {},
      'claim_missing',
      'audienceClaim, or acceptMissingAudience with requiredClaims',
    ],
    ['token_type', { nonce: 'n', scope: undefined }, {}, 'id_token', 'tokenType.allowNonce'],
    ['required_claims', {}, { requiredClaims: { org: 'acme' } }, 'claim_not_allowed', 'requiredClaims'],
    ['client', {}, { allowedClients: ['web'] }, 'client_not_allowed', 'allowedClients'],
    ['lifetime', { exp: now - 1000 }, {}, 'token_expired', 'clockToleranceSeconds'],
  ])('names the setting that decides in the check %s', async (name, claims, settings, code, setting) => {
    const { explain } = createTokenValidator({ issuer: issuerWith(settings), clock })
    const { checks } = await explain(tokenWith({ from: 'generic', claims }))
    expect(checks.find(({ check }) => check === name)).toMatchObject({ verdict: 'failed', code, setting })
  })

  it('says what a required claim is expected to be', async () => {
    const requiredClaims = {
      org: ['acme', 'beta'],
      level: present,
      ref: expectation('a release', () => true),
    }
    const { explain } = createTokenValidator({ issuer: issuerWith({ requiredClaims }), clock })
    const { checks } = await explain(tokenWith({ from: 'generic' }))
    expect(checks.find(({ check }) => check === 'required_claims')?.expected).toBe(
      'org "acme" or "beta", level present, ref a release',
    )
  })
})

describe('two copies of this package', () => {
  it('understand each other’s expectations and paths, which are marked by registered symbols', () => {
    const marks = [present, expectation('a', () => true), claimPath('a')].flatMap((value) =>
      Object.getOwnPropertySymbols(value).map((symbol) => Symbol.keyFor(symbol)),
    )
    expect(marks).toEqual([
      '@countersign/core:expectation',
      '@countersign/core:expectation',
      '@countersign/core:claim-path',
    ])
  })
})

describe('an Auth0 user whose name ends like a client', () => {
  it.each<[object, string]>([
    [{ sub: 'abc@clients', azp: 'abc' }, 'application'],
    [{ sub: 'custom|eve@clients', azp: 'abc' }, 'unknown'],
    [{ sub: 'abc@clients' }, 'unknown'],
    [{ sub: 'auth0|ann', azp: 'abc' }, 'delegated'],
  ])('with %j is %s', async (claims, kind) => {
    const iss = 'https://acme.eu.auth0.com/'
    const validator = createTokenValidator({
      issuer: auth0({ domain: 'acme.eu.auth0.com', audience: genericAudience, jwksUri: `${iss}keys` }),
      clock,
      fetch: async () => Response.json(keySet(['generic'])),
    })
    const claimsOf = { iss, sub: undefined, client_id: undefined, ...claims }
    expect(await validator.validateToken(tokenWith({ from: 'generic', claims: claimsOf }))).toMatchObject({
      kind,
    })
  })
})
