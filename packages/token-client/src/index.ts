export type { AcquiredToken } from './acquired-token.js'
export type { Authority, Grant, Parameters } from './authority.js'
export { createTokenClient } from './client.js'
export type { TokenClient } from './token-client.js'
export {
  type CertificatePair,
  clientCertificate,
  type ClientCertificateOptions,
} from './client-certificate.js'
export type { CreateFetchOptions } from './create-fetch.js'
export { clientAssertion, type ClientCredential, clientSecret } from './credentials.js'
export { entraAuthority, type EntraAuthorityOptions } from './entra-authority.js'
export {
  type CallerAnswer,
  ServiceAnswer,
  TokenClientError,
  type TokenClientAction,
  type TokenClientErrorCode,
} from './errors.js'
export { oauthAuthority, type OAuthAuthorityOptions } from './oauth-authority.js'
export type {
  TokenClientObservers,
  TokenFailureEvent,
  TokenHitEvent,
  TokenMissEvent,
  TokenRefreshEvent,
  TokenRequestEvent,
  TokenStoreFaultEvent,
  Wish,
} from './observers.js'
export type { StoreOptions, TokenClientOptions } from './options.js'
export type { Lock } from './shared-store.js'
export type { TokenSession } from './sessions.js'
export type { KeyvLike, StoreKey } from './shared-store.js'
export type { AcquireOptions, Target } from './target.js'
export type { SessionOwner, UserToken, ValidatedUserToken } from './user-token.js'
