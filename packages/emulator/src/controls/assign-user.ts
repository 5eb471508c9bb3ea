import { checkNames, checkObject } from '../base/options.js'
import { findApplication, findPrincipal, findTenant, findUser } from '../directory/find.js'
import type { Service } from '../instance/service.js'

/** Which users may use an application that demands an assignment. */
export interface AssignUserOptions {
  /** The application, by appId, displayName or identifier URI. */
  readonly application: string
  /** By id or domain. */
  readonly tenant: string
  /** By userPrincipalName or id. Default: every user of the tenant. */
  readonly user?: string | undefined
}

/** Assigns users to an application without a role. Throws a TypeError for a name that the registration does not have. */
export function assignUser(service: Service, options: AssignUserOptions): void {
  const what = 'assignUser'
  checkObject(what, options)
  checkNames(what, options, ['application', 'tenant', 'user'])
  const { directory } = service
  const tenant = findTenant(directory, options.tenant, what)
  const application = findApplication(directory, options.application, what, 'application')
  findPrincipal(tenant, application, what, 'application')
  const users =
    options.user === undefined
      ? [...tenant.users.values()]
      : [findUser(directory, options.user, what)].filter(({ tenantId }) => tenantId === tenant.id)
  for (const { id } of users) {
    directory.addAssignment(tenant, { principalId: id, resourceAppId: application.appId, role: undefined })
  }
  void service.changed()
}
