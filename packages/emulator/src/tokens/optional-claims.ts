import type { Session } from '../directory/sessions.js'
import { loginHintOf } from '../directory/lookup.js'
import type { Claim, Tenant, User } from '../directory/types.js'
import type { Claims } from './claims.js'

/*
 * Claims of a user that a token carries only if its recipient asks for them
 * (https://learn.microsoft.com/entra/identity-platform/optional-claims-reference). Those that depend on a client, an
 * API or an agent are worked out with the rest of the token. What needs a network, a device or a password is absent.
 */

interface Subject {
  readonly user: User
  readonly tenant: Tenant
  readonly session: Session
}

type Reader = (subject: Subject, properties: readonly string[]) => unknown

const readers: Readonly<Record<string, Reader>> = {
  acct: ({ user }) => (user.isGuest ? 1 : 0),
  auth_time: ({ session }) => Math.floor(session.startedAt),
  ctry: ({ user }) => user.country,
  email: ({ user }) => user.mail,
  family_name: ({ user }) => user.surname,
  given_name: ({ user }) => user.givenName,
  ipaddr: () => '127.0.0.1',
  login_hint: ({ user }) => loginHintOf(user),
  onprem_sid: ({ user }) => user.onPremisesSecurityIdentifier,
  preferred_username: ({ user }) => user.userPrincipalName,
  sid: ({ session }) => session.id,
  tenant_ctry: ({ tenant }) => tenant.country,
  tenant_region_scope: () => regionOfTenants,
  upn: ({ user }, properties) => principalName(user, properties),
  verified_primary_email: ({ user, tenant }) => verified(tenant, user.mail === undefined ? [] : [user.mail]),
  verified_secondary_email: ({ user, tenant }) => verified(tenant, user.otherMails),
  xms_edov: ({ user, tenant }) => (user.mail === undefined ? undefined : isVerified(tenant, user.mail)),
  xms_pdl: ({ user }) => user.preferredDataLocation,
  xms_pl: ({ user }) => user.preferredLanguage,
  xms_tpl: ({ tenant }) => tenant.preferredLanguage,
}

/** The region of every tenant here, in the discovery document as well. */
export const regionOfTenants = 'EU'

/** The claims among those that are asked for which have a value for this user. */
export function optionalClaims(requested: readonly Claim[], subject: Subject): Claims {
  const claims = requested.map(
    ({ name, properties }) => [name, readers[name]?.(subject, properties)] as const,
  )
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** A guest's name is issued only to an application that asks for it; the `#` in it can be replaced. */
function principalName(
  { isGuest, userPrincipalName }: User,
  properties: readonly string[],
): string | undefined {
  if (!isGuest) return userPrincipalName
  if (properties.includes('include_externally_authenticated_upn_without_hash')) {
    return userPrincipalName.replaceAll('#', '_')
  }
  return properties.includes('include_externally_authenticated_upn') ? userPrincipalName : undefined
}

function verified(tenant: Tenant, addresses: readonly string[]): readonly string[] | undefined {
  const found = addresses.filter((address) => isVerified(tenant, address))
  return found.length > 0 ? found : undefined
}

function isVerified({ domains }: Tenant, address: string): boolean {
  return domains.includes(address.slice(address.lastIndexOf('@') + 1).toLowerCase())
}
