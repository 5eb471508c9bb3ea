import type { FastifyReply } from 'fastify'
import { EntraError } from '../base/errors.js'
import { html } from './html.js'
import { sendPage } from './page.js'

/** A refusal that must not be redirected to the client, because the client is not known or its address not registered. */
export function sendErrorPage(reply: FastifyReply, error: EntraError): FastifyReply {
  return sendPage(reply, {
    status: error.status,
    title: 'This sign-in cannot go on',
    body: html`<p><code>${error.message}</code></p>`,
  })
}

/** Shows a refusal on a page. Throws every other error again. */
export function showError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof EntraError)) throw error
  reply.facts.refusal = error
  return sendErrorPage(reply, error)
}
