import {
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  now,
  requestView,
  tokenWith,
} from '@countersign/test-fixtures'
import {
  authorizationHeader,
  BearerError,
  createTokenValidator,
  fromCookie,
  fromHeader,
  fromQuery,
  fromWebSocketProtocol,
  staticIssuer,
  type TokenSource,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'

const good = tokenWith({ from: 'generic' })
const expired = tokenWith({ from: 'generic', claims: { exp: now - 1000 } })

function validatorFrom(tokenFrom: TokenSource | TokenSource[]) {
  return createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    clock,
    tokenFrom,
  })
}

type Request = Parameters<typeof requestView>

async function outcomeOf(tokenFrom: TokenSource | TokenSource[], ...request: Request): Promise<string> {
  try {
    await validatorFrom(tokenFrom).authenticate(requestView(...request))
    return 'accepted'
  } catch (error) {
    if (error instanceof BearerError) return error.code
    throw error
  }
}

describe('a header without a scheme', () => {
  const source = fromHeader('X-Goog-IAP-JWT-Assertion')
  const name = 'x-goog-iap-jwt-assertion'

  it.each<[string, Request[0], string]>([
    ['the token', { [name]: [good] }, 'accepted'],
    ['an expired token', { [name]: [expired] }, 'token_expired'],
    ['two values', { [name]: [good, good] }, 'authorization_repeated'],
    ['nothing', { [name]: [''] }, 'authorization_malformed'],
    ['a scheme before the token', { [name]: [`Bearer ${good}`] }, 'authorization_malformed'],
    ['the token in another place', { authorization: [`Bearer ${good}`] }, 'credentials_missing'],
  ])('with %s', async (_, headers, outcome) => {
    expect(await outcomeOf(source, headers)).toBe(outcome)
  })
})

describe('a cookie', () => {
  const source = fromCookie('__session', { allowedOrigins: 'https://app.example' })
  const cookie = [`theme=dark; __session=${good}; x__session=1`]
  const origin = ['https://app.example']
  const evil = ['https://evil.example']

  it.each<[string, Request, string]>([
    ['is read among others', [{ cookie }], 'accepted'],
    ['is read of a page that is allowed', [{ cookie, origin }, { method: 'POST' }], 'accepted'],
    ['of another page is refused', [{ cookie, origin: evil }, { method: 'POST' }], 'origin_not_allowed'],
    ['of another page is refused for GET too', [{ cookie, origin: evil }], 'origin_not_allowed'],
    ['of a page without an address is refused', [{ cookie, origin: ['null'] }], 'origin_not_allowed'],
    ['of two origins is refused', [{ cookie, origin: [...origin, ...evil] }], 'origin_not_allowed'],
    ['without an origin changes nothing', [{ cookie }, { method: 'POST' }], 'origin_not_allowed'],
    ['without an origin deletes nothing', [{ cookie }, { method: 'DELETE' }], 'origin_not_allowed'],
    ['without an origin is read for HEAD', [{ cookie }, { method: 'HEAD' }], 'accepted'],
    ['without an origin opens no WebSocket', [{ cookie, upgrade: ['websocket'] }], 'origin_not_allowed'],
    ['of an allowed origin opens a WebSocket', [{ cookie, origin, upgrade: ['websocket'] }], 'accepted'],
    [
      'that comes twice is refused',
      [{ cookie: [`__session=${good}`, `__session=${good}`] }],
      'authorization_repeated',
    ],
    ['of another name is not read', [{ cookie: [`session=${good}`] }], 'credentials_missing'],
    ['of other letters is not read', [{ cookie: [`__SESSION=${good}`] }], 'credentials_missing'],
  ])('%s', async (_, request, outcome) => {
    expect(await outcomeOf(source, ...request)).toBe(outcome)
  })

  it('of another page is refused with 403 and without an error code of OAuth', () => {
    const attempt = () => validatorFrom(source).authenticate(requestView({ cookie, origin: evil }))
    expect(attempt).toThrow(
      expect.objectContaining({ status: 403, headers: { 'WWW-Authenticate': 'Bearer' } }) as Error,
    )
  })
})

describe('a parameter of the query', () => {
  const source = fromQuery('access_token')

  it.each<[string, string, string]>([
    ['is read', `/events?access_token=${good}`, 'accepted'],
    ['is read among others', `/events?a=1&access_token=${good}&b=2`, 'accepted'],
    [
      'that comes twice is refused',
      `/events?access_token=${good}&access_token=${good}`,
      'authorization_repeated',
    ],
    ['that is empty is refused', '/events?access_token=', 'authorization_malformed'],
    ['in the path is not read', `/access_token=${good}`, 'credentials_missing'],
  ])('%s', async (_, url, outcome) => {
    expect(await outcomeOf(source, {}, { url })).toBe(outcome)
  })

  it('keeps every answer out of caches, also the refusal', () => {
    const { authenticate, responseHeaders } = validatorFrom(source)
    const view = requestView({}, { url: `/events?access_token=${expired}` })
    expect(responseHeaders(view)).toEqual({ 'Cache-Control': 'no-store' })
    expect(() => authenticate(view)).toThrow(
      expect.objectContaining({
        headers: { 'Cache-Control': 'no-store', 'WWW-Authenticate': expect.any(String) as string },
      }) as Error,
    )
    expect(responseHeaders(requestView({}, { url: '/events' }))).toBeUndefined()
  })
})

describe('a WebSocket protocol', () => {
  const source = fromWebSocketProtocol('bearer.')
  const offering = (...values: string[]): Request => [{ 'sec-websocket-protocol': values }]

  it.each<[string, Request, string]>([
    ['is read among others', offering(`chat, bearer.${good}`), 'accepted'],
    ['is read of several headers', offering('chat', `bearer.${good}`), 'accepted'],
    ['that comes twice is refused', offering(`bearer.${good},bearer.${good}`), 'authorization_repeated'],
    ['with another prefix is not read', offering(`token.${good}`), 'credentials_missing'],
    ['of the prefix alone is refused', offering('bearer.'), 'authorization_malformed'],
  ])('%s', async (_, request, outcome) => {
    expect(await outcomeOf(source, ...request)).toBe(outcome)
  })
})

describe('several sources', () => {
  const sources = [
    authorizationHeader(),
    fromCookie('t', { allowedOrigins: 'https://app.example' }),
    fromQuery('t'),
  ]
  const authorization = [`Bearer ${good}`]

  it.each<[string, Request, string]>([
    ['the header', [{ authorization }], 'accepted'],
    ['the cookie', [{ cookie: [`t=${good}`] }], 'accepted'],
    ['the query', [{}, { url: `/?t=${good}` }], 'accepted'],
    ['none', [{}], 'credentials_missing'],
    ['header and cookie', [{ authorization, cookie: [`t=${good}`] }], 'authorization_repeated'],
    ['header and query', [{ authorization }, { url: `/?t=${good}` }], 'authorization_repeated'],
    [
      'a header of another scheme and a cookie',
      [{ authorization: ['Basic x'], cookie: [`t=${good}`] }],
      'authorization_repeated',
    ],
  ])('with %s used', async (_, request, outcome) => {
    expect(await outcomeOf(sources, ...request)).toBe(outcome)
  })

  it('say whether a request carries something in place of a token', () => {
    const { hasCredentials } = validatorFrom(sources)
    expect(hasCredentials(requestView({}))).toBe(false)
    expect(hasCredentials(requestView({ authorization: ['Basic x'] }))).toBe(true)
    expect(hasCredentials(requestView({}, { url: '/?t=' }))).toBe(true)
  })
})

describe('a set-up mistake of a source', () => {
  it.each<[string, () => unknown, string]>([
    ['a cookie without origins', () => fromCookie('t', {} as never), '"allowedOrigins"'],
    ['a cookie without options', () => fromCookie('t', undefined as never), '"allowedOrigins"'],
    [
      'a cookie for every origin',
      () => fromCookie('t', { allowedOrigins: '*' }),
      '"allowedOrigins" must hold origins',
    ],
    [
      'an origin with a path',
      () => fromCookie('t', { allowedOrigins: 'https://a.example/' }),
      'must hold origins',
    ],
    ['a header with a space', () => fromHeader('x y'), '"name"'],
    ['the header that has a scheme', () => fromHeader('Authorization'), 'authorizationHeader'],
    ['a parameter without a name', () => fromQuery(''), '"name"'],
    ['a prefix with a comma', () => fromWebSocketProtocol('a,'), '"name"'],
    [
      'a source of the application’s own making',
      () => validatorFrom({ read: () => good } as never),
      '"tokenFrom" must be made by',
    ],
    ['no source', () => validatorFrom([]), '"tokenFrom" must be made by'],
  ])('%s is a TypeError', (_, make, words) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(words)
  })
})
