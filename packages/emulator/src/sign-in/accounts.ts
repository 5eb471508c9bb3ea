import type { Parameters } from '../base/parameters.js'
import { EntraError } from '../base/errors.js'
import { consumersTenantId } from '../directory/directory.js'
import { userNamed } from '../directory/lookup.js'
import type { Application, Authority, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/** The user a sign-in form names, by userPrincipalName or id. */
export function readUser(users: readonly User[], form: Parameters): User {
  return checkedUser(userNamed(users, form.require('user')))
}

export function readUserById(tenant: Tenant, userId: string): User {
  return checkedUser(tenant.users.get(userId))
}

function checkedUser(user: User | undefined): User {
  if (user === undefined) throw new EntraError(70000, { parameter: 'user' })
  if (!user.isEnabled) throw new EntraError(50057)
  return user
}

/**
 * The client of a sign-in. One that is not multi-tenant signs in only at home; a multi-tenant one need not be present,
 * consent makes it so.
 */
export function readSignInClient(
  { directory }: Service,
  authority: Authority,
  clientId: string,
): Application {
  const directoryName = authority.kind === 'tenant' ? authority.tenant.displayName : authority.segment
  const client = directory.application(clientId, directoryName)
  const isConsumers = authority.kind === 'tenant' && authority.tenant.id === consumersTenantId
  if (client.audience === 'PersonalMicrosoftAccount' && !isConsumers && authority.kind !== 'common') {
    throw new EntraError(9002331, { client: client.appId })
  }
  if (isConsumers && !takesPersonalAccounts(client)) throw new EntraError(9002332, { client: client.appId })
  if (client.audience !== 'AzureADMyOrg') return client
  if (authority.kind !== 'tenant') throw new EntraError(50194, { client: client.appId })
  return directory.clientIn(authority.tenant, client).application
}

/** Who may sign in to an application under an authority. */
export function usersFor({ directory }: Service, authority: Authority, client: Application): User[] {
  return directory.usersOf(authority).filter(({ tenantId, agentId }) => {
    if (agentId !== undefined) return false
    if (tenantId === consumersTenantId) return takesPersonalAccounts(client)
    return client.audience !== 'PersonalMicrosoftAccount'
  })
}

function takesPersonalAccounts({ audience }: Application): boolean {
  return audience === 'AzureADandPersonalMicrosoftAccount' || audience === 'PersonalMicrosoftAccount'
}
