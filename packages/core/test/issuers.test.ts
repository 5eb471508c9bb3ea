import {
  apiClientId,
  clock,
  cloudInstanceName,
  daemonClientId,
  genericAudience,
  genericIssuer,
  keySet,
  secondTenantId,
  signingKey,
  tenantId,
  tokenWith,
  userClientId,
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

describe('keys of a set that name no issuer', () => {
  const fetchOf = (tenant: string): Fetch =>
    serving(entraDocuments(clouds.global, tenant, { issuer: undefined }))

  it('serve one tenant, whose set it is', async () => {
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

  it('asks a function only about a tenant whose signature was verified', async () => {
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

  it('asks the function again for a token it has seen before', async () => {
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

  it('refuses personal accounts unless they are asked for', async () => {
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

  it('keeps no more state for ten thousand tenants than for one', async () => {
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

  it('are told apart by iss, each with its own audience', async () => {
    const options = { issuer: [own, given], fetch }
    expect(await outcomeOf(options, {})).toBe('accepted')
    expect(await outcomeOf(options, { from: 'generic' })).toBe('accepted')
    expect(await outcomeOf(options, { claims: { aud: genericAudience } })).toBe('audience_mismatch')
    expect(await outcomeOf(options, { from: 'generic', claims: { aud: apiClientId } })).toBe(
      'audience_mismatch',
    )
  })

  it('do not lend each other their keys', async () => {
    const options = { issuer: [own, given], fetch }
    const { kid } = signingKey('generic')
    expect(await outcomeOf(options, { key: 'generic', header: { kid } })).toBe('key_unknown')
    expect(await outcomeOf(options, { from: 'generic', key: 'entra' })).toBe('key_unknown')
  })

  it.each(['audience', 'allowedClients'] as const)('of different families cannot share %s', (name) => {
    expect(() => createTokenValidator({ issuer: [own, given], [name]: ['x'] })).toThrow(
      `with several issuers "${name}" stands on each of them`,
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

  it('hold only their own clients to their own list', async () => {
    const listed = entra({ tenantId, clientId: apiClientId, allowedClients: [userClientId] })
    const options = { issuer: [listed, given], fetch }
    expect(await outcomeOf(options, { claims: { azp: daemonClientId } })).toBe('client_not_allowed')
    expect(await outcomeOf(options, { from: 'generic' })).toBe('accepted')
  })
})

describe('an issuer whose keys share an id or have none', () => {
  const signer = signingKey('generic').jwk
  const others = (['p256', 'entra', 'entraNext', 'rotatedIn'] as const).map((name) => signingKey(name).jwk)

  it.each([
    ['none', undefined],
    ['one and the same', 'shared'],
  ])('with %s is served by the key that fits', async (_, kid) => {
    const keys = [...others.slice(0, 3), signer].map((jwk) => ({ ...jwk, kid }))
    const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
    const change = { from: 'generic', header: { kid } } as const
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('accepted')
  })

  it('has at most four fitting keys tried', async () => {
    const bystanders = Array.from({ length: 4 }, (_, index) => ({
      ...signingKey((['entra', 'entraNext', 'rotatedIn', 'attacker'] as const)[index] as 'entra').jwk,
      kid: 'shared',
    }))
    const keys = [...bystanders, { ...signer, kid: 'shared' }]
    const issuer = staticIssuer({ issuer: genericIssuer, jwks: { keys } })
    const change = { from: 'generic', header: { kid: 'shared' } } as const
    expect(await outcomeOf({ issuer, audience: genericAudience }, change)).toBe('signature_invalid')
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

  it('are undefined where the token says nothing of them', async () => {
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
