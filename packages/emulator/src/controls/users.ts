import { checkNames, checkObject, checkSeconds } from '../base/options.js'
import { findUser } from '../directory/find.js'
import type { User } from '../directory/types.js'
import type { Revocation } from '../instance/revocations.js'
import type { Service } from '../instance/service.js'

/** The options of `users.revokeSessions` and `users.disable`. */
export interface RevokeOptions {
  /** After how long an API can know, in seconds, from 0 to 86400. Live, it took five minutes. Default 0: at once. */
  readonly visibleAfterSeconds?: number | undefined
}

/**
 * What an administrator does to users, named by userPrincipalName or id. Each method throws a TypeError for a user that
 * the registration does not have, and for a wrong option.
 */
export interface EmulatorUsers {
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

export function createUsers(service: Service): EmulatorUsers {
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
  return {
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
