import {
  allOf,
  anyOf,
  authContext,
  authentication,
  condition,
  createTokenValidator,
  entra,
  staticIssuer,
  type Permission,
  type RefusedEvent,
  type TokenValidatorOptions,
} from '@countersign/core'
import {
  apiClientId,
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  requestView,
  startIssuer,
  tenantId,
  tokenWith,
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

/** What a guard answers about a token, and the same permission as the option of a validator, twice in a row. */
async function outcomesOf(permission: Permission, change: TokenChange): Promise<string[]> {
  const token = tokenWith(change)
  const plain = start()
  const guard = await codeOf(async () => plain.checkPermission(await plain.validateToken(token), permission))
  const whole = start({ permission })
  const first = await codeOf(() => whole.validateToken(token))
  const second = await codeOf(() => whole.validateToken(token))
  return [...new Set([guard, first, second])]
}

const yes = condition('yes', () => true)
const no = condition('no', () => false)
const slowYes = condition('slow-yes', async () => true)
const slowNo = condition('slow-no', async () => false)
const broken = condition('broken', () => {
  throw new Error('a secret of the application')
})
const scoped = { delegated: { scopes: 'Files.Read' } }
const lacking = { delegated: { scopes: 'Files.Delete' } }

describe('condition', () => {
  it.each([
    ['true', () => true, 'accepted'],
    ['a promise of true', async () => true, 'accepted'],
    ['false', () => false, 'condition_refused asked'],
    ['a promise of false', async () => false, 'condition_refused asked'],
    ['undefined', () => undefined, 'check_unavailable asked'],
    ['a truthy word', () => 'yes', 'check_unavailable asked'],
    ['a promise of 1', async () => 1, 'check_unavailable asked'],
    ['a function that throws undefined', () => void raise(undefined), 'check_unavailable asked'],
    ['a rejection', () => Promise.reject(new Error('secret')), 'check_unavailable asked'],
  ])('that answers with %s', async (_, allow, outcome) => {
    expect(await outcomesOf(condition('asked', allow as () => boolean), {})).toEqual([outcome])
  })

  it('that never settles is answered with 503 after five seconds', async () => {
    const validator = start()
    const token = await validator.validateToken(tokenWith())
    vi.useFakeTimers()
    try {
      const never = condition('never', () => new Promise<boolean>(() => {}))
      const outcome = codeOf(() => validator.checkPermission(token, never))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await outcome).toBe('check_unavailable never')
    } finally {
      vi.useRealTimers()
    }
  })

  it('gets the token and the request of the framework', async () => {
    const asked: unknown[][] = []
    const permission = condition('asked', (...given) => asked.push(given) > 0)
    const view = { ...requestView({ authorization: [`Bearer ${tokenWith()}`] }), native: { order: 7 } }
    const validator = start({ permission })
    const token = await validator.authenticate(view)
    expect(asked).toEqual([[token, { order: 7 }]])
    await validator.checkPermission(token, permission, 'the request')
    expect(asked[1]).toEqual([token, 'the request'])
  })

  it('gets the request where it is combined, too', async () => {
    const asked: unknown[] = []
    const seen = condition('seen', (_token, request) => asked.push(request) > 0)
    const view = { ...requestView({ authorization: [`Bearer ${tokenWith()}`] }), native: { order: 7 } }
    await start({ permission: allOf([scoped, anyOf([no, seen])]) }).authenticate(view)
    expect(asked).toEqual([{ order: 7 }])
  })

  it.each(caches)('of a validator is asked at every use, with %s', async (_, tokenCache) => {
    let isAllowed = true
    const validator = start({ permission: condition('switch', () => isAllowed), tokenCache })
    expect(await codeOf(() => validator.validateToken(tokenWith()))).toBe('accepted')
    isAllowed = false
    expect(await codeOf(() => validator.validateToken(tokenWith()))).toBe('condition_refused switch')
  })

  it('has its name in the event, and not in the answer', async () => {
    const events: RefusedEvent[] = []
    const validator = start({ permission: no, onRefused: (event) => events.push(event) })
    const refusal = await refusalOf(() => validator.validateToken(tokenWith()))
    expect(refusal?.status).toBe(403)
    expect(refusal?.headers).toEqual({
      'WWW-Authenticate':
        'Bearer error="insufficient_scope", error_description="A condition of this API is not met"',
    })
    expect(JSON.stringify(refusal)).not.toContain('"no"')
    expect(events).toEqual([{ code: 'condition_refused', status: 403, reason: 'no' }])
  })

  it('leaves nothing of what its function throws', async () => {
    const refusal = await refusalOf(() => start({ permission: broken }).validateToken(tokenWith()))
    expect(refusal?.status).toBe(503)
    expect(refusal?.cause).toBeUndefined()
    expect(String(refusal?.stack) + JSON.stringify(refusal)).not.toContain('secret')
  })

  it('is not asked about a token that a check refuses', async () => {
    const allow = vi.fn(() => true)
    const validator = start({ permission: condition('asked', allow) })
    const expired = tokenWith({ claims: { exp: now - 3600 } })
    expect(await codeOf(() => validator.validateToken(expired))).toBe('token_expired')
    expect(allow).not.toHaveBeenCalled()
  })

  it.each(['', 'two words', 'a\n', 'ä', 'x'.repeat(101), 7])('has no name like %j', (name) => {
    expect(() => condition(name as string, () => true)).toThrow(TypeError)
  })

  it('needs a function', () => {
    expect(() => condition('name', true as never)).toThrow('expected a function')
  })
})

describe('combined conditions', () => {
  it.each<[string, Permission, string]>([
    ['all that pass', allOf([scoped, yes]), 'accepted'],
    ['all but the scope', allOf([lacking, yes]), 'scope_insufficient'],
    ['all but the condition', allOf([scoped, no]), 'condition_refused no'],
    ['any, by the scope', anyOf([scoped, no]), 'accepted'],
    ['any, by the condition', anyOf([lacking, yes]), 'accepted'],
    ['none of any', anyOf([lacking, no]), 'condition_refused no'],
    ['all, where one that is slow passes', allOf([slowYes, no]), 'condition_refused no'],
    ['all, where one that is slow fails', allOf([yes, slowNo, yes]), 'condition_refused slow-no'],
    ['all, where slow ones pass', allOf([slowYes, scoped, slowYes]), 'accepted'],
    ['any, where one that is slow fails', anyOf([slowNo, yes]), 'accepted'],
    ['any, where slow ones fail', anyOf([slowNo, lacking, slowNo]), 'condition_refused slow-no'],
    ['any, where one is open', anyOf([broken, no]), 'check_unavailable broken'],
    ['any, where one is open and one passes', anyOf([broken, yes]), 'accepted'],
    ['any, where the last is open', anyOf([no, broken]), 'check_unavailable broken'],
    ['nested ones', anyOf([allOf([scoped, no]), allOf([scoped, anyOf([no, yes])])]), 'accepted'],
    ['nested ones that fail', allOf([scoped, anyOf([no, allOf([yes, no])])]), 'condition_refused no'],
  ])('decide %s', async (_, permission, outcome) => {
    expect(await outcomesOf(permission, {})).toEqual([outcome])
  })

  it('ask the application last, and only where the token leaves it open', async () => {
    const allow = vi.fn(() => true)
    const asked = condition('asked', allow)
    expect(await outcomesOf(allOf([asked, lacking]), {})).toEqual(['scope_insufficient'])
    expect(await outcomesOf(anyOf([asked, scoped]), {})).toEqual(['accepted'])
    expect(allow).not.toHaveBeenCalled()
  })

  it('are not asked by explain about a token whose signature is not valid', async () => {
    const allow = vi.fn(() => true)
    const token = tokenWith()
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`
    const asked = allOf([scoped, condition('asked', allow)])
    const { checks: verdicts } = await start({ permission: asked }).explain(forged, asked)
    expect(verdicts.find(({ check }) => check === 'signature')?.verdict).toBe('failed')
    expect(verdicts.at(-1)).toMatchObject({ check: 'permission', verdict: 'not_reached' })
    expect(allow).not.toHaveBeenCalled()
    const { checks: others } = await start().explain(forged, lacking)
    expect(others.at(-1)).toMatchObject({ check: 'permission', verdict: 'failed' })
  })

  it('name all scopes of allOf to a caller who lacks one', async () => {
    const permission = allOf([scoped, lacking, anyOf([{ delegated: { scopes: 'A' } }, no])])
    const refusal = await refusalOf(() => start({ permission }).validateToken(tokenWith()))
    expect(refusal?.headers['WWW-Authenticate']).toContain('scope="Files.Read Files.Delete A"')
  })

  it('name all scopes of allOf in a challenge', async () => {
    const validator = start({
      permission: allOf([scoped, { delegated: { scopes: ['Files.Write', 'Files.Read'] } }]),
      resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource',
    })
    const refusal = await refusalOf(() => validator.authenticate(requestView({})))
    expect(refusal?.headers['WWW-Authenticate']).toContain('scope="Files.Read Files.Write"')
  })

  it.each([[[]], ['a'], [[{}]], [[null]]])('of %j are a TypeError', (list) => {
    expect(() => allOf(list as never)).toThrow(TypeError)
  })

  it('are listed by explain, with what the token has', async () => {
    const permission = allOf([scoped, anyOf([authContext('c1'), authentication({ acr: 'phr' })]), no])
    const explanation = await start().explain(tokenWith({ claims: { acrs: ['c2'] } }), permission)
    expect(explanation.checks.at(-1)).toEqual({
      check: 'permission',
      verdict: 'failed',
      code: 'auth_context_missing',
      claim: 'acrs',
      setting: 'permission',
      expected:
        '(delegated: scopes Files.Read) and ((authentication context c1) or (acr phr)) and (condition no)',
      found: 'scp "Files.Read Files.Write", acrs ["c2"]',
    })
  })
})

describe('authContext', () => {
  const capable = { xms_cc: ['CP1'] }
  const permission = authContext('c1')

  it.each<[string, TokenChange, string]>([
    ['a list with the context', { claims: { acrs: ['c2', 'c1'] } }, 'accepted'],
    ['the context alone', { claims: { acrs: 'c1' } }, 'accepted'],
    ['another context', { claims: { acrs: ['c11'] } }, 'auth_context_missing'],
    ['the context in other letters', { claims: { acrs: ['C1'] } }, 'auth_context_missing'],
    ['no context, and cp1', { claims: capable }, 'claims_required auth_context'],
    ['no context, and cp1 in a string', { claims: { xms_cc: 'cp1' } }, 'claims_required auth_context'],
    ['no context, and another capability', { claims: { xms_cc: ['cp10'] } }, 'auth_context_missing'],
    [
      'no context, in a v1.0 token with cp1',
      { from: 'v1Delegated', claims: capable },
      'claims_required auth_context',
    ],
    ['an application, whatever it has', { from: 'v2Application', claims: capable }, 'kind_not_allowed'],
    [
      'a token of another issuer',
      { from: 'generic', claims: { ...capable, acrs: ['c1'] } },
      'condition_refused auth_context',
    ],
  ])('meets %s', async (_, change, outcome) => {
    expect(await outcomesOf(permission, change)).toEqual([outcome])
  })

  it('answers cp1 with the documented challenge of the right tenant', async () => {
    const token = await start().validateToken(tokenWith({ claims: capable }))
    const refusal = await refusalOf(() => start().checkPermission(token, permission))
    expect(refusal?.status).toBe(401)
    const claims = Buffer.from('{"access_token":{"acrs":{"essential":true,"value":"c1"}}}').toString('base64')
    expect(refusal?.headers['WWW-Authenticate']).toBe(
      'Bearer error="insufficient_claims", ' +
        'error_description="A new token is needed, with the claims of this challenge", ' +
        `authorization_uri="${issuer.origin}/${tenantId}/oauth2/v2.0/authorize", ` +
        `claims="${claims}", cc_type="authcontext"`,
    )
  })

  it.each(['', 'c0', 'c100', 'C1', 'c1 ', 7])('of %j is a TypeError', (id) => {
    expect(() => authContext(id as string)).toThrow(TypeError)
  })
})

describe('authentication', () => {
  const from = 'generic'

  it.each<[string, TokenChange, string]>([
    ['the first value of acr', { from, claims: { acr: 'phr' } }, 'accepted'],
    ['the second value of acr', { from, claims: { acr: 'phrh' } }, 'accepted'],
    ['another value of acr', { from, claims: { acr: '0' } }, 'authentication_insufficient'],
    ['no acr', { from }, 'authentication_insufficient'],
    ['a list as acr', { from, claims: { acr: ['phr'] } }, 'authentication_insufficient'],
    ['a token of Entra', { claims: { acr: 'phr' } }, 'condition_refused authentication'],
  ])('by acr meets %s', async (_, change, outcome) => {
    expect(await outcomesOf(authentication({ acr: ['phr', 'phrh'] }), change)).toEqual([outcome])
  })

  it.each<[string, unknown, string]>([
    ['the last accepted second', now - 360, 'accepted'],
    ['the first refused second', now - 361, 'authentication_insufficient'],
    ['the last accepted second ahead', now + 60, 'accepted'],
    ['the first refused second ahead', now + 61, 'authentication_insufficient'],
    ['no auth_time', undefined, 'authentication_insufficient'],
    ['a text', String(now), 'authentication_insufficient'],
    ['null', null, 'authentication_insufficient'],
  ])('by age meets %s', async (_, time, outcome) => {
    const change: TokenChange = { from, claims: { auth_time: time } }
    expect(await outcomesOf(authentication({ maxAgeSeconds: 300 }), change)).toEqual([outcome])
  })

  it('is asked for with acr_values and max_age', async () => {
    const permission = authentication({ acr: ['phrh', 'phr'], maxAgeSeconds: 0 })
    const refusal = await refusalOf(() => start({ permission }).validateToken(tokenWith({ from })))
    expect(refusal?.status).toBe(401)
    expect(refusal?.headers['WWW-Authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", ' +
        'error_description="The user must authenticate again, as this challenge says", ' +
        'acr_values="phrh phr", max_age="0"',
    )
  })

  it('beside authContext leaves each issuer its own challenge', async () => {
    const permission = anyOf([authContext('c1'), authentication({ acr: 'phr' })])
    expect(await outcomesOf(permission, { from })).toEqual(['authentication_insufficient'])
    expect(await outcomesOf(permission, { claims: { xms_cc: ['cp1'] } })).toEqual([
      'claims_required auth_context',
    ])
    expect(await outcomesOf(permission, {})).toEqual(['auth_context_missing'])
  })

  it.each([
    {},
    { acr: [] },
    { acr: 'a b' },
    { acr: '"' },
    { maxAgeSeconds: -1 },
    { maxAgeSeconds: 1.5 },
    { x: 1 },
  ])('of %j is a TypeError', (options) => {
    expect(() => authentication(options as never)).toThrow(TypeError)
  })
})

function raise(value: unknown): never {
  throw value
}
