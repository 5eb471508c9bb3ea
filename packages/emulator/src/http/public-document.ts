import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { EmulatorEndpoint } from '../instance/faults.js'

/*
 * Documents that any page may read and that clients keep for a day: discovery, keys, instance discovery. The headers
 * are those of recorded answers (azure-sdk-for-js, identity recordings of 2023-08).
 */

interface PublicRoute {
  Params: { tenant: string }
  Querystring: Readonly<Record<string, unknown>>
}

/** Adds a document and the preflight for it. A refusal can be read by any page as well, and is not kept. */
export function addPublicDocument(
  app: FastifyInstance,
  path: string,
  endpoint: EmulatorEndpoint,
  read: (request: FastifyRequest<PublicRoute>, reply: FastifyReply) => object | Promise<object>,
): void {
  const onRequest = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    reply.removeHeader('pragma').removeHeader('expires')
    reply.headers({
      'cache-control': 'private',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, OPTIONS',
    })
  }
  app.get<PublicRoute>(path, { config: { endpoint }, onRequest }, async (request, reply) => {
    const document = await read(request, reply)
    return reply.header('cache-control', 'max-age=86400, private').send(document)
  })
  app.options(path, { onRequest }, async (request, reply) => {
    const asked = request.headers['access-control-request-headers']
    if (asked !== undefined) reply.header('access-control-allow-headers', asked)
    return reply.status(200).send()
  })
}
