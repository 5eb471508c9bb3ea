import type { Authority } from './authority.js'
import { TokenClientError } from '../base/errors.js'
import { isSecure } from '../base/guarded-fetch.js'
import { isGuid, readEntraUserToken } from '../user-tokens/user-token.js'

const clouds = {
  global: 'https://login.microsoftonline.com',
  usGovernment: 'https://login.microsoftonline.us',
  china: 'https://login.partner.microsoftonline.cn',
} as const

/** Other names of the same hosts, in challenges of older APIs. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  [clouds.global]: ['https://login.windows.net', 'https://login.microsoft.com', 'https://sts.windows.net'],
  [clouds.usGovernment]: ['https://login.usgovcloudapi.net'],
  [clouds.china]: ['https://login.chinacloudapi.cn'],
}

export interface EntraAuthorityOptions {
  /**
   * The tenant's id, a GUID. Or `organizations`, for an application of many tenants: then `acquireForApp` names
   * the tenant in every call, and `acquireOnBehalfOf` takes the one that issued the user's token.
   */
  readonly tenantId: string
  /** The endpoint to ask: `1.0` takes a `resource`, `2.0` takes scopes as well. */
  readonly version: '1.0' | '2.0'
  /** A national cloud, or any other by the origin of its login host. Default: `global`. */
  readonly cloud?: keyof typeof clouds | { readonly authority: string }
}

/**
 * Microsoft Entra ID, its v1.0 or its v2.0 token endpoint. The endpoint's address is put together from these
 * options, with no discovery. Throws `TypeError` for options that cannot work, `common` and `consumers` among them:
 * neither grant of this package exists for them.
 */
export function entraAuthority(options: EntraAuthorityOptions): Authority {
  for (const name of Object.keys(options)) {
    if (!['tenantId', 'version', 'cloud'].includes(name))
      throw new TypeError(`entraAuthority has no option "${name}"`)
  }
  const { version } = options
  if (version !== '1.0' && version !== '2.0') throw new TypeError("version must be '1.0' or '2.0'")
  const home = readTenant(options.tenantId)
  const origin = readLoginOrigin(options.cloud ?? 'global')
  const path = version === '1.0' ? 'oauth2/token' : 'oauth2/v2.0/token'

  return Object.freeze({
    identity: Object.freeze(['entra', origin, version, home ?? 'organizations']),
    // "Refresh tokens in the Microsoft identity platform": an old one is not revoked when it was used.
    refreshTokensAreReusable: true,

    applicationTenant(requested) {
      if (requested !== undefined && !isGuid(requested)) {
        throw new TypeError('tenantId must be a GUID: a token for an application is of one tenant')
      }
      const tenantId = requested?.toLowerCase() ?? home
      if (tenantId === undefined) {
        throw new TypeError('tenantId is needed: the authority stands for many tenants (organizations)')
      }
      if (home !== undefined && tenantId !== home) {
        throw new TypeError(
          "tenantId must be the authority's own: use organizations for an application of many tenants",
        )
      }
      return tenantId
    },

    readUserToken(token) {
      const userToken = readEntraUserToken(token)
      if (home !== undefined && userToken.tenantId !== home)
        throw new TokenClientError('user_token_tenant_mismatch')
      return userToken
    },

    tokenServer(tenantId) {
      // Only a GUID comes this far, so nothing of a token can bend the path.
      if (!isGuid(tenantId)) throw new TypeError('tenantId must be a GUID')
      return Promise.resolve({
        issuer: `${origin}/${tenantId}/v2.0`,
        token_endpoint: `${origin}/${tenantId}/${path}`,
        token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
      })
    },

    targetParameters({ resource, scopes, claims }, offline) {
      if (version === '1.0') {
        if (resource === undefined)
          throw new TypeError('target.scopes needs version 2.0: on 1.0 name the resource')
        if (claims !== undefined) throw new TypeError('target.claims needs version 2.0')
        return { resource }
      }
      const scope = resource === undefined ? [...scopes!] : [`${resource}/.default`]
      if (offline !== undefined) scope.push('offline_access')
      return { scope: scope.join(' '), ...(claims === undefined ? {} : { claims }) }
    },

    takesClaims: version === '2.0',

    authorizationUri(tenantId) {
      const tenant = isGuid(tenantId) ? tenantId : (home ?? 'organizations')
      return `${origin}/${tenant}/oauth2/${version === '1.0' ? '' : 'v2.0/'}authorize`
    },

    isOwnAddress: (uri) => uri.origin === origin || (aliases[origin]?.includes(uri.origin) ?? false),

    onBehalfOf: (userToken) => ({
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters: { assertion: userToken, requested_token_use: 'on_behalf_of' },
    }),
  } satisfies Authority)
}

function readTenant(tenantId: unknown): string | undefined {
  if (tenantId === 'organizations') return undefined
  if (!isGuid(tenantId)) {
    throw new TypeError(
      "tenantId must be the tenant's GUID, or organizations for an application of many tenants (common and consumers cannot be used here)",
    )
  }
  return tenantId.toLowerCase()
}

function readLoginOrigin(cloud: NonNullable<EntraAuthorityOptions['cloud']>): string {
  const expected =
    'cloud must be global, usGovernment, china, or { authority } with the origin of a login host (https, or http on loopback)'
  if (typeof cloud === 'string') {
    if (!Object.hasOwn(clouds, cloud)) throw new TypeError(expected)
    return clouds[cloud]
  }
  const authority: unknown = cloud?.authority
  if (typeof authority !== 'string' || !URL.canParse(authority)) throw new TypeError(expected)
  const url = new URL(authority)
  if (!isSecure(url) || url.origin !== authority) throw new TypeError(expected)
  return url.origin
}
