export {
  startEmulator,
  type Emulator,
  type EmulatorCloud,
  type ManagedIdentityAddresses,
} from './emulator.js'
export type { EmulatorOptions } from './options.js'
export { fixedClock, runningClock, type EmulatorClock } from './clock.js'
export { RegistrationError } from './registration/read.js'
export { aadsts, type AadstsCode } from './errors.js'
export { advice } from './advice.js'
export { tokenFlaws, type TokenFlaw } from './flaws.js'
export type { EmulatorKeys } from './emulator-keys.js'
export type { ExplainPermissionOptions, PermissionExplanation } from './explain-permission.js'
export type { ActiveFault, EmulatorFaults, Endpoint, FaultEffect, FaultOptions } from './faults.js'
export type { ImitatedIssuers } from './issuer-labels.js'
export type { IssueTokenOptions } from './issue-token.js'
export type { Flapping, KeyDescription, KeyOwner, KeyState } from './keys.js'
export type { RecordedRequest, RecordedRequests } from './request-log.js'
export type { Revocation } from './revocations.js'
export type { EmulatorUsers, RevokeOptions } from './users.js'
export type * from './registration/types.js'
