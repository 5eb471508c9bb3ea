import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { PermissionExplanation } from '../controls/explain-permission.js'
import type { Service } from '../instance/service.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import { html, type Html, nameText } from '../pages/html.js'
import { callGraph, callOf, isApi, missingOf } from './call-graph.js'
import { actionForm } from './layout.js'
import {
  applicationLink,
  chip,
  chooser,
  finder,
  hiddenFields,
  type Row,
  slice,
  table,
  verdict,
} from './parts.js'

/** Who has consented to what, and the effect: the token that would be issued, or the refusal and its reason. */
export function consentMatrix(controls: Controls, asked: Parameters): Html {
  const service = controls.instance
  const { directory } = service
  const applications = [...directory.applications.values()]
  const users = [...directory.tenants.values()].flatMap((tenant) => [...tenant.users.values()])
  const names = applications.map(({ appId, displayName }) => [appId, displayName] as const)
  const [client, resource] = [asked.get('client'), asked.get('resource')]
  const apis = applications
    .filter((each) => isApi(each) && each.appId !== tokenExchangeAppId)
    .map(({ appId, displayName }) => [appId, displayName] as const)
  const [first] = callGraph(directory).calls
  return html`<form method="get" action="/_/consent" class="card">
      <h2>What would a client get?</h2>
      <div class="grid">
        ${chooser('Client', 'client', names, client ?? first?.client.appId)}
        ${chooser('API', 'resource', apis, resource ?? first?.api.appId)}
        ${chooser(
          'User',
          'user',
          users.map(({ id, userPrincipalName }) => [id, userPrincipalName] as const),
          asked.get('user'),
          '(the client as itself)',
        )}
        <label
          >Scopes <small>or nothing for .default</small>
          <input name="scopes" value="${asked.get('scopes')}" autocomplete="off" spellcheck="false"
        /></label>
      </div>
      <button class="primary">Show</button>
    </form>
    ${client !== undefined && resource !== undefined && preview(controls, { client, resource }, asked)}
    <h2>What is granted</h2>
    ${granted(service, asked)}`
}

function preview(
  controls: Controls,
  named: { readonly client: string; readonly resource: string },
  asked: Parameters,
): Html {
  const [user, scopes] = [asked.get('user'), asked.get('scopes')]
  let found: PermissionExplanation
  try {
    found = controls.explainPermission({
      ...named,
      ...(user === undefined ? {} : { user }),
      ...(scopes === undefined ? {} : { scopes: scopes.split(/[ ,]+/).filter((word) => word !== '') }),
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return verdict('bad', error.message)
  }
  const offer = missingPart(controls.instance, named)
  if (!found.isIssued) {
    return html`${verdict(
      'bad',
      `No token: AADSTS${found.errorCode}`,
      html`<p>${found.error}</p>
        <p><strong>What to do:</strong> ${found.fix}</p>
        <p><a href="/error?code=${found.errorCode}">What AADSTS${found.errorCode} means</a></p>`,
    )}
    ${offer}`
  }
  return html`${verdict(
      'good',
      'A token is issued',
      html`<p>
        scp <code>${found.scopes.join(' ') || 'absent'}</code><br />roles
        <code>${found.roles.join(' ') || 'absent'}</code>
      </p>`,
    )}
    <div class="card">
      ${table({
        headings: ['Scope', 'Granted by'],
        rows: Object.entries(found.grantedBy).map(([scope, by]) => [html`<code>${scope}</code>`, by]),
        empty: 'No delegated scopes: an application that acts as itself has roles.',
      })}
    </div>
    ${offer}`
}

/** What the client lists and nobody granted, with a button. */
function missingPart(
  service: Service,
  named: { readonly client: string; readonly resource: string },
): Html | false {
  const { directory } = service
  const [client, api] = [named.client, named.resource].map((appId) =>
    directory.applications.get(appId.toLowerCase()),
  )
  const tenant = client && directory.tenants.get(client.homeTenantId)
  if (client === undefined || api === undefined || tenant === undefined) return false
  const call = callOf(directory, tenant, client, api)
  const missing = call === undefined ? [] : missingOf(call)
  if (missing.length === 0) return false
  return html`<section class="verdict warn">
    <h2>Listed, and not granted: ${missing.map(({ name }) => name).join(', ')}</h2>
    ${actionForm(
      service,
      '/_/grant',
      html`${hiddenFields({
          tenant: tenant.id,
          client: client.appId,
          resource: api.appId,
          back: `/_/consent?client=${client.appId}&resource=${api.appId}`,
        })} <button class="primary">Grant for everyone</button>`,
    )}
  </section>`
}

function revokeRole(service: Service, tenant: string, client: string, resource: string, role: string): Html {
  return actionForm(
    service,
    '/_/consent',
    html`${hiddenFields({ tenant, client, resource, roles: role })}
      <button
        class="tiny danger"
        aria-label="Revoke the role ${role} of ${service.directory.applications.get(client)?.displayName}"
        data-ask="Take this role back? The next token has it no more."
      >
        Revoke
      </button>`,
  )
}

/** All grants and assignments of all tenants, to search. */
function granted(service: Service, asked: Parameters): Html {
  const { directory } = service
  const { applications } = directory
  const find = asked.get('find')
  const rows = [...directory.tenants.values()].flatMap((tenant) => {
    const principals = new Map<string, string>([
      ...[...tenant.users.values()].map((user) => [user.id, user.userPrincipalName] as const),
      ...[...tenant.groups.values()].map(({ id, displayName }) => [id, displayName] as const),
      ...[...tenant.servicePrincipals.values()].map(
        ({ id, application }) => [id, application.displayName] as const,
      ),
    ])
    const clients = new Map(
      [...tenant.servicePrincipals.values()].map(({ id, application }) => [id, application.appId] as const),
    )
    const nameOf = (id: string): string => principals.get(id) ?? id
    const of = (appId: string): string => `${appId} ${applications.get(appId)?.displayName ?? ''}`
    return [
      ...tenant.grants.map(({ origin, clientAppId, resourceAppId, userId, scopes }) => {
        const whom = userId === undefined ? 'everyone' : nameOf(userId)
        return {
          text: [of(clientAppId), of(resourceAppId), whom, ...scopes, tenant.displayName].join(' '),
          row: (): Row => [
            applicationLink(applications, clientAppId),
            applicationLink(applications, resourceAppId),
            html`<code>${[...scopes].join(' ')}</code>`,
            nameText(whom),
            html`${nameText(tenant.displayName)}, by ${origin}`,
            actionForm(
              service,
              '/_/consent',
              html`${hiddenFields({
                  tenant: tenant.id,
                  client: clientAppId,
                  resource: resourceAppId,
                  user: userId,
                })}
                <button
                  class="tiny danger"
                  aria-label="Revoke ${[...scopes].join(' ')} of ${applications.get(clientAppId)?.displayName}"
                  data-ask="Take this consent back? The next refresh or on-behalf-of request is refused with AADSTS65001."
                >
                  Revoke
                </button>`,
            ),
          ],
        }
      }),
      ...tenant.assignments.map(({ principalId, resourceAppId, role, origin }) => {
        const client = clients.get(principalId)
        return {
          text: [nameOf(principalId), of(resourceAppId), role, tenant.displayName].join(' '),
          row: (): Row => [
            client === undefined ? nameText(nameOf(principalId)) : applicationLink(applications, client),
            applicationLink(applications, resourceAppId),
            html`<code>${role ?? '(access without a role)'}</code> ${role !== undefined && chip('role')}`,
            client === undefined ? 'the user' : 'itself',
            html`${nameText(tenant.displayName)}, by ${origin}`,
            client !== undefined &&
              role !== undefined &&
              revokeRole(service, tenant.id, client, resourceAppId, role),
          ],
        }
      }),
    ]
  })
  const { shown, pager } = slice(rows, { find, page: asked.get('page') }, '/_/consent', ({ text }) => text)
  return html`${finder('/_/consent', find, 'Find a client, an API, a user or a scope', 'list')}
    <div id="list" class="stack">
      <div class="card">
        ${table({
          headings: ['Who', 'API', 'Scopes or role', 'For', 'In', ''],
          rows: shown.map(({ row }) => row()),
          empty:
            rows.length === 0
              ? 'Nothing is granted. A consent page, oauth2PermissionGrants or appRoleAssignments adds some.'
              : 'Nothing that is granted has that in it.',
        })}
      </div>
      ${pager}
    </div>`
}
