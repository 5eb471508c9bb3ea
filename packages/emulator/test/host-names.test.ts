import { request } from 'node:http'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Emulator, EmulatorOptions } from '@countersign/emulator'
import { ids, onBehalfOf, secrets, startTestEmulator } from './support.js'

/** Asks by a name that this machine does not know. */
function ask(
  emulator: Emulator,
  host: string,
  path: string,
  form?: Record<string, string>,
): Promise<{ status: number | undefined; body: Record<string, unknown> }> {
  const port = listeningPort(emulator)
  const body = form === undefined ? undefined : new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    request(
      `http://127.0.0.1:${port}${path}`,
      {
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          host,
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const isJson = text.startsWith('{')
          resolve({
            status: response.statusCode,
            body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
          })
        })
      },
    )
      .on('error', reject)
      .end(body)
  })
}

const ports = new WeakMap<Emulator, string>()
const listeningPort = (emulator: Emulator): string => ports.get(emulator) ?? new URL(emulator.origin).port

async function start(options: EmulatorOptions): Promise<Emulator> {
  // A configured origin hides the port.
  const probe = await startTestEmulator()
  const { port } = new URL(probe.origin)
  await probe.stop()
  const emulator = await startTestEmulator({ port: Number(port), ...options })
  ports.set(emulator, port)
  return emulator
}

const discovery = `/${ids.contoso}/v2.0/.well-known/openid-configuration`
const tokenPath = `/${ids.contoso}/oauth2/v2.0/token`
const daemon = {
  grant_type: 'client_credentials',
  client_id: ids.daemon,
  client_secret: secrets.daemon,
  scope: 'api://v2/.default',
}

describe('several host names', () => {
  test('each answers with documents, tokens and issuers of its own', async () => {
    await using emulator = await start({ hostNames: ['host.docker.internal', 'emulator'] })
    const port = listeningPort(emulator)
    for (const host of [`localhost:${port}`, `host.docker.internal:${port}`, 'emulator:9999', 'emulator']) {
      const { body } = await ask(emulator, host, discovery)
      const base = `http://${host}/${ids.contoso}`
      expect(body).toMatchObject({
        issuer: `${base}/v2.0`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/discovery/v2.0/keys`,
      })
      const answer = await ask(emulator, host, tokenPath, daemon)
      expect(decodeJwt(String(answer.body['access_token'])).iss).toBe(`${base}/v2.0`)
    }
    expect((await ask(emulator, 'evil.example', discovery)).status).toBe(400)
    expect((await ask(emulator, '127.0.0.1', discovery)).body['issuer']).toBe(
      `${emulator.origin}/${ids.contoso}/v2.0`,
    )
  })

  test('a token that was issued under one name is an assertion under another', async () => {
    await using emulator = await start({ hostNames: ['emulator'] })
    const assertion = await emulator.issueToken({
      client: 'native',
      resource: 'tier1',
      user: 'alice@contoso.example',
    })
    const answer = await ask(
      emulator,
      'emulator',
      tokenPath,
      onBehalfOf(assertion, { scope: 'api://v2/Things.Read' }),
    )
    expect([answer.status, decodeJwt(String(answer.body['access_token'])).iss]).toEqual([
      200,
      `http://emulator/${ids.contoso}/v2.0`,
    ])
  })

  test('are aliases of one another for instance discovery', async () => {
    await using emulator = await start({ hostNames: ['emulator'] })
    const port = listeningPort(emulator)
    const path = `/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(`https://emulator:${port}/common/oauth2/v2.0/authorize`)}`
    const { body } = await ask(emulator, `localhost:${port}`, path)
    const [entry] = body['metadata'] as { aliases: string[] }[]
    expect(entry?.aliases).toEqual(expect.arrayContaining([`localhost:${port}`, `emulator:${port}`]))
  })

  test('requests at once do not mix them up', async () => {
    await using emulator = await start({ hostNames: ['one', 'two'] })
    const hosts = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 'one' : 'two'))
    const issuers = await Promise.all(
      hosts.map(
        async (host) =>
          decodeJwt(String((await ask(emulator, host, tokenPath, daemon)).body['access_token'])).iss,
      ),
    )
    expect(issuers).toEqual(hosts.map((host) => `http://${host}/${ids.contoso}/v2.0`))
  })
})

describe('a public origin', () => {
  test('is what documents, tokens and issuers name: a mapped port, or a TLS proxy', async () => {
    for (const origin of ['http://localhost:9400', 'https://login.test']) {
      await using emulator = await start({ origin })
      expect([emulator.origin, emulator.cloud.v2Issuer]).toEqual([origin, `${origin}/{tenantid}/v2.0`])
      const { body } = await ask(emulator, new URL(origin).host, discovery)
      expect(body).toMatchObject({
        issuer: `${origin}/${ids.contoso}/v2.0`,
        token_endpoint: `${origin}/${ids.contoso}/oauth2/v2.0/token`,
      })
    }
  })

  test('is the one issuer also for further names, whose documents name themselves', async () => {
    await using emulator = await start({ origin: 'http://localhost:9400', hostNames: ['emulator'] })
    const { body } = await ask(emulator, 'emulator:8400', discovery)
    expect(body).toMatchObject({
      issuer: `http://localhost:9400/${ids.contoso}/v2.0`,
      token_endpoint: `http://emulator:8400/${ids.contoso}/oauth2/v2.0/token`,
      jwks_uri: `http://emulator:8400/${ids.contoso}/discovery/v2.0/keys`,
    })
    const answer = await ask(emulator, 'emulator:8400', tokenPath, daemon)
    expect(decodeJwt(String(answer.body['access_token'])).iss).toBe(
      `http://localhost:9400/${ids.contoso}/v2.0`,
    )
  })
})

test.each<[string, EmulatorOptions, string]>([
  [
    'an address with a path',
    { origin: 'http://localhost/x' },
    '"origin" must be scheme, host and port alone',
  ],
  ['another scheme', { origin: 'ftp://localhost' }, '"origin" must be'],
  ['no text', { origin: 7 as never }, '"origin" must be'],
  ['a name with a port', { hostNames: ['emulator:8400'] }, '"hostNames" must be a list of host names'],
  ['a name in capitals', { hostNames: ['Emulator'] }, '"hostNames" must be'],
  ['no list', { hostNames: 'emulator' as never }, '"hostNames" must be'],
])('%s is refused with a TypeError', async (_, options, message) => {
  await expect(startTestEmulator(options)).rejects.toThrow(message)
})
