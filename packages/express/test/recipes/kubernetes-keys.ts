import { readFile } from 'node:fs/promises'
import { createTokenValidator, type TokenValidator } from '@countersign/express'
import { kubernetes } from '@countersign/express/issuers'

/** Keys of the cluster's own API server, which asks for the pod's token. The file is read again: its content is renewed. */
export function validatorInCluster(apiServer: string, issuer: string, tokenFile: string): TokenValidator {
  return createTokenValidator({
    issuer: kubernetes({
      issuer,
      jwksUri: `${apiServer}/openid/v1/jwks`,
      audience: 'orders-api',
      serviceAccounts: ['shop/checkout'],
    }),
    fetch: async (url, init) => {
      const token = (await readFile(tokenFile, 'utf8')).trim()
      return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } })
    },
  })
}
