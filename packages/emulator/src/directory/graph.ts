import type { ApplicationRegistration, AppRole } from '../registration/types.js'

/** The API a scope without a resource belongs to. Every tenant has it; the sign-in scopes are its own. */
export const graphAppId = '00000003-0000-0000-c000-000000000000'

/** Scopes that ask for sign-in, not for an API. The emulator asks no consent for them. */
export const signInScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

function role(id: string, value: string): AppRole {
  return { id, value, allowedMemberTypes: ['Application'] }
}

export const graph: ApplicationRegistration = {
  appId: graphAppId,
  displayName: 'Microsoft Graph',
  signInAudience: 'AzureADMultipleOrgs',
  identifierUris: ['https://graph.microsoft.com'],
  appRoles: [
    role('97235f07-e226-4f63-ace3-39588e11d3a1', 'User.ReadBasic.All'),
    role('df021288-bdef-4463-88db-98f22de89214', 'User.Read.All'),
    role('5b567255-7703-4780-807c-7be8301ae99b', 'Group.Read.All'),
    role('98830695-27a2-44f7-8c18-0c3ebc9698f6', 'GroupMember.Read.All'),
    role('7ab1d382-f21e-4acd-a863-ba3e13f7da61', 'Directory.Read.All'),
  ],
  api: {
    oauth2PermissionScopes: [
      {
        id: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d',
        value: 'User.Read',
        userConsentDisplayName: 'Sign you in and read your profile',
      },
      {
        id: 'b340eb25-3456-403f-be2f-af7a0d370277',
        value: 'User.ReadBasic.All',
        userConsentDisplayName: "Read all users' basic profiles",
      },
      { id: 'a154be20-db9c-4678-8ab7-66f6cc099a59', value: 'User.Read.All', type: 'Admin' },
      { id: '5f8c59db-677d-491f-a6b8-5f174b11ec1d', value: 'Group.Read.All', type: 'Admin' },
      { id: 'bc024368-1153-4739-b217-4326f2e966d0', value: 'GroupMember.Read.All', type: 'Admin' },
      { id: '06da0dbc-49e2-44d2-8312-53f166ab848a', value: 'Directory.Read.All', type: 'Admin' },
      { id: '37f7f235-527c-4136-accd-4a02d197296e', value: 'openid' },
      { id: '14dad69e-099b-42c9-810b-d002981feec1', value: 'profile' },
      { id: '64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0', value: 'email' },
      { id: '7427e0e9-2fba-42fe-b0c0-848c9e6a8182', value: 'offline_access' },
    ],
  },
}
