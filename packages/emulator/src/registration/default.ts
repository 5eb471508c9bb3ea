import type { Registration } from './types.js'

/** What an emulator knows that was started without a registration: enough to try both scenarios. */
export const defaultRegistration: Registration = {
  tenants: [
    {
      displayName: 'Contoso',
      domains: ['contoso.example'],
      users: [
        {
          userPrincipalName: 'alice@contoso.example',
          displayName: 'Alice Ash',
          directoryRoles: ['Global Administrator'],
        },
        { userPrincipalName: 'bob@contoso.example', displayName: 'Bob Birch' },
      ],
      oauth2PermissionGrants: [{ clientId: 'app', resourceId: 'api', scope: 'Things.Read' }],
      appRoleAssignments: [{ principalId: 'daemon', resourceId: 'api', appRoleId: 'Things.Read.All' }],
    },
  ],
  applications: [
    {
      displayName: 'api',
      identifierUris: ['api://api'],
      passwordCredentials: [{ secretText: 'not-a-secret-api' }],
      appRoles: [{ value: 'Things.Read.All', allowedMemberTypes: ['Application'] }],
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
    },
    {
      displayName: 'app',
      publicClient: { redirectUris: ['http://localhost'] },
      requiredResourceAccess: [
        { resourceAppId: 'api', resourceAccess: [{ id: 'Things.Read', type: 'Scope' }] },
      ],
    },
    {
      displayName: 'daemon',
      passwordCredentials: [{ secretText: 'not-a-secret-daemon' }],
      requiredResourceAccess: [
        { resourceAppId: 'api', resourceAccess: [{ id: 'Things.Read.All', type: 'Role' }] },
      ],
    },
  ],
}
