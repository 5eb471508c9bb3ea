import {
  clock,
  genericAudience,
  genericIssuer,
  keySet,
  tokenWith,
  rawHeadersRequest,
} from '@countersign/test-fixtures'
import { BearerError, createTokenValidator, staticIssuer, type TokenValidator } from '@countersign/core'
import { createBearerAuth, createGuard, isBearerError, viewNodeRequest } from '@countersign/core/adapter'
import { describe, expect, it } from 'vitest'
import { waitForKeys } from '../src/adapter.js'

const validator = createTokenValidator({
  issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
  audience: genericAudience,
  clock,
})
const good = `Bearer ${tokenWith({ from: 'generic' })}`

/** A validator that the application made itself. */
function answering(authenticate: () => unknown): TokenValidator {
  return { ...validator, authenticate: authenticate as TokenValidator['authenticate'] }
}

async function outcomeOf(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt()
  } catch (error) {
    return error
  }
}

describe('createBearerAuth', () => {
  const bearer = createBearerAuth({ validator })

  it.each(['authorization', 'Authorization', 'AUTHORIZATION', 'aUTHORIZATION'])(
    'reads the header %s',
    async (name) => {
      expect(
        await bearer.authenticate(viewNodeRequest(rawHeadersRequest(['host', 'a.example', name, good]))),
      ).toMatchObject({
        kind: 'delegated',
      })
    },
  )

  it('reads no header with a longer name, and no value as a name', async () => {
    const headers = ['x-authorization', good, 'proxy-authorization', good, 'x', 'authorization', good, 'y']
    expect(
      await outcomeOf(() => bearer.authenticate(viewNodeRequest(rawHeadersRequest(headers)))),
    ).toMatchObject({ code: 'credentials_missing' })
  })

  it('reads each of several headers, in upper or lower case', async () => {
    const headers = ['Authorization', good, 'x', 'y', 'AUTHORIZATION', good]
    expect(
      await outcomeOf(() => bearer.authenticate(viewNodeRequest(rawHeadersRequest(headers)))),
    ).toMatchObject({
      code: 'authorization_repeated',
    })
  })

  it('accepts an anonymous caller only where that is allowed', async () => {
    const open = createBearerAuth({ validator, allowAnonymous: true })
    expect(open.authenticate(viewNodeRequest(rawHeadersRequest([])))).toBeNull()
    expect(await outcomeOf(() => bearer.authenticate(viewNodeRequest(rawHeadersRequest([]))))).toMatchObject({
      code: 'credentials_missing',
    })
    expect(
      await outcomeOf(() => open.authenticate(viewNodeRequest(rawHeadersRequest(['authorization', ''])))),
    ).toMatchObject({ status: 400 })
    expect(
      await outcomeOf(() =>
        open.authenticate(viewNodeRequest(rawHeadersRequest(['authorization', 'Basic x']))),
      ),
    ).toMatchObject({
      code: 'scheme_unsupported',
    })
    expect(
      await open.authenticate(viewNodeRequest(rawHeadersRequest(['authorization', good]))),
    ).toMatchObject({ kind: 'delegated' })
  })

  it.each([undefined, null, 'route', {}, { kind: 'admin' }])(
    'accepts no request where a validator answers %j, at once or later',
    async (answer) => {
      for (const answered of [() => answer, () => Promise.resolve(answer)]) {
        const error = await outcomeOf(() =>
          createBearerAuth({ validator: answering(answered) }).authenticate(
            viewNodeRequest(rawHeadersRequest([])),
          ),
        )
        expect(error).toBeInstanceOf(Error)
        expect(isBearerError(error)).toBe(false)
      }
    },
  )

  it.each([undefined, null, 'route'])(
    'throws an Error where a validator throws %j, at once or later',
    async (thrown) => {
      const failing = [
        () => {
          throw thrown
        },
        () => Promise.reject(thrown as unknown as Error),
      ]
      for (const fail of failing) {
        const attempt = (): unknown =>
          createBearerAuth({ validator: answering(fail) }).authenticate(
            viewNodeRequest(rawHeadersRequest([])),
          )
        expect(await outcomeOf(attempt)).toBeInstanceOf(Error)
      }
    },
  )
})

describe('createGuard', () => {
  const guard = createGuard({ scopes: 'files:read' })

  it('accepts a token that has the permission', async () => {
    const token = await validator.validateToken(good.slice(7))
    expect(() => guard(token, validator)).not.toThrow()
  })

  it.each([null, undefined])('refuses %s with a bare 401', async (anonymous) => {
    const error = await outcomeOf(() => guard(anonymous, validator))
    expect(error).toBeInstanceOf(BearerError)
    expect(error).toMatchObject({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' } })
  })

  it('throws a plain Error where bearerAuth did not run', async () => {
    const token = await validator.validateToken(good.slice(7))
    const error = await outcomeOf(() => guard(token, undefined))
    expect(error).toBeInstanceOf(Error)
    expect(isBearerError(error)).toBe(false)
  })
})

describe('a guard with a validator that the application made', () => {
  const guard = createGuard({ scopes: 'files:read' })

  /** A validator whose check of permissions runs this function. */
  function checking(checkPermission: () => unknown): TokenValidator {
    return { ...validator, checkPermission: checkPermission as TokenValidator['checkPermission'] }
  }

  it.each([undefined, Promise.resolve(undefined)])('accepts where the check answers %s', async (answer) => {
    expect(
      await guard(
        null,
        checking(() => answer),
      ),
    ).toBeUndefined()
  })

  it.each([false, true, null, 0, '', 'route', {}])(
    'fails with a plain Error where the check answers %j, at once or later',
    async (answer) => {
      for (const answered of [() => answer, async () => answer]) {
        const error = await outcomeOf(() => guard(null, checking(answered)))
        expect(error).toBeInstanceOf(Error)
        expect(isBearerError(error)).toBe(false)
      }
    },
  )

  it.each([undefined, null, 0, 'route'])(
    'throws an Error where %j is thrown, at once or later',
    async (thrown) => {
      const failing = [
        () => {
          throw thrown
        },
        () => Promise.reject(thrown as unknown as Error),
      ]
      for (const fail of failing) {
        const error = await outcomeOf(() => guard(null, checking(fail)))
        expect(error).toBeInstanceOf(Error)
        expect(isBearerError(error)).toBe(false)
      }
    },
  )

  it('refuses with the refusal that is thrown, at once or later', async () => {
    const refusal = new BearerError('scope_insufficient')
    const failing = [
      () => {
        throw refusal
      },
      () => Promise.reject(refusal),
    ]
    for (const fail of failing) expect(await outcomeOf(() => guard(null, checking(fail)))).toBe(refusal)
  })
})

describe('waitForKeys', () => {
  it('resolves once the keys are there, and leaves no timer running', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    await waitForKeys(validator, 60)
    expect(timers()).toBe(before)
  })

  it.each([
    ['are out of reach', () => Promise.reject(new Error('private'))],
    ['do not come in time', () => new Promise<void>(() => {})],
  ])('rejects with a plain Error where they %s', async (_, ready) => {
    const error = await outcomeOf(() => waitForKeys({ ...validator, ready }, 0.01))
    expect(error).toMatchObject({
      message: 'bearerAuth: the signing keys could not be fetched within 0.01 seconds',
    })
    expect((error as Error).cause).toBeUndefined()
  })
})

describe('a validator of the application', () => {
  it.each(['hasCredentials', 'responseHeaders'] as const)(
    'whose %s throws nothing is answered with an Error',
    (name) => {
      const broken = {
        ...validator,
        [name]: () => {
          // A hostile hook.
          throw undefined as never
        },
      }
      const bearer = createBearerAuth({ validator: broken, allowAnonymous: true })
      const view = viewNodeRequest(rawHeadersRequest(['authorization', good]))
      const call = {
        hasCredentials: () => bearer.authenticate(view),
        responseHeaders: () => bearer.responseHeaders(view),
      }
      expect(call[name]).toThrow(Error)
    },
  )
})

describe('headers that a host gives by name', () => {
  const namesOf = (headers: object): readonly string[] | undefined =>
    viewNodeRequest({ headers: headers as never }).header('authorization')

  it('are read in whatever case, and two spellings are two values', () => {
    expect(namesOf({ Authorization: good })).toEqual([good])
    expect(namesOf({ authorization: good, AUTHORIZATION: 'Bearer x' })).toEqual([good, 'Bearer x'])
    expect(namesOf({ authorization: [good, good] })).toEqual([good, good])
  })

  it('are own members only', () => {
    expect(namesOf(Object.create({ authorization: good }))).toBeUndefined()
    expect(viewNodeRequest({ headers: {} }).header('constructor')).toBeUndefined()
  })
})
