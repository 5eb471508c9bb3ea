import { isLinkLocal, isTrustworthyUrl, mayBeThisMachine } from './addresses.js'
import { fetchJson, FetchError, type Fetch } from './fetch-json.js'
import type { KeySource, Metadata } from './issuer.js'

const metadataBytes = 256 * 1024
const keySetBytes = 4 * 1024 * 1024

/**
 * Keys through an issuer's metadata (OpenID Connect Discovery section 4, RFC 8414 section 3): of each list of addresses the
 * first that answers is used, and the keys of all documents are joined. `issuer` of each document must satisfy
 * `isExpectedIssuer`, and its `jwks_uri` must be https (loopback only if the document's own address is).
 */
export function discoveredKeys(
  documents: readonly (readonly string[])[],
  isExpectedIssuer: (issuer: string) => boolean,
  network: NetworkRules,
): KeySource {
  const readAll = async (fetch: Fetch): Promise<Metadata> => {
    const read = await Promise.all(
      documents.map((urls) => readMetadata(fetch, urls, isExpectedIssuer, network)),
    )
    const [first] = read as [Metadata, ...Metadata[]]
    return { ...first, jwksUris: read.flatMap(({ jwksUris }) => jwksUris) }
  }
  return async (fetch, known) => {
    if (known !== undefined) {
      try {
        return { jwks: await fetchKeySets(fetch, known.jwksUris), metadata: known }
      } catch {
        // The address of the key set may have moved: the metadata knows.
      }
    }
    const metadata = await readAll(fetch)
    return { jwks: await fetchKeySets(fetch, metadata.jwksUris), metadata }
  }
}

/** Keys from JWKS addresses that the configuration names. */
export function keysAt(jwksUris: readonly string[]): KeySource {
  return async (fetch) => ({ jwks: await fetchKeySets(fetch, jwksUris) })
}

/** How the documents of an issuer are reached. */
export interface NetworkRules {
  /** The issuer as configured, for an operator who looks for the difference. */
  readonly issuer: string
  /** Hosts from which plain http is accepted. */
  readonly plainHttpHosts: readonly string[]
  /** The address inside the network of what `jwks_uri` names. */
  inside(url: string): string
}

async function readMetadata(
  fetch: Fetch,
  urls: readonly string[],
  isExpectedIssuer: (issuer: string) => boolean,
  network: NetworkRules,
): Promise<Metadata> {
  const { document, url } = await fetchFirst(fetch, urls)
  const { issuer, jwks_uri: jwksUri, cloud_instance_name: cloudInstanceName } = document
  if (typeof issuer !== 'string' || !isExpectedIssuer(issuer)) {
    throw new FetchError('issuer', {
      url,
      expectedIssuer: network.issuer,
      foundIssuer: typeof issuer === 'string' ? issuer.slice(0, 200) : undefined,
    })
  }
  const address = typeof jwksUri === 'string' && URL.canParse(jwksUri) ? network.inside(jwksUri) : undefined
  if (address === undefined || !mayServeKeysOf(new URL(address), new URL(url), network)) {
    throw new FetchError('jwks_uri', { url })
  }
  return {
    issuer,
    cloudInstanceName: typeof cloudInstanceName === 'string' ? cloudInstanceName : undefined,
    jwksUris: [address],
  }
}

async function fetchKeySets(fetch: Fetch, jwksUris: readonly string[]): Promise<readonly unknown[]> {
  const sets = await Promise.all(jwksUris.map((uri) => fetchKeySet(fetch, uri)))
  return sets.flat()
}

async function fetchFirst(
  fetch: Fetch,
  urls: readonly string[],
): Promise<{ document: Readonly<Record<string, unknown>>; url: string }> {
  let fault: unknown
  for (const url of urls) {
    try {
      return { document: await fetchJson(fetch, url, metadataBytes), url }
    } catch (error) {
      // Only "there is no such document" continues with the next address; an outage does not.
      if (!(error instanceof FetchError && (error.detail.status ?? 500) < 500)) throw error
      fault ??= error
    }
  }
  throw fault
}

async function fetchKeySet(fetch: Fetch, jwksUri: string): Promise<readonly unknown[]> {
  const { keys } = await fetchJson(fetch, jwksUri, keySetBytes)
  if (!Array.isArray(keys)) throw new FetchError('not_json')
  return keys
}

/**
 * Metadata from elsewhere must not point to this machine, nor to a link-local address: the server that answers there need not be
 * the issuer. Other private addresses are accepted, since clusters name them.
 */
function mayServeKeysOf(keys: URL, metadata: URL, { plainHttpHosts }: NetworkRules): boolean {
  if (!isTrustworthyUrl(keys, plainHttpHosts)) return false
  if (mayBeThisMachine(keys)) return mayBeThisMachine(metadata)
  return !isLinkLocal(keys) || keys.hostname === metadata.hostname
}
