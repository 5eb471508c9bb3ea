import type * as oauth from 'oauth4webapi'
import type { Authority } from './authority.js'
import { TokenClientError } from '../base/errors.js'
import { type Fetch, isLoopback, isSecure } from '../base/guarded-fetch.js'
import { readOAuthUserToken } from '../user-tokens/user-token.js'

export interface OAuthAuthorityOptions {
  /** The name under which the service takes `target.resource`: RFC 8707's `resource` (default), or `audience`. */
  readonly resourceParameter?: 'resource' | 'audience'
}

const metadataLifeSeconds = 24 * 60 * 60

/**
 * Any OAuth 2.0 service with metadata (OpenID Connect Discovery, then RFC 8414). The metadata's `issuer` must be the
 * given one, letter for letter. On-behalf-of is token exchange (RFC 8693). Throws `TypeError` for an issuer that is
 * not https (http only on loopback).
 */
export function oauthAuthority(issuer: string, options: OAuthAuthorityOptions = {}): Authority {
  for (const name of Object.keys(options)) {
    if (name !== 'resourceParameter') throw new TypeError(`oauthAuthority has no option "${name}"`)
  }
  const resourceParameter = options.resourceParameter ?? 'resource'
  if (resourceParameter !== 'resource' && resourceParameter !== 'audience') {
    throw new TypeError('resourceParameter must be resource or audience')
  }
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) throw new TypeError('issuer must be a URL')
  const url = new URL(issuer)
  if (!isSecure(url) || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new TypeError('issuer must be https (http only on loopback), without query, fragment or user')
  }

  let known: { server: oauth.AuthorizationServer; fetchedAt: number } | undefined
  let fetching: Promise<oauth.AuthorizationServer> | undefined

  return Object.freeze({
    identity: Object.freeze(['oauth', issuer, resourceParameter]),
    refreshTokensAreReusable: false,

    applicationTenant(requested) {
      if (requested !== undefined)
        throw new TypeError('tenantId has no meaning on an authority without tenants')
      return undefined
    },

    readUserToken: (token) => readOAuthUserToken(token, issuer),

    async tokenServer(_tenantId, fetch, now) {
      if (known !== undefined && now - known.fetchedAt < metadataLifeSeconds) return known.server
      fetching ??= discover(issuer, fetch).finally(() => (fetching = undefined))
      try {
        known = { server: await fetching, fetchedAt: now }
      } catch (error) {
        if (known === undefined) throw error
      }
      return known.server
    },

    targetParameters({ resource, scopes, claims }, offline) {
      if (claims !== undefined) throw new TypeError('target.claims has no meaning on this authority')
      const scope = [...(scopes ?? []), ...(offline === undefined ? [] : ['offline_access'])].join(' ')
      return {
        ...(resource === undefined ? {} : { [resourceParameter]: resource }),
        ...(scope === '' ? {} : { scope }),
      }
    },

    takesClaims: false,

    authorizationUri: () => undefined,

    isOwnAddress: () => false,

    // RFC 8693 section 2.1
    onBehalfOf: (userToken) => ({
      grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
      parameters: {
        subject_token: userToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
    }),
  } satisfies Authority)
}

async function discover(issuer: string, fetch: Fetch): Promise<oauth.AuthorizationServer> {
  const oauth = await import('oauth4webapi')
  const url = new URL(issuer)
  const request = (algorithm: 'oidc' | 'oauth2') =>
    oauth.discoveryRequest(url, {
      algorithm,
      [oauth.customFetch]: (address, { method, headers }) => fetch(address, { method, headers }),
      [oauth.allowInsecureRequests]: isLoopback(url),
    })
  let response = await request('oidc')
  if (response.status === 404) response = await request('oauth2')
  if (response.status === 429 || response.status >= 500) throw new TokenClientError('service_unavailable')

  let server: oauth.AuthorizationServer
  try {
    server = await oauth.processDiscoveryResponse(url, response)
  } catch {
    throw new TokenClientError('metadata_invalid')
  }
  // oauth4webapi compares issuers as URLs; RFC 8414 section 3.3 asks for identical strings.
  if (server.issuer !== issuer) throw new TokenClientError('metadata_invalid', { reason: 'issuer' })
  const endpoint: unknown = server.token_endpoint
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) {
    throw new TokenClientError('metadata_invalid', { reason: 'token_endpoint' })
  }
  const endpointUrl = new URL(endpoint)
  if (!isSecure(endpointUrl) || (isLoopback(endpointUrl) && !isLoopback(url))) {
    throw new TokenClientError('metadata_invalid', { reason: 'token_endpoint' })
  }
  return server
}
