import { BearerError } from './errors.js'
import { claim, requiredString, type Claims } from './claims.js'
import { clouds, type EntraCloud, type EntraCloudName } from './clouds.js'
import { readEntraIdentity } from './entra-identity.js'
import { isGuid, isIssuerTemplate, issuerTemplate } from './issuer-template.js'
import {
  createTrustedIssuer,
  issuerSettingNames,
  readIssuerSettings,
  type IssuerSettings,
  type ReadIssuerSettings,
  type Recognition,
  type TenantPolicy,
  type TrustedIssuer,
} from './issuer.js'
import { discoveredKeys } from './metadata.js'
import { checkNames, checkObject, readString, readUrl } from './options-reader.js'

/** Settings that `entra` and `entraMultiTenant` have in common. */
interface EntraSettings extends IssuerSettings {
  /**
   * The application (client) id of the API's own registration. It implies the audiences that Entra puts into this API's
   * tokens by default: the id itself in v2.0 tokens, `api://<id>` or the id in v1.0 tokens. `audience` adds to them.
   */
  readonly clientId?: string | undefined
  /** One of Microsoft's clouds by name, or a cloud as a value. Default: `'global'`. */
  readonly cloud?: EntraCloudName | EntraCloud | undefined
}

/** Options of `entra`. */
export interface EntraOptions extends EntraSettings {
  /** The tenant: its GUID, or one of its verified domains (resolved through the tenant's own metadata, once). */
  readonly tenantId: string
  /**
   * Fetch the key set of this application (`?appid=<clientId>`): needed when its registration maps claims and therefore
   * has a custom signing key. Needs `clientId`. Default: false.
   */
  readonly applicationKeys?: boolean | undefined
}

/** Options of `entraMultiTenant`. */
export interface EntraMultiTenantOptions extends EntraSettings {
  /**
   * Which tenants' tokens are accepted: a list of tenant GUIDs, a function that is called for each verified tenant, or the
   * word `'any'`. Required: a default would mean every tenant.
   */
  readonly allowedTenants: readonly string[] | TenantPolicy | 'any'
  /** `'organizations'`: work and school accounts only; `'common'`: personal Microsoft accounts too. Default: `'organizations'`. */
  readonly accounts?: 'organizations' | 'common' | undefined
}

const personalAccounts = '9188040d-6c67-4c5b-b112-36a304b66dad'
const notTenants = ['common', 'organizations', 'consumers']

/**
 * One Entra tenant: accepts its v1.0 and v2.0 tokens, each against its own issuer. Keys always come from the tenant's v2.0
 * key set, whose keys name the issuer they may sign for. Throws a TypeError for `common`, `organizations` and `consumers`: for
 * these use `entraMultiTenant`, which requires `allowedTenants`.
 *
 * @example
 * ```ts
 * import { createTokenValidator, entra } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: entra({
 *     tenantId: '11111111-1111-4111-8111-111111111111',
 *     clientId: '22222222-2222-4222-8222-222222222222',
 *   }),
 * })
 * ```
 */
export function entra(options: EntraOptions): TrustedIssuer {
  const what = 'entra'
  checkObject(what, options)
  checkNames(what, options, ['tenantId', 'clientId', 'cloud', 'applicationKeys', ...issuerSettingNames])
  const tenant = readString(what, 'tenantId', options.tenantId).toLowerCase()
  if (notTenants.includes(tenant)) {
    throw new TypeError(
      `${what}: "tenantId" must be one tenant; for "${tenant}" use entraMultiTenant, which requires allowedTenants`,
    )
  }
  const isId = isGuid(tenant)
  if (!isId && !/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(tenant)) {
    throw new TypeError(`${what}: "tenantId" must be a tenant's GUID or one of its verified domains`)
  }
  const cloud = readCloud(what, options.cloud)
  const clientId = readClientId(what, options.clientId)
  if (options.applicationKeys !== undefined && typeof options.applicationKeys !== 'boolean') {
    throw new TypeError(`${what}: "applicationKeys" must be true or false`)
  }
  if (options.applicationKeys && clientId === undefined) {
    throw new TypeError(`${what}: "applicationKeys" needs "clientId", whose keys are meant`)
  }
  const v2 = issuerTemplate(cloud.v2Issuer)
  const query = options.applicationKeys ? `?appid=${clientId}` : ''
  return createEntraIssuer({
    name: nameOf(what, tenant, cloud),
    tenants: isId ? [tenant] : [],
    cloud,
    clientId,
    settings: readIssuerSettings(what, options),
    metadataUrl: `${cloud.authority}/${tenant}/v2.0/.well-known/openid-configuration${query}`,
    isExpectedIssuer: (issuer) => (isId ? issuer === v2.of(tenant) : v2.tenantIn(issuer) !== undefined),
    needsMetadata: !isId,
    keyMayLackIssuer: true,
    isOwnTenant: (tenantId, metadataIssuer) =>
      isId ? tenantId === tenant : metadataIssuer === v2.of(tenantId),
    checkTenant: () => {},
  })
}

/**
 * Many Entra tenants. Every token's issuer must be the one of its own `tid`, the signing key must be one that may sign for
 * that issuer, and `allowedTenants` must accept the tenant: a list before a key is looked up, a function only with a
 * verified tenant. Keys come from the authority's one v2.0 document, so that cost does not grow with tenants.
 *
 * It does not check that a tenant consented to your API: Entra did that when it issued the token. Throws a TypeError if an
 * option is wrong, missing or unknown.
 *
 * @example
 * ```ts
 * import { createTokenValidator, entraMultiTenant } from '@countersign/core'
 *
 * const customers = new Set(['11111111-1111-4111-8111-111111111111'])
 * const validator = createTokenValidator({
 *   issuer: entraMultiTenant({
 *     clientId: '22222222-2222-4222-8222-222222222222',
 *     allowedTenants: (tenantId) => customers.has(tenantId),
 *   }),
 * })
 * ```
 */
export function entraMultiTenant(options: EntraMultiTenantOptions): TrustedIssuer {
  const what = 'entraMultiTenant'
  checkObject(what, options)
  checkNames(what, options, ['allowedTenants', 'accounts', 'clientId', 'cloud', ...issuerSettingNames])
  const cloud = readCloud(what, options.cloud)
  const accounts = options.accounts ?? 'organizations'
  if (accounts !== 'organizations' && accounts !== 'common') {
    throw new TypeError(`${what}: "accounts" must be 'organizations' or 'common'`)
  }
  const { allowedTenants } = options
  const policy = readTenantPolicy(what, allowedTenants)

  return createEntraIssuer({
    name: nameOf(what, accounts, cloud),
    tenants: policy instanceof Set ? [...policy] : [anyTenant],
    cloud,
    clientId: readClientId(what, options.clientId),
    settings: readIssuerSettings(what, options),
    metadataUrl: `${cloud.authority}/${accounts}/v2.0/.well-known/openid-configuration`,
    isExpectedIssuer: (issuer) => issuer === cloud.v2Issuer,
    needsMetadata: false,
    keyMayLackIssuer: false,
    isOwnTenant: () => true,
    excludes: ({ tenantId }) => policy instanceof Set && !policy.has(tenantId as string),
    checkTenant(tenantId) {
      if (accounts === 'organizations' && tenantId === personalAccounts) {
        throw new BearerError('tenant_not_allowed', { claim: 'tid', reason: 'personal_account' })
      }
      if (policy instanceof Set && !policy.has(tenantId))
        throw new BearerError('tenant_not_allowed', { claim: 'tid' })
    },
    ...(typeof policy === 'function' ? { tenantPolicy: policy } : {}),
    ...(policy === 'any' ? { checkAudience: (audience) => checkUniqueAudience(what, audience) } : {}),
  })
}

/** Stands for every tenant where two issuers are compared: no tenant has this id. */
const anyTenant = '00000000-0000-0000-0000-000000000000'

/**
 * An identifier URI is unique inside one tenant only: another tenant may register an application with the same one, define
 * its roles, and get v1.0 tokens for it. A GUID is unique everywhere, and the domain of an https URI is verified by Entra.
 */
function checkUniqueAudience(what: string, audience: string): void {
  if (/^(api:\/\/)?[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(\/|$)/i.test(audience)) return
  if (audience.startsWith('https://')) return
  throw new TypeError(
    `${what}: "audience" must be the client id, api:// with the client id, or an https URI where "allowedTenants" is 'any': any tenant can register another identifier URI`,
  )
}

/** A name for each cloud, since two clouds may have the same tenants: keys of a snapshot go to the issuer of their name. */
function nameOf(what: string, whose: string, { authority }: EntraCloud): string {
  return authority === clouds.global.authority ? `${what}(${whose})` : `${what}(${whose} at ${authority})`
}

function readTenantPolicy(what: string, value: unknown): Set<string> | TenantPolicy | 'any' {
  if (value === 'any' || typeof value === 'function') return value as TenantPolicy | 'any'
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((tenant) => isGuid(String(tenant).toLowerCase()))
  ) {
    return new Set(value.map((tenant) => String(tenant).toLowerCase()))
  }
  throw new TypeError(
    `${what}: "allowedTenants" must be a non-empty list of tenant GUIDs, a function, or the word 'any'`,
  )
}

interface EntraRules {
  readonly name: string
  /** The tenants it accepts, where these are known from the configuration alone. */
  readonly tenants: readonly string[]
  readonly cloud: EntraCloud
  readonly clientId: string | undefined
  readonly settings: ReadIssuerSettings
  readonly metadataUrl: string
  readonly isExpectedIssuer: (issuer: string) => boolean
  readonly needsMetadata: boolean
  readonly keyMayLackIssuer: boolean
  /** Whether this issuer is the tenant's. */
  readonly isOwnTenant: (tenantId: string, metadataIssuer: string | undefined) => boolean
  /** Throws a refusal for a tenant that is recognised and not allowed. */
  readonly checkTenant: (tenantId: string) => void
  readonly excludes?: (recognition: Recognition) => boolean
  readonly checkAudience?: (audience: string) => void
  readonly tenantPolicy?: TenantPolicy
}

const absentKeyGraceSeconds = 24 * 3600
const maxRecognised = 1000

function createEntraIssuer(rules: EntraRules): TrustedIssuer {
  const { cloud, clientId } = rules
  const v1 = issuerTemplate(cloud.v1Issuer)
  const v2 = issuerTemplate(cloud.v2Issuer)
  const implied = {
    // Entra writes the identifier URI or the bare client id, as the client asked for it.
    '1.0': Object.freeze(clientId === undefined ? [] : [`api://${clientId}`, clientId]),
    '2.0': Object.freeze(clientId === undefined ? [] : [clientId]),
  }
  // Parsing an issuer costs more than a look-up, and few issuers recur.
  const recognised = new Map<string, Recognition>()

  function readIssuer(issuer: string): Recognition | undefined {
    const v2Tenant = v2.tenantIn(issuer)
    const tenantId = v2Tenant ?? v1.tenantIn(issuer)
    if (tenantId === undefined) return undefined
    const recognition = { version: v2Tenant === undefined ? ('1.0' as const) : ('2.0' as const), tenantId }
    if (recognised.size >= maxRecognised) recognised.clear()
    recognised.set(issuer, recognition)
    return recognition
  }

  return createTrustedIssuer({
    name: rules.name,
    issuers: rules.tenants.flatMap((tenant) => [v2.of(tenant), v1.of(tenant)]),
    snapshotName: JSON.stringify([rules.name, rules.metadataUrl]),
    algorithms: Object.freeze(['RS256'] as const),
    rsaKeysServeAnyAlgorithm: false,
    settings: rules.settings,
    audienceSources: [],
    acceptsMissingAudience: false,
    keySource: discoveredKeys([[rules.metadataUrl]], rules.isExpectedIssuer, {
      issuer: rules.name,
      plainHttpHosts: [],
      inside: (url) => url,
    }),
    absentKeyGraceSeconds,
    requiresKeyId: true,
    family: cloud.authority,
    needsMetadata: rules.needsMetadata,
    ...(rules.tenantPolicy === undefined ? {} : { tenantPolicy: rules.tenantPolicy }),

    recognise(issuer, metadataIssuer) {
      const recognition = recognised.get(issuer) ?? readIssuer(issuer)
      if (recognition === undefined) return undefined
      return rules.isOwnTenant(recognition.tenantId as string, metadataIssuer) ? recognition : undefined
    },

    checkTokenType,

    ...(rules.excludes === undefined ? {} : { excludes: rules.excludes }),
    ...(rules.checkAudience === undefined ? {} : { checkAudience: rules.checkAudience }),

    checkTenant(claims, recognition) {
      checkVersion(claims, recognition)
      checkTenantClaim(claims, recognition)
      rules.checkTenant(recognition.tenantId as string)
    },

    checkKey(key, { tenantId }, cloudInstanceName) {
      if (key.issuer === undefined) {
        if (rules.keyMayLackIssuer) return
        throw new BearerError('key_issuer_mismatch', { reason: 'key_without_issuer' })
      }
      // Also for a v1.0 token: keys name the v2.0 issuer of the tenant they may sign for, whatever the token's version.
      if (
        key.issuer !== v2.text &&
        issuerTemplate(key.issuer).of(tenantId as string) !== v2.of(tenantId as string)
      ) {
        throw new BearerError('key_issuer_mismatch', { reason: 'issuer' })
      }
      if (
        key.cloudInstanceName !== undefined &&
        cloudInstanceName !== undefined &&
        key.cloudInstanceName !== cloudInstanceName
      ) {
        throw new BearerError('key_issuer_mismatch', { reason: 'cloud' })
      }
    },

    authorizationUri: ({ tenantId }) => `${cloud.authority}/${tenantId}/oauth2/v2.0/authorize`,

    impliedAudiences: ({ version }) => implied[version as '1.0' | '2.0'],

    readIdentity: readEntraIdentity,
  })
}

const idTokenClaims = ['nonce', 'at_hash', 'c_hash']

/**
 * Graph hashes a nonce into the header before it signs: no other API can verify its tokens, and none should. An id token of
 * the API's own registration has the same issuer, audience, key and `typ` as an access token.
 */
function checkTokenType(header: Readonly<Record<string, unknown>>, claims: Claims): void {
  if (Object.hasOwn(header, 'nonce')) throw new BearerError('graph_token', { claim: 'nonce' })
  for (const name of idTokenClaims) {
    if (claim(claims, name) !== undefined) throw new BearerError('id_token', { claim: name })
  }
}

function checkVersion(claims: Claims, { version }: Recognition): void {
  if (requiredString(claims, 'ver') !== version) {
    throw new BearerError('claim_malformed', { claim: 'ver', reason: 'version_of_another_issuer' })
  }
}

function checkTenantClaim(claims: Claims, { tenantId }: Recognition): void {
  const tid = requiredString(claims, 'tid')
  for (const name of Object.keys(claims)) {
    if (name.length === 3 && name !== 'tid' && name.toLowerCase() === 'tid') {
      throw new BearerError('claim_malformed', { claim: 'tid', reason: 'ambiguous' })
    }
  }
  if (tid === tenantId) return
  throw isGuid(tid)
    ? new BearerError('tenant_mismatch', { claim: 'tid' })
    : new BearerError('claim_malformed', { claim: 'tid' })
}

function readCloud(what: string, value: unknown): EntraCloud {
  if (value === undefined) return clouds.global
  if (typeof value === 'string' && Object.hasOwn(clouds, value)) return clouds[value as EntraCloudName]
  const names = Object.keys(clouds).join("', '")
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(
      `${what}: "cloud" must be '${names}' or an object of authority, v1Issuer and v2Issuer`,
    )
  }
  const { authority, v1Issuer, v2Issuer } = value as Record<string, unknown>
  const origin = readUrl(what, 'cloud.authority', authority)
  if (origin !== new URL(origin).origin) {
    throw new TypeError(`${what}: "cloud.authority" must be an origin without a path or a trailing slash`)
  }
  return Object.freeze({
    authority: origin,
    v1Issuer: readTemplate(what, 'cloud.v1Issuer', v1Issuer),
    v2Issuer: readTemplate(what, 'cloud.v2Issuer', v2Issuer),
  })
}

function readTemplate(what: string, name: string, value: unknown): string {
  const template = readString(what, name, value)
  if (isIssuerTemplate(template)) return template
  throw new TypeError(`${what}: "${name}" must contain {tenantid}`)
}

function readClientId(what: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && isGuid(value.toLowerCase())) return value.toLowerCase()
  throw new TypeError(`${what}: "clientId" must be the GUID of the API's own application`)
}
