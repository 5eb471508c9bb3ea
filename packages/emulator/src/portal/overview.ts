import type { Application } from '../directory.js'
import { html, type Html } from '../pages/html.js'
import type { Service } from '../service.js'
import { actionForm, quoted, table, when } from './layout.js'

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
            <code>--cacert emulator.pem</code>. It is made anew at every start.
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

/** For the first application that has a secret, which the page does not know, and the first API. */
function curlLine({ origin, directory }: Service, authority: string): string {
  const applications = [...directory.applications.values()]
  const client = applications.find(({ secrets }) => secrets.length > 0)
  const [identifier] = applications.flatMap(({ identifierUris }) => identifierUris)
  return [
    `curl ${authority}/oauth2/v2.0/token`,
    ...(origin.startsWith('https:') ? ['  --cacert emulator.pem'] : []),
    '  -d grant_type=client_credentials',
    `  -d client_id=${client?.appId ?? '…'}`,
    `  --data-urlencode ${quoted(`scope=${identifier ?? '…'}/.default`)}`,
    `  --data-urlencode ${quoted('client_secret=…')}`,
  ].join(' \\\n')
}

function neededBy({ directory }: Service, { requiredAccess }: Application): string {
  return requiredAccess
    .map(({ resourceAppId, scopes, roles }) => {
      const name = directory.applications.get(resourceAppId)?.displayName ?? resourceAppId
      return `${name}: ${[...scopes, ...roles].join(' ')}`
    })
    .join('; ')
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

/** One application, under Entra's headings. */
export function applicationDetail(service: Service, application: Application): Html {
  const now = service.clock.now()
  const periods = [
    ...application.secrets.map((secret) => ['secret', secret] as const),
    ...application.certificates.map((certificate) => ['certificate', certificate] as const),
  ]
  const home = service.directory.tenants.get(application.homeTenantId)
  return html`<h2>Overview</h2>
    <p>
      Client id <code>${application.appId}</code><br />Home ${home?.displayName ?? ''}<br />Accounts
      ${application.audience}<br />Identifier URIs
      <code>${application.identifierUris.join(' ') || 'none'}</code>
    </p>
    <h2>Authentication</h2>
    ${table(
      ['Platform', 'Redirect URI'],
      (['web', 'spa', 'publicClient'] as const).flatMap((platform) =>
        application.redirectUris[platform].map(
          (uri) =>
            html`<tr>
              <td>${platform}</td>
              <td><code>${uri}</code></td>
            </tr> `,
        ),
      ),
      'No redirect URIs: nobody signs in to it.',
    )}
    <h2>Certificates &amp; secrets</h2>
    ${table(
      ['Kind', 'Ends'],
      periods.map(
        ([kind, { until }]) =>
          html`<tr>
            <td>${kind}</td>
            <td class="${until <= now ? 'no' : ''}">
              ${Number.isFinite(until) ? when(service, until) : 'never'}
            </td>
          </tr> `,
      ),
      'None.',
    )}
    <h2>Federated credentials</h2>
    ${table(
      ['Issuer', 'Subject', 'Audience'],
      application.federatedCredentials.map(
        ({ issuer, subject, audiences }) =>
          html`<tr>
            <td><code>${issuer}</code></td>
            <td><code>${typeof subject === 'string' ? subject : 'by expression'}</code></td>
            <td><code>${audiences.join(' ')}</code></td>
          </tr> `,
      ),
      'None.',
    )}
    <h2>Token configuration</h2>
    <p>
      Access tokens of v${application.tokenVersion}; optional claims
      ${application.optionalClaims.accessToken.map(({ name }) => name).join(', ') || 'none'}
    </p>
    <h2>API permissions</h2>
    <p>${neededBy(service, application) || 'None listed.'}</p>
    <h2>Expose an API</h2>
    ${table(
      ['Scope', 'Who consents', 'State', 'Words'],
      application.scopes.map(
        ({ value, adminOnly, isEnabled, title }) =>
          html`<tr>
            <td><code>${value}</code></td>
            <td>${adminOnly ? 'administrators' : 'users and administrators'}</td>
            <td>${isEnabled ? 'enabled' : 'disabled'}</td>
            <td>${title}</td>
          </tr> `,
      ),
      'No scopes.',
    )}
    <h2>App roles</h2>
    ${table(
      ['Role', 'For', 'State'],
      application.roles.map(
        ({ value, forUsers, forApplications, isEnabled }) =>
          html`<tr>
            <td><code>${value}</code></td>
            <td>${[forUsers && 'users', forApplications && 'applications'].filter(Boolean).join(', ')}</td>
            <td>${isEnabled ? 'enabled' : 'disabled'}</td>
          </tr> `,
      ),
      'No roles.',
    )}`
}
