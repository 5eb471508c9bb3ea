import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { keySet, readDocument, tokenForToday } from '@countersign/test-fixtures'
import { clientSecret, createTokenClient, oauthAuthority } from '@countersign/token-client'
import { io } from 'socket.io-client'
import { Agent, ProxyAgent } from 'undici'
import { WebSocket } from 'ws'
import { expect, it, onTestFinished } from 'vitest'
import { createTokenValidator, fromWebSocketProtocol, oidcIssuer, staticIssuer } from '../src/index.js'
import { validatorInCluster } from './recipes/kubernetes-keys.js'
import { chatRooms } from './recipes/socket-io.js'
import { fetchThrough } from './recipes/undici-fetch.js'
import { chatServer } from './recipes/websocket.js'

const run = promisify(execFile)
const audience = 'orders-api'

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-recipe-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Serves metadata that names an address, and keys. */
function issuerListener(issuer: () => string, asked: string[] = []): RequestListener {
  return (request, response) => {
    asked.push(`${request.headers.host}${request.url} ${request.headers.authorization ?? ''}`.trim())
    const document = request.url?.includes('openid-configuration')
      ? { issuer: issuer(), jwks_uri: `${issuer()}/keys`, token_endpoint: `${issuer()}/token` }
      : keySet(['generic'])
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
  }
}

const tokenOf = (iss: string, claims: object = {}): string =>
  tokenForToday({ from: 'generic', claims: { iss, aud: audience, sub: 'mara', ...claims } })

it.each([
  ['undici-fetch', 'networks'],
  ['kubernetes-keys', 'networks'],
  ['websocket', 'websocket'],
  ['socket-io', 'websocket'],
])('the recipe %s prints the code that is run here', async (name, document) => {
  const [text, code] = await Promise.all([
    readDocument(`docs/recipes/${document}.md`),
    readDocument(`packages/express/test/recipes/${name}.ts`),
  ])
  expect(text).toContain(code)
})

it('accepts the certificate of a private certificate authority, and of no other', async () => {
  const folder = await temporaryFolder()
  const path = (name: string): string => join(folder, name)
  const make = async (name: string): Promise<void> => {
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1'
    await run('openssl', [
      ...request.split(' '),
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      path(`${name}.key`),
      '-out',
      path(`${name}.crt`),
    ])
  }
  await Promise.all([make('own'), make('other')])
  const { readFile } = await import('node:fs/promises')
  const [key, cert, other] = await Promise.all(
    ['own.key', 'own.crt', 'other.crt'].map((name) => readFile(path(name), 'utf8')),
  )
  let origin = ''
  const server = createTlsServer(
    { key, cert },
    issuerListener(() => origin),
  )
  origin = `https://127.0.0.1:${await listen(server)}`
  const validatorTrusting = (ca: string) =>
    createTokenValidator({
      issuer: oidcIssuer(origin),
      audience,
      fetch: fetchThrough(new Agent({ connect: { ca } })),
    })
  const { validateToken } = validatorTrusting(cert as string)
  expect(await validateToken(tokenOf(origin))).toMatchObject({ subject: 'mara' })
  const { tryValidateToken } = validatorTrusting(other as string)
  expect((await tryValidateToken(tokenOf(origin))).error?.code).toBe('keys_unavailable')
})

/** A forward proxy: it opens the connections that it is asked for, and notes them. */
async function startProxy(): Promise<{ url: string; targets: string[] }> {
  const targets: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    targets.push(request.url ?? '')
    const [host, port] = (request.url ?? '').split(':')
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  return { url: `http://127.0.0.1:${await listen(proxy)}`, targets }
}

it('reaches issuer and token service through a proxy, a validator and a token client alike', async () => {
  const proxy = await startProxy()
  let origin = ''
  const server = createServer((request, response) => {
    if (request.url !== '/token') return issuerListener(() => origin)(request, response)
    const answer = { access_token: 'a', token_type: 'Bearer', expires_in: 600 }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  const port = await listen(server)
  origin = `http://127.0.0.1:${port}`
  const fetch = fetchThrough(new ProxyAgent(proxy.url))
  const { validateToken } = createTokenValidator({ issuer: oidcIssuer(origin), audience, fetch })
  expect(await validateToken(tokenOf(origin))).toMatchObject({ subject: 'mara' })
  const client = createTokenClient({
    authority: oauthAuthority({ issuer: origin }),
    clientId: 'daemon',
    credential: clientSecret('a-secret-of-the-test'),
    fetch,
  })
  expect(await client.acquireForApp({ scopes: ['orders:read'] })).toMatchObject({ accessToken: 'a' })
  expect(new Set(proxy.targets)).toEqual(new Set([`127.0.0.1:${port}`]))
})

it('shows the pod’s token to the API server of the cluster, read again for each fetch', async () => {
  const asked: string[] = []
  const port = await listen(createServer(issuerListener(() => '', asked)))
  const tokenFile = join(await temporaryFolder(), 'token')
  await writeFile(tokenFile, 'pod-token-1\n')
  const issuer = 'https://kubernetes.default.svc.cluster.local'
  const validator = validatorInCluster(`http://127.0.0.1:${port}`, issuer, tokenFile)
  const token = tokenOf(issuer, {
    sub: 'system:serviceaccount:shop:checkout',
    'kubernetes.io': { namespace: 'shop' },
  })
  expect(await validator.validateToken(token)).toMatchObject({ kind: 'application' })
  await writeFile(tokenFile, 'pod-token-2\n')
  validator.forgetKeys()
  await validator.validateToken(token)
  expect(asked.map((line) => line.split(' ').at(-1))).toEqual(['pod-token-1', 'pod-token-2'])
})

it('uses one public issuer under two host names, as containers see it', async () => {
  const asked: string[] = []
  const port = await listen(createServer(issuerListener(() => 'https://id.example/realms/shop', asked)))
  const { validateToken } = createTokenValidator({
    issuer: oidcIssuer({
      issuer: 'https://id.example/realms/shop',
      internalOrigin: `http://keycloak.internal:${port}`,
      allowPlainHttpHosts: [`keycloak.internal:${port}`],
    }),
    audience,
    // In place of the network's name service, which a test cannot change.
    fetch: (url, init) =>
      fetch(url.replace('keycloak.internal', '127.0.0.1'), {
        ...init,
        headers: { ...init.headers, host: new URL(url).host },
      }),
  })
  expect(await validateToken(tokenOf('https://id.example/realms/shop'))).toMatchObject({ subject: 'mara' })
  expect(asked.map((line) => line.slice(line.indexOf('/')))).toEqual([
    '/realms/shop/.well-known/openid-configuration',
    '/realms/shop/keys',
  ])
})

const validatorFrom = (tokenFrom?: ReturnType<typeof fromWebSocketProtocol>) =>
  createTokenValidator({
    issuer: staticIssuer({ issuer: 'https://issuer.example', jwks: keySet(['generic']) }),
    audience,
    tokenFrom,
  })
const good = (): string => tokenOf('https://issuer.example')
const expired = (): string => tokenOf('https://issuer.example', { exp: 1 })

it('opens a WebSocket for a good token, and never sends the token back', async () => {
  const port = await listen(chatServer(validatorFrom(fromWebSocketProtocol('bearer.'))))
  const client = new WebSocket(`ws://127.0.0.1:${port}`, ['chat', `bearer.${good()}`])
  const [message] = (await once(client, 'message')) as [Buffer]
  expect(message.toString()).toBe('Hello mara')
  expect(client.protocol).toBe('chat')
  client.close()
})

it.each([
  ['an expired token', () => ['chat', `bearer.${expired()}`], 401, 'error="invalid_token"'],
  ['no token', () => ['chat'], 401, 'Bearer'],
  ['two tokens', () => ['chat', `bearer.${good()}`, 'bearer.x'], 400, 'error="invalid_request"'],
])('opens no WebSocket for %s', async (_, protocols, status, challenge) => {
  const port = await listen(chatServer(validatorFrom(fromWebSocketProtocol('bearer.'))))
  const client = new WebSocket(`ws://127.0.0.1:${port}`, protocols())
  const [, response] = (await once(client, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string> },
  ]
  expect(response.statusCode).toBe(status)
  expect(response.headers['www-authenticate']).toContain(challenge)
  client.on('error', () => {})
  client.terminate()
})

it('lets a Socket.IO client in with a good token, and tells another why not', async () => {
  const server = createServer()
  const rooms = chatRooms(server, validatorFrom())
  onTestFinished(() => rooms.close())
  rooms.on('connection', (socket) => {
    socket.emit('hello', (socket.data as { caller: { subject: string } }).caller.subject)
  })
  const port = await listen(server)
  const open = (token?: string) =>
    io(`http://127.0.0.1:${port}`, { auth: token === undefined ? {} : { token }, reconnection: false })
  const client = open(good())
  expect(await new Promise((resolve) => client.once('hello', resolve))).toBe('mara')
  client.close()
  for (const [token, words] of [
    [expired(), 'The token has expired'],
    [undefined, 'The request carries no bearer token'],
  ] as const) {
    const refused = open(token)
    const error = await new Promise<Error>((resolve) => refused.once('connect_error', resolve))
    expect(error.message).toBe(words)
    refused.close()
  }
})
