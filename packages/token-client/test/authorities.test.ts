import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import {
  clientCertificate,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type EntraAuthorityOptions,
  type TokenClientOptions,
} from '@countersign/token-client'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeCertificate } from './certificates.js'
import { clientId, otherTenantId, refusalOf, target, tenantId, theSecret, userToken } from './setup.js'

const start = 1_800_000_000

describe('a tenant that is named by a domain', () => {
  let emulator: Emulator
  let paths: string[] = []
  const clock = { now: start }
  beforeAll(async () => {
    emulator = await startEmulator({
      clock: fixedClock(start),
      registration: {
        tenants: [
          { id: tenantId, domains: ['contoso.example', 'contoso.other.example'] },
          {
            id: otherTenantId,
            domains: ['fabrikam.example'],
            servicePrincipals: [{ appId: 'daemon' }, { appId: 'second-tier' }],
          },
        ],
        applications: [
          {
            displayName: 'daemon',
            appId: clientId,
            signInAudience: 'AzureADMultipleOrgs',
            passwordCredentials: [{ secretText: theSecret }],
          },
          {
            displayName: 'second-tier',
            identifierUris: [target.resource],
            signInAudience: 'AzureADMultipleOrgs',
            api: { requestedAccessTokenVersion: 2 },
          },
        ],
      },
    })
  })
  afterAll(() => emulator.stop())
  beforeEach(() => {
    paths = []
    clock.now = start
  })

  function connect(tenant: string, options: Partial<TokenClientOptions> = {}) {
    return createTokenClient({
      authority: entraAuthority({ tenantId: tenant, cloud: emulator.cloud }),
      clientId,
      credential: clientSecret(theSecret),
      clock: () => clock.now,
      fetch: (url, init) => {
        paths.push(new URL(url).pathname)
        return fetch(url, init)
      },
      ...options,
    })
  }

  const metadata = '/contoso.example/v2.0/.well-known/openid-configuration'
  const token = `/${tenantId}/oauth2/v2.0/token`

  it('gets the id that the metadata of the service has, asked once; version 2.0 is the default', async () => {
    const client = connect('Contoso.example')
    const [first] = await Promise.all([
      client.acquireForApp(target),
      client.acquireForApp({ ...target, refresh: true }),
    ])
    expect(decodeJwt(first.accessToken)['tid']).toBe(tenantId)
    expect(paths.sort()).toEqual([token, token, metadata].sort())
  })

  it('is asked for again after a day, and the last answer serves while the service is down', async () => {
    const client = connect('contoso.example')
    await client.acquireForApp(target)
    const clear = emulator.faults.add({ endpoint: 'discovery', effect: { kind: 'status', status: 503 } })
    clock.now += 24 * 60 * 60 - 1
    await client.acquireForApp({ ...target, refresh: true })
    expect(paths.filter((path) => path === metadata)).toHaveLength(1)
    clock.now += 1
    await client.acquireForApp({ ...target, refresh: true })
    clear()
    expect(paths.filter((path) => path === metadata)).toHaveLength(2)
    expect(paths.filter((path) => path === token)).toHaveLength(3)
  })

  it('takes user tokens of that tenant, and refuses those of another before anything is sent', async () => {
    const client = connect('contoso.example')
    const error = await refusalOf(client.acquireOnBehalfOf(userToken({ tid: otherTenantId }), target))
    expect(error).toMatchObject({ code: 'user_token_tenant_mismatch', action: 'new-user-token' })
    expect(paths).toEqual([metadata])
    await refusalOf(client.acquireOnBehalfOf(userToken(), target))
    expect(paths).toEqual([metadata, token])
  })

  it('is named for one call with organizations', async () => {
    const client = connect('organizations')
    const tokens = [
      await client.acquireForApp({ ...target, tenantId: 'fabrikam.example' }),
      await client.acquireForApp({ ...target, tenantId: 'contoso.example' }),
    ]
    expect(tokens.map(({ accessToken }) => decodeJwt(accessToken)['tid'])).toEqual([otherTenantId, tenantId])
  })

  it('is not guessed: an unknown domain is tenant_unknown, with its code and the domain', async () => {
    const error = await refusalOf(connect('unknown.example').acquireForApp(target))
    expect(error).toMatchObject({ code: 'tenant_unknown', service: { codes: [90002] } })
    expect(error.message).toContain('/unknown.example (v2.0)')
    expect(paths).toEqual(['/unknown.example/v2.0/.well-known/openid-configuration'])
  })

  it.each([
    ['another cloud', `https://login.microsoftonline.us/${tenantId}/v2.0`],
    ['no tenant', 'https://login.microsoftonline.com/common/v2.0'],
    ['a longer path', `https://login.microsoftonline.com/x/${tenantId}/v2.0`],
    ['no address', 7],
  ])('is refused when the metadata names %s', async (_name, issuer) => {
    const asked: string[] = []
    const client = createTokenClient({
      authority: entraAuthority({ tenantId: 'contoso.com' }),
      clientId,
      credential: clientSecret(theSecret),
      fetch: async (url) => (asked.push(url), Response.json({ issuer })),
    })
    expect(await refusalOf(client.acquireForApp(target))).toMatchObject({
      code: 'metadata_invalid',
      reason: 'issuer',
    })
    expect(asked).toHaveLength(1)
  })
})

describe('a regional endpoint', () => {
  /** The hosts that were asked. `regional` answers for the regional one. */
  async function createRegional(
    regional: () => Promise<Response>,
    options: Partial<EntraAuthorityOptions> = {},
    client: Partial<TokenClientOptions> = {},
  ) {
    const clock = { now: start }
    const hosts: string[] = []
    const bodies: URLSearchParams[] = []
    const tokens = createTokenClient({
      authority: entraAuthority({ tenantId, region: 'westus2', ...options }),
      clientId,
      credential: clientSecret(theSecret),
      clock: () => clock.now,
      fetch: async (url, { body }) => {
        const { host } = new URL(url)
        hosts.push(host)
        bodies.push(new URLSearchParams(body))
        if (host.startsWith('westus2.')) return regional()
        return Response.json({ token_type: 'Bearer', access_token: 'global', expires_in: 3599 })
      },
      ...client,
    })
    return { tokens, hosts, bodies, clock }
  }
  const granted = async () =>
    Response.json({ token_type: 'Bearer', access_token: 'regional', expires_in: 3599 })

  it.each([
    ['global', 'westus2.login.microsoft.com'],
    ['usGovernment', 'westus2.login.microsoftonline.us'],
    ['china', 'westus2.login.partner.microsoftonline.cn'],
  ] as const)('of the cloud %s is asked for tokens of the application alone', async (cloud, host) => {
    const { tokens, hosts } = await createRegional(granted, { cloud })
    expect((await tokens.acquireForApp(target)).accessToken).toBe('regional')
    await tokens.acquireOnBehalfOf(userToken(), target)
    expect(hosts[0]).toBe(host)
    expect(hosts[1]).not.toContain('westus2')
  })

  it.each<[string, () => Promise<Response>, number]>([
    ['cannot be reached', () => Promise.reject(new Error('no')), 2],
    ['is unavailable', async () => new Response('', { status: 503 }), 2],
    ['answers something else', async () => new Response('<html>', { status: 200 }), 1],
  ])(
    'that %s is replaced by the global one, which alone is asked for five minutes',
    async (_name, regional, tries) => {
      const { tokens, hosts, clock } = await createRegional(regional)
      expect((await tokens.acquireForApp(target)).accessToken).toBe('global')
      const before = hosts.filter((host) => host.startsWith('westus2')).length
      expect(before).toBe(tries)
      clock.now += 299
      await tokens.acquireForApp({ ...target, refresh: true })
      expect(hosts.filter((host) => host.startsWith('westus2'))).toHaveLength(before)
      clock.now += 1
      await tokens.acquireForApp({ ...target, refresh: true })
      expect(hosts.filter((host) => host.startsWith('westus2'))).toHaveLength(before + tries)
    },
  )

  it('that refuses is not asked elsewhere: the refusal is the answer', async () => {
    const refused = { error: 'invalid_client', error_codes: [7000215] }
    const { tokens, hosts } = await createRegional(async () => Response.json(refused, { status: 401 }))
    expect(await refusalOf(tokens.acquireForApp(target))).toMatchObject({ code: 'client_credential_refused' })
    expect(hosts).toEqual(['westus2.login.microsoft.com'])
  })

  it('gets assertions whose audience is the global endpoint', async () => {
    const credential = clientCertificate(await makeCertificate())
    const { tokens, bodies } = await createRegional(granted, {}, { credential })
    await tokens.acquireForApp(target)
    expect(decodeJwt(bodies[0]!.get('client_assertion')!).aud).toBe(
      `https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/token`,
    )
  })
})
