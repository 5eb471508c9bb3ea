import type { Parameters } from '../base/parameters.js'
import type { Application, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { actionForm } from './layout.js'
import { applicationLink, chip, factList, finder, idText, slice, table } from './parts.js'
import { descriptionOf } from './picture.js'
import { when } from './time.js'

/*
 * The lists of applications and users, to search, and the page of one user.
 */

export function applicationList(service: Service, asked: Parameters): Html {
  const { applications } = service.directory
  const find = asked.get('find')
  const { shown, pager } = slice(
    [...applications.values()],
    { find, page: asked.get('page') },
    '/_/apps',
    ({ appId, displayName, identifierUris, scopes, roles }) =>
      [appId, displayName, ...identifierUris, ...[...scopes, ...roles].map(({ value }) => value)].join(' '),
  )
  return html`${finder('/_/apps', find, 'Find an application, a scope or a role', 'list')}
    <div id="list" class="stack">
      <div class="card">
        ${table({
          headings: ['Name', 'Client id', 'What it is', 'Exposes', 'Needs', 'Proves itself by'],
          rows: shown.map((application) => [
            applicationLink(applications, application.appId),
            idText(application.appId),
            descriptionOf(service, application),
            few([...application.scopes, ...application.roles].map(({ value }) => value)),
            needs(service, application),
            credentialsOf(application),
          ]),
          empty:
            applications.size === 0
              ? 'The registration has no application. Add one to its applications.'
              : 'No application has that in its name.',
        })}
      </div>
      ${pager}
    </div>`
}

/** The names, at most three of them. */
function few(names: readonly string[]): Html {
  return html`${names.slice(0, 3).map((name) => html`<code>${name}</code> `)}
  ${names.length > 3 && html`<small class="muted">and ${names.length - 3} more</small>`}`
}

function needs({ directory }: Service, { requiredAccess }: Application): Html {
  return html`${requiredAccess
    .slice(0, 3)
    .map(
      ({ resourceAppId, scopes, roles }) =>
        html`<div>
          ${applicationLink(directory.applications, resourceAppId)}: ${few([...scopes, ...roles])}
        </div> `,
    )}
  ${requiredAccess.length > 3 && html`<small class="muted">and ${requiredAccess.length - 3} more APIs</small>`}`
}

function credentialsOf({ secrets, certificates, federatedCredentials, redirectUris }: Application): string {
  const counts = [
    [secrets.length, 'secret'],
    [certificates.length, 'certificate'],
    [federatedCredentials.length, 'federated credential'],
  ] as const
  const found = counts.flatMap(([count, name]) =>
    count === 0 ? [] : [`${count} ${name}${count === 1 ? '' : 's'}`],
  )
  if (found.length > 0) return found.join(', ')
  return redirectUris.publicClient.length > 0 ? 'nothing (public)' : 'nothing'
}

export function userList(service: Service, asked: Parameters): Html {
  const find = asked.get('find')
  const all = [...service.directory.tenants.values()].flatMap((tenant) =>
    [...tenant.users.values()].map((user) => ({ tenant, user })),
  )
  const { shown, pager } = slice(
    all,
    { find, page: asked.get('page') },
    '/_/users',
    ({ tenant, user }) => `${user.displayName} ${user.userPrincipalName} ${user.id} ${tenant.displayName}`,
  )
  return html`${finder('/_/users', find, 'Find a user', 'list')}
    <div id="list" class="stack">
      <div class="card">
        ${table({
          headings: ['User', 'Object id', 'Tenant', 'State', ''],
          rows: shown.map(({ tenant, user }) => [
            html`<a href="/_/users/${user.id}">${nameText(user.displayName)}</a><br /><small class="muted"
                >${nameText(user.userPrincipalName)}</small
              >`,
            idText(user.id),
            nameText(tenant.displayName),
            stateOf(service, user),
            userActions(service, user),
          ]),
          empty:
            all.length === 0 ? 'No users. Add some to users of a tenant.' : 'No user has that in the name.',
        })}
      </div>
      ${pager}
    </div>`
}

function stateOf(service: Service, user: User): Html {
  return html`${user.isEnabled ? chip('enabled', 'good') : chip('disabled', 'bad')}
  ${user.isAdmin && chip('administrator')} ${user.isGuest && chip('guest')}
  ${
    Number.isFinite(user.sessionsValidFrom) &&
    html`<small class="muted">signed out ${when(service, user.sessionsValidFrom)}</small>`
  }`
}

function userActions(service: Service, user: User): Html {
  return actionForm(
    service,
    '/_/users',
    html`<input type="hidden" name="user" value="${user.id}" />
      <button class="tiny" name="do" value="revoke" aria-label="Revoke sign-ins of ${user.displayName}">
        Revoke sign-ins
      </button>
      ${
        user.isEnabled
          ? html`<button
              class="tiny danger"
              name="do"
              value="disable"
              aria-label="Disable ${user.displayName}"
              data-ask="Disable this user? Sign-ins, refreshes and on-behalf-of requests are refused then."
            >
              Disable
            </button>`
          : html`<button class="tiny" name="do" value="enable" aria-label="Enable ${user.displayName}">
              Enable
            </button>`
      }`,
  )
}

/** One user: who it is, what it consented to, and what it may use. */
export function userDetail(service: Service, tenant: Tenant, user: User): Html {
  const { applications } = service.directory
  const grants = tenant.grants.filter(({ userId }) => userId === user.id)
  const groups = user.groupIds.map((id) => tenant.groups.get(id)?.displayName ?? id)
  const assignments = tenant.assignments.filter(({ principalId }) =>
    [user.id, ...user.groupIds].includes(principalId),
  )
  return html`<p class="row">
      ${stateOf(service, user)}
      <a class="button" href="/_/mint?user=${user.id}">Mint a token</a>
      ${userActions(service, user)}
    </p>
    <div class="card">
      ${factList([
        ['Sign-in name', nameText(user.userPrincipalName)],
        ['Object id', idText(user.id)],
        ['Tenant', html`${nameText(tenant.displayName)} ${idText(tenant.id)}`],
        ['Groups', nameText(groups.join(', ') || 'none')],
      ])}
    </div>
    <h2>Consented to</h2>
    <div class="card">
      ${table({
        headings: ['Client', 'API', 'Scopes'],
        rows: grants.map(({ clientAppId, resourceAppId, scopes }) => [
          applicationLink(applications, clientAppId),
          applicationLink(applications, resourceAppId),
          html`<code>${[...scopes].join(' ')}</code>`,
        ]),
        empty: 'Nothing alone. What an administrator granted for everyone counts as well.',
      })}
    </div>
    <h2>Assigned to</h2>
    <div class="card">
      ${table({
        headings: ['Application', 'Role'],
        rows: assignments.map(({ resourceAppId, role }) => [
          applicationLink(applications, resourceAppId),
          html`<code>${role ?? '(access without a role)'}</code>`,
        ]),
        empty: 'No application. Add appRoleAssignments for roles in tokens of this user.',
      })}
    </div>`
}
