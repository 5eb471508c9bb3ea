import type { Application, Directory, ServicePrincipal, Tenant, User, Version } from './directory.js'
import { guidPattern } from './directory.js'
import { EntraError } from '../base/errors.js'
import { graphAppId, signInScopes } from './graph.js'

/*
 * Which delegated scopes a token carries: what was asked for, against what has been consented to.
 */

/** An API that is asked for, by the identifier the client wrote, and the scopes of it. */
export interface Target {
  readonly identifier: string
  /** What the answer writes before each scope: the identifier and a slash, or nothing where nothing was written. */
  readonly prefix: string
  readonly resource: ServicePrincipal
  /** The named scopes, or `.default`: everything granted. */
  readonly scopes: readonly string[] | '.default'
}

/** A whole request for scopes: the sign-in scopes, and the APIs. */
export interface ScopeRequest {
  readonly signIn: ReadonlySet<string>
  readonly targets: readonly Target[]
}

/** What somebody is asked to consent to: a client, an API and its scopes. */
export interface ConsentItem {
  readonly client: Application
  readonly resource: Application
  readonly scopes: readonly string[]
}

/** Reads the target of a request: `resource` on v1.0, `scope` on v2.0. */
export function readScopeRequest(
  service: { directory: Directory },
  tenant: Tenant,
  asked: { version: Version; scope: string | undefined; resource: string | undefined },
): ScopeRequest {
  const request = readTargets(service, tenant, asked)
  if (asked.version === '2.0') {
    const resources = request.targets.map((target) => target.resource)
    checkSameResource(service.directory, tenant, asked.resource, resources)
  }
  return request
}

/** RFC 8707's `resource` on v2.0 must name what the scopes name. */
export function checkSameResource(
  directory: Directory,
  tenant: Tenant,
  identifier: string | undefined,
  resources: readonly ServicePrincipal[],
): void {
  if (identifier === undefined || resources.length === 0) return
  let named: ServicePrincipal | undefined
  try {
    named = directory.resourceIn(tenant, identifier)
  } catch {
    throw new EntraError(9010010)
  }
  if (!resources.some(({ application }) => application === named?.application)) throw new EntraError(9010010)
}

function readTargets(
  service: { directory: Directory },
  tenant: Tenant,
  asked: { version: Version; scope: string | undefined; resource: string | undefined },
): ScopeRequest {
  if (asked.version === '1.0') {
    const { resource: identifier, scope = '' } = asked
    const signIn = new Set(scope.split(' ').filter((word) => signInScopes.has(word)))
    if (identifier === undefined) return { signIn, targets: [] }
    const resource = service.directory.resourceIn(tenant, identifier)
    return { signIn, targets: [{ identifier, prefix: `${identifier}/`, resource, scopes: '.default' }] }
  }
  const words = (asked.scope ?? '').split(' ').filter((word) => word !== '')
  const targets = new Map<string, { prefix: string; resource: ServicePrincipal; names: string[] }>()
  for (const word of words.filter((name) => !signInScopes.has(name))) {
    const { identifier, prefix, name } = splitScope(tenant, word)
    const resource = service.directory.resourceIn(tenant, identifier)
    const target = targets.get(identifier) ?? { prefix, resource, names: [] }
    target.names.push(name)
    targets.set(identifier, target)
  }
  return {
    signIn: new Set(words.filter((word) => signInScopes.has(word))),
    targets: [...targets].map(([identifier, { prefix, resource, names }]) => {
      if (!names.includes('.default')) return { identifier, prefix, resource, scopes: names }
      if (names.length > 1) {
        throw new EntraError(70011, {
          reason: '.default scope cannot be combined with resource-specific scopes.',
        })
      }
      return { identifier, prefix, resource, scopes: '.default' }
    }),
  }
}

/** A scope is the API's identifier, a slash, and a name; the longest identifier that fits is meant. */
function splitScope(tenant: Tenant, word: string): { identifier: string; prefix: string; name: string } {
  const identifiers = [...tenant.servicePrincipals.values()]
    .flatMap(({ application }) => [application.appId, ...application.identifierUris])
    .filter((identifier) => word.startsWith(`${identifier}/`))
    .toSorted((a, b) => b.length - a.length)
  const slash = word.lastIndexOf('/')
  const identifier = identifiers[0] ?? (slash > 0 ? word.slice(0, slash) : undefined)
  if (identifier === undefined) return { identifier: graphAppId, prefix: '', name: word }
  return { identifier, prefix: `${identifier}/`, name: word.slice(identifier.length + 1) }
}

/**
 * The scopes of a token for a target, when nobody can be asked. Throws AADSTS650053 for a scope the API does not
 * offer, AADSTS65001 where consent is missing. A token carries all that is granted of the API, not only what was asked.
 */
export function effectiveScopes(
  directory: Directory,
  tenant: Tenant,
  client: Application,
  user: User,
  target: Target,
): string[] {
  const missing = missingConsent(directory, tenant, client, user, target)
  if (missing.length > 0) throw new EntraError(65001, { client: client.appId, name: client.displayName })
  return [...directory.grantedScopes(tenant, client, target.resource.application, user)]
}

/** What still needs consent before a token for the target can be issued; nothing, if it is all there. */
export function missingConsent(
  directory: Directory,
  tenant: Tenant,
  client: Application,
  user: User,
  target: Target,
): ConsentItem[] {
  const resource = target.resource.application
  const granted = directory.grantedScopes(tenant, client, resource, user)
  if (target.scopes === '.default') {
    if (granted.size > 0) return []
    const needed = allRequired(directory, client, resource)
    // A request for an API the client's registration does not list could never be consented to.
    if (!needed.some((item) => item.client === client && item.resource === resource)) {
      throw new EntraError(650057, { client: client.appId, resource: target.identifier })
    }
    return needed
  }
  const missing = target.scopes.filter((scope) => !granted.has(scope))
  checkOffered(client, target)
  return missing.length === 0 ? [] : [{ client, resource, scopes: missing }]
}

/** All that is asked for, granted or not: for a client that wants the question put again. */
export function requestedConsent(directory: Directory, client: Application, target: Target): ConsentItem[] {
  const resource = target.resource.application
  if (target.scopes === '.default') return allRequired(directory, client, resource)
  checkOffered(client, target)
  return [{ client, resource, scopes: target.scopes }]
}

/**
 * Everything a client's registration lists, of all APIs; and, where the API knows the client, what the API itself
 * needs further down, so that one consent covers the chain.
 */
export function allRequired(
  directory: Directory,
  client: Application,
  resource?: Application,
): ConsentItem[] {
  const own = requiredOf(directory, client)
  const chained = own.map((item) => item.resource).concat(resource ?? [])
  const middleTiers = new Set(chained.filter((application) => application.knownClients.has(client.appId)))
  return [...own, ...[...middleTiers].flatMap((application) => requiredOf(directory, application))]
}

function requiredOf(directory: Directory, client: Application): ConsentItem[] {
  return client.requiredAccess.flatMap(({ resourceAppId, scopes }) => {
    const resource = directory.applications.get(resourceAppId)
    const named = scopes.filter((scope) => !(resourceAppId === graphAppId && signInScopes.has(scope)))
    return resource === undefined || named.length === 0 ? [] : [{ client, resource, scopes: named }]
  })
}

function checkOffered(client: Application, { identifier, resource, scopes }: Target): void {
  if (scopes === '.default') return
  const offered = new Set(
    resource.application.scopes.filter(({ isEnabled }) => isEnabled).map(({ value }) => value),
  )
  const unknown = scopes.find((scope) => !offered.has(scope))
  if (unknown !== undefined) {
    throw new EntraError(650053, { client: client.displayName, scope: unknown, resource: identifier })
  }
}

/**
 * A tenant as a combined consent would leave it: an API of another tenant that knows the client
 * (`knownClientApplications`) is brought in together with the client. Only `.default` asks for such a consent.
 */
export function withKnownApis(directory: Directory, tenant: Tenant, client: Application): Tenant {
  const servicePrincipals = new Map(tenant.servicePrincipals)
  for (const { resource } of allRequired(directory, client)) {
    const isBroughtIn = resource.audience !== 'AzureADMyOrg' && resource.knownClients.has(client.appId)
    if (isBroughtIn && !servicePrincipals.has(resource.appId)) {
      servicePrincipals.set(resource.appId, {
        id: '',
        application: resource,
        isEnabled: true,
        isAssignmentRequired: false,
        mappedClaims: {},
      })
    }
  }
  return { ...tenant, servicePrincipals }
}

/** What is asked for at a sign-in page, where consent can still bring an API into the tenant. */
export function readScopeRequestAtSignIn(
  service: { directory: Directory },
  tenant: Tenant,
  client: Application,
  asked: { version: Version; scope: string | undefined; resource: string | undefined },
): ScopeRequest {
  const request = readScopeRequest(service, withKnownApis(service.directory, tenant, client), asked)
  for (const { identifier, resource, scopes } of request.targets) {
    const isPresent = tenant.servicePrincipals.has(resource.application.appId)
    if (!isPresent && scopes !== '.default') service.directory.resourceIn(tenant, identifier)
  }
  return request
}

/** An API that demands assignment gives no token to whom nobody assigned. */
export function checkUserAssigned(
  directory: Directory,
  tenant: Tenant,
  user: User,
  principal: ServicePrincipal,
): void {
  if (!principal.isAssignmentRequired) return
  if (directory.isAssigned(tenant, [user.id, ...user.groupIds], principal.application)) return
  throw new EntraError(50105, { application: principal.application.appId })
}

/** A client that asks for a token for itself must name itself by its GUID. */
export function checkNotSelfByUri(client: Application, { identifier, resource }: Target): void {
  if (resource.application === client && !guidPattern.test(identifier)) {
    throw new EntraError(90009, { client: client.appId })
  }
}
