import type { User } from '../directory/types.js'

/** The members that Graph returns if none are selected. */
export function graphUser(user: User): Readonly<Record<string, unknown>> {
  return {
    businessPhones: [],
    displayName: user.displayName,
    givenName: user.givenName ?? null,
    jobTitle: null,
    mail: user.mail ?? null,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: user.surname ?? null,
    userPrincipalName: user.userPrincipalName,
    id: user.id,
  }
}
