export { startEmulator } from './start.js'
export type { ControlApiAddress, Emulator, EmulatorCloud, ManagedIdentityAddresses } from './emulator.js'
export type { EmulatorOptions, OtherMachinesOptions, OwnCertificate } from './options.js'
export type { StoredAuthority } from './keys/tls-certificates.js'
export { fixedClock, runningClock } from './base/clock.js'
export type { EmulatorClock } from './base/clock.js'
export { advice } from './base/advice.js'
export { aadsts } from './base/errors.js'
export type { AadstsCode, AadstsEntry } from './base/errors.js'
export { tokenFlaws, tokenFlawsFor, tokenFlawTable } from './controls/flaw-table.js'
export type { ApiUnderTest, ExpectedRefusal, TokenFlaw, TokenFlawEntry } from './controls/flaw-table.js'
export { reportApiCalls } from './report-api-calls.js'
export type { ApiCallObservers, ReportApiCallsOptions } from './report-api-calls.js'
export type { EmulatorKeys } from './controls/keys.js'
export type { CreateUserOptions, EmulatorUsers, RevokeOptions, UserDescription } from './controls/users.js'
export type { EmulatorRegistration, RegistrationPatch } from './controls/registration.js'
export type { GrantConsentOptions } from './controls/grant-consent.js'
export type { Inspection as TokenExplanation } from './inspect/inspect-token.js'
export type { ApiVerdict, Check as TokenCheck } from './inspect/rules.js'
export type { Story as TokenStory } from './inspect/stories.js'
export type { ExplainPermissionOptions, PermissionExplanation } from './controls/explain-permission.js'
export type { IssueTokenOptions } from './controls/issue-token.js'
export type { RevokeConsentOptions } from './controls/revoke-consent.js'
export type {
  ActiveFault,
  EmulatorEndpoint,
  EmulatorFaults,
  FaultEffect,
  FaultOptions,
} from './instance/faults.js'
export type { AzureApi } from './registration/azure-api-facts.js'
export type { TokenIssuance, TokenIssuanceHook } from './instance/issuance-hook.js'
export type { ImitatedIssuers } from './instance/issuer-labels.js'
export type { RecordedRequest, RecordedRequests } from './instance/request-log.js'
export type { Revocation } from './instance/revocations.js'
export type { EmulatorState } from './instance/state.js'
export type { DirectoryChanges } from './instance/directory-changes.js'
export type { KeyDescription, KeyFlapping, KeyOwner, KeyState, StoredKey } from './keys/types.js'
export { RegistrationError } from './registration/read.js'
export type {
  ApiRegistration,
  ApplicationRegistration,
  AppRole,
  AppRoleAssignmentRegistration,
  ConditionalAccessRegistration,
  FederatedIdentityCredential,
  GroupRegistration,
  ImplicitGrantSettings,
  KeyCredential,
  AgentIdentityRegistration,
  ManagedIdentityRegistration,
  OptionalClaim,
  OptionalClaims,
  PasswordCredential,
  PasswordProfile,
  PermissionGrantRegistration,
  PermissionScope,
  PreAuthorizedApplication,
  RedirectUris,
  Registration,
  RequiredResourceAccess,
  ServicePrincipalRegistration,
  SignInAudience,
  TenantRegistration,
  UserRegistration,
  WebPlatform,
} from './registration/types.js'
