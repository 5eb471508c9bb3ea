import type { SigningAlgorithm } from './algorithms.js'
import type { Claims } from './claims.js'
import type { CompiledSource } from './claim-source.js'
import type { Fetch } from './fetch-json.js'
import type { IntrospectionRules } from './introspection.js'
import type { SigningKey } from './jwk.js'
import { readStringList } from './options-reader.js'
import { compileShape, type CompiledShape, type Shape } from './shape.js'
import type { TokenTypeCheck } from './token-type.js'
import type { TokenIdentity } from './validated-token.js'

/** What an issuer's metadata documents said. */
export interface Metadata {
  /** `issuer`. */
  readonly issuer: string
  /** `cloud_instance_name` (Entra). */
  readonly cloudInstanceName: string | undefined
  /** `jwks_uri` of each document. */
  readonly jwksUris: readonly string[]
}

/** The raw members of an issuer's key set, and the metadata that led to it. */
export interface FetchedKeys {
  readonly jwks: readonly unknown[]
  readonly metadata?: Metadata
}

/**
 * Where an issuer's keys come from. `known` is metadata read a short time ago: the key addresses in it are used without
 * fetching it again. Throws `FetchError` when keys are unavailable.
 */
export type KeySource = (fetch: Fetch, known: Metadata | undefined) => Promise<FetchedKeys>

/** Which of an issuer's tokens this is. */
export interface Recognition {
  readonly version?: '1.0' | '2.0'
  readonly tenantId?: string
}

/**
 * Decides about one tenant, after the signature of its token was verified. Only `true` accepts it. A function that throws,
 * rejects, or does not answer within 5 seconds is answered with 503.
 */
export type TenantPolicy = (tenantId: string) => boolean | Promise<boolean>

/** What the owner of an API sets for one issuer. */
export interface IssuerSettings {
  /** The values of `aud` that mean this API at this issuer. Required here when the validator trusts several issuers. */
  readonly audience?: string | readonly string[] | undefined
  /** Client ids that may call, compared with `azp`, `appid` or `client_id`. Default: every client of the issuer. */
  readonly allowedClients?: readonly string[] | undefined
  /**
   * What the claims of every token must be, whatever the route. A token that differs is refused with 403, before any
   * guard. Required for issuers from which anyone can obtain a token (GitHub, GitLab, Google, Kubernetes, Apple and others).
   */
  readonly requiredClaims?: Shape | undefined
}

/** The names of these settings. */
export const issuerSettingNames: readonly string[] = ['audience', 'allowedClients', 'requiredClaims']

/** The settings after they were read: lists are lists. */
export interface ReadIssuerSettings {
  readonly audience: readonly string[] | undefined
  readonly allowedClients: readonly string[] | undefined
  readonly requiredClaims: CompiledShape | undefined
}

/**
 * An issuer that an API trusts: made by `entra`, `entraMultiTenant`, `oidcIssuer` or `staticIssuer`, and passed to a
 * validator as `issuer`. Its members are internal.
 */
export interface TrustedIssuer {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:issuer': never
}

/**
 * The rules of a trusted issuer: its name, the source of its keys, and what its tokens must be like. Each factory fills
 * this one shape; a new kind of issuer is a new factory.
 */
export interface IssuerRules {
  /** For messages to the operator: configuration only, never a value of a token. */
  readonly name: string
  /** Every `iss` that it recognises, where these are known from the configuration alone. */
  readonly issuers: readonly string[]
  /** Names whatever decides which keys are trusted: keys of a snapshot go to the same name. Absent: keys are configured. */
  readonly snapshotName?: string
  /** Names whatever the key store is made of: rules with another name need another store. */
  readonly keysName?: string
  /** How further issuers are found at run time. */
  readonly realms?: RealmRules
  /** How its tokens are introspected. */
  readonly introspection?: IntrospectionRules
  readonly algorithms: readonly SigningAlgorithm[]
  /** Whether an RSA key without `alg` serves every RSA algorithm of the list, and not RS256 alone. */
  readonly rsaKeysServeAnyAlgorithm: boolean
  readonly settings: ReadIssuerSettings
  /** What counts as the audience of a token that has no `aud`. */
  readonly audienceSources: readonly CompiledSource[]
  readonly acceptsMissingAudience: boolean
  readonly keySource: KeySource
  /** How long a key serves that the newest key set no longer lists. */
  readonly absentKeyGraceSeconds: number
  /** Whether a token must name its key. */
  readonly requiresKeyId: boolean
  /** Whether several issuers of this family may share one audience: their audiences are unique across the family. */
  readonly family?: string
  /** Recognises its own tokens by exact `iss`, before any network. `metadataIssuer`: once fetched, for a tenant named by domain. */
  recognise(issuer: string, metadataIssuer: string | undefined): Recognition | undefined
  /** Whether `recognise` needs the metadata first. */
  readonly needsMetadata: boolean
  /** Throws a TypeError at start-up for a configured audience that is not unique among its tokens. */
  checkAudience?(audience: string): void
  /** Whether its tenant rule refuses a recognised token in any case: another issuer may then be meant. */
  excludes?(recognition: Recognition): boolean
  /** Checks that it is an access token, before the signature. Throws a refusal. */
  readonly checkTokenType: TokenTypeCheck
  /** Checks that the token's tenant is the recognised one, and is allowed, before the signature. Throws a refusal. */
  checkTenant(claims: Claims, recognition: Recognition): void
  /** Checks that a key may sign this token. Throws a refusal. */
  checkKey(key: SigningKey, recognition: Recognition, cloudInstanceName: string | undefined): void
  /** Decides about the verified tenant, again for every request. */
  readonly tenantPolicy?: TenantPolicy
  /** Where a client asks this issuer for a token with more claims: where the issuer understands claims challenges (Entra). */
  authorizationUri?(recognition: Recognition): string
  /** Audiences its tokens may carry beside the configured ones. */
  impliedAudiences(recognition: Recognition): readonly string[]
  /** Reads who the token is for and what it grants. Throws a refusal where that is undecided. */
  readIdentity(
    claims: Claims,
    recognition: Recognition,
    allowedClients: readonly string[] | undefined,
  ): TokenIdentity
}

/** How issuers that appear at run time are found. */
export interface RealmRules {
  readonly resolve: (iss: string) => unknown
  readonly maxIssuers: number
  readonly maxAgeSeconds: number
}

/**
 * The values that factories made. It is shared by all copies of this package in one process, because an application may
 * load one by `import` and another by `require`. The number changes with the shape of `IssuerRules`.
 */
const madeByFactories = sharedSet(Symbol.for('@countersign/core:issuers:1'))

function sharedSet(key: symbol): WeakSet<object> {
  const shared = globalThis as { [key: symbol]: WeakSet<object> | undefined }
  shared[key] ??= new WeakSet()
  return shared[key]
}

/** Makes a trusted issuer of its rules. A look-alike, say from a configuration file, is not one. */
export function createTrustedIssuer(rules: IssuerRules): TrustedIssuer {
  madeByFactories.add(rules)
  return Object.freeze(rules) as unknown as TrustedIssuer
}

/** The rules of a trusted issuer; undefined for any other value. */
export function rulesOf(value: unknown): IssuerRules | undefined {
  const isTrustedIssuer = typeof value === 'object' && value !== null && madeByFactories.has(value)
  return isTrustedIssuer ? (value as IssuerRules) : undefined
}

export function readIssuerSettings(what: string, settings: IssuerSettings): ReadIssuerSettings {
  const { audience, allowedClients, requiredClaims } = settings
  return Object.freeze({
    audience: audience === undefined ? undefined : readStringList(what, 'audience', audience),
    allowedClients:
      allowedClients === undefined ? undefined : readStringList(what, 'allowedClients', allowedClients),
    requiredClaims:
      requiredClaims === undefined ? undefined : compileShape(what, 'requiredClaims', requiredClaims),
  })
}
