import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { decoded } from '../base/jws.js'
import { tokenPattern } from '../base/token-pattern.js'
import type { EmulatorEndpoint } from '../instance/faults.js'
import type { Exchange, Repeat, UnsignedToken } from '../instance/flows.js'

/*
 * What the page shows of a request and its answer. Every value is masked that is not known to be harmless.
 */

const shownOfRequest = [
  'content-type',
  'origin',
  'user-agent',
  'client-request-id',
  'return-client-request-id',
]
const shownOfAnswer = ['content-type', 'retry-after', 'www-authenticate', 'access-control-allow-origin']
const shownMembers: ReadonlySet<string> = new Set([
  'claims',
  'correlation_id',
  'error',
  'error_codes',
  'error_description',
  'error_uri',
  'expires_in',
  'expires_on',
  'ext_expires_in',
  'interval',
  'not_before',
  'resource',
  'scope',
  'suberror',
  'timestamp',
  'token_type',
  'trace_id',
  'verification_uri',
])
const answersJson: ReadonlySet<EmulatorEndpoint> = new Set(['token', 'deviceCode', 'managedIdentity'])
/** Pages that a person uses: to do it again, their address is opened. */
const interactive: ReadonlySet<EmulatorEndpoint> = new Set(['authorize', 'adminConsent', 'logout'])

const masked = '[redacted]'
const most = { characters: 2000, repeatable: 16_384 }

/** `payload`: the answer's body, if there is one. */
export function readExchange(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Exchange {
  const { endpoint } = request.routeOptions.config
  const isJson = endpoint !== undefined && answersJson.has(endpoint) && typeof payload === 'string'
  const body = isJson ? members(payload) : undefined
  const token = body?.['access_token']
  return {
    requestId: request.id,
    sentHeaders: {
      ...chosen(request.headers, shownOfRequest),
      ...(request.headers.authorization === undefined
        ? {}
        : { authorization: `${/^\w{1,20}(?= )/.exec(request.headers.authorization)?.[0] ?? ''} ${masked}` }),
      ...(request.headers.cookie === undefined ? {} : { cookie: masked }),
    },
    answerHeaders: {
      ...chosen(reply.getHeaders(), shownOfAnswer),
      ...locationOf(reply),
      ...(reply.hasHeader('set-cookie') ? { 'set-cookie': masked } : {}),
    },
    answer: body === undefined ? undefined : maskMembers(body),
    issued: typeof token === 'string' ? unsigned(token) : undefined,
    repeat: repeatOf(app, request),
  }
}

function chosen(
  headers: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, harmless(value)] as const] : []
    }),
  )
}

/** The address without the values in it: codes, tokens and state. */
function locationOf(reply: FastifyReply): Record<string, string> {
  const location = reply.getHeader('location')
  if (typeof location !== 'string') return {}
  const masking = location.replaceAll(/([?&#])([^=&#]{1,100})=[^&#]*/g, `$1$2=${masked}`)
  return { location: harmless(masking) }
}

function members(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    // A body that a fault spoiled.
    return undefined
  }
}

function maskMembers(body: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      shownMembers.has(name) ? harmless(typeof value === 'string' ? value : JSON.stringify(value)) : masked,
    ]),
  )
}

function harmless(text: string): string {
  return text.slice(0, most.characters).replaceAll(tokenPattern, masked)
}

function unsigned(token: string): UnsignedToken | undefined {
  const [header, payload, ...more] = token.split('.')
  if (header === undefined || payload === undefined || more.length !== 1) return undefined
  try {
    return { header: decoded(header), claims: decoded(payload) }
  } catch {
    return undefined
  }
}

function repeatOf(app: FastifyInstance, request: FastifyRequest): Repeat | undefined {
  const { method, body, headers } = request
  const { endpoint } = request.routeOptions.config
  const { url } = request
  if (endpoint === undefined || url.length > most.repeatable) return undefined
  if (method === 'GET' && interactive.has(endpoint)) return { kind: 'open', address: url }
  const isTokenRequest = endpoint === 'token' || endpoint === 'deviceCode'
  if (!isTokenRequest || method !== 'POST' || Number(headers['content-length']) > most.repeatable) {
    return undefined
  }
  const { authorization, origin, host } = headers
  return {
    kind: 'send',
    async send() {
      const form = new URLSearchParams()
      for (const [name, values] of Object.entries((body ?? {}) as Record<string, string | string[]>)) {
        for (const value of [values].flat()) form.append(name, value)
      }
      const answer = await app.inject({
        method: 'POST',
        url,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(host === undefined ? {} : { host }),
          ...(authorization === undefined ? {} : { authorization }),
          ...(origin === undefined ? {} : { origin }),
        },
        payload: form.toString(),
      })
      const id = answer.headers['x-ms-request-id']
      return typeof id === 'string' ? id : undefined
    },
  }
}
