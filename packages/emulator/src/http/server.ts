import { randomUUID } from 'node:crypto'
import { parse } from 'node:querystring'
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifyServerOptions,
} from 'fastify'
import { EntraError } from '../base/errors.js'
import { requireModule } from '../base/package-info.js'
import type { EmulatorEndpoint, Faults, MetFault } from '../instance/faults.js'
import type { Flows } from '../instance/flows.js'
import { joinFlow, type RequestFacts, type RequestLog } from '../instance/request-log.js'
import type { Origins } from '../instance/origins.js'
import type { TlsCertificate } from '../keys/tls-certificates.js'
import { correlationIdOf } from './correlation-id.js'
import { readExchange } from './exchange.js'
import { addFaultHooks } from './fault-hooks.js'

declare module 'fastify' {
  interface FastifyReply {
    facts: RequestFacts
    fault: MetFault | undefined
  }
  interface FastifyContextConfig {
    endpoint?: EmulatorEndpoint
  }
}

const { fastify } = requireModule('fastify') as typeof import('fastify')

/**
 * No route has a schema, so the libraries that compile schemas are not loaded. Fastify's types demand these members;
 * nothing calls them.
 */
const withoutSchemas = {
  compilersFactory: { buildValidator: () => () => () => true, buildSerializer: () => () => JSON.stringify },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>

const maxBodyBytes = 256 * 1024
const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** What the server needs of its instance. */
interface ServerSettings {
  readonly tls: TlsCertificate | undefined
  readonly origin: () => string
  readonly now: () => number
  readonly log: RequestLog
  readonly flows: Flows
  readonly faults: Faults
  /** How requests may call it, beside the loopback names. */
  readonly origins: Origins
}

/** The HTTP server without its endpoints: what is the same for every request. */
export function createServer(settings: ServerSettings): FastifyInstance {
  const app = createApp(settings)
  addBodyParsers(app)
  app.decorateReply('facts')
  app.decorateReply('fault', undefined)
  addCommonHeaders(app, settings.origins)
  addRecording(app, settings)
  app.setNotFoundHandler((_request, reply) => reply.status(404).type('text/plain').send('Not found\n'))
  addErrorHandler(app, settings)
  return app
}

function createApp(settings: ServerSettings): FastifyInstance {
  const options = {
    bodyLimit: maxBodyBytes,
    // Clients of Microsoft write paths in other cases, and are answered: MSAL Go asks for UserRealm.
    routerOptions: { maxParamLength: 300, caseSensitive: false },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    schemaController: withoutSchemas,
    // An address that cannot be decoded matches no route.
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
      const refusal = new EntraError(9002313)
      reply.facts = { refusal }
      void sendErrorBody(request, reply.status(refusal.status), refusal, settings)
    },
  }
  const { tls } = settings
  if (tls === undefined) return fastify(options)
  // The type of an https server differs in nothing that is used here.
  return fastify({
    ...options,
    https: { cert: tls.certificate, key: tls.privateKey },
  }) as unknown as FastifyInstance
}

function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) =>
      // The length of the body limits the number of parameters.
      done(null, parse(String(body), '&', '=', { maxKeys: 0 })),
  )
  // A body of another kind has no parameters, and is answered as such.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    payload.on('end', () => done(null, {}))
    payload.on('error', done)
  })
}

function addCommonHeaders(app: FastifyInstance, origins: Origins): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.facts = {}
    reply.headers({
      'cache-control': 'no-store, no-cache',
      pragma: 'no-cache',
      expires: '-1',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-ms-request-id': request.id,
      'x-ms-ests-server': 'Countersign emulator',
      'x-xss-protection': '0',
      p3p: 'CP="DSP CUR OTPi IND OTRi ONL FIN"',
    })
    // A host name of an attacker that resolves to this machine must not reach the emulator (DNS rebinding).
    const host = request.headers.host ?? ''
    if (!loopbackHost.test(host) && !origins.names.includes(host.replace(/:\d+$/, '').toLowerCase())) {
      await reply
        .status(400)
        .type('text/plain')
        .send('The emulator answers only to localhost, 127.0.0.1, [::1] and the names it was given.\n')
    }
  })
  // After the check of the name.
  app.addHook('onRequest', (request, _reply, done) => origins.answer(request.headers.host ?? '', done))
}

/** Records every request before its answer is sent, so that a client that has the answer finds the request in the log. */
function addRecording(app: FastifyInstance, { log, flows, now, faults }: ServerSettings): void {
  const record = (request: FastifyRequest, reply: FastifyReply, status: number, payload?: unknown): void => {
    // Requests of the page are not recorded: they are not requests to the service, and tokens are pasted there.
    if (request.url.startsWith('/_')) return
    const correlationId = correlationIdOf(request)
    // Only one that the client sent says that requests belong together.
    if (correlationId !== request.id) joinFlow(reply.facts, `correlation ${correlationId}`)
    const entry = log.add({
      time: now(),
      method: request.method,
      path: request.url.split('?', 1)[0]?.slice(0, 500) ?? '',
      endpoint: request.routeOptions.config.endpoint,
      sent: [request.query, request.body],
      status,
      facts: reply.facts,
      correlationId,
    })
    const { startsFlow = false, flowKeys = [] } = reply.facts
    const exchange = readExchange(app, request, reply, payload)
    flows.addRequest(entry, exchange, { starts: startsFlow, keys: flowKeys })
  }
  app.addHook('onSend', async (request, reply, payload) => {
    const { refusal } = reply.facts
    if (sendsTelemetry(request)) reply.header('x-ms-clitelem', `1,${refusal?.code ?? 0},0,,`)
    if (request.headers['return-client-request-id'] === 'true') {
      reply.header('client-request-id', correlationIdOf(request))
    }
    record(request, reply, reply.statusCode, payload)
  })
  addFaultHooks(app, faults, record)
}

function addErrorHandler(app: FastifyInstance, settings: ServerSettings): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal === undefined) {
      process.emitWarning(
        `the emulator failed at ${request.routeOptions.url ?? 'a request'}: ${error.stack ?? error.message}`,
      )
      return reply
        .status(500)
        .send({ error: 'server_error', error_description: 'The emulator failed. This is a fault in it.' })
    }
    reply.facts.refusal = refusal
    const status = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? 413 : refusal.status
    return sendErrorBody(request, reply.status(status), refusal, settings)
  })
}

/** Answers with a refusal as the token endpoint writes it. */
function sendErrorBody(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: EntraError,
  settings: Pick<ServerSettings, 'origin' | 'now'>,
): FastifyReply {
  return reply.send(
    refusal.body({
      origin: settings.origin(),
      traceId: request.id,
      correlationId: correlationIdOf(request),
      now: settings.now(),
    }),
  )
}

/** A request that the framework refuses before it reaches an endpoint is a bad request as well. */
function refusalOf(error: FastifyError): EntraError | undefined {
  if (error instanceof EntraError) return error
  return (error.statusCode ?? 500) < 500 ? new EntraError(9002313) : undefined
}

/** MSAL reports on its last requests, and expects a report on this one. */
function sendsTelemetry(request: FastifyRequest): boolean {
  const { body, headers } = request
  const isInForm = typeof body === 'object' && body !== null && 'x-client-current-telemetry' in body
  return isInForm || headers['x-client-current-telemetry'] !== undefined
}
