import { RegistrationError } from './read.js'
import type { ApplicationRegistration, PasswordCredential, Registration } from './types.js'

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
  const { applications } = registration
  if (applications === undefined) return registration
  return { ...registration, applications: applications.map(hideApplicationSecrets) }
}

/**
 * A registration that was shown and sent back, with the hidden secrets of the running one. Throws a RegistrationError
 * where it is not clear which secret is meant: a guess could give a client the secret of another.
 */
export function restoreSecrets(sent: Registration, running: Registration): Registration {
  const { applications } = sent
  if (applications === undefined) return sent
  return {
    ...sent,
    applications: applications.map((application, index) => {
      const { passwordCredentials } = application
      if (passwordCredentials === undefined) return application
      const known = (running.applications ?? []).filter((other) => isSame(application, other))
      const path = `applications[${index}].passwordCredentials`
      return {
        ...application,
        passwordCredentials: restored(passwordCredentials, known.length === 1 ? known[0] : undefined, path),
      }
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
