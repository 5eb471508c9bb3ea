import type { ApplicationRegistration } from '../registration/types.js'

/**
 * The API whose tokens are no access tokens: they stand for a credential. Its id is Microsoft's, the same in every
 * tenant; a token names it by that id, a federated credential by its URI.
 */
export const tokenExchangeAppId = 'fb60f99c-7a34-4190-8149-302f77469936'

const identifierUri = 'api://AzureADTokenExchange'

export const tokenExchange: ApplicationRegistration = {
  appId: tokenExchangeAppId,
  displayName: 'AAD Token Exchange Endpoint',
  signInAudience: 'AzureADMultipleOrgs',
  identifierUris: [identifierUri],
  api: { requestedAccessTokenVersion: 2 },
}

/** Whether an application of a registration takes the place of the one above. */
export function isTokenExchange({ appId, identifierUris = [] }: ApplicationRegistration): boolean {
  return appId?.toLowerCase() === tokenExchangeAppId || identifierUris.includes(identifierUri)
}
