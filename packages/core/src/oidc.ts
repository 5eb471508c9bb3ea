import { BearerError } from './errors.js'
import { isSigningAlgorithm, signingAlgorithms, type SigningAlgorithm } from './algorithms.js'
import {
  claim,
  isStrings,
  optionalString,
  optionalStrings,
  readGroups,
  words,
  type Claims,
} from './claims.js'
import { clouds } from './clouds.js'
import { readJwk } from './jwk.js'
import {
  createTrustedIssuer,
  readIssuerSettings,
  type FetchedKeys,
  type IssuerSettings,
  type KeySource,
  type TrustedIssuer,
} from './issuer.js'
import { discoveredKeys, keysAt } from './metadata.js'
import { checkNames, checkObject, readString, readStringList, readUrl } from './options-reader.js'
import type { TokenIdentity } from './validated-token.js'
import { platform } from '#platform'

/** Settings of any issuer that is not Entra. */
interface GenericSettings extends IssuerSettings {
  /** Signature algorithms its tokens may use. Default: RS256, PS256, ES256 and EdDSA with their stronger kin. */
  readonly algorithms?: readonly SigningAlgorithm[] | undefined
  /** Refuse tokens that do not call themselves access tokens by `typ: at+jwt` (RFC 9068 section 4). Default: false. */
  readonly requireAccessTokenType?: boolean | undefined
}

export interface OidcIssuerOptions extends GenericSettings {
  /** The issuer, exactly as its tokens and its metadata spell it. */
  readonly issuer: string
  /** The metadata document, if it stands at another address than the two standards say. */
  readonly metadataUrl?: string | undefined
  /** The key set itself; no metadata is fetched then. Not together with `metadataUrl`. */
  readonly jwksUri?: string | undefined
}

export interface StaticIssuerOptions extends GenericSettings {
  /** The issuer, exactly as its tokens spell it. It is compared, never fetched. */
  readonly issuer: string
  /** Its public keys: a JWKS, one JWK, or PEM text of a public key or certificate. */
  readonly jwks: { readonly keys: readonly object[] } | object | string
}

const settingNames = ['audience', 'allowedClients', 'algorithms', 'requireAccessTokenType']

const entraOrigins = Object.values(clouds).flatMap(({ authority, v1Issuer }) => [
  authority,
  new URL(v1Issuer).origin,
])

/**
 * Any OAuth 2.0 or OpenID Connect issuer whose access tokens are JWTs. Its metadata is looked for as OpenID Connect
 * Discovery section 4 says, then as RFC 8414 section 3 says, and must name this very issuer. An address of Entra is a
 * TypeError: only `entra` and `entraMultiTenant` tell its access tokens from its id tokens.
 */
export function oidcIssuer(options: string | OidcIssuerOptions): TrustedIssuer {
  const what = 'oidcIssuer'
  const given: OidcIssuerOptions = typeof options === 'string' ? { issuer: options } : options
  checkObject(what, given)
  checkNames(what, given, ['issuer', 'metadataUrl', 'jwksUri', ...settingNames])
  const issuer = readUrl(what, 'issuer', given.issuer)
  if (entraOrigins.includes(new URL(issuer).origin)) {
    throw new TypeError(
      `${what}: "issuer" is Entra, whose tokens have rules of their own; use entra or entraMultiTenant`,
    )
  }
  if (given.metadataUrl !== undefined && given.jwksUri !== undefined) {
    throw new TypeError(`${what}: "metadataUrl" and "jwksUri" exclude each other`)
  }
  const keySource =
    given.jwksUri === undefined
      ? discoveredKeys(
          given.metadataUrl === undefined
            ? metadataUrls(issuer)
            : [readUrl(what, 'metadataUrl', given.metadataUrl)],
          (found) => found === issuer,
        )
      : keysAt(readUrl(what, 'jwksUri', given.jwksUri))
  return createGenericIssuer(what, issuer, given, keySource)
}

/** An issuer whose keys are given: no network is used. */
export function staticIssuer(options: StaticIssuerOptions): TrustedIssuer {
  const what = 'staticIssuer'
  checkObject(what, options)
  checkNames(what, options, ['issuer', 'jwks', ...settingNames])
  const issuer = readString(what, 'issuer', options.issuer)
  const keys = readStaticKeys(what, options.jwks)
  // Told when a token needs the key. Until then nobody awaits it, which on some runtimes would end the process.
  if (keys instanceof Promise) keys.catch(() => {})
  return createGenericIssuer(what, issuer, options, async (): Promise<FetchedKeys> => ({ jwks: await keys }))
}

function readStaticKeys(what: string, jwks: unknown): readonly unknown[] | Promise<readonly unknown[]> {
  const given = readGivenKeys(what, jwks)
  if (given instanceof Promise) return given.then((key) => [key])
  const reasons = given
    .map((key) => readJwk(key, 0, 0))
    .map((read) => ('skipped' in read ? read.skipped : undefined))
  if (reasons.includes(undefined)) return given
  throw new TypeError(
    `${what}: "jwks" holds no usable public signature key (${[...new Set(reasons)].join(', ')})`,
  )
}

function readGivenKeys(what: string, jwks: unknown): readonly unknown[] | Promise<unknown> {
  if (typeof jwks === 'string' && jwks.includes('-----BEGIN')) return readPem(what, jwks)
  if (typeof jwks === 'object' && jwks !== null) {
    if ('keys' in jwks && Array.isArray(jwks.keys) && jwks.keys.length > 0)
      return [...(jwks.keys as unknown[])]
    if ('kty' in jwks) return [jwks]
  }
  throw new TypeError(`${what}: "jwks" must be a JWKS with keys, a JWK, or PEM text`)
}

function readPem(what: string, pem: string): readonly unknown[] | Promise<unknown> {
  // Node would take the public half of it, and a verifier would go on holding what signs.
  if (pem.includes('PRIVATE KEY-----')) {
    throw new TypeError(
      `${what}: "jwks" is PEM text of a private key; a public key or a certificate is enough`,
    )
  }
  try {
    const jwk = platform.publicJwk(pem)
    return jwk instanceof Promise ? jwk : [jwk]
  } catch {
    // What the engine says may quote the text, and the text may be a private key.
    throw new TypeError(`${what}: "jwks" is PEM text that holds no public key`)
  }
}

function metadataUrls(issuer: string): readonly string[] {
  const url = new URL(issuer)
  const path = url.pathname.endsWith('/') ? url.pathname.slice(0, -1) : url.pathname
  return [
    `${url.origin}${path}/.well-known/openid-configuration${url.search}`,
    `${url.origin}/.well-known/oauth-authorization-server${path}${url.search}`,
  ]
}

const absentKeyGraceSeconds = 3600

function createGenericIssuer(
  what: string,
  issuer: string,
  settings: GenericSettings,
  keySource: KeySource,
): TrustedIssuer {
  const { requireAccessTokenType = false } = settings
  if (typeof requireAccessTokenType !== 'boolean') {
    throw new TypeError(`${what}: "requireAccessTokenType" must be true or false`)
  }
  const recognition = Object.freeze({})
  const noAudiences = Object.freeze([])
  return createTrustedIssuer({
    name: `${what}(${issuer})`,
    address: issuer,
    algorithms: readAlgorithms(what, settings.algorithms),
    settings: readIssuerSettings(what, settings),
    keySource,
    absentKeyGraceSeconds,
    requiresKeyId: false,
    needsMetadata: false,
    recognise: (found) => (found === issuer ? recognition : undefined),
    checkHeader(header) {
      if (requireAccessTokenType && header.typ === undefined) {
        throw new BearerError('token_type_mismatch', { claim: 'typ', reason: 'at_jwt_required' })
      }
      if (requireAccessTokenType && String(header.typ).toLowerCase() === 'jwt') {
        throw new BearerError('token_type_mismatch', { claim: 'typ', reason: 'at_jwt_required' })
      }
    },
    checkTenant() {},
    checkKey() {},
    impliedAudiences: () => noAudiences,
    readIdentity,
  })
}

function readAlgorithms(
  what: string,
  algorithms: readonly SigningAlgorithm[] | undefined,
): readonly SigningAlgorithm[] {
  if (algorithms === undefined) return signingAlgorithms
  const list = readStringList(what, 'algorithms', algorithms)
  if (list.every(isSigningAlgorithm)) return list
  throw new TypeError(`${what}: "algorithms" may hold ${signingAlgorithms.join(', ')}`)
}

/**
 * What a token says of itself where no vendor's rules apply. A client that acts as itself is told by a subject that is the
 * client's own id, or by there being none (RFC 9068 section 2.2): some issuers give such tokens another subject, and then
 * they count as delegated, which grants them nothing that a scope would not.
 */
function readIdentity(
  claims: Claims,
  _recognition: unknown,
  _allowedClients: readonly string[] | undefined,
): TokenIdentity {
  for (const name of ['at_hash', 'c_hash']) {
    if (Object.hasOwn(claims, name)) throw new BearerError('id_token', { claim: name })
  }
  if (Object.hasOwn(claims, 'events')) throw new BearerError('token_type_mismatch', { claim: 'events' })
  const subject = optionalString(claims, 'sub')
  const clientId = optionalString(claims, 'client_id') ?? optionalString(claims, 'azp')
  return {
    kind: subject === undefined || subject === clientId ? 'application' : 'delegated',
    subject,
    clientId,
    scopes: readScopes(claims),
    roles: optionalStrings(claims, 'roles'),
    groups: readGroups(claims),
  }
}

function readScopes(claims: Claims): readonly string[] {
  const name = claim(claims, 'scope') === undefined ? 'scp' : 'scope'
  const value = claim(claims, name)
  if (value === undefined) return []
  if (typeof value === 'string') return words(value)
  if (name === 'scp' && isStrings(value)) return value
  throw new BearerError('claim_malformed', { claim: name })
}
