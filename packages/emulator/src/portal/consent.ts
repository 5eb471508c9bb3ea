import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { PermissionExplanation } from '../controls/explain-permission.js'
import type { Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { actionForm, options, table } from './layout.js'

/** Who has consented to what, and the effect: the token that would be issued, or the refusal and its reason. */
export function consentMatrix(controls: Controls, asked: Parameters): Html {
  const service = controls.instance
  const { directory } = service
  const applications = [...directory.applications.values()]
  const users = [...directory.tenants.values()].flatMap((tenant) => [...tenant.users.values()])
  const names = applications.map(({ appId, displayName }) => [appId, displayName] as const)
  const [client, resource] = [asked.get('client'), asked.get('resource')]
  return html`<h2>What it comes to</h2>
    <form method="get" action="/_/consent">
      <div class="grid">
        <label
          >Client
          <select name="client">
            ${options(names, client)}
          </select></label
        >
        <label
          >API
          <select name="resource">
            ${options(names, resource)}
          </select></label
        >
        <label
          >User
          <select name="user">
            ${options([['', '(the client as itself)'], ...users.map(({ id, userPrincipalName }) => [id, userPrincipalName] as const)], asked.get('user'))}
          </select></label
        >
        <label>Scopes, or nothing for .default <input name="scopes" value="${asked.get('scopes')}" /></label>
      </div>
      <button>Show</button>
    </form>
    ${client !== undefined && resource !== undefined && preview(controls, { client, resource }, asked)}
    <h2>What is granted</h2>
    ${[...directory.tenants.values()].map((tenant) => granted(service, tenant))}`
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
    return html`<p class="no">${error.message}</p>`
  }
  if (!found.isIssued) {
    return html`<h2 class="no">No token: AADSTS${found.errorCode}</h2>
      <p>${found.error}</p>
      <p><strong>What to do:</strong> ${found.fix}</p>`
  }
  return html`<h2 class="ok">A token is issued</h2>
    <p>
      scp <code>${found.scopes.join(' ') || 'absent'}</code><br />roles
      <code>${found.roles.join(' ') || 'absent'}</code>
    </p>
    ${table(
      ['Scope', 'Granted by'],
      Object.entries(found.grantedBy).map(
        ([scope, by]) =>
          html`<tr>
            <td><code>${scope}</code></td>
            <td>${by}</td>
          </tr> `,
      ),
      'No delegated scopes.',
    )}`
}

function granted(service: Service, tenant: Tenant): Html {
  const name = (appId: string): string => service.directory.applications.get(appId)?.displayName ?? appId
  const principals = new Map<string, string>([
    ...[...tenant.users.values()].map((user) => [user.id, user.userPrincipalName] as const),
    ...[...tenant.servicePrincipals.values()].map(
      ({ id, application }) => [id, application.displayName] as const,
    ),
  ])
  return html`<h2>${tenant.displayName}</h2>
    ${table(
      ['Client', 'API', 'Scopes', 'For', 'By', ''],
      tenant.grants.map(
        ({ origin, clientAppId, resourceAppId, userId, scopes }) =>
          html`<tr>
            <td>${name(clientAppId)}</td>
            <td>${name(resourceAppId)}</td>
            <td><code>${[...scopes].join(' ')}</code></td>
            <td>${userId === undefined ? 'everyone' : (principals.get(userId) ?? userId)}</td>
            <td>${origin}</td>
            <td>
              ${actionForm(
                service,
                '/_/consent',
                html`<input type="hidden" name="tenant" value="${tenant.id}" />
                  <input type="hidden" name="client" value="${clientAppId}" />
                  <input type="hidden" name="resource" value="${resourceAppId}" />
                  <input type="hidden" name="user" value="${userId}" />
                  <button>Revoke</button>`,
                'inline',
              )}
            </td>
          </tr> `,
      ),
      'No delegated scopes are granted. A consent page or oauth2PermissionGrants adds some.',
    )}
    ${table(
      ['Who', 'API', 'Role'],
      tenant.assignments.map(
        ({ principalId, resourceAppId, role }) =>
          html`<tr>
            <td>${principals.get(principalId) ?? principalId}</td>
            <td>${name(resourceAppId)}</td>
            <td><code>${role ?? '(access without a role)'}</code></td>
          </tr> `,
      ),
      'No roles are assigned.',
    )}`
}
