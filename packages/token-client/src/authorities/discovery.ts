import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import { TokenClientError } from '../base/errors.js'
import type { Fetch } from '../base/guarded-fetch.js'
import { isLoopback, isSecure } from '../base/secure-url.js'

/** Fetches an issuer's metadata: OpenID Connect Discovery, then RFC 8414. Throws `TokenClientError`. */
export async function discover(issuer: string, fetch: Fetch): Promise<oauth.AuthorizationServer> {
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
  // oauth4webapi compares issuers as URLs; RFC 8414 section 3.3 requires identical strings.
  if (server.issuer !== issuer) throw new TokenClientError('metadata_invalid', { reason: 'issuer' })
  checkTokenEndpoint(server.token_endpoint, url)
  return server
}

function checkTokenEndpoint(endpoint: unknown, issuer: URL): void {
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url === undefined || !isSecure(url) || (isLoopback(url) && !isLoopback(issuer))) {
    throw new TokenClientError('metadata_invalid', { reason: 'token_endpoint' })
  }
}
