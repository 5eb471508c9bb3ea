import { RegistrationError } from './read.js'
import type {
  ApplicationRegistration,
  PasswordCredential,
  Registration,
  TenantRegistration,
} from './types.js'

/** What is shown in place of a secret. */
export const hidden = '[hidden]'

/** An application without the text of its secrets. */
export function hideApplicationSecrets(application: ApplicationRegistration): ApplicationRegistration {
  const { passwordCredentials } = application
  if (passwordCredentials === undefined) return application
  return {
    ...application,
    passwordCredentials: passwordCredentials.map((credential) =>
      typeof credential.secretText === 'string' ? { ...credential, secretText: hidden } : credential,
    ),
  }
}

export function hideSecrets(registration: Registration): Registration {
  const { applications, tenants } = registration
  return {
    ...registration,
    tenants: tenants.map(hidePasswords),
    ...(applications === undefined ? {} : { applications: applications.map(hideApplicationSecrets) }),
  }
}

function hidePasswords(tenant: TenantRegistration): TenantRegistration {
  const { users } = tenant
  if (users === undefined) return tenant
  return {
    ...tenant,
    users: users.map((user) =>
      typeof user.passwordProfile?.password === 'string'
        ? { ...user, passwordProfile: { ...user.passwordProfile, password: hidden } }
        : user,
    ),
  }
}

/**
 * A registration that was shown and sent back, with the hidden secrets of the running one. Throws a RegistrationError
 * where it is not clear which secret is meant: a guess could give a client the secret of another.
 */
export function restoreSecrets(sent: Registration, running: Registration): Registration {
  const { applications = [] } = sent
  return {
    ...sent,
    tenants: sent.tenants.map((tenant, index) => restorePasswords(tenant, running, `tenants[${index}]`)),
    ...(sent.applications === undefined
      ? {}
      : {
          applications: applications.map((application, index) => {
            const { passwordCredentials } = application
            if (passwordCredentials === undefined) return application
            const known = (running.applications ?? []).filter((other) => isSame(application, other))
            const path = `applications[${index}].passwordCredentials`
            return {
              ...application,
              passwordCredentials: restored(
                passwordCredentials,
                known.length === 1 ? known[0] : undefined,
                path,
              ),
            }
          }),
        }),
  }
}

/** A sign-in name is unique in the whole registration. */
function restorePasswords(
  tenant: TenantRegistration,
  running: Registration,
  path: string,
): TenantRegistration {
  const { users } = tenant
  if (users === undefined) return tenant
  const all = running.tenants.flatMap((each) => each.users ?? [])
  return {
    ...tenant,
    users: users.map((user, index) => {
      if (user.passwordProfile?.password !== hidden) return user
      const same = all.find(
        (each) => each.userPrincipalName.toLowerCase() === user.userPrincipalName.toLowerCase(),
      )
      const password = same?.passwordProfile?.password
      if (typeof password !== 'string') {
        throw new RegistrationError(
          `${path}.users[${index}].passwordProfile.password`,
          `does not identify one password: write it out instead of ${hidden}`,
        )
      }
      return { ...user, passwordProfile: { ...user.passwordProfile, password } }
    }),
  }
}

function restored(
  credentials: readonly PasswordCredential[],
  known: ApplicationRegistration | undefined,
  path: string,
): PasswordCredential[] {
  const isHidden = ({ secretText }: PasswordCredential): boolean => secretText === hidden
  return credentials.map((credential, index) => {
    if (!isHidden(credential)) return credential
    // By the members that are shown; secrets with the same members keep their order as long as none is missing.
    const isAlike = (other: PasswordCredential): boolean => besides(other) === besides(credential)
    const candidates = (known?.passwordCredentials ?? []).filter(
      (other) => typeof other.secretText === 'string' && isAlike(other),
    )
    const alike = credentials.filter((other) => isHidden(other) && isAlike(other))
    const secretText = candidates[alike.indexOf(credential)]?.secretText
    if (alike.length !== candidates.length || typeof secretText !== 'string') {
      throw new RegistrationError(
        `${path}[${index}].secretText`,
        `does not identify one secret: write it out instead of ${hidden}`,
      )
    }
    return { ...credential, secretText }
  })
}

function isSame(a: ApplicationRegistration, b: ApplicationRegistration): boolean {
  return a.appId === undefined
    ? b.appId === undefined && a.displayName === b.displayName && a.publisherDomain === b.publisherDomain
    : a.appId.toLowerCase() === b.appId?.toLowerCase()
}

function besides({ displayName, startDateTime, endDateTime }: PasswordCredential): string {
  return JSON.stringify([displayName, startDateTime, endDateTime])
}
