import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { askToken, ids, secrets, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

const members = ['error', 'error_description', 'error_codes', 'timestamp', 'trace_id', 'correlation_id']

/** Entra's shape, or an address that is not there; never a crash, never a word from inside. */
async function checkAnswer(response: Response): Promise<void> {
  const text = await response.text()
  expect(response.status).toBeLessThan(500)
  expect(text).not.toMatch(/node_modules|at .*\.[jt]s:\d+/)
  const type = response.headers.get('content-type') ?? ''
  if (response.status < 400 || !type.includes('json')) return
  expect(Object.keys(JSON.parse(text) as object)).toEqual(expect.arrayContaining(members))
}

const token = (): string => `${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`

const names = fc.constantFrom(
  'assertion',
  'claims',
  'client_assertion',
  'client_assertion_type',
  'client_id',
  'client_secret',
  'code',
  'code_verifier',
  'device_code',
  'grant_type',
  'redirect_uri',
  'refresh_token',
  'requested_token_use',
  'resource',
  'scope',
  '__proto__',
  'constructor',
)
const values = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    ids.daemon,
    ids.tier1,
    ids.native,
    secrets.daemon,
    'authorization_code',
    'client_credentials',
    'device_code',
    'refresh_token',
    'on_behalf_of',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    'api://v2/.default',
    'eyJhbGciOiJub25lIn0.e30.',
    'e30.e30.e30',
    '{"access_token":{"nbf":{"value":"9999999999999"}}}',
    '{"access_token":[]}',
    '1.AAAA',
  ),
)

describe('hostile input', () => {
  test('forms of any kind are answered in the shape of Entra', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, values), { maxLength: 10 }), async (fields) => {
        for (const path of ['token', 'devicecode', 'authorize', 'logout']) {
          const body = new URLSearchParams(fields)
          const url = `${emulator.origin}/${ids.contoso}/oauth2/v2.0/${path}`
          await checkAnswer(await fetch(url, { method: 'POST', body, redirect: 'manual' }))
        }
      }),
      { numRuns: 150 },
    )
  })

  test('assertions and codes that are almost right are refused', async () => {
    const good = await emulator.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'alice@contoso.example',
    })
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.constantFrom('', 'A', '.', '=', '\n', 'é'),
        async (at, character) => {
          const assertion = good.slice(0, at) + character + good.slice(at + 1)
          fc.pre(assertion !== good)
          const { status, body } = await askToken(emulator, {
            grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
            requested_token_use: 'on_behalf_of',
            client_id: ids.tier1,
            client_secret: secrets.tier1,
            assertion,
            scope: 'api://v2/.default',
          })
          expect([status, Object.keys(body).slice(0, 6)]).toEqual([400, members])
        },
      ),
      { numRuns: 150 },
    )
  })

  test('addresses of any kind are answered, or are not there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom(
            'common',
            '..',
            '.',
            '',
            '%2e%2e',
            '%2f',
            '%00',
            'oauth2',
            'v2.0',
            'token',
            '_',
            '%',
            'é',
            'a'.repeat(400),
          ),
          {
            maxLength: 7,
          },
        ),
        fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
        async (parts, method) => {
          const body = method === 'POST' || method === 'PUT' ? { body: new URLSearchParams({ a: 'b' }) } : {}
          await checkAnswer(
            await fetch(`${emulator.origin}/${parts.join('/')}`, { method, redirect: 'manual', ...body }),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  test.each([
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}'],
    [
      'XML',
      'text/xml',
      '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ],
    ['no type', '', 'grant_type=client_credentials'],
    ['a broken encoding', 'application/x-www-form-urlencoded', 'grant_type=%E0%A4%A&client_id=%'],
    ['a type that is none', 'application', 'x'],
    ['another charset', 'application/x-www-form-urlencoded; charset=utf-16', 'grant_type=a'],
  ])('a body of another kind is refused: %s', async (_, type, body) => {
    const response = await fetch(token(), {
      method: 'POST',
      headers: { 'content-type': type },
      body: Buffer.from(body),
    })
    expect(response.status).toBe(400)
    const answer = (await response.json()) as Record<string, unknown>
    expect(Object.keys(answer).slice(0, 6)).toEqual(members)
    expect(JSON.stringify(answer)).not.toContain('root:')
  })

  test('huge bodies are cut off, and many requests leave no more than the log in memory', async () => {
    const huge = 'x'.repeat(20_000_000)
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      const response = await fetch(token(), {
        method: 'POST',
        headers: { 'content-type': type },
        body: huge,
      }).catch(() => undefined)
      // Cut off before it was all sent, or answered.
      if (response !== undefined) expect([400, 413]).toContain(response.status)
    }
    for (let round = 0; round < 1200; round += 1) {
      const response = await fetch(`${emulator.origin}/${round}/oauth2/devicecode`, {
        method: 'POST',
        body: new URLSearchParams({ [`name${round}`]: 'x'.repeat(2000) }),
      })
      await response.arrayBuffer()
    }
    expect(emulator.requests).toHaveLength(1000)
    expect(JSON.stringify(emulator.requests).length).toBeLessThan(2_000_000)
  })

  test('requests that are not HTTP end, and the emulator continues to answer', async () => {
    const port = Number(new URL(emulator.origin).port)
    for (const bytes of [
      '\0\0\0\0\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(port, 'localhost', () => socket.write(bytes))
        socket.on('close', () => resolve())
        socket.on('error', () => resolve())
        socket.resume()
      })
    }
    expect((await fetch(`${emulator.origin}/common/discovery/keys`)).status).toBe(200)
  })
})
