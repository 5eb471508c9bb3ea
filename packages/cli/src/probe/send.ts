import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** Where and how the API is called. */
export interface Target {
  readonly url: URL
  readonly method: string
  /** Further headers, as pairs of name and value. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | undefined
}

/** What one request carries beside that. */
export interface Outgoing {
  /** Values of Authorization headers, one header for each. */
  readonly authorization: readonly string[]
  readonly query?: Readonly<Record<string, string>>
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly challenges: readonly string[]
  /** Headers and body as text. */
  readonly text: string
}

const timeoutMilliseconds = 10_000
const maxBodyBytes = 256 * 1024

/** Sends one request: header by header, because `fetch` joins repeated ones. Undefined if the API ends the connection. */
export async function send(
  target: Target,
  { authorization, query = {} }: Outgoing,
): Promise<Answer | undefined> {
  const url = new URL(target.url)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const length = target.body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(target.body))]
  const headers = [
    'Host',
    url.host,
    'Connection',
    'close',
    ...target.headers.flat(),
    ...authorization.flatMap((value) => ['Authorization', value]),
    ...length,
  ]
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve) => {
    const sent = start(url, {
      method: target.method,
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeoutMilliseconds),
    })
    // Without a whole answer, whatever the reason, there is none.
    sent.on('error', () => resolve(undefined))
    sent.on('response', (response) => {
      readAnswer(response).then(resolve, () => resolve(undefined))
    })
    sent.end(target.body)
  })
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) break
    chunks.push(chunk)
  }
  return {
    status: response.statusCode ?? 0,
    challenges: response.headersDistinct['www-authenticate'] ?? [],
    text: `${response.rawHeaders.join('\n')}\n${Buffer.concat(chunks).toString('utf8')}`,
  }
}
