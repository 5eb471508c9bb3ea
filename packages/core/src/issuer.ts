import type { SigningAlgorithm } from './algorithms.js'
import type { Claims } from './claims.js'
import { readStringList } from './options-reader.js'
import type { Fetch } from './fetch-json.js'
import type { SigningKey } from './jwk.js'
import type { Refuse } from './refuse.js'
import type { TokenIdentity } from './validated-token.js'

/** What an issuer's documents said: the raw members of its key set, and what binds them. */
export interface FetchedKeys {
  readonly jwks: readonly unknown[]
  /** `issuer` of the metadata document. */
  readonly issuer?: string | undefined
  /** `cloud_instance_name` of the metadata document (Entra). */
  readonly cloudInstanceName?: string | undefined
}

/** Where an issuer's keys come from. Throws `FetchError` when they cannot be had. */
export type KeySource = (fetch: Fetch) => Promise<FetchedKeys>

/** Which of an issuer's tokens this is. */
export interface Recognition {
  readonly version?: '1.0' | '2.0'
  readonly tenantId?: string
}

/** Decides about a tenant: true accepts it. Anything else refuses; a failure is ours, and answered with 503. */
export type TenantPolicy = (tenantId: string) => boolean | Promise<boolean>

/** What the owner of an API sets for one issuer. */
export interface IssuerSettings {
  /** Audiences that mean this API at this issuer. Required here when the validator trusts several issuers. */
  readonly audience?: string | readonly string[] | undefined
  /** Client ids that may call, by `azp`, `appid` or `client_id`. Without it every client of the issuer may. */
  readonly allowedClients?: readonly string[] | undefined
}

/** The settings, read: lists are lists. */
export interface ReadIssuerSettings {
  readonly audience: readonly string[] | undefined
  readonly allowedClients: readonly string[] | undefined
}

/**
 * An issuer this API trusts: its name, where its keys come from, and the rules its tokens follow. The makers (`entra`,
 * `entraMultiTenant`, `oidcIssuer`, `staticIssuer`) build it; a new kind of issuer is a new maker.
 */
export interface TrustedIssuer {
  /** For messages to the operator: configuration only, never a value of a token. */
  readonly name: string
  /** The issuer's own address, where it has just one. */
  readonly address?: string
  readonly algorithms: readonly SigningAlgorithm[]
  readonly settings: ReadIssuerSettings
  readonly keySource: KeySource
  /** How long a key serves that the newest key set no longer lists. */
  readonly absentKeyGraceSeconds: number
  /** Whether a token must name its key. */
  readonly requiresKeyId: boolean
  /** Whether several issuers of this family may share one audience: their audiences are unique across the family. */
  readonly family?: string
  /** Tells its own tokens by exact `iss`, before any network. `metadataIssuer`: once fetched, for a tenant named by domain. */
  recognise(issuer: string, metadataIssuer: string | undefined): Recognition | undefined
  /** Whether `recognise` needs the metadata first. */
  readonly needsMetadata: boolean
  /** What its tokens must be like before the signature is looked at: header, tenant. Throws a refusal. */
  checkShape(
    header: Readonly<Record<string, unknown>>,
    claims: Claims,
    recognition: Recognition,
    refuse: Refuse,
  ): void
  /** Which of its keys may sign this token. Throws a refusal. */
  checkKey(
    key: SigningKey,
    recognition: Recognition,
    cloudInstanceName: string | undefined,
    refuse: Refuse,
  ): void
  /** A decision about the verified tenant that is taken anew for every request. */
  readonly tenantPolicy?: TenantPolicy
  /** Audiences its tokens may carry beside the configured ones. */
  impliedAudiences(recognition: Recognition): readonly string[]
  /** Who the token is for and what it grants; refuses what is no access token. */
  readIdentity(
    claims: Claims,
    recognition: Recognition,
    allowedClients: readonly string[] | undefined,
    refuse: Refuse,
  ): TokenIdentity
}

const brand = new WeakSet<object>()

/** Marks a value as made by one of the makers, so that a look-alike from a configuration file is refused. */
export function trusted(issuer: TrustedIssuer): TrustedIssuer {
  brand.add(issuer)
  return Object.freeze(issuer)
}

export function isTrustedIssuer(value: unknown): value is TrustedIssuer {
  return typeof value === 'object' && value !== null && brand.has(value)
}

export function readIssuerSettings(what: string, settings: IssuerSettings): ReadIssuerSettings {
  const { audience, allowedClients } = settings
  return Object.freeze({
    audience: audience === undefined ? undefined : readStringList(what, 'audience', audience),
    allowedClients:
      allowedClients === undefined ? undefined : readStringList(what, 'allowedClients', allowedClients),
  })
}
