import type { EmulatorClock } from '../base/clock.js'
import { signingInput } from '../base/jws.js'
import type { Inspection } from '../inspect/inspect-token.js'
import type { ApiCall, UnsignedToken } from '../instance/flows.js'
import type { Faults } from '../instance/faults.js'
import type { Instance } from '../instance/instance.js'
import type { RecordedRequests } from '../instance/request-log.js'
import type { Revocation } from '../instance/revocations.js'
import type { EmulatorState } from '../instance/state.js'
import { assignUser, type AssignUserOptions } from './assign-user.js'
import {
  type ExplainPermissionOptions,
  explainPermission,
  type PermissionExplanation,
} from './explain-permission.js'
import { grantConsent, type GrantConsentOptions } from './grant-consent.js'
import { issueToken, type IssueTokenOptions } from './issue-token.js'
import { createEmulatorKeys, type EmulatorKeys } from './keys.js'
import { createRegistration, type EmulatorRegistration } from './registration.js'
import { revokeConsent, type RevokeConsentOptions } from './revoke-consent.js'
import { createUsers, type EmulatorUsers } from './users.js'

/*
 * Everything that can be done to a running emulator. The emulator object, the page and the control API are clients of
 * these functions, and do nothing by themselves.
 */

export interface Controls {
  readonly instance: Instance
  readonly clock: EmulatorClock
  readonly registration: EmulatorRegistration
  readonly users: EmulatorUsers
  readonly keys: EmulatorKeys
  readonly faults: Faults
  readonly requests: () => RecordedRequests
  readonly clearRequests: () => void
  /** Notes what an API reports of one request to it. */
  readonly reportApiCall: (call: ApiCall) => void
  readonly revocations: () => readonly Revocation[]
  readonly issueToken: (options: IssueTokenOptions) => Promise<string>
  /** Explains a text that may be a token, also with `Bearer`, quotes or line breaks around it. */
  readonly explainToken: (text: string) => Promise<Inspection>
  /** Explains a token that was issued, from what is kept of it: everything but its signature. */
  readonly explainIssued: (token: UnsignedToken) => Promise<Inspection>
  readonly explainPermission: (options: ExplainPermissionOptions) => PermissionExplanation
  readonly assignUser: (options: AssignUserOptions) => void
  readonly grantConsent: (options: GrantConsentOptions) => void
  readonly revokeConsent: (options: RevokeConsentOptions) => void
  readonly reset: () => void
  readonly exportState: () => Promise<EmulatorState>
  readonly importState: (snapshot: EmulatorState) => void
}

export function createControls(instance: Instance): Controls {
  const { clock, faults } = instance
  return {
    instance,
    clock,
    registration: createRegistration(instance),
    users: createUsers(instance),
    keys: createEmulatorKeys(instance),
    faults,
    requests: () => instance.log.entries,
    clearRequests() {
      instance.log.clear()
      instance.flows.clear()
    },
    reportApiCall: (call) => instance.flows.addCall(call, clock.now()),
    revocations: () => instance.revocations.visible(clock.now()),
    issueToken: (options) => issueToken(instance, options),
    async explainToken(text) {
      const [{ inspectToken }, { readPasted }] = await Promise.all([
        import('../inspect/inspect-token.js'),
        import('../inspect/token.js'),
      ])
      return inspectToken(instance, readPasted(text))
    },
    async explainIssued({ header, claims }) {
      const { inspectToken } = await import('../inspect/inspect-token.js')
      return inspectToken(instance, `${signingInput(header, claims)}.`, { isSignedHere: true })
    },
    explainPermission: (options) => explainPermission(instance, options),
    assignUser: (options) => assignUser(instance, options),
    grantConsent: (options) => grantConsent(instance, options),
    revokeConsent: (options) => revokeConsent(instance, options),
    reset: () => instance.reset(),
    exportState: () => instance.exportState(),
    importState: (snapshot) => instance.importState(snapshot),
  }
}
