import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SeenRequest {
  readonly path: string
  readonly form: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
}

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface TokenEndpoint {
  readonly origin: string
  readonly requests: SeenRequest[]
  /** The answer to all later requests. Default: it grants what is requested, as Entra does. */
  answer: (request: SeenRequest) => Answer | Promise<Answer>
  /** What Entra grants: strings on v1.0, numbers on v2.0. */
  readonly grant: (request: SeenRequest, changes?: Readonly<Record<string, unknown>>) => Answer
}

/** A token service on loopback. It checks nothing, and answers as a test sets it. */
export async function startTokenEndpoint(): Promise<TokenEndpoint> {
  let count = 0
  const endpoint: TokenEndpoint = {
    origin: '',
    requests: [],
    answer: (request) => endpoint.grant(request),
    grant(request, changes = {}) {
      count++
      const isV2 = request.path.includes('/v2.0/')
      const isForUser = request.form.grant_type !== 'client_credentials'
      const isOffline = !isV2 || (request.form.scope ?? '').split(' ').includes('offline_access')
      return {
        body: {
          token_type: 'Bearer',
          expires_in: isV2 ? 3599 : '3599',
          ext_expires_in: isV2 ? 3599 : '3599',
          ...(isForUser ? { scope: 'Orders.Read' } : {}),
          access_token: `access-${count}`,
          ...(isForUser && isOffline ? { refresh_token: `refresh-${count}` } : {}),
          ...changes,
        },
      }
    },
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const seen = {
      path: request.url ?? '',
      form: Object.fromEntries(new URLSearchParams(text)),
      headers: request.headers,
    }
    endpoint.requests.push(seen)
    const { status = 200, headers = {}, body } = await endpoint.answer(seen)
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return Object.assign(endpoint, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** An error body as Entra sends it. */
export function refusal(
  error: string,
  aadsts: number | readonly number[],
  more: Readonly<Record<string, unknown>> = {},
): Answer {
  const codes = typeof aadsts === 'number' ? [aadsts] : aadsts
  return {
    status: error === 'invalid_client' ? 401 : 400,
    body: {
      error,
      error_description: `AADSTS${codes[0]}: Something about user@contoso.example. Trace ID: t Correlation ID: c`,
      error_codes: codes,
      timestamp: '2026-01-01 00:00:00Z',
      trace_id: '11111111-1111-4111-8111-111111111111',
      correlation_id: '22222222-2222-4222-8222-222222222222',
      ...more,
    },
  }
}
