import type * as oauth from 'oauth4webapi'
import { systemReason, TokenClientError } from '../base/errors.js'

/**
 * How this client proves who it is: a function that adds the proof to a token request. The shape is
 * oauth4webapi's, so `ClientSecretBasic`, `PrivateKeyJwt` and the others made there are credentials too.
 */
export type ClientCredential = oauth.ClientAuth

// oauth4webapi knows another clock only as whole seconds of skew; validity to the second needs the time itself.
const requestTime: unique symbol = Symbol('requestTime')

type TimedClient = oauth.Client & { readonly [requestTime]?: number }

/** The client as oauth4webapi wants it, at the time of one request. */
export function clientAt({ clockSkew }: typeof oauth, clientId: string, now: number): oauth.Client {
  const client: TimedClient = {
    client_id: clientId,
    [clockSkew]: Math.round(now - Date.now() / 1000),
    [requestTime]: now,
  }
  return client
}

export function timeOf(client: oauth.Client): number {
  return (client as TimedClient)[requestTime] ?? Date.now() / 1000
}

/**
 * A client secret, or a function that gives the current one (a vault, a rotated file). It goes into the
 * body, unless the service's metadata takes it only in the `Authorization` header.
 */
export function clientSecret(secret: string | (() => string | Promise<string>)): ClientCredential {
  if (typeof secret !== 'function' && !isSecret(secret)) {
    throw new TypeError('clientSecret takes a non-empty string, or a function that gives one')
  }
  return async (server, client, body, headers) => {
    const current = typeof secret === 'function' ? await obtain(secret) : secret
    if (!isSecret(current))
      throw new TokenClientError('client_credential_unusable', { reason: 'not_a_string' })
    const methods = server.token_endpoint_auth_methods_supported
    // RFC 8414 section 2: client_secret_basic is the default when nothing is listed.
    const { ClientSecretPost, ClientSecretBasic } = await import('oauth4webapi')
    const authenticate = methods?.includes('client_secret_post') ? ClientSecretPost : ClientSecretBasic
    await authenticate(current)(server, client, body, headers)
  }
}

/**
 * An assertion that someone else signed: workload identity, managed identity, another identity provider. A
 * function, or a file that is read for every request, as its owner replaces it.
 */
export function clientAssertion(
  source: (() => string | Promise<string>) | { readonly file: string },
): ClientCredential {
  if (
    typeof source !== 'function' &&
    !(typeof source === 'object' && source !== null && isSecret(source.file))
  ) {
    throw new TypeError('clientAssertion takes a function that gives a JWT, or { file } with the path of one')
  }
  const read = typeof source === 'function' ? source : () => readAssertionFile(source.file)
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

/** Calls the application's own function. What it throws may hold the secret, so only a system code is passed on. */
export async function obtain<T>(source: () => T | Promise<T>): Promise<T> {
  try {
    return await source()
  } catch (error) {
    throw new TokenClientError('client_credential_unavailable', { reason: systemReason(error) })
  }
}

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

const maxAssertionBytes = 65_536

async function readAssertionFile(path: string): Promise<string> {
  const { open } = await import('node:fs/promises')
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxAssertionBytes), 0, maxAssertionBytes, 0)
    return buffer.toString('latin1', 0, bytesRead).trim()
  } finally {
    await file.close()
  }
}
