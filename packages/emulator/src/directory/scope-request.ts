import { EntraError } from '../base/errors.js'
import { guidPattern } from '../base/guid.js'
import type { Directory } from './directory.js'
import { graphAppId, signInScopes } from './graph.js'
import type { Application, ServicePrincipal, Tenant, Version } from './types.js'

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

/** Reads the target of a request: `resource` on v1.0, `scope` on v2.0. */
export function readScopeRequest(
  service: { directory: Directory },
  tenant: Tenant,
  asked: { version: Version; scope: string | undefined; resource: string | undefined },
): ScopeRequest {
  const request = readTargets(service, tenant, asked)
  if (asked.version === '2.0') {
    const named = request.targets.map((target) => target.resource)
    // Sign-in scopes alone are scopes of Graph.
    const isSignInAlone = named.length === 0 && request.signIn.size > 0
    const resources = isSignInAlone ? [service.directory.resourceIn(tenant, graphAppId)] : named
    checkSameResource(service.directory, tenant, asked.resource, resources)
  }
  return request
}

/** The same for a grant whose token is for one API. */
export function readScopeOfOneApi(...request: Parameters<typeof readScopeRequest>): ScopeRequest {
  const asked = readScopeRequest(...request)
  if (asked.targets.length > 1) throw new EntraError(28000)
  return asked
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

/** A client that asks for a token for itself must name itself by its GUID. */
export function checkNotSelfByUri(client: Application, { identifier, resource }: Target): void {
  if (resource.application === client && !guidPattern.test(identifier)) {
    throw new EntraError(90009, { client: client.appId, name: client.displayName })
  }
}
