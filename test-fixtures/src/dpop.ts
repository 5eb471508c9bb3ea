import {
  constants,
  createHash,
  generateKeyPairSync,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { now } from './clock.js'

/** A key of a client, with its public JWK and the thumbprint that a token names (RFC 7638). */
export interface DpopKey {
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: JsonWebKey
  readonly jkt: string
}

/** Makes a key for one algorithm. */
export function createDpopKey(alg = 'ES256'): DpopKey {
  const { privateKey, publicKey } = pairFor(alg)
  const jwk = publicKey.export({ format: 'jwk' })
  const { crv, e, kty, n, x, y } = jwk
  const jkt = createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
  return { alg, privateKey, jwk, jkt }
}

function pairFor(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg.startsWith('Ed')) return generateKeyPairSync('ed25519')
  if (!alg.startsWith('ES')) return generateKeyPairSync('rsa', { modulusLength: 2048 })
  const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] as string
  return generateKeyPairSync('ec', { namedCurve })
}

/** The one thing that makes a proof differ from a valid one. */
export interface ProofChange {
  readonly header?: Readonly<Record<string, unknown>>
  /** Claims to set; `undefined` removes one. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Signs with this key, whatever the header says. */
  readonly signedBy?: DpopKey
  readonly headerText?: (json: string) => string
  readonly payloadText?: (json: string) => string
  readonly proof?: (proof: string) => string
}

let made = 0

/** A DPoP proof (RFC 9449 section 4.2) for a request with this token: a valid one, with one change. */
export function dpopProof(
  key: DpopKey,
  { token, url, method = 'GET' }: { readonly token: string; readonly url: string; readonly method?: string },
  change: ProofChange = {},
): string {
  const header = { typ: 'dpop+jwt', alg: key.alg, jwk: key.jwk, ...change.header }
  const claims = {
    jti: `proof-${process.pid}-${++made}`,
    htm: method,
    htu: url,
    iat: now,
    ath: createHash('sha256').update(token).digest('base64url'),
    ...change.claims,
  }
  const texts = [
    (change.headerText ?? String)(JSON.stringify(header)),
    (change.payloadText ?? String)(JSON.stringify(claims)),
  ]
  const input = texts.map((text) => Buffer.from(text).toString('base64url')).join('.')
  const proof = `${input}.${signInput(input, change.signedBy ?? key)}`
  return (change.proof ?? String)(proof)
}

function signInput(input: string, { alg, privateKey }: DpopKey): string {
  const bytes = Buffer.from(input)
  if (alg.startsWith('Ed')) return sign(null, bytes, privateKey).toString('base64url')
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const options = alg.startsWith('PS') ? pss : { dsaEncoding: 'ieee-p1363' as const }
  return sign(`sha${alg.slice(2)}`, bytes, { key: privateKey, ...options }).toString('base64url')
}
