import type { FastifyRequest } from 'fastify'
import { guidPattern } from '../base/guid.js'

/** The id the client gave its request, in any of the places where clients put it; else the request's own. */
export function correlationIdOf({ id, headers, query, body }: FastifyRequest): string {
  const sent = [headers['client-request-id'], headers['x-ms-client-request-id'], named(query), named(body)]
  return sent.find((value): value is string => typeof value === 'string' && guidPattern.test(value)) ?? id
}

function named(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'client-request-id' in parsed
    ? parsed['client-request-id']
    : undefined
}
