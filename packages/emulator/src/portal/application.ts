import type { Application, Claim } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { hideApplicationSecrets } from '../registration/hidden-secrets.js'
import { actionForm } from './layout.js'
import { applicationLink, chip, codeBlock, factList, hiddenFields, idText, type Row, table } from './parts.js'
import { descriptionOf } from './picture.js'
import { when } from './time.js'

/** One application, under Entra's headings and in their order. */
export function applicationDetail(service: Service, application: Application): Html {
  const home = service.directory.tenants.get(application.homeTenantId)
  const mint = new URLSearchParams(
    application.scopes.length + application.roles.length > 0
      ? { resource: application.appId }
      : { client: application.appId },
  )
  return html`<p class="row">
      ${chip(descriptionOf(service, application))}
      <a class="button" href="/_/mint?${mint.toString()}">Mint a token</a>
      <a class="button" href="/_/consent?find=${encodeURIComponent(application.appId)}">Consent</a>
      <a class="button" href="/_/?find=${encodeURIComponent(application.appId)}">In the picture</a>
    </p>
    <h2 id="overview">Overview</h2>
    <div class="card">
      ${factList([
        ['Client id', idText(application.appId)],
        ['Home', nameText(home?.displayName ?? 'Microsoft')],
        ['Accounts', application.audience],
      ])}
    </div>
    <h2 id="authentication">Authentication</h2>
    <div class="card">${authentication(application)}</div>
    <h2 id="credentials">Certificates &amp; secrets</h2>
    <div class="card">${credentials(service, application)}</div>
    <h2 id="federated">Federated credentials</h2>
    <div class="card">
      ${table({
        headings: ['Issuer', 'Subject', 'Audience'],
        rows: application.federatedCredentials.map(({ issuer, subject, audiences }) => [
          issuer,
          typeof subject === 'string' ? subject : 'by expression, see the manifest',
          audiences.join(' '),
        ]),
        empty:
          'None. Add federatedIdentityCredentials to accept the tokens of another issuer as its credential.',
      })}
    </div>
    <h2 id="tokens">Token configuration</h2>
    <div class="card">${tokenConfiguration(application)}</div>
    <h2 id="permissions">API permissions</h2>
    <div class="card">${permissions(service, application)}</div>
    <h2 id="expose">Expose an API</h2>
    <div class="card">${exposedApi(service, application)}</div>
    <h2 id="roles">App roles</h2>
    <div class="card">
      ${table({
        headings: ['Role', 'For', 'State'],
        rows: application.roles.map(({ value, forUsers, forApplications, isEnabled }) => [
          html`<code>${value}</code>`,
          [forUsers && 'users', forApplications && 'applications'].filter(Boolean).join(', '),
          isEnabled ? 'enabled' : 'disabled',
        ]),
        empty: 'No roles. Add appRoles for applications that act as themselves, or for groups of users.',
      })}
    </div>
    <h2 id="manifest">Manifest</h2>
    <p class="lead">
      In the names of Microsoft Graph, without the text of secrets. <a href="/_/registration">Change it</a>
    </p>
    ${codeBlock(
      JSON.stringify(
        { appId: application.appId, ...hideApplicationSecrets(application.registration) },
        undefined,
        2,
      ),
      'Copy the manifest',
    )}`
}

function exposedApi(service: Service, application: Application): Html {
  const { applications } = service.directory
  return html`${factList([
    [
      'Identifier URIs',
      application.identifierUris.length === 0
        ? 'none'
        : html`${application.identifierUris.map((uri) => html`<code>${uri}</code> `)}`,
    ],
    ['Access tokens of', `v${application.tokenVersion}`],
  ])}
  ${table({
    headings: ['Scope', 'Who consents', 'State', 'Words'],
    rows: application.scopes.map(({ value, adminOnly, isEnabled, title }) => [
      html`<code>${value}</code>`,
      adminOnly ? 'administrators' : 'users and administrators',
      isEnabled ? 'enabled' : 'disabled',
      nameText(title),
    ]),
    empty: 'No scopes. Add api.oauth2PermissionScopes for clients that act for a user.',
  })}
  ${table({
    headings: ['Authorized client application', 'Scopes without consent'],
    rows: [...application.preAuthorized].map(([client, scopes]) => [
      applicationLink(applications, client),
      html`<code>${[...scopes].join(' ')}</code>`,
    ]),
    empty: 'No client has scopes without consent. Add api.preAuthorizedApplications to change that.',
  })}
  ${
    application.knownClients.size > 0 &&
    html`<p>
      Consent of
      ${[...application.knownClients].map((client) => html`${applicationLink(applications, client)} `)} covers
      what this API needs.
    </p>`
  }`
}

function authentication(application: Application): Html {
  const { redirectUris, logoutUrl, isFallbackPublicClient, issuesIdTokenAtSignIn } = application
  return html`${table({
    headings: ['Platform', 'Redirect URI'],
    rows: (['web', 'spa', 'publicClient'] as const).flatMap((platform) =>
      redirectUris[platform].map((uri): Row => [platform, html`<code>${uri}</code>`]),
    ),
    empty: 'No redirect URIs: nobody signs in to it.',
  })}
  ${factList([
    ['Front-channel logout URL', html`<code>${logoutUrl ?? 'none'}</code>`],
    ['Id tokens at sign-in', yesOrNo(issuesIdTokenAtSignIn)],
    ['Public client flows', yesOrNo(isFallbackPublicClient)],
  ])}`
}

function credentials(service: Service, { secrets, certificates }: Application): Html {
  const now = service.clock.now()
  const periods = [
    ...secrets.map((secret) => ['secret', secret] as const),
    ...certificates.map((certificate) => [`certificate ${certificate.sha1}`, certificate] as const),
  ]
  const edge = (seconds: number, open: string): string =>
    Number.isFinite(seconds) ? when(service, seconds) : open
  return table({
    headings: ['Kind', 'Starts', 'Ends'],
    rows: periods.map(([kind, { from, until }]) => [
      kind,
      html`<span class="${now < from && 'no'}">${edge(from, 'no start')}</span>`,
      html`<span class="${until <= now && 'no'}"
        >${edge(until, 'never')}${until <= now && ', expired'}</span
      >`,
    ]),
    empty: 'None. Add passwordCredentials or keyCredentials: without one it cannot prove itself.',
  })
}

function tokenConfiguration({ optionalClaims, issuesGroups, issuesDirectoryRoles }: Application): Html {
  const claims = (kind: string, listed: readonly Claim[]): Row[] =>
    listed.map(({ name, properties }) => [kind, html`<code>${name}</code>`, properties.join(' ')])
  return table({
    headings: ['Token', 'Claim', 'Properties'],
    rows: [
      ...claims('access token', optionalClaims.accessToken),
      ...claims('id token', optionalClaims.idToken),
      ...(issuesGroups ? [['both', html`<code>groups</code>`, '']] : []),
      ...(issuesDirectoryRoles ? [['both', html`<code>wids</code>`, '']] : []),
    ],
    empty: 'No optional claims. Add optionalClaims.',
  })
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
    const api = applicationLink(directory.applications, resourceAppId)
    const row = (kind: 'scopes' | 'roles', name: string, isGranted: boolean): Row => [
      api,
      html`<code>${name}</code>`,
      kind === 'scopes' ? 'delegated' : 'application',
      isGranted
        ? html`<span class="ok">granted for ${nameText(home?.displayName ?? '')}</span>`
        : html`<span class="amber">not granted for all</span>`,
      !isGranted &&
        home !== undefined &&
        actionForm(
          service,
          '/_/grant',
          html`${hiddenFields({
              tenant: home.id,
              client: application.appId,
              resource: resourceAppId,
              [kind]: name,
              back: `/_/apps/${application.appId}#permissions`,
            })} <button class="tiny" aria-label="Grant ${name} for everyone">Grant</button>`,
        ),
    ]
    return [
      ...scopes.map((scope) =>
        row(
          'scopes',
          scope,
          grants.some((grant) => grant.scopes.has(scope)),
        ),
      ),
      ...roles.map((role) =>
        row(
          'roles',
          role,
          assigned.some((assignment) => assignment.role === role),
        ),
      ),
    ]
  })
  return table({
    headings: ['API', 'Permission', 'Type', 'Status', ''],
    rows: listed,
    empty: 'None listed. Add requiredResourceAccess: what the client asks for by .default.',
  })
}

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no')
