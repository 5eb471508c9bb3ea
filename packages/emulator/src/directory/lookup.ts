import type { Application, Tenant, User } from './types.js'

/*
 * How users, applications and tenants are named: in the registration, in a form, in a test. What a name that fits
 * nothing means is the caller's concern.
 */

/** The user of that id or userPrincipalName; upper and lower case are the same. */
export function userNamed(users: Iterable<User>, reference: string): User | undefined {
  return [...users].find(({ id, userPrincipalName }) => isSameName(reference, id, userPrincipalName))
}

/** The value of the claim `login_hint`: names an account without showing its name. */
export function loginHintOf({ id, tenantId }: Pick<User, 'id' | 'tenantId'>): string {
  return `O.${Buffer.from(`${id}.${tenantId}`).toString('base64url')}`
}

/** Whether the parameter `login_hint` means this user: by name, or by the claim `login_hint` of a token. */
export function isHinted(user: User, hint: string): boolean {
  return hint === loginHintOf(user) || isSameName(hint, user.userPrincipalName)
}

/** The application of that appId; if there is none, all applications of that displayName. */
export function applicationsNamed<T extends Pick<Application, 'appId' | 'displayName'>>(
  applications: Iterable<T>,
  reference: string,
): readonly T[] {
  const all = [...applications]
  const byId = all.find(({ appId }) => appId === reference.toLowerCase())
  return byId === undefined ? all.filter(({ displayName }) => displayName === reference) : [byId]
}

/** The tenant that has verified a domain. */
export function tenantOfDomain(tenants: ReadonlyMap<string, Tenant>, domain: string): Tenant | undefined {
  return [...tenants.values()].find(({ domains }) => domains.includes(domain))
}

/** Whether an audience is this API: its appId or one of its identifier URIs, character for character. */
export function isIdentifiedBy(
  { appId, identifierUris }: Pick<Application, 'appId' | 'identifierUris'>,
  audience: unknown,
): boolean {
  return appId === audience || identifierUris.some((uri) => uri === audience)
}

/** Whether a reference is one of those names; upper and lower case are the same. */
export function isSameName(reference: string, ...names: readonly (string | undefined)[]): boolean {
  return names.some((name) => name?.toLowerCase() === reference.toLowerCase())
}
