import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  createBench,
  nativeAppId,
  objectId,
  otherTenantId,
  refusalOf,
  target,
  tenantId,
  textOf,
  userToken,
} from './setup.js'
import { refusal } from './token-endpoint.js'

const owner = { tenantId, objectId, clientId: nativeAppId }

describe('a session', () => {
  it.each(['1.0', '2.0'] as const)(
    'continues after the user token has expired, with the newest refresh token, on %s',
    async (version) => {
      const { client, endpoint, clock } = await createBench(version)
      const session = await client.startSession(userToken(), target)
      expect(await session.acquire()).toMatchObject({ source: 'cache' })
      clock.now += 3600
      expect(await refusalOf(client.acquireOnBehalfOf(userToken(), target))).toMatchObject({
        code: 'user_token_expired',
      })
      expect(textOf(await session.acquire())).toBe('access-2')
      clock.now += 3600
      expect(textOf(await session.acquire())).toBe('access-3')
      const asked =
        version === '1.0'
          ? { resource: target.resource }
          : { scope: 'api://second-tier/.default offline_access' }
      expect(endpoint.requests.map(({ form }) => form)).toMatchObject([
        { requested_token_use: 'on_behalf_of', ...asked },
        { grant_type: 'refresh_token', refresh_token: 'refresh-1', ...asked },
        { grant_type: 'refresh_token', refresh_token: 'refresh-2', ...asked },
      ])
    },
  )

  it('reuses its refresh token when the service sends no new one', async () => {
    const { client, endpoint, clock } = await createBench()
    const session = await client.startSession(userToken(), target)
    endpoint.answer = (request) => endpoint.grant(request, { refresh_token: undefined })
    for (const _ of [1, 2]) {
      clock.now += 3600
      await session.acquire()
    }
    expect(endpoint.requests.map(({ form }) => form.refresh_token)).toEqual([
      undefined,
      'refresh-1',
      'refresh-1',
    ])
  })

  it('acquires for another target with the same refresh token, one request at a time', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    await Promise.all(['a', 'b', 'a'].map((resource) => session.acquire({ resource })))
    expect(endpoint.requests.slice(1).map(({ form }) => [form.scope, form.refresh_token])).toEqual([
      ['a/.default offline_access', 'refresh-1'],
      ['b/.default offline_access', 'refresh-2'],
    ])
  })

  it('has a key of 256 random bits that nothing prints', async () => {
    const { client } = await createBench()
    const session = await client.startSession(userToken(), target)
    expect(Buffer.from(session.key, 'base64url')).toHaveLength(32)
    expect(inspect(session, { showHidden: true, depth: 9 }) + JSON.stringify(session)).not.toContain(
      session.key,
    )
    expect((await client.startSession(userToken(), target)).key).not.toBe(session.key)
  })

  it('is found again by its key, for its owner as a plain value or a validated token', async () => {
    const { client } = await createBench()
    const { key } = await client.startSession(userToken(), target)
    const validated = { ...owner, kind: 'delegated', issuer: 'i', token: 't' } as const
    for (const who of [owner, { ...owner, tenantId: tenantId.toUpperCase() }, validated]) {
      expect(await (await client.resumeSession(key, who)).acquire()).toMatchObject({ source: 'cache' })
    }
  })

  it.each([
    ['tenant', { ...owner, tenantId: otherTenantId }],
    ['user', { ...owner, objectId: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' }],
    ['client', { ...owner, clientId: otherTenantId }],
  ])('is not found for another %s', async (_name, other) => {
    const { client, endpoint } = await createBench()
    const { key } = await client.startSession(userToken(), target)
    expect(await refusalOf(client.resumeSession(key, other))).toMatchObject({ code: 'session_unknown' })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('is not found by another key, and the error is the same as for another owner', async () => {
    const { client } = await createBench()
    const { key } = await client.startSession(userToken(), target)
    const other = await refusalOf(client.resumeSession(key, { ...owner, tenantId: otherTenantId }))
    const wrongKey = await refusalOf(client.resumeSession(`${key.slice(0, -1)}_`, owner))
    expect(Object.entries(wrongKey)).toEqual(Object.entries(other))
    expect(wrongKey.message).toBe(other.message)
  })

  it('cannot be resumed for an incomplete owner', async () => {
    const { client } = await createBench()
    const { key } = await client.startSession(userToken(), target)
    await expect(client.resumeSession(key, { ...owner, clientId: '' })).rejects.toThrow(TypeError)
  })

  it.each([
    ['the refresh token has expired', refusal('invalid_grant', 700082)],
    ['the service refuses it without saying why', refusal('invalid_grant', 999999)],
  ])(
    'needs its user when %s, sends nothing more, and continues with a new user token',
    async (_name, answer) => {
      const { client, endpoint, clock } = await createBench()
      const session = await client.startSession(userToken(), target)
      clock.now += 3600
      endpoint.answer = () => answer
      expect(await refusalOf(session.acquire())).toMatchObject({
        code: 'session_needs_user',
        action: 'interact',
        service: { error: 'invalid_grant' },
      })
      expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_needs_user' })
      expect(endpoint.requests).toHaveLength(2)
      endpoint.answer = (request) => endpoint.grant(request)
      await session.renew(userToken({ exp: clock.now + 3600 }))
      expect(await session.acquire()).toMatchObject({ source: 'cache' })
      clock.now += 3600
      expect(await session.acquire()).toMatchObject({ source: 'network' })
    },
  )

  it('ends for a disabled user', async () => {
    const { client, endpoint, clock } = await createBench()
    const session = await client.startSession(userToken(), target)
    clock.now += 3600
    endpoint.answer = () => refusal('invalid_grant', 50057)
    expect(await refusalOf(session.acquire())).toMatchObject({
      code: 'user_disabled',
      action: 'user-disabled',
    })
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_needs_user' })
    expect(endpoint.requests).toHaveLength(2)
  })

  it('continues after a target without consent was refused', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    endpoint.answer = () => refusal('invalid_grant', 65001, { suberror: 'consent_required' })
    expect(await refusalOf(session.acquire({ resource: 'api://other' }))).toMatchObject({ action: 'consent' })
    expect(await session.acquire()).toMatchObject({ source: 'cache' })
  })

  it('continues after an outage', async () => {
    const { client, endpoint, clock } = await createBench()
    const session = await client.startSession(userToken(), target)
    clock.now += 3600
    endpoint.answer = () => ({ status: 503, body: 'down' })
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'service_unavailable', action: 'retry' })
    endpoint.answer = (request) => endpoint.grant(request)
    expect(await session.acquire()).toMatchObject({ source: 'network' })
  })

  it('is not renewed with the token of another user, or of the same user through another client', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    for (const other of [{ oid: 'bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee' }, { azp: otherTenantId }]) {
      expect(await refusalOf(session.renew(userToken(other)))).toMatchObject({ code: 'session_unknown' })
    }
    expect(endpoint.requests).toHaveLength(1)
  })

  it('is not found after its end', async () => {
    const { client, endpoint } = await createBench()
    const session = await client.startSession(userToken(), target)
    await session.end()
    for (const call of [
      session.acquire(),
      session.renew(userToken()),
      client.resumeSession(session.key, owner),
    ]) {
      expect(await refusalOf(call)).toMatchObject({ code: 'session_unknown' })
    }
    expect(endpoint.requests).toHaveLength(1)
  })

  it('stays ended when a renewal was under way', async () => {
    const { client, endpoint, clock } = await createBench()
    const session = await client.startSession(userToken(), target)
    clock.now += 3600
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    endpoint.answer = async (request) => (await held, endpoint.grant(request))
    const underWay = session.acquire()
    await expect.poll(() => endpoint.requests.length).toBe(2)
    await session.end()
    release()
    expect(await refusalOf(underWay)).toMatchObject({ code: 'session_unknown' })
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it('is not started when the service issues no refresh token', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = (request) => endpoint.grant(request, { refresh_token: undefined })
    expect(await refusalOf(client.startSession(userToken(), target))).toMatchObject({
      code: 'session_not_renewable',
      action: 'fix-configuration',
    })
  })

  it('ends after idleSeconds without use, and not one second earlier', async () => {
    const { client, clock } = await createBench('2.0', { sessions: { idleSeconds: 100 } })
    const session = await client.startSession(userToken(), target)
    clock.now += 99
    await session.acquire()
    clock.now += 99
    await session.acquire()
    clock.now += 100
    expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
  })

  it('ends when it is the longest idle one past maxSessions', async () => {
    const { client } = await createBench('2.0', { sessions: { maxSessions: 2 } })
    const [first, second] = [
      await client.startSession(userToken(), target),
      await client.startSession(userToken(), target),
    ]
    await first.acquire()
    const third = await client.startSession(userToken(), target)
    expect(await refusalOf(second.acquire())).toMatchObject({ code: 'session_unknown' })
    await first.acquire()
    await third.acquire()
  })

  it('ends when its user starts more than there is room for, before any session of others does', async () => {
    const { client } = await createBench('2.0', { sessions: { maxSessions: 3 } })
    const others = [
      await client.startSession(userToken({ oid: 'user 1' }), target),
      await client.startSession(userToken({ oid: 'user 2' }), target),
    ]
    const own = [await client.startSession(userToken({ oid: 'user 3' }), target)]
    for (let count = 0; count < 5; count++) {
      own.push(await client.startSession(userToken({ oid: 'user 3' }), target))
    }
    for (const session of [...others, own.at(-1)!]) {
      expect(await session.acquire()).toMatchObject({ source: 'cache' })
    }
    for (const session of own.slice(0, -1)) {
      expect(await refusalOf(session.acquire())).toMatchObject({ code: 'session_unknown' })
    }
  })

  it("ends as the longest idle one of its user's, by last use", async () => {
    const { client } = await createBench('2.0', { sessions: { maxSessions: 2 } })
    const first = await client.startSession(userToken(), target)
    const second = await client.startSession(userToken(), target)
    await first.acquire()
    await client.startSession(userToken(), target)
    expect(await refusalOf(second.acquire())).toMatchObject({ code: 'session_unknown' })
    expect(await first.acquire()).toMatchObject({ source: 'cache' })
  })
})
