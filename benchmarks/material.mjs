// Keys, tokens and the issuer that every contender meets. The tokens look like Entra's, and carry `client_id`, `jti` and
// `typ: at+jwt` beside it, so that libraries for RFC 9068 take the same ones.
import { createServer } from 'node:http'
import { once } from 'node:events'
import { constants, generateKeyPairSync, sign } from 'node:crypto'

export const tenantId = '9f1c0000-0000-4000-8000-000000000001'
export const clientId = '6c1e0000-0000-4000-8000-000000000002'

const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

export function createKey(alg, kid = `key-${alg}`) {
  const { privateKey, publicKey } = pairs[alg]()
  return { alg, kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' } }
}

export function createToken(key, issuer, claims = {}) {
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: key.alg, typ: 'at+jwt', kid: key.kid }
  const payload = {
    aud: clientId,
    iss: issuer,
    iat: now - 300,
    nbf: now - 300,
    exp: now + 7200,
    aio: 'E2ZgYHj8'.repeat(8),
    azp: '6c1e0000-0000-4000-8000-000000000003',
    client_id: '6c1e0000-0000-4000-8000-000000000003',
    azpacr: '1',
    jti: 'q3Zr0uPbVkS8yT2nMxQeAA',
    name: 'Mara Lindqvist',
    oid: '6c1e0000-0000-4000-8000-000000000004',
    preferred_username: 'mara@contoso.example',
    rh: '0.AXoAGh8MP25tV0qbfhxaDZvgAQ.'.repeat(3),
    roles: ['Orders.Approver', 'Orders.Reader'],
    groups: Array.from({ length: 8 }, (_, index) => `7d2e0000-0000-4000-8000-00000000000${index}`),
    scp: 'Orders.Read Orders.Write',
    scope: 'Orders.Read Orders.Write',
    sub: 'Zk3lqhY2mA9vT7cR1xWnE5uJ8sPbD4gFoKiLtQyXwMz',
    tid: tenantId,
    uti: 'q3Zr0uPbVkS8yT2nMxQeAA',
    ver: '2.0',
    ...claims,
  }
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${signatureOf(key, Buffer.from(input)).toString('base64url')}`
}

function signatureOf({ alg, privateKey: key }, data) {
  if (alg === 'EdDSA') return sign(null, data, key)
  if (alg === 'ES256') return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  return sign('sha256', data, alg === 'PS256' ? { key, ...pss } : key)
}

/** The token with one bit of its signature changed. */
export function tampered(token) {
  const at = token.lastIndexOf('.') + 20
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

/** An issuer on loopback, with discovery and keys; it counts key fetches and can fail, wait or list other keys. */
export async function startIssuer(keys, { latencyMilliseconds = 0 } = {}) {
  let listed = keys
  let mode = 'up'
  let keyFetches = 0
  const server = createServer((request, response) => {
    if (request.url.endsWith('/keys')) keyFetches++
    if (mode === 'hang') return
    setTimeout(() => {
      if (mode === 'down') return response.writeHead(500).end()
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify(request.url.endsWith('/keys') ? { keys: listed.map(({ jwk }) => jwk) } : document),
      )
    }, latencyMilliseconds)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${server.address().port}`
  const issuer = `${origin}/${tenantId}/v2.0`
  const document = { issuer, jwks_uri: `${origin}/keys` }
  for (const { jwk } of keys) jwk.issuer = issuer
  return {
    origin,
    issuer,
    jwksUri: document.jwks_uri,
    cloud: {
      authority: origin,
      v1Issuer: `${origin}/{tenantid}/`,
      v2Issuer: `${origin}/{tenantid}/v2.0`,
    },
    keyFetches: () => keyFetches,
    set: (next) => {
      mode = next
    },
    list: (next) => {
      for (const { jwk } of next) jwk.issuer = issuer
      listed = next
    },
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A request as an adapter hands it to a validator: the contenders get their header without a search through all of them. */
class RequestView {
  #authorization

  constructor(authorization) {
    this.#authorization = [authorization]
  }

  header(name) {
    return name === 'authorization' ? this.#authorization : undefined
  }
}

export function requestView(authorization) {
  return new RequestView(authorization)
}
