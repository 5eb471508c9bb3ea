import type { Application, Claim } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { hideApplicationSecrets } from '../registration/hidden-secrets.js'
import { table, when } from './layout.js'

/** The scopes and roles of other APIs that an application's registration lists. */
export function neededBy({ directory }: Service, { requiredAccess }: Application): string {
  return requiredAccess
    .map(({ resourceAppId, scopes, roles }) => {
      const name = directory.applications.get(resourceAppId)?.displayName ?? resourceAppId
      return `${name}: ${[...scopes, ...roles].join(' ')}`
    })
    .join('; ')
}

/** One application, under Entra's headings and in their order. */
export function applicationDetail(service: Service, application: Application): Html {
  const home = service.directory.tenants.get(application.homeTenantId)
  const name = nameOf(service)
  return html`<h2>Overview</h2>
    <p>
      Client id <code>${application.appId}</code><br />Home ${home?.displayName}<br />Accounts
      ${application.audience}
    </p>
    <h2>Authentication</h2>
    ${authentication(application)}
    <h2>Certificates &amp; secrets</h2>
    ${credentials(service, application)}
    <h2>Federated credentials</h2>
    ${rows(
      ['Issuer', 'Subject', 'Audience'],
      application.federatedCredentials.map(({ issuer, subject, audiences }) => [
        issuer,
        typeof subject === 'string' ? subject : 'by expression, see the manifest',
        audiences.join(' '),
      ]),
      'None.',
    )}
    <h2>Token configuration</h2>
    ${tokenConfiguration(application)}
    <h2>API permissions</h2>
    ${permissions(service, application)}
    <h2>Expose an API</h2>
    <p>
      Identifier URIs <code>${application.identifierUris.join(' ') || 'none'}</code><br />Access tokens of
      v${application.tokenVersion}
    </p>
    ${rows(
      ['Scope', 'Who consents', 'State', 'Words'],
      application.scopes.map(({ value, adminOnly, isEnabled, title }) => [
        value,
        adminOnly ? 'administrators' : 'users and administrators',
        isEnabled ? 'enabled' : 'disabled',
        title,
      ]),
      'No scopes.',
    )}
    ${rows(
      ['Authorized client application', 'Scopes without consent'],
      [...application.preAuthorized].map(([client, scopes]) => [name(client), [...scopes].join(' ')]),
      'No client has scopes without consent.',
    )}
    ${
      application.knownClients.size > 0 &&
      html`<p>
        Consent of ${[...application.knownClients].map(name).join(', ')} covers what this API needs.
      </p>`
    }
    <h2>App roles</h2>
    ${rows(
      ['Role', 'For', 'State'],
      application.roles.map(({ value, forUsers, forApplications, isEnabled }) => [
        value,
        [forUsers && 'users', forApplications && 'applications'].filter(Boolean).join(', '),
        isEnabled ? 'enabled' : 'disabled',
      ]),
      'No roles.',
    )}
    <h2>Manifest</h2>
    <p>
      In the names of Microsoft Graph, without the text of secrets. <a href="/_/registration">Change it</a>
    </p>
    <pre>
${JSON.stringify({ appId: application.appId, ...hideApplicationSecrets(application.registration) }, undefined, 2)}</pre>`
}

function authentication(application: Application): Html {
  const { redirectUris, logoutUrl, isFallbackPublicClient, issuesIdTokenAtSignIn } = application
  return html`${rows(
      ['Platform', 'Redirect URI'],
      (['web', 'spa', 'publicClient'] as const).flatMap((platform) =>
        redirectUris[platform].map((uri) => [platform, uri]),
      ),
      'No redirect URIs: nobody signs in to it.',
    )}
    <p>
      Front-channel logout URL <code>${logoutUrl ?? 'none'}</code><br />Id tokens at sign-in
      ${yesOrNo(issuesIdTokenAtSignIn)}<br />Public client flows ${yesOrNo(isFallbackPublicClient)}
    </p>`
}

function credentials(service: Service, { secrets, certificates }: Application): Html {
  const now = service.clock.now()
  const periods = [
    ...secrets.map((secret) => ['secret', secret] as const),
    ...certificates.map((certificate) => [`certificate ${certificate.sha1}`, certificate] as const),
  ]
  const edge = (seconds: number, open: string): string =>
    Number.isFinite(seconds) ? when(service, seconds) : open
  return table(
    ['Kind', 'Starts', 'Ends'],
    periods.map(
      ([kind, { from, until }]) =>
        html`<tr>
          <td>${kind}</td>
          <td class="${now < from && 'no'}">${edge(from, 'no start')}</td>
          <td class="${until <= now && 'no'}">${edge(until, 'never')}${until <= now && ', expired'}</td>
        </tr> `,
    ),
    'None.',
  )
}

function tokenConfiguration({ optionalClaims, issuesGroups, issuesDirectoryRoles }: Application): Html {
  const claims = (kind: string, listed: readonly Claim[]): string[][] =>
    listed.map(({ name, properties }) => [kind, name, properties.join(' ')])
  return rows(
    ['Token', 'Claim', 'Properties'],
    [
      ...claims('access token', optionalClaims.accessToken),
      ...claims('id token', optionalClaims.idToken),
      ...(issuesGroups ? [['both', 'groups', '']] : []),
      ...(issuesDirectoryRoles ? [['both', 'wids', '']] : []),
    ],
    'No optional claims.',
  )
}

/** The permissions that are listed, and whether all users have them in the home tenant. Consent of one user is on the consent page. */
function permissions(service: Service, application: Application): Html {
  const { directory } = service
  const home = directory.tenants.get(application.homeTenantId)
  const principal = home?.servicePrincipals.get(application.appId)
  const listed = application.requiredAccess.flatMap(({ resourceAppId, scopes, roles }) => {
    const grants = (home?.grants ?? []).filter(
      (grant) =>
        grant.clientAppId === application.appId &&
        grant.resourceAppId === resourceAppId &&
        grant.userId === undefined,
    )
    const assigned = (home?.assignments ?? []).filter(
      (assignment) => assignment.principalId === principal?.id && assignment.resourceAppId === resourceAppId,
    )
    const api = nameOf(service)(resourceAppId)
    const status = (isGranted: boolean): string =>
      isGranted ? `granted for ${home?.displayName ?? ''}` : 'not granted for all'
    return [
      ...scopes.map((scope) => [
        api,
        scope,
        'delegated',
        status(grants.some((grant) => grant.scopes.has(scope))),
      ]),
      ...roles.map((role) => [
        api,
        role,
        'application',
        status(assigned.some((assignment) => assignment.role === role)),
      ]),
    ]
  })
  return rows(['API', 'Permission', 'Type', 'Status'], listed, 'None listed.')
}

function nameOf({ directory }: Service): (appId: string) => string {
  return (appId) => directory.applications.get(appId)?.displayName ?? appId
}

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no')

function rows(headings: readonly string[], cells: readonly (readonly string[])[], empty: string): Html {
  return table(
    headings,
    cells.map(
      (texts) =>
        html`<tr>
          ${texts.map((text) => html`<td>${text}</td>`)}
        </tr> `,
    ),
    empty,
  )
}
