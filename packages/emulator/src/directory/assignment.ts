import { EntraError } from '../base/errors.js'
import type { Directory } from './directory.js'
import type { ServicePrincipal, Tenant, User } from './types.js'

/** Refuses a user without an assignment, where an API demands one: AADSTS50105. */
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
