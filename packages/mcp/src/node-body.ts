import type { IncomingMessage } from 'node:http'
import rawBody from 'raw-body'

/**
 * Reads the body of a request as JSON: undefined where it is not. Rejects with an error that has `status` 413 for a larger
 * one.
 */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') return undefined
  const text = await rawBody(request, {
    length: request.headers['content-length'] ?? null,
    limit: maxBytes,
    encoding: 'utf-8',
  })
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
