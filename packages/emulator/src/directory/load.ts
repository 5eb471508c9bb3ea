import { createHash, X509Certificate } from 'node:crypto'
import {
  type Application,
  type Certificate,
  type ConditionalAccessPolicy,
  Directory,
  type FederatedCredential,
  guidPattern,
  type Period,
  type Platform,
  type RequiredAccess,
  type Role,
  type Scope,
  type Secret,
  type ServicePrincipal,
  type Tenant,
  type User,
} from './directory.js'
import { readClaimsExpression } from './claims-expression.js'
import { graph, graphAppId } from './graph.js'
import { hidden } from '../registration/hidden-secrets.js'
import { deriveId } from './ids.js'
import { RegistrationError } from '../registration/read.js'
import type {
  ApplicationRegistration,
  OptionalClaim,
  Registration,
  TenantRegistration,
} from '../registration/types.js'

/** Directory roles whose holders may consent for the whole organisation, by name and by template id. */
const administratorRoles: ReadonlyMap<string, string> = new Map([
  ['Global Administrator', '62e90394-69f5-4237-9190-012177145e10'],
  ['Privileged Role Administrator', 'e8611ab8-c189-46e8-94e1-60213ab1f814'],
  ['Application Administrator', '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3'],
  ['Cloud Application Administrator', '158c047a-c907-4556-b7ef-446551a6b5f7'],
])

function directoryRoleIds(roles: readonly string[] = []): string[] {
  return roles
    .map((role) => administratorRoles.get(role) ?? role.toLowerCase())
    .filter((id) => guidPattern.test(id))
}

const accessWithoutRole = '00000000-0000-0000-0000-000000000000'

/**
 * The live directory of a registration that has the right shape. Throws a RegistrationError naming the place where it
 * contradicts itself: a name used twice, or a reference to what is not there.
 */
export function loadDirectory(registration: Registration): Directory {
  const tenants = loadTenants(registration.tenants)
  const identities = registration.tenants.flatMap(({ managedIdentities = [], domains }) =>
    managedIdentities.map(({ displayName, appId }): ApplicationRegistration => {
      const application = { displayName, publisherDomain: domains[0] ?? null }
      return appId === undefined ? application : { ...application, appId }
    }),
  )
  const applications = loadApplications([...(registration.applications ?? []), ...identities], tenants)
  const directory = new Directory(tenants, applications, (tenantId, appId) =>
    deriveId('servicePrincipal', tenantId, appId),
  )
  for (const application of applications.values()) {
    const homes =
      application.appId === graphAppId ? tenants.values() : [directory.tenant(application.homeTenantId)]
    for (const tenant of homes) directory.addServicePrincipal(tenant, application)
  }
  for (const [index, tenant] of registration.tenants.entries()) {
    loadPermissions(directory, directory.tenant(tenantIdOf(tenant)), tenant, `tenants[${index}]`)
  }
  return directory
}

function tenantIdOf({ id, domains }: TenantRegistration): string {
  return (id ?? deriveId('tenant', domains[0] ?? '')).toLowerCase()
}

function loadTenants(registrations: readonly TenantRegistration[]): Map<string, Tenant> {
  const tenants = new Map<string, Tenant>()
  const ids = uniqueness('is the id of another tenant, user or group')
  const domains = uniqueness('is a domain of another tenant')
  const userNames = uniqueness('is the name of another user')
  for (const [index, registration] of registrations.entries()) {
    const path = `tenants[${index}]`
    const id = tenantIdOf(registration)
    ids(id, `${path}.id`)
    for (const [place, domain] of registration.domains.entries()) domains(domain, `${path}.domains[${place}]`)
    const users = new Map<string, User>()
    const groups = (registration.groups ?? []).map((group, place) => {
      const groupId = group.id?.toLowerCase() ?? deriveId('group', id, group.displayName)
      ids(groupId, `${path}.groups[${place}].id`)
      return { ...group, id: groupId, path: `${path}.groups[${place}]` }
    })
    for (const [place, user] of (registration.users ?? []).entries()) {
      const userPath = `${path}.users[${place}]`
      const userId = user.id?.toLowerCase() ?? deriveId('user', id, user.userPrincipalName.toLowerCase())
      userNames(user.userPrincipalName.toLowerCase(), `${userPath}.userPrincipalName`)
      ids(userId, `${userPath}.id`)
      users.set(userId, {
        id: userId,
        tenantId: id,
        userPrincipalName: user.userPrincipalName,
        displayName: user.displayName ?? user.userPrincipalName,
        givenName: user.givenName,
        surname: user.surname,
        mail: user.mail,
        isEnabled: user.accountEnabled ?? true,
        isGuest: user.userType === 'Guest',
        home: undefined,
        isAdmin: directoryRoleIds(user.directoryRoles).some((role) =>
          [...administratorRoles.values()].includes(role),
        ),
        directoryRoleIds: directoryRoleIds(user.directoryRoles),
        sessionsValidFrom: -Infinity,
        groupIds: groups
          .filter(({ members = [] }) =>
            members.some((member) => isNamed(member, userId, user.userPrincipalName)),
          )
          .map((group) => group.id),
      })
    }
    for (const group of groups) {
      for (const [place, member] of (group.members ?? []).entries()) {
        if (findUser(users, member) === undefined) {
          throw new RegistrationError(`${group.path}.members[${place}]`, 'is not a user of this tenant')
        }
      }
    }
    tenants.set(id, {
      id,
      displayName: registration.displayName ?? registration.domains[0] ?? id,
      domains: registration.domains,
      usersMayConsent: (registration.userConsent ?? 'allowed') === 'allowed',
      users,
      policies: [],
      authenticationContexts: registration.authenticationContexts ?? [],
      signInFrequencySeconds: registration.signInFrequencySeconds,
      managedIdentities: [],
      servicePrincipals: new Map(),
      grants: [],
      assignments: [],
    })
  }
  return withGuests(registrations, tenants)
}

/** Guests are accounts of another tenant; which ones, is known once all tenants are. */
function withGuests(
  registrations: readonly TenantRegistration[],
  tenants: Map<string, Tenant>,
): Map<string, Tenant> {
  for (const [index, registration] of registrations.entries()) {
    const tenant = tenants.get(tenantIdOf(registration))
    for (const [place, { userPrincipalName, guestOf }] of (registration.users ?? []).entries()) {
      if (guestOf === undefined || tenant === undefined) continue
      const path = `tenants[${index}].users[${place}].guestOf`
      const others = [...tenants.values()].filter((other) => other !== tenant)
      const home = others.flatMap(({ users }) => findUser(users, guestOf) ?? [])[0]
      const guest = findUser(tenant.users, userPrincipalName)
      if (home === undefined || guest === undefined)
        throw new RegistrationError(path, 'is not a user of another tenant here')
      tenant.users.set(guest.id, {
        ...guest,
        isGuest: true,
        home: { tenantId: home.tenantId, userId: home.id },
      })
    }
  }
  return tenants
}

function loadApplications(
  registrations: readonly ApplicationRegistration[],
  tenants: ReadonlyMap<string, Tenant>,
): Map<string, Application> {
  const [firstTenant] = tenants.keys()
  const withGraph = registrations.some(({ appId }) => appId === graphAppId)
    ? registrations
    : [...registrations, graph]
  const ids = uniqueness('is that of another application')
  const named = withGraph.map((registration, index) => {
    const path = `applications[${index}]`
    const homeTenantId = homeOf(registration, tenants, `${path}.publisherDomain`) ?? firstTenant ?? ''
    const appId = (
      registration.appId ?? deriveId('application', homeTenantId, registration.displayName)
    ).toLowerCase()
    ids(appId, `${path}.${registration.appId === undefined ? 'displayName' : 'appId'}`)
    return { registration, path, homeTenantId, appId }
  })
  const basics = named.map(({ registration, path, homeTenantId, appId }) => ({
    registration,
    path,
    homeTenantId,
    appId,
    displayName: registration.displayName,
    scopes: loadScopes(registration, appId, path),
    roles: loadRoles(registration, appId, path),
  }))

  /** An application by its id or, where only one has it, its name. */
  const find = (reference: string, path: string): (typeof basics)[number] => {
    const byId = basics.find(({ appId }) => appId === reference.toLowerCase())
    const byName = basics.filter(({ displayName }) => displayName === reference)
    const found = byId ?? byName[0]
    if (found === undefined)
      throw new RegistrationError(path, 'is not the appId or displayName of an application here')
    if (byId === undefined && byName.length > 1) {
      throw new RegistrationError(path, 'is the name of several applications: use the appId')
    }
    return found
  }

  const identifiers = uniqueness('is an identifier URI of another application')
  return new Map(
    basics.map(({ registration, path, homeTenantId, appId, displayName, scopes, roles }) => {
      for (const [place, uri] of (registration.identifierUris ?? []).entries()) {
        identifiers(uri, `${path}.identifierUris[${place}]`)
      }
      const audience = registration.signInAudience ?? 'AzureADMyOrg'
      const version = registration.api?.requestedAccessTokenVersion ?? null
      if (/Personal/.test(audience) && version !== 2) {
        throw new RegistrationError(
          `${path}.api.requestedAccessTokenVersion`,
          `must be 2 for the signInAudience ${audience}`,
        )
      }
      const application: Application = {
        appId,
        displayName,
        homeTenantId,
        audience,
        identifierUris: registration.identifierUris ?? [],
        redirectUris: loadRedirectUris(registration, path),
        isFallbackPublicClient: registration.isFallbackPublicClient ?? false,
        secrets: loadSecrets(registration, path),
        certificates: loadCertificates(registration, path),
        federatedCredentials: loadFederatedCredentials(registration, path),
        logoutUrl: loadLogoutUrl(registration, path),
        issuesIdTokenAtSignIn: registration.web?.implicitGrantSettings?.enableIdTokenIssuance ?? false,
        requiredAccess: (registration.requiredResourceAccess ?? []).map((required, index): RequiredAccess => {
          const place = `${path}.requiredResourceAccess[${index}]`
          const resource = find(required.resourceAppId, `${place}.resourceAppId`)
          const values = (type: 'Scope' | 'Role', offered: readonly (Scope | Role)[]): string[] =>
            required.resourceAccess.flatMap((access, at) =>
              access.type === type ? [valueOf(access.id, offered, `${place}.resourceAccess[${at}].id`)] : [],
            )
          return {
            resourceAppId: resource.appId,
            scopes: values('Scope', resource.scopes),
            roles: values(
              'Role',
              resource.roles.filter(({ forApplications }) => forApplications),
            ),
          }
        }),
        scopes,
        roles,
        optionalClaims: {
          accessToken: loadClaims(registration.optionalClaims?.accessToken),
          idToken: loadClaims(registration.optionalClaims?.idToken),
        },
        issuesGroups: ['SecurityGroup', 'All', 'ApplicationGroup'].includes(
          registration.groupMembershipClaims ?? 'None',
        ),
        issuesDirectoryRoles: ['DirectoryRole', 'All'].includes(registration.groupMembershipClaims ?? 'None'),
        acceptsMappedClaims: registration.api?.acceptMappedClaims ?? false,
        tokenVersion: version === 2 ? '2.0' : '1.0',
        preAuthorized: new Map(
          (registration.api?.preAuthorizedApplications ?? []).map((client, index) => {
            const place = `${path}.api.preAuthorizedApplications[${index}]`
            const values = client.delegatedPermissionIds.map((id, at) =>
              valueOf(id, scopes, `${place}.delegatedPermissionIds[${at}]`),
            )
            return [find(client.appId, `${place}.appId`).appId, new Set(values)]
          }),
        ),
        knownClients: new Set(
          (registration.api?.knownClientApplications ?? []).map(
            (client, index) => find(client, `${path}.api.knownClientApplications[${index}]`).appId,
          ),
        ),
        registration,
      }
      return [appId, application]
    }),
  )
}

function homeOf(
  { publisherDomain }: ApplicationRegistration,
  tenants: ReadonlyMap<string, Tenant>,
  path: string,
): string | undefined {
  if (publisherDomain === undefined || publisherDomain === null) return undefined
  const home = [...tenants.values()].find(({ domains }) => domains.includes(publisherDomain))
  if (home === undefined) throw new RegistrationError(path, 'is not a domain of a tenant here')
  return home.id
}

function loadScopes({ api }: ApplicationRegistration, appId: string, path: string): Scope[] {
  const values = uniqueness('is the value of another scope')
  const ids = uniqueness('is the id of another scope')
  return (api?.oauth2PermissionScopes ?? []).map((scope, index) => {
    const place = `${path}.api.oauth2PermissionScopes[${index}]`
    const id = scope.id?.toLowerCase() ?? deriveId('scope', appId, scope.value)
    values(scope.value, `${place}.value`)
    ids(id, `${place}.id`)
    return {
      id,
      value: scope.value,
      adminOnly: scope.type === 'Admin',
      isEnabled: scope.isEnabled ?? true,
      title: scope.userConsentDisplayName ?? scope.adminConsentDisplayName ?? scope.value,
      description: scope.userConsentDescription ?? scope.adminConsentDescription ?? '',
    }
  })
}

function loadRoles({ appRoles = [] }: ApplicationRegistration, appId: string, path: string): Role[] {
  const values = uniqueness('is the value of another role')
  const ids = uniqueness('is the id of another role')
  return appRoles.map((role, index) => {
    const id = role.id?.toLowerCase() ?? deriveId('role', appId, role.value)
    values(role.value, `${path}.appRoles[${index}].value`)
    ids(id, `${path}.appRoles[${index}].id`)
    return {
      id,
      value: role.value,
      title: role.displayName ?? role.value,
      forUsers: role.allowedMemberTypes.includes('User'),
      forApplications: role.allowedMemberTypes.includes('Application'),
      isEnabled: role.isEnabled ?? true,
    }
  })
}

function loadRedirectUris(
  registration: ApplicationRegistration,
  path: string,
): Record<Platform, readonly string[]> {
  const load = (platform: Platform): readonly string[] => {
    const uris = registration[platform]?.redirectUris ?? []
    for (const [index, uri] of uris.entries()) {
      const problem = redirectUriProblem(uri, platform)
      if (problem !== undefined)
        throw new RegistrationError(`${path}.${platform}.redirectUris[${index}]`, problem)
    }
    return uris
  }
  return { web: load('web'), spa: load('spa'), publicClient: load('publicClient') }
}

function redirectUriProblem(uri: string, platform: Platform): string | undefined {
  if (!URL.canParse(uri)) return 'must be an absolute URI'
  const { protocol, hostname, hash } = new URL(uri)
  if (hash !== '' || uri.includes('#')) return 'must not have a fragment'
  if (['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'].includes(protocol))
    return 'must not run or read anything'
  if (protocol === 'http:' && hostname !== 'localhost' && hostname !== '127.0.0.1') {
    return 'may use http only with localhost or 127.0.0.1'
  }
  if (platform !== 'publicClient' && protocol !== 'http:' && protocol !== 'https:') return 'must use https'
  return undefined
}

function loadSecrets({ passwordCredentials = [] }: ApplicationRegistration, path: string): Secret[] {
  return passwordCredentials.flatMap(({ secretText, startDateTime, endDateTime }, index) => {
    if (typeof secretText !== 'string') return []
    // Copied from the page, where everybody can read it.
    if (secretText === hidden) {
      throw new RegistrationError(
        `${path}.passwordCredentials[${index}].secretText`,
        `${hidden} stands for a secret: write it out`,
      )
    }
    return [
      { digest: createHash('sha256').update(secretText).digest(), ...period(startDateTime, endDateTime) },
    ]
  })
}

function loadCertificates({ keyCredentials = [] }: ApplicationRegistration, path: string): Certificate[] {
  return keyCredentials.map(({ key, startDateTime, endDateTime }, index) => {
    // The page shows what is registered, and a certificate is public.
    if (key.includes('PRIVATE KEY')) {
      throw new RegistrationError(
        `${path}.keyCredentials[${index}].key`,
        'holds a private key: register the certificate alone',
      )
    }
    let certificate: X509Certificate
    try {
      certificate = new X509Certificate(key.includes('-----BEGIN') ? key : Buffer.from(key, 'base64'))
    } catch {
      throw new RegistrationError(
        `${path}.keyCredentials[${index}].key`,
        'is not an X.509 certificate (base64 DER, or PEM)',
      )
    }
    const { publicKey, raw, validFrom, validTo } = certificate
    const registered = period(startDateTime, endDateTime)
    return {
      sha1: createHash('sha1').update(raw).digest('base64url'),
      sha256: createHash('sha256').update(raw).digest('base64url'),
      publicKey,
      from: Math.max(registered.from, Date.parse(validFrom) / 1000),
      until: Math.min(registered.until, Date.parse(validTo) / 1000),
    }
  })
}

function loadFederatedCredentials(
  { federatedIdentityCredentials = [] }: ApplicationRegistration,
  path: string,
): FederatedCredential[] {
  return federatedIdentityCredentials.map(
    ({ issuer, subject, claimsMatchingExpression, audiences }, index) => {
      const place = `${path}.federatedIdentityCredentials[${index}]`
      const isWeb = URL.canParse(issuer) && (issuer.startsWith('https:') || isLoopback(new URL(issuer)))
      if (!isWeb)
        throw new RegistrationError(`${place}.issuer`, 'must be https, or http on a loopback address')
      const expression = claimsMatchingExpression?.value
      if ((typeof subject === 'string') === (expression !== undefined)) {
        throw new RegistrationError(`${place}.subject`, 'must be there, or claimsMatchingExpression instead')
      }
      const matches = expression === undefined ? undefined : readClaimsExpression(expression)
      if (expression !== undefined && matches === undefined) {
        throw new RegistrationError(
          `${place}.claimsMatchingExpression.value`,
          "must read claims['name'] eq 'value' or claims['name'] matches 'pattern', joined by and",
        )
      }
      return { issuer, subject: matches ?? subject ?? '', audiences }
    },
  )
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

function loadLogoutUrl({ web }: ApplicationRegistration, path: string): string | undefined {
  const url = web?.logoutUrl ?? undefined
  const problem = url === undefined ? undefined : redirectUriProblem(url, 'web')
  if (problem !== undefined) throw new RegistrationError(`${path}.web.logoutUrl`, problem)
  return url
}

function period(start: string | undefined, end: string | undefined): Period {
  return {
    from: start === undefined ? -Infinity : Date.parse(start) / 1000,
    until: end === undefined ? Infinity : Date.parse(end) / 1000,
  }
}

function loadClaims(claims: readonly OptionalClaim[] = []): Application['optionalClaims']['accessToken'] {
  return claims.map(({ name, additionalProperties = [] }) => ({ name, properties: additionalProperties }))
}

/** Fills a tenant with what it has consented to. */
function loadPermissions(
  directory: Directory,
  tenant: Tenant,
  registration: TenantRegistration,
  path: string,
): void {
  const applications = [...directory.applications.values()]
  const application = (reference: string, place: string): Application => {
    const byId = directory.applications.get(reference.toLowerCase())
    const found =
      byId === undefined ? applications.filter(({ displayName }) => displayName === reference) : [byId]
    if (found[0] === undefined)
      throw new RegistrationError(place, 'is not the appId or displayName of an application here')
    if (found.length > 1)
      throw new RegistrationError(place, 'is the name of several applications: use the appId')
    return found[0]
  }

  for (const [index, identity] of (registration.managedIdentities ?? []).entries()) {
    const place = `${path}.managedIdentities[${index}]`
    const isSystemAssigned = identity.type === 'systemAssigned'
    if (isSystemAssigned && tenant.managedIdentities.some((other) => other.isSystemAssigned)) {
      throw new RegistrationError(`${place}.type`, 'is already that of another identity of this tenant')
    }
    const target = findOne(applications, identity.appId ?? identity.displayName)
    if (target === undefined) throw new RegistrationError(place, 'is named like several applications')
    const principal = directory.addServicePrincipal(tenant, target)
    const own = { ...principal, id: identity.id?.toLowerCase() ?? principal.id }
    tenant.servicePrincipals.set(target.appId, own)
    tenant.managedIdentities.push({ principal: own, isSystemAssigned })
  }

  for (const [index, principal] of (registration.servicePrincipals ?? []).entries()) {
    const place = `${path}.servicePrincipals[${index}]`
    const target = application(principal.appId, `${place}.appId`)
    if (target.homeTenantId !== tenant.id && target.audience === 'AzureADMyOrg') {
      throw new RegistrationError(
        `${place}.appId`,
        'is an application of another tenant that is not multi-tenant',
      )
    }
    if (principal.id?.toLowerCase() === target.appId) {
      throw new RegistrationError(
        `${place}.id`,
        'must not be the appId: a service principal has its own object id',
      )
    }
    tenant.servicePrincipals.set(target.appId, {
      id: principal.id?.toLowerCase() ?? directory.addServicePrincipal(tenant, target).id,
      application: target,
      isEnabled: principal.accountEnabled ?? true,
      isAssignmentRequired: principal.appRoleAssignmentRequired ?? false,
      mappedClaims: principal.mappedClaims ?? {},
    })
  }
  tenant.policies.push(
    ...loadPolicies(tenant, registration, path, (reference, place) => application(reference, place).appId),
  )

  const present = (reference: string, place: string): ServicePrincipal => {
    const principals = [...tenant.servicePrincipals.values()]
    const principal =
      principals.find(({ id }) => id === reference.toLowerCase()) ??
      tenant.servicePrincipals.get(application(reference, place).appId)
    if (principal === undefined) throw new RegistrationError(place, 'has no service principal in this tenant')
    return principal
  }

  for (const [index, grant] of (registration.oauth2PermissionGrants ?? []).entries()) {
    const place = `${path}.oauth2PermissionGrants[${index}]`
    const { application: resource } = present(grant.resourceId, `${place}.resourceId`)
    const scopes = grant.scope.split(' ').filter((scope) => scope !== '')
    for (const scope of scopes) valueOf(scope, resource.scopes, `${place}.scope`)
    const isForOne = grant.consentType === 'Principal'
    if (isForOne !== (grant.principalId !== undefined)) {
      throw new RegistrationError(
        `${place}.principalId`,
        'belongs to the consentType Principal, and only to it',
      )
    }
    const user = grant.principalId === undefined ? undefined : findUser(tenant.users, grant.principalId)
    if (isForOne && user === undefined) {
      throw new RegistrationError(`${place}.principalId`, 'is not a user of this tenant')
    }
    directory.addGrant(tenant, {
      client: present(grant.clientId, `${place}.clientId`).application,
      resource,
      userId: user?.id,
      scopes,
    })
  }

  const groups = registration.groups ?? []
  for (const [index, assignment] of (registration.appRoleAssignments ?? []).entries()) {
    const place = `${path}.appRoleAssignments[${index}]`
    const { application: resource } = present(assignment.resourceId, `${place}.resourceId`)
    const { principalId } = assignment
    const user = findUser(tenant.users, principalId)
    const group = groups.find(({ id, displayName }) => isNamed(principalId, id, displayName))
    const groupId = group && (group.id?.toLowerCase() ?? deriveId('group', tenant.id, group.displayName))
    const personal = user?.id ?? groupId
    const roles = resource.roles.filter((role) =>
      personal === undefined ? role.forApplications : role.forUsers,
    )
    directory.addAssignment(tenant, {
      principalId: personal ?? present(principalId, `${place}.principalId`).id,
      resourceAppId: resource.appId,
      role:
        assignment.appRoleId === accessWithoutRole
          ? undefined
          : valueOf(assignment.appRoleId, roles, `${place}.appRoleId`),
    })
  }
}

function loadPolicies(
  tenant: Tenant,
  { conditionalAccess = [] }: TenantRegistration,
  path: string,
  appIdOf: (reference: string, path: string) => string,
): ConditionalAccessPolicy[] {
  return conditionalAccess.map((policy, index) => {
    const place = `${path}.conditionalAccess[${index}]`
    const named = (
      member: 'users' | 'clients' | 'resources',
      find: (reference: string, path: string) => string,
    ): ReadonlySet<string> | 'all' => {
      const references = policy[member]
      if (references === undefined) return 'all'
      return new Set(references.map((reference, at) => find(reference, `${place}.${member}[${at}]`)))
    }
    const kind = policy.kind ?? 'user'
    if (kind === 'workload' && policy.demand !== 'block') {
      throw new RegistrationError(`${place}.demand`, 'must be "block" for a workload: it can meet no demand')
    }
    return {
      id: policy.id?.toLowerCase() ?? deriveId('policy', tenant.id, policy.displayName),
      displayName: policy.displayName,
      kind,
      demand: policy.demand,
      users: named('users', (reference, at) => {
        const user = findUser(tenant.users, reference)
        if (user === undefined) throw new RegistrationError(at, 'is not a user of this tenant')
        return user.id
      }),
      clients: named('clients', appIdOf),
      resources: named('resources', appIdOf),
    }
  })
}

function findOne(applications: readonly Application[], reference: string): Application | undefined {
  const found = applications.filter(
    ({ appId, displayName }) => appId === reference.toLowerCase() || displayName === reference,
  )
  return found.length === 1 ? found[0] : undefined
}

function findUser(users: ReadonlyMap<string, User>, reference: string): User | undefined {
  return [...users.values()].find(({ id, userPrincipalName }) => isNamed(reference, id, userPrincipalName))
}

function isNamed(reference: string, ...names: readonly (string | undefined)[]): boolean {
  return names.some((name) => name?.toLowerCase() === reference.toLowerCase())
}

/** The value of a scope or role that is named by its id or value. */
function valueOf(reference: string, offered: readonly (Scope | Role)[], path: string): string {
  const found = offered.find(({ id, value }) => value === reference || id === reference.toLowerCase())
  if (found === undefined)
    throw new RegistrationError(path, 'is not a scope or role that this API offers to such a caller')
  return found.value
}

function uniqueness(problem: string): (value: string, path: string) => void {
  const seen = new Set<string>()
  return (value, path) => {
    if (seen.has(value)) throw new RegistrationError(path, problem)
    seen.add(value)
  }
}
