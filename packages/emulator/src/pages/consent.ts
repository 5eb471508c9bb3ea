import type { FastifyReply } from 'fastify'
import type { Application, User } from '../directory/types.js'
import { html } from './html.js'
import { sendPage } from './page.js'

/** One line of a consent page. */
export interface ConsentLine {
  readonly resource: string
  readonly title: string
  readonly description: string
}

/** Asks a user for consent, or an administrator for the consent of all users. */
export function sendConsentPage(
  reply: FastifyReply,
  page: {
    action: string
    transaction: string
    client: Application
    user: User
    lines: readonly ConsentLine[]
    /** Who the consent is for: the user; the user or, by choice, all users; all users. */
    audience: 'user' | 'choice' | 'organization'
  },
): FastifyReply {
  const lines = page.lines.map(
    ({ resource, title, description }) =>
      html`<li><strong>${title}</strong> of ${resource}<small>${description}</small></li> `,
  )
  return sendPage(reply, {
    title: `${page.client.displayName} asks for permission`,
    body: html`<p>
        Signed in as ${page.user.userPrincipalName}.
        ${page.audience === 'organization' && 'Accepting grants this for everyone in the organization.'}
      </p>
      <ul>
        ${lines}
      </ul>
      <form method="post" action="${page.action}">
        <input type="hidden" name="transaction" value="${page.transaction}" />
        ${
          page.audience === 'choice' &&
          html`<p>
            <label
              ><input type="checkbox" name="organization" value="true" /> Consent on behalf of the
              organization</label
            >
          </p>`
        }
        <button name="consent" value="accept">Accept</button>
        <button name="consent" value="deny">Cancel</button>
      </form>`,
  })
}
