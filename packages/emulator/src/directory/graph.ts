import type { ApplicationRegistration } from '../registration/types.js'

/** The API a scope without a resource belongs to. Every tenant has it; the sign-in scopes are its own. */
export const graphAppId = '00000003-0000-0000-c000-000000000000'

/** Scopes that ask for sign-in, not for an API. The emulator asks no consent for them. */
export const signInScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

export const graph: ApplicationRegistration = {
  appId: graphAppId,
  displayName: 'Microsoft Graph',
  signInAudience: 'AzureADMultipleOrgs',
  identifierUris: ['https://graph.microsoft.com'],
  api: {
    oauth2PermissionScopes: [
      {
        id: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d',
        value: 'User.Read',
        userConsentDisplayName: 'Sign you in and read your profile',
      },
      { id: '37f7f235-527c-4136-accd-4a02d197296e', value: 'openid' },
      { id: '14dad69e-099b-42c9-810b-d002981feec1', value: 'profile' },
      { id: '64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0', value: 'email' },
      { id: '7427e0e9-2fba-42fe-b0c0-848c9e6a8182', value: 'offline_access' },
    ],
  },
}
