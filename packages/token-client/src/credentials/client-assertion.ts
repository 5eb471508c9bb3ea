import { open } from 'node:fs/promises'
import { TokenClientError } from '../base/errors.js'
import { badOption } from '../base/options-reader.js'
import { type ClientCredential, obtain } from './client-credential.js'

const maxAssertionBytes = 65_536

/**
 * An assertion that another service signs (RFC 7523 section 2.2): workload identity, managed identity, another identity
 * provider. A function that returns the JWT, or a file that holds it; both are asked for every token request, because the
 * assertion changes. Does not check the JWT's signature or claims: the token service does. Throws `TypeError` for anything
 * else.
 *
 * @example
 * ```ts
 * import { clientAssertion } from '@countersign/token-client'
 *
 * const credential = clientAssertion({ file: '/var/run/secrets/azure/tokens/azure-identity-token' })
 * ```
 */
export function clientAssertion(
  source:
    | (() => string | Promise<string>)
    | {
        /** The path of a file that holds the assertion; it is read again for each request. */
        readonly file: string
      },
): ClientCredential {
  const read = readSource(source)
  return async (_server, client, body) => {
    const assertion = await obtain(read)
    if (typeof assertion !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(assertion)) {
      throw new TokenClientError('client_credential_unusable', { reason: 'not_a_jwt' })
    }
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion)
  }
}

function readSource(source: unknown): () => string | Promise<string> {
  if (typeof source === 'function') return source as () => string | Promise<string>
  const file: unknown = typeof source === 'object' && source !== null && 'file' in source && source.file
  if (typeof file !== 'string' || file === '') {
    throw badOption(
      'clientAssertion',
      'source',
      'must be a function that returns a JWT, or { file } with its path',
    )
  }
  return () => readAssertionFile(file)
}

async function readAssertionFile(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxAssertionBytes), 0, maxAssertionBytes, 0)
    return buffer.toString('latin1', 0, bytesRead).trim()
  } finally {
    await file.close()
  }
}
