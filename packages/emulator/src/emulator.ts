import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { createTlsCertificate, type TlsCertificate } from './keys/certificates.js'
import { createMoments, type EmulatorClock } from './base/clock.js'
import { defaultRegistration } from './registration/default.js'
import { createDeviceCodes } from './instance/device-codes.js'
import { consumersTenantId } from './directory/directory.js'
import { addAdminConsentEndpoint } from './sign-in/admin-consent.js'
import { addAuthorizeEndpoint } from './sign-in/authorize.js'
import { addDeviceEndpoints } from './sign-in/device.js'
import { addDiscoveryEndpoints } from './endpoints/discovery.js'
import { addGraphEndpoints } from './endpoints/graph.js'
import { addInstanceEndpoints } from './endpoints/instance.js'
import { addLogoutEndpoint } from './sign-in/logout.js'
import { addManagedIdentityEndpoints } from './endpoints/managed-identity.js'
import { addTokenEndpoint } from './token-endpoint/endpoint.js'
import {
  explainPermission,
  type ExplainPermissionOptions,
  type PermissionExplanation,
} from './controls/explain-permission.js'
import { createFaults, type EmulatorFaults } from './instance/faults.js'
import { issueToken, type IssueTokenOptions } from './controls/issue-token.js'
import { issuerLabels } from './instance/issuer-labels.js'
import { createEmulatorKeys, type EmulatorKeys } from './controls/keys.js'
import { createSigningKeys, type StoredKey } from './keys/signing-keys.js'
import { createOneTimeUse } from './base/one-time-use.js'
import type { EmulatorOptions, Settings } from './options.js'
import { addPortal } from './portal/portal.js'
import { loadDirectory } from './directory/load.js'
import { readRegistration } from './registration/read.js'
import type { Registration } from './registration/types.js'
import { createRequestLog, type RecordedRequests } from './instance/request-log.js'
import { revokeConsent, type RevokeConsentOptions } from './controls/revoke-consent.js'
import { createRevocations, type Revocation } from './instance/revocations.js'
import type { RsaKeys } from './keys/rsa-key.js'
import { createSeal } from './base/seal.js'
import { systemCode } from './base/system-error.js'
import { createServer } from './http/server.js'
import { issuerOf, type Service } from './instance/service.js'
import { applyChanges, type EmulatorState, readChanges, readState, writeState } from './instance/state.js'
import { createUsers, type EmulatorUsers } from './controls/users.js'

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

/** The rest of a start, with its options read and its first key on the way. */
export async function startWith(
  options: EmulatorOptions,
  settings: Settings,
  state: EmulatorState | undefined,
  first: Promise<RsaKeys> | readonly StoredKey[],
): Promise<Emulator> {
  const { https, port, clock, others } = settings
  let registration: Registration | string = options.registration ?? defaultRegistration
  let running = readRegistration(registration)
  let directory = loadDirectory(running)
  if (state !== undefined) applyChanges(directory, state.directory)
  const tls: TlsCertificate | undefined = https ? createTlsCertificate(others?.hostName) : undefined
  let sealKey = state === undefined ? randomBytes(32) : Buffer.from(state.seal, 'base64')

  // The port is known only once the server listens; nothing asks for the origin before.
  let origin = ''
  const labels = (): ReturnType<typeof issuerLabels> => issuerLabels(settings.imitated, origin)
  const keys = createSigningKeys({
    first,
    issuer: (tenantId) => issuerOf({ issuers: labels() }, tenantId, '2.0'),
    cloudInstanceName: labels().cloudInstanceName,
    microsoftAccountsTenantId: consumersTenantId,
    now: clock.now,
  })
  const log = createRequestLog()
  const faults = createFaults(() => keys.changes())
  let seal = createSeal(sealKey)
  const exportState = async (): Promise<EmulatorState> => {
    const stored = await keys.store()
    return { version: 1, seal: sealKey.toString('base64'), keys: stored, directory: readChanges(directory) }
  }
  const stateFile = typeof settings.state === 'string' ? settings.state : undefined
  const saver = createSaver(stateFile, exportState)
  const service: Service = {
    get origin() {
      return origin
    },
    get issuers() {
      return labels()
    },
    cloudInstanceName: labels().cloudInstanceName,
    accessTokenLifetimeSeconds: settings.accessTokenLifetimeSeconds,
    clock,
    moment: createMoments(clock.now),
    get directory() {
      return directory
    },
    keys,
    get seal() {
      return seal
    },
    redeemedCodes: createOneTimeUse(),
    deviceCodes: createDeviceCodes(),
    faults,
    revocations: createRevocations(),
    log,
    changed: saver.changed,
  }
  const reload = (next: Registration | string = registration): void => {
    const read = readRegistration(next)
    const loaded = loadDirectory(read)
    applyChanges(loaded, readChanges(directory))
    registration = next
    running = read
    directory = loaded
    service.changed()
  }
  const importState = (snapshot: EmulatorState): void => {
    const read = readState(snapshot)
    const loaded = loadDirectory(running)
    applyChanges(loaded, read.directory)
    // The last that can refuse: from here on everything changes.
    keys.replaceBy(read.keys)
    directory = loaded
    sealKey = Buffer.from(read.seal, 'base64')
    seal = createSeal(sealKey)
    service.changed()
  }
  const reset = (): void => {
    const read = readRegistration(registration)
    directory = loadDirectory(read)
    running = read
    faults.clear()
    log.clear()
    service.changed()
  }

  const app = createServer({
    tls,
    origin: () => origin,
    now: clock.now,
    log,
    faults,
    hostName: others?.hostName,
  })
  const identityHeader = randomBytes(24).toString('base64url')
  addInstanceEndpoints(app, service)
  addDiscoveryEndpoints(app, service)
  addAuthorizeEndpoint(app, service)
  addTokenEndpoint(app, service)
  addDeviceEndpoints(app, service)
  addLogoutEndpoint(app, service)
  addAdminConsentEndpoint(app, service)
  addGraphEndpoints(app, service)
  addManagedIdentityEndpoints(app, service, identityHeader)
  const users = createUsers(service)
  const emulatorKeys = createEmulatorKeys(service)
  const startedAt = performance.now()
  if (settings.page) {
    addPortal(app, {
      service,
      users,
      keys: emulatorKeys,
      certificate: tls?.certificate,
      facts: {
        stateFile,
        leniencies: settings.warnings,
        accessTokenLifetimeSeconds: settings.accessTokenLifetimeSeconds,
        uptime: () => (performance.now() - startedAt) / 1000,
      },
      registration: { current: () => running, reload },
      exportState,
      importState,
      reset,
    })
  }

  try {
    // The name stands for both 127.0.0.1 and, where the machine has it, ::1.
    await app.listen({ host: others?.address ?? 'localhost', port })
    if (others === undefined && !addressesOf(app).every(({ address }) => isLoopback(address))) {
      throw new Error('localhost is not a loopback address on this machine')
    }
  } catch (error) {
    await app.close()
    throw error
  }
  const [address] = addressesOf(app)
  const hostName = others?.hostName ?? 'localhost'
  origin = `${https ? 'https' : 'http'}://${hostName}:${address?.port ?? port}`
  for (const warning of settings.warnings) process.emitWarning(warning, 'CountersignEmulatorWarning')

  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= app.close().then(saver.end)
    return stopping
  }
  const { v1, v2, cloudInstanceName } = labels()
  return {
    origin,
    cloud: Object.freeze({ authority: origin, v1Issuer: v1, v2Issuer: v2, cloudInstanceName }),
    clock,
    get requests() {
      return log.entries
    },
    certificate: tls?.certificate,
    keys: emulatorKeys,
    faults: {
      add: (fault) => faults.add(fault),
      clear: () => faults.clear(),
      list: () => faults.list(),
    },
    users,
    get revocations() {
      return service.revocations.visible(clock.now())
    },
    managedIdentity: Object.freeze({
      imdsHost: origin,
      identityEndpoint: `${origin}/msi/token`,
      identityHeader,
    }),
    issueToken: (token) => issueToken(service, token),
    explainPermission: (question) => explainPermission(service, question),
    revokeConsent: (consent) => revokeConsent(service, consent),
    rotateKeys: () => emulatorKeys.rotate(),
    reload,
    exportState,
    importState,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Writes the state file some time after a change, and at the end. */
function createSaver(
  path: string | undefined,
  current: () => Promise<EmulatorState>,
): { changed: () => void; end: () => Promise<void> } {
  if (path === undefined) return { changed: () => {}, end: async () => {} }
  let saving = Promise.resolve()
  let isDue = false
  const save = (): Promise<void> => {
    saving = saving
      .then(async () => writeState(path, await current()))
      .catch((error: unknown) => {
        process.emitWarning(
          `the state file could not be written (${systemCode(error)})`,
          'CountersignEmulatorWarning',
        )
      })
    return saving
  }
  return {
    changed() {
      if (isDue) return
      isDue = true
      setImmediate(() => {
        isDue = false
        void save()
      })
    },
    end: save,
  }
}

function addressesOf(app: FastifyInstance): AddressInfo[] {
  return app.addresses().flatMap((address) => (typeof address === 'string' ? [] : [address]))
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}
