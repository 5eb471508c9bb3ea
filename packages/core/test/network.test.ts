import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { clock, genericAudience, keySet, now, tokenWith } from '@countersign/test-fixtures'
import {
  condition,
  createTokenValidator,
  oidcIssuer,
  type AcceptedEvent,
  type KeysRefreshFailedEvent,
  type OidcIssuerOptions,
  type RefusedEvent,
  type TokenValidatorOptions,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { isLinkLocal, mayBeThisMachine } from '../src/addresses.js'

const address = 'https://id.example/realms/shop'
const token = tokenWith({ from: 'generic', claims: { iss: address } })

async function outcomeWith(
  settings: Partial<OidcIssuerOptions>,
  fetch: NonNullable<TokenValidatorOptions['fetch']>,
  more: Partial<TokenValidatorOptions> = {},
): Promise<string> {
  const { tryValidateToken } = createTokenValidator({
    issuer: oidcIssuer({ issuer: address, ...settings }),
    audience: genericAudience,
    clock,
    fetch,
    ...more,
  })
  return (await tryValidateToken(token)).error?.code ?? 'accepted'
}

/** Serves metadata that names public addresses, and keys, from wherever they are asked for. */
function serving(asked: string[], jwksUri = `${address}/certs`) {
  return async (url: string): Promise<Response> => {
    asked.push(url)
    return Response.json(
      url.includes('openid-configuration') ? { issuer: address, jwks_uri: jwksUri } : keySet(['generic']),
    )
  }
}

describe('an issuer with an address inside a private network', () => {
  const inside = { internalOrigin: 'http://keycloak:8080', allowPlainHttpHosts: ['keycloak:8080'] }

  it('is asked there for metadata and keys, although both name the public address', async () => {
    const asked: string[] = []
    expect(await outcomeWith(inside, serving(asked))).toBe('accepted')
    expect(asked).toEqual([
      'http://keycloak:8080/realms/shop/.well-known/openid-configuration',
      'http://keycloak:8080/realms/shop/certs',
    ])
  })

  it('is asked elsewhere for keys only where its metadata names another origin', async () => {
    const asked: string[] = []
    expect(await outcomeWith(inside, serving(asked, 'https://keys.example/k'))).toBe('accepted')
    expect(asked[1]).toBe('https://keys.example/k')
  })

  it.each([
    ['a host that is not named', 'http://keycloak:8080', ['keycloak:9090']],
    ['no host', 'http://keycloak:8080', undefined],
    ['a name that only begins alike', 'http://keycloak.evil:8080', ['keycloak:8080']],
  ])('is not asked over plain http with %s', (_, internalOrigin, allowPlainHttpHosts) => {
    expect(() => oidcIssuer({ issuer: address, internalOrigin, allowPlainHttpHosts })).toThrow(
      'https address',
    )
  })

  it('is not asked over plain http for keys at a host that is not named', async () => {
    const asked: string[] = []
    expect(await outcomeWith(inside, serving(asked, 'http://other:8080/k'))).toBe('keys_unavailable')
    expect(asked).toHaveLength(1)
  })

  it.each([['keycloak:8080/x'], ['http://keycloak'], [''], ['a b']])(
    'is a TypeError with the host %j',
    (host) => {
      expect(() => oidcIssuer({ issuer: address, allowPlainHttpHosts: [host] })).toThrow(
        '"allowPlainHttpHosts"',
      )
    },
  )

  it('compares any name of an issuer as text where its keys are at a given address', async () => {
    for (const issuer of ['http://fs.example/adfs/services/trust', 'acme.com', 'accounts.example']) {
      const { tryValidateToken } = createTokenValidator({
        issuer: oidcIssuer({ issuer, jwksUri: 'https://keys.example/k' }),
        audience: genericAudience,
        clock,
        fetch: serving([]),
      })
      const named = (iss: string) => tryValidateToken(tokenWith({ from: 'generic', claims: { iss } }))
      expect((await named(issuer)).error).toBeUndefined()
      expect((await named(`${issuer}/`)).error?.code).toBe('issuer_not_trusted')
    }
  })
})

describe('an address of keys', () => {
  it.each([
    'http://127.0.0.1/k',
    'https://localhost/k',
    'https://localhost./k',
    'https://api.localhost/k',
    'https://0.0.0.0/k',
    'https://[::]/k',
    'https://[::1]/k',
    'https://[::ffff:127.0.0.1]/k',
    'https://[::ffff:0.0.0.0]/k',
    'https://0x7f000001/k',
    'https://169.254.169.254/k',
    'https://[fe80::1]/k',
    'https://[::ffff:169.254.169.254]/k',
  ])('is not followed from metadata elsewhere to this machine or a link-local one: %s', async (jwksUri) => {
    const asked: string[] = []
    expect(await outcomeWith({}, serving(asked, jwksUri))).toBe('keys_unavailable')
    expect(asked).toHaveLength(1)
  })

  it.each([
    'https://10.0.0.1/k',
    'https://172.16.0.1:6443/k',
    'https://[fd00::1]/k',
    'https://keys.example/k',
  ])('is followed to another machine, also of a private network: %s', async (jwksUri) => {
    expect(await outcomeWith({}, serving([], jwksUri))).toBe('accepted')
  })

  it('is recognised by what it leads to, not by how it is spelled', () => {
    expect(mayBeThisMachine(new URL('https://localhost.example'))).toBe(false)
    expect(mayBeThisMachine(new URL('https://notlocalhost'))).toBe(false)
    expect(mayBeThisMachine(new URL('https://128.0.0.1'))).toBe(false)
    expect(isLinkLocal(new URL('https://169.253.0.1'))).toBe(false)
    expect(isLinkLocal(new URL('https://[fec0::1]'))).toBe(false)
  })
})

describe('the event of a failed fetch', () => {
  const eventOf = async (
    fetch: NonNullable<TokenValidatorOptions['fetch']>,
    settings: Partial<OidcIssuerOptions> = {},
  ): Promise<KeysRefreshFailedEvent | undefined> => {
    const events: KeysRefreshFailedEvent[] = []
    const onKeysRefreshFailed = (event: KeysRefreshFailedEvent): void => void events.push(event)
    expect(await outcomeWith(settings, fetch, { onKeysRefreshFailed })).toBe('keys_unavailable')
    return events[0]
  }

  it('names the place without its query, and the code of the system', async () => {
    const failing = (code: string) => () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }))
    const at = { metadataUrl: 'https://internal.example/m?secret=1' }
    expect(await eventOf(failing('ENOTFOUND'), at)).toMatchObject({
      fault: 'network',
      systemCode: 'ENOTFOUND',
      url: 'https://internal.example/m',
    })
    expect(await eventOf(failing('private words'), at)).not.toHaveProperty('systemCode')
  })

  it('names the code of a real refusal to connect', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const jwksUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/k`
    server.close()
    await once(server, 'close')
    const event = await eventOf((url, init) => globalThis.fetch(url, init), { jwksUri })
    expect(event).toMatchObject({ fault: 'network', url: jwksUri, systemCode: 'ECONNREFUSED' })
  })

  it('names the status of a redirect, and both spellings of an issuer', async () => {
    expect(await eventOf(async () => new Response('', { status: 302 }))).toMatchObject({
      fault: 'status',
      status: 302,
    })
    const other = async (): Promise<Response> =>
      Response.json({ issuer: `${address}/`, jwks_uri: 'https://k.example' })
    expect(await eventOf(other)).toMatchObject({
      fault: 'issuer',
      expectedIssuer: address,
      foundIssuer: `${address}/`,
    })
  })
})

describe('details of events', () => {
  async function eventsOf(claims: object, more: Partial<TokenValidatorOptions> = {}) {
    const events: (AcceptedEvent | RefusedEvent)[] = []
    const note = (event: AcceptedEvent | RefusedEvent): void => void events.push(event)
    const { tryValidateToken } = createTokenValidator({
      issuer: oidcIssuer({ issuer: address, jwksUri: 'https://keys.example/k' }),
      audience: genericAudience,
      clock,
      fetch: serving([]),
      eventDetails: true,
      onAccepted: note,
      onRefused: note,
      ...more,
    })
    const made = tokenWith({
      from: 'generic',
      claims: { iss: address, client_id: 'web', jti: 'id-1', ...claims },
    })
    await tryValidateToken(made)
    await tryValidateToken(made)
    return events
  }
  const details = {
    issuer: `oidcIssuer(${address})`,
    clientId: 'web',
    tokenId: 'id-1',
    durationSeconds: expect.any(Number) as number,
  }

  it('name client, token and duration of an accepted token, new and remembered', async () => {
    const events = await eventsOf({})
    expect(events).toEqual([
      { kind: 'delegated', issuer: details.issuer, fromCache: false, details },
      { kind: 'delegated', issuer: details.issuer, fromCache: true, details },
    ])
  })

  it('name them of a token that is refused after its signature', async () => {
    const [event] = await eventsOf({}, { permission: { scopes: 'more' } })
    expect(event).toEqual({ code: 'scope_insufficient', status: 403, details })
  })

  it('name them of a token that a guard refuses, at once or later', async () => {
    const refused: RefusedEvent[] = []
    const validator = createTokenValidator({
      issuer: oidcIssuer({ issuer: address, jwksUri: 'https://keys.example/k' }),
      audience: genericAudience,
      clock,
      fetch: serving([]),
      eventDetails: true,
      onRefused: (event) => refused.push(event),
    })
    const claims = { iss: address, client_id: 'web', jti: 'id-1' }
    const caller = await validator.validateToken(tokenWith({ from: 'generic', claims }))
    expect(() => validator.checkPermission(caller, { scopes: 'more' })).toThrow('scope')
    await expect(
      validator.checkPermission(
        caller,
        condition('slow', async () => false),
      ),
    ).rejects.toThrow()
    expect(refused).toEqual([
      { code: 'scope_insufficient', status: 403, details },
      { code: 'condition_refused', status: 403, reason: 'slow', details },
    ])
    expect(() => validator.checkPermission(null, { scopes: 'more' })).toThrow('no bearer token')
    expect(refused[2]).not.toHaveProperty('details')
  })

  it('are absent where the signature was not verified', async () => {
    const [event] = await eventsOf({ aud: 'other', exp: now - 1 })
    expect(event).not.toHaveProperty('details')
    const forged: RefusedEvent[] = []
    const { tryValidateToken } = createTokenValidator({
      issuer: oidcIssuer({ issuer: address, jwksUri: 'https://keys.example/k' }),
      audience: genericAudience,
      clock,
      fetch: serving([]),
      eventDetails: true,
      onRefused: (refused) => forged.push(refused),
    })
    await tryValidateToken(`${token.slice(0, -8)}AAAAAAAA`)
    expect(forged[0]).toMatchObject({ code: 'signature_invalid' })
    expect(forged[0]).not.toHaveProperty('details')
  })

  it('are absent unless they are asked for, and never name a person', async () => {
    expect(await eventsOf({}, { eventDetails: undefined })).toEqual([
      { kind: 'delegated', issuer: details.issuer, fromCache: false },
      { kind: 'delegated', issuer: details.issuer, fromCache: true },
    ])
    const text = JSON.stringify(await eventsOf({ sub: 'mara', name: 'Mara', email: 'mara@example.com' }))
    expect(text).not.toMatch(/mara/i)
  })
})
