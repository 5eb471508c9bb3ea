import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import type { Fetch } from '../base/guarded-fetch.js'
import { badOption, checkNames, checkObject } from '../base/options-reader.js'
import { isSecure } from '../base/secure-url.js'
import { readOAuthUserToken } from '../user-tokens/oauth-user-token.js'
import { type Authority, createAuthority } from './authority.js'
import { discover } from './discovery.js'
import { readTokenExchange, type TokenExchangeOptions } from './token-exchange.js'

/** The options of `oauthAuthority`. */
export interface OAuthAuthorityOptions {
  /** The issuer's identifier, exactly as its metadata writes it. https, or http on loopback. */
  readonly issuer: string
  /** The parameter in which the service takes `target.resource`: RFC 8707's `resource` (default), or `audience`. */
  readonly resourceParameter?: 'resource' | 'audience' | undefined
  /** How a user's token is exchanged for the next one, where the service differs from the defaults. */
  readonly tokenExchange?: TokenExchangeOptions | undefined
}

const metadataLifeSeconds = 24 * 60 * 60

/**
 * Any OAuth 2.0 token service with metadata (OpenID Connect Discovery, then RFC 8414). The metadata is fetched for the
 * first token and kept for 24 hours; its `issuer` must equal the given one, character by character. On-behalf-of is token
 * exchange (RFC 8693). Does not check that the issuer exists. Throws `TypeError` for invalid options, among them an issuer
 * that is not https (http only on loopback).
 *
 * @example
 * ```ts
 * import { oauthAuthority } from '@countersign/token-client'
 *
 * const authority = oauthAuthority({ issuer: 'https://login.example/realms/shop' })
 * ```
 */
export function oauthAuthority(options: OAuthAuthorityOptions): Authority {
  checkObject('oauthAuthority', options)
  checkNames('oauthAuthority', options, ['issuer', 'resourceParameter', 'tokenExchange'])
  const issuer = readIssuer(options.issuer)
  const resourceParameter = options.resourceParameter ?? 'resource'
  if (resourceParameter !== 'resource' && resourceParameter !== 'audience') {
    throw badOption('oauthAuthority', 'resourceParameter', 'must be resource or audience')
  }
  const exchange = readTokenExchange(options.tokenExchange)
  const metadata = new Metadata(issuer)

  return createAuthority({
    identity: Object.freeze(['oauth', issuer, resourceParameter, ...exchange.identity]),
    refreshTokensAreReusable: false,
    takesClaims: false,
    describe: () => issuer,
    applicationTenant(requested) {
      if (requested !== undefined) {
        throw badOption('acquireForApp', 'tenantId', 'must be left out: this authority has no tenants')
      }
      return undefined
    },
    readUserToken: (token) => readOAuthUserToken(token, issuer),
    tokenServer: (_tenantId, fetch, now) => metadata.get(fetch, now),
    targetParameters({ resource, scopes, claims }, offline) {
      if (claims !== undefined) {
        throw badOption('target', 'claims', 'must be left out: this authority takes no claims')
      }
      const scope = [...(scopes ?? []), ...(offline === undefined ? [] : ['offline_access'])].join(' ')
      return {
        ...(resource === undefined ? {} : { [resourceParameter]: resource }),
        ...(scope === '' ? {} : { scope }),
      }
    },
    authorizationUri: () => undefined,
    isOwnAddress: () => false,
    onBehalfOf: exchange.request,
  })
}

function readIssuer(issuer: unknown): string {
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) {
    throw badOption('oauthAuthority', 'issuer', 'must be a URL')
  }
  const url = new URL(issuer)
  if (!isSecure(url) || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw badOption(
      'oauthAuthority',
      'issuer',
      'must be an https address (http only on loopback), without query, fragment or user',
    )
  }
  return issuer
}

/** An issuer's metadata. While it cannot be fetched again, the last one remains in use. */
class Metadata {
  readonly #issuer: string
  #known: { server: oauth.AuthorizationServer; fetchedAt: number } | undefined
  #fetching: Promise<oauth.AuthorizationServer> | undefined

  constructor(issuer: string) {
    this.#issuer = issuer
  }

  async get(fetch: Fetch, now: number): Promise<oauth.AuthorizationServer> {
    if (this.#known !== undefined && now - this.#known.fetchedAt < metadataLifeSeconds) {
      return this.#known.server
    }
    this.#fetching ??= discover(this.#issuer, fetch).finally(() => (this.#fetching = undefined))
    try {
      this.#known = { server: await this.#fetching, fetchedAt: now }
    } catch (error) {
      if (this.#known === undefined) throw error
    }
    return this.#known.server
  }
}
