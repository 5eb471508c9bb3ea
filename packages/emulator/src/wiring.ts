import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { addControlApi, controlApiPath } from './control-api/control-api.js'
import { createControls } from './controls/controls.js'
import type { Emulator } from './emulator.js'
import { addDiscoveryEndpoints } from './endpoints/discovery.js'
import { addErrorExplanation } from './endpoints/error-explanation.js'
import { addGraphEndpoints } from './endpoints/graph.js'
import { addInstanceEndpoints } from './endpoints/instance.js'
import { addManagedIdentityEndpoints } from './endpoints/managed-identity.js'
import { protectPage } from './http/control-access.js'
import { createControlToken } from './http/control-token.js'
import { listen } from './http/listen.js'
import { createServer } from './http/server.js'
import { Instance } from './instance/instance.js'
import type { EmulatorState } from './instance/state.js'
import { createOrigins } from './instance/origins.js'
import type { TlsCertificate } from './keys/tls-certificates.js'
import type { RsaKeys } from './keys/rsa-key.js'
import type { StoredKey } from './keys/types.js'
import type { Settings } from './options.js'
import { addPortal } from './portal/portal.js'
import { defaultRegistration } from './registration/default.js'
import { addAdminConsentEndpoint } from './sign-in/admin-consent.js'
import { addAuthorizeEndpoint } from './sign-in/authorize.js'
import { addDeviceEndpoints } from './sign-in/device.js'
import { addLogoutEndpoint } from './sign-in/logout.js'
import { addTokenEndpoint } from './token-endpoint/endpoint.js'

/** The rest of a start, with the options read and the first key being made: puts the parts together and listens. */
export async function startWith(
  settings: Settings,
  state: EmulatorState | undefined,
  keys: Promise<RsaKeys> | readonly StoredKey[],
  releaseState: () => void,
): Promise<Emulator> {
  const { https, port, clock, others, registration = defaultRegistration } = settings
  const stateFile = typeof settings.state === 'string' ? settings.state : undefined
  const scheme = https === false ? 'http' : 'https'
  const origins = createOrigins({
    scheme,
    public: settings.origin,
    hostName: others?.hostName ?? 'localhost',
    hostNames: settings.hostNames,
  })
  const instance = new Instance({ ...settings, registration, origins, state, stateFile, keys })
  const tls = await tlsOf(https, instance, stateFile !== undefined)
  const app = createServer({
    tls,
    origin: () => instance.origin,
    now: clock.now,
    log: instance.log,
    flows: instance.flows,
    faults: instance.faults,
    origins,
  })
  const identityHeader = randomBytes(24).toString('base64url')
  addEndpoints(app, instance, identityHeader)
  const controls = createControls(instance)
  const token = createControlToken(settings.controlToken)
  // Anyone can reach it then, and the page shows and changes everything.
  if (others !== undefined) protectPage(app, token)
  if (tls !== undefined) {
    app.get('/_/certificate.pem', (_request, reply) => reply.type('application/x-pem-file').send(tls.trusted))
  }
  addControlApi(app, controls, token)
  if (settings.page) {
    const startedAt = performance.now()
    addPortal(app, {
      controls,
      certificate: tls?.trusted,
      facts: {
        stateFile,
        leniencies: settings.warnings,
        accessTokenLifetimeSeconds: settings.accessTokenLifetimeSeconds,
        uptime: () => (performance.now() - startedAt) / 1000,
      },
    })
  }

  const listening = await listen(app, { port, address: others?.address })
  origins.listensAt(listening)
  const origin = origins.current()
  // A process that is killed before the first change has kept its keys.
  if (stateFile !== undefined && state === undefined) await instance.changed()
  for (const warning of settings.warnings) process.emitWarning(warning, 'CountersignEmulatorWarning')

  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= app
      .close()
      .then(() => instance.end())
      .finally(releaseState)
    return stopping
  }
  const { v1, v2, cloudInstanceName } = instance.issuers
  const { faults, keys: signingKeys, users } = controls
  return {
    origin,
    cloud: Object.freeze({ authority: origin, v1Issuer: v1, v2Issuer: v2, cloudInstanceName }),
    clock,
    get requests() {
      return controls.requests()
    },
    certificate: tls?.trusted,
    controlApi: Object.freeze({ address: `${origin}${controlApiPath}`, token: token.value }),
    registration: controls.registration,
    keys: signingKeys,
    faults: {
      add: (fault) => faults.add(fault),
      clear: () => faults.clear(),
      list: () => faults.list(),
    },
    users,
    get revocations() {
      return controls.revocations()
    },
    managedIdentity: Object.freeze({
      imdsHost: origin,
      identityEndpoint: `${origin}/msi/token`,
      identityHeader,
    }),
    issueToken: controls.issueToken,
    explainToken: controls.explainToken,
    explainPermission: controls.explainPermission,
    grantConsent: controls.grantConsent,
    revokeConsent: controls.revokeConsent,
    rotateKeys: () => signingKeys.rotate(),
    reload: (next) => instance.reload(next),
    reset: controls.reset,
    exportState: controls.exportState,
    importState: controls.importState,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The certificate of the https server. The code is loaded only for https. */
async function tlsOf(
  https: Settings['https'],
  instance: Instance,
  isKept: boolean,
): Promise<TlsCertificate | undefined> {
  if (https === false) return undefined
  const tls = await import('./keys/tls-certificates.js')
  if (https !== true) return tls.ownCertificate(https)
  const { hostNames } = instance
  if (!isKept) return tls.createTlsCertificate(hostNames)
  const { authority, isNew } = tls.authorityFor(hostNames, instance.certificateAuthority)
  if (isNew) instance.certificateAuthority = authority
  return tls.certificateBy(authority, hostNames)
}

function addEndpoints(app: FastifyInstance, instance: Instance, identityHeader: string): void {
  addInstanceEndpoints(app, instance)
  addDiscoveryEndpoints(app, instance)
  addAuthorizeEndpoint(app, instance)
  addTokenEndpoint(app, instance)
  addDeviceEndpoints(app, instance)
  addLogoutEndpoint(app, instance)
  addAdminConsentEndpoint(app, instance)
  addGraphEndpoints(app, instance)
  addManagedIdentityEndpoints(app, instance, identityHeader)
  addErrorExplanation(app)
}
