import { apiClientId, genericAudience, genericIssuer, keySet, tenantId } from '@countersign/test-fixtures'
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
import { describe, expect, it } from 'vitest'

const issuer = entra({ tenantId, clientId: apiClientId })

/** Set-up mistakes, each with the words its message must have: the option, and what was expected. */
const mistakes: readonly [string, () => unknown, string][] = [
  ['no options', () => createTokenValidator(undefined as never), 'expected an object'],
  ['no issuer', () => createTokenValidator({} as never), '"issuer"'],
  [
    'an empty list of issuers',
    () => createTokenValidator({ issuer: [] }),
    '"issuer" must not be an empty list',
  ],
  [
    'an issuer that no maker made',
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
    'an audience that is no text',
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
    'a tolerance that tolerates everything',
    () => createTokenValidator({ issuer, clockToleranceSeconds: 601 }),
    '"clockToleranceSeconds"',
  ],
  [
    'a tolerance that is no number',
    () => createTokenValidator({ issuer, clockToleranceSeconds: Number.NaN }),
    '"clockToleranceSeconds"',
  ],
  ['no age at all', () => createTokenValidator({ issuer, maxTokenAgeSeconds: 0 }), '"maxTokenAgeSeconds"'],
  ['a token size of zero', () => createTokenValidator({ issuer, maxTokenBytes: 0 }), '"maxTokenBytes"'],
  [
    'a token size without bound',
    () => createTokenValidator({ issuer, maxTokenBytes: Infinity }),
    '"maxTokenBytes"',
  ],
  [
    'denied keys that are no list of ids',
    () => createTokenValidator({ issuer, deniedKeys: [{}] as never }),
    '"deniedKeys"',
  ],
  ['a clock that is no function', () => createTokenValidator({ issuer, clock: 5 as never }), '"clock"'],
  ['a fetch that is no function', () => createTokenValidator({ issuer, fetch: {} as never }), '"fetch"'],
  [
    'an observer that is no function',
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
    'entra with an issuer without a place for the tenant',
    () =>
      entra({
        tenantId,
        cloud: { authority: 'https://login.example', v1Issuer: 'x', v2Issuer: 'y{tenantid}' },
      }),
    '"cloud.v1Issuer"',
  ],
  [
    'entra with keys of an application it does not name',
    () => entra({ tenantId, applicationKeys: true }),
    '"applicationKeys" needs "clientId"',
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
    'exclude each other',
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
    'staticIssuer with PEM that is no key',
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
    'an adapter with something else for a validator',
    () => createBearerAuth({ validator: {} } as never),
    '"validator"',
  ],
  [
    'an adapter whose allowAnonymous is a word',
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

  it('do not let a flat role stand for a kind with Entra', () => {
    const permission: Permission = { roles: 'Files.Read.All' }
    expect(() => createTokenValidator({ issuer, permission })).toThrow('kind named')
  })
})
