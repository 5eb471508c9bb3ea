import { once } from 'node:events'
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'

/** What is sent, header by header: repeated headers stay repeated, which `fetch` would change. */
export interface OutgoingRequest {
  readonly method?: string
  readonly path?: string
  readonly authorization?: readonly string[]
  readonly dpop?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A whole answer. */
export interface Answer {
  readonly status: number
  /** Values of every header of that name, in lower case; an empty list if there is none. */
  header(name: string): readonly string[]
  /** All that came back, status line apart: headers and body as text. */
  readonly text: string
  readonly body: string
}

/** Connections are kept: a new one for each of some thousand requests would take most of the time. */
const agent = new Agent({ keepAlive: true })

export async function sendRequest(origin: string, outgoing: OutgoingRequest = {}): Promise<Answer> {
  const { body, headers } = outgoing
  const isChunked = headers?.['Transfer-Encoding'] !== undefined
  const length = body === undefined || isChunked ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const sent = prepare(origin, { ...outgoing, headers: { ...headers, ...length } }, agent)
  sent.end(body)
  return readAnswer(sent)
}

/** A request whose body has begun and goes on until the caller ends the connection. */
export interface OpenRequest {
  readonly answered: Promise<Answer>
  /** Ends the body. */
  finish(): void
  /** Ends the connection at once. */
  hangUp(): Promise<void>
}

/** Sends a request's head and the beginning of its body. Resolves when it is on its way. */
export async function openRequest(origin: string, outgoing: OutgoingRequest): Promise<OpenRequest> {
  const sent = prepare(origin, outgoing, false)
  const answered = readAnswer(sent)
  // A caller that ends the connection does not wait for an answer.
  answered.catch(() => {})
  sent.on('error', () => {})
  sent.flushHeaders()
  await new Promise((resolve) => sent.write(outgoing.body ?? '', resolve))
  return {
    answered,
    finish: () => void sent.end(),
    async hangUp() {
      // Not `once`, which rejects at the end of the connection.
      const closed = new Promise<void>((resolve) => sent.once('close', () => resolve()))
      sent.destroy()
      await closed
    },
  }
}

/** `through`: the kept connections, or (false) a connection of its own that ends with the answer. */
function prepare(origin: string, outgoing: OutgoingRequest, through: Agent | false): ClientRequest {
  const { host } = new URL(origin)
  const headers = ['Host', host, ...(through === false ? ['Connection', 'close'] : [])]
  for (const value of outgoing.authorization ?? []) headers.push('Authorization', value)
  for (const value of outgoing.dpop ?? []) headers.push('DPoP', value)
  for (const [name, value] of Object.entries(outgoing.headers ?? {})) headers.push(name, value)
  return request(new URL(outgoing.path ?? '/', origin), {
    method: outgoing.method ?? 'GET',
    headers,
    agent: through,
  })
}

async function readAnswer(sent: ClientRequest): Promise<Answer> {
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

/** Sends these very bytes, which need not be HTTP, and reads until the server ends the connection. */
export async function sendBytes(origin: string, bytes: Uint8Array): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const all = Buffer.concat(chunks).toString('latin1')
  const end = all.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = all.slice(0, end).split('\r\n')
  const body = all.slice(end + 4)
  return {
    status: Number(statusLine.split(' ')[1]),
    header: (name) =>
      lines
        .filter((line) => line.toLowerCase().startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).trim()),
    text: `${lines.join('\n')}\n\n${body}`,
    body,
  }
}
