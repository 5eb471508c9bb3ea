import {
  clientAssertion,
  createTokenClient,
  entraAuthority,
  type TokenClient,
} from '@countersign/token-client'

/** A client in a pod that Azure Workload Identity has prepared: its settings are environment variables. */
export function createWorkloadClient(environment: Readonly<Record<string, string | undefined>>): TokenClient {
  const { AZURE_TENANT_ID = '', AZURE_CLIENT_ID = '', AZURE_FEDERATED_TOKEN_FILE = '' } = environment
  const { AZURE_AUTHORITY_HOST } = environment
  return createTokenClient({
    authority: entraAuthority({
      tenantId: AZURE_TENANT_ID,
      version: '2.0',
      ...(AZURE_AUTHORITY_HOST === undefined
        ? {}
        : { cloud: { authority: new URL(AZURE_AUTHORITY_HOST).origin } }),
    }),
    clientId: AZURE_CLIENT_ID,
    credential: clientAssertion({ file: AZURE_FEDERATED_TOKEN_FILE }),
  })
}
