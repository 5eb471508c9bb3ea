import { deriveId } from '../base/guid.js'
import type { Role, Scope } from '../directory/types.js'
import type { ApplicationRegistration } from '../registration/types.js'
import { uniqueness } from './references.js'

export function loadScopes({ api }: ApplicationRegistration, appId: string, path: string): Scope[] {
  const values = uniqueness('is the value of another scope')
  const ids = uniqueness('is the id of another scope')
  return (api?.oauth2PermissionScopes ?? []).map((scope, index) => {
    const place = `${path}.api.oauth2PermissionScopes[${index}]`
    const id = scope.id?.toLowerCase() ?? deriveId('scope', appId, scope.value)
    values(scope.value, `${place}.value`)
    ids(id, `${place}.id`)
    return {
      id,
      value: scope.value,
      adminOnly: scope.type === 'Admin',
      isEnabled: scope.isEnabled ?? true,
      title: scope.userConsentDisplayName ?? scope.adminConsentDisplayName ?? scope.value,
      description: scope.userConsentDescription ?? scope.adminConsentDescription ?? '',
    }
  })
}

export function loadRoles({ appRoles = [] }: ApplicationRegistration, appId: string, path: string): Role[] {
  const values = uniqueness('is the value of another role')
  const ids = uniqueness('is the id of another role')
  return appRoles.map((role, index) => {
    const id = role.id?.toLowerCase() ?? deriveId('role', appId, role.value)
    values(role.value, `${path}.appRoles[${index}].value`)
    ids(id, `${path}.appRoles[${index}].id`)
    return {
      id,
      value: role.value,
      title: role.displayName ?? role.value,
      forUsers: role.allowedMemberTypes.includes('User'),
      forApplications: role.allowedMemberTypes.includes('Application'),
      isEnabled: role.isEnabled ?? true,
    }
  })
}
