import { EntraError } from '../base/errors.js'
import { allRequired, type ConsentItem, missingConsent, requestedConsent } from '../directory/consent.js'
import type { Directory } from '../directory/directory.js'
import type { ScopeRequest } from '../directory/scope-request.js'
import type { Application, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import type { ConsentLine } from '../pages/consent-page.js'

/**
 * What a user is asked to consent to at a sign-in; nothing, if it is all granted. `prompt=consent` asks for all again.
 */
export function neededConsent(
  { directory }: Service,
  tenant: Tenant,
  client: Application,
  user: User,
  { targets }: ScopeRequest,
  prompt: string | undefined,
): ConsentItem[] {
  const again = prompt === 'consent' || prompt === 'admin_consent'
  return targets.flatMap((target) => {
    if (again) return requestedConsent(directory, client, target)
    // An API that is not present yet has no grants: the user is asked for all that is registered.
    const isPresent = tenant.servicePrincipals.has(target.resource.application.appId)
    return isPresent
      ? missingConsent(directory, tenant, client, user, target)
      : allRequired(directory, client, target.resource.application)
  })
}

/**
 * Scopes for administrators, or all scopes if users may not consent in the tenant, need an administrator: AADSTS90094.
 */
export function checkMayConsent(
  tenant: Tenant,
  client: Application,
  user: User,
  needed: readonly ConsentItem[],
): void {
  if (user.isAdmin) return
  const isForAdmins = needed.some(({ resource, scopes }) =>
    resource.scopes.some(({ value, adminOnly }) => adminOnly && scopes.includes(value)),
  )
  if (isForAdmins || !tenant.usersMayConsent) throw new EntraError(90094, { name: client.displayName })
}

/** Grants what was consented to, for one user or (without `userId`) for all, and makes the applications present. */
export function recordConsent(
  directory: Directory,
  tenant: Tenant,
  items: readonly ConsentItem[],
  userId: string | undefined,
): void {
  for (const item of items) {
    directory.addServicePrincipal(tenant, item.client)
    directory.addServicePrincipal(tenant, item.resource)
    directory.addGrant(tenant, { ...item, userId })
  }
}

/** What a consent page says about delegated scopes, with the texts of the API's registration. */
export function consentLines(items: readonly ConsentItem[]): ConsentLine[] {
  return items.flatMap(({ resource, scopes }) =>
    resource.scopes
      .filter(({ value }) => scopes.includes(value))
      .map(({ title, description }) => ({ resource: resource.displayName, title, description })),
  )
}
