import type { FastifyReply } from 'fastify'
import type { Application, ConditionalAccessPolicy, Demand, User } from '../directory/types.js'
import { html, nameText } from './html.js'
import { sendPage } from './page.js'

const demands: Readonly<Record<Demand, string>> = {
  mfa: 'a second factor',
  mfaEnrolment: 'setting up a second factor',
  deviceAuthentication: 'a registered device',
  otherCondition: 'another condition',
  externalControl: 'a check by another service',
  compliantDevice: 'a compliant device',
  joinedDevice: 'a joined device',
  block: 'nothing: it blocks',
}

/** Asks whether the user meets the demands of Conditional Access. The user's answer is not verified. */
export function sendProofPage(
  reply: FastifyReply,
  page: {
    action: string
    transaction: string
    client: Application
    user: User
    policies: readonly ConditionalAccessPolicy[]
    contexts: readonly string[]
  },
): FastifyReply {
  return sendPage(reply, {
    title: `More is needed to sign in to ${page.client.displayName}`,
    headline: html`More is needed to sign in to ${nameText(page.client.displayName)}`,
    body: html`<p class="muted">Signed in as ${nameText(page.user.userPrincipalName)}.</p>
      <ul class="grants">
        ${page.policies.map(
          ({ displayName, demand }) =>
            html`<li><strong>${nameText(displayName)}</strong> demands ${demands[demand]}</li> `,
        )}
        ${page.contexts.map(
          (context) =>
            html`<li>The application asks for the authentication context <strong>${context}</strong></li> `,
        )}
      </ul>
      <form method="post" action="${page.action}">
        <input type="hidden" name="transaction" value="${page.transaction}" />
        <button class="primary" name="proof" value="approve">It is met</button>
        <button name="proof" value="deny">It is not met</button>
      </form>`,
  })
}
