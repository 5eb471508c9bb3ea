import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'

/** What is sent, header by header: repeated headers stay repeated, as fetch would not leave them. */
export interface OutgoingRequest {
  readonly method?: string
  readonly path?: string
  readonly authorization?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An answer, whole. */
export interface Answer {
  readonly status: number
  /** Values of every header of that name, in lower case; an empty list if there is none. */
  header(name: string): readonly string[]
  /** All that came back, status line apart: headers and body as text. */
  readonly text: string
  readonly body: string
}

export async function sendRequest(origin: string, outgoing: OutgoingRequest = {}): Promise<Answer> {
  const { host } = new URL(origin)
  const headers = ['Host', host, 'Connection', 'close']
  for (const value of outgoing.authorization ?? []) headers.push('Authorization', value)
  for (const [name, value] of Object.entries(outgoing.headers ?? {})) headers.push(name, value)
  if (outgoing.body !== undefined) headers.push('Content-Length', String(Buffer.byteLength(outgoing.body)))
  const sent = request(new URL(outgoing.path ?? '/', origin), {
    method: outgoing.method ?? 'GET',
    headers,
    agent: false,
  })
  sent.end(outgoing.body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  return {
    status: response.statusCode ?? 0,
    header: (name) => response.headersDistinct[name] ?? [],
    text: `${response.rawHeaders.join('\n')}\n\n${body}`,
    body,
  }
}
