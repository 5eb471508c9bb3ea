import { clientCertificate, type ClientCredential } from '@countersign/token-client'

/** What is used of `CryptographyClient` of `@azure/keyvault-keys`. */
export interface VaultKey {
  sign(algorithm: 'PS256' | 'RS256', digest: Uint8Array): Promise<{ result: Uint8Array }>
}

/** A certificate whose key stays in Azure Key Vault. */
export function vaultCertificate(certificate: string, key: VaultKey): ClientCredential {
  return clientCertificate({
    certificate,
    async sign(_data, { algorithm, digest }) {
      const { result } = await key.sign(algorithm, digest)
      return result
    },
  })
}
