import type { FastifyInstance, FastifyReply } from 'fastify'
import { EntraError } from '../base/errors.js'
import { guidPattern } from '../base/guid.js'
import { consumersTenantId, type Directory } from '../directory/directory.js'
import type { Authority, Version } from '../directory/types.js'
import { addPublicDocument } from '../http/public-document.js'
import { issuerOf, type Service } from '../instance/service.js'
import { regionOfTenants } from '../tokens/optional-claims.js'
import type { PublishedKey } from '../keys/types.js'

/** Discovery documents and key sets of both versions. */
export function addDiscoveryEndpoints(app: FastifyInstance, service: Service): void {
  const paths = [
    ['1.0', '/:tenant/.well-known/openid-configuration', '/:tenant/discovery/keys'],
    ['2.0', '/:tenant/v2.0/.well-known/openid-configuration', '/:tenant/discovery/v2.0/keys'],
  ] as const
  for (const [version, discoveryPath, keysPath] of paths) {
    addPublicDocument(app, discoveryPath, 'discovery', ({ params, query }) =>
      discoveryDocument(service, version, readSubject(service, params.tenant, version), readAppId(query)),
    )
    addPublicDocument(app, keysPath, 'keys', async ({ params, query }, reply) => {
      const { segment } = readSubject(service, params.tenant, version)
      const keys = await keysFor(service, reply, segment, readAppId(query))
      return {
        // Only the set of v2.0 has the issuer of each key.
        keys:
          version === '2.0'
            ? keys
            : keys.map(({ kty, use, kid, x5t, n, e, x5c }) => ({ kty, use, kid, x5t, n, e, x5c })),
      }
    })
  }
}

async function keysFor(
  service: Service,
  reply: FastifyReply,
  segment: string,
  appId: string | undefined,
): Promise<readonly PublishedKey[]> {
  const effect = reply.fault?.effect
  const keys = await service.keys.published({
    // Personal accounts sign in under these two alone.
    withMicrosoftAccounts: segment === 'common' || segment === 'consumers',
    appId,
    asOf: effect?.kind === 'stale' ? reply.fault?.keyChanges : undefined,
  })
  const [first] = keys
  if (effect?.kind !== 'hugeKeySet' || first === undefined) return keys
  const more = Array.from({ length: effect.keys }, (_, index) => {
    const kid = Buffer.from(`${index}`.padStart(20, '0')).toString('base64url')
    return { ...first, kid, x5t: kid }
  })
  return [...keys, ...more]
}

function readAppId({ appid }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof appid === 'string' && guidPattern.test(appid) ? appid.toLowerCase() : undefined
}

/** Whom a document is about: how its addresses name the tenant, and how its issuer does. */
interface Subject {
  readonly segment: string
  readonly issuerTenant: string
  readonly region: string | null
}

function readSubject({ directory }: Service, segment: string, version: Version): Subject {
  const name = segment.toLowerCase()
  if (name === 'consumers') {
    if (version === '1.0') throw new EntraError(90027)
    return { segment: name, issuerTenant: consumersTenantId, region: null }
  }
  const authority = readAuthority(directory, segment)
  if (authority.kind !== 'tenant') return { segment: name, issuerTenant: '{tenantid}', region: null }
  const { id } = authority.tenant
  return { segment: id, issuerTenant: id, region: regionOfTenants }
}

/** Discovery has an `error` of its own for an unknown tenant. */
function readAuthority(directory: Directory, segment: string): Authority {
  try {
    return directory.readAuthority(segment)
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    throw new EntraError(error.code, { tenant: segment }, { error: 'invalid_tenant' })
  }
}

const claimsOfBoth = [
  'sub',
  'iss',
  'cloud_instance_name',
  'cloud_instance_host_name',
  'cloud_graph_host_name',
  'msgraph_host',
  'aud',
  'exp',
  'iat',
  'auth_time',
  'acr',
  'nonce',
]
const claimsOfV1 = ['amr', 'upn', 'unique_name', 'given_name', 'family_name', 'name', 'tid', 'ver']
const claimsOfV2 = ['preferred_username', 'name', 'tid', 'ver', 'at_hash', 'c_hash', 'email']

/** The members in the order and the types of Entra's document; an endpoint that is not there is not listed. */
function discoveryDocument(
  service: Service,
  version: Version,
  { segment, issuerTenant, region }: Subject,
  appId: string | undefined,
): object {
  const { origin, cloudInstanceName } = service
  const isV1 = version === '1.0'
  const endpoints = `${origin}/${segment}/oauth2${isV1 ? '' : '/v2.0'}`
  const host = new URL(origin).host
  const keys = `${origin}/${segment}/discovery${isV1 ? '' : '/v2.0'}/keys`
  return {
    token_endpoint: `${endpoints}/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: appId === undefined ? keys : `${keys}?appid=${appId}`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token'],
    scopes_supported: isV1 ? ['openid'] : ['openid', 'profile', 'email', 'offline_access'],
    issuer: issuerOf(service, issuerTenant, version),
    ...(isV1 ? { microsoft_multi_refresh_token: true } : { request_uri_parameter_supported: false }),
    userinfo_endpoint: isV1 ? `${origin}/${segment}/openid/userinfo` : `${origin}/oidc/userinfo`,
    authorization_endpoint: `${endpoints}/authorize`,
    device_authorization_endpoint: `${endpoints}/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${endpoints}/logout`,
    claims_supported: [...claimsOfBoth, ...(isV1 ? claimsOfV1 : claimsOfV2)],
    tenant_region_scope: region,
    cloud_instance_name: cloudInstanceName,
    cloud_graph_host_name: host,
    msgraph_host: host,
    rbac_url: origin,
  }
}
