import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import {
  apiClientId,
  clock,
  cloudInstanceName,
  daemonClientId,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  secondTenantId,
  signingKey,
  tenantId,
  tokenWith,
  userClientId,
  v1Issuer,
  v2Issuer,
  type TokenChange,
} from '@countersign/test-fixtures'
import {
  BearerError,
  clouds,
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  staticIssuer,
  type EntraCloud,
  type Fetch,
  type TokenValidatorOptions,
  type TrustedIssuer,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'

/** Serves these documents by address, and nothing else. */
function serving(documents: Readonly<Record<string, unknown>>, asked: string[] = []): Fetch {
  return async (url) => {
    asked.push(url)
    const document = documents[url]
    return document === undefined ? new Response('', { status: 404 }) : Response.json(document)
  }
}

async function outcomeOf(
  options: Partial<TokenValidatorOptions> & { issuer: TokenValidatorOptions['issuer'] },
  change: TokenChange,
): Promise<string> {
  try {
    await createTokenValidator({ clock, ...options }).validateToken(tokenWith(change))
    return 'accepted'
  } catch (error) {
    if (error instanceof BearerError) return [error.code, error.reason].filter(Boolean).join(' ')
    throw error
  }
}

/** Documents of an Entra cloud for one tenant, with the fixtures' key listed as that cloud lists it. */
function entraDocuments(
  cloud: EntraCloud,
  tenant: string,
  key: Record<string, unknown> = {},
): Record<string, unknown> {
  const jwksUri = `${cloud.authority}/${tenant}/discovery/v2.0/keys`
  const isShared = tenant === 'organizations' || tenant === 'common'
  return {
    [`${cloud.authority}/${tenant}/v2.0/.well-known/openid-configuration`]: {
      issuer: isShared ? cloud.v2Issuer : cloud.v2Issuer.replaceAll('{tenantid}', tenant),
      jwks_uri: jwksUri,
      cloud_instance_name: 'this-cloud',
    },
    [jwksUri]: {
      keys: [
        {
          ...signingKey('entra').jwk,
          issuer: cloud.v2Issuer,
          cloud_instance_name: 'this-cloud',
          ...key,
        },
      ],
    },
  }
}

const withIssuer = (cloud: EntraCloud, version: 'v1Issuer' | 'v2Issuer'): string =>
  cloud[version].replaceAll('{tenantid}', tenantId)

describe.each(Object.entries(clouds))('the %s cloud', (name, cloud) => {
  const own = entra({ tenantId, clientId: apiClientId, cloud: name as keyof typeof clouds })
  const fetch = serving(entraDocuments(cloud, tenantId))

  it('accepts its own v1.0 and v2.0 tokens', async () => {
    const v2 = { claims: { iss: withIssuer(cloud, 'v2Issuer') } }
    const v1 = { from: 'v1Delegated', claims: { iss: withIssuer(cloud, 'v1Issuer') } } as const
    expect(await outcomeOf({ issuer: own, fetch }, v2)).toBe('accepted')
    expect(await outcomeOf({ issuer: own, fetch }, v1)).toBe('accepted')
  })

  it('refuses v2.0 tokens of the other clouds with issuer_not_trusted', async () => {
    for (const other of Object.values(clouds).filter((candidate) => candidate !== cloud)) {
      const change = { claims: { iss: withIssuer(other, 'v2Issuer') } }
      expect(await outcomeOf({ issuer: own, fetch }, change)).toBe('issuer_not_trusted')
    }
  })

  it('refuses a token by a key of another cloud with key_issuer_mismatch', async () => {
    const change = { claims: { iss: withIssuer(cloud, 'v2Issuer') } }
    const foreign = serving(entraDocuments(cloud, tenantId, { cloud_instance_name: 'another-cloud' }))
    expect(await outcomeOf({ issuer: own, fetch: foreign }, change)).toBe('key_issuer_mismatch cloud')
  })
})

it('refuses a v1.0 token of the US Government cloud where the global one is trusted, though both share the issuer', async () => {
  // Both issue as sts.windows.net, and the `organizations` set of the one lists keys of the other.
  const foreignKey = {
    issuer: clouds.usGovernment.v2Issuer,
    cloud_instance_name: 'microsoftonline.us',
  }
  const fetch = serving(entraDocuments(clouds.global, 'organizations', foreignKey))
  const issuer = entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId })
  expect(await outcomeOf({ issuer, fetch }, { from: 'v1Delegated' })).toBe('key_issuer_mismatch issuer')
})

it('accepts a token of External ID through a cloud of its own shape', async () => {
  const cloud: EntraCloud = {
    authority: 'https://contoso.ciamlogin.com',
    v1Issuer: 'https://sts.windows.net/{tenantid}/',
    v2Issuer: 'https://{tenantid}.ciamlogin.com/{tenantid}/v2.0',
  }
  const issuer = entra({ tenantId, clientId: apiClientId, cloud })
  const fetch = serving(entraDocuments(cloud, tenantId))
  const iss = `https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`
  expect(await outcomeOf({ issuer, fetch }, { claims: { iss } })).toBe('accepted')
  const halfOther = `https://${secondTenantId}.ciamlogin.com/${tenantId}/v2.0`
  expect(await outcomeOf({ issuer, fetch }, { claims: { iss: halfOther } })).toBe('issuer_not_trusted')
})

it('accepts a token of Azure AD B2C, with its trailing slash and without tid', async () => {
  const address = `https://contoso.b2clogin.com/${tenantId}/v2.0/`
  const metadataUrl =
    'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration'
  const jwksUri = 'https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_signin/discovery/v2.0/keys'
  const fetch = serving({
    [metadataUrl]: { issuer: address, jwks_uri: jwksUri },
    [jwksUri]: keySet(['entra']),
  })
  const issuer = oidcIssuer({ issuer: address, metadataUrl, algorithms: ['RS256'] })
  const claims = { iss: address, tid: undefined, scp: 'Files.Read', nonce: 'kept-by-b2c' }
  const options = { issuer, fetch, audience: apiClientId, permission: { scopes: 'Files.Read' } }
  expect(await outcomeOf(options, { claims })).toBe('accepted')
  const withoutSlash = { claims: { ...claims, iss: address.slice(0, -1) } }
  expect(await outcomeOf(options, withoutSlash)).toBe('issuer_not_trusted')
})

it('fetches the keys of one application where it has a custom signing key', async () => {
  const asked: string[] = []
  const metadata = `https://login.microsoftonline.com/${tenantId}/v2.0/.well-known/openid-configuration?appid=${apiClientId}`
  const jwksUri = `https://login.microsoftonline.com/${tenantId}/discovery/v2.0/keys?appid=${apiClientId}`
  const fetch = serving(
    {
      [metadata]: { issuer: v2Issuer(), jwks_uri: jwksUri, cloud_instance_name: cloudInstanceName },
      [jwksUri]: keySet(['entra']),
    },
    asked,
  )
  const issuer = entra({ tenantId, clientId: apiClientId, applicationKeys: true })
  expect(await outcomeOf({ issuer, fetch }, {})).toBe('accepted')
  expect(asked).toEqual([metadata, jwksUri])
})

describe('entra', () => {
  const fetch = serving(entraDocuments(clouds.global, tenantId))

  it('accepts the audiences that the client id implies, and those that are configured', async () => {
    const given = 'https://files.contoso.example'
    const issuer = entra({ tenantId, clientId: apiClientId, audience: given })
    for (const from of ['v1Delegated', 'v2Delegated'] as const) {
      expect(await outcomeOf({ issuer, fetch }, { from })).toBe('accepted')
      expect(await outcomeOf({ issuer, fetch }, { from, claims: { aud: given } })).toBe('accepted')
      expect(await outcomeOf({ issuer, fetch }, { from, claims: { aud: 'https://other.example' } })).toBe(
        'audience_mismatch',
      )
    }
  })

  it('reads its tenant and client id in upper or lower case, and accepts lower case alone in tokens', async () => {
    const issuer = entra({ tenantId: tenantId.toUpperCase(), clientId: apiClientId.toUpperCase() })
    expect(await outcomeOf({ issuer, fetch }, {})).toBe('accepted')
    const inCapitals = { claims: { iss: v2Issuer(tenantId.toUpperCase()), tid: tenantId.toUpperCase() } }
    expect(await outcomeOf({ issuer, fetch }, inCapitals)).toBe('issuer_not_trusted')
  })

  it.each([
    ['the key', { cloud_instance_name: undefined }, {}],
    ['the document', {}, { cloud_instance_name: undefined }],
  ])('does not compare names of clouds where %s has none', async (_, key, document) => {
    const documents = entraDocuments(clouds.global, tenantId, key)
    const [address] = Object.keys(documents) as [string]
    documents[address] = { ...(documents[address] as object), ...document }
    const issuer = entra({ tenantId, clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: serving(documents) }, {})).toBe('accepted')
  })

  it('fetches no metadata of a domain for a token that no issuer recognises', async () => {
    const asked: string[] = []
    const options = {
      issuer: entra({ tenantId: 'contoso.example', clientId: apiClientId }),
      fetch: serving({}, asked),
    }
    expect(await outcomeOf(options, { header: { alg: 'none' } })).toBe('algorithm_not_allowed')
    expect(await outcomeOf(options, { header: { typ: 'logout+jwt' } })).toBe('token_type_mismatch')
    expect(asked).toEqual([])
  })

  it('refuses metadata of a domain that name no tenant of the cloud', async () => {
    const documents = entraDocuments(clouds.global, 'contoso.example')
    const issuer = entra({ tenantId: 'contoso.example', clientId: apiClientId })
    const claims = { iss: v2Issuer('contoso.example') }
    expect(await outcomeOf({ issuer, fetch: serving(documents) }, { claims })).toBe('keys_unavailable')
  })

  it('named by a domain accepts v1.0 and v2.0 tokens of the tenant that the metadata name, and no other', async () => {
    const documents = entraDocuments(clouds.global, tenantId)
    const fetchDomain: Fetch = (url, init) =>
      serving(documents)(url.replace('contoso.example', tenantId), init)
    const options = {
      issuer: entra({ tenantId: 'Contoso.example', clientId: apiClientId }),
      fetch: fetchDomain,
    }
    expect(await outcomeOf(options, {})).toBe('accepted')
    expect(await outcomeOf(options, { from: 'v1Delegated' })).toBe('accepted')
    const foreign = { tid: secondTenantId, iss: v1Issuer(secondTenantId) }
    expect(await outcomeOf(options, { from: 'v1Delegated', claims: foreign })).toBe('issuer_not_trusted')
  })
})

describe('keys of a set that name no issuer', () => {
  const fetchOf = (tenant: string): Fetch =>
    serving(entraDocuments(clouds.global, tenant, { issuer: undefined }))

  it('are used where one tenant is trusted', async () => {
    const issuer = entra({ tenantId, clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: fetchOf(tenantId) }, {})).toBe('accepted')
  })

  it('are unusable where many tenants are trusted', async () => {
    const issuer = entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: fetchOf('organizations') }, {})).toBe(
      'key_issuer_mismatch key_without_issuer',
    )
  })
})

describe('entraMultiTenant', () => {
  const documents = entraDocuments(clouds.global, 'organizations')
  const inTenant = (tenant: string): TokenChange => ({ claims: { tid: tenant, iss: v2Issuer(tenant) } })

  it('checks a list before any key is fetched', async () => {
    const asked: string[] = []
    const issuer = entraMultiTenant({ allowedTenants: [tenantId], clientId: apiClientId })
    const options = { issuer, fetch: serving(documents, asked) }
    expect(await outcomeOf(options, inTenant(secondTenantId))).toBe('tenant_not_allowed')
    expect(asked).toEqual([])
  })

  it('calls a function only for a token whose signature was verified', async () => {
    const askedAbout: string[] = []
    const allowedTenants = (tenant: string): boolean => {
      askedAbout.push(tenant)
      return true
    }
    const issuer = entraMultiTenant({ allowedTenants, clientId: apiClientId })
    const options = { issuer, fetch: serving(documents) }
    const forged = { ...inTenant(secondTenantId), signatureSegment: () => 'AAAA' }
    expect(await outcomeOf(options, forged)).toBe('signature_invalid')
    expect(askedAbout).toEqual([])
    expect(await outcomeOf(options, inTenant(secondTenantId))).toBe('accepted')
    expect(askedAbout).toEqual([secondTenantId])
  })

  it.each([
    ['expired', { exp: now - 3600 }, 'token_expired'],
    ['for another API', { aud: daemonClientId }, 'audience_mismatch'],
    ['an id token', { nonce: 'n' }, 'id_token'],
    ['bound to a sender', { cnf: { kid: 'x' } }, 'sender_binding_unproven'],
  ])('does not call the function for a token that is %s', async (_, claims, code) => {
    const allowedTenants = (): never => {
      throw new Error('asked')
    }
    const issuer = entraMultiTenant({ allowedTenants, clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: serving(documents) }, { claims })).toBe(code)
  })

  it('does not call the function for a cached token that has expired', async () => {
    let time = now
    let questions = 0
    const { validateToken } = createTokenValidator({
      issuer: entraMultiTenant({ allowedTenants: () => ++questions > 0, clientId: apiClientId }),
      fetch: serving(documents),
      clock: () => time,
    })
    const token = tokenWith()
    await validateToken(token)
    time = now + 3600 + 60
    await expect(validateToken(token)).rejects.toMatchObject({ code: 'token_expired' })
    expect(questions).toBe(1)
  })

  it('calls the function again for a cached token', async () => {
    let isAllowed = true
    const { validateToken } = createTokenValidator({
      issuer: entraMultiTenant({ allowedTenants: () => isAllowed, clientId: apiClientId }),
      fetch: serving(documents),
      clock,
    })
    const token = tokenWith()
    await validateToken(token)
    isAllowed = false
    await expect(validateToken(token)).rejects.toMatchObject({ code: 'tenant_not_allowed' })
  })

  it('reads the tenants of a list in upper or lower case', async () => {
    const issuer = entraMultiTenant({ allowedTenants: [tenantId.toUpperCase()], clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: serving(documents) }, {})).toBe('accepted')
  })

  it('accepts a key that names one tenant for that tenant alone', async () => {
    const fetch = serving(entraDocuments(clouds.global, 'organizations', { issuer: v2Issuer() }))
    const issuer = entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch }, {})).toBe('accepted')
    expect(await outcomeOf({ issuer, fetch }, { from: 'v1Delegated' })).toBe('accepted')
    expect(await outcomeOf({ issuer, fetch }, inTenant(secondTenantId))).toBe('key_issuer_mismatch issuer')
  })

  it('refuses the metadata of one tenant in place of those of all', async () => {
    const address = `${clouds.global.authority}/organizations/v2.0/.well-known/openid-configuration`
    const ofOne = { ...documents, [address]: { ...(documents[address] as object), issuer: v2Issuer() } }
    const issuer = entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId })
    expect(await outcomeOf({ issuer, fetch: serving(ofOne) }, {})).toBe('keys_unavailable')
  })

  it('leaves no timer running for a function that answers later', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const issuer = entraMultiTenant({ allowedTenants: async () => true, clientId: apiClientId })
    const { validateToken } = createTokenValidator({ issuer, fetch: serving(documents), clock })
    await validateToken(tokenWith())
    const before = timers()
    for (let request = 0; request < 20; request++) await validateToken(tokenWith())
    await new Promise((resolve) => setImmediate(resolve))
    expect(timers()).toBe(before)
  })

  it('refuses personal accounts unless accounts is common', async () => {
    const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'
    const shared = { ...documents, ...entraDocuments(clouds.global, 'common') }
    const withAccounts = (accounts?: 'common'): TrustedIssuer =>
      entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId, ...(accounts && { accounts }) })
    expect(await outcomeOf({ issuer: withAccounts(), fetch: serving(shared) }, inTenant(personal))).toBe(
      'tenant_not_allowed personal_account',
    )
    expect(
      await outcomeOf({ issuer: withAccounts('common'), fetch: serving(shared) }, inTenant(personal)),
    ).toBe('accepted')
  })

  it('fetches once for two hundred tenants, as for one', async () => {
    const asked: string[] = []
    const { validateToken } = createTokenValidator({
      issuer: entraMultiTenant({ allowedTenants: 'any', clientId: apiClientId }),
      fetch: serving(documents, asked),
      clock,
      tokenCache: false,
    })
    for (let index = 0; index < 200; index++) {
      const tenant = `3f0c1f1a-6d2e-4a57-9b7e-${String(index).padStart(12, '0')}`
      expect((await validateToken(tokenWith(inTenant(tenant)))).tenantId).toBe(tenant)
    }
    expect(asked).toHaveLength(2)
  })
})

describe('several issuers', () => {
  const given = staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']), audience: genericAudience })
  const own = entra({ tenantId, clientId: apiClientId })
  const fetch = serving(entraDocuments(clouds.global, tenantId))

  it('are chosen by iss, each with its own audience', async () => {
    const options = { issuer: [own, given], fetch }
    expect(await outcomeOf(options, {})).toBe('accepted')
    expect(await outcomeOf(options, { from: 'generic' })).toBe('accepted')
    expect(await outcomeOf(options, { claims: { aud: genericAudience } })).toBe('audience_mismatch')
    expect(await outcomeOf(options, { from: 'generic', claims: { aud: apiClientId } })).toBe(
      'audience_mismatch',
    )
  })

  it('do not use each other’s keys', async () => {
    const options = { issuer: [own, given], fetch }
    const { kid } = signingKey('generic')
    expect(await outcomeOf(options, { key: 'generic', header: { kid } })).toBe('key_unknown')
    expect(await outcomeOf(options, { from: 'generic', key: 'entra' })).toBe('key_unknown')
  })

  it.each(['audience', 'allowedClients'] as const)('of different families cannot share %s', (name) => {
    expect(() => createTokenValidator({ issuer: [own, given], [name]: ['x'] })).toThrow(
      `"${name}" must be set on each issuer where there are several`,
    )
  })

  it('of one Entra cloud may share an audience', async () => {
    const second = entra({ tenantId: secondTenantId })
    const options = {
      issuer: [entra({ tenantId }), second],
      audience: apiClientId,
      fetch: serving({
        ...entraDocuments(clouds.global, tenantId),
        ...entraDocuments(clouds.global, secondTenantId),
      }),
    }
    expect(await outcomeOf(options, {})).toBe('accepted')
    const claims = { tid: secondTenantId, iss: v2Issuer(secondTenantId) }
    expect(await outcomeOf(options, { claims })).toBe('accepted')
  })

  it('check only their own clients against their own list', async () => {
    const listed = entra({ tenantId, clientId: apiClientId, allowedClients: [userClientId] })
    const options = { issuer: [listed, given], fetch }
    expect(await outcomeOf(options, { claims: { azp: daemonClientId } })).toBe('client_not_allowed')
    expect(await outcomeOf(options, { from: 'generic' })).toBe('accepted')
  })
})

describe('two keys of Entra under one id', () => {
  const listing = (name: 'entra' | 'entraNext', issuer: string): object => ({
    ...signingKey(name).jwk,
    kid: 'shared',
    issuer,
    cloud_instance_name: 'this-cloud',
  })
  const served = (keys: object[]): Fetch => {
    const documents = entraDocuments(clouds.global, tenantId)
    const [, jwksUri] = Object.keys(documents) as [string, string]
    return serving({ ...documents, [jwksUri]: { keys } })
  }
  const issuer = entra({ tenantId, clientId: apiClientId })
  const change: TokenChange = { header: { kid: 'shared' } }

  it('are both tried where both may sign', async () => {
    const fetch = served([listing('entraNext', v2Issuer()), listing('entra', v2Issuer())])
    expect(await outcomeOf({ issuer, fetch }, change)).toBe('accepted')
  })

  it('are refused where the one that signed belongs to another tenant', async () => {
    const fetch = served([listing('entraNext', v2Issuer()), listing('entra', v2Issuer(secondTenantId))])
    expect(await outcomeOf({ issuer, fetch }, change)).toBe('signature_invalid')
  })

  it('are refused with key_issuer_mismatch where both belong to another tenant', async () => {
    const foreign = v2Issuer(secondTenantId)
    const fetch = served([listing('entraNext', foreign), listing('entra', foreign)])
    expect(await outcomeOf({ issuer, fetch }, change)).toBe('key_issuer_mismatch issuer')
  })
})

describe('allowedClients', () => {
  const given = staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']), audience: genericAudience })
  const options = { issuer: given, allowedClients: ['reports'] }

  it.each([
    ['client_id', { client_id: 'reports' }, 'accepted'],
    ['azp', { azp: 'reports' }, 'accepted'],
    ['client_id before azp', { client_id: 'reports', azp: 'other' }, 'accepted'],
    ['azp, not where client_id says otherwise', { client_id: 'other', azp: 'reports' }, 'client_not_allowed'],
    ['no client at all', {}, 'client_not_allowed'],
    ['a client in other letters', { client_id: 'Reports' }, 'client_not_allowed'],
    ['an empty client', { client_id: '' }, 'claim_malformed'],
  ])('of a generic issuer are compared with %s', async (_, claims, outcome) => {
    expect(await outcomeOf(options, { from: 'generic', claims })).toBe(outcome)
  })

  it('of an issuer are used in place of the validator’s', async () => {
    const own = entra({ tenantId, clientId: apiClientId, allowedClients: [userClientId] })
    const fetch = serving(entraDocuments(clouds.global, tenantId))
    expect(await outcomeOf({ issuer: own, fetch, allowedClients: [daemonClientId] }, {})).toBe('accepted')
  })

  it('are shared by tenants of one cloud', async () => {
    const issuer = [
      entra({ tenantId, clientId: apiClientId }),
      entra({ tenantId: secondTenantId, clientId: apiClientId }),
    ]
    const fetch = serving(entraDocuments(clouds.global, tenantId))
    expect(await outcomeOf({ issuer, fetch, allowedClients: [userClientId] }, {})).toBe('accepted')
    expect(await outcomeOf({ issuer, fetch, allowedClients: [daemonClientId] }, {})).toBe(
      'client_not_allowed',
    )
  })
})

describe('a generic issuer', () => {
  const options = {
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
  }
  const kindOf = async (claims: Record<string, unknown>): Promise<string> => {
    const { validateToken } = createTokenValidator({ clock, ...options })
    return (await validateToken(tokenWith({ from: 'generic', claims }))).kind
  }

  it.each([
    ['unknown', 'without a subject', { sub: undefined }],
    ['unknown', 'of a client without a subject', { sub: undefined, client_id: 'reports' }],
    ['unknown', 'whose subject is null', { sub: null, client_id: 'reports' }],
    ['unknown', 'of a client with the time of a sign-in', { sub: 'a', client_id: 'a', auth_time: 1 }],
    ['unknown', 'of a client with a session', { sub: 'a', client_id: 'a', sid: 's' }],
    ['application', 'whose subject is its client', { sub: 'reports', client_id: 'reports' }],
    ['application', 'whose subject is its authorized party', { sub: 'reports', azp: 'reports' }],
    ['delegated', 'of a user, through a client', { sub: 'user-1', client_id: 'reports' }],
    ['delegated', 'of a user, without a client', { sub: 'user-1' }],
  ])('has a token of kind %s %s', async (kind, _, claims) => {
    expect(await kindOf(claims)).toBe(kind)
  })

  it.each([
    ['scopes in a list', { scope: ['files:read', 'files:write'] }, { scopes: ['files:read', 'files:write'] }],
    ['one role as a string', { roles: 'admin' }, { userRoles: ['admin'] }],
    ['one group as a string', { groups: 'staff' }, { groups: { overage: false, ids: ['staff'] } }],
    ['roles that are objects', { roles: { admin: {} } }, { userRoles: [] }],
    ['roles that hold a number', { roles: ['a', 1] }, { userRoles: [] }],
    ['groups that are objects', { groups: [{ id: 1 }] }, { groups: { overage: false, ids: [] } }],
    ['roles that are null', { roles: null }, { userRoles: [] }],
    ['a scope that is null, and an scp', { scope: null, scp: 'files:read' }, { scopes: ['files:read'] }],
  ])('accepts a token with %s', async (_, claims, members) => {
    const { validateToken } = createTokenValidator({ clock, ...options })
    expect(await validateToken(tokenWith({ from: 'generic', claims }))).toMatchObject(members)
  })

  it.each([
    ['a scope that is a list of numbers', { scope: [1] }, 'claim_malformed'],
    ['a scope that is a number', { scope: 1 }, 'claim_malformed'],
    ['an scp with a number in its list', { scope: undefined, scp: ['a', 1] }, 'claim_malformed'],
    ['an empty subject', { sub: '' }, 'claim_malformed'],
    ['_claim_names that are text', { _claim_names: 'groups' }, 'claim_malformed'],
    ['_claim_names that are a list', { _claim_names: ['groups'] }, 'claim_malformed'],
  ])('is refused with a token of %s', async (_, claims, outcome) => {
    expect(await outcomeOf(options, { from: 'generic', claims })).toBe(outcome)
  })

  it('has the scopes of `scope` where there is an `scp` too, word by word', async () => {
    const { validateToken } = createTokenValidator({ clock, ...options })
    const claims = { scope: ' files:read  files:write ', scp: 'other' }
    const { scopes } = await validateToken(tokenWith({ from: 'generic', claims }))
    expect(scopes).toEqual(['files:read', 'files:write'])
  })

  it.each(['https://issuer.example/', 'https://ISSUER.example', 'https://attacker.example', '{tenantid}'])(
    'has no keys where its metadata name the issuer %s',
    async (named) => {
      const address = 'https://issuer.example'
      const asked: string[] = []
      const documents = {
        [`${address}/.well-known/openid-configuration`]: { issuer: named, jwks_uri: `${address}/keys` },
        [`${address}/keys`]: keySet(['generic']),
      }
      const change = { from: 'generic', claims: { iss: address } } as const
      const found = { issuer: address, audience: genericAudience, fetch: serving(documents, asked) }
      expect(await outcomeOf(found, change)).toBe('keys_unavailable')
      expect(asked).toHaveLength(1)
    },
  )

  it('keeps the query of its address in the addresses of its metadata', async () => {
    const asked: string[] = []
    const issuer = oidcIssuer('https://issuer.example/a/?realm=b')
    const claims = { iss: 'https://issuer.example/a/?realm=b' }
    const change = { from: 'generic', claims } as const
    expect(await outcomeOf({ issuer, audience: 'x', fetch: serving({}, asked) }, change)).toBe(
      'audience_mismatch',
    )
    expect(await outcomeOf({ issuer, audience: genericAudience, fetch: serving({}, asked) }, change)).toBe(
      'keys_unavailable',
    )
    expect(asked).toEqual([
      'https://issuer.example/a/.well-known/openid-configuration?realm=b',
      'https://issuer.example/.well-known/oauth-authorization-server/a?realm=b',
    ])
  })
})

describe('an issuer whose keys share an id or have none', () => {
  const signer = signingKey('generic').jwk
  const others = (['p256', 'entra', 'entraNext', 'rotatedIn'] as const).map((name) => signingKey(name).jwk)

  it.each([
    ['none', undefined],
    ['one and the same', 'shared'],
  ])('with %s verifies with the key that fits', async (_, kid) => {
    const keys = [...others.slice(0, 3), signer].map((jwk) => ({ ...jwk, kid }))
    const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
    const change = { from: 'generic', header: { kid } } as const
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('accepted')
  })

  it('whose key has no id verifies a token that names one', async () => {
    const issuer = staticIssuer({ issuer: genericIssuer, jwks: { ...signer, kid: undefined } })
    const change = { from: 'generic', header: { kid: 'of the token alone' } } as const
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('accepted')
  })

  it.each([
    ['without ids', undefined, undefined, 'key_id_missing too_many_keys'],
    ['without ids, for a token that names one', undefined, 'one', 'key_unknown too_many_keys'],
    ['of one id', 'shared', 'shared', 'key_unknown too_many_keys'],
  ])('has at most sixteen fitting keys tried: %s', async (_, listed, kid, beyond) => {
    const generate = promisify(generateKeyPair)
    const bystanders = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const { publicKey } = await generate('ec', { namedCurve: 'P-256' })
        return { ...publicKey.export({ format: 'jwk' }), kid: listed }
      }),
    )
    const { jwk } = signingKey('p256')
    const change = { from: 'generic', key: 'p256', header: { kid } } as const
    const outcomeAmong = (others: readonly object[]): Promise<string> => {
      const keys = [...others, { ...jwk, kid: listed }]
      const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
      return outcomeOf({ issuer, audience: genericAudience }, change)
    }
    expect(await outcomeAmong(bystanders.slice(1))).toBe('accepted')
    // Where not every key was tried, the signature is not known to be wrong.
    expect(await outcomeAmong(bystanders)).toBe(beyond)
  })

  it('refuses a token without a key id before any signature is tried where all of several keys have ids', async () => {
    const keys = [signer, signingKey('entra').jwk]
    const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
    const change = { from: 'generic', header: { kid: undefined } } as const
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('key_id_missing')
    // One key that can be meant needs no name.
    const only = staticIssuer({ issuer: genericIssuer, jwks: { keys: [signer, signingKey('p256').jwk] } })
    expect(await outcomeOf({ issuer: only, audience: genericAudience }, change)).toBe('accepted')
  })

  it.each([
    ['x5t', { x5t: 'thumbprint' }],
    ['kid', { kid: 'thumbprint' }],
  ])(
    'finds a key by the thumbprint in the token where it has no kid, in the %s of the key',
    async (_, named) => {
      const keys = [{ ...signer, ...named }, signingKey('entra').jwk]
      const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
      const tokenNamed = (x5t: string) =>
        outcomeOf({ issuer, audience: genericAudience }, { from: 'generic', header: { kid: undefined, x5t } })
      expect(await tokenNamed('thumbprint')).toBe('accepted')
      expect(await tokenNamed('another')).toBe('key_id_missing')
    },
  )

  it('serves RS256 alone with an RSA key that names no algorithm, unless the issuer is configured otherwise', async () => {
    const jwks = { keys: [{ ...signer, alg: undefined }] }
    const change = { from: 'generic', header: { alg: 'PS256' } } as const
    const issuer = staticIssuer({ issuer: genericIssuer, jwks })
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('key_unknown')
    const configured = staticIssuer({ issuer: genericIssuer, jwks, algorithms: ['PS256'] })
    expect(await outcomeOf({ issuer: configured, audience: genericAudience }, change)).toBe('accepted')
  })
})

describe('groups', () => {
  async function groupsOf(claims: Record<string, unknown>): Promise<unknown> {
    const { validateToken } = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId }),
      fetch: serving(entraDocuments(clouds.global, tenantId)),
      clock,
    })
    return (await validateToken(tokenWith({ claims }))).groups
  }

  it('are listed where the token lists them', async () => {
    expect(await groupsOf({ groups: ['a', 'b'] })).toEqual({ overage: false, ids: ['a', 'b'] })
  })

  it('are undefined where the token does not have them', async () => {
    expect(await groupsOf({})).toBeUndefined()
  })

  it.each([
    [
      '_claim_names',
      { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://x' } } },
    ],
    ['hasgroups', { hasgroups: true }],
    ['a list beside the marker', { groups: ['a'], _claim_names: { groups: 'src1' } }],
  ])('are an overage, never none, where the token has %s', async (_, claims) => {
    expect(await groupsOf(claims)).toEqual({ overage: true })
  })
})
