export type { AcquiredToken } from './base/acquired-token.js'
export type { Authority, Grant, Parameters } from './authorities/authority.js'
export { createTokenClient } from './client/create-token-client.js'
export type { TokenClient } from './client/token-client.js'
export {
  type CertificatePair,
  clientCertificate,
  type ClientCertificateOptions,
} from './credentials/client-certificate.js'
export type { CreateFetchOptions } from './fetch/create-fetch.js'
export { clientAssertion, type ClientCredential, clientSecret } from './credentials/client-credential.js'
export { entraAuthority, type EntraAuthorityOptions } from './authorities/entra-authority.js'
export {
  type CallerAnswer,
  ServiceAnswer,
  TokenClientError,
  type TokenClientAction,
  type TokenClientErrorCode,
} from './base/errors.js'
export { oauthAuthority, type OAuthAuthorityOptions } from './authorities/oauth-authority.js'
export type {
  TokenClientObservers,
  TokenFailureEvent,
  TokenHitEvent,
  TokenMissEvent,
  TokenRefreshEvent,
  TokenRequestEvent,
  TokenStoreFaultEvent,
  Wish,
} from './observers/observers.js'
export type { StoreOptions, TokenClientOptions } from './client/options.js'
export type { Lock } from './store/encrypted-store.js'
export type { TokenSession } from './sessions/sessions.js'
export type { KeyvLike, StoreKey } from './store/encrypted-store.js'
export type { AcquireOptions, Target } from './base/target.js'
export type { SessionOwner, UserToken, ValidatedUserToken } from './user-tokens/user-token.js'
