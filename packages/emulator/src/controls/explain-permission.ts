import { advice } from '../base/advice.js'
import { EntraError } from '../base/errors.js'
import { checkNames, checkObject } from '../base/options.js'
import { readClaims } from '../base/parameters.js'
import { checkUserAssigned } from '../directory/assignment.js'
import {
  checkWorkloadPolicies,
  refuseUnsatisfied,
  unsatisfiedPolicies,
} from '../directory/conditional-access.js'
import { effectiveScopes } from '../directory/consent.js'
import { findParties } from '../directory/find.js'
import type { Target } from '../directory/scope-request.js'
import { startSession } from '../directory/sessions.js'
import type { Application, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/** The question of `explainPermission`: which client would call which API, for whom. */
export interface ExplainPermissionOptions {
  /** The client, by appId, displayName or identifier URI. */
  readonly client: string
  /** The API, named the same ways. */
  readonly resource: string
  /** The user, by userPrincipalName or id. Without one the client acts as itself. */
  readonly user?: string | undefined
  /** Scopes by value. Default: `.default`, everything granted. Without a user they have no effect. */
  readonly scopes?: readonly string[] | undefined
  /** By id or domain. Default: the user's, else the client's home. */
  readonly tenant?: string | undefined
}

/** The answer of `explainPermission`. */
export interface PermissionExplanation {
  /** Whether a token is issued without asking a user. */
  readonly isIssued: boolean
  /** The delegated scopes (`scp`) the token would carry. */
  readonly scopes: readonly string[]
  /** The roles the token would carry. */
  readonly roles: readonly string[]
  /** For each scope: who granted it. */
  readonly grantedBy: Readonly<Record<string, 'preAuthorizedApplications' | 'administrator' | 'user'>>
  /** If no token is issued: the AADSTS code. */
  readonly errorCode?: number
  /** If no token is issued: the text of the refusal. */
  readonly error?: string
  /** If no token is issued: what to do about it. */
  readonly fix?: string
}

/** The effective permission of a client on an API, for a user or for itself, and why not. Issues nothing. */
export function explainPermission(
  service: Service,
  options: ExplainPermissionOptions,
): PermissionExplanation {
  const what = 'explainPermission'
  checkObject(what, options)
  checkNames(what, options, names)
  const { directory } = service
  const { client, resource, user, tenant } = findParties(directory, options, what)
  try {
    const found =
      user === undefined
        ? ofApplication(service, tenant, client, resource)
        : ofUser(service, tenant, client, resource, user, options.scopes)
    return { isIssued: true, ...found }
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    return {
      isIssued: false,
      scopes: [],
      roles: [],
      grantedBy: {},
      errorCode: error.code,
      error: error.message,
      fix: advice[error.code],
    }
  }
}

const names = [
  'client',
  'resource',
  'user',
  'scopes',
  'tenant',
] as const satisfies readonly (keyof ExplainPermissionOptions)[]

type Found = Pick<PermissionExplanation, 'scopes' | 'roles' | 'grantedBy'>

function ofApplication(
  { directory }: Service,
  tenant: Tenant,
  client: Application,
  resource: Application,
): Found {
  const principal = directory.clientIn(tenant, client)
  const target = directory.resourceIn(tenant, resource.appId)
  if (target.isAssignmentRequired && !directory.isAssigned(tenant, [principal.id], resource)) {
    throw new EntraError(501051, { client: client.appId, application: resource.appId })
  }
  checkWorkloadPolicies(tenant, resource.tokenVersion, client, resource)
  return { scopes: [], roles: directory.applicationRoles(tenant, principal, resource), grantedBy: {} }
}

function ofUser(
  { directory, clock }: Service,
  tenant: Tenant,
  client: Application,
  resource: Application,
  user: User,
  scopes: readonly string[] | undefined,
): Found {
  if (!user.isEnabled) throw new EntraError(50057)
  const principal = directory.clientIn(tenant, client)
  checkUserAssigned(directory, tenant, user, principal)
  const identifier = resource.identifierUris[0] ?? resource.appId
  const target: Target = {
    identifier,
    prefix: `${identifier}/`,
    resource: directory.resourceIn(tenant, resource.appId),
    scopes: scopes ?? '.default',
  }
  const effective = effectiveScopes(directory, tenant, client, user, target)
  checkUserAssigned(directory, tenant, user, target.resource)
  const session = startSession(clock.now())
  const asked = { user, client, resources: [resource] }
  refuseUnsatisfied(
    resource.tokenVersion,
    unsatisfiedPolicies(tenant, asked, session, readClaims(undefined)),
    resource,
  )
  const grantedBy = (scope: string): PermissionExplanation['grantedBy'][string] => {
    if (resource.preAuthorized.get(client.appId)?.has(scope)) return 'preAuthorizedApplications'
    const isForAll = tenant.grants.some(
      (grant) =>
        grant.clientAppId === client.appId &&
        grant.resourceAppId === resource.appId &&
        grant.userId === undefined &&
        grant.scopes.has(scope),
    )
    return isForAll ? 'administrator' : 'user'
  }
  return {
    scopes: effective,
    roles: directory.userRoles(tenant, user, resource),
    grantedBy: Object.fromEntries(effective.map((scope) => [scope, grantedBy(scope)])),
  }
}
