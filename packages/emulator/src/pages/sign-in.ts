import type { FastifyReply } from 'fastify'
import { isHinted } from '../directory/lookup.js'
import type { Application, User } from '../directory/types.js'
import { html } from './html.js'
import { sendPage } from './page.js'

/** Asks who signs in: one button for each user, the hinted one first. */
export function sendSignInPage(
  reply: FastifyReply,
  page: {
    action: string
    transaction: string
    client: Application
    users: readonly User[]
    hint: string | undefined
  },
): FastifyReply {
  const isMeant = (user: User): boolean => page.hint !== undefined && isHinted(user, page.hint)
  const users = [...page.users.filter(isMeant), ...page.users.filter((user) => !isMeant(user))]
  const buttons = users.map(
    (user) =>
      html`<button name="user" value="${user.userPrincipalName}">
        ${user.displayName}${user.isAdmin && ' (administrator)'}${!user.isEnabled && ' (disabled)'}${user.isGuest && ' (guest)'}
        <small>${user.userPrincipalName}</small>
      </button> `,
  )
  return sendPage(reply, {
    title: `Sign in to ${page.client.displayName}`,
    body: html`<form method="post" action="${page.action}">
      <input type="hidden" name="transaction" value="${page.transaction}" />
      ${buttons.length > 0 ? buttons : html`<p>The registration has no user who could sign in here.</p>`}
    </form>`,
  })
}
