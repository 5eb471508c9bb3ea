import {
  apiClientId,
  genericAudience,
  genericIssuer,
  keySet,
  signingKey,
  tenantId,
} from '@countersign/test-fixtures'
import {
  anyOf,
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  staticIssuer,
  type Permission,
} from '@countersign/core'
import { createBearerAuth, createGuard } from '@countersign/core/adapter'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'

const issuer = entra({ tenantId, clientId: apiClientId })
const privatePem = signingKey('generic').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()

/** Set-up mistakes, each with words that its message must contain: the option, and what was expected. */
const mistakes: readonly [string, () => unknown, string][] = [
  ['no options', () => createTokenValidator(undefined as never), 'expected an object'],
  ['no issuer', () => createTokenValidator({} as never), '"issuer"'],
  [
    'an empty list of issuers',
    () => createTokenValidator({ issuer: [] }),
    '"issuer" must not be an empty list',
  ],
  [
    'an issuer that no factory made',
    () => createTokenValidator({ issuer: { ...issuer } as never }),
    '"issuer"',
  ],
  [
    'an issuer over plain http',
    () => createTokenValidator({ issuer: 'http://issuer.example', audience: 'x' }),
    'https',
  ],
  [
    'an issuer with credentials',
    () => createTokenValidator({ issuer: 'https://u:p@issuer.example', audience: 'x' }),
    'credentials',
  ],
  [
    'an unknown option',
    () => createTokenValidator({ issuer, audiance: 'x' } as never),
    'unknown option "audiance"',
  ],
  ['no audience', () => createTokenValidator({ issuer: entra({ tenantId }) }), '"audience" is required'],
  [
    'no audience of one issuer of two',
    () => createTokenValidator({ issuer: [issuer, 'https://issuer.example'] }),
    '"audience" is required',
  ],
  ['an empty audience', () => createTokenValidator({ issuer, audience: '' }), '"audience"'],
  ['an empty list of audiences', () => createTokenValidator({ issuer, audience: [] }), '"audience"'],
  [
    'an audience that is not a string',
    () => createTokenValidator({ issuer, audience: [1] as never }),
    '"audience"',
  ],
  [
    'an empty list of clients',
    () => createTokenValidator({ issuer, allowedClients: [] }),
    '"allowedClients"',
  ],
  [
    'a negative tolerance',
    () => createTokenValidator({ issuer, clockToleranceSeconds: -1 }),
    '"clockToleranceSeconds"',
  ],
  [
    'a tolerance above ten minutes',
    () => createTokenValidator({ issuer, clockToleranceSeconds: 601 }),
    '"clockToleranceSeconds"',
  ],
  [
    'a tolerance that is not a number',
    () => createTokenValidator({ issuer, clockToleranceSeconds: Number.NaN }),
    '"clockToleranceSeconds"',
  ],
  ['no age at all', () => createTokenValidator({ issuer, maxTokenAgeSeconds: 0 }), '"maxTokenAgeSeconds"'],
  [
    'an age beyond ten years',
    () => createTokenValidator({ issuer, maxTokenAgeSeconds: Infinity }),
    '"maxTokenAgeSeconds"',
  ],
  [
    'a token size that is not a whole number',
    () => createTokenValidator({ issuer, maxTokenBytes: 1000.5 }),
    '"maxTokenBytes"',
  ],
  [
    'a token size below 256 bytes',
    () => createTokenValidator({ issuer, maxTokenBytes: 255 }),
    '"maxTokenBytes"',
  ],
  ['an audience of spaces', () => createTokenValidator({ issuer, audience: ' ' }), '"audience"'],
  [
    'a list with an audience of spaces',
    () => createTokenValidator({ issuer, audience: ['a', ' '] }),
    '"audience"',
  ],
  [
    'issuers of two clouds that share an audience',
    () => createTokenValidator({ issuer: [issuer, entra({ tenantId, cloud: 'china' })], audience: 'x' }),
    'must be set on each issuer',
  ],
  [
    'two generic issuers that share an audience',
    () => createTokenValidator({ issuer: ['https://a.example', 'https://b.example'], audience: 'x' }),
    'must be set on each issuer',
  ],
  [
    'a token cache of too few bytes',
    () => createTokenValidator({ issuer, tokenCache: { maxBytes: -1 } }),
    '"maxBytes"',
  ],
  [
    'a token cache of a fraction',
    () => createTokenValidator({ issuer, tokenCache: { maxEntries: 1.5 } }),
    '"maxEntries"',
  ],
  ['a token cache that is true', () => createTokenValidator({ issuer, tokenCache: true as never }), 'object'],
  [
    'a waitUntil that is not a function',
    () => createTokenValidator({ issuer, waitUntil: 1 as never }),
    '"waitUntil"',
  ],
  [
    'a flat role within alternatives with Entra',
    () => createTokenValidator({ issuer, permission: anyOf([{ scopes: 'a' }, { roles: 'b' }]) }),
    'kind named',
  ],
  ['a token size of zero', () => createTokenValidator({ issuer, maxTokenBytes: 0 }), '"maxTokenBytes"'],
  [
    'a token size without bound',
    () => createTokenValidator({ issuer, maxTokenBytes: Infinity }),
    '"maxTokenBytes"',
  ],
  [
    'denied keys that are not a list of ids',
    () => createTokenValidator({ issuer, deniedKeys: [{}] as never }),
    '"deniedKeys"',
  ],
  ['a clock that is no function', () => createTokenValidator({ issuer, clock: 5 as never }), '"clock"'],
  ['a fetch that is no function', () => createTokenValidator({ issuer, fetch: {} as never }), '"fetch"'],
  [
    'an observer that is not a function',
    () => createTokenValidator({ issuer, onRefused: true as never }),
    '"onRefused"',
  ],
  [
    'a token cache with an unknown bound',
    () => createTokenValidator({ issuer, tokenCache: { max: 5 } as never }),
    'unknown option "max"',
  ],
  [
    'a token cache of no entries',
    () => createTokenValidator({ issuer, tokenCache: { maxEntries: 0 } }),
    '"maxEntries"',
  ],
  [
    'a metadata address with a quote',
    () => createTokenValidator({ issuer, resourceMetadata: 'https://a.example/"' }),
    '"resourceMetadata"',
  ],
  [
    'a permission that demands nothing',
    () => createTokenValidator({ issuer, permission: {} }),
    'requires nothing',
  ],

  ['entra without a tenant', () => entra({} as never), '"tenantId"'],
  ['entra with common', () => entra({ tenantId: 'common' }), 'use entraMultiTenant'],
  [
    'entra with organizations in capitals',
    () => entra({ tenantId: 'ORGANIZATIONS' }),
    'use entraMultiTenant',
  ],
  [
    'entra with a tenant that is a path',
    () => entra({ tenantId: '../common' }),
    'GUID or one of its verified domains',
  ],
  [
    'entra with a tenant that is a query',
    () => entra({ tenantId: 'contoso.com?x=' }),
    'GUID or one of its verified domains',
  ],
  ['entra with a client id that is no GUID', () => entra({ tenantId, clientId: 'my-api' }), '"clientId"'],
  ['entra with an unknown cloud', () => entra({ tenantId, cloud: 'mars' as never }), '"cloud"'],
  [
    'entra with a cloud that ends in a slash',
    () =>
      entra({
        tenantId,
        cloud: { authority: 'https://login.example/', v1Issuer: 'x{tenantid}', v2Issuer: 'y{tenantid}' },
      }),
    '"cloud.authority"',
  ],
  [
    'entra with an issuer without {tenantid}',
    () =>
      entra({
        tenantId,
        cloud: { authority: 'https://login.example', v1Issuer: 'x', v2Issuer: 'y{tenantid}' },
      }),
    '"cloud.v1Issuer"',
  ],
  [
    'entra with applicationKeys and no clientId',
    () => entra({ tenantId, applicationKeys: true }),
    '"applicationKeys" needs "clientId"',
  ],
  [
    'entra with a domain longer than DNS allows',
    () => entra({ tenantId: `${'abcdefgh.'.repeat(28)}example` }),
    'GUID or one of its verified domains',
  ],
  [
    'entra with applicationKeys that is a string',
    () => entra({ tenantId, clientId: apiClientId, applicationKeys: 'yes' as never }),
    '"applicationKeys" must be true or false',
  ],
  ['entra with options in a list', () => entra([{ tenantId }] as never), 'expected an object'],
  [
    'entra with a cloud on plain http',
    () =>
      entra({
        tenantId,
        cloud: { authority: 'http://login.example', v1Issuer: 'x{tenantid}', v2Issuer: 'y{tenantid}' },
      }),
    '"cloud.authority"',
  ],
  [
    'entra with an unknown option',
    () => entra({ tenantId, tenant: 'x' } as never),
    'unknown option "tenant"',
  ],

  ['entraMultiTenant without allowedTenants', () => entraMultiTenant({} as never), '"allowedTenants"'],
  ['entraMultiTenant with no tenant', () => entraMultiTenant({ allowedTenants: [] }), '"allowedTenants"'],
  [
    'entraMultiTenant with a domain',
    () => entraMultiTenant({ allowedTenants: ['contoso.com'] }),
    '"allowedTenants"',
  ],
  [
    'entraMultiTenant with a tenant that is not a string',
    () => entraMultiTenant({ allowedTenants: [tenantId, 7] as never }),
    '"allowedTenants"',
  ],
  [
    'entraMultiTenant with an unknown option',
    () => entraMultiTenant({ allowedTenants: 'any', tenantId } as never),
    'unknown option "tenantId"',
  ],
  [
    'entraMultiTenant with another word',
    () => entraMultiTenant({ allowedTenants: '*' as never }),
    '"allowedTenants"',
  ],
  [
    'entraMultiTenant with unknown accounts',
    () => entraMultiTenant({ allowedTenants: 'any', accounts: 'all' as never }),
    '"accounts"',
  ],

  [
    'oidcIssuer with two sources of keys',
    () =>
      oidcIssuer({
        issuer: 'https://a.example',
        jwksUri: 'https://a.example/k',
        metadataUrl: 'https://a.example/m',
      }),
    'must not be set together',
  ],
  [
    'oidcIssuer with metadata over plain http',
    () => oidcIssuer({ issuer: 'https://a.example', metadataUrl: 'http://a.example/m' }),
    '"metadataUrl"',
  ],
  [
    'oidcIssuer with a fragment',
    () => oidcIssuer('https://a.example/#here'),
    '"issuer" must not carry credentials or a fragment',
  ],
  [
    'oidcIssuer on a host name that only begins like localhost',
    () => oidcIssuer('http://127.0.0.1.attacker.example/'),
    'https',
  ],
  ['oidcIssuer on a file', () => oidcIssuer('file://localhost/issuer'), 'https'],
  [
    'oidcIssuer with a requirement by a word',
    () => oidcIssuer({ issuer: 'https://a.example', tokenType: 'yes' as never }),
    'tokenType',
  ],
  [
    'oidcIssuer with an unknown option',
    () => oidcIssuer({ issuer: 'https://a.example', jwksUrl: 'https://a.example/k' } as never),
    'unknown option "jwksUrl"',
  ],
  [
    'oidcIssuer with keys over plain http',
    () => oidcIssuer({ issuer: 'https://a.example', jwksUri: 'http://a.example/k' }),
    '"jwksUri"',
  ],
  [
    'oidcIssuer with a symmetric algorithm',
    () => oidcIssuer({ issuer: 'https://a.example', algorithms: ['HS256'] as never }),
    '"algorithms"',
  ],
  [
    'oidcIssuer with the algorithm none',
    () => oidcIssuer({ issuer: 'https://a.example', algorithms: ['none'] as never }),
    '"algorithms"',
  ],
  [
    'oidcIssuer with no algorithm',
    () => oidcIssuer({ issuer: 'https://a.example', algorithms: [] }),
    '"algorithms"',
  ],
  ['staticIssuer without keys', () => staticIssuer({ issuer: genericIssuer, jwks: { keys: [] } }), '"jwks"'],
  [
    'staticIssuer with PEM that is not a key',
    () =>
      staticIssuer({
        issuer: genericIssuer,
        jwks: '-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----',
      }),
    '"jwks"',
  ],
  [
    'staticIssuer with only a private key',
    () => staticIssuer({ issuer: genericIssuer, jwks: { kty: 'RSA', n: 'AQ', e: 'AQAB', d: 'AQ' } }),
    '"jwks"',
  ],

  [
    'staticIssuer with PEM of a private key',
    () => staticIssuer({ issuer: genericIssuer, jwks: privatePem }),
    'private key',
  ],
  [
    'oidcIssuer with an address of Entra',
    () =>
      createTokenValidator({
        issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
        audience: apiClientId,
      }),
    'use entra',
  ],
  [
    'oidcIssuer with the v1.0 issuer of Entra',
    () => oidcIssuer(`https://sts.windows.net/${tenantId}/`),
    'use entra',
  ],

  ['anyOf nothing', () => anyOf([]), 'anyOf'],
  ['a guard that demands nothing', () => createGuard({}), 'requires nothing'],
  ['a guard with an empty list', () => createGuard({ scopes: [] }), '"scopes"'],
  ['a guard with two words in one', () => createGuard({ scopes: 'a b' }), 'single words'],
  ['a guard with a quote', () => createGuard({ scopes: 'a"' }), 'single words'],
  ['a guard with a line break', () => createGuard({ scopes: 'a\r\nb' }), 'single words'],
  [
    'a guard of an unknown kind',
    () => createGuard({ delegated: { scopes: 'a' }, daemon: {} } as never),
    'unknown option "daemon"',
  ],
  [
    'a guard with scopes of an application',
    () => createGuard({ application: { scopes: 'a' } } as never),
    'unknown option "scopes"',
  ],
  ['a guard whose kind demands nothing', () => createGuard({ delegated: {} }), 'requires nothing'],
  [
    'an adapter with a validator and more',
    () => createBearerAuth({ validator: createTokenValidator({ issuer }), audience: 'x' } as never),
    'unknown option "audience"',
  ],
  [
    'an adapter with a validator that is not one',
    () => createBearerAuth({ validator: {} } as never),
    '"validator"',
  ],
  [
    'an adapter whose allowAnonymous is a string',
    () => createBearerAuth({ issuer, allowAnonymous: 'yes' } as never),
    '"allowAnonymous"',
  ],
]

describe('a set-up mistake', () => {
  it.each(mistakes)('%s is a TypeError that names it', (_, make, words) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(words)
  })
})

describe('options', () => {
  it.each([
    ['this machine by name', 'http://localhost:8080/'],
    ['this machine by number', 'http://127.1.2.3/'],
    ['this machine by its IPv6 number', 'http://[::1]:8080/'],
  ])('accept an issuer over plain http on %s', (_, address) => {
    expect(() => createTokenValidator({ issuer: address, audience: 'x' })).not.toThrow()
  })

  it.each([256, 1024 * 1024])('accept a token size of %i', (maxTokenBytes) => {
    expect(() => createTokenValidator({ issuer, maxTokenBytes })).not.toThrow()
  })

  it.each([0, 600])('accept a tolerance of %i seconds', (clockToleranceSeconds) => {
    expect(() => createTokenValidator({ issuer, clockToleranceSeconds })).not.toThrow()
  })

  it('do not quote PEM text that is not a public key', () => {
    const secret = 'TOPSECRET'
    const jwks = `-----BEGIN PUBLIC KEY-----\n${secret}\n-----END PUBLIC KEY-----`
    let error: unknown
    try {
      staticIssuer({ issuer: genericIssuer, jwks })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(TypeError)
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(secret)
  })

  it('are copied: changing them afterwards changes nothing', async () => {
    const audience = ['nobody']
    const options = {
      issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
      audience,
      clock: () => 1_772_366_400,
    }
    const { explain } = createTokenValidator(options)
    audience[0] = genericAudience
    const { tokenWith } = await import('@countersign/test-fixtures')
    const { refusal } = await explain(tokenWith({ from: 'generic' }))
    expect(refusal?.code).toBe('audience_mismatch')
  })

  it('refuse a role without a kind with Entra, with a TypeError', () => {
    const permission: Permission = { roles: 'Files.Read.All' }
    expect(() => createTokenValidator({ issuer, permission })).toThrow('kind named')
  })
})
