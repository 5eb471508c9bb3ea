import type { FastifyReply } from 'fastify'
import { isHinted } from '../directory/lookup.js'
import type { Application, User } from '../directory/types.js'
import { html, type Html, nameText } from './html.js'
import { sendPage } from './page.js'

/** How many users a page offers; more are found by the search. */
const mostShown = 8

/** What the application asks for, in plain sight. */
export interface AskedOnPage {
  readonly scope: string | undefined
  readonly returnsTo: string | undefined
}

/** Asks who signs in: one button for each user, the hinted one first. `found` is what was typed into the search. */
export function sendSignInPage(
  reply: FastifyReply,
  page: {
    readonly action: string
    readonly transaction: string
    readonly client: Application
    readonly users: readonly User[]
    readonly hint: string | undefined
    readonly find?: string | undefined
    readonly asked?: AskedOnPage
  },
): FastifyReply {
  const { users, hint, find = '', client } = page
  const isMeant = (user: User): boolean => hint !== undefined && isHinted(user, hint)
  const fitting = users.filter((user) => fits(user, find))
  const sorted = [...fitting.filter(isMeant), ...fitting.filter((user) => !isMeant(user))]
  const shown = sorted.slice(0, mostShown)
  const transaction = html`<input type="hidden" name="transaction" value="${page.transaction}" />`
  return sendPage(reply, {
    title: `Sign in to ${client.displayName}`,
    headline: html`Sign in to ${nameText(client.displayName)}`,
    body: html`${asked(page.asked)}
    ${
      users.length > mostShown &&
      html`<form method="post" action="${page.action}" role="search">
        ${transaction}
        <div class="row search">
          <label
            >Search ${users.length} users
            <input type="search" name="find" value="${find}" autocomplete="off" maxlength="200"
          /></label>
          <button name="search" value="true">Search</button>
        </div>
      </form>`
    }
    ${
      shown.length > 0
        ? html`<form method="post" action="${page.action}" aria-label="Users">
            ${transaction} ${shown.map((user, index) => button(user, index === 0))}
          </form>`
        : html`<p class="muted">
            ${
              users.length === 0
                ? 'The registration has no user who could sign in here. Add one to users of the tenant.'
                : 'No user has that in the name. Search for a part of the name or of the sign-in name.'
            }
          </p>`
    }
    ${
      sorted.length > shown.length &&
      html`<p class="muted small">${sorted.length - shown.length} more: search for a name.</p>`
    }`,
  })
}

function fits({ displayName, userPrincipalName }: User, find: string): boolean {
  const words = find.toLowerCase().split(/\s+/)
  const text = `${displayName} ${userPrincipalName}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

function button(user: User, isFirst: boolean): Html {
  const marks = [
    user.isAdmin && 'administrator',
    !user.isEnabled && 'disabled',
    user.isGuest && 'guest',
  ].filter((mark) => mark !== false)
  return html`<button name="user" value="${user.userPrincipalName}" class="who ${isFirst && 'primary'}">
    <span
      >${nameText(user.displayName)}${marks.length > 0 && ` (${marks.join(', ')})`}
      <small>${nameText(user.userPrincipalName)}</small></span
    >
  </button> `
}

function asked(page: AskedOnPage | undefined): Html | false {
  if (page === undefined) return false
  const { scope, returnsTo } = page
  return html`<dl class="facts">
    ${
      returnsTo !== undefined &&
      html`<dt>Returns to</dt>
        <dd><code>${returnsTo}</code></dd>`
    }
    ${
      scope !== undefined &&
      html`<dt>Asks for</dt>
        <dd><code>${scope}</code></dd>`
    }
  </dl>`
}
