import { signInScopes, graphAppId } from '../directory/graph.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import { azureApiFacts } from '../registration/azure-api-facts.js'
import type { Directory } from '../directory/directory.js'
import type { Application, Tenant } from '../directory/types.js'

/*
 * Who may call whom: the applications, the users of each tenant, and what is listed, granted and missing between them.
 */

/** One scope or role that a client has or lists. */
export interface Permission {
  readonly name: string
  readonly kind: 'delegated' | 'application'
  /** Who granted it; undefined: nobody. */
  readonly grantedBy: string | undefined
}

/** A client and an API in one tenant. */
export interface Call {
  readonly client: Application
  readonly api: Application
  readonly tenant: Tenant
  readonly permissions: readonly Permission[]
}

/** The users of a tenant and an application that they sign in to. */
export interface SignInArrow {
  readonly tenant: Tenant
  readonly client: Application
  readonly isAssignmentRequired: boolean
  readonly assigned: number
}

export interface CallGraph {
  readonly applications: readonly Application[]
  /** Tenants that have users. */
  readonly tenants: readonly Tenant[]
  readonly calls: readonly Call[]
  readonly signIns: readonly SignInArrow[]
}

/** An application that others can ask for a token for. */
export function isApi({ scopes, roles, identifierUris }: Application): boolean {
  return scopes.length + roles.length + identifierUris.length > 0
}

/** An application that people sign in to. */
export function isInteractive({ redirectUris, isFallbackPublicClient }: Application): boolean {
  const { web, spa, publicClient } = redirectUris
  return web.length + spa.length + publicClient.length > 0 || isFallbackPublicClient
}

/** APIs of Microsoft that are in every tenant: shown where something calls them. */
const everywhere: ReadonlySet<string> = new Set([
  graphAppId,
  tokenExchangeAppId,
  ...Object.values(azureApiFacts).map(({ appId }) => appId),
])

/** Whether an application is Microsoft's, in every tenant. */
export function isInEveryTenant({ appId }: Application): boolean {
  return everywhere.has(appId)
}

export function callGraph(directory: Directory): CallGraph {
  const all = [...directory.applications.values()]
  const tenants = [...directory.tenants.values()]
  const calls = tenants.flatMap((tenant) => callsIn(directory, tenant))
  const named = new Set(calls.flatMap(({ client, api }) => [client.appId, api.appId]))
  return {
    applications: all.filter(({ appId }) => named.has(appId) || !everywhere.has(appId)),
    tenants: tenants.filter(({ users }) => users.size > 0),
    calls,
    signIns: tenants.flatMap((tenant) => signInsOf(all, tenant)),
  }
}

/** The permissions of one client on one API in a tenant. */
export function callOf(
  directory: Directory,
  tenant: Tenant,
  client: Application,
  api: Application,
): Call | undefined {
  return callsIn(directory, tenant).find((call) => call.client === client && call.api === api)
}

export function missingOf({ permissions }: Call): readonly Permission[] {
  return permissions.filter(({ grantedBy }) => grantedBy === undefined)
}

function callsIn(directory: Directory, tenant: Tenant): Call[] {
  const { applications } = directory
  const pairs = new Map<string, { client: Application; api: Application; found: Map<string, Permission> }>()
  const pair = (client: Application, api: Application): Map<string, Permission> => {
    const key = `${client.appId} ${api.appId}`
    const known = pairs.get(key) ?? { client, api, found: new Map<string, Permission>() }
    pairs.set(key, known)
    return known.found
  }
  const isPresent = (application: Application): boolean =>
    application.homeTenantId === tenant.id || tenant.servicePrincipals.has(application.appId)
  const add = (found: Map<string, Permission>, permission: Permission): void => {
    const key = `${permission.kind} ${permission.name}`
    if (found.get(key)?.grantedBy === undefined) found.set(key, permission)
  }

  for (const { clientAppId, resourceAppId, userId, scopes } of tenant.grants) {
    const [client, api] = [applications.get(clientAppId), applications.get(resourceAppId)]
    if (client === undefined || api === undefined) continue
    const by =
      userId === undefined ? 'everyone' : (tenant.users.get(userId)?.displayName ?? 'a user who is gone')
    for (const name of scopes) add(pair(client, api), { name, kind: 'delegated', grantedBy: by })
  }
  const byPrincipal = new Map(
    [...tenant.servicePrincipals.values()].map(({ id, application }) => [id, application]),
  )
  for (const { principalId, resourceAppId, role } of tenant.assignments) {
    const [client, api] = [byPrincipal.get(principalId), applications.get(resourceAppId)]
    if (client === undefined || api === undefined || role === undefined) continue
    add(pair(client, api), { name: role, kind: 'application', grantedBy: 'an administrator' })
  }
  for (const api of applications.values()) {
    for (const [clientAppId, scopes] of api.preAuthorized) {
      const client = applications.get(clientAppId)
      if (client === undefined || !isPresent(client)) continue
      for (const name of scopes) {
        add(pair(client, api), { name, kind: 'delegated', grantedBy: 'the API itself (pre-authorized)' })
      }
    }
  }
  for (const client of applications.values()) {
    if (!isPresent(client)) continue
    for (const { resourceAppId, scopes, roles } of client.requiredAccess) {
      const api = applications.get(resourceAppId)
      if (api === undefined) continue
      const isFree = (name: string): boolean => resourceAppId === graphAppId && signInScopes.has(name)
      for (const name of scopes) {
        add(pair(client, api), {
          name,
          kind: 'delegated',
          grantedBy: isFree(name) ? 'nobody has to: a sign-in scope' : undefined,
        })
      }
      for (const name of roles) add(pair(client, api), { name, kind: 'application', grantedBy: undefined })
    }
  }
  return [...pairs.values()]
    .filter(({ found }) => found.size > 0)
    .map(({ client, api, found }) => ({ client, api, tenant, permissions: [...found.values()] }))
}

function signInsOf(applications: readonly Application[], tenant: Tenant): SignInArrow[] {
  if (tenant.users.size === 0) return []
  return applications.flatMap((client) => {
    const principal = tenant.servicePrincipals.get(client.appId)
    if (principal === undefined || !isInteractive(client)) return []
    const { isAssignmentRequired } = principal
    const holders = new Set(
      tenant.assignments
        .filter(({ resourceAppId }) => resourceAppId === client.appId)
        .map(({ principalId }) => principalId),
    )
    const isAssigned = ({ id, groupIds }: { id: string; groupIds: readonly string[] }): boolean =>
      [id, ...groupIds].some((holder) => holders.has(holder))
    const assigned = isAssignmentRequired ? [...tenant.users.values()].filter(isAssigned).length : 0
    return [{ tenant, client, isAssignmentRequired, assigned }]
  })
}
