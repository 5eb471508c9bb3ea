import type { FastifyReply } from 'fastify'
import { EntraError } from '../base/errors.js'
import type { Application, Platform } from '../directory/types.js'
import { correlationIdOf } from '../http/correlation-id.js'
import type { Service } from '../instance/service.js'
import { sendFormPost } from '../pages/form-post.js'

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** Where the answer of a page goes. */
export interface ReturnAddress {
  readonly redirectUri: string
  readonly responseMode: ResponseMode
  readonly state: string | undefined
}

/**
 * The platform a redirect URI is registered for. It must be registered exactly; only the port of localhost is free.
 * The refusal is shown on a page: an address that is not registered is never redirected to.
 */
export function readPlatform(application: Application, redirectUri: string): Platform {
  const platforms = ['web', 'spa', 'publicClient'] as const
  const platform = platforms.find((candidate) =>
    application.redirectUris[candidate].some((registered) => isSameAddress(registered, redirectUri)),
  )
  if (platform === undefined) throw new EntraError(50011, { redirectUri, client: application.appId })
  return platform
}

function isSameAddress(registered: string, asked: string): boolean {
  if (registered === asked) return true
  if (!URL.canParse(asked)) return false
  const [a, b] = [new URL(registered), new URL(asked)]
  const isLocal = a.hostname === 'localhost' && b.hostname === 'localhost'
  if (!isLocal || b.username !== '' || b.password !== '' || asked.includes('#')) return false
  return a.protocol === b.protocol && a.pathname === b.pathname && a.search === b.search
}

/** Sends an answer to the client's redirect URI. */
export function sendBack(
  reply: FastifyReply,
  { redirectUri, responseMode, state }: ReturnAddress,
  answer: Readonly<Record<string, string | undefined>>,
): FastifyReply {
  const parameters = new Map(
    Object.entries({ ...answer, state }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
  if (responseMode === 'form_post') return sendFormPost(reply, redirectUri, parameters)
  const encoded = new URLSearchParams([...parameters]).toString()
  const url = new URL(redirectUri)
  if (responseMode === 'fragment') url.hash = encoded
  else url.search = url.search === '' ? encoded : `${url.search}&${encoded}`
  return reply.redirect(url.href, 302)
}

/** The members of a refusal in a redirect; the description ends with its ids and time, as in a body. */
export function errorAnswer(
  { origin, clock }: Service,
  { request }: FastifyReply,
  error: EntraError,
): Record<string, string | undefined> {
  const correlationId = correlationIdOf(request)
  const body = error.body({ origin, traceId: request.id, correlationId, now: clock.now() })
  return { error: body.error, error_description: body.error_description, error_uri: body.error_uri }
}
