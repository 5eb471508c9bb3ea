import { fetchJson, FetchError, isLoopback, isTrustworthyUrl, type Fetch } from './fetch-json.js'
import type { KeySource, Metadata } from './issuer.js'

const metadataBytes = 256 * 1024
const keySetBytes = 4 * 1024 * 1024

/**
 * Keys through an issuer's metadata (OpenID Connect Discovery section 4, RFC 8414 section 3): of each list of addresses the
 * first that answers is used, and the keys of all documents are joined. `issuer` of each document must satisfy
 * `isExpectedIssuer`, and its `jwks_uri` must be https, or loopback if the document's own address is.
 */
export function discoveredKeys(
  documents: readonly (readonly string[])[],
  isExpectedIssuer: (issuer: string) => boolean,
): KeySource {
  const readAll = async (fetch: Fetch): Promise<Metadata> => {
    const read = await Promise.all(documents.map((urls) => readMetadata(fetch, urls, isExpectedIssuer)))
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

async function readMetadata(
  fetch: Fetch,
  urls: readonly string[],
  isExpectedIssuer: (issuer: string) => boolean,
): Promise<Metadata> {
  const { document, url } = await fetchFirst(fetch, urls)
  const { issuer, jwks_uri: jwksUri, cloud_instance_name: cloudInstanceName } = document
  if (typeof issuer !== 'string' || !isExpectedIssuer(issuer)) throw new FetchError('issuer')
  if (typeof jwksUri !== 'string' || !mayServeKeysOf(jwksUri, url)) throw new FetchError('jwks_uri')
  return {
    issuer,
    cloudInstanceName: typeof cloudInstanceName === 'string' ? cloudInstanceName : undefined,
    jwksUris: [jwksUri],
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
      if (!(error instanceof FetchError && error.status !== undefined && error.status < 500)) throw error
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

function mayServeKeysOf(jwksUri: string, metadataUrl: string): boolean {
  if (!URL.canParse(jwksUri)) return false
  const url = new URL(jwksUri)
  return isTrustworthyUrl(url) && (!isLoopback(url) || isLoopback(new URL(metadataUrl)))
}
