import { now } from './clock.js'
import {
  apiClientId,
  apiUri,
  daemonClientId,
  foreignTenantId,
  genericAudience,
  genericIssuer,
  otherApiClientId,
  secondTenantId,
  tenantId,
  userClientId,
  v1Issuer,
  v2Issuer,
} from './identities.js'
import { signingKey } from './keys.js'
import type { Permission, RowOptions, SetupName, Situation } from './setups.js'
import { padJson, tokenWith, withSpareBit, type TokenChange } from './tokens.js'

/** A request that must be refused, and everything the caller and the operator are to learn. */
export interface RefusedRequest extends Situation {
  /** What arrives: "refuses <name> with <code>". */
  readonly name: string
  /** The token, or the raw values of every Authorization header. */
  make(): string | readonly string[]
  readonly code: string
  readonly reason?: string
  readonly claim?: string
  readonly status: 400 | 401 | 403
  /** `scope` of the challenge. */
  readonly scope?: string
}

/** What a row says beyond its name, code and token. */
type Rest = Partial<Pick<RefusedRequest, keyof Situation | 'reason' | 'claim' | 'scope'>>

/** Raw Authorization values; the rows are about the header, so they need no token of their own. */
function header(
  status: 400 | 401,
  code: string,
  name: string,
  make: () => readonly string[],
): RefusedRequest {
  return { name, setup: 'entra', make, code, status }
}

/** A valid token with one change, which makes it invalid. */
function invalid(
  code: string,
  name: string,
  change: TokenChange | (() => string),
  rest: Rest = {},
): RefusedRequest {
  return { name, setup: setupFor(change), make: maker(change), code, status: 401, ...rest }
}

/** A valid token with one change, which leaves it valid and not allowed. */
function forbidden(code: string, name: string, change: TokenChange, rest: Rest): RefusedRequest {
  return { name, setup: setupFor(change), make: maker(change), code, status: 403, ...rest }
}

function setupFor(change: TokenChange | (() => string)): SetupName {
  const from = typeof change === 'function' ? undefined : change.from
  return from === 'generic' || from === 'rfc9068' ? 'oidc' : 'entra'
}

function maker(change: TokenChange | (() => string)): () => string {
  return typeof change === 'function' ? change : () => tokenWith(change)
}

const multiTenant = { setup: 'entraMultiTenant' } as const

/** Inserts text right after the opening brace of a JSON object. */
const prepend = (text: string) => (json: string) => json.replace('{', `{${text},`)
/** Replaces the value of a member in JSON text by any text. */
const rawMember = (name: string, value: string) => (json: string) =>
  json.replace(new RegExp(`"${name}":("[^"]*"|[^,}]*)`), `"${name}":${value}`)
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
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

const headerRows: readonly RefusedRequest[] = [
  header(401, 'credentials_missing', 'a request without an Authorization header', () => []),
  header(401, 'scheme_unsupported', 'the Basic scheme', () => ['Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0']),
  header(401, 'scheme_unsupported', 'a valid token under the scheme DPoP', () => [`DPoP ${tokenWith()}`]),
  header(401, 'scheme_unsupported', 'a scheme that only begins with Bearer', () => [
    `BearerToken ${tokenWith()}`,
  ]),
  header(400, 'authorization_repeated', 'the same valid token in two Authorization headers', () => [
    `Bearer ${tokenWith()}`,
    `Bearer ${tokenWith()}`,
  ]),
  header(400, 'authorization_repeated', 'a valid token after a header of another scheme', () => [
    'Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0',
    `Bearer ${tokenWith()}`,
  ]),
  header(400, 'authorization_malformed', 'an empty Authorization header', () => ['']),
  header(400, 'authorization_malformed', 'Bearer without a token', () => ['Bearer']),
  header(400, 'authorization_malformed', 'a tab between Bearer and the token', () => [
    `Bearer\t${tokenWith()}`,
  ]),
  header(400, 'authorization_malformed', 'a token with a space inside', () => [
    `Bearer ${tokenWith().replace('.', ' .')}`,
  ]),
  header(400, 'authorization_malformed', 'two tokens in one header', () => [
    `Bearer ${tokenWith()} ${tokenWith({ from: 'v1Delegated' })}`,
  ]),
  header(400, 'authorization_malformed', 'parameters in place of a token', () => [
    'Bearer realm="files", token="opensesame"',
  ]),
  header(400, 'authorization_malformed', 'a value that begins with a comma', () => [
    `,Bearer ${tokenWith()}`,
  ]),
  header(401, 'scheme_unsupported', 'a token without a scheme', () => [tokenWith()]),
]

const shapeRows: readonly RefusedRequest[] = [
  invalid('token_too_large', 'a token one byte above 16 KiB', () => tokenOfLength(16_384 + 1)),
  invalid('token_too_large', 'a token above a limit that is configured', () => tokenOfLength(2_001), {
    options: { maxTokenBytes: 2_000 },
  }),
  invalid('token_malformed', 'one word instead of a token', () => 'opensesame-opensesame', {
    reason: 'parts',
  }),
  invalid(
    'token_malformed',
    'a token without its signature part',
    { token: (t) => t.slice(0, t.lastIndexOf('.')) },
    { reason: 'parts' },
  ),
  invalid(
    'token_malformed',
    'a token with a fourth part',
    { token: (t) => `${t}.AAAA` },
    { reason: 'parts' },
  ),
  invalid(
    'token_malformed',
    'a token with six parts',
    { token: (t) => `${t}.AAAA.AAAA.AAAA` },
    { reason: 'parts' },
  ),
  invalid('token_encrypted', 'an encrypted token of five parts', { token: (t) => `${t}.AAAA.AAAA` }),
  invalid(
    'token_malformed',
    'a second token after a comma',
    { token: (t) => `${t},${t.slice(0, 20)}` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature with padding',
    { signatureSegment: (s) => `${s}==` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a header segment with padding',
    { headerText: padJson, headerSegment: (s) => s.padEnd(Math.ceil(s.length / 4) * 4, '=') },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload segment with padding',
    { payloadText: padJson, payloadSegment: (s) => s.padEnd(Math.ceil(s.length / 4) * 4, '=') },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature in the standard base64 alphabet',
    { signatureSegment: (s) => `+${s.slice(1)}` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload in the standard base64 alphabet',
    {
      payloadText: (t) => padJson(t.replace('{', '{"filler":"???>>>",')),
      payloadSegment: (s) => Buffer.from(s, 'base64url').toString('base64').replaceAll('=', ''),
    },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature with a spare bit set',
    { signatureSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a header segment with a spare bit set',
    { headerText: padJson, headerSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload segment with a spare bit set',
    { payloadText: padJson, payloadSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature of an impossible length',
    { signatureSegment: (s) => `${s}AAA` },
    { reason: 'base64url' },
  ),
  invalid('token_malformed', 'an empty header segment', { headerText: () => '' }, { reason: 'json' }),
  invalid('token_malformed', 'an empty payload segment', { payloadText: () => '' }, { reason: 'json' }),
  invalid(
    'token_malformed',
    'a header with an invalid UTF-8 byte',
    { headerText: (t) => withBadByte(t) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with an invalid UTF-8 byte',
    { payloadText: (t) => withBadByte(t) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with an overlong UTF-8 sequence',
    { payloadText: (t) => withBadByte(t, [0xc0, 0xaf]) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with a lone surrogate in UTF-8',
    { payloadText: (t) => withBadByte(t, [0xed, 0xa0, 0x80]) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload that is not JSON',
    { payloadText: (t) => t.slice(0, -1) },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload with a comma too many',
    { payloadText: (t) => t.replace(/\}$/, ',}') },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload followed by a second object',
    { payloadText: (t) => `${t}{}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload that is an array',
    { payloadText: (t) => `[${t}]` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload that is a string',
    { payloadText: () => '"payload"' },
    { reason: 'json' },
  ),
  invalid('token_malformed', 'a payload that is null', { payloadText: () => 'null' }, { reason: 'json' }),
  invalid(
    'token_malformed',
    'a header that is an array',
    { headerText: (t) => `[${t}]` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload after a byte order mark',
    { payloadText: (t) => `\uFEFF${t}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a header after a byte order mark',
    { headerText: (t) => `\uFEFF${t}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a header name given twice',
    { headerText: prepend('"alg":"none"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim name given twice',
    { payloadText: prepend('"aud":"another"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim given twice with the same value',
    { payloadText: prepend('"ver":"2.0"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim name repeated by way of an escape',
    { payloadText: prepend('"\\u0061ud":"another"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a name given twice deep inside a claim',
    { payloadText: prepend('"x":[{"y":{"z":1,"z":2}}]') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ in the payload',
    { payloadText: prepend('"__proto__":{"aud":"x"}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ by way of an escape',
    { payloadText: prepend('"__pr\\u006fto__":1') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ in the header',
    { headerText: prepend('"__proto__":{"b64":true}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ deep inside a claim',
    { payloadText: prepend('"x":{"y":{"__proto__":{}}}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a payload nested a thousand times',
    { payloadText: prepend(`"x":${nested(1000)}`) },
    { reason: 'nesting' },
  ),
  invalid(
    'token_malformed',
    'a header nested a hundred times',
    { headerText: prepend(`"x":${nested(100)}`) },
    { reason: 'nesting' },
  ),
]

const algorithmRows: readonly RefusedRequest[] = [
  invalid('algorithm_not_allowed', 'the algorithm none with an empty signature', {
    header: { alg: 'none' },
    signedWith: 'none',
  }),
  invalid('algorithm_not_allowed', 'the algorithm none over a valid signature', {
    header: { alg: 'none' },
    signedWith: 'RS256',
  }),
  invalid('algorithm_not_allowed', 'the algorithm None, in other letters', {
    header: { alg: 'None' },
    signedWith: 'none',
  }),
  invalid('algorithm_not_allowed', 'HMAC with the public key as its secret', { header: { alg: 'HS256' } }),
  invalid('algorithm_not_allowed', 'RS512 where Entra signs with RS256', { header: { alg: 'RS512' } }),
  invalid('algorithm_not_allowed', 'PS256 where Entra signs with RS256', { header: { alg: 'PS256' } }),
  invalid('algorithm_not_allowed', 'rs256 in lower case', { header: { alg: 'rs256' }, signedWith: 'RS256' }),
  invalid('algorithm_not_allowed', 'a header without an algorithm', { header: { alg: undefined } }),
  invalid('algorithm_not_allowed', 'an algorithm that is a list', { header: { alg: ['RS256'] } }),
  invalid('algorithm_not_allowed', 'an algorithm that is a name on every object', {
    header: { alg: 'constructor' },
    signedWith: 'RS256',
  }),
  invalid('algorithm_not_allowed', 'HMAC from a generic issuer', {
    from: 'generic',
    header: { alg: 'HS256' },
  }),
  invalid('algorithm_not_allowed', 'the algorithm none from a generic issuer', {
    from: 'generic',
    header: { alg: 'none' },
  }),
  invalid(
    'algorithm_not_allowed',
    'an algorithm that was left out of the list',
    { from: 'generic', key: 'p256' },
    { issuerOptions: { algorithms: ['RS256'] } },
  ),
  invalid(
    'header_unsupported',
    'a critical header member nobody knows',
    { header: { crit: ['exp'], exp: now + 60 } },
    { claim: 'crit' },
  ),
  invalid(
    'header_unsupported',
    'an empty list of critical members',
    { header: { crit: [] } },
    { claim: 'crit' },
  ),
  invalid(
    'header_unsupported',
    'a critical b64',
    { header: { crit: ['b64'], b64: true } },
    { claim: 'crit' },
  ),
  invalid('header_unsupported', 'a payload declared unencoded', { header: { b64: false } }, { claim: 'b64' }),
  invalid('token_type_mismatch', 'a logout token', { header: { typ: 'logout+jwt' } }),
  invalid('token_type_mismatch', 'a DPoP proof', { header: { typ: 'dpop+jwt' } }),
  invalid('token_type_mismatch', 'a logout token of a generic issuer', {
    from: 'generic',
    header: { typ: 'logout+jwt' },
  }),
  invalid('token_type_mismatch', 'a security event token of a generic issuer', {
    from: 'generic',
    header: { typ: 'application/secevent+jwt' },
  }),
  invalid('token_type_mismatch', 'a DPoP proof of a generic issuer', {
    from: 'rfc9068',
    header: { typ: 'dpop+jwt' },
  }),
  invalid('token_type_mismatch', 'a type that is a number', { from: 'rfc9068', header: { typ: 1 } }),
  invalid(
    'token_type_mismatch',
    'a plain JWT where RFC 9068 is required',
    { from: 'generic' },
    { issuerOptions: { requireAccessTokenType: true } },
  ),
  invalid(
    'token_type_mismatch',
    'a token without a type where RFC 9068 is required',
    { from: 'rfc9068', header: { typ: undefined } },
    { issuerOptions: { requireAccessTokenType: true } },
  ),
  invalid('graph_token', 'a Microsoft Graph token, by the nonce in its header', {
    header: { nonce: 'Xx3vGq1xVtYwT9' },
    claims: { aud: 'https://graph.microsoft.com' },
  }),
]

/** Read when a validator is built, as the key is made no earlier. */
const deniesTheKey: RowOptions = {
  get deniedKeys() {
    return [signingKey('entra').kid]
  },
}

const signatureRows: readonly RefusedRequest[] = [
  invalid('signature_invalid', 'a signature with one bit changed', { signatureSegment: withFirstBitFlipped }),
  invalid('signature_invalid', 'an empty signature', { signatureSegment: () => '' }),
  invalid('signature_invalid', 'a signature one byte short', {
    signatureSegment: (s) => Buffer.from(s, 'base64url').subarray(0, -1).toString('base64url'),
  }),
  invalid('signature_invalid', 'a signature one byte long', {
    signatureSegment: (s) => Buffer.concat([Buffer.from(s, 'base64url'), Buffer.of(0)]).toString('base64url'),
  }),
  invalid('signature_invalid', 'a signature of zeros', {
    signatureSegment: () => Buffer.alloc(256).toString('base64url'),
  }),
  invalid('signature_invalid', 'the signature of another valid token', {
    signatureSegment: () => tokenWith({ from: 'v1Delegated' }).split('.')[2] ?? '',
  }),
  invalid('signature_invalid', 'a payload changed after signing', {
    token: (t) => swapPayload(t, tokenWith({ claims: { scp: 'Files.Read Files.Write Admin' } })),
  }),
  invalid('signature_invalid', "an attacker's key under the issuer's key id", () =>
    tokenWith({ key: 'attacker', header: { kid: signingKey('entra').kid } }),
  ),
  invalid('signature_invalid', 'another listed key under the wrong key id', () =>
    tokenWith({ key: 'entraNext', header: { kid: signingKey('entra').kid } }),
  ),
  invalid('signature_invalid', 'a signature made with PSS under RS256', { signedWith: 'PS256' }),
  invalid('signature_invalid', "an attacker's key embedded in the header as jwk", () =>
    tokenWith({ key: 'attacker', header: { kid: signingKey('entra').kid, jwk: signingKey('attacker').jwk } }),
  ),
  invalid('signature_invalid', "an attacker's key set named by jku", () =>
    tokenWith({
      key: 'attacker',
      header: { kid: signingKey('entra').kid, jku: 'https://attacker.example/keys' },
    }),
  ),
  invalid('key_unknown', 'a key id no key set lists', () => tokenWith({ key: 'attacker' })),
  invalid('key_unknown', 'a key id that looks like a path', { header: { kid: '../../../../dev/null' } }),
  invalid('key_unknown', 'a key id that differs in letter case', () =>
    tokenWith({ header: { kid: swapCase(signingKey('entra').kid) } }),
  ),
  invalid('key_unknown', 'a key id that is a name on every object', { header: { kid: '__proto__' } }),
  invalid('key_unknown', 'a key id of another name on every object', { header: { kid: 'constructor' } }),
  invalid('key_unknown', 'a key listed for encryption', { key: 'forEncryption' }),
  invalid('key_unknown', 'a key listed for signing only', { key: 'forSigningOnly' }),
  invalid('key_unknown', 'an RSA key of 1024 bits', { key: 'tooSmall' }),
  invalid('key_unknown', 'an RSA key with the exponent 3', { key: 'weakExponent' }),
  invalid('key_unknown', 'a key listed with its private half', { key: 'listedPrivately' }),
  invalid('key_unknown', 'a symmetric key of the key set', { header: { kid: 'symmetric' } }),
  invalid('key_unknown', 'a key of the generic issuer under Entra', { key: 'generic' }),
  invalid('key_unknown', 'a key bound to another algorithm', { key: 'boundToRs512' }),
  invalid(
    'key_unknown',
    "an RSA key's id under ES256",
    () => tokenWith({ from: 'generic', key: 'p256', header: { kid: signingKey('generic').kid } }),
    { setup: 'oidc' },
  ),
  invalid(
    'key_unknown',
    "a P-256 key's id under ES384",
    () => tokenWith({ from: 'generic', key: 'p384', header: { kid: signingKey('p256').kid } }),
    { setup: 'oidc' },
  ),
  invalid('key_denied', 'a key on the list of denied ones', {}, { options: deniesTheKey }),
  invalid(
    'token_malformed',
    'a key id that is a number',
    { header: { kid: 7 } },
    { claim: 'kid', reason: 'header' },
  ),
  invalid(
    'token_malformed',
    'a key id that is an object',
    { header: { kid: { a: 1 } } },
    { claim: 'kid', reason: 'header' },
  ),
  invalid('key_unknown', 'a key on an unsupported curve', { from: 'generic', key: 'secp256k1' }),
  invalid('key_id_missing', 'a token without a key id', { header: { kid: undefined } }),
  invalid('key_issuer_mismatch', "a key that belongs to another tenant's issuer", { key: 'foreignTenant' }),
  invalid('key_issuer_mismatch', "a key that belongs to another tenant's issuer, for a v1.0 token", {
    from: 'v1Delegated',
    key: 'foreignTenant',
  }),
  invalid(
    'key_issuer_mismatch',
    "a key of another tenant's issuer where both tenants are many",
    { key: 'foreignTenant' },
    multiTenant,
  ),
  invalid('key_issuer_mismatch', 'a key of the US Government cloud', { key: 'governmentCloud' }, multiTenant),
  invalid(
    'key_issuer_mismatch',
    'a key of the US Government cloud for a v1.0 token',
    { from: 'v1Application', key: 'governmentCloud' },
    multiTenant,
  ),
  invalid('key_issuer_mismatch', 'a key that names another cloud', { key: 'otherCloudName' }),
  invalid(
    'key_issuer_mismatch',
    'a key without an issuer, shared by many tenants',
    { key: 'withoutIssuer' },
    multiTenant,
  ),
  invalid('signature_invalid', 'a P-256 signature with r and s exchanged', {
    from: 'generic',
    key: 'p256',
    signatureSegment: withHalvesExchanged,
  }),
  invalid('signature_invalid', 'a P-256 signature of zeros', {
    from: 'generic',
    key: 'p256',
    signatureSegment: () => Buffer.alloc(64).toString('base64url'),
  }),
  invalid('signature_invalid', 'a P-256 signature in DER', {
    from: 'generic',
    key: 'p256',
    signatureSegment: toDer,
  }),
  invalid('signature_invalid', 'an Ed25519 signature with one bit changed', {
    from: 'generic',
    key: 'ed25519',
    signatureSegment: withFirstBitFlipped,
  }),
]

const timeRows: readonly RefusedRequest[] = [
  invalid(
    'token_expired',
    'a token on the second its tolerance ends',
    { claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'a token on its expiry where nothing is tolerated',
    { claims: { exp: now } },
    { claim: 'exp', options: { clockToleranceSeconds: 0 } },
  ),
  invalid('token_expired', 'a token that expired at the epoch', { claims: { exp: 0 } }, { claim: 'exp' }),
  invalid(
    'token_expired',
    'a token that expired before the epoch',
    { claims: { exp: -1 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'an expired application token',
    { from: 'v1Application', claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'an expired token of a generic issuer',
    { from: 'rfc9068', claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid('claim_missing', 'a token without an expiry', { claims: { exp: undefined } }, { claim: 'exp' }),
  invalid(
    'claim_missing',
    'a generic token without an expiry',
    { from: 'generic', claims: { exp: undefined } },
    { claim: 'exp' },
  ),
  invalid(
    'claim_malformed',
    'an expiry given as a string',
    { claims: { exp: String(now + 3600) } },
    { claim: 'exp' },
  ),
  invalid('claim_malformed', 'an expiry that is null', { claims: { exp: null } }, { claim: 'exp' }),
  invalid('claim_malformed', 'an expiry that is true', { claims: { exp: true } }, { claim: 'exp' }),
  invalid('claim_malformed', 'an expiry in a list', { claims: { exp: [now + 3600] } }, { claim: 'exp' }),
  invalid(
    'claim_malformed',
    'an expiry of 1e999',
    { payloadText: rawMember('exp', '1e999') },
    { claim: 'exp' },
  ),
  invalid(
    'token_not_yet_valid',
    'a token one second before its tolerance',
    { claims: { nbf: now + 61 } },
    { claim: 'nbf' },
  ),
  invalid(
    'token_not_yet_valid',
    'a token valid from tomorrow',
    { claims: { nbf: now + 86_400 } },
    { claim: 'nbf' },
  ),
  invalid(
    'claim_malformed',
    'a start of validity given as a string',
    { claims: { nbf: '0' } },
    { claim: 'nbf' },
  ),
  invalid(
    'claim_malformed',
    'a start of validity of -1e999',
    { payloadText: rawMember('nbf', '-1e999') },
    { claim: 'nbf' },
  ),
  invalid(
    'token_issued_in_future',
    'a token issued one second after its tolerance',
    { claims: { iat: now + 61 } },
    { claim: 'iat' },
  ),
  invalid(
    'claim_malformed',
    'an issue time given as a date',
    { claims: { iat: '2026-03-01T12:00:00Z' } },
    { claim: 'iat' },
  ),
  invalid(
    'token_too_old',
    'a token on the second it is too old',
    { claims: { iat: now - 660 } },
    { claim: 'iat', options: { maxTokenAgeSeconds: 600 } },
  ),
  invalid(
    'claim_missing',
    'a token without an issue time where its age is limited',
    { claims: { iat: undefined } },
    { claim: 'iat', options: { maxTokenAgeSeconds: 600 } },
  ),
]

const issuerRows: readonly RefusedRequest[] = [
  invalid('issuer_missing', 'a token without an issuer', { claims: { iss: undefined } }),
  invalid('claim_malformed', 'an issuer that is a list', { claims: { iss: [v2Issuer()] } }, { claim: 'iss' }),
  invalid('issuer_not_trusted', 'an issuer nobody configured', {
    claims: { iss: 'https://attacker.example/' },
  }),
  invalid('issuer_not_trusted', 'the issuer with a slash added', { claims: { iss: `${v2Issuer()}/` } }),
  invalid('issuer_not_trusted', 'the issuer in other letters', { claims: { iss: v2Issuer().toUpperCase() } }),
  invalid('issuer_not_trusted', 'an issuer that begins like the trusted one', {
    claims: { iss: `${v2Issuer()}.attacker.example` },
  }),
  invalid('issuer_not_trusted', 'the v1.0 issuer without its slash', {
    from: 'v1Delegated',
    claims: { iss: v1Issuer().slice(0, -1) },
  }),
  invalid('issuer_not_trusted', 'the issuer over http', {
    claims: { iss: v2Issuer().replace('https:', 'http:') },
  }),
  invalid('issuer_not_trusted', 'the issuer of another tenant', {
    claims: { iss: v2Issuer(foreignTenantId), tid: foreignTenantId },
  }),
  invalid('issuer_not_trusted', 'the v1.0 issuer of another tenant', {
    from: 'v1Delegated',
    claims: { iss: v1Issuer(foreignTenantId), tid: foreignTenantId },
  }),
  invalid('issuer_not_trusted', 'the issuer template itself', { claims: { iss: v2Issuer('{tenantid}') } }),
  invalid('issuer_not_trusted', 'the issuer of the US Government cloud', {
    claims: { iss: `https://login.microsoftonline.us/${tenantId}/v2.0` },
  }),
  invalid('issuer_not_trusted', 'a generic issuer under Entra', { claims: { iss: genericIssuer } }),
  invalid('issuer_not_trusted', 'an Entra issuer at a generic API', {
    from: 'generic',
    claims: { iss: v2Issuer() },
  }),
  invalid('issuer_not_trusted', 'the generic issuer with a slash added', {
    from: 'generic',
    claims: { iss: `${genericIssuer}/` },
  }),
  invalid('issuer_missing', 'a generic token without an issuer', {
    from: 'generic',
    claims: { iss: undefined },
  }),
  invalid('claim_missing', 'a token without a tenant', { claims: { tid: undefined } }, { claim: 'tid' }),
  invalid(
    'claim_malformed',
    'a tenant that is not a GUID',
    { claims: { tid: 'contoso.example' } },
    { claim: 'tid' },
  ),
  invalid('claim_malformed', 'a tenant that is a list', { claims: { tid: [tenantId] } }, { claim: 'tid' }),
  invalid(
    'claim_malformed',
    'a second tenant in other letters',
    { claims: { TID: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    "the tenant's issuer with another tenant inside",
    { claims: { tid: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    "the tenant's v1.0 issuer with another tenant inside",
    { from: 'v1Application', claims: { tid: foreignTenantId } },
    { claim: 'tid' },
  ),
  invalid(
    'tenant_not_allowed',
    'a tenant that is not on the list',
    { claims: { iss: v2Issuer(foreignTenantId), tid: foreignTenantId } },
    multiTenant,
  ),
  invalid(
    'tenant_not_allowed',
    'a tenant that is not on the list, with a v1.0 token',
    { from: 'v1Application', claims: { iss: v1Issuer(foreignTenantId), tid: foreignTenantId } },
    multiTenant,
  ),
  invalid(
    'tenant_mismatch',
    'an allowed tenant under the issuer of another allowed one',
    { claims: { tid: secondTenantId } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'tenant_mismatch',
    'an allowed tenant under the issuer of one that is not',
    { claims: { iss: v2Issuer(foreignTenantId) } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'issuer_not_trusted',
    'an unknown issuer where tenants are many',
    { claims: { iss: `https://attacker.example/${tenantId}/v2.0` } },
    multiTenant,
  ),
  invalid(
    'issuer_not_trusted',
    'the organizations issuer as it stands in metadata',
    { claims: { iss: v2Issuer('{tenantid}') } },
    multiTenant,
  ),
  invalid(
    'claim_missing',
    'a token without a tenant where tenants are many',
    { claims: { tid: undefined } },
    { ...multiTenant, claim: 'tid' },
  ),
  invalid(
    'claim_malformed',
    'a tenant that is not a GUID where tenants are many',
    { claims: { tid: 'common' } },
    { ...multiTenant, claim: 'tid' },
  ),
]

const versionRows: readonly RefusedRequest[] = [
  invalid('claim_missing', 'a token without a version', { claims: { ver: undefined } }, { claim: 'ver' }),
  invalid('claim_malformed', 'a version that is a number', { claims: { ver: 2 } }, { claim: 'ver' }),
  invalid(
    'claim_malformed',
    'version 1.0 under the v2.0 issuer',
    { claims: { ver: '1.0' } },
    { claim: 'ver' },
  ),
  invalid(
    'claim_malformed',
    'version 2.0 under the v1.0 issuer',
    { from: 'v1Delegated', claims: { ver: '2.0' } },
    { claim: 'ver' },
  ),
  invalid('claim_malformed', 'a version nobody knows', { claims: { ver: '3.0' } }, { claim: 'ver' }),
  invalid(
    'claim_missing',
    'a v2.0 token with the client claim of v1.0',
    { claims: { azp: undefined, appid: userClientId } },
    { claim: 'azp' },
  ),
  invalid(
    'claim_missing',
    'a v1.0 token with the client claim of v2.0',
    { from: 'v1Application', claims: { appid: undefined, azp: daemonClientId } },
    { claim: 'appid' },
  ),
  invalid(
    'audience_mismatch',
    'a v1.0 token with the audience of v2.0',
    { from: 'v1Delegated', claims: { aud: apiClientId } },
    { claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    'a v2.0 token with the audience of v1.0',
    { claims: { aud: apiUri } },
    { claim: 'aud' },
  ),
]

const audienceRows: readonly RefusedRequest[] = [
  invalid(
    'audience_mismatch',
    "another API's audience",
    { claims: { aud: otherApiClientId } },
    { claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    "another API's audience in a v1.0 token",
    { from: 'v1Delegated', claims: { aud: `api://${otherApiClientId}` } },
    { claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    'the audience with a slash added',
    { from: 'v1Delegated', claims: { aud: `${apiUri}/` } },
    { claim: 'aud', reason: 'trailing_slash' },
  ),
  invalid(
    'audience_mismatch',
    'the audience in capitals',
    { claims: { aud: apiClientId.toUpperCase() } },
    { claim: 'aud', reason: 'letter_case' },
  ),
  invalid(
    'audience_mismatch',
    'the audience Microsoft Graph',
    { claims: { aud: 'https://graph.microsoft.com' } },
    { claim: 'aud', reason: 'graph' },
  ),
  invalid(
    'audience_mismatch',
    'an audience that begins like ours',
    { claims: { aud: `${apiClientId}0` } },
    { claim: 'aud' },
  ),
  invalid('audience_mismatch', 'an empty audience', { claims: { aud: '' } }, { claim: 'aud' }),
  invalid('audience_mismatch', 'an empty list of audiences', { claims: { aud: [] } }, { claim: 'aud' }),
  invalid(
    'audience_mismatch',
    'a list of foreign audiences',
    { from: 'generic', claims: { aud: ['https://other.example', 'https://third.example'] } },
    { claim: 'aud' },
  ),
  invalid('claim_missing', 'a token without an audience', { claims: { aud: undefined } }, { claim: 'aud' }),
  invalid('claim_malformed', 'an audience that is a number', { claims: { aud: 7 } }, { claim: 'aud' }),
  invalid(
    'claim_malformed',
    'a list of audiences with a number in it',
    { from: 'generic', claims: { aud: [genericAudience, 7] } },
    { claim: 'aud' },
  ),
  invalid(
    'claim_malformed',
    'an audience that is an object',
    { claims: { aud: { [apiClientId]: true } } },
    { claim: 'aud' },
  ),
]

const kindRows: readonly RefusedRequest[] = [
  invalid('id_token', 'an id token, by its nonce', { claims: { nonce: 'n-0S6_WzA2Mj' } }),
  invalid('id_token', 'an id token, by its at_hash', { claims: { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' } }),
  invalid('id_token', 'an id token, by its c_hash', { claims: { c_hash: 'LDktKdoQak3Pk0cnXxCltA' } }),
  invalid('id_token', 'a v1.0 id token, by its nonce', {
    from: 'v1Delegated',
    claims: { nonce: 'n-0S6_WzA2Mj' },
  }),
  invalid('id_token', 'a generic id token, by its at_hash', {
    from: 'generic',
    claims: { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' },
  }),
  invalid('id_token', 'a generic id token, by its c_hash', {
    from: 'generic',
    claims: { c_hash: 'LDktKdoQak3Pk0cnXxCltA' },
  }),
  invalid('token_type_mismatch', 'a generic logout token, by its events', {
    from: 'generic',
    claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
  }),
  invalid(
    'claim_missing',
    'a v2.0 token without its client',
    { claims: { azp: undefined } },
    { claim: 'azp' },
  ),
  invalid(
    'claim_missing',
    'a v1.0 token without its client',
    { from: 'v1Delegated', claims: { appid: undefined } },
    { claim: 'appid' },
  ),
  invalid('claim_malformed', 'a client that is a number', { claims: { azp: 12 } }, { claim: 'azp' }),
  invalid('claim_malformed', 'scopes in a list', { claims: { scp: ['Files.Read'] } }, { claim: 'scp' }),
  invalid('claim_malformed', 'scopes that are a number', { claims: { scp: 1 } }, { claim: 'scp' }),
  invalid(
    'claim_malformed',
    'roles in one string',
    { from: 'v2Application', claims: { roles: 'Files.Read.All' } },
    { claim: 'roles' },
  ),
  invalid(
    'claim_malformed',
    'roles with a number among them',
    { from: 'v2Application', claims: { roles: ['Files.Read.All', 1] } },
    { claim: 'roles' },
  ),
  invalid('permissions_missing', 'an application token without roles', {
    from: 'v2Application',
    claims: { roles: undefined },
  }),
  invalid('permissions_missing', 'an application token with an empty list of roles', {
    from: 'v2Application',
    claims: { roles: [] },
  }),
  invalid('permissions_missing', 'a v1.0 application token without roles', {
    from: 'v1Application',
    claims: { roles: undefined },
  }),
  invalid('kind_undecided', 'an application token with the name of a user', {
    from: 'v2Application',
    claims: { name: 'Mara Lindqvist' },
  }),
  invalid('kind_undecided', 'an application token with a preferred_username', {
    from: 'v2Application',
    claims: { preferred_username: 'mara@contoso.example' },
  }),
  invalid('kind_undecided', 'a v1.0 application token with a upn', {
    from: 'v1Application',
    claims: { upn: 'mara@contoso.example' },
  }),
  invalid('kind_undecided', 'an application token of a public client', {
    from: 'v2Application',
    claims: { azpacr: '0' },
  }),
  invalid('kind_undecided', 'an application token that does not say how its client authenticated', {
    from: 'v2Application',
    claims: { azpacr: undefined },
  }),
  invalid('kind_undecided', 'a v1.0 application token of a public client', {
    from: 'v1Application',
    claims: { appidacr: '0' },
  }),
  invalid('kind_undecided', "a user's token without scopes", {
    from: 'v2Application',
    claims: { idtyp: 'user' },
  }),
  invalid('kind_undecided', "a device's token", { from: 'v2Application', claims: { idtyp: 'device' } }),
  invalid('sender_binding_unproven', 'a token bound to a DPoP key', {
    claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
  }),
  invalid('sender_binding_unproven', 'a token bound to a client certificate', {
    claims: { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } },
  }),
  invalid('sender_binding_unproven', 'a token bound in a way nobody knows', {
    claims: { cnf: { kid: 'proof' } },
  }),
  invalid('sender_binding_unproven', 'a generic token bound to a DPoP key', {
    from: 'rfc9068',
    claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
  }),
  invalid('sender_binding_unproven', 'a confirmation that is not an object', { claims: { cnf: 'none' } }),
  invalid('sender_binding_unproven', 'a confirmation that is null', { claims: { cnf: null } }),
]

const reading: Permission = {
  delegated: { scopes: 'Files.Read' },
  application: { roles: 'Files.Read.All' },
}

const permissionRows: readonly RefusedRequest[] = [
  forbidden(
    'scope_insufficient',
    'a user without the scope',
    { claims: { scp: 'Profile.Read' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'a scope that only begins like the one demanded',
    { claims: { scp: 'Files.Read.Own' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'a scope in other letters',
    { claims: { scp: 'files.read' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'one of two scopes that are demanded',
    { claims: { scp: 'Files.Read' } },
    { permission: { delegated: { scopes: ['Files.Read', 'Files.Write'] } }, scope: 'Files.Read Files.Write' },
  ),
  forbidden(
    'scope_insufficient',
    'a v1.0 user without the scope',
    { from: 'v1Delegated', claims: { scp: 'user_impersonation' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    "a user's role in place of the scope",
    { claims: { scp: 'Profile.Read', roles: ['Files.Read', 'Files.Read.All'] } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'role_insufficient',
    'a daemon without the role',
    { from: 'v2Application', claims: { roles: ['Mail.Send'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'a role that only begins like the one demanded',
    { from: 'v2Application', claims: { roles: ['Files.Read.All.Own'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'two roles in one string of the list',
    { from: 'v2Application', claims: { roles: ['Files.Read.All Files.Write.All'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'a user without the role that is demanded of users',
    {},
    { permission: { delegated: { scopes: 'Files.Read', roles: 'Editor' } }, scope: 'Files.Read' },
  ),
  forbidden(
    'kind_not_allowed',
    'a daemon where only users may',
    { from: 'v2Application' },
    { permission: { delegated: { scopes: 'Files.Read' } } },
  ),
  forbidden(
    'kind_not_allowed',
    'a user where only daemons may',
    {},
    { permission: { application: { roles: 'Files.Read.All' } } },
  ),
  forbidden(
    'kind_not_allowed',
    "a user's role of the name demanded of daemons",
    { claims: { roles: ['Files.Read.All'] } },
    { permission: { application: { roles: 'Files.Read.All' } } },
  ),
  forbidden(
    'scope_insufficient',
    'a generic token without the scope',
    { from: 'rfc9068', claims: { scope: 'files:list' } },
    { permission: { scopes: 'files:read' }, scope: 'files:read' },
  ),
  forbidden(
    'scope_insufficient',
    'a generic token without any scope',
    { from: 'generic', claims: { scope: undefined } },
    { permission: { scopes: 'files:read' }, scope: 'files:read' },
  ),
  forbidden(
    'scope_insufficient',
    'a token that fails what every request needs',
    { claims: { scp: 'Profile.Read' } },
    { options: { permission: reading }, scope: 'Files.Read' },
  ),
  forbidden(
    'client_not_allowed',
    'a client that is not on the list',
    {},
    { options: { allowedClients: [daemonClientId] } },
  ),
  forbidden(
    'client_not_allowed',
    'a daemon that is not on the list',
    { from: 'v1Application' },
    { options: { allowedClients: [userClientId] } },
  ),
]

/** Every request that must be refused. */
export const refusedRequests: readonly RefusedRequest[] = [
  ...headerRows,
  ...shapeRows,
  ...algorithmRows,
  ...signatureRows,
  ...timeRows,
  ...issuerRows,
  ...versionRows,
  ...audienceRows,
  ...kindRows,
  ...permissionRows,
]

/** The values of every Authorization header that a row's request carries. */
export function authorizationValues(made: string | readonly string[]): readonly string[] {
  return typeof made === 'string' ? [`Bearer ${made}`] : made
}

function withBadByte(json: string, bytes: readonly number[] = [0xff]): Uint8Array {
  const [before = '', after = ''] = prepend('"x":"|"')(json).split('|')
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
}

function withFirstBitFlipped(segment: string): string {
  const bytes = Buffer.from(segment, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 0x80
  return bytes.toString('base64url')
}

function withHalvesExchanged(segment: string): string {
  const bytes = Buffer.from(segment, 'base64url')
  return Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]).toString('base64url')
}

/** The same ECDSA signature as ASN.1: a sequence of two integers. */
function toDer(segment: string): string {
  const bytes = Buffer.from(segment, 'base64url')
  const integers = [bytes.subarray(0, 32), bytes.subarray(32)].map((half) => {
    let start = 0
    while (half[start] === 0) start++
    const lead = (half[start] ?? 0) >= 0x80 ? [0] : []
    const body = Buffer.concat([Buffer.from(lead), half.subarray(start)])
    return Buffer.concat([Buffer.of(0x02, body.length), body])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.of(0x30, body.length), body]).toString('base64url')
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  )
}

function swapPayload(token: string, other: string): string {
  const [head, , signature] = token.split('.')
  return [head, other.split('.')[1], signature].join('.')
}
