import type { FastifyReply } from 'fastify'
import type { Application, User } from '../directory/types.js'
import { html, nameText } from './html.js'
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
    readonly action: string
    readonly transaction: string
    readonly client: Application
    readonly user: User
    readonly lines: readonly ConsentLine[]
    /** Who the consent is for: the user; the user or, by choice, all users; all users. */
    readonly audience: 'user' | 'choice' | 'organization'
  },
): FastifyReply {
  const { client, user, audience } = page
  const lines = page.lines.map(
    ({ resource, title, description }) =>
      html`<li>
        <strong>${nameText(title)}</strong> of ${nameText(resource)}<small>${nameText(description)}</small>
      </li> `,
  )
  return sendPage(reply, {
    title: `${client.displayName} asks for permission`,
    headline: html`${nameText(client.displayName)} asks for permission`,
    body: html`<p class="muted">
        Signed in as ${nameText(user.userPrincipalName)}.
        ${audience === 'organization' && 'Accepting grants this for everyone in the organization.'}
      </p>
      <ul class="grants">
        ${lines}
      </ul>
      <form method="post" action="${page.action}">
        <input type="hidden" name="transaction" value="${page.transaction}" />
        ${
          audience === 'choice' &&
          html`<label class="check"
            ><input type="checkbox" name="organization" value="true" /> Consent on behalf of the
            organization</label
          >`
        }
        <button class="primary" name="consent" value="accept">Accept</button>
        <button name="consent" value="deny">Cancel</button>
      </form>
      <p class="muted small">
        Cancel sends the application the refusal that Entra ID sends: access_denied, AADSTS65004.
      </p>`,
  })
}
