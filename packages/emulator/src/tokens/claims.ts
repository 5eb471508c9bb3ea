import { createHash, randomBytes } from 'node:crypto'
import type { Session } from '../directory/sessions.js'
import type { Application, Tenant, User } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'

/*
 * The claims of access tokens and id tokens. The API chooses the version of its access tokens; the endpoint chooses
 * that of the id token.
 */

/** Tokens are backdated by five minutes, so that an API whose clock is a little late accepts them at once. */
export const backdatedSeconds = 300
const groupLimit = 200
export type Claims = Record<string, unknown>

/** Another value at every application, so that two applications cannot compare their users. */
export function pairwiseSubject(tenant: Tenant, recipient: Application, user: User): string {
  return createHash('sha256').update([tenant.id, recipient.appId, user.id].join('\n')).digest('base64url')
}

export function v1Profile(user: User): Claims {
  return {
    ...(user.surname === undefined ? {} : { family_name: user.surname }),
    ...(user.givenName === undefined ? {} : { given_name: user.givenName }),
    ipaddr: '127.0.0.1',
    name: user.displayName,
    unique_name: user.userPrincipalName,
    upn: user.userPrincipalName,
  }
}

export function v2Profile(user: User): Claims {
  return { name: user.displayName, preferred_username: user.userPrincipalName }
}

/** Above the limit a token names the address to ask instead of listing the groups. */
export function groupClaims({ origin }: Service, recipient: Application, tenant: Tenant, user: User): Claims {
  const withRoles = recipient.issuesDirectoryRoles && user.directoryRoleIds.length > 0
  const wids = withRoles ? { wids: user.directoryRoleIds } : {}
  if (!recipient.issuesGroups || user.groupIds.length === 0) return wids
  if (user.groupIds.length <= groupLimit) return { groups: user.groupIds, ...wids }
  return {
    _claim_names: { groups: 'src1' },
    _claim_sources: {
      // The path is that of the retired Graph, as in Entra's tokens; the host is the emulator, which answers there.
      src1: { endpoint: `${origin}/${tenant.id}/users/${user.id}/getMemberObjects` },
    },
    ...wids,
  }
}

/** A guest's identity provider is the tenant at home. */
export function guestClaims(service: Service, { home, isGuest, mail }: User): Claims {
  return {
    ...(home === undefined ? {} : { idp: issuerOf(service, home.tenantId, '1.0') }),
    ...(isGuest && mail !== undefined ? { email: mail } : {}),
  }
}

export function methodsOf({ withMfa }: Session): string[] {
  return withMfa ? ['pwd', 'mfa'] : ['pwd']
}

const userClaims: Readonly<Record<string, (user: User, session: Session) => unknown>> = {
  auth_time: (_, { startedAt }) => Math.floor(startedAt),
  sid: (_, { id }) => id,
  acct: ({ isGuest }) => (isGuest ? 1 : 0),
  email: ({ mail }) => mail,
  family_name: ({ surname }) => surname,
  given_name: ({ givenName }) => givenName,
  preferred_username: ({ userPrincipalName }) => userPrincipalName,
  upn: ({ userPrincipalName }) => userPrincipalName,
}

export function optionalClaims(requested: readonly { name: string }[], user: User, session: Session): Claims {
  const claims = requested.map(({ name }) => [name, userClaims[name]?.(user, session)] as const)
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** Claims whose values mean nothing to anyone but Entra, in their shape; `uti` names the token. */
export function noise(): Claims {
  return {
    aio: randomBytes(24).toString('base64'),
    rh: `1.${randomBytes(33).toString('base64url')}.`,
    uti: randomBytes(16).toString('base64url'),
  }
}
