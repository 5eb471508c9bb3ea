import { randomUUID } from 'node:crypto'
import formbody from '@fastify/formbody'
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { TlsCertificate } from './certificates.js'
import { guidPattern } from './directory.js'
import { EntraError } from './errors.js'
import type { RequestLog } from './request-log.js'

declare module 'fastify' {
  interface FastifyReply {
    errorCode: number | undefined
  }
}

const maxBodyBytes = 256 * 1024
const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** The HTTP server without its endpoints: what holds for every request. */
export async function createServer(settings: {
  tls: TlsCertificate | undefined
  origin: () => string
  now: () => number
  log: RequestLog
}): Promise<FastifyInstance> {
  const options = {
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
  }
  const { tls } = settings
  const app: FastifyInstance =
    tls === undefined
      ? fastify(options)
      : // The type of an https server differs in nothing that is used here.
        (fastify({
          ...options,
          https: { cert: tls.certificate, key: tls.privateKey },
        }) as unknown as FastifyInstance)

  app.removeAllContentTypeParsers()
  await app.register(formbody, { bodyLimit: maxBodyBytes })
  // A body of another kind has no parameters, and is answered as such.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    payload.on('end', () => done(null, {}))
    payload.on('error', done)
  })

  app.decorateReply('errorCode', undefined)

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'cache-control': 'no-store, no-cache',
      pragma: 'no-cache',
      expires: '-1',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-ms-request-id': request.id,
      'x-ms-ests-server': 'Countersign emulator',
    })
    // A web page elsewhere whose name was made to point here must not reach the emulator (DNS rebinding).
    if (!loopbackHost.test(request.headers.host ?? '')) {
      await reply
        .status(400)
        .type('text/plain')
        .send('The emulator answers only to localhost, 127.0.0.1 and [::1].\n')
    }
  })

  // Before the answer leaves, so that whoever has the answer finds the request in the log.
  app.addHook('onSend', async (request, reply) => {
    settings.log.add({
      time: settings.now(),
      method: request.method,
      path: request.url.split('?', 1)[0]?.slice(0, 500) ?? '',
      sent: [request.query, request.body],
      status: reply.statusCode,
      ...(reply.errorCode === undefined ? {} : { errorCode: reply.errorCode }),
      correlationId: correlationIdOf(request),
    })
  })

  app.setNotFoundHandler((_request, reply) => reply.status(404).type('text/plain').send('Not found\n'))
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error)
    reply.errorCode = refusal?.code
    if (refusal === undefined) {
      process.emitWarning(
        `the emulator failed at ${request.routeOptions.url ?? 'a request'}: ${error.stack ?? error.message}`,
      )
      return reply
        .status(500)
        .send({ error: 'server_error', error_description: 'The emulator failed. This is a fault in it.' })
    }
    const status = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? 413 : refusal.status
    return sendErrorBody(request, reply.status(status), refusal, settings)
  })
  return app
}

/** Answers with a refusal as the token endpoint writes it. */
function sendErrorBody(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: EntraError,
  settings: { origin: () => string; now: () => number },
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

/** What the framework refuses before an endpoint sees it is the caller's fault as well. */
function refusalOf(error: FastifyError): EntraError | undefined {
  if (error instanceof EntraError) return error
  return (error.statusCode ?? 500) < 500 ? new EntraError(9002313) : undefined
}

/** The id the client gave its request, wherever MSAL puts it; else the request's own. */
function correlationIdOf(request: FastifyRequest): string {
  const sent = [request.headers['client-request-id'], named(request.query), named(request.body)]
  const id = sent.find((value) => typeof value === 'string' && guidPattern.test(value))
  return typeof id === 'string' ? id : request.id
}

function named(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'client-request-id' in parsed
    ? parsed['client-request-id']
    : undefined
}
