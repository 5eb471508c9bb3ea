import type { FastifyReply } from 'fastify'
import { html } from './html.js'
import { sendPage } from './page.js'

/**
 * Sends the answer to the client as a form that submits itself (response_mode=form_post); without script, by a button.
 */
export function sendFormPost(
  reply: FastifyReply,
  uri: string,
  parameters: ReadonlyMap<string, string>,
): FastifyReply {
  const fields = [...parameters].map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" /> `,
  )
  return sendPage(reply, {
    title: 'Going back to the application',
    body: html`<form method="post" action="${uri}">${fields}<button class="primary">Continue</button></form>`,
    script: 'document.forms[0].submit()',
  })
}
