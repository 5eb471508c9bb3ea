export type { AcquiredToken } from './acquired-token.js'
export type { Authority, Grant, Parameters } from './authority.js'
export { createTokenClient, type TokenClient } from './client.js'
export {
  type CertificatePair,
  clientCertificate,
  type ClientCertificateOptions,
} from './client-certificate.js'
export { clientAssertion, type ClientCredential, clientSecret } from './credentials.js'
export { entraAuthority, type EntraAuthorityOptions } from './entra-authority.js'
export {
  ServiceAnswer,
  TokenClientError,
  type TokenClientAction,
  type TokenClientErrorCode,
} from './errors.js'
export { oauthAuthority, type OAuthAuthorityOptions } from './oauth-authority.js'
export type { TokenClientOptions } from './options.js'
export type { TokenSession } from './sessions.js'
export type { AcquireOptions, Target } from './target.js'
export type { SessionOwner, UserToken, ValidatedUserToken } from './user-token.js'
