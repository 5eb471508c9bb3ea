import { applicationsNamed, userNamed } from '../directory/lookup.js'
import type { Application, Role, Scope, Tenant, User } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'

/*
 * What one part of a registration says of another. Each throws a RegistrationError naming the place of a reference that
 * fits nothing.
 */

/** An application by its appId or, where only one has it, its displayName. */
export function applicationAt<T extends Pick<Application, 'appId' | 'displayName'>>(
  applications: Iterable<T>,
  reference: string,
  path: string,
): T {
  const [found, ...others] = applicationsNamed(applications, reference)
  if (found === undefined) {
    throw new RegistrationError(path, 'is not the appId or displayName of an application here')
  }
  if (others.length > 0) {
    throw new RegistrationError(path, 'is the name of several applications: use the appId')
  }
  return found
}

/** A user of a tenant by id or userPrincipalName. */
export function userAt({ users }: Pick<Tenant, 'users'>, reference: string, path: string): User {
  const user = userNamed(users.values(), reference)
  if (user === undefined) throw new RegistrationError(path, 'is not a user of this tenant')
  return user
}

/** The value of a scope or role that is named by its id or value. */
export function valueAt(reference: string, offered: readonly (Scope | Role)[], path: string): string {
  const found = offered.find(({ id, value }) => value === reference || id === reference.toLowerCase())
  if (found === undefined) {
    throw new RegistrationError(path, 'is not a scope or role that this API offers to such a caller')
  }
  return found.value
}

/** Takes each value once. */
export function uniqueness(problem: string): (value: string, path: string) => void {
  const seen = new Set<string>()
  return (value, path) => {
    if (seen.has(value)) throw new RegistrationError(path, problem)
    seen.add(value)
  }
}
