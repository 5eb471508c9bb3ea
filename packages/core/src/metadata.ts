import { fetchJson, FetchError, isLoopback, isTrustworthyUrl, type Fetch } from './fetch-json.js'
import type { FetchedKeys, KeySource } from './issuer.js'

const metadataBytes = 256 * 1024
const keySetBytes = 4 * 1024 * 1024

/**
 * Keys through an issuer's metadata (OpenID Connect Discovery section 4, RFC 8414 section 3). The first of `urls` that
 * answers is used; its `issuer` must satisfy `isExpectedIssuer`, and its `jwks_uri` must be https, or loopback if the
 * issuer's own address is.
 */
export function discoveredKeys(
  urls: readonly string[],
  isExpectedIssuer: (issuer: string) => boolean,
): KeySource {
  return async (fetch) => {
    const { document, url } = await fetchFirst(fetch, urls)
    const { issuer, jwks_uri: jwksUri, cloud_instance_name: cloudInstanceName } = document
    if (typeof issuer !== 'string' || !isExpectedIssuer(issuer)) throw new FetchError('issuer')
    if (typeof jwksUri !== 'string' || !mayServeKeysOf(jwksUri, url)) throw new FetchError('jwks_uri')
    return {
      jwks: await fetchKeySet(fetch, jwksUri),
      issuer,
      cloudInstanceName: typeof cloudInstanceName === 'string' ? cloudInstanceName : undefined,
    }
  }
}

/** Keys from a JWKS address that the configuration names. */
export function keysAt(jwksUri: string): KeySource {
  return async (fetch): Promise<FetchedKeys> => ({ jwks: await fetchKeySet(fetch, jwksUri) })
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
