export type { Authority } from './authorities/authority.js'
export { entraAuthority, type EntraAuthorityOptions } from './authorities/entra-authority.js'
export { oauthAuthority, type OAuthAuthorityOptions } from './authorities/oauth-authority.js'
export type { TokenExchangeOptions, TokenType } from './authorities/token-exchange.js'
export type { AcquiredToken } from './base/acquired-token.js'
export {
  type CallerAnswer,
  isTokenClientError,
  type TokenClientAction,
  TokenClientError,
  type TokenClientErrorCode,
} from './base/errors.js'
export type { CodeExplanation, FailedRequest } from './base/diagnosis.js'
export type { DpopOptions } from './bound-tokens/dpop-options.js'
export { mutualTls, type MutualTlsOptions } from './bound-tokens/mutual-tls.js'
export type { ServiceFetch, ServiceRequest, ServiceResponse } from './base/guarded-fetch.js'
export type { ServiceAnswer } from './base/service-answer.js'
export type { AcquireOptions, Target } from './base/target.js'
export { createTokenClient } from './client/create-token-client.js'
export type { TokenClientOptions } from './client/options.js'
export type { TokenClient } from './client/token-client.js'
export { agentIdentity, type AgentIdentityOptions } from './credentials/agent-identity.js'
export { clientAssertion } from './credentials/client-assertion.js'
export type {
  CertificateFile,
  CertificatePair,
  CertificateSigner,
  CertificateSource,
  ClientCertificateOptions,
} from './credentials/certificate-source.js'
export { clientCertificate } from './credentials/client-certificate.js'
export type { ClientCredential } from './credentials/client-credential.js'
export { clientSecret } from './credentials/client-secret.js'
export type { AgentUser } from './grants/agent-user.js'
export type { CreateFetchOptions, SessionFetchOptions } from './fetch/fetch-options.js'
export {
  managedIdentity,
  type ManagedIdentity,
  type ManagedIdentityOptions,
} from './managed-identity/managed-identity.js'
export type {
  RequestedToken,
  TokenClientObservers,
  TokenCredentialFaultEvent,
  TokenFailureEvent,
  TokenHitEvent,
  TokenMissEvent,
  TokenRefreshEvent,
  TokenRequestEvent,
  TokenStoreFaultEvent,
} from './observers/observers.js'
export type { TokenSession } from './sessions/token-session.js'
export type { KeyvLike, StoreKey, StoreLock, StoreOptions } from './store/store-options.js'
export type { SessionOwner, ValidatedUserToken } from './user-tokens/user-token.js'
