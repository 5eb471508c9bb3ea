import { daemonClientId, userClientId } from '../identities.js'
import type { Permission } from '../setups.js'
import { forbidden, type RefusedRequest } from './row.js'

const reading: Permission = {
  delegated: { scopes: 'Files.Read' },
  application: { roles: 'Files.Read.All' },
}

/** Valid tokens without the required permission. */
export const permissionRows: readonly RefusedRequest[] = [
  forbidden(
    'scope_insufficient',
    'a user without the scope',
    { claims: { scp: 'Profile.Read' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'a scope that only begins like the required one',
    { claims: { scp: 'Files.Read.Own' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'a scope in other letters',
    { claims: { scp: 'files.read' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    'one of two required scopes',
    { claims: { scp: 'Files.Read' } },
    { permission: { delegated: { scopes: ['Files.Read', 'Files.Write'] } }, scope: 'Files.Read Files.Write' },
  ),
  forbidden(
    'scope_insufficient',
    'a v1.0 user without the scope',
    { from: 'v1Delegated', claims: { scp: 'user_impersonation' } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'scope_insufficient',
    "a user's role in place of the scope",
    { claims: { scp: 'Profile.Read', roles: ['Files.Read', 'Files.Read.All'] } },
    { permission: reading, scope: 'Files.Read' },
  ),
  forbidden(
    'role_insufficient',
    'a daemon without the role',
    { from: 'v2Application', claims: { roles: ['Mail.Send'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'a role that only begins like the required one',
    { from: 'v2Application', claims: { roles: ['Files.Read.All.Own'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'two roles in one string of the list',
    { from: 'v2Application', claims: { roles: ['Files.Read.All Files.Write.All'] } },
    { permission: reading },
  ),
  forbidden(
    'role_insufficient',
    'a user without the role that users need',
    {},
    { permission: { delegated: { scopes: 'Files.Read', roles: 'Editor' } }, scope: 'Files.Read' },
  ),
  forbidden(
    'kind_not_allowed',
    'a daemon where only users may',
    { from: 'v2Application' },
    { permission: { delegated: { scopes: 'Files.Read' } } },
  ),
  forbidden(
    'kind_not_allowed',
    'a user where only daemons may',
    {},
    { permission: { application: { roles: 'Files.Read.All' } } },
  ),
  forbidden(
    'kind_not_allowed',
    "a user's role of the name demanded of daemons",
    { claims: { roles: ['Files.Read.All'] } },
    { permission: { application: { roles: 'Files.Read.All' } } },
  ),
  forbidden(
    'scope_insufficient',
    'a generic token without the scope',
    { from: 'rfc9068', claims: { scope: 'files:list' } },
    { permission: { scopes: 'files:read' }, scope: 'files:read' },
  ),
  forbidden(
    'scope_insufficient',
    'a generic token without any scope',
    { from: 'generic', claims: { scope: undefined } },
    { permission: { scopes: 'files:read' }, scope: 'files:read' },
  ),
  forbidden(
    'scope_insufficient',
    'a token without the permission that every request needs',
    { claims: { scp: 'Profile.Read' } },
    { options: { permission: reading }, scope: 'Files.Read' },
  ),
  forbidden(
    'client_not_allowed',
    'a client that is not on the list',
    {},
    { options: { allowedClients: [daemonClientId] } },
  ),
  forbidden(
    'client_not_allowed',
    'a daemon that is not on the list',
    { from: 'v1Application' },
    { options: { allowedClients: [userClientId] } },
  ),
]
