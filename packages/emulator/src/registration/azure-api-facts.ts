/*
 * Well-known APIs of Azure, by their published ids (application id, identifier URIs, and the id of the one delegated
 * scope). A tenant has them only if the registration lists them.
 */

export interface AzureApiFacts {
  readonly appId: string
  readonly displayName: string
  readonly identifierUris: readonly string[]
  /** The id of `user_impersonation`. */
  readonly scopeId: string
}

/** Both spellings name the API: an audience with a slash at the end is asked for as `https://host//.default`. */
function uris(...hosts: readonly string[]): readonly string[] {
  return hosts.flatMap((host) => [`https://${host}`, `https://${host}/`])
}

/** Well-known APIs of Azure, by their names here. */
export const azureApiFacts = {
  keyVault: {
    appId: 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093',
    displayName: 'Azure Key Vault',
    identifierUris: uris('vault.azure.net'),
    scopeId: 'f53da476-18e3-4152-8e01-aec403e6edc0',
  },
  resourceManager: {
    appId: '797f4846-ba00-4fd7-ba43-dac1f8f63013',
    displayName: 'Windows Azure Service Management API',
    identifierUris: uris('management.azure.com', 'management.core.windows.net'),
    scopeId: '41094075-9dad-400e-a0bd-54e686782033',
  },
  storage: {
    appId: 'e406a681-f3d4-42a8-90b6-c2b029497af1',
    displayName: 'Azure Storage',
    identifierUris: uris('storage.azure.com'),
    scopeId: '03e0da56-190b-40ad-a80c-ea378c433f7f',
  },
  sqlDatabase: {
    appId: '022907d3-0f1b-48f7-badc-1ba6abab6d66',
    displayName: 'Azure SQL Database',
    identifierUris: uris('database.windows.net'),
    scopeId: 'c39ef2d1-04ce-46dc-8b5f-e9a5c60f0fc9',
  },
  serviceBus: {
    appId: '80a10ef9-8168-493d-abf9-3297c4ef6e3c',
    displayName: 'Microsoft.ServiceBus',
    identifierUris: uris('servicebus.azure.net'),
    scopeId: '40e16207-c5fd-4916-8ca4-64565f2367ca',
  },
  eventHubs: {
    appId: '80369ed6-5f11-4dd9-bef3-692475845e77',
    displayName: 'Microsoft.EventHubs',
    identifierUris: uris('eventhubs.azure.net'),
    scopeId: '7d388411-3845-4cfc-aa69-33192f4b9735',
  },
  aiSearch: {
    appId: '880da380-985e-4198-81b9-e05b1cc53158',
    displayName: 'Azure Cognitive Search',
    identifierUris: uris('search.azure.com'),
    scopeId: 'a4165a31-5d9e-4120-bd1e-9d88c66fd3b8',
  },
  ossDatabases: {
    appId: '123cd850-d9df-40bd-94d5-c9f07b7fa203',
    displayName: 'Azure OSSRDBMS Database',
    identifierUris: uris('ossrdbms-aad.database.windows.net'),
    scopeId: 'cef99a3a-4cd3-4408-8143-4375d1e38a17',
  },
} as const satisfies Record<string, AzureApiFacts>

/** A well-known API of Azure. */
export type AzureApi = keyof typeof azureApiFacts

export const azureApis: readonly AzureApi[] = Object.keys(azureApiFacts) as AzureApi[]
