import type { Application } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { neededBy } from './application.js'
import { actionForm, table, when } from './layout.js'
import { quoted } from './shell.js'

/** Settings to copy, and what is registered. */
export function overview(service: Service, certificate: string | undefined): Html {
  const { origin, directory } = service
  const [tenant] = directory.tenants.values()
  const authority = `${origin}/${tenant?.id ?? 'common'}`
  const applications = [...directory.applications.values()]
  return html`<h2>Settings to copy</h2>
    <p>
      The emulator speaks
      ${origin.startsWith('https:') ? 'https with a self-signed certificate' : 'http on loopback'}. For
      ${tenant?.displayName ?? 'any tenant'}:
    </p>
    <div>
      <details open>
        <summary>As an environment file</summary>
        <pre>
TENANT_ID=${tenant?.id ?? ''}
AUTHORITY=${authority}
ISSUER_V1=${service.issuers.v1.replaceAll('{tenantid}', tenant?.id ?? '')}
ISSUER_V2=${service.issuers.v2.replaceAll('{tenantid}', tenant?.id ?? '')}
TOKEN_ENDPOINT=${authority}/oauth2/v2.0/token
JWKS_URI=${authority}/discovery/v2.0/keys</pre>
      </details>
      <details>
        <summary>As a cloud for @countersign/core</summary>
        <pre>
const cloud = {
  authority: '${origin}',
  v1Issuer: '${service.issuers.v1}',
  v2Issuer: '${service.issuers.v2}',
  cloudInstanceName: '${service.cloudInstanceName}',
}</pre>
      </details>
      <details>
        <summary>For MSAL Node</summary>
        <pre>
auth: {
  authority: 'https://${new URL(origin).host}/${tenant?.id ?? ''}',
  knownAuthorities: ['${new URL(origin).host}'],
  authorityMetadata: await (await fetch(
    '${authority}/v2.0/.well-known/openid-configuration')).text(),
}</pre>
      </details>
      <details>
        <summary>As curl</summary>
        <pre>${curlLine(service, authority)}</pre>
      </details>
      ${
        certificate !== undefined &&
        html`<details>
          <summary>The certificate to trust, as emulator.pem</summary>
          <p>
            Node trusts it as <code>NODE_EXTRA_CA_CERTS=emulator.pem</code>, curl as
            <code>--cacert emulator.pem</code>. <a href="/_/certificate.pem">Download it</a>. With a state
            file it stays the same, without one it is made anew at every start.
          </p>
          <pre>${certificate}</pre>
        </details>`
      }
    </div>
    <h2>Applications</h2>
    ${table(
      ['Name', 'Client id', 'Tokens', 'Exposes', 'Needs', 'Proves itself by'],
      applications.map(
        (application) =>
          html`<tr>
            <td><a href="/_/apps/${application.appId}">${application.displayName}</a></td>
            <td><code>${application.appId}</code></td>
            <td>v${application.tokenVersion}</td>
            <td>${[...application.scopes, ...application.roles].map(({ value }) => value).join(' ')}</td>
            <td>${neededBy(service, application)}</td>
            <td>${credentialsOf(application)}</td>
          </tr> `,
      ),
      'The registration has no application. Add one to its applications.',
    )}
    <h2 id="users">Tenants and users</h2>
    ${[...directory.tenants.values()].map(
      ({ id, displayName, domains, users }) =>
        html`<h2>
            ${displayName} <small class="soft">${domains.join(', ')} · <code>${id}</code></small>
          </h2>
          ${table(
            ['User', 'Object id', 'State', 'Roles', ''],
            [...users.values()].map(
              (user) =>
                html`<tr>
                  <td>${user.displayName}<br /><small class="soft">${user.userPrincipalName}</small></td>
                  <td><code>${user.id}</code></td>
                  <td>
                    ${user.isEnabled ? 'enabled' : 'disabled'}${user.isGuest && ', guest'}
                    ${Number.isFinite(user.sessionsValidFrom) && html`<br />signed out ${when(service, user.sessionsValidFrom)}`}
                  </td>
                  <td>${user.isAdmin && 'administrator'}</td>
                  <td>
                    ${actionForm(
                      service,
                      '/_/users',
                      html`<input type="hidden" name="user" value="${user.id}" />
                        <button name="do" value="revoke">Revoke sign-ins</button>
                        <button name="do" value="${user.isEnabled ? 'disable' : 'enable'}">
                          ${user.isEnabled ? 'Disable' : 'Enable'}
                        </button>`,
                      'inline',
                    )}
                  </td>
                </tr> `,
            ),
            'No users. Add some to users of the tenant.',
          )}`,
    )}`
}

/** A request of the first application that has a secret, for the first API. The page does not know the secret. */
function curlLine({ origin, directory }: Service, authority: string): string {
  const applications = [...directory.applications.values()]
  const client = applications.find(({ secrets }) => secrets.length > 0)
  const [identifier] = applications.flatMap(({ identifierUris }) => identifierUris)
  return [
    `curl ${quoted(`${authority}/oauth2/v2.0/token`)}`,
    ...(origin.startsWith('https:') ? ['  --cacert emulator.pem'] : []),
    '  -d grant_type=client_credentials',
    `  -d client_id=${client?.appId ?? '…'}`,
    `  --data-urlencode ${quoted(`scope=${identifier ?? '…'}/.default`)}`,
    `  --data-urlencode ${quoted('client_secret=…')}`,
  ].join(' \\\n')
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
  return found.length > 0
    ? found.join(', ')
    : redirectUris.publicClient.length > 0
      ? 'nothing (public)'
      : 'nothing'
}
