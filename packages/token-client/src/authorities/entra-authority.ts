import { TokenClientError } from '../base/errors.js'
import { isGuid } from '../base/identifiers.js'
import { badOption, checkNames, checkObject } from '../base/options-reader.js'
import { isSecure } from '../base/secure-url.js'
import { badTarget, type Target } from '../base/target.js'
import { readEntraUserToken } from '../user-tokens/entra-user-token.js'
import { type Authority, createAuthority, type RequestParameters } from './authority.js'
import { clouds, isSameCloud } from './entra-clouds.js'
import { isDomain, TenantDomains } from './tenant-domains.js'

/** The options of `entraAuthority`. */
export interface EntraAuthorityOptions {
  /**
   * The tenant's id, a GUID, or one of its domains, whose id is then read from the service's metadata. Or `organizations`, for
   * an application of many tenants: then every call of `acquireForApp` names the tenant, and `acquireOnBehalfOf` uses the
   * tenant that issued the user's token.
   */
  readonly tenantId: string
  /** The token endpoint: `1.0` takes a `resource`; `2.0` also takes scopes and claims challenges. Default: `2.0`. */
  readonly version?: '1.0' | '2.0' | undefined
  /**
   * The Azure region of this process, such as `westeurope`: tokens of the application itself come from its regional endpoint.
   * When that fails, the global endpoint is asked, and for the next five minutes it alone. Not with a cloud of your own.
   * Default: the global endpoint.
   */
  readonly region?: string | undefined
  /** A national cloud, or any other cloud by the origin of its login host. Default: `global`. */
  readonly cloud?:
    | 'global'
    | 'usGovernment'
    | 'china'
    | {
        /** The origin of the login host. */
        readonly authority: string
      }
    | undefined
}

type Version = '1.0' | '2.0'

/**
 * Microsoft Entra ID, its v1.0 or its v2.0 token endpoint. The endpoint's address is built from these options, without
 * discovery; nobody is contacted. Does not check that the tenant exists. Throws `TypeError` for invalid options, among
 * them the tenants `common` and `consumers`: the grants of this package do not exist there. Source: "Microsoft identity
 * platform and OAuth 2.0 On-Behalf-Of flow" and "National clouds".
 *
 * @example
 * ```ts
 * import { entraAuthority } from '@countersign/token-client'
 *
 * const oneTenant = entraAuthority({ tenantId: '0f1e2d3c-4b5a-4678-8901-23456789abcd', version: '2.0' })
 * const manyTenants = entraAuthority({ tenantId: 'organizations', version: '2.0' })
 * ```
 */
export function entraAuthority(options: EntraAuthorityOptions): Authority {
  checkObject('entraAuthority', options)
  checkNames('entraAuthority', options, ['tenantId', 'version', 'cloud', 'region'])
  const { version = '2.0', cloud = 'global' }: EntraAuthorityOptions = options
  if (version !== '1.0' && version !== '2.0') {
    throw badOption('entraAuthority', 'version', "must be '1.0' or '2.0'")
  }
  const tenant = readTenant(options.tenantId)
  const home = isGuid(tenant) ? tenant : undefined
  const origin = readLoginOrigin(cloud)
  const regional = readRegion(options.region, cloud)
  const domains = new TenantDomains(origin)

  return createAuthority({
    identity: Object.freeze(['entra', origin, version, tenant ?? 'organizations']),
    // "Refresh tokens in the Microsoft identity platform": an old one is not revoked when it is used.
    refreshTokensAreReusable: true,
    takesClaims: version === '2.0',
    describe: (tenantId) => `${origin}/${tenantId ?? tenant ?? 'organizations'} (v${version})`,
    applicationTenant: (requested) => chooseTenant(tenant, requested),
    readUserToken(token) {
      const userToken = readEntraUserToken(token)
      if (home !== undefined && userToken.tenantId !== home) {
        throw new TokenClientError('user_token_tenant_mismatch')
      }
      return userToken
    },
    async tokenServer(requested, fetch, now) {
      const tenantId = isGuid(requested) ? requested : await domains.resolve(requested ?? '', fetch, now)
      // Only now is the id of the tenant known that the options name by a domain.
      if (isDomain(tenant) && tenantId !== (await domains.resolve(tenant, fetch, now))) {
        throw new TokenClientError('user_token_tenant_mismatch')
      }
      return tokenServer(origin, version, tenantId)
    },
    async regionalServer(requested, fetch, now) {
      if (regional === undefined) return undefined
      const tenantId = isGuid(requested) ? requested : await domains.resolve(requested ?? '', fetch, now)
      return tokenServer(regional, version, tenantId)
    },
    targetParameters: (target, offline) =>
      version === '1.0' ? resourceParameters(target) : scopeParameters(target, offline),
    authorizationUri(tenantId) {
      const named = isGuid(tenantId) ? tenantId : (tenant ?? 'organizations')
      return `${origin}/${named}/oauth2/${version === '1.0' ? '' : 'v2.0/'}authorize`
    },
    isOwnAddress: (uri) => isSameCloud(origin, uri.origin),
    onBehalfOf: (userToken) => ({
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion: userToken, requested_token_use: 'on_behalf_of' },
    }),
  })
}

function chooseTenant(home: string | undefined, requested: string | undefined): string {
  if (requested !== undefined && !isGuid(requested) && !isDomain(requested)) {
    throw badOption('acquireForApp', 'tenantId', "must be a tenant's GUID or one of its domains")
  }
  const tenantId = requested?.toLowerCase() ?? home
  if (tenantId === undefined) {
    throw badOption(
      'acquireForApp',
      'tenantId',
      'is required: the authority is for many tenants (organizations)',
    )
  }
  if (home !== undefined && tenantId !== home) {
    throw badOption(
      'acquireForApp',
      'tenantId',
      "must be the authority's own tenant; for an application of many tenants, use organizations in entraAuthority",
    )
  }
  return tenantId
}

function tokenServer(origin: string, version: Version, tenantId: string | undefined) {
  // The tenant may come from a user's token. Only a GUID is put into the path, so no token can change the path.
  if (!isGuid(tenantId)) throw badOption('entraAuthority', 'tenantId', "must be a tenant's GUID")
  return {
    issuer: `${origin}/${tenantId}/v2.0`,
    token_endpoint: `${origin}/${tenantId}/${version === '1.0' ? 'oauth2/token' : 'oauth2/v2.0/token'}`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
  }
}

function resourceParameters({ resource, scopes, claims }: Target): RequestParameters {
  if (resource === undefined) {
    throw badOption(
      'target',
      'scopes',
      'must be left out with version 1.0: name the resource, or use version 2.0',
    )
  }
  if (claims !== undefined) {
    throw badOption('target', 'claims', 'must be left out with version 1.0: only version 2.0 takes claims')
  }
  return { resource: oneResource(resource, scopes) }
}

function scopeParameters({ resource, scopes, claims }: Target, offline?: 'offline'): RequestParameters {
  const scope = resource === undefined ? [...scopes!] : [`${oneResource(resource, scopes)}/.default`]
  if (offline !== undefined) scope.push('offline_access')
  return { scope: scope.join(' '), ...(claims === undefined ? {} : { claims }) }
}

function oneResource(resource: string | readonly string[], scopes: Target['scopes']): string {
  if (scopes !== undefined) throw badTarget()
  if (typeof resource === 'string') return resource
  throw badOption('target', 'resource', 'must be one identifier: Entra issues a token for one API')
}

function readTenant(tenantId: unknown): string | undefined {
  if (tenantId === 'organizations') return undefined
  if (!isGuid(tenantId) && !isDomain(tenantId)) {
    throw badOption(
      'entraAuthority',
      'tenantId',
      "must be a tenant's GUID or one of its domains, or organizations for an application of many tenants (common and consumers are not supported)",
    )
  }
  return tenantId.toLowerCase()
}

/** The origin of the regional endpoint. Source: MSAL, which builds the same names. */
function readRegion(region: unknown, cloud: NonNullable<EntraAuthorityOptions['cloud']>): string | undefined {
  if (region === undefined) return undefined
  if (typeof region !== 'string' || !/^[a-z0-9]{3,40}$/.test(region)) {
    throw badOption('entraAuthority', 'region', 'must be the name of an Azure region, such as westeurope')
  }
  if (typeof cloud !== 'string') {
    throw badOption(
      'entraAuthority',
      'region',
      'must be left out with a cloud of your own: it has no regional endpoints',
    )
  }
  return `https://${region}.${clouds[cloud].regional[0]}`
}

function readLoginOrigin(cloud: NonNullable<EntraAuthorityOptions['cloud']>): string {
  if (typeof cloud === 'string' && Object.hasOwn(clouds, cloud)) return clouds[cloud].origin
  const authority: unknown = typeof cloud === 'string' ? undefined : cloud?.authority
  const url = typeof authority === 'string' && URL.canParse(authority) ? new URL(authority) : undefined
  if (url === undefined || !isSecure(url) || url.origin !== authority) {
    throw badOption(
      'entraAuthority',
      'cloud',
      'must be global, usGovernment, china, or { authority } with the origin of a login host (https, or http on loopback)',
    )
  }
  return url.origin
}
