import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { guidPattern } from '../base/guid.js'
import { type FaultEffect, type Faults, isKnownCode } from '../instance/faults.js'

/** Applies the faults that were added for a request's endpoint: before the answer is made, or while it is sent. */
export function addFaultHooks(
  app: FastifyInstance,
  faults: Faults,
  record: (request: FastifyRequest, reply: FastifyReply, status: number) => void,
): void {
  app.addHook('preHandler', async (request, reply) => {
    const { endpoint } = request.routeOptions.config
    if (endpoint === undefined) return
    const clientId = namedClient(request)
    // The client may send anything as its id, also a secret by mistake: only a GUID goes into the log.
    if (clientId !== undefined && guidPattern.test(clientId)) reply.facts.clientId = clientId.toLowerCase()
    const met = faults.meet(endpoint, clientId)
    if (met === undefined) return
    const { effect } = met
    reply.facts.fault = effect.kind
    reply.fault = met
    if (effect.kind === 'latency') await waitWhileConnected(reply, effect.seconds)
    else if (effect.kind === 'refusal' && isKnownCode(effect.code)) {
      throw new EntraError(effect.code, clientId === undefined ? {} : { client: clientId })
    } else if (effect.kind === 'status') await sendStatus(reply, effect)
    else if (effect.kind === 'hang' || effect.kind === 'reset') {
      record(request, reply, 0)
      reply.hijack()
      // A request that the page does again has no socket.
      if (effect.kind === 'reset') request.raw.socket.resetAndDestroy?.()
    }
  })

  app.addHook('onSend', async (_request, reply, payload) => {
    const kind = reply.fault?.effect.kind
    if (typeof payload !== 'string') return payload
    if (kind === 'malformedJson') return payload.slice(0, -1)
    if (kind === 'wrongContentType') reply.header('content-type', 'text/html; charset=utf-8')
    if (kind !== 'truncatedBody') return payload
    const body = Buffer.from(payload)
    reply.header('content-length', body.length)
    return Readable.from(halfOf(body))
  })
}

async function* halfOf(body: Buffer): AsyncGenerator<Buffer> {
  yield body.subarray(0, Math.floor(body.length / 2))
  // The first half must be sent before the connection ends.
  await delay(10)
  throw new Error('the body is truncated on purpose')
}

async function waitWhileConnected(reply: FastifyReply, seconds: number): Promise<void> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  await delay(seconds * 1000, undefined, { signal: gone.signal, ref: false }).catch(() => {})
}

function sendStatus(
  reply: FastifyReply,
  { status, retryAfterSeconds }: Extract<FaultEffect, { kind: 'status' }>,
): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  return reply.status(status).send({
    error: status === 429 || status === 503 ? 'temporarily_unavailable' : 'server_error',
    error_description: 'The emulator was told to answer so.',
  })
}

/** The client id that the request names, unverified: in the form, the query, or the Authorization header. */
function namedClient({ body, query, headers }: FastifyRequest): string | undefined {
  for (const parsed of [body, query]) {
    const id: unknown =
      typeof parsed === 'object' && parsed !== null && 'client_id' in parsed ? parsed.client_id : undefined
    if (typeof id === 'string') return id
  }
  const [, encoded = ''] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '') ?? []
  return /^([\w-]+):/.exec(Buffer.from(encoded, 'base64').toString('utf8'))?.[1]
}
