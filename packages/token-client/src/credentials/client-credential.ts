import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import type { Fetch } from '../base/guarded-fetch.js'
import { isTokenClientError, TokenClientError } from '../base/errors.js'
import { printableReason } from '../base/system-reason.js'

/**
 * How a client authenticates: a function that adds the proof to a token request. `clientSecret`, `clientCertificate` and
 * `clientAssertion` return one. The shape is oauth4webapi's `ClientAuth`, so its `ClientSecretBasic`, `PrivateKeyJwt` and
 * the others are credentials too. What an own function throws is not passed on, as it may hold the secret.
 */
export type ClientCredential = oauth.ClientAuth

// oauth4webapi takes another clock only as whole seconds of skew; a certificate's validity needs the time itself. The
// symbol is shared by all copies of this package, so that a credential of one copy knows the time of another's client.
const requestTime: unique symbol = Symbol.for('@countersign/token-client:request-time')

const credentialHint: unique symbol = Symbol.for('@countersign/token-client:credential-hint')

const requestFetch: unique symbol = Symbol.for('@countersign/token-client:request-fetch')

type TimedClient = oauth.Client & {
  readonly [requestTime]?: number
  readonly [requestFetch]?: Fetch
  [credentialHint]?: string
}

/** The client as oauth4webapi expects it, at the time of one request. */
export function clientAt(
  { clockSkew }: typeof oauth,
  clientId: string,
  now: number,
  fetch: Fetch,
): oauth.Client {
  const client: TimedClient = {
    client_id: clientId,
    [clockSkew]: Math.round(now - Date.now() / 1000),
    [requestTime]: now,
    [requestFetch]: fetch,
  }
  return client
}

/** What sends the requests of that client: for a credential that is itself acquired from the token service. */
export function fetchOf(client: oauth.Client): Fetch {
  const fetch = (client as TimedClient)[requestFetch]
  if (fetch === undefined) throw new TypeError('the client was not made by this package')
  return fetch
}

/** The time of the request for which this client was made, in seconds. */
export function timeOf(client: oauth.Client): number {
  return (client as TimedClient)[requestTime] ?? Date.now() / 1000
}

// What an application's function threw, for the observers. Not a member of the error: errors are logged.
const thrownObjects = new WeakMap<TokenClientError, { readonly thrown: unknown }>()

/** Notes what is suspicious about a credential, without the credential, for the error if the service refuses it. */
export function noteHint(client: oauth.Client, hint: 'secret_id' | 'secret_white_space'): void {
  ;(client as TimedClient)[credentialHint] = hint
}

/** What `noteHint` noted for this request. */
export function hintOf(client: oauth.Client): string | undefined {
  return (client as TimedClient)[credentialHint]
}

/** Calls the application's own function. What it throws may hold the secret, so only its name and system code are passed on. */
export async function obtain<T>(source: () => T | Promise<T>): Promise<T> {
  try {
    return await source()
  } catch (thrown) {
    const error = errorOf(thrown)
    thrownObjects.set(error, { thrown })
    throw error
  }
}

/** An error of this package, such as that of a managed identity, keeps what is to be done. */
function errorOf(thrown: unknown): TokenClientError {
  if (!isTokenClientError(thrown)) {
    return new TokenClientError('client_credential_unavailable', { reason: printableReason(thrown) })
  }
  const code = thrown.action === 'retry' ? 'client_credential_unavailable' : 'client_credential_unusable'
  return new TokenClientError(code, { reason: thrown.code })
}

/** What an application's function threw when `obtain` called it. */
export function thrownObject(error: unknown): { readonly thrown: unknown } | undefined {
  return error instanceof TokenClientError ? thrownObjects.get(error) : undefined
}

// Errors that this package made of an answer of the token service. Those of an application's function may hold anything.
const withOwnAnswer = new WeakSet<TokenClientError>()

/** Keeps the service's words of an error that ends a credential: they are ours. */
export function keepAnswer(error: TokenClientError): TokenClientError {
  withOwnAnswer.add(error)
  return error
}

/** The service's words, of an error that `keepAnswer` got. */
export function keptAnswer(error: TokenClientError): TokenClientError['service'] {
  return withOwnAnswer.has(error) ? error.service : undefined
}
