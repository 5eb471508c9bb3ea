import { constants, createHmac, sign as signBytes } from 'node:crypto'
import { now } from './clock.js'
import {
  apiClientId,
  apiUri,
  daemonClientId,
  daemonObjectId,
  genericAudience,
  genericClientId,
  genericIssuer,
  genericSubject,
  tenantId,
  userClientId,
  userObjectId,
  userSubject,
  v1Issuer,
  v2Issuer,
} from './identities.js'
import { signingKey, type KeyName } from './keys.js'

export type ValidTokenName =
  | 'v1Delegated'
  | 'v1Application'
  | 'v2Delegated'
  | 'v2Application'
  | 'rfc9068'
  | 'generic'

type JsonObject = Readonly<Record<string, unknown>>

/** A token that passes every check, before it is signed. */
export interface TokenPlan {
  readonly key: KeyName
  readonly header: JsonObject
  readonly claims: JsonObject
}

const issuedAt = now - 300
const times = { iat: issuedAt, nbf: issuedAt, exp: now + 3600 }
const opaque = {
  aio: 'E2ZgYHj8+1nXtrwZcXW4',
  rh: '0.AXoAGh8MP25tV0qbfhxaDZvgAQ.',
  uti: 'q3Zr0uPbVkS8yT2nMxQeAA',
}
const entraHeader = { typ: 'JWT', alg: 'RS256' }

/** The valid tokens, by name. `kid` and, for v1.0, `x5t` are added when a token is made. */
export const validTokens: Readonly<Record<ValidTokenName, TokenPlan>> = {
  v1Delegated: {
    key: 'entra',
    header: entraHeader,
    claims: {
      aud: apiUri,
      iss: v1Issuer(),
      ...times,
      ...opaque,
      acr: '1',
      amr: ['pwd', 'mfa'],
      appid: userClientId,
      appidacr: '1',
      family_name: 'Lindqvist',
      given_name: 'Mara',
      ipaddr: '203.0.113.7',
      name: 'Mara Lindqvist',
      oid: userObjectId,
      scp: 'Files.Read Files.Write',
      sub: userSubject,
      tid: tenantId,
      unique_name: 'mara@contoso.example',
      upn: 'mara@contoso.example',
      ver: '1.0',
    },
  },
  v1Application: {
    key: 'entra',
    header: entraHeader,
    claims: {
      aud: apiUri,
      iss: v1Issuer(),
      ...times,
      ...opaque,
      appid: daemonClientId,
      appidacr: '2',
      idp: v1Issuer(),
      oid: daemonObjectId,
      roles: ['Files.Read.All', 'Files.Write.All'],
      sub: daemonObjectId,
      tid: tenantId,
      ver: '1.0',
    },
  },
  v2Delegated: {
    key: 'entra',
    header: entraHeader,
    claims: {
      aud: apiClientId,
      iss: v2Issuer(),
      ...times,
      ...opaque,
      azp: userClientId,
      azpacr: '1',
      name: 'Mara Lindqvist',
      oid: userObjectId,
      preferred_username: 'mara@contoso.example',
      scp: 'Files.Read Files.Write',
      sub: userSubject,
      tid: tenantId,
      ver: '2.0',
    },
  },
  v2Application: {
    key: 'entra',
    header: entraHeader,
    claims: {
      aud: apiClientId,
      iss: v2Issuer(),
      ...times,
      ...opaque,
      azp: daemonClientId,
      azpacr: '1',
      oid: daemonObjectId,
      roles: ['Files.Read.All', 'Files.Write.All'],
      sub: daemonObjectId,
      tid: tenantId,
      ver: '2.0',
    },
  },
  /** An access token as RFC 9068 profiles it. */
  rfc9068: {
    key: 'generic',
    header: { typ: 'at+jwt', alg: 'RS256' },
    claims: {
      iss: genericIssuer,
      aud: genericAudience,
      iat: issuedAt,
      exp: now + 3600,
      sub: genericSubject,
      client_id: genericClientId,
      jti: 'b2Zf9QmX4kT1uVwY',
      scope: 'files:read files:write',
    },
  },
  /** What many issuers send: a plain JWT with a scope. */
  generic: {
    key: 'generic',
    header: { typ: 'JWT', alg: 'RS256' },
    claims: {
      iss: genericIssuer,
      aud: [genericAudience, 'https://other.example'],
      iat: issuedAt,
      exp: now + 3600,
      sub: genericSubject,
      scope: 'files:read files:write',
    },
  },
}

/** The one thing that makes a token differ from a valid one. */
export interface TokenChange {
  /** The valid token to start from; `v2Delegated` unless given. */
  readonly from?: ValidTokenName
  /** Claims to set; `undefined` removes one. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Header members to set; `undefined` removes one. */
  readonly header?: Readonly<Record<string, unknown>>
  /** Signs with this key and names its `kid`, unless `header` names another. */
  readonly key?: KeyName
  /** Signs with this algorithm, whatever the header says; the header's unless given. */
  readonly signedWith?: string
  /** Rewrites the JSON text before it is encoded: for text that no serializer writes. */
  readonly headerText?: (json: string) => string | Uint8Array
  readonly payloadText?: (json: string) => string | Uint8Array
  /** Rewrites the encoded segments before they are signed, so that the signature is valid for what is sent. */
  readonly headerSegment?: (segment: string) => string
  readonly payloadSegment?: (segment: string) => string
  /** Rewrites the signature's segment. */
  readonly signatureSegment?: (segment: string) => string
  /** Rewrites the whole token. */
  readonly token?: (token: string) => string
}

/** A signed token: a valid one with one change. */
export function tokenWith(change: TokenChange = {}): string {
  const plan = validTokens[change.from ?? 'v2Delegated']
  const key = signingKey(change.key ?? plan.key)
  const isV1 = plan.claims.ver === '1.0'
  const header = changed(
    {
      ...plan.header,
      alg: change.key === undefined ? plan.header.alg : key.alg,
      ...(isV1 && { x5t: key.kid }),
      kid: key.kid,
    },
    change.header,
  )
  return signToken({
    ...change,
    header: apply(change.headerText, JSON.stringify(header)),
    payload: apply(change.payloadText, JSON.stringify(changed(plan.claims, change.claims))),
    key: change.key ?? plan.key,
    alg: change.signedWith ?? (typeof header.alg === 'string' ? header.alg : key.alg),
  })
}

/** What `signToken` signs: texts that need not be JSON, and how to sign them. */
export interface RawToken extends Pick<
  TokenChange,
  'headerSegment' | 'payloadSegment' | 'signatureSegment' | 'token'
> {
  readonly header: string | Uint8Array
  readonly payload: string | Uint8Array
  readonly key: KeyName
  readonly alg: string
}

/** Signs any two texts as a compact JWS (RFC 7515 section 3.1). */
export function signToken(raw: RawToken): string {
  const header = apply(raw.headerSegment, encode(raw.header))
  const payload = apply(raw.payloadSegment, encode(raw.payload))
  const signature = signInput(`${header}.${payload}`, raw.key, raw.alg)
  return apply(raw.token, `${header}.${payload}.${apply(raw.signatureSegment, signature)}`)
}

/** A valid token of exactly this many bytes. */
export function tokenOfLength(bytes: number): string {
  const bare = tokenWith({ claims: { padding: '' } }).length
  const size = Math.floor(((bytes - bare) * 3) / 4) - 6
  // No base64url text is 1 longer than a multiple of 4, so header and payload have to share what is to be filled.
  for (let spaces = 0; spaces < 3; spaces++) {
    for (let filler = size; filler < size + 12; filler++) {
      const token = tokenWith({
        headerText: (json) => json + ' '.repeat(spaces),
        claims: { padding: 'x'.repeat(filler) },
      })
      if (token.length === bytes) return token
    }
  }
  throw new Error('No token has exactly this length')
}

/** The segment with an unused bit of its last character set: decodes to the same bytes, and is not canonical. */
export function withSpareBit(segment: string): string {
  if (segment.length % 4 === 0) throw new Error('This segment has no spare bits')
  const last = alphabet.indexOf(segment.at(-1) ?? '')
  return segment.slice(0, -1) + alphabet[last ^ 1]
}

/** A JSON text lengthened by spaces until its base64url form has spare bits. */
export function padJson(json: string): string {
  let text = json
  while (Buffer.byteLength(text) % 3 === 0) text += ' '
  return text
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function encode(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64url')
}

function apply<In, Out>(change: ((value: In) => Out) | undefined, value: In & Out): In | Out {
  return change === undefined ? value : change(value)
}

function changed(object: JsonObject, change: JsonObject = {}): Record<string, unknown> {
  const result: Record<string, unknown> = { ...object, ...change }
  for (const name of Object.keys(result)) if (result[name] === undefined) delete result[name]
  return result
}

function signInput(input: string, keyName: KeyName, alg: string): string {
  const { privateKey, publicKey } = signingKey(keyName)
  const bytes = Buffer.from(input)
  const hash = `sha${alg.slice(-3)}`
  const rsaPss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  switch (alg.slice(0, 2)) {
    case 'RS':
      return signBytes(hash, bytes, privateKey).toString('base64url')
    case 'PS':
      return signBytes(hash, bytes, { key: privateKey, ...rsaPss }).toString('base64url')
    case 'ES':
      return signBytes(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    case 'Ed':
      return signBytes(null, bytes, privateKey).toString('base64url')
    case 'HS':
      // The classic confusion: the public key, which anyone can have, used as an HMAC secret.
      return createHmac(hash, publicKey.export({ format: 'pem', type: 'spki' }))
        .update(bytes)
        .digest('base64url')
    default:
      return ''
  }
}
