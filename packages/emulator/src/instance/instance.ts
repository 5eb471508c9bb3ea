import { randomBytes } from 'node:crypto'
import { createMoments, type EmulatorClock } from '../base/clock.js'
import { createOneTimeUse, type OneTimeUse } from '../base/one-time-use.js'
import { createSeal, type Seal } from '../base/seal.js'
import { consumersTenantId, type Directory } from '../directory/directory.js'
import type { RsaKeys } from '../keys/rsa-key.js'
import { SigningKeys } from '../keys/signing-keys.js'
import type { StoredAuthority } from '../keys/tls-certificates.js'
import type { StoredKey } from '../keys/types.js'
import { loadDirectory } from '../load/directory.js'
import { checkRegistration, readRegistrationFile } from '../registration/read.js'
import type { Registration } from '../registration/types.js'
import { createDeviceCodes } from './device-codes.js'
import { applyChanges, readChanges } from './directory-changes.js'
import { createFaults, type Faults } from './faults.js'
import type { TokenIssuance, TokenIssuanceHook } from './issuance-hook.js'
import { type ImitatedIssuers, type IssuerLabels, issuerLabels } from './issuer-labels.js'
import { createFlows } from './flows.js'
import { createRequestLog } from './request-log.js'
import { createRevocations } from './revocations.js'
import { createSaver, type Saver } from './saver.js'
import type { Origins } from './origins.js'
import { issuerOf, type Issuers, type Service } from './service.js'
import { type EmulatorState, readState } from './state.js'

/** What an instance is started with. */
export interface InstanceSettings {
  readonly registration: Registration | string
  readonly state: EmulatorState | undefined
  readonly stateFile: string | undefined
  /** The stored keys, or the first key that is being made. */
  readonly keys: Promise<RsaKeys> | readonly StoredKey[]
  readonly clock: EmulatorClock
  readonly origins: Origins
  readonly allowsPasswordGrant: boolean
  readonly onTokenIssuanceStart: TokenIssuanceHook | undefined
  readonly accessTokenLifetimeSeconds: number
  readonly imitated: ImitatedIssuers | undefined
}

/** A registration and the directory it became. Replaced as a whole. */
interface Loaded {
  readonly registration: Registration
  readonly directory: Directory
}

/** A seal and its key. */
interface SealWithKey extends Seal {
  readonly key: Buffer
}

/** One running emulator, without its HTTP server: all that can change, and the ways it changes as a whole. */
export class Instance implements Service {
  readonly cloudInstanceName: string
  readonly accessTokenLifetimeSeconds: number
  readonly allowsPasswordGrant: boolean
  readonly clock: EmulatorClock
  readonly moment: () => number
  readonly keys: SigningKeys
  readonly faults: Faults
  readonly deviceCodes: Service['deviceCodes'] = createDeviceCodes()
  readonly revocations: Service['revocations'] = createRevocations()
  readonly flows: Service['flows'] = createFlows()
  readonly log: Service['log'] = createRequestLog()
  readonly #imitated: ImitatedIssuers | undefined
  readonly #saver: Saver
  /** What `reload` and `reset` read. */
  #source: Registration | string
  #loaded: Loaded
  #seal: SealWithKey
  #redeemedCodes: OneTimeUse
  readonly #origins: Origins
  readonly #hook: TokenIssuanceHook | undefined
  #certificateAuthority: StoredAuthority | undefined

  /** Throws a RegistrationError or a TypeError for what cannot be used. */
  constructor(settings: InstanceSettings) {
    const { clock, imitated, state } = settings
    this.#imitated = imitated
    this.#origins = settings.origins
    this.#hook = settings.onTokenIssuanceStart
    this.allowsPasswordGrant = settings.allowsPasswordGrant
    this.#certificateAuthority = state?.certificateAuthority
    this.#source = settings.registration
    this.#loaded = load(this.#source)
    if (state !== undefined) applyChanges(this.directory, state.directory)
    this.#seal = sealWith(state === undefined ? randomBytes(32) : Buffer.from(state.seal, 'base64'))
    this.#redeemedCodes = createOneTimeUse(state?.redeemedCodes)
    this.#saver = createSaver(settings.stateFile, () => this.exportState())
    this.clock = clock
    this.moment = createMoments(clock.now)
    this.accessTokenLifetimeSeconds = settings.accessTokenLifetimeSeconds
    this.cloudInstanceName = this.issuers.cloudInstanceName
    this.keys = new SigningKeys(settings.keys, {
      issuer: (tenantId) => issuerOf(this, tenantId, '2.0'),
      cloudInstanceName: this.cloudInstanceName,
      microsoftAccountsTenantId: consumersTenantId,
      now: clock.now,
    })
    this.faults = createFaults(() => this.keys.changes())
  }

  get origin(): string {
    return this.#origins.current()
  }

  get issuers(): IssuerLabels {
    return issuerLabels(this.#imitated, this.#origins.ofIssuers())
  }

  get directory(): Directory {
    return this.#loaded.directory
  }

  /** As it was read, with its secrets. */
  get registration(): Registration {
    return this.#loaded.registration
  }

  get seal(): Seal {
    return this.#seal
  }

  get redeemedCodes(): OneTimeUse {
    return this.#redeemedCodes
  }

  get hostNames(): readonly string[] {
    return this.#origins.names
  }

  isOwnIssuer(issuer: unknown, tenantId: string): boolean {
    const isIssuerOf = (issuers: Issuers): boolean =>
      (['1.0', '2.0'] as const).some((version) => issuer === issuerOf({ issuers }, tenantId, version))
    if (isIssuerOf(this.issuers)) return true
    if (this.#imitated !== undefined || typeof issuer !== 'string' || !URL.canParse(issuer)) return false
    const { origin } = new URL(issuer)
    return this.#origins.isOwn(origin) && isIssuerOf(issuerLabels(undefined, origin))
  }

  async customClaims(issuance: TokenIssuance): Promise<Readonly<Record<string, unknown>>> {
    if (this.#hook === undefined) return {}
    const { hookClaims } = await import('./issuance-hook.js')
    return hookClaims(this.#hook, issuance)
  }

  get certificateAuthority(): StoredAuthority | undefined {
    return this.#certificateAuthority
  }

  /** Keeps the authority that signed the certificate of the https server. */
  set certificateAuthority(authority: StoredAuthority | undefined) {
    this.#certificateAuthority = authority
    void this.changed()
  }

  changed(): Promise<void> {
    return this.#saver.changed()
  }

  /** Reads the registration again, or another; what consent and tests changed is kept. */
  reload(source: Registration | string = this.#source): void {
    this.edit(source)
    this.#source = source
  }

  /** Changes the registration until it is read again; what consent and tests changed is kept. */
  edit(registration: Registration | string): void {
    const loaded = load(registration)
    applyChanges(loaded.directory, readChanges(this.directory))
    this.#loaded = loaded
    void this.changed()
  }

  async exportState(): Promise<EmulatorState> {
    const keys = await this.keys.store()
    return {
      version: 2,
      seal: this.#seal.key.toString('base64'),
      keys,
      directory: readChanges(this.directory),
      redeemedCodes: this.#redeemedCodes.entries(this.clock.now()),
      ...(this.#certificateAuthority === undefined
        ? {}
        : { certificateAuthority: this.#certificateAuthority }),
    }
  }

  importState(snapshot: EmulatorState): void {
    const state = readState(snapshot)
    const directory = loadDirectory(this.registration)
    applyChanges(directory, state.directory)
    // The last step that can refuse: from here on everything changes.
    this.keys.replaceBy(state.keys)
    this.#loaded = { ...this.#loaded, directory }
    this.#seal = sealWith(Buffer.from(state.seal, 'base64'))
    this.#redeemedCodes = createOneTimeUse(state.redeemedCodes)
    void this.changed()
  }

  /** Back to the registration as its source has it, without edits, consents, faults and recorded requests. */
  reset(): void {
    this.#loaded = load(this.#source)
    this.faults.clear()
    this.log.clear()
    this.flows.clear()
    void this.changed()
  }

  /** Writes the state a last time. */
  end(): Promise<void> {
    return this.#saver.end()
  }
}

function load(source: Registration | string): Loaded {
  const registration = typeof source === 'string' ? readRegistrationFile(source) : checkRegistration(source)
  return { registration, directory: loadDirectory(registration) }
}

function sealWith(key: Buffer): SealWithKey {
  return { ...createSeal(key), key }
}
