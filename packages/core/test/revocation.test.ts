import {
  BearerError,
  createRevocationList,
  createTokenValidator,
  entra,
  staticIssuer,
  type RevocationListOptions,
  type RevocationStore,
  type Revoked,
  type TokenValidatorOptions,
  type ValidatedToken,
} from '@countersign/core'
import {
  apiClientId,
  clock,
  daemonClientId,
  genericAudience,
  genericClientId,
  genericIssuer,
  genericSubject,
  keySet,
  now,
  requestView,
  startIssuer,
  tenantId,
  tokenWith,
  userClientId,
  userObjectId,
  v1Issuer,
  v2Issuer,
  type Issuer,
  type TokenChange,
} from '@countersign/test-fixtures'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { codeOf, refusalOf } from './refusal-of.js'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.stop())

const caches = [
  ['a cache', {}],
  ['a cache of one', { maxEntries: 1 }],
  ['no cache', false],
] as const

function start(more: Partial<TokenValidatorOptions> = {}) {
  return createTokenValidator({
    issuer: [
      entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
      staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']), audience: genericAudience }),
    ],
    clock,
    ...more,
  })
}

function listWith(more: Partial<RevocationListOptions> = {}) {
  return createRevocationList({ maxTokenLifeSeconds: 7200, clock, ...more })
}

const uti = 'q3Zr0uPbVkS8yT2nMxQeAA'
const blueprint = 'aaaaaaaa-0000-4000-8000-000000000001'
const agent = { xms_act_fct: '11', xms_par_app_azp: blueprint }
const from = 'generic'
/** The fixtures issue their tokens five minutes ago, and Entra backdates by as much. */
const issuedAt = now - 300

describe('a hook', () => {
  it.each<[string, () => unknown, string]>([
    ['false', () => false, 'accepted'],
    ['a promise of false', async () => false, 'accepted'],
    ['true', () => true, 'token_revoked'],
    ['a promise of true', async () => true, 'token_revoked'],
    ['undefined', () => undefined, 'check_unavailable revocation'],
    ['0', () => 0, 'check_unavailable revocation'],
    ['a promise of null', async () => null, 'check_unavailable revocation'],
    ['a throw of undefined', () => raise(undefined), 'check_unavailable revocation'],
    ['a rejection', () => Promise.reject(new Error('secret')), 'check_unavailable revocation'],
  ])('that answers with %s is asked at every use', async (_, answer, outcome) => {
    for (const [, tokenCache] of caches) {
      let isReady = false
      const isRevoked = vi.fn(() => (isReady ? answer() : false) as boolean)
      const validator = start({ revocation: { isRevoked }, tokenCache })
      const token = tokenWith()
      expect(await codeOf(() => validator.validateToken(token))).toBe('accepted')
      isReady = true
      expect(await codeOf(() => validator.validateToken(token))).toBe(outcome)
      expect(isRevoked).toHaveBeenCalledTimes(2)
    }
  })

  it('keeps its own this', async () => {
    class Sessions {
      readonly ended = new Set(['s1'])
      isRevoked({ claims }: { claims: Readonly<Record<string, unknown>> }): boolean {
        return this.ended.has(String(claims['sid']))
      }
    }
    const validator = start({ revocation: new Sessions() })
    expect(await codeOf(() => validator.validateToken(tokenWith({ claims: { sid: 's1' } })))).toBe(
      'token_revoked',
    )
    expect(await codeOf(() => validator.validateToken(tokenWith({ claims: { sid: 's2' } })))).toBe('accepted')
  })

  it('that never settles is answered with 503 after five seconds', async () => {
    const validator = start({ revocation: { isRevoked: () => new Promise<boolean>(() => {}) } })
    await validator.ready()
    vi.useFakeTimers()
    try {
      const outcome = codeOf(() => validator.validateToken(tokenWith({ from })))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await outcome).toBe('check_unavailable revocation')
    } finally {
      vi.useRealTimers()
    }
  })

  it('is not asked about a token that a check refuses, and before the permission', async () => {
    const isRevoked = vi.fn(() => true)
    const validator = start({ revocation: { isRevoked }, permission: { scopes: 'nothing' } })
    const expired = tokenWith({ claims: { exp: now - 3600 } })
    expect(await codeOf(() => validator.validateToken(expired))).toBe('token_expired')
    expect(isRevoked).not.toHaveBeenCalled()
    expect(await codeOf(() => validator.validateToken(tokenWith()))).toBe('token_revoked')
  })

  it('made of a list and a function of its own is asked by that function', async () => {
    const list = listWith()
    const own = {
      ...list,
      isRevoked: (token: ValidatedToken) => token.subject === genericSubject || list.isRevoked(token),
    }
    const validator = start({ revocation: own })
    expect(await codeOf(() => validator.validateToken(tokenWith({ from })))).toBe('token_revoked')
    expect(await codeOf(() => validator.validateToken(tokenWith()))).toBe('accepted')
  })

  it.each([{}, { isRevoked: true }, 'list', [() => false]])('like %j is a TypeError', (revocation) => {
    expect(() => start({ revocation: revocation as never })).toThrow(TypeError)
  })
})

describe('the answer about a revoked token', () => {
  const revocation = { isRevoked: () => true }

  it('is a plain 401', async () => {
    const refusal = await refusalOf(() => start({ revocation }).validateToken(tokenWith()))
    expect(refusal?.headers['WWW-Authenticate']).toBe(
      'Bearer error="invalid_token", error_description="The token is revoked"',
    )
  })

  it('is the nbf challenge for a client that declares cp1, and says why to the operator', async () => {
    const token = tokenWith({ claims: { xms_cc: ['cp1'] } })
    const refusal = await refusalOf(() => start({ revocation }).validateToken(token))
    expect([refusal?.status, refusal?.code, refusal?.reason]).toEqual([401, 'claims_required', 'revoked'])
    const claims = `{"access_token":{"nbf":{"essential":true,"value":"${now}"}}}`
    expect(refusal?.headers['WWW-Authenticate']).toBe(
      'Bearer error="insufficient_claims", ' +
        'error_description="A new token is needed, with the claims of this challenge", ' +
        `authorization_uri="${issuer.origin}/${tenantId}/oauth2/v2.0/authorize", ` +
        `claims="${Buffer.from(claims).toString('base64')}"`,
    )
  })

  it('is a plain 401 for a token of another issuer, whatever it declares', async () => {
    const token = tokenWith({ from, claims: { xms_cc: ['cp1'] } })
    expect(await codeOf(() => start({ revocation }).validateToken(token))).toBe('token_revoked')
  })
})

describe('a list', () => {
  const rows: [string, Revoked, TokenChange, 'token_revoked' | 'accepted'][] = [
    ['a user of Entra', { user: { tenantId, objectId: userObjectId } }, {}, 'token_revoked'],
    [
      'a user of Entra in capitals',
      { user: { tenantId: tenantId.toUpperCase(), objectId: userObjectId.toUpperCase() } },
      { from: 'v1Delegated' },
      'token_revoked',
    ],
    ['another user', { user: { tenantId, objectId: blueprint } }, {}, 'accepted'],
    [
      'a user of another issuer',
      { user: { issuer: genericIssuer, subject: genericSubject } },
      { from },
      'token_revoked',
    ],
    [
      'the same subject elsewhere',
      { user: { issuer: v2Issuer(), subject: genericSubject } },
      { from },
      'accepted',
    ],
    ['a session', { session: 's1', issuer: v2Issuer() }, { claims: { sid: 's1' } }, 'token_revoked'],
    ['another session', { session: 's1', issuer: v2Issuer() }, { claims: { sid: 's2' } }, 'accepted'],
    [
      'a session of another issuer',
      { session: 's1', issuer: v1Issuer() },
      { claims: { sid: 's1' } },
      'accepted',
    ],
    [
      'the session of a user, by a token that names another',
      { session: 's1', issuer: genericIssuer, subject: genericSubject },
      { from, claims: { sid: 's2' } },
      'accepted',
    ],
    [
      'the session of a user, by a token that names none',
      { session: 's1', issuer: genericIssuer, subject: genericSubject },
      { from },
      'token_revoked',
    ],
    [
      'the session of a user, by a later token that names none',
      { session: 's1', issuer: genericIssuer, subject: genericSubject, since: issuedAt - 1 },
      { from },
      'accepted',
    ],
    [
      'the session of another user, by a token that names none',
      { session: 's1', issuer: genericIssuer, subject: 'another' },
      { from },
      'accepted',
    ],
    ['a token by uti', { token: uti, issuer: v2Issuer() }, {}, 'token_revoked'],
    ['a token by uti in other letters', { token: uti.toLowerCase(), issuer: v2Issuer() }, {}, 'accepted'],
    [
      'a token by jti',
      { token: 'b2Zf9QmX4kT1uVwY', issuer: genericIssuer },
      { from: 'rfc9068' },
      'token_revoked',
    ],
    ['jti of Entra', { token: 'j1', issuer: v2Issuer() }, { claims: { jti: 'j1' } }, 'accepted'],
    ['a client', { client: userClientId.toUpperCase() }, {}, 'token_revoked'],
    ['a daemon', { client: daemonClientId }, { from: 'v1Application' }, 'token_revoked'],
    ['a client of another issuer', { client: genericClientId }, { from: 'rfc9068' }, 'token_revoked'],
    ['another client', { client: daemonClientId }, {}, 'accepted'],
    ['an agent blueprint', { agentBlueprint: blueprint }, { claims: agent }, 'token_revoked'],
    ['an agent blueprint that is not of this agent', { agentBlueprint: blueprint }, {}, 'accepted'],
    ['a tenant', { tenant: tenantId.toUpperCase() }, {}, 'token_revoked'],
    ['a tenant that is not of this token', { tenant: tenantId }, { from }, 'accepted'],
    ['an issuer', { allOfIssuer: genericIssuer }, { from }, 'token_revoked'],
    ['another issuer', { allOfIssuer: genericIssuer }, {}, 'accepted'],
  ]

  it.each(rows)('knows %s', async (_, revoked, change, outcome) => {
    for (const [, tokenCache] of caches) {
      const revocation = listWith()
      const validator = start({ revocation, tokenCache })
      const token = tokenWith(change)
      expect(await codeOf(() => validator.validateToken(token))).toBe('accepted')
      await revocation.revoke(revoked)
      expect(await codeOf(() => validator.validateToken(token))).toBe(outcome)
      expect(await codeOf(() => validator.validateToken(token))).toBe(outcome)
    }
  })

  it('answers a hit without waiting', async () => {
    const validator = start({ revocation: listWith() })
    const view = requestView({ authorization: [`Bearer ${tokenWith()}`] })
    await validator.authenticate(view)
    expect(validator.authenticate(view)).not.toBeInstanceOf(Promise)
  })

  it.each<[string, number, TokenChange, string]>([
    ['the second of iat, plus the time by which Entra backdates', issuedAt + 300, {}, 'token_revoked'],
    ['a second before that', issuedAt + 299, {}, 'accepted'],
    ['the second of iat of another issuer', issuedAt, { from }, 'token_revoked'],
    ['a second before iat of another issuer', issuedAt - 1, { from }, 'accepted'],
  ])('compares the moment of a user with %s', async (_, since, change, outcome) => {
    const revocation = listWith()
    const { version } = await start().validateToken(tokenWith(change))
    await revocation.revoke(
      version === undefined
        ? { user: { issuer: genericIssuer, subject: genericSubject }, since }
        : { user: { tenantId, objectId: userObjectId }, since },
    )
    expect(await codeOf(() => start({ revocation }).validateToken(tokenWith(change)))).toBe(outcome)
  })

  it('accepts a token that a client gets after the moment', async () => {
    const revocation = listWith()
    await revocation.revoke({ client: genericClientId, since: issuedAt })
    await revocation.revoke({ tenant: tenantId, since: issuedAt + 300 })
    const validator = start({ revocation })
    const later = { iat: issuedAt + 1 }
    expect(await codeOf(() => validator.validateToken(tokenWith({ from: 'rfc9068', claims: later })))).toBe(
      'accepted',
    )
    expect(await codeOf(() => validator.validateToken(tokenWith({ claims: later })))).toBe('accepted')
    expect(await codeOf(() => validator.validateToken(tokenWith()))).toBe('token_revoked')
  })

  it('keeps the later of two moments of a user', async () => {
    const revocation = listWith()
    const user = { issuer: genericIssuer, subject: genericSubject }
    await revocation.revoke({ user, since: issuedAt })
    await revocation.revoke({ user, since: issuedAt - 100 })
    expect(await codeOf(() => start({ revocation }).validateToken(tokenWith({ from })))).toBe('token_revoked')
  })

  it('refuses a token that could outlive its entry', async () => {
    const validator = start({ revocation: listWith({ maxTokenLifeSeconds: 3900 }) })
    expect(await codeOf(() => validator.validateToken(tokenWith({ from })))).toBe('accepted')
    const longer = tokenWith({ from, claims: { exp: now + 3601 } })
    const refusal = await refusalOf(() => validator.validateToken(longer))
    expect([refusal?.code, refusal?.status, refusal?.claim]).toEqual(['token_life_too_long', 401, 'exp'])
  })

  it('refuses a token that does not tell its life, also while none is revoked', async () => {
    const withoutIat = tokenWith({ from, claims: { iat: undefined } })
    const refusal = await refusalOf(() => start({ revocation: listWith() }).validateToken(withoutIat))
    expect([refusal?.code, refusal?.status, refusal?.claim]).toEqual(['claim_missing', 401, 'iat'])
  })

  it('accepts no token again once the entry that revoked it is dropped', async () => {
    let time = now
    const own = () => time
    const revocation = listWith({ maxTokenLifeSeconds: 3600, clock: own })
    const validator = start({ revocation, clock: own })
    await revocation.revoke({ user: { issuer: genericIssuer, subject: genericSubject } })
    for (const claims of [{ exp: now + 7000, iat: undefined }, { exp: now + 7000 }, { exp: now + 3300 }]) {
      const token = tokenWith({ from, claims })
      for (time = now; time < now + 7000; time += 300) {
        expect(await codeOf(() => validator.validateToken(token))).not.toBe('accepted')
      }
    }
  })

  it('keeps an entry for the longest life of a token and the largest clock tolerance', async () => {
    let time = now
    const revocation = listWith({ maxTokenLifeSeconds: 60, clock: () => time })
    await revocation.revoke({ client: 'c' })
    const token = { ...(await start().validateToken(tokenWith({ from }))), clientId: 'c' }
    const at = (seconds: number) => {
      time = now + seconds
      return revocation.isRevoked({ ...token, issuedAt: time, expiresAt: time + 60 })
    }
    expect(at(659)).toBe(true)
    expect(at(660)).toBe(false)
  })

  it('has room for what no token can be of any more', async () => {
    const revocation = listWith({ maxEntries: 1 })
    await revocation.revoke({ client: 'a' })
    const user = { issuer: genericIssuer, subject: genericSubject }
    await expect(revocation.revoke({ user, since: now - 7800 })).resolves.toBeUndefined()
    await expect(revocation.revoke({ user, since: now - 7799 })).rejects.toThrow('the list is full')
  })

  it('keeps an entry that is made again for the whole time from then on', async () => {
    let time = now
    const revocation = listWith({ maxTokenLifeSeconds: 60, clock: () => time })
    await revocation.revoke({ client: 'c' })
    time = now + 600
    await revocation.revoke({ client: 'c' })
    time = now + 1259
    const token = { ...(await start().validateToken(tokenWith({ from }))), clientId: 'c' }
    expect(revocation.isRevoked({ ...token, issuedAt: time, expiresAt: time + 60 })).toBe(true)
  })

  it('does not widen an entry by an older one that ended', async () => {
    let time = now
    const revocation = listWith({ maxTokenLifeSeconds: 60, clock: () => time })
    await revocation.revoke({ client: 'c' })
    time = now + 660
    await revocation.revoke({ client: 'c', since: time })
    const token = { ...(await start().validateToken(tokenWith({ from }))), clientId: 'c' }
    const issued = (at: number) => revocation.isRevoked({ ...token, issuedAt: at, expiresAt: at + 60 })
    expect([issued(time), issued(time + 1)]).toEqual([true, false])
  })

  it('takes no more than its room, drops nothing for it, and has room again later', async () => {
    let time = now
    const revocation = listWith({ maxEntries: 2, clock: () => time })
    await revocation.revoke({ client: 'a' })
    await revocation.revoke({ client: 'b' })
    await revocation.revoke({ client: 'a' })
    await expect(revocation.revoke({ client: 'c' })).rejects.toThrow('the list is full')
    const token = await start().validateToken(tokenWith({ from }))
    for (const client of ['a', 'b']) {
      expect(revocation.isRevoked({ ...token, clientId: client })).toBe(true)
    }
    time = now + 7200 + 600
    await revocation.revoke({ client: 'c' })
    expect(revocation.isRevoked({ ...token, clientId: 'c', issuedAt: time, expiresAt: time + 60 })).toBe(true)
  })

  it.each([() => Number.NaN, () => raise(new Error('secret')), () => 'now' as never])(
    'is not decided by a clock that fails',
    async (broken) => {
      const revocation = listWith({ clock: broken })
      expect(await codeOf(() => start({ revocation }).validateToken(tokenWith()))).toBe(
        'check_unavailable revocation',
      )
      await expect(revocation.revoke({ client: 'a' })).rejects.toThrow('the clock failed')
    },
  )

  it.each([
    undefined,
    'user',
    {},
    { user: {} },
    { user: 'mara' },
    { user: { tenantId } },
    { user: { tenantId, objectId: userObjectId, subject: 's' } },
    { user: { issuer: genericIssuer, subject: '' } },
    { user: { issuer: genericIssuer, subject: 's' }, since: now * 1000 },
    { user: { issuer: genericIssuer, subject: 's' }, since: Number.NaN },
    { user: { issuer: genericIssuer, subject: 's' }, since: '7' },
    { session: 's' },
    { session: 's', issuer: genericIssuer, since: now },
    { token: 't' },
    { client: 7 },
    { client: 'x'.repeat(2049) },
    { client: 'a', tenant: 'b' },
    { client: 'a', isSince: 7 },
  ])('does not revoke %j', async (what) => {
    await expect(listWith().revoke(what as never)).rejects.toThrow(TypeError)
  })

  it.each([
    {},
    { maxTokenLifeSeconds: 59 },
    { maxTokenLifeSeconds: 3600, maxEntries: 0 },
    { maxTokenLifeSeconds: 3600, refreshSeconds: 0 },
    { maxTokenLifeSeconds: 3600, refreshSeconds: 10, maxStaleSeconds: 5 },
    { maxTokenLifeSeconds: 3600, store: { append() {} } },
    { maxTokenLifeSeconds: 3600, size: 1 },
  ])('is not made of %j', (options) => {
    expect(() => createRevocationList(options as never)).toThrow(TypeError)
  })
})

/** A store as the recipe makes one of Redis, in memory: for what a real one does not do on request. */
class Log implements RevocationStore {
  readonly entries: string[] = []
  reads = 0
  fail: (() => unknown) | undefined

  async append(entry: string): Promise<void> {
    if (this.fail !== undefined) return void (await this.fail())
    this.entries.push(entry)
  }

  async readSince(cursor = '0') {
    this.reads++
    if (this.fail !== undefined) return (await this.fail()) as never
    const entries = this.entries.slice(Number(cursor), Number(cursor) + 2)
    return { entries, cursor: String(Number(cursor) + entries.length) }
  }
}

describe('a shared list', () => {
  const token = tokenWith({ from: 'rfc9068' })

  it('is read before the first token is accepted, part by part', async () => {
    const store = new Log()
    const other = listWith({ store })
    for (const client of ['a', 'b', 'c', genericClientId]) await other.revoke({ client })
    const mine = listWith({ store })
    expect(await codeOf(() => start({ revocation: mine }).validateToken(token))).toBe('token_revoked')
    expect(store.reads).toBe(3)
    mine.close()
  })

  it('answers a hit without waiting, and reads in the background', async () => {
    const store = new Log()
    const mine = listWith({ store, refreshSeconds: 0.1 })
    const validator = start({ revocation: mine })
    const view = requestView({ authorization: [`Bearer ${token}`] })
    await validator.authenticate(view)
    expect(validator.authenticate(view)).not.toBeInstanceOf(Promise)
    await listWith({ store }).revoke({ client: genericClientId })
    await vi.waitFor(() => expect(() => validator.authenticate(view)).toThrow(BearerError), { interval: 10 })
    mine.close()
    const { reads } = store
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(store.reads).toBeLessThanOrEqual(reads + 1)
  })

  it.each<[string, () => unknown]>([
    ['throws', () => raise(new Error('redis://secret'))],
    ['answers with nothing', () => undefined],
    ['answers with entries that are no text, once', numberOnce()],
    ['answers without a cursor', () => ({ entries: [] })],
    ['never comes to an end', () => ({ entries: ['x'], cursor: '1' })],
  ])('is answered with 503 where its store %s, and recovers', async (_, fail) => {
    const store = new Log()
    store.fail = fail
    const mine = listWith({ store, refreshSeconds: 0.1 })
    const validator = start({ revocation: mine })
    const refusal = await refusalOf(() => validator.validateToken(token))
    expect([refusal?.status, refusal?.code, refusal?.reason]).toEqual([
      503,
      'check_unavailable',
      'revocation',
    ])
    expect(String(refusal?.stack) + JSON.stringify(refusal)).not.toContain('secret')
    store.fail = undefined
    await vi.waitFor(async () => expect(await codeOf(() => validator.validateToken(token))).toBe('accepted'))
    mine.close()
  })

  it('is answered with 503 once what was read is too old, and not before', async () => {
    vi.useFakeTimers()
    try {
      const store = new Log()
      const mine = listWith({ store, refreshSeconds: 5, maxStaleSeconds: 30 })
      await mine.ready()
      const validated = await start().validateToken(token)
      store.fail = () => raise(new Error('away'))
      await vi.advanceTimersByTimeAsync(30_000)
      expect(mine.isRevoked(validated)).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      await expect(mine.isRevoked(validated)).rejects.toThrow(BearerError)
      store.fail = undefined
      await vi.advanceTimersByTimeAsync(5000)
      expect(mine.isRevoked(validated)).toBe(false)
      mine.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that hangs holds a request for five seconds, and later requests not at all', async () => {
    vi.useFakeTimers()
    try {
      const store = new Log()
      store.fail = () => new Promise(() => {})
      const mine = listWith({ store })
      const validated = await start().validateToken(token)
      const first = codeOf(() => mine.isRevoked(validated))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await first).toBe('check_unavailable revocation')
      expect(await codeOf(() => mine.isRevoked(validated))).toBe('check_unavailable revocation')
      expect(store.reads).toBe(1)
      mine.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('revokes in its own process and says so where the store does not take the entry', async () => {
    const store = new Log()
    const mine = listWith({ store })
    await mine.ready()
    store.fail = () => raise(new Error('redis://secret'))
    await expect(mine.revoke({ client: genericClientId })).rejects.toThrow(
      'the shared store did not take the entry; it holds in this process alone',
    )
    expect(mine.isRevoked(await start().validateToken(token))).toBe(true)
    mine.close()
  })

  it('has every entry kept as long as any, so that a store may trim by age', async () => {
    const kept: number[] = []
    const store = new Log()
    const append = async (entry: string, seconds: number) => {
      kept.push(seconds)
      await store.append(entry)
    }
    const mine = listWith({ store: { append, readSince: (cursor) => store.readSince(cursor) } })
    const user = { issuer: genericIssuer, subject: genericSubject }
    for (const since of [now + 600, now, now - 7000]) await mine.revoke({ user, since })
    await mine.revoke({ client: 'a' })
    expect(kept).toEqual([8400, 8400, 8400, 8400])
    mine.close()
  })

  it('holds a request for five seconds, however many parts a slow store has', async () => {
    vi.useFakeTimers()
    try {
      const store = new Log()
      store.fail = async () => {
        await new Promise((resolve) => setTimeout(resolve, 3000))
        return { entries: ['x'], cursor: '1' }
      }
      const mine = listWith({ store })
      const validated = await start().validateToken(token)
      const outcome = codeOf(() => mine.isRevoked(validated))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await Promise.race([outcome, Promise.resolve('waits')])).toBe('check_unavailable revocation')
      mine.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('reads a store that holds more than it has room for without counting its entries each time', async () => {
    const store = {
      append: async () => {},
      readSince: async (cursor?: string) => ({
        entries:
          cursor === undefined
            ? Array.from({ length: 60_000 }, (_, id) => `[1,"client","c${id}",null,${now + 7000}]`)
            : [],
        cursor: '1',
      }),
    }
    const mine = listWith({ store, maxEntries: 30_000 })
    const startedAt = performance.now()
    await mine.ready()
    expect(performance.now() - startedAt).toBeLessThan(5000)
    mine.close()
  })

  it('reads whatever another instance may write', async () => {
    const store = new Log()
    const long = '\u0001'.repeat(2048)
    await listWith({ store }).revoke({ user: { issuer: long, subject: long } })
    const mine = listWith({ store })
    const validated = await start().validateToken(token)
    await mine.ready()
    expect(mine.isRevoked({ ...validated, issuer: long, subject: long })).toBe(true)
    mine.close()
  })

  it('refuses everything while an entry of the store has no room', async () => {
    const store = new Log()
    const other = listWith({ store })
    await other.revoke({ client: 'a' })
    await other.revoke({ client: genericClientId })
    const mine = listWith({ store, maxEntries: 1 })
    expect(await codeOf(() => start({ revocation: mine }).validateToken(token))).toBe(
      'check_unavailable revocation',
    )
    mine.close()
  })

  it('reads an entry again after the clock failed', async () => {
    const store = new Log()
    await listWith({ store }).revoke({ client: 'another' })
    await listWith({ store }).revoke({ client: genericClientId })
    let time = Number.NaN
    const mine = listWith({ store, clock: () => time })
    await expect(mine.ready()).rejects.toThrow('could not be read')
    time = now
    await mine.ready()
    const validated = await start().validateToken(token)
    expect(mine.isRevoked(validated)).toBe(true)
    expect(mine.isRevoked({ ...validated, clientId: 'a' })).toBe(false)
    mine.close()
  })

  it('ignores what this version did not write, and keeps the rest', async () => {
    const store = new Log()
    const id = JSON.stringify(genericClientId)
    store.entries.push(
      '',
      '{}',
      '[]',
      `[2,"client",${id},null,9e9]`,
      `[1,"x",${id},null,9e9]`,
      `[1,"client",[${id}],null,9e9]`,
      `[1,"client",${id},"9e9",9e9]`,
      `[1,"client",${id},null,"9e9"]`,
      `[1,"client",${id},null,9e9,0]`,
      '['.repeat(10_000),
    )
    const mine = listWith({ store })
    expect(await codeOf(() => start({ revocation: mine }).validateToken(token))).toBe('accepted')
    await listWith({ store }).revoke({ client: genericClientId })
    const next = listWith({ store })
    expect(await codeOf(() => start({ revocation: next }).validateToken(token))).toBe('token_revoked')
    mine.close()
    next.close()
  })

  it('counts its age from the beginning of a read', async () => {
    vi.useFakeTimers()
    try {
      const store = new Log()
      store.fail = async () => {
        await new Promise((resolve) => setTimeout(resolve, 4000))
        return { entries: [], cursor: '0' }
      }
      const mine = listWith({ store, refreshSeconds: 5, maxStaleSeconds: 5 })
      const ready = mine.ready()
      await vi.advanceTimersByTimeAsync(4000)
      await ready
      const validated = await start().validateToken(token)
      await vi.advanceTimersByTimeAsync(1000)
      expect(mine.isRevoked(validated)).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      expect(mine.isRevoked(validated)).toBeInstanceOf(Promise)
      mine.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that is closed during a read reads no more', async () => {
    vi.useFakeTimers()
    try {
      const store = new Log()
      const mine = listWith({ store })
      const ready = mine.ready()
      mine.close()
      await ready
      await vi.advanceTimersByTimeAsync(60_000)
      expect(store.reads).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })
})

function numberOnce(): () => unknown {
  let isFirst = true
  return () => {
    const entries = isFirst ? [7] : []
    isFirst = false
    return { entries, cursor: '1' }
  }
}

function raise(value: unknown): never {
  throw value
}
