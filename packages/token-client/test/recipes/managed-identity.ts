import { clientAssertion, type ClientCredential } from '@countersign/token-client'

/** The credential of an application that trusts a managed identity of the machine it runs on. */
export function managedIdentity({
  clientId,
  metadataHost = 'http://169.254.169.254',
}: {
  /** The client id of a user-assigned identity; left out for the system-assigned one. */
  clientId?: string
  metadataHost?: string
} = {}): ClientCredential {
  const url = new URL('/metadata/identity/oauth2/token', metadataHost)
  url.searchParams.set('api-version', '2018-02-01')
  url.searchParams.set('resource', 'api://AzureADTokenExchange')
  if (clientId !== undefined) url.searchParams.set('client_id', clientId)

  return clientAssertion(async () => {
    const response = await fetch(url, {
      headers: { Metadata: 'true' },
      redirect: 'error',
      signal: AbortSignal.timeout(5000),
    })
    if (!response.ok) throw new Error(`The metadata service answered ${response.status}`)
    const { access_token } = (await response.json()) as { access_token: string }
    return access_token
  })
}
