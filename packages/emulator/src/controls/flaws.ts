import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { deriveId } from '../base/guid.js'
import { encoded, signingInput, signJws } from '../base/jws.js'
import { graphAppId } from '../directory/graph.js'
import { startSession } from '../directory/sessions.js'
import type { Application, Tenant, User } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'
import { generateRsaKeys } from '../keys/rsa-key.js'
import type { SigningKey } from '../keys/types.js'
import { issueIdToken } from '../tokens/id-token.js'
import type { TokenFlaw } from './flaw-table.js'

/*
 * Makes the flawed tokens of `flaw-table.ts`. A flaw starts from the good token that was asked for and changes one thing.
 */

/** The good token and its parts. */
interface Good {
  readonly service: Service
  readonly tenant: Tenant
  readonly resource: Application
  readonly user: User | undefined
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly token: string
  readonly key: SigningKey
}

type MakeFlawed = (good: Good) => Promise<string> | string

const hourSeconds = 3600

const makers: Readonly<Record<TokenFlaw, MakeFlawed>> = {
  expired: (good) => shifted(good, -(lifetimeOf(good) + hourSeconds)),
  notYetValid: (good) => shifted(good, hourSeconds),
  issuedInFuture: (good) => withClaims(good, { iat: Number(good.claims['exp']) }),
  noExpiry: (good) => withClaims(good, { exp: undefined }),
  textExpiry: (good) => withClaims(good, { exp: String(good.claims['exp']) }),
  wrongAudience: (good) => withClaims(good, { aud: deriveId('another audience') }),
  wrongTenant(good) {
    const tid = deriveId('another tenant')
    return withClaims(good, { tid, iss: issuerOf(good.service, tid, versionOf(good)) })
  },
  tenantMismatch: (good) => withClaims(good, { tid: deriveId('another tenant') }),
  wrongIssuer: (good) => withClaims(good, { iss: `https://issuer.example/${good.tenant.id}/v2.0` }),
  otherCloudKey: async (good) => signedBy(good, await good.service.keys.signingKey('usGovernment')),
  msaKey: async (good) => signedBy(good, await good.service.keys.signingKey('microsoftAccounts')),
  async unknownKid(good) {
    return signedBy(good, { kid: randomBytes(20).toString('base64url'), ...(await generateRsaKeys()) })
  },
  missingKid: (good) => signJws({ ...good.header, kid: undefined }, good.claims, good.key.privateKey),
  hmacConfusion(good) {
    const secret = good.key.publicKey.export({ type: 'spki', format: 'pem' })
    const input = signingInput({ ...good.header, alg: 'HS256' }, good.claims)
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  },
  algNone: (good) => `${signingInput({ ...good.header, alg: 'none' }, good.claims)}.`,
  tampered(good) {
    const [, , signature = ''] = good.token.split('.')
    return `${signingInput(good.header, { ...good.claims, oid: deriveId('somebody else') })}.${signature}`
  },
  badSignature(good) {
    const [header = '', payload = '', signature = ''] = good.token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    bytes[0] = (bytes[0] ?? 0) ^ 1
    return `${header}.${payload}.${bytes.toString('base64url')}`
  },
  truncated: (good) => good.token.split('.').slice(0, 2).join('.'),
  async embeddedKey(good) {
    const { privateKey, publicKey } = await generateRsaKeys()
    return signJws({ ...good.header, jwk: publicKey.export({ format: 'jwk' }) }, good.claims, privateKey)
  },
  otherAlgorithm(good) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const input = signingInput({ ...good.header, alg: 'ES256' }, good.claims)
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  },
  async idToken({ service, tenant, resource, user, claims }) {
    if (user === undefined)
      throw new TypeError('issueToken: "user" must be a user of the registration for the flaw idToken')
    return issueIdToken(service, {
      version: claims['ver'] === '1.0' ? '1.0' : '2.0',
      tenant,
      client: resource,
      user,
      session: startSession(service.moment()),
      roles: [],
      nonce: randomBytes(16).toString('base64url'),
      signIn: new Set(['openid', 'profile']),
    })
  },
  async graphToken(good) {
    const nonce = randomBytes(32).toString('base64url')
    const hashed = createHash('sha256').update(nonce).digest('base64url')
    const claims = { ...good.claims, aud: graphAppId }
    const token = await signJws({ ...good.header, nonce: hashed }, claims, good.key.privateKey)
    const header = encoded({ ...good.header, nonce })
    return [header, ...token.split('.').slice(1)].join('.')
  },
  v1ForV2: (good) => inVersion(good, '1.0'),
  v2ForV1: (good) => inVersion(good, '2.0'),
  noScope: (good) => withClaims(good, { scp: undefined, roles: undefined }),
  duplicateTid(good) {
    const payload = JSON.stringify(good.claims).replace('{', `{"tid":"${deriveId('another tenant')}",`)
    return signJws(good.header, payload, good.key.privateKey)
  },
  overlong: (good) => withClaims(good, { padding: 'x'.repeat(260 * 1024) }),
  crit: (good) => signedWith(good, { crit: ['urn:example:unknown'], 'urn:example:unknown': true }),
  unencodedPayload: (good) => signedWith(good, { b64: false, crit: ['b64'] }),
  async nestedJwe({ token }) {
    const [{ CompactEncrypt }, { publicKey }] = await Promise.all([
      import('jose/jwe/compact/encrypt'),
      generateRsaKeys(),
    ])
    return new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(publicKey)
  },
  boundToCertificate: (good) =>
    withClaims(good, {
      cnf: { 'x5t#S256': createHash('sha256').update('a certificate').digest('base64url') },
    }),
}

export function makeFlawed(flaw: TokenFlaw, good: Good): Promise<string> | string {
  return makers[flaw](good)
}

function signedWith({ header, claims, key }: Good, more: object): Promise<string> {
  return signJws({ ...header, ...more }, claims, key.privateKey)
}

function signedBy({ header, claims }: Good, { kid, privateKey }: SigningKey): Promise<string> {
  return signJws({ ...header, kid, ...('x5t' in header ? { x5t: kid } : {}) }, claims, privateKey)
}

function withClaims({ header, claims, key }: Good, changes: object): Promise<string> {
  return signJws(header, { ...claims, ...changes }, key.privateKey)
}

function lifetimeOf({ claims, service }: Good): number {
  return Math.max(Number(claims['exp']) - Math.floor(service.clock.now()), 0)
}

function shifted(good: Good, seconds: number): Promise<string> {
  const { claims, service } = good
  const now = Math.floor(service.clock.now())
  return withClaims(good, {
    iat: now + seconds,
    nbf: now + seconds,
    exp: Number(claims['exp']) + seconds,
  })
}

function versionOf({ claims }: Good): '1.0' | '2.0' {
  return claims['ver'] === '1.0' ? '1.0' : '2.0'
}

/** The same user and client, with the claims of the other version. */
function inVersion(good: Good, version: '1.0' | '2.0'): Promise<string> {
  const { header, claims, service, tenant, resource, key } = good
  const { appid, appidacr, azp, azpacr, ...rest } = claims
  const [client, authentication] = [appid ?? azp, appidacr ?? azpacr]
  const isV1 = version === '1.0'
  return signJws(
    { ...header, x5t: isV1 ? key.kid : undefined },
    {
      ...rest,
      aud: isV1 ? (resource.identifierUris[0] ?? `api://${resource.appId}`) : resource.appId,
      iss: issuerOf(service, tenant.id, version),
      ver: version,
      ...(isV1 ? { appid: client, appidacr: authentication } : { azp: client, azpacr: authentication }),
    },
    key.privateKey,
  )
}
