import type { FastifyInstance } from 'fastify'
import { advice } from '../base/advice.js'
import { aadsts, EntraError } from '../base/errors.js'
import { readParameters } from '../base/parameters.js'
import { isKnownCode } from '../instance/faults.js'
import { aadstsMeaning, meaningPart } from '../pages/code-meaning.js'
import { showError } from '../pages/error.js'
import { html } from '../pages/html.js'
import { sendPage } from '../pages/page.js'

/** Where the `error_uri` of a refusal leads: what the code means here, and what to do about it. */
export function addErrorExplanation(app: FastifyInstance): void {
  app.get(
    '/error',
    { errorHandler: (error, _request, reply) => showError(error, reply) },
    async (request, reply) => {
      const asked = readParameters(request.query).get('code') ?? ''
      const code = Number(asked.replace(/^AADSTS/i, ''))
      if (!/^(?:AADSTS)?\d{1,8}$/i.test(asked) || !isKnownCode(code)) {
        return sendPage(reply, {
          status: 404,
          title: 'This code is not known here',
          body: html`<p>The emulator refuses nothing with this code. ${microsoftLink(code)}</p>`,
        })
      }
      const { error, status, suberror, unconfirmed } = aadsts[code]
      const meaning = await aadstsMeaning(code)
      return sendPage(reply, {
        title: `AADSTS${code}`,
        body: html`<p><code>${new EntraError(code).message}</code></p>
          ${meaning !== undefined && meaningPart(meaning)}
          <h2>What to do here</h2>
          <p>${advice[code]}</p>
          <p class="muted small">
            Status ${status}, error <code>${error}</code>${
              suberror !== undefined && html`, suberror <code>${suberror}</code>`
            }.
            ${unconfirmed === true && 'No live answer with this code is known: status and error follow the general rule.'}
          </p>
          <p>${microsoftLink(code)}</p>`,
      })
    },
  )
}

function microsoftLink(code: number): ReturnType<typeof html> | false {
  return (
    Number.isSafeInteger(code) &&
    html`<a href="https://login.microsoftonline.com/error?code=${code}" rel="noreferrer"
      >What Microsoft says of it</a
    >`
  )
}
