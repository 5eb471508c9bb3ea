import { TokenClientError } from '../base/errors.js'
import { badOption } from '../base/options-reader.js'
import { isGuid } from '../base/identifiers.js'
import { type ClientCredential, noteHint, obtain } from './client-credential.js'

/**
 * A client secret, or a function that returns the current one (from a vault, from a file). The function is called for
 * every token request. The secret goes into the body, or into the `Authorization` header when the service's metadata does
 * not list `client_secret_post` (RFC 6749 section 2.3.1). Does not check whether the service accepts the secret. Throws
 * `TypeError` for an empty secret.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { clientSecret } from '@countersign/token-client'
 *
 * const credential = clientSecret(() => readFile('/run/secrets/client-secret', 'utf8'))
 * ```
 */
export function clientSecret(secret: string | (() => string | Promise<string>)): ClientCredential {
  if (typeof secret !== 'function' && !isSecret(secret)) {
    throw badOption('clientSecret', 'secret', 'must be a non-empty string, or a function that returns one')
  }
  return async (server, client, body, headers) => {
    const current = typeof secret === 'function' ? await obtain(secret) : secret
    if (!isSecret(current)) {
      throw new TokenClientError('client_credential_unusable', { reason: 'not_a_string' })
    }
    if (current.trim() !== current) noteHint(client, 'secret_white_space')
    else if (isGuid(current)) noteHint(client, 'secret_id')
    const methods = server.token_endpoint_auth_methods_supported
    // RFC 8414 section 2: client_secret_basic is the default when nothing is listed.
    const { ClientSecretPost, ClientSecretBasic } = await import('oauth4webapi')
    const authenticate = methods?.includes('client_secret_post') ? ClientSecretPost : ClientSecretBasic
    await authenticate(current)(server, client, body, headers)
  }
}

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
