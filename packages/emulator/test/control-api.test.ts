import { execFile, spawnSync } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { Validator as OpenApiValidator } from '@seriousme/openapi-schema-validator'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, tokenFlaws } from '@countersign/emulator'
import { createShape } from '../src/base/shape.js'
import { components, operations } from '../src/control-api/operations.js'
import { askToken, ids, secrets, startTestEmulator, start } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

interface Sent {
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly of?: Emulator
}

/** Sends a request with the token and, if there is one, a JSON body. */
async function call(
  method: string,
  path: string,
  { body, headers, of = emulator }: Sent = {},
): Promise<Answer> {
  const { address, token } = of.controlApi
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  if (response.ok) checkAnswer(method, path.split('?', 1)[0] ?? '', response.status, parsed)
  return { status: response.status, headers: response.headers, body: parsed }
}

/** Every good answer in this file is as the table describes it. */
function checkAnswer(method: string, path: string, status: number, body: unknown): void {
  const operation = operations.find(
    (each) =>
      each.method === method && new RegExp(`^${each.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  if (operation?.answer === undefined) expect([path, status]).toEqual([path, 204])
  else {
    const reference =
      String((operation.answer['$ref'] as string | undefined) ?? '')
        .split('/')
        .at(-1) ?? ''
    expect([path, createShape(components[reference] ?? operation.answer)(body)]).toEqual([path, undefined])
  }
}

const codeOf = ({ body }: Answer): unknown => Object(body['error']).code

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1, and is served without the token', async () => {
    const response = await fetch(`${emulator.controlApi.address}/openapi.json`)
    const document = (await response.json()) as { openapi: string; servers: { url: string }[] }
    const { valid, errors } = await new OpenApiValidator().validate(document)
    expect(errors).toBeUndefined()
    expect([valid, document.openapi, document.servers[0]?.url]).toEqual([
      true,
      '3.1.0',
      emulator.controlApi.address,
    ])
    expect(JSON.stringify(document)).not.toContain(emulator.controlApi.token)
  })

  test('has every operation once, by a name of its own', () => {
    const routes = operations.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(routes).size).toBe(routes.length)
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length)
  })
})

describe('the token', () => {
  test.each([
    ['none', {}],
    ['another', { authorization: 'Bearer another-token-of-some-length' }],
    ['one character less', () => ({ authorization: `Bearer ${emulator.controlApi.token.slice(1)}` })],
    ['another scheme', () => ({ authorization: `Basic ${btoa(`x:${emulator.controlApi.token}`)}` })],
  ])('is demanded of every request: %s is refused with 401, and nothing changes', async (_, given) => {
    const before = emulator.clock.now()
    const headers: Record<string, string> = typeof given === 'function' ? given() : given
    for (const { method, path } of operations) {
      const response = await fetch(`${emulator.controlApi.address}${path}`, { method, headers })
      expect([method, path, response.status]).toEqual([method, path, 401])
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
    }
    expect(emulator.clock.now()).toBe(before)
  })

  test('is another in every run, and the configured one if there is one', async () => {
    await using other = await startTestEmulator()
    expect(other.controlApi.token).not.toBe(emulator.controlApi.token)
    await using configured = await startTestEmulator({ controlToken: 'test-value-0123456789' })
    expect((await call('GET', '/clock', { of: configured })).body).toEqual({ now: start })
    expect(configured.controlApi.token).toBe('test-value-0123456789')
    for (const controlToken of ['short', 'with blanks in between', 'ü'.repeat(20), '', 7 as never]) {
      await expect(startTestEmulator({ controlToken })).rejects.toThrow(
        'startEmulator: "controlToken" must be 16 to 256 visible ASCII characters',
      )
    }
  })
})

describe('a page of another site', () => {
  test.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('is refused with 403, even with the token: %j', async (headers) => {
    const answer = await call('POST', '/clock/advance', { body: { seconds: 1 }, headers: headers as never })
    expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden_origin'])
    expect(emulator.clock.now()).toBe(start)
  })

  test('gets no CORS headers, also not before a request', async () => {
    const { origin, host } = { origin: 'https://evil.example', host: new URL(emulator.origin).host }
    const response = await fetch(`${emulator.controlApi.address}/clock`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'x-host': host },
    })
    expect(response.status).toBe(403)
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('cannot use a name of its own for this machine', async () => {
    const { port } = new URL(emulator.origin)
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example:${port}`, authorization: `Bearer ${emulator.controlApi.token}` }
      httpRequest(`http://127.0.0.1:${port}/_/api/v1/clock`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(400)
  })

  test('of the emulator itself may', async () => {
    const headers = { origin: emulator.origin, 'sec-fetch-site': 'same-origin' }
    expect((await call('GET', '/clock', { headers })).status).toBe(200)
  })
})

describe('hostile input', () => {
  test.each<[string, Sent, number, string]>([
    ['malformed JSON', { body: '{"seconds":' }, 400, 'invalid_json'],
    ['no body', {}, 400, 'invalid_request'],
    ['null', { body: 'null' }, 400, 'invalid_request'],
    ['an unknown member', { body: { seconds: 1, more: true } }, 400, 'invalid_request'],
    ['another type', { body: { seconds: '1' } }, 400, 'invalid_request'],
    ['out of range', { body: { seconds: -1 } }, 400, 'invalid_request'],
    ['a member that objects inherit', { body: '{"seconds":1,"__proto__":{"x":1}}' }, 400, 'invalid_request'],
    [
      'a form',
      { body: 'seconds=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported_media_type',
    ],
    [
      'text',
      { body: '{"seconds":1}', headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    ['a huge body', { body: `"${'x'.repeat(3 * 1024 * 1024)}"` }, 413, 'too_large'],
    ['a deep body', { body: '['.repeat(500_000) + ']'.repeat(500_000) }, 400, 'invalid_request'],
  ])('is refused clearly, and nothing changes: %s', async (_, sent, status, code) => {
    const answer = await call('POST', '/clock/advance', sent)
    expect([answer.status, codeOf(answer)]).toEqual([status, code])
    expect(emulator.clock.now()).toBe(start)
  })

  test.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['DELETE', '/users', 405, 'method_not_allowed'],
    ['GET', '/requests?more=1', 400, 'invalid_request'],
    ['GET', '/requests?status=x', 400, 'invalid_request'],
    ['GET', '/requests?status=1&status=2', 400, 'invalid_request'],
    ['GET', '/requests/wait?timeoutSeconds=61', 400, 'invalid_request'],
    ['DELETE', '/faults/999', 404, 'not_found'],
  ])('%s %s is refused with %i', async (method, path, status, code) => {
    const answer = await call(method, path)
    expect([answer.status, codeOf(answer)]).toEqual([status, code])
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, POST')
  })

  test(
    'of any shape is answered with a status below 500, by every operation',
    { timeout: 60_000 },
    async () => {
      await using other = await startTestEmulator()
      const bodies = operations.filter(({ body, id }) => body !== undefined && id !== 'advanceClock')
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...bodies),
          fc.jsonValue({ maxDepth: 3 }),
          async ({ method, path }, body) => {
            const answer = await call(method, path.replace(/\{\w+\}/, 'x'), {
              body: JSON.stringify(body),
              of: other,
            })
            expect(answer.status).toBeLessThan(500)
          },
        ),
        { numRuns: 300 },
      )
      expect((await call('GET', '/clock', { of: other })).status).toBe(200)
    },
  )
})

describe('the registration', () => {
  test('is read without secrets, and sent back it is the same', async () => {
    await using other = await startTestEmulator()
    const { body } = await call('GET', '/registration', { of: other })
    expect(JSON.stringify(body)).not.toContain(secrets.daemon)
    expect((await call('PUT', '/registration', { of: other, body })).body).toEqual(body)
    const form = {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    }
    expect((await askToken(other, form)).status).toBe(200)
  })

  test('is changed by a patch, whole or not at all, and comes back with a reset', async () => {
    await using other = await startTestEmulator()
    const add = {
      op: 'add',
      path: '/applications/-',
      value: { displayName: 'added', identifierUris: ['api://added'] },
    }
    const patched = await call('PATCH', '/registration', {
      of: other,
      body: [add],
      headers: { 'content-type': 'application/json-patch+json' },
    })
    expect(patched.status).toBe(200)
    expect(decodeJwt(await other.issueToken({ client: 'daemon', resource: 'api://added' })).aud).toBe(
      'api://added',
    )
    for (const body of [
      [
        { op: 'add', path: '/applications/-', value: { displayName: 'more' } },
        { op: 'remove', path: '/nothing/there' },
      ],
      [{ op: 'add', path: '/applications/-', value: { displayName: '' } }],
      [{ op: 'copy', from: '', path: '/applications/0/api' }],
      [{ op: 'add', path: '/__proto__/polluted', value: true }],
    ]) {
      expect((await call('PATCH', '/registration', { of: other, body })).status).toBe(400)
    }
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
    expect((await call('GET', '/registration', { of: other })).body).toEqual(patched.body)
    expect((await call('POST', '/reset', { of: other })).status).toBe(204)
    await expect(other.issueToken({ client: 'daemon', resource: 'api://added' })).rejects.toThrow(TypeError)
  })

  test('is checked without being changed, and refused with its place', async () => {
    const before = (await call('GET', '/registration')).body
    expect(
      (await call('POST', '/registration/check', { body: { tenants: [{ domains: ['x.example'] }] } })).status,
    ).toBe(200)
    const refused = await call('PUT', '/registration', { body: { tenants: [{ domains: ['x'] }] } })
    expect([refused.status, refused.body]).toEqual([
      400,
      {
        error: {
          code: 'invalid_registration',
          message: 'registration: tenants[0].domains[0]: does not match pattern',
        },
      },
    ])
    expect((await call('GET', '/registration')).body).toEqual(before)
  })

  test('that is a text is refused and not taken for the path of a file', async () => {
    const answer = await call('PUT', '/registration', { body: '"/etc/hostname"' })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request'])
    expect(() => emulator.registration.replace('/etc/hostname' as never)).toThrow('must be an object')
  })
})

describe('users and consent', () => {
  test('a user is created, listed, disabled, enabled and signed out', async () => {
    await using of = await startTestEmulator()
    const created = await call('POST', '/users?tenant=fabrikam.example', {
      of,
      body: { userPrincipalName: 'new@fabrikam.example' },
    })
    expect(created.body).toMatchObject({ tenantId: ids.fabrikam, isEnabled: true })
    const again = await call('POST', '/users', { of, body: { userPrincipalName: 'new@fabrikam.example' } })
    expect([again.status, codeOf(again)]).toEqual([400, 'invalid_registration'])
    const name = encodeURIComponent('new@fabrikam.example')
    expect((await call('POST', `/users/${name}/disable`, { of, body: {} })).body).toMatchObject({
      reason: 'account_disabled',
    })
    const isEnabled = async (): Promise<unknown> =>
      ((await call('GET', '/users', { of })).body['users'] as { id: string; isEnabled: boolean }[]).find(
        ({ id }) => id === created.body['id'],
      )?.isEnabled
    expect(await isEnabled()).toBe(false)
    expect((await call('POST', `/users/${name}/enable`, { of })).status).toBe(204)
    expect(await isEnabled()).toBe(true)
    const revoked = await call('POST', `/users/${name}/revoke-sessions`, {
      of,
      body: { visibleAfterSeconds: 300 },
    })
    expect(revoked.body).toMatchObject({ visibleAt: start + 300 })
    expect((await call('GET', '/revocations', { of })).body['revocations']).toHaveLength(1)
    expect((await call('POST', '/users/nobody/disable', { of, body: {} })).status).toBe(400)
  })

  test('consent is granted and taken back, for a user, for everyone, and as a role', async () => {
    await using of = await startTestEmulator()
    const bob = { client: 'native', resource: 'v2', user: 'bob@contoso.example' }
    const explained = async (question: object): Promise<Record<string, unknown>> =>
      (await call('POST', '/permissions/explain', { of, body: question })).body
    expect(await explained(bob)).toMatchObject({ isIssued: false, errorCode: 65001 })
    expect((await call('POST', '/consents/grant', { of, body: bob })).status).toBe(204)
    expect(await explained(bob)).toMatchObject({
      scopes: ['Things.Read'],
      grantedBy: { 'Things.Read': 'user' },
    })
    expect((await call('POST', '/consents/revoke', { of, body: bob })).status).toBe(204)
    expect(await explained(bob)).toMatchObject({ isIssued: false })
    const everyone = { client: 'native', resource: 'v2', scopes: ['Things.Write'] }
    expect((await call('POST', '/consents/grant', { of, body: everyone })).status).toBe(204)
    expect(await explained({ ...bob, scopes: ['Things.Write'] })).toMatchObject({
      grantedBy: { 'Things.Write': 'administrator' },
    })
    const role = { client: 'native', resource: 'v2', roles: ['Things.Read.All'] }
    expect((await call('POST', '/consents/grant', { of, body: { ...role, scopes: [] } })).status).toBe(204)
    const asItself = { client: 'native', resource: 'v2' }
    expect(await explained(asItself)).toMatchObject({ roles: ['Things.Read.All'] })
    expect((await call('POST', '/consents/revoke', { of, body: role })).status).toBe(204)
    expect(await explained(asItself)).toMatchObject({ roles: [] })
    for (const wrong of [
      { ...bob, scopes: ['Things.Gone'] },
      { ...bob, roles: ['Things.Read.All'] },
      { ...bob, resource: 'guarded' },
    ]) {
      expect((await call('POST', '/consents/grant', { of, body: wrong })).status).toBe(400)
    }
  })
})

describe('tokens', () => {
  test('are minted, with flaws, with claims added and left out, and explained', async () => {
    const asked = { client: 'native', resource: 'v2', user: 'alice@contoso.example', scopes: ['Things.Read'] }
    const good = await call('POST', '/tokens', {
      body: { ...asked, claims: { department: 'toys', name: null } },
    })
    const claims = decodeJwt(String(good.body['token']))
    expect(claims).toMatchObject({ scp: 'Things.Read', department: 'toys' })
    expect(claims).not.toHaveProperty('name')
    const explained = await call('POST', '/tokens/explain', {
      body: { token: `Bearer ${String(good.body['token'])}` },
    })
    const accepting = (explained.body['verdicts'] as { isAccepted: boolean; api: { displayName: string } }[])
      .filter(({ isAccepted }) => isAccepted)
      .map(({ api }) => api.displayName)
    expect(accepting).toEqual(['v2'])
    const flawed = await call('POST', '/tokens', { body: { ...asked, flaw: 'algNone' } })
    expect(String(flawed.body['token'])).toMatch(/\.$/)
    expect((await call('POST', '/tokens', { body: { ...asked, flaw: 'none' } })).status).toBe(400)
    expect((await call('POST', '/tokens', { body: { ...asked, scopes: 'Things.Read' } })).status).toBe(400)
    expect((await call('POST', '/tokens/explain', { body: { token: 'nonsense' } })).body).toMatchObject({
      kind: 'not a token',
    })
  })

  test('the flaws are listed with the refusals to expect, for the API that is described', async () => {
    const { body } = await call('GET', '/flaws?versions=2.0')
    const flaws = body['flaws'] as { name: string; isToBeRefused: boolean; refusals: unknown }[]
    expect(flaws.map(({ name }) => name)).toEqual(tokenFlaws)
    expect(flaws.filter(({ isToBeRefused }) => !isToBeRefused).map(({ name }) => name)).toEqual(['v2ForV1'])
  })
})

test('keys are published, used, flapped, steadied, withdrawn, rotated and replaced', async () => {
  await using of = await startTestEmulator()
  const kidOf = async (path: string, body?: object): Promise<string> =>
    String((await call('POST', path, { of, ...(body === undefined ? {} : { body }) })).body['kid'])
  const kid = await kidOf('/keys/publish', {})
  const before = (await of.keys.list())[0]?.kid ?? ''
  expect((await call('POST', `/keys/${kid}/use`, { of })).status).toBe(204)
  expect((await call('POST', `/keys/${kid}/flap`, { of, body: { listed: 1, absent: 1 } })).status).toBe(204)
  expect((await call('POST', `/keys/${kid}/flap`, { of, body: { listed: 0, absent: 1 } })).status).toBe(400)
  expect((await call('POST', `/keys/${kid}/steady`, { of })).status).toBe(204)
  expect((await call('POST', `/keys/${before}/withdraw`, { of })).status).toBe(204)
  expect((await call('POST', '/keys/nothing/use', { of })).status).toBe(400)
  await kidOf('/keys/rotate')
  await kidOf('/keys/publish', { owner: 'usGovernment' })
  await kidOf('/keys/publish', { application: 'v2' })
  await kidOf('/keys/replace-all')
  const keys = (await call('GET', '/keys', { of })).body['keys'] as { owner: string; state: string }[]
  expect(keys.filter(({ owner, state }) => owner === 'tenants' && state !== 'withdrawn')).toHaveLength(1)
  expect(JSON.stringify(keys)).not.toContain('PRIVATE')
})

test('the clock is read, set, advanced and set back to the time of the machine', async () => {
  await using of = await startTestEmulator()
  expect((await call('PUT', '/clock', { of, body: { now: 5000 } })).body).toEqual({ now: 5000 })
  expect((await call('POST', '/clock/advance', { of, body: { seconds: 60 } })).body).toEqual({ now: 5060 })
  expect((await call('GET', '/clock', { of })).body).toEqual({ now: 5060 })
  const { now } = (await call('DELETE', '/clock', { of })).body
  expect(Math.abs(Number(now) - Date.now() / 1000)).toBeLessThan(10)
})

describe('faults and requests', () => {
  const ask = (of: Emulator): Promise<Response> =>
    fetch(`${of.origin}/${ids.contoso}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password' }),
    })

  test('a fault is added, met, listed and cleared', async () => {
    await using of = await startTestEmulator()
    const body = { endpoint: 'token', effect: { kind: 'status', status: 503 }, times: 5 }
    const { id } = (await call('POST', '/faults', { of, body })).body
    expect((await ask(of)).status).toBe(503)
    expect((await call('GET', '/faults', { of })).body['faults']).toEqual([{ ...body, id, met: 1 }])
    expect((await call('DELETE', `/faults/${String(id)}`, { of })).status).toBe(204)
    expect((await ask(of)).status).toBe(400)
    expect((await call('POST', '/faults', { of, body: { ...body, effect: { kind: 'other' } } })).status).toBe(
      400,
    )
    await call('POST', '/faults', { of, body })
    expect((await call('DELETE', '/faults', { of })).status).toBe(204)
    expect(of.faults.list()).toEqual([])
  })

  test('requests are listed by filter, waited for, and forgotten', async () => {
    await using of = await startTestEmulator()
    await fetch(`${of.origin}/common/discovery/v2.0/keys`)
    await ask(of)
    const list = async (query: string): Promise<unknown[]> =>
      (await call('GET', `/requests?${query}`, { of })).body['requests'] as unknown[]
    expect(await list('')).toHaveLength(2)
    expect(await list('outcome=refused&errorCode=70003')).toHaveLength(1)
    expect(await list('after=2')).toEqual([])
    const waiting = call('GET', '/requests/wait?endpoint=discovery&after=2&timeoutSeconds=10', { of })
    await fetch(`${of.origin}/common/v2.0/.well-known/openid-configuration`)
    expect((await waiting).body).toMatchObject({ id: 3, endpoint: 'discovery' })
    const none = await call('GET', '/requests/wait?status=418&timeoutSeconds=0.1', { of })
    expect([none.status, codeOf(none)]).toEqual([404, 'no_such_request'])
    expect((await call('DELETE', '/requests', { of })).status).toBe(204)
    expect(await list('')).toEqual([])
  })

  test('a wait ends when its client is gone, so that stopping takes no time', async () => {
    const of = await startTestEmulator()
    const gone = new AbortController()
    const { address, token } = of.controlApi
    const waiting = fetch(`${address}/requests/wait?status=418&timeoutSeconds=60`, {
      headers: { authorization: `Bearer ${token}` },
      signal: gone.signal,
    })
    await Promise.all([
      expect(waiting).rejects.toThrow(),
      new Promise((resolve) => setTimeout(resolve, 100)).then(() => gone.abort()),
    ])
    const before = performance.now()
    await of.stop()
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('a hundred may wait at once, and one more is refused with 429', async () => {
    await using of = await startTestEmulator()
    const path = '/requests/wait?status=418&timeoutSeconds=1'
    const answers = await Promise.all(Array.from({ length: 101 }, () => call('GET', path, { of })))
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1)
  })
})

test('the state moves from one instance to another, and the directory shows it', async () => {
  await using from = await startTestEmulator()
  await using to = await startTestEmulator()
  from.grantConsent({ client: 'native', resource: 'v2', scopes: ['Things.Write'] })
  const { body } = await call('GET', '/state', { of: from })
  expect((await call('PUT', '/state', { of: to, body })).status).toBe(204)
  const directory = (await call('GET', '/directory', { of: to })).body
  expect(JSON.stringify(directory)).not.toMatch(/secret|test-value|PRIVATE/i)
  const [contoso] = directory['tenants'] as { grants: { origin: string; scopes: string[] }[] }[]
  expect(contoso?.grants.filter(({ origin }) => origin === 'consent')).toMatchObject([
    { scopes: ['Things.Write'] },
  ])
  expect((await call('PUT', '/state', { of: to, body: { ...body, version: 1 } })).status).toBe(400)
  expect((await call('GET', '/instance', { of: to })).body).toMatchObject({ origin: to.origin, now: start })
})

const hasCurl = spawnSync('curl', ['--version']).status === 0
const python = '/usr/bin/python3'
const hasPython = spawnSync(python, ['--version']).status === 0
for (const [tool, isThere] of [
  ['curl', hasCurl],
  ['Python', hasPython],
] as const) {
  if (isThere) continue
  if (process.env['CI'] === 'true') throw new Error(`no ${tool}: CI must have it`)
  console.warn(`NOT TESTED with ${tool}: there is none on this machine`)
}

function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const { address, token } = emulator.controlApi
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: 20_000, env: { ...process.env, ADDRESS: address, TOKEN: token } },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(stderr))
      },
    )
    child.stdin?.end(input)
  })
}

test.runIf(hasCurl)('curl mints a token and reads what is wrong with a request', async () => {
  const line =
    'curl --silent --fail-with-body -H "Authorization: Bearer $TOKEN" --json \'{"client":"daemon","resource":"v2"}\' "$ADDRESS/tokens"'
  const { token } = JSON.parse(await run('sh', ['-c', line])) as { token: string }
  expect(decodeJwt(token)).toMatchObject({ aud: ids.v2, azp: ids.daemon })
  const wrong = line.replace('daemon', 'nobody').replace('--fail-with-body ', '')
  expect(await run('sh', ['-c', wrong])).toContain('\\"client\\" must be an application of the registration')
})

test.runIf(hasPython)(
  'a Python program without libraries tests an API with it: users, clock, flaws, requests',
  async () => {
    const recipe = await import('node:fs/promises').then(({ readFile }) =>
      readFile(new URL('../../../docs/recipes/emulator-control-api.md', import.meta.url), 'utf8'),
    )
    const [, program = ''] = /```python\n([\s\S]*?)```/.exec(recipe) ?? []
    expect(await run(python, ['-'], program)).toContain('all good')
  },
)
