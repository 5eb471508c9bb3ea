import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import type { Controls } from '../controls/controls.js'
import { accessProblem } from '../http/control-access.js'
import type { ControlToken } from '../http/control-token.js'

/** Where the control API is. A later version that breaks clients gets another number. */
export const controlApiPath = '/_/api/v1'

const maxBodyBytes = 2 * 1024 * 1024

/** The JSON body of every refusal of the control API. */
interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
}

/**
 * The control API: everything that the emulator object can do, as JSON over HTTP, for programs in any language. The
 * operations are in `operations.ts`, which is loaded with the first request.
 */
export function addControlApi(app: FastifyInstance, controls: Controls, token: ControlToken): void {
  app.get('/_/health', () => ({ status: 'ok' }))
  void app.register(
    async (scope) => {
      readJsonBodies(scope)
      scope.setErrorHandler((error: FastifyError, _request, reply) => sendProblem(reply, problemOf(error)))
      scope.get('/openapi.json', async () => {
        const { openApiDocument } = await import('./openapi.js')
        return openApiDocument(controls.instance.origin)
      })
      scope.route({
        method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        url: '/*',
        async onRequest(request, reply) {
          const problem = accessProblem(request, reply, token, controls.instance.origin)
          if (problem !== undefined) await sendProblem(reply, problem)
        },
        async handler(request, reply) {
          const gone = new AbortController()
          reply.raw.once('close', () => gone.abort())
          // The client may be gone already: the event does not come again.
          if (request.raw.socket.destroyed) gone.abort()
          const { dispatch } = await import('./dispatch.js')
          const answer = await dispatch(controls, {
            method: request.method,
            path: new URL(request.raw.url ?? '', 'http://localhost').pathname.slice(controlApiPath.length),
            query: request.query as Readonly<Record<string, unknown>>,
            body: request.body,
            signal: gone.signal,
          })
          if (answer.allow !== undefined) reply.header('allow', answer.allow.join(', '))
          if ('problem' in answer) return sendProblem(reply, answer.problem)
          return answer.body === undefined ? reply.status(204).send() : reply.send(answer.body)
        },
      })
    },
    { prefix: controlApiPath },
  )
}

/** No other kind of body is read: a form can be sent by any page, JSON only with the consent of the server. */
function readJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    ['application/json', 'application/json-patch+json'],
    { parseAs: 'string', bodyLimit: maxBodyBytes },
    (_request, body, done) => {
      try {
        done(null, body === '' ? undefined : JSON.parse(String(body)))
      } catch {
        // The parser's message quotes the text, which may hold secrets.
        done(Object.assign(new Error('not JSON'), { statusCode: 400, code: 'invalid_json' }))
      }
    },
  )
}

function sendProblem(reply: FastifyReply, { status, ...error }: Problem): FastifyReply {
  return reply.status(status).send({ error })
}

/** What is wrong with a request that does not reach an operation. */
function problemOf(error: FastifyError): Problem {
  if (error.code === 'invalid_json')
    return { status: 400, code: 'invalid_json', message: 'The body is not JSON.' }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 413, code: 'too_large', message: `A body has up to ${maxBodyBytes} bytes.` }
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return { status: 415, code: 'unsupported_media_type', message: 'Send the body as application/json.' }
  }
  const status = error.statusCode ?? 500
  if (status < 500) return { status, code: 'invalid_request', message: 'The request cannot be read.' }
  process.emitWarning(`the control API failed: ${error.stack ?? error.message}`)
  return { status: 500, code: 'server_error', message: 'The emulator failed. This is a fault in it.' }
}
