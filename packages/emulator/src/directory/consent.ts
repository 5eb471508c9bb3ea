import { EntraError } from '../base/errors.js'
import type { Directory } from './directory.js'
import { graphAppId, signInScopes } from './graph.js'
import type { Target } from './scope-request.js'
import type { Application, Tenant, User } from './types.js'

/*
 * Consent: which delegated scopes a token carries, and which are missing (AADSTS65001).
 */

/** What a user is asked to consent to: a client, an API and its scopes. */
export interface ConsentItem {
  readonly client: Application
  readonly resource: Application
  readonly scopes: readonly string[]
}

/**
 * The scopes of a token for a target, when no user can be asked. Throws AADSTS650053 for a scope the API does not
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
 * needs of further APIs, so that one consent covers the chain.
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
