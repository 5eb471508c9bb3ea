import { checkNames, checkObject, checkSeconds } from '../base/options.js'
import { findTenant, findUser } from '../directory/find.js'
import type { User } from '../directory/types.js'
import type { Revocation } from '../instance/revocations.js'
import type { Instance } from '../instance/instance.js'
import { tenantIdOf } from '../load/tenants.js'
import type { UserRegistration } from '../registration/types.js'

/** The options of `users.revokeSessions` and `users.disable`. */
export interface RevokeOptions {
  /** After how long an API can know, in seconds, from 0 to 86400. Live, it took five minutes. Default 0: at once. */
  readonly visibleAfterSeconds?: number | undefined
}

/** The options of `users.create`. */
export interface CreateUserOptions {
  /** By id or domain. Default: the first tenant. */
  readonly tenant?: string | undefined
}

/** One user, as `users.list` shows it. */
export interface UserDescription {
  /** The object id: the claim `oid`. */
  readonly id: string
  /** The tenant of the account. */
  readonly tenantId: string
  /** The sign-in name. */
  readonly userPrincipalName: string
  /** The name on the pages. */
  readonly displayName: string
  /** Whether the account may sign in. */
  readonly isEnabled: boolean
  /** Whether the account is a guest of the tenant. */
  readonly isGuest: boolean
  /** Whether the user may consent for the organisation. */
  readonly isAdmin: boolean
}

/**
 * What an administrator does to users, named by userPrincipalName or id. Each method throws a TypeError for a user that
 * the registration does not have, and for a wrong option.
 */
export interface EmulatorUsers {
  /** All users of all tenants. */
  list(): readonly UserDescription[]
  /**
   * Adds a user to the registration that is in force, until it is read again. Throws a RegistrationError for a user that
   * cannot be used.
   */
  create(user: UserRegistration, options?: CreateUserOptions): UserDescription
  /**
   * Ends all sign-ins of a user. From now on their codes, refresh tokens and OBO assertions are refused with
   * AADSTS50173.
   */
  revokeSessions(user: string, options?: RevokeOptions): Revocation
  /** Disables a user: sign-ins, refreshes and OBO are refused with AADSTS50057. */
  disable(user: string, options?: RevokeOptions): Revocation
  /** Enables a user again. Sign-ins that `revokeSessions` ended stay ended. */
  enable(user: string): void
}

export function createUsers(service: Instance): EmulatorUsers {
  const end = (
    user: User,
    reason: Revocation['reason'],
    what: string,
    options: RevokeOptions = {},
  ): Revocation => {
    checkObject(what, options)
    checkNames(what, options, ['visibleAfterSeconds'])
    const { visibleAfterSeconds = 0 } = options
    checkSeconds(what, 'visibleAfterSeconds', visibleAfterSeconds, 0, 86_400)
    const revokedAt = service.clock.now()
    const revocation: Revocation = {
      tenantId: user.tenantId,
      objectId: user.id,
      reason,
      revokedAt,
      visibleAt: revokedAt + visibleAfterSeconds,
    }
    service.revocations.add(revocation)
    return revocation
  }
  const all = (): User[] =>
    [...service.directory.tenants.values()].flatMap(({ users }) => [...users.values()])
  return {
    list: () => all().map(describeUser),
    create(user, options = {}) {
      const what = 'users.create'
      checkObject(what, user)
      checkObject(what, options)
      checkNames(what, options, ['tenant'])
      const { tenants } = service.registration
      const { id } =
        options.tenant === undefined
          ? { id: tenants.map(tenantIdOf)[0] }
          : findTenant(service.directory, options.tenant, what)
      const before = new Set(all().map((each) => each.id))
      service.edit({
        ...service.registration,
        tenants: tenants.map((tenant) =>
          tenantIdOf(tenant) === id ? { ...tenant, users: [...(tenant.users ?? []), user] } : tenant,
        ),
      })
      const created = all().find((each) => !before.has(each.id))
      if (created === undefined) throw new TypeError(`${what}: the user is there already`)
      return describeUser(created)
    },
    revokeSessions(reference, options) {
      const what = 'users.revokeSessions'
      const user = findUser(service.directory, reference, what)
      const revocation = end(user, 'sessions_revoked', what, options)
      service.directory.updateUser(user, { sessionsValidFrom: service.moment() })
      void service.changed()
      return revocation
    },
    disable(reference, options) {
      const what = 'users.disable'
      const user = findUser(service.directory, reference, what)
      const revocation = end(user, 'account_disabled', what, options)
      service.directory.updateUser(user, { isEnabled: false, isDisabledByControl: true })
      void service.changed()
      return revocation
    },
    enable(reference) {
      service.directory.updateUser(findUser(service.directory, reference, 'users.enable'), {
        isEnabled: true,
        isDisabledByControl: false,
      })
      void service.changed()
    },
  }
}

export function describeUser(user: User): UserDescription {
  const { id, tenantId, userPrincipalName, displayName, isEnabled, isGuest, isAdmin } = user
  return { id, tenantId, userPrincipalName, displayName, isEnabled, isGuest, isAdmin }
}
