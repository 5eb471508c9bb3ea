import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createRevocationList,
  createSecurityEventReceiver,
  createTokenValidator,
  entra,
  introspectedIssuer,
  isBearerError,
  oidcIssuer,
  staticIssuer,
  type Revoked,
  type SecurityEvent,
  type SecurityEventReceiverOptions,
} from '@countersign/core'
import {
  clock,
  genericAudience,
  genericIssuer,
  genericSubject,
  keySet,
  now,
  tenantId,
  tokenWith,
} from '@countersign/test-fixtures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/*
 * A transmitter of its own, by Node's cryptography alone: it shares no code with what it tests. It serves its configuration
 * and keys, and pushes as RFC 8935 says.
 */
const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const risc = 'https://schemas.openid.net/secevent/risc/event-type/'
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/'
const audience = 'https://api.example/events'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const requests: string[] = []
let isDown = false

const server = createServer((request, response) => {
  requests.push(String(request.url))
  response.setHeader('content-type', 'application/json')
  if (isDown) return void response.writeHead(500).end('{}')
  const answer =
    request.url === '/.well-known/ssf-configuration'
      ? { issuer: origin, jwks_uri: `${origin}/keys`, delivery_methods_supported: [] }
      : { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] }
  response.end(JSON.stringify(answer))
})
let origin: string
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

interface Change {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  readonly event?: Readonly<Record<string, unknown>>
  readonly type?: string
  readonly key?: KeyObject
}

const subject = { format: 'iss_sub', iss: genericIssuer, sub: genericSubject }
let count = 0

/** A valid event with one change. */
function eventWith({
  header,
  claims,
  event,
  type = `${caep}session-revoked`,
  key = privateKey,
}: Change = {}) {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = {
    iss: origin,
    aud: audience,
    iat: now,
    jti: `event-${++count}`,
    sub_id: subject,
    events: { [type]: { event_timestamp: now - 10, ...event } },
    ...claims,
  }
  const text = `${encode({ alg: 'RS256', typ: 'secevent+jwt', kid: 'k1', ...header })}.${encode(content)}`
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

function start(more: Partial<SecurityEventReceiverOptions> = {}) {
  const revoked: Revoked[] = []
  const events: SecurityEvent[] = []
  const receive = createSecurityEventReceiver({
    transmitter: oidcIssuer({
      issuer: origin,
      metadataUrl: `${origin}/.well-known/ssf-configuration`,
      audience,
    }),
    revokesFor: genericIssuer,
    list: {
      async revoke(what) {
        revoked.push(what)
      },
    },
    onEvent: (event) => events.push(event),
    clock,
    ...more,
  })
  const push = (body: string, contentType = 'application/secevent+jwt', authorization?: string) =>
    receive({ contentType, body, authorization })
  const outcomeOf = async (change: Change): Promise<unknown> => {
    const { status, body } = await push(eventWith(change))
    return body === '' ? status : `${status} ${(JSON.parse(body) as { err: string }).err}`
  }
  return { push, outcomeOf, revoked, events }
}

const user = { issuer: genericIssuer, subject: genericSubject }
const byUser = [{ user, since: now - 10 }]

describe('a security event', () => {
  it('is taken with an empty 202, and revokes', async () => {
    const { push, revoked, events } = start()
    expect(await push(eventWith())).toEqual({ status: 202, headers: {}, body: '' })
    expect(revoked).toEqual(byUser)
    expect(events).toEqual([{ type: `${caep}session-revoked`, outcome: 'revoked' }])
  })

  it('refuses tokens of its user through the list, at the next use', async () => {
    const list = createRevocationList({ maxTokenLifeSeconds: 7200, clock })
    const { push } = start({ list })
    const validator = createTokenValidator({
      issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
      audience: genericAudience,
      revocation: list,
      clock,
    })
    const before = tokenWith({ from: 'generic' })
    const after = tokenWith({ from: 'generic', claims: { iat: now - 9 } })
    await validator.validateToken(before)
    await push(eventWith())
    const error: unknown = await validator.validateToken(before).catch((reason: unknown) => reason)
    expect(isBearerError(error) && error.code).toBe('token_revoked')
    expect((await validator.validateToken(after)).subject).toBe(genericSubject)
  })

  it.each<[string, Change, unknown]>([
    ['another type of token', { header: { typ: 'JWT' } }, '400 invalid_request'],
    ['no type', { header: { typ: undefined } }, '400 invalid_request'],
    ['the type as a media type', { header: { typ: 'application/SECEVENT+jwt' } }, 202],
    ['a critical header', { header: { crit: ['x'] } }, '400 invalid_request'],
    ['sub', { claims: { sub: genericSubject } }, '400 invalid_request'],
    ['exp', { claims: { exp: now + 60 } }, '400 invalid_request'],
    ['sub that is null', { claims: { sub: null } }, '400 invalid_request'],
    ['no jti', { claims: { jti: undefined } }, '400 invalid_request'],
    ['no iat', { claims: { iat: undefined } }, '400 invalid_request'],
    ['iat at the last accepted second ahead', { claims: { iat: now + 60 } }, 202],
    ['iat at the first refused second ahead', { claims: { iat: now + 61 } }, '400 invalid_request'],
    ['no events', { claims: { events: {} } }, '400 invalid_request'],
    ['a list of events', { claims: { events: [] } }, '400 invalid_request'],
    [
      'an event that is no object',
      { claims: { events: { [`${caep}session-revoked`]: 1 } } },
      '400 invalid_request',
    ],
    ['no subject', { claims: { sub_id: undefined } }, '400 invalid_request'],
    ['a subject without a format', { claims: { sub_id: { iss: genericIssuer } } }, '400 invalid_request'],
    ['another issuer', { claims: { iss: 'https://other.example' } }, '400 invalid_issuer'],
    ['an issuer of tokens as its own', { claims: { iss: genericIssuer } }, '400 invalid_issuer'],
    ['another audience', { claims: { aud: 'https://other.example' } }, '400 invalid_audience'],
    ['no audience', { claims: { aud: undefined } }, '400 invalid_audience'],
    ['its audience in a list', { claims: { aud: ['x', audience] } }, 202],
    ['a signature by another key', { key: stranger }, '400 invalid_key'],
    ['a key that is not listed', { header: { kid: 'k2' } }, '400 invalid_key'],
    ['no algorithm', { header: { alg: 'none' } }, '400 invalid_key'],
    ['a symmetric algorithm', { header: { alg: 'HS256' } }, '400 invalid_key'],
    [
      'a user of an issuer that is not bound',
      { claims: { sub_id: { ...subject, iss: 'https://x.example' } } },
      '400 access_denied',
    ],
  ])('with %s', async (_, change, outcome) => {
    const { outcomeOf, revoked } = start()
    expect(await outcomeOf(change)).toBe(outcome)
    expect(revoked).toEqual(outcome === 202 ? byUser : [])
  })

  it.each([
    ['application/jwt', eventWith],
    ['', eventWith],
    ['application/secevent+jwt', () => 'a.b.c'],
    ['application/secevent+jwt', () => ''],
    ['application/secevent+jwt', () => `${eventWith()}x`.repeat(400)],
  ])('of the media type %j that is not one is refused', async (contentType, body) => {
    const { push, revoked } = start()
    const answer = await push(body(), contentType)
    expect(answer).toEqual({
      status: 400,
      headers: { 'Content-Type': 'application/json', 'Content-Language': 'en' },
      body: '{"err":"invalid_request","description":"The request is not a security event token, or it is malformed"}',
    })
    expect(revoked).toEqual([])
  })

  it('signed by an algorithm that the transmitter is not configured for is refused', async () => {
    const metadataUrl = `${origin}/.well-known/ssf-configuration`
    const transmitter = oidcIssuer({ issuer: origin, metadataUrl, audience, algorithms: ['ES256'] })
    expect(await start({ transmitter }).outcomeOf({})).toBe('400 invalid_key')
  })

  it('takes a media type with a parameter', async () => {
    const { push } = start()
    expect((await push(eventWith(), 'Application/SecEvent+jwt; charset=utf-8')).status).toBe(202)
  })

  it.each([
    ['the agreed header', 'Bearer s3cret', 202],
    ['another', 'Bearer s3cret2', 400],
    ['none', undefined, 400],
  ])('is taken with %s alone, where one was agreed', async (_, authorization, status) => {
    const { push, revoked } = start({ authorization: 'Bearer s3cret' })
    const answer = await push(eventWith(), undefined, authorization)
    expect(answer.status).toBe(status)
    expect(revoked).toHaveLength(status === 202 ? 1 : 0)
    if (status === 400) expect(JSON.parse(answer.body)).toMatchObject({ err: 'authentication_failed' })
  })

  it('is done once, however often it comes', async () => {
    const { push, revoked } = start()
    const event = eventWith()
    expect([(await push(event)).status, (await push(event)).status]).toEqual([202, 202])
    expect(revoked).toEqual(byUser)
  })

  it('that the list does not take is answered with 503, and is done when it comes again', async () => {
    let isBroken = true
    const taken: Revoked[] = []
    const { push } = start({
      list: {
        async revoke(what) {
          if (isBroken) throw new Error('a secret of the store')
          taken.push(what)
        },
      },
    })
    const event = eventWith()
    expect(await push(event)).toEqual({ status: 503, headers: { 'Retry-After': '5' }, body: '' })
    isBroken = false
    expect((await push(event)).status).toBe(202)
    expect(taken).toEqual(byUser)
  })

  it('is answered with 503 where the keys cannot be fetched', async () => {
    isDown = true
    try {
      expect((await start().push(eventWith())).status).toBe(503)
    } finally {
      isDown = false
    }
  })

  it('with a false issuer or audience causes no fetch', async () => {
    const before = requests.length
    const { outcomeOf } = start()
    await outcomeOf({ claims: { iss: 'https://other.example' } })
    await outcomeOf({ claims: { aud: 'https://other.example' } })
    await outcomeOf({ claims: { exp: now } })
    expect(requests).toHaveLength(before)
  })
})

describe('a type of event', () => {
  it.each([
    `${caep}session-revoked`,
    `${caep}credential-change`,
    `${caep}token-claims-change`,
    `${risc}account-disabled`,
    `${risc}account-purged`,
    `${risc}account-credential-change-required`,
    `${risc}credential-compromise`,
    `${risc}sessions-revoked`,
  ])('%s revokes', async (type) => {
    const { outcomeOf, revoked } = start()
    expect(await outcomeOf({ type })).toBe(202)
    expect(revoked).toEqual(byUser)
  })

  it.each<[string, Change, SecurityEvent]>([
    [
      'that establishes something is ignored',
      { type: `${caep}session-established` },
      { type: `${caep}session-established`, outcome: 'ignored', reason: 'type' },
    ],
    [
      'that is unknown is ignored',
      { type: 'https://x.example/event' },
      { type: 'https://x.example/event', outcome: 'ignored', reason: 'type' },
    ],
    [
      'that verifies the stream reports its state',
      { type: `${ssf}verification`, event: { state: 'abc' } },
      { type: `${ssf}verification`, outcome: 'ignored', reason: 'stream', state: 'abc' },
    ],
    [
      'that says the stream is paused reports it',
      { type: `${ssf}stream-updated`, event: { status: 'paused' } },
      { type: `${ssf}stream-updated`, outcome: 'ignored', reason: 'stream', streamStatus: 'paused' },
    ],
  ])('%s', async (_, change, event) => {
    const { outcomeOf, revoked, events } = start()
    expect(await outcomeOf(change)).toBe(202)
    expect([revoked, events]).toEqual([[], [event]])
  })

  it('that comes with others is done with them, or not at all', async () => {
    const events = { [`${caep}session-revoked`]: {}, [`${caep}credential-change`]: {} }
    const first = start()
    expect(await first.outcomeOf({ claims: { events } })).toBe(202)
    expect(first.revoked).toHaveLength(2)
    const second = start()
    const broken = { ...events, [`${caep}credential-change`]: 7 }
    expect(await second.outcomeOf({ claims: { events: broken } })).toBe('400 invalid_request')
    expect(second.revoked).toEqual([])
  })
})

describe('the moment of an event', () => {
  it.each([
    ['its timestamp', now - 100, now - 100],
    ['never after it was issued', now + 500, now],
    ['in seconds, where milliseconds came', now * 1000, now],
    ['when it was issued, without a timestamp', undefined, now],
    ['when it was issued, with a false timestamp', 'yesterday', now],
    ['when it was issued, with a negative timestamp', -1, now],
  ])('is %s', async (_, event_timestamp, since) => {
    const { outcomeOf, revoked } = start()
    await outcomeOf({ event: { event_timestamp } })
    expect(revoked).toEqual([{ user, since }])
  })
})

describe('a subject', () => {
  const since = now - 10
  const session = { format: 'opaque', id: 's1' }

  it.each<[string, unknown, unknown, readonly unknown[]]>([
    ['the name of the transmitter itself', { ...subject, iss: 'SELF' }, 202, byUser],
    [
      'a token',
      { format: 'jwt_id', iss: genericIssuer, jti: 'j1' },
      202,
      [{ token: 'j1', issuer: genericIssuer }],
    ],
    [
      'a token of another issuer',
      { format: 'jwt_id', iss: 'https://x.example', jti: 'j1' },
      '400 access_denied',
      [],
    ],
    ['an e-mail address, which nobody resolves', { format: 'email', email: 'mara@contoso.example' }, 202, []],
    ['an unknown format', { format: 'x' }, 202, []],
    [
      'a user by several names, of which one is understood',
      { format: 'aliases', identifiers: [{ format: 'email', email: 'mara@contoso.example' }, subject] },
      202,
      byUser,
    ],
    [
      'a user by several names, of which none is bound',
      { format: 'aliases', identifiers: [{ ...subject, iss: 'https://x.example' }] },
      '400 access_denied',
      [],
    ],
    ['several names that are none', { format: 'aliases', identifiers: [] }, '400 invalid_request', []],
    [
      'several names inside of several names',
      { format: 'aliases', identifiers: [{ format: 'aliases', identifiers: [subject] }] },
      '400 invalid_request',
      [],
    ],
    ['a user without a subject', { format: 'iss_sub', iss: genericIssuer }, '400 invalid_request', []],
    ['a complex user', { format: 'complex', user: subject }, 202, byUser],
    ['a complex user of a tenant', { format: 'complex', user: subject, tenant: session }, 202, byUser],
    [
      'a complex session, which is narrower than its user',
      { format: 'complex', user: subject, session },
      202,
      [{ session: 's1', issuer: genericIssuer, subject: genericSubject, since }],
    ],
    [
      'a complex session alone',
      { format: 'complex', session },
      202,
      [{ session: 's1', issuer: genericIssuer }],
    ],
    [
      'a session of an issuer that is not bound',
      { format: 'complex', user: { ...subject, iss: 'https://x.example' }, session },
      '400 access_denied',
      [],
    ],
    [
      'a session that cannot be read, with its user',
      { format: 'complex', user: subject, session: { format: 'x' } },
      202,
      [],
    ],
    [
      'a user that cannot be read, with its tenant',
      { format: 'complex', user: { format: 'x' }, tenant: session },
      202,
      [],
    ],
    [
      'everyone of a tenant',
      { format: 'complex', tenant: session },
      202,
      [{ allOfIssuer: genericIssuer, since }],
    ],
    ['a device', { format: 'complex', device: session }, 202, []],
    ['a group of a tenant', { format: 'complex', tenant: session, group: session }, 202, []],
    ['nobody', { format: 'complex' }, '400 invalid_request', []],
    ['a user that is no object', { format: 'complex', user: 'mara' }, '400 invalid_request', []],
    ['a list', [subject], '400 invalid_request', []],
  ])('that is %s', async (_, sub_id, outcome, expected) => {
    const { outcomeOf, revoked } = start()
    const named = JSON.parse(JSON.stringify(sub_id).replace('SELF', origin)) as unknown
    expect(await outcomeOf({ claims: { sub_id: named } })).toBe(outcome)
    expect(revoked).toEqual(expected)
  })

  it('inside of an event counts where there is none beside it', async () => {
    const { outcomeOf, revoked } = start()
    await outcomeOf({ claims: { sub_id: undefined }, event: { subject } })
    expect(revoked).toEqual(byUser)
  })

  const email = { claims: { sub_id: { format: 'email', email: 'mara@contoso.example' } } }

  it.each<[string, () => unknown, unknown, readonly unknown[]]>([
    ['names the user', () => user, 202, byUser],
    ['knows nobody', async () => undefined, 202, []],
    [
      'names a user of an issuer that is not bound',
      () => ({ ...user, issuer: 'https://x.example' }),
      '400 access_denied',
      [],
    ],
    ['throws', () => raise(undefined), 503, []],
    ['rejects', () => Promise.reject(new Error('secret')), 503, []],
    ['answers with something else', () => 'mara', 503, []],
  ])('is found by a function that %s', async (_, findUser, outcome, expected) => {
    const { outcomeOf, revoked } = start({ findUser: findUser as () => undefined })
    expect(await outcomeOf(email)).toBe(outcome)
    expect(revoked).toEqual(expected)
  })
})

describe('the trust in a transmitter', () => {
  it('does not make its tokens acceptable, and no access token an event', async () => {
    const { push } = start({
      transmitter: staticIssuer({
        issuer: genericIssuer,
        jwks: keySet(['generic']),
        audience: genericAudience,
      }),
    })
    const answer = await push(tokenWith({ from: 'generic' }))
    expect(JSON.parse(answer.body)).toMatchObject({ err: 'invalid_request' })
    const validator = createTokenValidator({
      issuer: oidcIssuer({ issuer: origin, metadataUrl: `${origin}/.well-known/ssf-configuration` }),
      audience,
      clock,
    })
    for (const typ of ['secevent+jwt', 'JWT', undefined]) {
      const event = eventWith({ header: { typ }, claims: { exp: now + 60, sub: 'a', scope: 'a' } })
      const error: unknown = await validator.validateToken(event).catch((reason: unknown) => reason)
      expect(isBearerError(error) && error.code).toBe('token_type_mismatch')
    }
  })

  it('is not changed by what an observer throws', async () => {
    const { push, revoked } = start({ onEvent: () => raise(new Error('x')) })
    expect((await push(eventWith())).status).toBe(202)
    expect(revoked).toEqual(byUser)
  })

  it.each<[string, object]>([
    ['transmitter', { transmitter: 'https://idp.example' }],
    ['transmitter', { transmitter: entra({ tenantId, audience }) }],
    [
      'transmitter',
      {
        transmitter: introspectedIssuer({
          issuer: 'https://idp.example',
          introspectionUrl: 'https://idp.example/introspect',
          authentication: { clientId: 'a', clientSecret: 'b' },
          audience,
        }),
      },
    ],
    ['the audience of the stream', { transmitter: oidcIssuer('https://idp.example') }],
    ['revokesFor', { revokesFor: [] }],
    ['revoke', { list: {} }],
    ['authorization', { authorization: '' }],
    ['findUser', { findUser: 'x' }],
    ['onEvent', { onEvent: 'x' }],
    ['unknown option', { streams: [] }],
  ])('is a TypeError that names %s where that is wrong', (name, more) => {
    expect(() => start(more)).toThrow(name)
  })
})

function raise(value: unknown): never {
  throw value
}
