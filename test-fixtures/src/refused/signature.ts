import { signingKey } from '../keys.js'
import type { RowOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { invalid, multiTenant, type RefusedRequest } from './row.js'

/** Read when a validator is built, since the key is made then. */
const deniesTheKey: RowOptions = {
  get deniedKeys() {
    return [signingKey('entra').kid]
  },
}

/** Tokens whose signature or signing key is not valid. */
export const signatureRows: readonly RefusedRequest[] = [
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
