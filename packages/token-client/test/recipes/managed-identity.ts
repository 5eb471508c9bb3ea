import {
  type Authority,
  createTokenClient,
  managedIdentity,
  type TokenClient,
} from '@countersign/token-client'

/** A client of an application that trusts a managed identity of the machine it runs on. */
export function createFederatedClient(
  authority: Authority,
  clientId: string,
  environment: Readonly<Record<string, string | undefined>>,
): TokenClient {
  const identity = managedIdentity({ environment })
  return createTokenClient({ authority, clientId, credential: identity.credential })
}
