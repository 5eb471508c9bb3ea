import { deriveId } from '../base/guid.js'
import { graph, graphAppId } from '../directory/graph.js'
import { tenantOfDomain } from '../directory/lookup.js'
import { isTokenExchange, tokenExchange } from '../directory/token-exchange.js'
import type { Application, RequiredAccess, Role, Scope, Tenant } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type { ApplicationRegistration, OptionalClaim, RequiredResourceAccess } from '../registration/types.js'
import { loadCertificates, loadFederatedCredentials, loadSecrets } from './credentials.js'
import { loadRoles, loadScopes } from './exposed-api.js'
import { loadLogoutUrl, loadRedirectUris } from './redirect-uris.js'
import { applicationAt, uniqueness, valueAt } from './references.js'

/** What is known of an application before the applications it refers to are looked up. */
interface Draft extends Pick<Application, 'appId' | 'displayName' | 'homeTenantId' | 'scopes' | 'roles'> {
  readonly registration: ApplicationRegistration
  readonly path: string
}

/** All applications by appId; Microsoft's own are added where the registration does not have them. */
export function loadApplications(
  registrations: readonly ApplicationRegistration[],
  tenants: ReadonlyMap<string, Tenant>,
): Map<string, Application> {
  const drafts = draftsOf(registrations, tenants)
  const identifiers = uniqueness('is an identifier URI of another application')
  return new Map(
    drafts.map((draft) => {
      for (const [index, uri] of (draft.registration.identifierUris ?? []).entries()) {
        identifiers(uri, `${draft.path}.identifierUris[${index}]`)
      }
      return [draft.appId, loadApplication(draft, drafts)]
    }),
  )
}

function draftsOf(
  registrations: readonly ApplicationRegistration[],
  tenants: ReadonlyMap<string, Tenant>,
): readonly Draft[] {
  const [firstTenant = ''] = tenants.keys()
  const withPresent = [
    ...registrations,
    ...(registrations.some(({ appId }) => appId === graphAppId) ? [] : [graph]),
    ...(registrations.some(isTokenExchange) ? [] : [tokenExchange]),
  ]
  const ids = uniqueness('is that of another application')
  const named = withPresent.map((registration, index) => {
    const { displayName } = registration
    const path = `applications[${index}]`
    const homeTenantId = homeOf(registration, tenants, `${path}.publisherDomain`) ?? firstTenant
    const appId = (registration.appId ?? deriveId('application', homeTenantId, displayName)).toLowerCase()
    ids(appId, `${path}.${registration.appId === undefined ? 'displayName' : 'appId'}`)
    return { registration, path, homeTenantId, appId, displayName }
  })
  return named.map((draft) => ({
    ...draft,
    scopes: loadScopes(draft.registration, draft.appId, draft.path),
    roles: loadRoles(draft.registration, draft.appId, draft.path),
  }))
}

function homeOf(
  { publisherDomain }: ApplicationRegistration,
  tenants: ReadonlyMap<string, Tenant>,
  path: string,
): string | undefined {
  if (publisherDomain === undefined || publisherDomain === null) return undefined
  const home = tenantOfDomain(tenants, publisherDomain)
  if (home === undefined) throw new RegistrationError(path, 'is not a domain of a tenant here')
  return home.id
}

function loadApplication(draft: Draft, all: readonly Draft[]): Application {
  const { registration, path, appId, displayName, homeTenantId, scopes, roles } = draft
  const { groupMembershipClaims, optionalClaims } = registration
  const groupClaims = groupMembershipClaims ?? 'None'
  return {
    appId,
    displayName,
    homeTenantId,
    ...loadAccounts(registration, path),
    identifierUris: registration.identifierUris ?? [],
    redirectUris: loadRedirectUris(registration, path),
    isFallbackPublicClient: registration.isFallbackPublicClient ?? false,
    secrets: loadSecrets(registration, path),
    certificates: loadCertificates(registration, path),
    federatedCredentials: loadFederatedCredentials(registration, path),
    logoutUrl: loadLogoutUrl(registration, path),
    issuesIdTokenAtSignIn: registration.web?.implicitGrantSettings?.enableIdTokenIssuance ?? false,
    requiredAccess: (registration.requiredResourceAccess ?? []).map((required, index) =>
      loadRequiredAccess(required, all, `${path}.requiredResourceAccess[${index}]`),
    ),
    scopes,
    roles,
    optionalClaims: {
      accessToken: loadClaims(optionalClaims?.accessToken),
      idToken: loadClaims(optionalClaims?.idToken),
    },
    issuesGroups: ['SecurityGroup', 'All', 'ApplicationGroup'].includes(groupClaims),
    issuesDirectoryRoles: ['DirectoryRole', 'All'].includes(groupClaims),
    acceptsMappedClaims: registration.api?.acceptMappedClaims ?? false,
    preAuthorized: loadPreAuthorized(draft, all),
    knownClients: new Set(
      (registration.api?.knownClientApplications ?? []).map(
        (client, index) => applicationAt(all, client, `${path}.api.knownClientApplications[${index}]`).appId,
      ),
    ),
    registration,
  }
}

/** Whose accounts sign in, and the version of the access tokens; personal accounts are known to v2.0 alone. */
function loadAccounts(
  { signInAudience = 'AzureADMyOrg', api }: ApplicationRegistration,
  path: string,
): Pick<Application, 'audience' | 'tokenVersion'> {
  const version = api?.requestedAccessTokenVersion ?? null
  if (/Personal/.test(signInAudience) && version !== 2) {
    throw new RegistrationError(
      `${path}.api.requestedAccessTokenVersion`,
      `must be 2 for the signInAudience ${signInAudience}`,
    )
  }
  return { audience: signInAudience, tokenVersion: version === 2 ? '2.0' : '1.0' }
}

function loadRequiredAccess(
  { resourceAppId, resourceAccess }: RequiredResourceAccess,
  all: readonly Draft[],
  place: string,
): RequiredAccess {
  const resource = applicationAt(all, resourceAppId, `${place}.resourceAppId`)
  const values = (type: 'Scope' | 'Role', offered: readonly (Scope | Role)[]): string[] =>
    resourceAccess.flatMap((access, index) =>
      access.type === type ? [valueAt(access.id, offered, `${place}.resourceAccess[${index}].id`)] : [],
    )
  return {
    resourceAppId: resource.appId,
    scopes: values('Scope', resource.scopes),
    roles: values(
      'Role',
      resource.roles.filter(({ forApplications }) => forApplications),
    ),
  }
}

function loadPreAuthorized(
  { registration, path, scopes }: Draft,
  all: readonly Draft[],
): Application['preAuthorized'] {
  return new Map(
    (registration.api?.preAuthorizedApplications ?? []).map((client, index) => {
      const place = `${path}.api.preAuthorizedApplications[${index}]`
      const values = client.delegatedPermissionIds.map((id, at) =>
        valueAt(id, scopes, `${place}.delegatedPermissionIds[${at}]`),
      )
      return [applicationAt(all, client.appId, `${place}.appId`).appId, new Set(values)]
    }),
  )
}

function loadClaims(claims: readonly OptionalClaim[] = []): Application['optionalClaims']['accessToken'] {
  return claims.map(({ name, additionalProperties = [] }) => ({ name, properties: additionalProperties }))
}
