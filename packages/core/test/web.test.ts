import {
  acceptedRequests,
  authorizationValues,
  refusedRequests,
  setupOptions,
  startIssuer,
  tokenWith,
  userSubject,
  type Issuer,
} from '@countersign/test-fixtures'
import {
  createFetchAuth,
  createTokenValidator,
  entra,
  entraMultiTenant,
  fromQuery,
  oidcIssuer,
  refusals,
  type FetchAuth,
  type FetchAuthOptions,
  type RefusalCode,
  type TokenValidator,
  type ValidatedToken,
} from '@countersign/core'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'

let issuer: Issuer
let options: FetchAuthOptions & { allowAnonymous?: false }
beforeAll(async () => {
  issuer = await startIssuer()
  options = setupOptions({ entra, entraMultiTenant, oidcIssuer }, { setup: 'entra' }, issuer)
})
afterAll(() => issuer.stop())

const address = 'https://files.example/'
const reading = { delegated: { scopes: 'Files.Read' } }

function requestWith(authorization: readonly string[] = [`Bearer ${tokenWith()}`]): Request {
  const request = new Request(address)
  for (const value of authorization) request.headers.append('Authorization', value)
  return request
}

describe('authenticate', () => {
  // Several headers are one value to `Request`: of the first one's scheme, and not of one token.
  function codeOf(row: (typeof refusedRequests)[number]): RefusalCode {
    if (row.code !== 'authorization_repeated') return row.code as RefusalCode
    return authorizationValues(row.make())[0]?.startsWith('Bearer ') === true
      ? 'authorization_malformed'
      : 'scheme_unsupported'
  }

  it.each(refusedRequests)('refuses $name with $code', async (row) => {
    const made = setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer)
    let fetchAuth = createFetchAuth(made) as FetchAuth
    if (row.permission !== undefined) fetchAuth = fetchAuth.requirePermission(row.permission)
    const { auth, refusal } = await fetchAuth.authenticate(requestWith(authorizationValues(row.make())))
    expect(auth).toBeUndefined()
    const { status, error, phrase } = refusals[codeOf(row)]
    expect(refusal?.status).toBe(status)
    const members = [
      ...(error === undefined ? [] : [`error="${error}"`, `error_description="${phrase}"`]),
      ...(row.scope === undefined ? [] : [`scope="${row.scope}"`]),
    ]
    expect(refusal?.headers.get('www-authenticate')).toBe(
      members.length === 0 ? 'Bearer' : `Bearer ${members.join(', ')}`,
    )
    expect(refusal?.headers.get('content-type')).toBe('application/json')
    expect(await refusal?.json()).toEqual({ ...(error && { error }), error_description: phrase })
  })

  it.each(acceptedRequests)('accepts $name', async (row) => {
    const made = setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer)
    const { auth, refusal } = await createFetchAuth(made).authenticate(
      requestWith(authorizationValues(row.make())),
    )
    expect(refusal).toBeUndefined()
    expect(auth).toMatchObject(row.auth)
  })

  it('answers 503 with Retry-After and no challenge while the issuer is unavailable', async () => {
    await using broken = await startIssuer()
    broken.fail({ status: 500 })
    const made = setupOptions({ entra, entraMultiTenant, oidcIssuer }, { setup: 'entra' }, broken)
    const { refusal } = await createFetchAuth(made).authenticate(requestWith())
    expect(refusal?.status).toBe(503)
    expect(refusal?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(refusal?.headers.get('www-authenticate')).toBeNull()
  })

  it('rejects with an error that is not a refusal, and makes no answer of it', async () => {
    const validator: TokenValidator = {
      ...createTokenValidator(options as Parameters<typeof createTokenValidator>[0]),
      authenticate() {
        throw new Error('This validator is broken')
      },
    }
    const { authenticate } = createFetchAuth({ validator })
    await expect(authenticate(requestWith())).rejects.toThrow('This validator is broken')
  })
})

describe('anonymous callers', () => {
  it('are null where they are allowed, and still refused by a permission', async () => {
    const fetchAuth = createFetchAuth({ ...options, allowAnonymous: true })
    expect(await fetchAuth.authenticate(requestWith([]))).toEqual({ auth: null, refusal: undefined })
    expect((await fetchAuth.authenticate(requestWith(['Bearer x']))).refusal?.status).toBe(401)
    const guarded = await fetchAuth.requirePermission(reading).authenticate(requestWith([]))
    expect(guarded.refusal?.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('are null in the type, unless a permission is required', () => {
    const fetchAuth = createFetchAuth({ ...options, allowAnonymous: true })
    fetchAuth.protect((_request, auth) => {
      expectTypeOf(auth).toEqualTypeOf<ValidatedToken | null>()
      return new Response()
    })
    fetchAuth.requirePermission(reading).protect((_request, auth) => {
      expectTypeOf(auth).toEqualTypeOf<ValidatedToken>()
      return new Response()
    })
  })
})

describe('protect', () => {
  it('passes the handler the token, and all further arguments', async () => {
    const { protect } = createFetchAuth(options)
    const handler = protect((request, auth, context: { params: { id: string } }) =>
      Response.json([request.url, auth.subject, context.params.id]),
    )
    const answer = await handler(requestWith(), { params: { id: '7' } })
    expect(await answer.json()).toEqual([address, userSubject, '7'])
  })

  it('does not run the handler for a request that is refused', async () => {
    let runs = 0
    const fetchAuth = createFetchAuth(options)
    const handle = (): Response => Response.json(++runs)
    expect((await fetchAuth.protect(handle)(requestWith([]))).status).toBe(401)
    const forbidden = fetchAuth.requirePermission({ delegated: { scopes: 'Files.Delete' } }).protect(handle)
    expect((await forbidden(requestWith())).status).toBe(403)
    expect(runs).toBe(0)
  })

  it('does not change a handler’s own error, not even a refusal of another token', async () => {
    const crash = new Error('The handler crashed')
    const handler = createFetchAuth(options).protect(() => Promise.reject(crash))
    await expect(handler(requestWith())).rejects.toBe(crash)
  })
})

describe('the types', () => {
  it('give no token before a check for a refusal', async () => {
    const outcome = await createFetchAuth(options).authenticate(requestWith())
    // @ts-expect-error It may be undefined.
    expect(outcome.auth.subject).toBe(userSubject)
    if (outcome.refusal === undefined) expectTypeOf(outcome.auth).toEqualTypeOf<ValidatedToken>()
    else expectTypeOf(outcome.refusal).toEqualTypeOf<Response>()
  })
})

describe('setting up', () => {
  it('throws a TypeError that names an unknown option', () => {
    expect(() => createFetchAuth(Object.assign({ audiences: ['x'] }, options))).toThrow(/"audiences"/)
  })

  it('throws a TypeError for a permission that demands nothing', () => {
    expect(() => createFetchAuth(options).requirePermission({ delegated: {} })).toThrow(TypeError)
  })
})

describe('a token in the query', () => {
  const streamed = (path: string): Request => new Request(`${address}${path}`)

  it('makes every answer no-store: of the handler, of a guard and of the authentication', async () => {
    const auth = createFetchAuth({ ...options, tokenFrom: fromQuery('t') } as FetchAuthOptions) as FetchAuth
    const token = tokenWith()
    const answers = [
      await auth.protect(() => new Response('ok'))(streamed(`?t=${token}`)),
      await auth.requirePermission({ delegated: { scopes: 'Other' } }).protect(() => new Response('ok'))(
        streamed(`?t=${token}`),
      ),
      await auth.protect(() => new Response('ok'))(streamed('?t=nonsense')),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 401])
    for (const { headers } of answers) expect(headers.get('cache-control')).toBe('no-store')
  })

  it('leaves a network error of the handler as it is', async () => {
    const auth = createFetchAuth({ ...options, tokenFrom: fromQuery('t') } as FetchAuthOptions) as FetchAuth
    const broken = Response.error()
    expect(await auth.protect(() => broken)(streamed(`?t=${tokenWith()}`))).toBe(broken)
  })
})
