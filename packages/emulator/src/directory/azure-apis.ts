import { azureApiFacts, azureApis, type AzureApi } from '../registration/azure-api-facts.js'
import type { ApplicationRegistration } from '../registration/types.js'

/** The registrations of the named APIs. Their access tokens are of v1.0. */
export function azureApiRegistrations(named: readonly AzureApi[] | 'all'): ApplicationRegistration[] {
  return (named === 'all' ? azureApis : named).map((api) => {
    const { appId, displayName, identifierUris, scopeId } = azureApiFacts[api]
    return {
      appId,
      displayName,
      signInAudience: 'AzureADMultipleOrgs',
      identifierUris,
      api: {
        oauth2PermissionScopes: [
          {
            id: scopeId,
            value: 'user_impersonation',
            userConsentDisplayName: `Access ${displayName} as you`,
          },
        ],
      },
    }
  })
}
