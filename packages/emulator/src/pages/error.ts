import type { FastifyReply } from 'fastify'
import { advice } from '../base/advice.js'
import { EntraError } from '../base/errors.js'
import { html } from './html.js'
import { sendPage } from './page.js'

/** A refusal that must not be redirected to the client, because the client is not known or its address not registered. */
export function sendErrorPage(reply: FastifyReply, error: EntraError): FastifyReply {
  const hasPage = reply.server.hasRoute({ method: 'GET', url: '/_/requests/:id' })
  return sendPage(reply, {
    status: error.status,
    title: 'This sign-in cannot go on',
    body: html`<div class="verdict"><p>${error.message}</p></div>
      <h2>What to do next</h2>
      <p>${advice[error.code]}</p>
      <p class="row">
        ${
          hasPage &&
          html`<a class="button primary" href="/_/requests/${reply.request.id}">See this request</a>`
        }
        <a class="button" href="/error?code=${error.code}">What AADSTS${error.code} means</a>
      </p>
      <p class="muted small">
        Nothing was sent to the application. Correct the setting, then sign in again there.
      </p>`,
  })
}

/** Shows a refusal on a page. Throws every other error again. */
export function showError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof EntraError)) throw error
  reply.facts.refusal = error
  return sendErrorPage(reply, error)
}
