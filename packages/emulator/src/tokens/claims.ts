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

/**
 * The groups of a user, for a token whose recipient asks for them; above the limit it names the address to ask. The
 * optional claim `groups` decides the form: names instead of ids, and in `roles` in place of the roles of the
 * application.
 */
export function groupClaims(
  { origin }: Service,
  recipient: Application,
  kind: keyof Application['optionalClaims'],
  { tenant, user }: { tenant: Tenant; user: User },
): Claims {
  const withRoles = recipient.issuesDirectoryRoles && user.directoryRoleIds.length > 0
  const wids = withRoles ? { wids: user.directoryRoleIds } : {}
  if (!recipient.issuesGroups || user.groupIds.length === 0) return wids
  if (user.groupIds.length <= groupLimit) {
    const form = recipient.optionalClaims[kind].find(({ name }) => name === 'groups')?.properties ?? []
    const groups = form.includes('cloud_displayname')
      ? user.groupIds.map((id) => tenant.groups.get(id)?.displayName ?? id)
      : user.groupIds
    return { ...(form.includes('emit_as_roles') ? { roles: groups } : { groups }), ...wids }
  }
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

/** Claims whose values mean nothing to anyone but Entra, in their shape; `uti` names the token. */
export function noise(): Claims {
  return {
    aio: randomBytes(24).toString('base64'),
    rh: `1.${randomBytes(33).toString('base64url')}.`,
    uti: randomBytes(16).toString('base64url'),
  }
}
