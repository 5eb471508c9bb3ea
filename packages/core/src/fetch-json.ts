import { readJsonObject } from './json.js'
import { platform } from '#platform'

/** The part of `fetch` that is used, as an option: a proxy or a test passes its own, and patches nothing. */
export type Fetch = (
  url: string,
  init: {
    /** Documents are only read. */
    method: 'GET'
    /** `Accept` alone. */
    headers: Record<string, string>
    /** No redirect is followed. */
    redirect: 'error' | 'manual'
    /** Aborted after five seconds. */
    signal: AbortSignal
  },
) => Promise<Response>

/** Why a document could not be fetched. The words are ours: nothing of the answer is kept. */
export type FetchFault = 'network' | 'timeout' | 'status' | 'too_large' | 'not_json' | 'issuer' | 'jwks_uri'

export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly fault: FetchFault
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined

  constructor(fault: FetchFault, status?: number) {
    super(`The document could not be fetched (${status === undefined ? fault : `status ${status}`})`)
    this.fault = fault
    this.status = status
  }
}

const timeoutSeconds = 5

/**
 * Fetches a JSON object: no redirect is followed, the whole exchange has five seconds, and what is read (after
 * decompression) is bounded. Throws `FetchError` and nothing else.
 */
export async function fetchJson(
  fetch: Fetch,
  url: string,
  maximumBytes: number,
): Promise<Readonly<Record<string, unknown>>> {
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
    return await Promise.race([late, readDocument(fetch, url, maximumBytes, aborter.signal)])
  } catch (error) {
    if (error instanceof FetchError) throw error
    throw new FetchError('network')
  } finally {
    clearTimeout(timer)
    aborter.abort()
  }
}

async function readDocument(
  fetch: Fetch,
  url: string,
  maximumBytes: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, {
    method: 'GET',
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: platform.redirect,
    signal,
  })
  if (response.status !== 200) throw new FetchError('status', response.status)
  const text = platform.decodeUtf8(await readBytes(response, maximumBytes))
  const result = text === undefined ? { fault: 'json' as const } : readJsonObject(text)
  if (result.object === undefined) throw new FetchError('not_json')
  return result.object
}

async function readBytes(response: Response, maximumBytes: number): Promise<Uint8Array> {
  if (response.body === null) throw new FetchError('not_json')
  const chunks: Uint8Array[] = []
  let size = 0
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > maximumBytes) {
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

/** Whether keys may be fetched from an address: https, or http on this machine. */
export function isTrustworthyUrl(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}
