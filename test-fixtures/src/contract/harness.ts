import type { Issuer } from '../issuer.js'
import type { IssuerMakers, Permission, RowIssuerOptions, SetupOptions } from '../setups.js'

/** A source of tokens, as the package under test makes it: this one imports none of ours. */
interface TokenSource {
  readonly '@countersign/core:token-source': never
}

/** A sender proof, as the package under test makes it. */
interface SenderProof {
  readonly '@countersign/core:sender-proof': never
}

/** A header with a certificate, as the package under test makes it. */
interface ForwardedCertificate {
  readonly '@countersign/core:forwarded-certificate': never
}

/** A condition or a combination, as the package under test makes it. */
export type OpaquePermission =
  | { readonly '@countersign/core:condition': never }
  | { readonly '@countersign/core:anyOf': never }
  | { readonly '@countersign/core:allOf': never }

/** A list of revoked tokens, as the package under test makes it. */
interface RevocationList {
  isRevoked(token: never): boolean | Promise<boolean>
  revoke(what: { client: string } | { user: { issuer: string; subject: string } }): Promise<void>
}

type AnyPermission = Permission | OpaquePermission

/** Factories with all that the contract needs of them. */
interface ContractMakers<TrustedIssuer> extends IssuerMakers<TrustedIssuer> {
  authorizationHeader(): TokenSource
  fromCookie(name: string, options: { allowedOrigins: string }): TokenSource
  fromQuery(name: string): TokenSource
  dpop(options: {
    publicUrl: string
    required?: boolean
    nonceSecrets?: readonly Uint8Array[]
    replayStore?: { addIfAbsent(key: string, ttlSeconds: number): Promise<boolean> }
  }): SenderProof
  mutualTls(options?: { required?: boolean; certificateFrom?: ForwardedCertificate }): SenderProof
  forwardedCertificate(options: {
    trustedProxies: string
    header: string
    format: 'client-cert' | 'xfcc' | 'url-encoded-pem'
  }): ForwardedCertificate
  allOf(permissions: readonly AnyPermission[]): OpaquePermission
  anyOf(permissions: readonly AnyPermission[]): OpaquePermission
  authContext(id: string): OpaquePermission
  authentication(options: { acr?: string; maxAgeSeconds?: number }): OpaquePermission
  condition(
    name: string,
    allow: (token: { readonly subject?: string }, request: never) => boolean | Promise<boolean>,
  ): OpaquePermission
  createRevocationList(options: { maxTokenLifeSeconds: number; clock: () => number }): RevocationList
  entraMultiTenant(options: {
    allowedTenants: string[] | ((tenantId: string) => boolean | Promise<boolean>)
    clientId: string
    cloud: Issuer['cloud']
  }): TrustedIssuer
  oidcIssuer(
    options: { issuer: string; metadataUrl: string; audience?: string } & RowIssuerOptions,
  ): TrustedIssuer
  staticIssuer(options: { issuer: string; jwks: object }): TrustedIssuer
}

/** What the contract needs of a package under test: the factories of issuers and the table of refusals. */
export interface Adapter<TrustedIssuer> extends ContractMakers<TrustedIssuer> {
  readonly refusals: Readonly<
    Record<string, { readonly status: number; readonly error?: string; readonly phrase: string }>
  >
}

/** What an observer receives for one request. */
export interface ObservedEvent {
  readonly code?: string
  readonly status?: number
  readonly claim?: string
  readonly reason?: string
}

export interface ContractOptions<TrustedIssuer> extends Omit<
  SetupOptions<TrustedIssuer>,
  'issuer' | 'permission'
> {
  readonly permission?: AnyPermission
  readonly issuer: TrustedIssuer | readonly TrustedIssuer[]
  readonly allowAnonymous?: boolean
  readonly tokenCache?: false | { readonly maxEntries: number }
  readonly resourceMetadata?: string
  readonly tokenFrom?: readonly TokenSource[]
  readonly senderProofs?: SenderProof | readonly SenderProof[]
  readonly revocation?: { isRevoked(token: never): boolean | Promise<boolean> }
  readonly fetch?: () => Promise<never>
  readonly onAccepted?: (event: object) => void
  readonly onRefused?: (event: ObservedEvent) => void
}

/** A route of the API under test, for every method. The harness wires it, the contract says what it does. */
export interface ContractRoute {
  readonly path: string
  /** Guarded by `requirePermission(permission)` if given. */
  readonly permission?: AnyPermission
  /** The handler: gets `auth` of the request and returns the JSON to answer with; it may throw. */
  readonly handle: (auth: unknown) => unknown
}

export interface ResourceMetadataOptions {
  readonly resource: string
  readonly authorizationServers?: readonly string[]
  readonly scopesSupported?: readonly string[]
  readonly alsoAtRoot?: boolean
}

/** How the contract needs an API to be built. */
export interface ContractApi<TrustedIssuer> {
  /** Options of `bearerAuth`, or a validator made before; it is not registered at all if they are absent. */
  readonly bearerAuth?:
    | ContractOptions<TrustedIssuer>
    | { readonly validator: never; readonly allowAnonymous?: boolean }
  readonly routes: readonly ContractRoute[]
  /** Options of `protectedResourceMetadata`, which runs before `bearerAuth`; it is not registered if they are absent. */
  readonly metadata?: ResourceMetadataOptions
  /**
   * `default`: the framework's own. `custom`: one that answers with the error's status and a JSON body, and reads neither
   * `headers` nor anything else of the error.
   */
  readonly errorHandler: ErrorHandler
}

export type ErrorHandler = 'default' | 'custom'

export interface RunningApi {
  readonly origin: string
  /** All that the application could log: the framework's own log, and every error it received, inspected whole. */
  logs(): string
  stop(): Promise<void>
}

/** How to start a real server of one framework. It must accept headers of 64 KiB, so that the token's own limit is met. */
export interface AdapterHarness<TrustedIssuer> {
  readonly adapter: Adapter<TrustedIssuer>
  /** Whether the framework's default handler reads the rest of a request's body before it answers, as Express's does. */
  readonly defaultHandlerReadsBody: boolean
  start(api: ContractApi<TrustedIssuer>): Promise<RunningApi>
}

/** What each part of the contract works with. */
export interface Contract<TrustedIssuer> {
  readonly adapter: Adapter<TrustedIssuer>
  readonly errorHandler: ErrorHandler
  /** Whether a refusal waits for the end of the request's body. */
  readonly waitsForBody: boolean
  /** The issuer, while tests run. */
  readonly issuer: () => Issuer
  /** Starts an API that is stopped when the contract ends. Its only route is `/`, answered by `handle`, unless given. */
  start(
    options: ContractOptions<TrustedIssuer>,
    routes?: readonly ContractRoute[],
    metadata?: ResourceMetadataOptions,
  ): Promise<RunningApi>
  /** The handler: answers with `auth`, and counts. */
  readonly handle: (auth: unknown) => unknown
  readonly handlerRuns: () => number
}
