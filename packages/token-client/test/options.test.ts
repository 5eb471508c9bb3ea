import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  type EntraAuthorityOptions,
  type TokenClientOptions,
} from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import { clientId, tenantId, theSecret } from './setup.js'
import { createOpenStore, storeKey } from './stores.js'

const valid: TokenClientOptions = {
  authority: entraAuthority({ tenantId, version: '2.0' }),
  clientId,
  credential: clientSecret(theSecret),
}

const { keyv } = createOpenStore()
const keys = [{ secret: storeKey }]

describe('createTokenClient', () => {
  it('needs three options, and sends no request', () => {
    const fetch = () => Promise.reject(new Error('was called'))
    expect(Object.keys(createTokenClient({ ...valid, fetch }))).toEqual([
      'acquireForApp',
      'acquireOnBehalfOf',
      'acquireForAgentUser',
      'startSession',
      'createFetch',
      'resumeSession',
      'forgetUser',
      'close',
    ])
  })

  it.each([
    ['authority', { authority: 'https://login.microsoftonline.com' }],
    ['clientId', { clientId: '' }],
    ['credential', { credential: theSecret }],
    ['audience', { audience: [] }],
    ['audience', { audience: '' }],
    ['cache.maxEntries', { cache: { maxEntries: -1 } }],
    ['cache.maxBytes', { cache: { maxBytes: NaN } }],
    ['cache.maxTokenLifeSeconds', { cache: { maxTokenLifeSeconds: '60' } }],
    ['cache.ttl', { cache: { ttl: 1 } }],
    ['sessions', { sessions: 1 }],
    ['sessions.idleSeconds', { sessions: { idleSeconds: 0 } }],
    ['timeoutSeconds', { timeoutSeconds: 0 }],
    ['maxResponseBytes', { maxResponseBytes: Infinity }],
    ['clock', { clock: 1 }],
    ['fetch', { fetch: 1 }],
    ['clientSecret', { clientSecret: theSecret }],
    ['onHit', { onHit: 'log' }],
    ['clientCapabilities', { clientCapabilities: 'cp1' }],
    ['sessions.shared', { sessions: { shared: 'yes' } }],
    ['sessions.shared', { sessions: { shared: true } }],
    ['store', { store: 'redis://localhost' }],
    ['store.keyv', { store: { keys } }],
    ['store.keyv', { store: { keyv: { get() {}, set() {} }, keys } }],
    ['store.keys', { store: { keyv } }],
    ['store.keys', { store: { keyv, keys: [] } }],
    ['store.keys[0].secret', { store: { keyv, keys: [{ secret: theSecret }] } }],
    ['store.keys[0].secret', { store: { keyv, keys: [{ secret: new Uint8Array(31) }] } }],
    ['store.keys[0].readUntil', { store: { keyv, keys: [{ secret: storeKey, readUntil: 1 }] } }],
    ['store.keys[1].readUntil', { store: { keyv, keys: [...keys, ...keys] } }],
    ['store.keys[0].id', { store: { keyv, keys: [{ secret: storeKey, id: 'a' }] } }],
    ['store.namespace', { store: { keyv, keys, namespace: 'a:b' } }],
    ['store.timeoutSeconds', { store: { keyv, keys, timeoutSeconds: 0 } }],
    ['store.recheckSeconds', { store: { keyv, keys, recheckSeconds: -1 } }],
    ['store.lock', { store: { keyv, keys, lock: 'redlock' } }],
    ['store.url', { store: { keyv, keys, url: 'redis://localhost' } }],
  ])('refuses a wrong %s by its name, without its value', (name, wrong) => {
    const create = () => createTokenClient({ ...valid, ...wrong } as TokenClientOptions)
    expect(create).toThrow(TypeError)
    expect(create).toThrow(`"${name}"`)
    expect(create).toThrow(/^createTokenClient: (unknown option )?"/)
    expect(create).not.toThrow(theSecret)
  })

  it('fails a call when the clock does not return a finite number', async () => {
    const client = createTokenClient({ ...valid, clock: () => NaN })
    await expect(client.acquireForApp({ resource: 'a' })).rejects.toThrow(/clock/)
  })
})

describe('entraAuthority', () => {
  it.each([
    ['common', { tenantId: 'common', version: '2.0' }, /tenantId/],
    ['consumers', { tenantId: 'consumers', version: '2.0' }, /tenantId/],
    ['a domain without a dot', { tenantId: 'contoso', version: '2.0' }, /tenantId/],
    ['a tenant that changes the path', { tenantId: `${tenantId}/../x`, version: '2.0' }, /tenantId/],
    [
      'a region of a cloud of your own',
      { tenantId, region: 'westus2', cloud: { authority: 'https://a.example' } },
      /region/,
    ],
    ['a region that is no name', { tenantId, region: 'west.us' }, /region/],
    ['an unknown version', { tenantId, version: '2' }, /version/],
    ['an unknown cloud', { tenantId, version: '2.0', cloud: 'toString' }, /cloud/],
    [
      'a cloud over plain http',
      { tenantId, version: '2.0', cloud: { authority: 'http://login.example' } },
      /cloud/,
    ],
    [
      'a cloud with a path',
      { tenantId, version: '2.0', cloud: { authority: 'https://login.example/x' } },
      /cloud/,
    ],
    ['an unknown option', { tenantId, version: '2.0', tenant: tenantId }, /"tenant"/],
  ])('refuses %s with a TypeError', (_name, wrong, message) => {
    const create = () => entraAuthority(wrong as Parameters<typeof entraAuthority>[0])
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })

  it.each([
    ['global', 'https://login.microsoftonline.com'],
    ['usGovernment', 'https://login.microsoftonline.us'],
    ['china', 'https://login.partner.microsoftonline.cn'],
  ] as const)('asks the login host of the %s cloud', async (cloud, origin) => {
    const asked: string[] = []
    const client = createTokenClient({
      ...valid,
      authority: entraAuthority({ tenantId: tenantId.toUpperCase(), version: '1.0', cloud }),
      fetch: async (url) => {
        asked.push(url)
        return Response.json({ token_type: 'Bearer', access_token: 'a' })
      },
    })
    await client.acquireForApp({ resource: 'a' })
    expect(asked).toEqual([`${origin}/${tenantId}/oauth2/token`])
  })
})

describe('the address that a claims challenge names', () => {
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1800000000"}}}'

  /** Whether a challenge that names this address is answered. */
  async function isAnswered(cloud: EntraAuthorityOptions['cloud'], uri: string): Promise<boolean> {
    const requested: (string | undefined)[] = []
    const encoded = Buffer.from(claims).toString('base64')
    const header = `Bearer authorization_uri="${uri}", error="insufficient_claims", claims="${encoded}"`
    const client = createTokenClient({
      ...valid,
      authority: entraAuthority({ tenantId, version: '2.0', cloud }),
      fetch: async (_url, { body }) => {
        requested.push(new URLSearchParams(String(body)).get('claims') ?? undefined)
        return Response.json({ token_type: 'Bearer', access_token: 'a', expires_in: 3599 })
      },
    })
    const api = client.createFetch({
      target: { resource: 'a' },
      origin: 'https://api.example',
      fetch: async () => new Response('', { status: 401, headers: { 'www-authenticate': header } }),
    })
    await api('https://api.example/')
    return requested.includes(claims)
  }

  const path = `/${tenantId}/oauth2/authorize`
  it.each([
    ['global', `https://login.microsoftonline.com${path}`],
    ['global', `https://login.windows.net${path}`],
    ['global', `https://login.microsoft.com${path}`],
    ['global', `https://login-us.microsoftonline.com${path}`],
    ['global', `https://westus2.login.microsoft.com${path}`],
    ['global', `https://westeurope.r.login.microsoftonline.com${path}`],
    [{ authority: 'https://login.windows.net' }, `https://login.microsoftonline.com${path}`],
    [{ authority: 'https://westus2.login.microsoft.com' }, `https://login.windows.net${path}`],
    ['usGovernment', `https://login.usgovcloudapi.net${path}`],
    ['usGovernment', `https://usgovvirginia.login.microsoftonline.us${path}`],
    ['china', `https://login.chinacloudapi.cn${path}`],
    ['china', `https://chinaeast2.login.partner.microsoftonline.cn${path}`],
    [{ authority: 'https://login.example' }, `https://login.example${path}`],
  ] as const)('belongs to the cloud %o: %s', async (cloud, uri) => {
    expect(await isAnswered(cloud, uri)).toBe(true)
  })

  it.each([
    ['global', `https://login.microsoftonline.us${path}`],
    ['global', `http://login.microsoftonline.com${path}`],
    ['global', `https://login.microsoftonline.com:8443${path}`],
    ['global', `https://login.microsoft.com.example${path}`],
    ['global', `https://a.b.login.microsoft.com${path}`],
    ['global', `https://evil-login.microsoft.com${path}`],
    ['global', `https://westus2.login.microsoftonline.us${path}`],
    ['usGovernment', `https://login.windows.net${path}`],
    [{ authority: 'https://login.example' }, `https://westus2.login.example${path}`],
    [{ authority: 'https://login.example' }, `https://login.microsoftonline.com${path}`],
  ] as const)('does not belong to the cloud %o: %s', async (cloud, uri) => {
    expect(await isAnswered(cloud, uri)).toBe(false)
  })
})
