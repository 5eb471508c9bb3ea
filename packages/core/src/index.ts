export { createTokenValidator } from './validator.js'
export type { ForgetKeysOptions, TokenValidator, ValidationOutcome } from './validator.js'
export type { RequestView } from './request-view.js'
export type { TokenValidatorOptions } from './options.js'
export type { TokenCacheOptions } from './token-cache.js'

export { entra, entraMultiTenant } from './entra.js'
export type { EntraMultiTenantOptions, EntraOptions } from './entra.js'
export { clouds } from './clouds.js'
export type { EntraCloud, EntraCloudName } from './clouds.js'
export { oidcIssuer, staticIssuer } from './oidc.js'
export { introspectedIssuer } from './introspected-issuer.js'
export type { IntrospectedIssuerOptions } from './introspected-issuer.js'
export type { IntrospectionAuthentication, IntrospectionCredentials } from './introspection.js'
export { oidcIssuers } from './realms.js'
export type { OidcIssuersOptions } from './realms.js'
export type { GenericIssuerSettings, OidcIssuerOptions, StaticIssuerOptions } from './oidc.js'
export {
  authorizationHeader,
  fromCookie,
  fromHeader,
  fromQuery,
  fromWebSocketProtocol,
} from './token-source.js'
export type { CookieOptions, TokenSource } from './token-source.js'
export { dpop } from './dpop.js'
export type { DpopOptions } from './dpop.js'
export { forwardedCertificate } from './forwarded-certificate.js'
export type { ForwardedCertificate, ForwardedCertificateOptions } from './forwarded-certificate.js'
export { mutualTls } from './mutual-tls.js'
export type { MutualTlsOptions } from './mutual-tls.js'
export type { ReplayStore } from './replay-store.js'
export type { SenderProof } from './sender-proof.js'
export { claimPath } from './claim-source.js'
export type { ClaimPath, ClaimSource } from './claim-source.js'
export { absent, expectation, present } from './shape.js'
export type { Expectation, ExpectedValue, Shape } from './shape.js'
export type { ClaimSources, KindRule } from './generic-identity.js'
export type { TokenType, TokenTypeRule } from './token-type.js'
export type { GivenKeys } from './static-keys.js'
export type { IssuerSettings, TenantPolicy, TrustedIssuer } from './issuer.js'
export type { SigningAlgorithm } from './algorithms.js'
export type { Fetch } from './fetch-json.js'

export type {
  AllowsAnonymous,
  ApplicationToken,
  DelegatedToken,
  TokenKind,
  TokenOfUnknownKind,
  ValidatedToken,
} from './validated-token.js'
export type { AgentFacts } from './entra-agent.js'
export type { Claims, Groups } from './claims.js'
export { allOf, anyOf } from './permission.js'
export type {
  AllOfPermissions,
  AnyOfPermissions,
  Condition,
  Permission,
  PermissionByKind,
  PermissionOfAnyKind,
} from './permission.js'
export { condition } from './condition.js'
export { authContext, authentication } from './step-up.js'
export type { AuthenticationOptions } from './step-up.js'
export { createRevocationList } from './revocation-list.js'
export type { RevocationList, RevocationListOptions } from './revocation-list.js'
export type { RevocationStore } from './revocation-feed.js'
export type { Revoked } from './revocation-entry.js'
export type { Revocation } from './revocation.js'
export { createSecurityEventReceiver } from './security-events.js'
export type {
  SecurityEvent,
  SecurityEventAnswer,
  SecurityEventReceiverOptions,
  SecurityEventRequest,
} from './security-events.js'

export { BearerError, isBearerError, refusals } from './errors.js'
export type { RefusalCode } from './errors.js'
export type { IssuerSnapshot, KeySnapshot, SnapshotKey } from './key-snapshot.js'
export type { CheckName } from './checks.js'
export type { CheckVerdict, Explanation } from './explain.js'
export type {
  AcceptedEvent,
  IntrospectionFailedEvent,
  KeySkippedEvent,
  KeysRefreshedEvent,
  KeysRefreshFailedEvent,
  RefusedEvent,
  ValidatorObservers,
} from './observers.js'

export type { EventDetails } from './event-details.js'

export { createFetchAuth, protectedResourceMetadata } from './web.js'
export type { AuthenticatedHandler, FetchAuth, FetchAuthOptions, FetchOutcome } from './web.js'
export { resourceMetadataUrl } from './protected-resource.js'
export type { ProtectedResourceOptions } from './protected-resource.js'
