import { isSigningAlgorithm, signingAlgorithms, type SigningAlgorithm } from './algorithms.js'
import { compileSources, type ClaimSource } from './claim-source.js'
import { clouds } from './clouds.js'
import { compileIdentity, type ClaimSources, type KindRule } from './generic-identity.js'
import {
  createTrustedIssuer,
  issuerSettingNames,
  readIssuerSettings,
  type IssuerSettings,
  type KeySource,
  type ReadIssuerSettings,
  type TrustedIssuer,
} from './issuer.js'
import { discoveredKeys, keysAt, type NetworkRules } from './metadata.js'
import { checkIsPinned } from './open-issuers.js'
import {
  checkNames,
  checkObject,
  readString,
  readStringList,
  readUrl,
  readUrlList,
} from './options-reader.js'
import { specificNames } from './shape.js'
import { givenKeys, type GivenKeys } from './static-keys.js'
import { compileTokenType, type TokenType } from './token-type.js'

/** Settings of any issuer that is not Entra. */
export interface GenericIssuerSettings extends IssuerSettings {
  /**
   * What counts as the audience of a token that has no `aud`: for issuers that do not write it (Cognito: `client_id`, Clerk:
   * `azp`). A token with `aud` is decided by `aud` alone. Default: a token without `aud` is refused.
   */
  readonly audienceClaim?: ClaimSource | readonly ClaimSource[] | undefined
  /**
   * Accept tokens without any audience. It weakens a check: tokens that the issuer made for any other API are accepted
   * too, so `requiredClaims` must say whose tokens these are. Default: false.
   */
  readonly acceptMissingAudience?: boolean | undefined
  /**
   * Signature algorithms its tokens may use. Default: RS256, PS256, ES256, their longer forms and EdDSA; an RSA key
   * without `alg` then serves RS256 only (RFC 8725 section 3.1).
   */
  readonly algorithms?: readonly SigningAlgorithm[] | undefined
  /** How its access tokens are distinguished from its other tokens. Default: the certain marks of other tokens refuse. */
  readonly tokenType?: TokenType | undefined
  /** Where the client, scopes, roles and groups are found. Default: the names of the standards. */
  readonly claims?: ClaimSources | undefined
  /**
   * How a client's own tokens are distinguished from users'. Default: `sub` equal to the client id, without signs of a sign-in, is
   * an application; another `sub` is delegated; without `sub` it is unknown.
   */
  readonly kind?: KindRule | undefined
}

/** Options of `oidcIssuer`. */
export interface OidcIssuerOptions extends GenericIssuerSettings {
  /**
   * The issuer, exactly as its tokens spell it, or several spellings of one issuer. It is compared as a string. Without
   * `metadataUrl` and `jwksUri` the first spelling is the address where metadata is found.
   */
  readonly issuer: string | readonly string[]
  /**
   * The metadata document, if it has another address than the standards say. Several: all their keys are trusted, and a
   * refresh needs all of them.
   */
  readonly metadataUrl?: string | readonly string[] | undefined
  /** `issuer` of the metadata document, where it differs from the tokens' (ADFS). Needs `metadataUrl`. */
  readonly metadataIssuer?: string | undefined
  /** The key set itself; no metadata is fetched then. Several are joined. Not together with `metadataUrl`. */
  readonly jwksUri?: string | readonly string[] | undefined
  /**
   * The issuer's address inside a private network, as an origin: `http://keycloak:8080`. Metadata and keys are then fetched
   * from there, although issuer and metadata name the public address. Only addresses at the issuer's own origin move.
   */
  readonly internalOrigin?: string | undefined
  /**
   * Hosts, with their port, from which metadata and keys are fetched over plain http: `['keycloak:8080']`. It weakens a
   * check: anyone who can change traffic to that host decides which keys are trusted. This machine needs no entry.
   */
  readonly allowPlainHttpHosts?: readonly string[] | undefined
}

/** Options of `staticIssuer`. */
export interface StaticIssuerOptions extends GenericIssuerSettings {
  /** The issuer, exactly as its tokens spell it, or several spellings. It is compared, never fetched. */
  readonly issuer: string | readonly string[]
  /** Its public keys: a JWKS, one JWK, or PEM text of a public key or certificate. */
  readonly jwks: GivenKeys
}

const settingNames = [
  ...issuerSettingNames,
  'audienceClaim',
  'acceptMissingAudience',
  'algorithms',
  'tokenType',
  'claims',
  'kind',
]

const entraOrigins = Object.values(clouds).flatMap(({ authority, v1Issuer }) => [
  authority,
  new URL(v1Issuer).origin,
])

/**
 * Any OAuth 2.0 or OpenID Connect issuer whose access tokens are JWTs. Its metadata is fetched from where OpenID Connect
 * Discovery section 4 says, then from where RFC 8414 section 3 says, and must name this issuer.
 *
 * Throws a TypeError if an option is wrong, missing or unknown, for an address of Entra (use `entra`), and for an issuer
 * from which anyone can obtain a token while no required claim says whose are accepted. It does not check that the issuer
 * can be reached.
 *
 * @example
 * ```ts
 * import { createTokenValidator, oidcIssuer } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: oidcIssuer({
 *     issuer: 'https://acme.okta.com/oauth2/default',
 *     audience: 'api://default',
 *     claims: { clientId: 'cid' },
 *     allowedClients: ['0oa1b2c3d4'],
 *   }),
 * })
 * ```
 */
export function oidcIssuer(options: string | OidcIssuerOptions): TrustedIssuer {
  const what = 'oidcIssuer'
  const given: OidcIssuerOptions = typeof options === 'string' ? { issuer: options } : options
  checkObject(what, given)
  checkNames(what, given, [
    'issuer',
    'metadataUrl',
    'metadataIssuer',
    'jwksUri',
    'internalOrigin',
    'allowPlainHttpHosts',
    ...settingNames,
  ])
  const issuers = readIssuerNames(what, given.issuer)
  return createGenericIssuer(what, issuers, given, readDocuments(what, issuers, given))
}

/**
 * An issuer whose keys are given: no network is used. Throws a TypeError if an option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import { createTokenValidator, staticIssuer } from '@countersign/core'
 *
 * export function validatorWith(jwks: { keys: object[] }) {
 *   return createTokenValidator({
 *     issuer: staticIssuer({ issuer: 'https://issuer.example', jwks }),
 *     audience: 'https://api.example',
 *   })
 * }
 * ```
 */
export function staticIssuer(options: StaticIssuerOptions): TrustedIssuer {
  const what = 'staticIssuer'
  checkObject(what, options)
  checkNames(what, options, ['issuer', 'jwks', ...settingNames])
  const issuers = readIssuerNames(what, options.issuer)
  return createGenericIssuer(what, issuers, options, { keySource: givenKeys(what, options.jwks) })
}

function readIssuerNames(what: string, value: unknown): readonly string[] {
  const issuers = readStringList(what, 'issuer', value)
  const isEntra = (issuer: string): boolean =>
    URL.canParse(issuer) && entraOrigins.includes(new URL(issuer).origin)
  if (!issuers.some(isEntra)) return issuers
  throw new TypeError(
    `${what}: "issuer" must not be Entra, whose tokens have rules of their own; use entra or entraMultiTenant`,
  )
}

interface ReadDocuments {
  readonly keySource: KeySource
  /** What decides which keys are trusted; absent where they are given. */
  readonly addresses?: readonly string[]
}

function readDocuments(what: string, issuers: readonly string[], options: OidcIssuerOptions): ReadDocuments {
  const { metadataUrl, metadataIssuer, jwksUri } = options
  if (metadataUrl !== undefined && jwksUri !== undefined) {
    throw new TypeError(`${what}: "metadataUrl" and "jwksUri" must not be set together`)
  }
  if (metadataIssuer !== undefined && metadataUrl === undefined) {
    throw new TypeError(`${what}: "metadataIssuer" must be set together with "metadataUrl"`)
  }
  const network = readNetwork(what, issuers[0] as string, options)
  if (jwksUri !== undefined) {
    const addresses = readUrlList(what, 'jwksUri', jwksUri, network.plainHttpHosts)
    return { keySource: keysAt(addresses), addresses }
  }
  if (metadataUrl === undefined) {
    const addresses = metadataUrls(network.inside(readUrl(what, 'issuer', issuers[0])))
    return { keySource: discoveredKeys([addresses], (found) => issuers.includes(found), network), addresses }
  }
  const urls = readUrlList(what, 'metadataUrl', metadataUrl, network.plainHttpHosts)
  const own = metadataIssuer === undefined ? [] : [readString(what, 'metadataIssuer', metadataIssuer)]
  const named = own.length === 0 ? issuers : own
  const documents = urls.map((url) => [url])
  return {
    keySource: discoveredKeys(documents, (found) => named.includes(found), network),
    addresses: [...urls, ...own],
  }
}

function readNetwork(
  what: string,
  issuer: string,
  { internalOrigin, allowPlainHttpHosts, metadataIssuer }: OidcIssuerOptions,
): NetworkRules {
  const plainHttpHosts =
    allowPlainHttpHosts === undefined ? [] : readStringList(what, 'allowPlainHttpHosts', allowPlainHttpHosts)
  if (
    !plainHttpHosts.every((host) => URL.canParse(`http://${host}`) && new URL(`http://${host}`).host === host)
  ) {
    throw new TypeError(`${what}: "allowPlainHttpHosts" must hold hosts with their port, as in keycloak:8080`)
  }
  const rules = { issuer: metadataIssuer ?? issuer, plainHttpHosts }
  if (internalOrigin === undefined) return { ...rules, inside: (url) => url }
  const origin = readUrl(what, 'internalOrigin', internalOrigin, plainHttpHosts)
  if (origin !== new URL(origin).origin) {
    throw new TypeError(`${what}: "internalOrigin" must be an origin without a path or a trailing slash`)
  }
  const publicOrigin = new URL(readUrl(what, 'issuer', issuer)).origin
  return {
    ...rules,
    inside(url) {
      const { origin: named, pathname, search } = new URL(url)
      return named === publicOrigin ? origin + pathname + search : url
    },
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
  issuers: readonly string[],
  settings: GenericIssuerSettings,
  { keySource, addresses }: ReadDocuments,
): TrustedIssuer {
  const read = readIssuerSettings(what, settings)
  for (const issuer of issuers) checkIsPinned(what, issuer, read.requiredClaims ?? [])
  const acceptsMissingAudience = readAcceptMissingAudience(what, settings, read)
  const readIdentity = compileIdentity(what, settings.claims, settings.kind)
  const recognition = Object.freeze({})
  const noAudiences = Object.freeze([])
  const name = `${what}(${issuers[0]})`
  return createTrustedIssuer({
    name,
    issuers,
    ...(addresses === undefined ? {} : namesOfKeys(name, issuers, addresses, settings)),
    algorithms: readAlgorithms(what, settings.algorithms),
    rsaKeysServeAnyAlgorithm: settings.algorithms !== undefined,
    settings: read,
    audienceSources:
      settings.audienceClaim === undefined
        ? []
        : compileSources(what, 'audienceClaim', settings.audienceClaim),
    acceptsMissingAudience,
    keySource,
    absentKeyGraceSeconds,
    requiresKeyId: false,
    needsMetadata: false,
    recognise: (found) => (issuers.includes(found) ? recognition : undefined),
    checkTokenType: compileTokenType(what, settings.tokenType),
    checkTenant() {},
    checkKey() {},
    impliedAudiences: () => noAudiences,
    readIdentity,
  })
}

function namesOfKeys(
  name: string,
  issuers: readonly string[],
  addresses: readonly string[],
  settings: GenericIssuerSettings & Partial<OidcIssuerOptions>,
): { snapshotName: string; keysName: string } {
  const { algorithms, allowPlainHttpHosts, internalOrigin } = settings
  return {
    snapshotName: JSON.stringify([name, ...addresses]),
    keysName: JSON.stringify([issuers, addresses, algorithms, allowPlainHttpHosts, internalOrigin]),
  }
}

function readAcceptMissingAudience(
  what: string,
  { acceptMissingAudience = false, audienceClaim }: GenericIssuerSettings,
  { requiredClaims }: ReadIssuerSettings,
): boolean {
  if (typeof acceptMissingAudience !== 'boolean') {
    throw new TypeError(`${what}: "acceptMissingAudience" must be true or false`)
  }
  if (!acceptMissingAudience) return false
  if (specificNames(requiredClaims ?? []).length === 0) {
    throw new TypeError(
      `${what}: "acceptMissingAudience" needs "requiredClaims": without an audience only they say whose tokens are accepted`,
    )
  }
  if (audienceClaim !== undefined) {
    throw new TypeError(`${what}: "audienceClaim" and "acceptMissingAudience" must not be set together`)
  }
  return true
}

function readAlgorithms(
  what: string,
  algorithms: readonly SigningAlgorithm[] | undefined,
): readonly SigningAlgorithm[] {
  if (algorithms === undefined) return signingAlgorithms
  const list = readStringList(what, 'algorithms', algorithms)
  if (list.every(isSigningAlgorithm)) return list
  throw new TypeError(`${what}: "algorithms" must hold only ${signingAlgorithms.join(', ')}`)
}
