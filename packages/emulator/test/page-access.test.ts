import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { startTestEmulator } from './support.js'

let emulator: Emulator
let port = ''
beforeAll(async () => {
  emulator = await startTestEmulator({
    allowConnectionsFromOtherMachines: { address: '127.0.0.1', hostName: 'emulator.test' },
  })
  port = new URL(emulator.origin).port
})
afterAll(() => emulator.stop())

function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number | undefined; challenge: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    request(
      `http://127.0.0.1:${port}${path}`,
      { method, headers: { host: `emulator.test:${port}`, ...headers } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode, challenge: response.headers['www-authenticate'], text }),
        )
      },
    )
      .on('error', reject)
      .end()
  })
}

const basic = (password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`,
})

describe('an emulator that other machines can reach', () => {
  test.each([
    ['GET', '/_'],
    ['GET', '/_/'],
    ['GET', '/%5f/'],
    ['GET', '/_/requests'],
    ['GET', '/_/state'],
    ['GET', '/_/users'],
    ['GET', '/_/suggest'],
    ['POST', '/_/grant'],
    ['POST', '/_/again'],
    ['POST', '/_/requests/clear'],
    ['GET', '/_/apps/33333333-0000-4000-8000-000000000002'],
    ['POST', '/_/reset'],
    ['POST', '/_/state/snapshot'],
    ['POST', '/_/mint'],
  ])('demands the control token for the page: %s %s', async (method, path) => {
    for (const headers of [{}, basic('another-token-of-some-length'), { authorization: 'Bearer x' }]) {
      const answer = await ask(path, headers, method)
      expect([answer.status, answer.challenge]).toEqual([401, expect.stringMatching(/^Basic realm=/)])
      expect(answer.text).not.toMatch(/contoso|page_token/i)
    }
    // With the token it is the page, or a form without its own token.
    const { token } = emulator.controlApi
    for (const headers of [basic(token), { authorization: `Bearer ${token}` }]) {
      const { status } = await ask(path, headers, method)
      expect(status).not.toBe(401)
      expect(status).toBe(method === 'POST' ? 400 : path === '/_' ? 302 : 200)
    }
  })

  test('needs no token for the sign-in, for its health, and for what an API polls', async () => {
    for (const path of [
      '/common/discovery/v2.0/keys',
      '/_/health',
      '/_/revocations',
      '/_/api/v1/openapi.json',
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 200])
    }
    expect((await ask('/_/api/v1/clock', basic(emulator.controlApi.token))).status).toBe(401)
  })
})

test('an emulator on loopback shows its page without a token', async () => {
  await using local = await startTestEmulator()
  expect((await fetch(`${local.origin}/_/`)).status).toBe(200)
  expect(await (await fetch(`${local.origin}/_/health`)).json()).toEqual({ status: 'ok' })
})
