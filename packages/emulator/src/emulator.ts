import type { EmulatorClock } from './base/clock.js'
import type { ExplainPermissionOptions, PermissionExplanation } from './controls/explain-permission.js'
import type { IssueTokenOptions } from './controls/issue-token.js'
import type { GrantConsentOptions } from './controls/grant-consent.js'
import type { EmulatorKeys } from './controls/keys.js'
import type { EmulatorRegistration } from './controls/registration.js'
import type { RevokeConsentOptions } from './controls/revoke-consent.js'
import type { EmulatorUsers } from './controls/users.js'
import type { Inspection } from './inspect/inspect-token.js'
import type { EmulatorFaults } from './instance/faults.js'
import type { RecordedRequests } from './instance/request-log.js'
import type { Revocation } from './instance/revocations.js'
import type { EmulatorState } from './instance/state.js'
import type { Registration } from './registration/types.js'

/** A cloud as the validator and the token client take it. */
export interface EmulatorCloud {
  /** The login host: `http://localhost:41234`. */
  readonly authority: string
  /** The issuer of v1.0 tokens, with the literal `{tenantid}`. */
  readonly v1Issuer: string
  /** The issuer of v2.0 tokens, with the literal `{tenantid}`. */
  readonly v2Issuer: string
  /** What the keys of this cloud are listed with. */
  readonly cloudInstanceName: string
}

/** Where programs in other languages control the emulator: see `docs/recipes/emulator-control-api.md`. */
export interface ControlApiAddress {
  /** `http://localhost:41234/_/api/v1`; `openapi.json` under it describes all operations. */
  readonly address: string
  /** The bearer token. A secret: anyone who has it can change everything. */
  readonly token: string
}

/** What code that runs on an Azure machine finds in its environment. */
export interface ManagedIdentityAddresses {
  /** The host of the machine's metadata service: `AZURE_POD_IDENTITY_AUTHORITY_HOST` of `@azure/identity`. */
  readonly imdsHost: string
  /** `IDENTITY_ENDPOINT` of App Service. */
  readonly identityEndpoint: string
  /** `IDENTITY_HEADER` of App Service: a secret of this run. */
  readonly identityHeader: string
}

/** A running emulator. `await using` stops it at the end of the block. */
export interface Emulator extends AsyncDisposable {
  /** Scheme, host and port: `http://localhost:41234`. */
  readonly origin: string
  /** This emulator as a cloud, for the validator and the token client. */
  readonly cloud: EmulatorCloud
  /** The emulator's time. Pass `clock.now` to everything that must have the same time. */
  readonly clock: EmulatorClock
  /** The last thousand requests, newest last, without secrets, tokens, codes and assertions. */
  readonly requests: RecordedRequests
  /** With https: the certificate (PEM) a client must trust, also at `GET /_/certificate.pem`. Undefined with http. */
  readonly certificate: string | undefined
  /** The control API, for programs in other languages. */
  readonly controlApi: ControlApiAddress
  /** The registration that is in force, to read and to change. */
  readonly registration: EmulatorRegistration
  /** The life of its signing keys. */
  readonly keys: EmulatorKeys
  /** Makes requests fail on purpose. */
  readonly faults: EmulatorFaults
  /** What an administrator does to users. */
  readonly users: EmulatorUsers
  /** Users whose tokens are void before their time, as an API would know by now. Also at `GET /_/revocations`. */
  readonly revocations: readonly Revocation[]
  /** Where code asks for tokens of a managed identity. */
  readonly managedIdentity: ManagedIdentityAddresses
  /**
   * Issues an access token without a request, also one that Entra would not issue: consent, assignment and Conditional
   * Access are not checked. Rejects with a TypeError for an unknown option, and for a name that the registration does
   * not have.
   *
   * @example
   * ```ts
   * const token = await emulator.issueToken({
   *   client: 'app',
   *   resource: 'api',
   *   user: 'alice@contoso.example',
   *   scopes: ['Things.Read'],
   * })
   * const expired = await emulator.issueToken({ client: 'daemon', resource: 'api', flaw: 'expired' })
   * ```
   */
  issueToken(options: IssueTokenOptions): Promise<string>
  /**
   * Whether a client gets a token for an API, for a user or for itself, what that token would carry, and if not, why.
   * Issues nothing. Throws a TypeError for an unknown option, and for a name that the registration does not have. Does
   * not check the client's credential.
   *
   * @example
   * ```ts
   * const { isIssued, errorCode, fix } = emulator.explainPermission({
   *   client: 'app',
   *   resource: 'api',
   *   user: 'bob@contoso.example',
   *   scopes: ['Things.Read'],
   * })
   * ```
   */
  explainPermission(options: ExplainPermissionOptions): PermissionExplanation
  /**
   * Grants permissions as a consent page does, without asking: for one user, or for everyone as an administrator does.
   * Throws a TypeError for what the API does not offer, for an unknown option, and for a name that the registration does
   * not have.
   *
   * @example
   * ```ts
   * emulator.grantConsent({ client: 'app', resource: 'api', scopes: ['Things.Read'] })
   * ```
   */
  grantConsent(options: GrantConsentOptions): void
  /**
   * What a token is, and which registered API would accept it, check by check. Never rejects for the text. The claims it
   * returns are decoded, NOT verified.
   */
  explainToken(token: string): Promise<Inspection>
  /**
   * Takes consent back, of one user or (without `user`) what was granted for everyone. Issued tokens stay valid; the
   * next refresh or OBO is refused with AADSTS65001. Throws a TypeError where there is no such consent, for an unknown
   * option, and for a name that the registration does not have.
   *
   * @example
   * ```ts
   * emulator.revokeConsent({ client: 'app', resource: 'api' })
   * ```
   */
  revokeConsent(options: RevokeConsentOptions): void
  /** Adds a signing key and signs with it; the old keys stay in the set. Resolves to the new key's `kid`. */
  rotateKeys(): Promise<string>
  /**
   * Reads a registration again, or another; consents and keys stay. Throws a RegistrationError and keeps the old one
   * if it cannot be used.
   */
  reload(registration?: Registration | string): void
  /**
   * Back to the registration as it was last read, without edits, consents, faults and recorded requests. Keys and the
   * clock stay.
   */
  reset(): void
  /**
   * What another instance needs to continue from here, as plain data for a JSON file: signing keys, the key that seals
   * refresh tokens, consents and the state of users. **It contains private keys**: keep it as you would a state file.
   * Not in it: the registration, the clock, faults, recorded requests, `revocations` and device codes.
   */
  exportState(): Promise<EmulatorState>
  /**
   * Continues from what `exportState` returned, with the registration as it is now: own keys, consents and sign-ins are
   * dropped, what the snapshot names and the registration does not have is ignored. Tokens name the address that issued
   * them, so old access tokens are valid only at the old port. Throws a TypeError naming the place for anything that is
   * not such a snapshot, and changes nothing then.
   */
  importState(snapshot: EmulatorState): void
  /** Ends all connections, writes the state file a last time and frees the port. May be called twice. */
  stop(): Promise<void>
}
