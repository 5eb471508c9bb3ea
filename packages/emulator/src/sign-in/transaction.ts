import type { FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import type { Service } from '../instance/service.js'

/*
 * What the pages for people (authorize, admin consent) have in common: where the answer may go, who signs in, and how
 * one step's form carries the state to the next.
 */

const transactionLifetimeSeconds = 3600

/**
 * Seals the state for the next form. Only this emulator can make or read it, so no other page can continue a sign-in.
 */
export function sealTransaction(service: Service, kind: string, content: object): string {
  return service.seal.seal(kind, { content, expiresAt: service.clock.now() + transactionLifetimeSeconds })
}

/** The state a form sent back, if it was made for that step and is not too old. */
export function openTransaction(service: Service, kind: string, text: string): unknown {
  const sealed = service.seal.open(kind, text) as { content: unknown; expiresAt: number } | undefined
  return sealed !== undefined && service.clock.now() < sealed.expiresAt ? sealed.content : undefined
}

/** Refuses a form that another site sends (CSRF). */
export function checkSameOrigin(service: Service, request: FastifyRequest): void {
  const { origin, host } = request.headers
  const own = `${new URL(service.origin).protocol}//${host}`
  if (origin !== undefined && origin !== own) throw new EntraError(9002313)
}
