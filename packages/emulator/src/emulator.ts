import type { EmulatorClock } from './base/clock.js'
import type { ExplainPermissionOptions, PermissionExplanation } from './controls/explain-permission.js'
import type { IssueTokenOptions } from './controls/issue-token.js'
import type { EmulatorKeys } from './controls/keys.js'
import type { RevokeConsentOptions } from './controls/revoke-consent.js'
import type { EmulatorUsers } from './controls/users.js'
import type { EmulatorFaults } from './instance/faults.js'
import type { RecordedRequests } from './instance/request-log.js'
import type { Revocation } from './instance/revocations.js'
import type { EmulatorState } from './instance/state.js'
import type { Registration } from './registration/types.js'

/** A cloud as the validator and the token client take it. */
export interface EmulatorCloud {
  /** The login host. */
  readonly authority: string
  /** Issuers with the literal `{tenantid}`. */
  readonly v1Issuer: string
  readonly v2Issuer: string
  readonly cloudInstanceName: string
}

/** What code that runs on an Azure machine finds in its environment. */
export interface ManagedIdentityAddresses {
  /** The host of the machine's metadata service: `AZURE_POD_IDENTITY_AUTHORITY_HOST` of `@azure/identity`. */
  readonly imdsHost: string
  /** `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` of App Service. */
  readonly identityEndpoint: string
  readonly identityHeader: string
}

export interface Emulator extends AsyncDisposable {
  /** `http://localhost:41234` */
  readonly origin: string
  readonly cloud: EmulatorCloud
  /** Pass `clock.now` on to whatever must live in the same time. */
  readonly clock: EmulatorClock
  /** The last thousand requests, newest last, without secrets, tokens, codes and assertions. */
  readonly requests: RecordedRequests
  /** With https: the certificate (PEM) a client must trust. */
  readonly certificate: string | undefined
  readonly keys: EmulatorKeys
  /** Things that go wrong on purpose. */
  readonly faults: EmulatorFaults
  readonly users: EmulatorUsers
  /** Users whose tokens are void before their time, as an API would know by now. Also at `GET /_/revocations`. */
  readonly revocations: readonly Revocation[]
  readonly managedIdentity: ManagedIdentityAddresses
  /** Issues an access token without a request, also one that Entra would not issue. */
  issueToken(options: IssueTokenOptions): Promise<string>
  /** What a client may do at an API, for a user or for itself, and why not. Issues nothing. */
  explainPermission(options: ExplainPermissionOptions): PermissionExplanation
  /**
   * Takes consent back, of one user or (without `user`) of everyone. Tokens that were issued live on; the next refresh
   * or OBO is refused with AADSTS65001. Throws a TypeError where there is no such consent.
   */
  revokeConsent(options: RevokeConsentOptions): void
  /** Adds a signing key and signs with it; the old keys stay in the set. Answers the new key's `kid`. */
  rotateKeys(): Promise<string>
  /**
   * Reads a registration again, or another; consents and keys stay. Throws a RegistrationError and keeps the old one
   * if it cannot be used.
   */
  reload(registration?: Registration | string): void
  /**
   * What another instance needs to go on where this one is, as plain data for a JSON file: signing keys, what refresh
   * tokens are sealed with, consents and what became of users. **It contains private keys**: keep it as you would a
   * state file. Not in it: the registration, the clock, faults, recorded requests, `revocations` and device codes.
   */
  exportState(): Promise<EmulatorState>
  /**
   * Goes on from what `exportState` gave, with the registration as it is now: own keys, consents and sign-ins are
   * dropped, what the snapshot names and the registration does not have is passed over. Tokens name the address that
   * issued them, so old access tokens are good only at the old port. Throws a TypeError naming the place for anything
   * that is not such a snapshot, and changes nothing then.
   */
  importState(snapshot: EmulatorState): void
  /** Ends all connections and frees the port. May be called twice. */
  stop(): Promise<void>
}
