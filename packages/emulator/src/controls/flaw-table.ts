/*
 * One table of flawed tokens: what is wrong with each, which APIs must refuse it, and the refusal to expect. The control
 * API, the page and the documents read it.
 */

/** The answer of an API that refuses a token: an HTTP status and, where there is a challenge, its `error` (RFC 6750). */
export interface ExpectedRefusal {
  /** The HTTP status. */
  readonly status: number
  /** The `error` of the challenge. Absent where there is none. */
  readonly error?: 'invalid_token' | 'insufficient_scope'
}

/** What an API accepts, as far as it decides whether a flawed token must be refused. */
export interface ApiUnderTest {
  /** The versions of access tokens it accepts. Default: both, an API with both audiences. */
  readonly versions?: readonly ('1.0' | '2.0')[] | undefined
  /** Whether it accepts tokens of every tenant of the cloud. Default false: it lists its tenants. */
  readonly acceptsAnyTenant?: boolean | undefined
  /** Whether it accepts tokens without any scope and role. Default false. */
  readonly acceptsTokensWithoutPermissions?: boolean | undefined
}

/** One flaw of the table. */
export interface TokenFlawEntry {
  /** What is wrong with the token. */
  readonly meaning: string
  /** Which APIs must refuse it, in words. */
  readonly appliesTo: string
  /** The refusals that are right, the usual one first. */
  readonly refusals: readonly ExpectedRefusal[]
  /** Whether only a token for a user can have the flaw. */
  readonly needsUser: boolean
}

const invalidToken: ExpectedRefusal = { status: 401, error: 'invalid_token' }
const everyApi = 'every API'

function flaw(meaning: string, differences: Partial<TokenFlawEntry> = {}): TokenFlawEntry {
  return { meaning, appliesTo: everyApi, refusals: [invalidToken], needsUser: false, ...differences }
}

/** Every flaw by its name. */
const table = {
  expired: flaw('The lifetime ended an hour ago.'),
  notYetValid: flaw('The lifetime begins in an hour.'),
  issuedInFuture: flaw('It is valid now by nbf, but was issued in an hour.'),
  noExpiry: flaw('It has no exp.'),
  textExpiry: flaw('exp is text.'),
  wrongAudience: flaw('It is for another API.'),
  wrongTenant: flaw('It is from an unknown tenant.', {
    appliesTo: 'APIs that list the tenants they accept',
  }),
  tenantMismatch: flaw('tid is not the tenant of iss.'),
  wrongIssuer: flaw('It is from an unknown issuer.'),
  otherCloudKey: flaw('It is signed by a key of the US Government cloud that is in the same set.'),
  msaKey: flaw('It is signed by a key of personal accounts that is in the set of common.'),
  unknownKid: flaw('It is signed by a key that is in no set.'),
  missingKid: flaw('The signature is good, and the header has no kid.'),
  hmacConfusion: flaw('It is signed with HMAC, with the public key as the secret.'),
  algNone: flaw('alg is none, and there is no signature.'),
  tampered: flaw('A claim was changed after signing.'),
  badSignature: flaw('One bit of the signature is changed.'),
  truncated: flaw('It has two parts of three.'),
  embeddedKey: flaw("It is signed with a key that is in the header itself, under the good key's kid."),
  otherAlgorithm: flaw('It is signed with an elliptic key and ES256.'),
  idToken: flaw("It is the API's own id token: the same key, issuer and audience.", { needsUser: true }),
  graphToken: flaw("It is as Graph's are: the header has a nonce, and what was signed has its hash."),
  v1ForV2: flaw('It has the shape of v1.0: its issuer, and an identifier URI as the audience.', {
    appliesTo: 'APIs that accept v2.0 tokens alone',
  }),
  v2ForV1: flaw('It has the shape of v2.0: its issuer, and the client id as the audience.', {
    appliesTo: 'APIs that accept v1.0 tokens alone',
  }),
  noScope: flaw('It has neither scopes nor roles.', {
    appliesTo: 'APIs that demand a scope or a role',
    refusals: [invalidToken, { status: 403, error: 'insufficient_scope' }],
  }),
  duplicateTid: flaw('tid is there twice, the real one last.'),
  overlong: flaw('It is longer than a quarter of a megabyte.', {
    // A server may refuse the headers before the API sees them.
    refusals: [invalidToken, { status: 431 }, { status: 413 }, { status: 400 }],
  }),
  crit: flaw('The header has a critical extension (crit) that no API understands.'),
  unencodedPayload: flaw('RFC 7797: the header says that the payload was signed unencoded.'),
  nestedJwe: flaw('It is inside an encrypted token.'),
  boundToCertificate: flaw('It is bound to a certificate that the request does not show.'),
} satisfies Readonly<Record<string, TokenFlawEntry>>

/**
 * What is wrong with a token, by name: its time (`expired`, `notYetValid`, …), its audience, tenant or issuer, its key
 * or signature, its header, or its kind (`idToken`, `graphToken`, …). `tokenFlawTable` says what each means.
 */
export type TokenFlaw = keyof typeof table

/** Every flaw by its name: its meaning, which APIs must refuse it, and with what. */
export const tokenFlawTable: Readonly<Record<TokenFlaw, TokenFlawEntry>> = table

/** The names of all flaws. Not every API must refuse each of them: `tokenFlawsFor` chooses. */
export const tokenFlaws: readonly TokenFlaw[] = Object.keys(table) as TokenFlaw[]

/**
 * The flaws that an API must refuse. An API that accepts both versions, as the recommended set-up with both audiences
 * does, accepts `v1ForV2` and `v2ForV1`: they are good tokens there.
 *
 * @example
 * ```ts
 * import { startEmulator, tokenFlawsFor, tokenFlawTable } from '@countersign/emulator'
 *
 * await using emulator = await startEmulator()
 * const asked = { client: 'app', resource: 'api', user: 'bob@contoso.example' }
 * for (const flaw of tokenFlawsFor({ versions: ['2.0'] })) {
 *   const token = await emulator.issueToken({ ...asked, flaw })
 *   console.log(token, 'must be refused with', tokenFlawTable[flaw].refusals)
 * }
 * ```
 */
export function tokenFlawsFor(api: ApiUnderTest = {}): readonly TokenFlaw[] {
  const { versions = ['1.0', '2.0'], acceptsAnyTenant, acceptsTokensWithoutPermissions } = api
  const accepted: readonly TokenFlaw[] = [
    ...(versions.includes('1.0') ? (['v1ForV2'] as const) : []),
    ...(versions.includes('2.0') ? (['v2ForV1'] as const) : []),
    ...(acceptsAnyTenant === true ? (['wrongTenant'] as const) : []),
    ...(acceptsTokensWithoutPermissions === true ? (['noScope'] as const) : []),
  ]
  return tokenFlaws.filter((name) => !accepted.includes(name))
}
