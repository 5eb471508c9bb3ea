import type { Authority } from '../authorities/authority.js'
import type { DpopOptions } from '../bound-tokens/dpop-options.js'
import type { ServiceFetch } from '../base/guarded-fetch.js'
import type { ClientCredential } from '../credentials/client-credential.js'
import type { TokenClientObservers } from '../observers/observers.js'
import type { StoreOptions } from '../store/store-options.js'

/** The options of `createTokenClient`. */
export interface TokenClientOptions extends TokenClientObservers {
  /** The token service: `entraAuthority(…)` or `oauthAuthority(…)`. */
  readonly authority: Authority
  /** This application's client id. */
  readonly clientId: string
  /** How this application authenticates: `clientSecret(…)`, `clientCertificate(…)`, `clientAssertion(…)`, `mutualTls(…)`. */
  readonly credential: ClientCredential
  /**
   * This API's own audiences. When given, a user's token that was issued for another API is refused before it is sent.
   * Default: the audience is not checked here.
   */
  readonly audience?: string | readonly string[] | undefined
  /** Limits of the tokens in this process's memory. */
  readonly cache?:
    | {
        /** The most tokens. Default: 20,000. */
        readonly maxEntries?: number | undefined
        /** The most bytes. Default: 64 MiB. */
        readonly maxBytes?: number | undefined
        /** A cached token ends after this time, in seconds, or earlier if the service says so. Default: 24 hours. */
        readonly maxTokenLifeSeconds?: number | undefined
      }
    | undefined
  /** Limits and place of the sessions. */
  readonly sessions?:
    | {
        /**
         * The most sessions in memory: past it, the longest idle one of the same user ends, or of all, when that user has no
         * other. Default: 10,000.
         */
        readonly maxSessions?: number | undefined
        /** A session that is not used (in the store: not renewed) for this time, in seconds, ends. Default: 7 days. */
        readonly idleSeconds?: number | undefined
        /** Whether sessions are in `store`, when there is one; otherwise in this process's memory. Default: true. */
        readonly shared?: boolean | undefined
      }
    | undefined
  /**
   * A store that several processes share. It holds tokens and sessions, encrypted. Default: tokens and sessions are only in
   * this process's memory.
   */
  readonly store?: StoreOptions | undefined
  /**
   * Binds tokens to a key (DPoP, RFC 9449): a stolen token is worth nothing without it. Send them with `createFetch`, which
   * proves each request. A token that the service does not bind is refused. Entra does not issue such tokens. Default: false.
   */
  readonly dpop?: boolean | DpopOptions | undefined
  /**
   * What this client can do, sent to Entra's v2.0 endpoint in every request (`xms_cc`). Entra knows `cp1`: the client
   * handles claims challenges. Default: none.
   */
  readonly clientCapabilities?: readonly string[] | undefined
  /** Seconds that one token request may take, and, before it, the functions of the credential. Default: 5. */
  readonly timeoutSeconds?: number | undefined
  /** The most bytes that are read of one answer, after decompression. Default: 256 KiB. */
  readonly maxResponseBytes?: number | undefined
  /** The current time, in seconds since the epoch. Default: this machine's clock. */
  readonly clock?: (() => number) | undefined
  /**
   * Sends the requests to the token service: through a proxy, say, or with other certificate authorities. Default: the global
   * `fetch`; with `mutualTls`, one that presents the client's certificate.
   */
  readonly fetch?: ServiceFetch | undefined
}
