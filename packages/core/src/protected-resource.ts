import { checkNames, checkObject, readString, readStringList, readUrl } from './options-reader.js'

/** What an API publishes about itself (RFC 9728 section 2). Only `resource` is required; empty lists are left out. */
export interface ProtectedResourceOptions {
  /** The API's own address, as its callers know it: https (http only on this machine), without query and fragment. */
  readonly resource: string
  /** Issuers whose tokens the API accepts. */
  readonly authorizationServers?: readonly string[] | undefined
  /** Scopes a client may ask for. */
  readonly scopesSupported?: readonly string[] | undefined
  /** A name for display. */
  readonly resourceName?: string | undefined
  /** Address of a page for developers. */
  readonly resourceDocumentation?: string | undefined
  /** Address of the policy on the use of data. */
  readonly resourcePolicyUri?: string | undefined
  /** Address of the terms of service. */
  readonly resourceTosUri?: string | undefined
  /**
   * Serve the document at `/.well-known/oauth-protected-resource` too, without the API's path: some clients look only
   * there. For a server with one such API. Default: false.
   */
  readonly alsoAtRoot?: boolean | undefined
}

/** An answer that every framework can send. */
export interface MetadataAnswer {
  /** The HTTP status. */
  readonly status: 200 | 204 | 405
  /** The headers of the answer. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON document, or nothing. */
  readonly body: string
}

/** The metadata of one API, as an answer to requests. */
export interface ResourceMetadata {
  /** The answer to a request for the metadata; undefined to any other. `url` is the path with or without its query. */
  answer(method: string | undefined, url: string | undefined): MetadataAnswer | undefined
}

const wellKnown = '/.well-known/oauth-protected-resource'
const what = 'protectedResourceMetadata'

/**
 * The address of an API's metadata (RFC 9728 section 3.1): `/.well-known/oauth-protected-resource` between its host and its
 * path. It is the value for the validator's option `resourceMetadata`. Throws a TypeError for a bad address.
 */
export function resourceMetadataUrl(resource: string): string {
  const url = new URL(readResource(resource))
  return `${url.origin}${wellKnown}${url.pathname === '/' ? '' : url.pathname}`
}

/** Reads the options and writes the document, once. Throws a TypeError that names the option and what was expected. */
export function createResourceMetadata(options: ProtectedResourceOptions): ResourceMetadata {
  checkObject(what, options)
  checkNames(what, options, [
    'resource',
    'authorizationServers',
    'scopesSupported',
    'resourceName',
    'resourceDocumentation',
    'resourcePolicyUri',
    'resourceTosUri',
    'alsoAtRoot',
  ])
  const { alsoAtRoot = false } = options
  if (typeof alsoAtRoot !== 'boolean') throw new TypeError(`${what}: "alsoAtRoot" must be true or false`)
  const path = new URL(resourceMetadataUrl(options.resource)).pathname
  const body = JSON.stringify({
    resource: options.resource,
    authorization_servers: readList('authorizationServers', options.authorizationServers)?.map((server) =>
      readUrl(what, 'authorizationServers', server),
    ),
    scopes_supported: readScopes(options.scopesSupported),
    // Tokens in a form or a query string are never read (RFC 6750 sections 2.2 and 2.3).
    bearer_methods_supported: ['header'],
    resource_name: optional(readString, 'resourceName', options.resourceName),
    resource_documentation: optional(readUrl, 'resourceDocumentation', options.resourceDocumentation),
    resource_policy_uri: optional(readUrl, 'resourcePolicyUri', options.resourcePolicyUri),
    resource_tos_uri: optional(readUrl, 'resourceTosUri', options.resourceTosUri),
  })
  const document: MetadataAnswer = {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=3600', ...anyOrigin },
    body,
  }
  // Clients differ in the slash at the end; a 404 at the first address they try ends their search.
  const paths = [path, `${path}/`, ...(alsoAtRoot ? [wellKnown, `${wellKnown}/`] : [])]
  return {
    answer(method, url) {
      const end = url?.indexOf('?') ?? -1
      if (!paths.includes((end === -1 ? url : url?.slice(0, end)) ?? '')) return undefined
      if (method === 'OPTIONS') return preflight
      return method === 'GET' || method === 'HEAD' ? document : notAllowed
    },
  }
}

/** The document is public, and browser clients read it from pages of any origin. */
const anyOrigin = { 'Access-Control-Allow-Origin': '*' } as const

const preflight: MetadataAnswer = {
  status: 204,
  headers: {
    ...anyOrigin,
    'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
    // `*` covers every header but Authorization, which nobody needs here (Fetch, "CORS protocol").
    'Access-Control-Allow-Headers': '*',
    'Access-Control-Max-Age': '86400',
  },
  body: '',
}

const notAllowed: MetadataAnswer = {
  status: 405,
  headers: { Allow: 'GET, HEAD, OPTIONS', ...anyOrigin },
  body: '',
}

function readResource(resource: unknown): string {
  const address = readUrl(what, 'resource', resource)
  if (address.includes('?')) throw new TypeError(`${what}: "resource" must not carry a query`)
  return address
}

/** A list may be empty here, and is then not published (RFC 9728 section 3.2). */
function readList(name: string, value: readonly string[] | undefined): readonly string[] | undefined {
  return value === undefined || (Array.isArray(value) && value.length === 0)
    ? undefined
    : readStringList(what, name, value)
}

function readScopes(value: readonly string[] | undefined): readonly string[] | undefined {
  const scopes = readList('scopesSupported', value)
  if (scopes?.every((scope) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(scope)) ?? true) return scopes
  throw new TypeError(
    `${what}: "scopesSupported" must hold single words without spaces, quotes or backslashes`,
  )
}

function optional(
  read: (what: string, name: string, value: unknown) => string,
  name: string,
  value: unknown,
): string | undefined {
  return value === undefined ? undefined : read(what, name, value)
}
