import { readJsonObject } from './json.js'
import { platform } from '#platform'

/** The part of `fetch` that is used, as an option: a proxy or a test passes its own, and patches nothing. */
export type Fetch = (
  url: string,
  init: {
    /** `POST` for token introspection, else `GET`. */
    method: 'GET' | 'POST'
    /** `Accept`, and for introspection what authenticates this API. */
    headers: Record<string, string>
    /** The form of an introspection request. */
    body?: string
    /** No redirect is followed. */
    redirect: 'error' | 'manual'
    /** Aborted after five seconds. */
    signal: AbortSignal
  },
) => Promise<Response>

/** A request for a document. */
export interface DocumentRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** A document as it came: well-formed UTF-8, within its bounds. */
export interface FetchedDocument {
  /** The media type in lower case, without parameters. */
  readonly type: string
  readonly text: string
}

/** Why a document could not be fetched. The words are ours: nothing of the answer is kept. */
export type FetchFault =
  | 'network'
  | 'timeout'
  | 'status'
  | 'too_large'
  | 'not_json'
  | 'issuer'
  | 'jwks_uri'
  | 'answer'
  | 'credentials'

/** What an operator needs to find the cause. Nothing of a body is in it but the issuer that a document names. */
export interface FetchDetail {
  /** The HTTP status, where there was an answer. */
  readonly status?: number | undefined
  /** Where the document was expected: origin and path, without the query. */
  readonly url?: string | undefined
  /** The system's word for the failure: `ENOTFOUND`, `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
  readonly systemCode?: string | undefined
  /** The issuer that is configured, where the document names another. */
  readonly expectedIssuer?: string | undefined
  /** The issuer that the document names. */
  readonly foundIssuer?: string | undefined
}

export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly fault: FetchFault
  readonly detail: FetchDetail

  constructor(fault: FetchFault, detail: FetchDetail = {}) {
    super(`The document could not be fetched (${fault})`)
    this.fault = fault
    this.detail = detail
  }
}

/** By its name, not by `instanceof`: a key source may be of another copy of this package. */
export function isFetchError(error: unknown): error is FetchError {
  return error instanceof Error && error.name === 'FetchError' && 'fault' in error && 'detail' in error
}

const timeoutSeconds = 5

/** Fetches a JSON object, within the bounds of `fetchDocument`. Throws `FetchError` and nothing else. */
export async function fetchJson(
  fetch: Fetch,
  url: string,
  maxBytes: number,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { accept: 'application/json, application/jwk-set+json' }
  const { text } = await fetchDocument(fetch, url, { method: 'GET', headers }, maxBytes)
  const result = readJsonObject(text)
  if (result.object === undefined) throw new FetchError('not_json', { url: placeOf(url) })
  return result.object
}

/**
 * Fetches a document: no redirect is followed, the whole exchange has five seconds, and what is read (after decompression)
 * is bounded. Only status 200 is an answer. Throws `FetchError` and nothing else.
 */
export async function fetchDocument(
  fetch: Fetch,
  url: string,
  request: DocumentRequest,
  maxBytes: number,
): Promise<FetchedDocument> {
  const aborter = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  // The race ends a fetch that ignores its signal.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new FetchError('timeout'))
      aborter.abort()
    }, timeoutSeconds * 1000)
  })
  try {
    return await Promise.race([late, readDocument(fetch, url, request, maxBytes, aborter.signal)])
  } catch (error) {
    const place = { url: placeOf(url) }
    if (isFetchError(error)) throw new FetchError(error.fault, { ...error.detail, ...place })
    throw new FetchError('network', { ...place, systemCode: systemCodeOf(error) })
  } finally {
    clearTimeout(timer)
    aborter.abort()
  }
}

/** A query may hold what does not belong in a log. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** The system's code of a failure, or of what caused it: fetch wraps it. Only a word of the form that Node uses. */
function systemCodeOf(error: unknown): string | undefined {
  let current = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const { code, cause } = current as { code?: unknown; cause?: unknown }
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) return code
    current = cause
  }
  return undefined
}

async function readDocument(
  fetch: Fetch,
  url: string,
  { method, headers, body }: DocumentRequest,
  maxBytes: number,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  const response = await fetch(url, {
    method,
    headers: { ...headers },
    ...(body === undefined ? {} : { body }),
    redirect: platform.redirect,
    signal,
  })
  if (response.status !== 200) throw new FetchError('status', { status: response.status })
  const text = platform.decodeUtf8(await readBytes(response, maxBytes))
  if (text === undefined) throw new FetchError('not_json')
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  return { type: type.trim().toLowerCase(), text }
}

async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) throw new FetchError('not_json')
  const chunks: Uint8Array[] = []
  let size = 0
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > maxBytes) {
      void reader.cancel().catch(() => {})
      throw new FetchError('too_large')
    }
    chunks.push(value)
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
