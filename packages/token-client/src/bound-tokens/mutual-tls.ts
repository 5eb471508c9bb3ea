import { createSecureContext } from 'node:tls'
import { TokenClientError } from '../base/errors.js'
import { badOption, checkNames, checkObject } from '../base/options-reader.js'
import type { ClientCredential } from '../credentials/client-credential.js'

/** The certificate of a client in TLS, and its key. */
export interface MutualTlsOptions {
  /** The certificate, PEM. The certificates of its chain may follow it. Not together with `pfx`. */
  readonly certificate?: string | undefined
  /** Its private key, PEM. */
  readonly privateKey?: string | undefined
  /** A PKCS #12 file with both. */
  readonly pfx?: Uint8Array | undefined
  /** The passphrase of the key or of the file. */
  readonly passphrase?: string | undefined
  /** The certificate authorities that servers are checked with, PEM. Default: those of Node (`NODE_EXTRA_CA_CERTS` included). */
  readonly ca?: string | readonly string[] | undefined
}

// Shared by all copies of this package, so that a credential of one copy works with a client of another.
const tlsFetch: unique symbol = Symbol.for('@countersign/token-client:tls-fetch')

type TlsCredential = ClientCredential & { readonly [tlsFetch]: typeof fetch }

const names = ['certificate', 'privateKey', 'pfx', 'passphrase', 'ca']

/**
 * Authenticates the client by its certificate in TLS (RFC 8705, `tls_client_auth` and `self_signed_tls_client_auth`). Token
 * requests go to the service's `mtls_endpoint_aliases`, where its metadata has them. Services bind the tokens to the
 * certificate, so `createFetch` presents it to the target as well. The package `undici` must be installed. Throws `TypeError`
 * for a certificate and a key that do not belong together. Does not check that the service supports it. For Entra use
 * `clientCertificate`.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { createTokenClient, mutualTls, oauthAuthority } from '@countersign/token-client'
 *
 * const client = createTokenClient({
 *   authority: oauthAuthority({ issuer: 'https://login.example' }),
 *   clientId: 'orders',
 *   credential: mutualTls({
 *     certificate: readFileSync('client.crt', 'utf8'),
 *     privateKey: readFileSync('client.key', 'utf8'),
 *   }),
 * })
 * ```
 */
export function mutualTls(options: MutualTlsOptions): ClientCredential {
  checkObject('mutualTls', options)
  checkNames('mutualTls', options, names)
  const { certificate, privateKey, pfx, passphrase, ca }: MutualTlsOptions = options
  if ((pfx === undefined) === (certificate === undefined || privateKey === undefined)) {
    throw badOption(
      'mutualTls',
      'certificate',
      'and "privateKey" must be PEM text; or pass "pfx" instead of them',
    )
  }
  const connect = {
    ...(pfx === undefined ? { cert: certificate, key: privateKey } : { pfx: Buffer.from(pfx) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
  }
  try {
    createSecureContext(connect)
  } catch {
    // OpenSSL's messages could contain parts of the key.
    throw badOption('mutualTls', 'certificate', 'must belong to its key, and "passphrase" to both')
  }
  const credential: ClientCredential = async (_server, client, body) => {
    body.set('client_id', client.client_id)
  }
  return Object.assign(credential, { [tlsFetch]: createTlsFetch(connect) })
}

/** What sends requests over TLS with the credential's certificate; `undefined` for other credentials. */
export function tlsFetchOf(credential: ClientCredential): typeof fetch | undefined {
  return tlsFetch in credential ? (credential as TlsCredential)[tlsFetch] : undefined
}

/** Node's own `fetch` cannot present a certificate, and takes no agent of another version of undici. */
function createTlsFetch(connect: object): typeof fetch {
  let loading: Promise<{ undici: typeof import('undici'); dispatcher: import('undici').Agent }> | undefined
  return async (input, init) => {
    loading ??= loadUndici().then((undici) => ({ undici, dispatcher: new undici.Agent({ connect }) }))
    const { undici, dispatcher } = await loading
    // Of Node's own classes, which undici's `fetch` does not know.
    const request = new Request(input, init)
    const isStream = init?.body instanceof ReadableStream || (input instanceof Request && input.body !== null)
    const body = isStream ? request.body : request.body && new Uint8Array(await request.arrayBuffer())
    const response = await undici.fetch(request.url, {
      method: request.method,
      headers: [...request.headers] as [string, string][],
      ...(body === null ? {} : { body: body as Uint8Array, duplex: 'half' }),
      redirect: request.redirect,
      signal: request.signal,
      dispatcher,
    })
    return response as unknown as Response
  }
}

async function loadUndici(): Promise<typeof import('undici')> {
  try {
    return await import('undici')
  } catch {
    throw new TokenClientError('client_credential_unusable', {
      reason: 'mutualTls needs the package undici: npm install undici',
    })
  }
}
