import { checkNames, checkObject, wrongValue } from '../base/options.js'
import { findParties, findPrincipal } from '../directory/find.js'
import type { Service } from '../instance/service.js'

/** The options of `revokeConsent`: whose consent to which API. */
export interface RevokeConsentOptions {
  /** The client, by appId, displayName or identifier URI. */
  readonly client: string
  /** The API, named the same ways. */
  readonly resource: string
  /** The user who consented, by userPrincipalName or id. Default: what was granted for everyone. */
  readonly user?: string | undefined
  /** Roles of the client as itself, by value, to take back instead of delegated scopes. Only without a user. */
  readonly roles?: readonly string[] | undefined
  /** By id or domain. Default: the user's, else the client's home. */
  readonly tenant?: string | undefined
}

const names = [
  'client',
  'resource',
  'user',
  'roles',
  'tenant',
] as const satisfies readonly (keyof RevokeConsentOptions)[]

/** Takes all delegated scopes of one grant back, or roles; throws a TypeError where there are none. */
export function revokeConsent(service: Service, options: RevokeConsentOptions): void {
  const what = 'revokeConsent'
  checkObject(what, options)
  checkNames(what, options, names)
  const { directory } = service
  const { client, resource, user, tenant } = findParties(directory, options, what)
  const { roles } = options
  if (roles !== undefined && user !== undefined) throw wrongValue(what, 'roles', 'absent for a user')
  const isRemoved =
    roles === undefined
      ? directory.removeGrant(tenant, client.appId, resource.appId, user?.id)
      : directory.removeRoles(tenant, findPrincipal(tenant, client, what, 'client').id, resource.appId, roles)
  if (!isRemoved) {
    throw new TypeError(`${what}: there is no such consent`)
  }
  void service.changed()
}
