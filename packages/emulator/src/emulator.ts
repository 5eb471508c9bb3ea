import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { createTlsCertificate, type TlsCertificate } from './certificates.js'
import { type EmulatorClock, runningClock } from './clock.js'
import { defaultRegistration } from './default-registration.js'
import { addAdminConsentEndpoint } from './endpoints/admin-consent.js'
import { addAuthorizeEndpoint } from './endpoints/authorize.js'
import { addDiscoveryEndpoints } from './endpoints/discovery.js'
import { addTokenEndpoint } from './endpoints/token.js'
import { issueToken, type IssueTokenOptions } from './issue-token.js'
import { createSigningKeys } from './keys.js'
import { createOneTimeUse } from './one-time-use.js'
import { loadDirectory } from './registration/load.js'
import { readRegistration } from './registration/read.js'
import type { Registration } from './registration/types.js'
import { createRequestLog, type RecordedRequest } from './request-log.js'
import { createSeal } from './seal.js'
import { createServer } from './server.js'
import { issuerOf, type Service } from './service.js'

export interface EmulatorOptions {
  /** Tenants, users, applications, permissions and consents; or the path of a JSON file. Default: a small example. */
  readonly registration?: Registration | string
  /** Default 0: any free port. */
  readonly port?: number
  /** Serve https with a self-signed certificate made for this run. Default false. */
  readonly https?: boolean
  /** Default: the machine's clock, which can be moved. */
  readonly clock?: EmulatorClock
  /** How long access tokens and id tokens live. Default 3600; from 1 to 86,400. */
  readonly accessTokenLifetimeSeconds?: number
}

/** A cloud as the validator and the token client take it. */
export interface EmulatorCloud {
  /** The login host. */
  readonly authority: string
  /** Issuers with the literal `{tenantid}`. */
  readonly v1Issuer: string
  readonly v2Issuer: string
  readonly cloudInstanceName: string
}

export interface Emulator extends AsyncDisposable {
  /** `http://localhost:41234` */
  readonly origin: string
  readonly cloud: EmulatorCloud
  /** Pass `clock.now` on to whatever must live in the same time. */
  readonly clock: EmulatorClock
  /** The last thousand requests, newest last, without secrets, tokens, codes and assertions. */
  readonly requests: readonly RecordedRequest[]
  /** With https: the certificate (PEM) a client must trust. */
  readonly certificate: string | undefined
  /** Issues an access token without a request, also one that Entra would not issue. */
  issueToken(options: IssueTokenOptions): Promise<string>
  /** Adds a signing key and signs with it; the old keys stay in the set. Answers the new key's `kid`. */
  rotateKeys(): Promise<string>
  /** Ends all connections and frees the port. May be called twice. */
  stop(): Promise<void>
}

/**
 * Starts a token service in the shape of Microsoft Entra ID on this machine, for development and tests only. It
 * listens on loopback addresses alone, keeps everything in memory and makes its keys per run.
 *
 * Throws a TypeError for an option that is unknown or wrong, a RegistrationError (a TypeError too) naming the place in
 * a registration that cannot be used, and the system's error if the port is taken.
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const { port, https, clock, accessTokenLifetimeSeconds } = readOptions(options)
  const directory = loadDirectory(readRegistration(options.registration ?? defaultRegistration))
  const tls: TlsCertificate | undefined = https ? await createTlsCertificate() : undefined
  const log = createRequestLog()
  const cloudInstanceName = 'microsoftonline.com'

  // The port is known only once the server listens; nothing asks for the origin before.
  let origin = ''
  const app = await createServer({ tls, origin: () => origin, now: clock.now, log })
  const service: Service = {
    get origin() {
      return origin
    },
    cloudInstanceName,
    accessTokenLifetimeSeconds,
    clock,
    directory,
    keys: createSigningKeys({
      issuer: () => issuerOf(origin, '{tenantid}', '2.0'),
      cloudInstanceName,
      now: clock.now,
    }),
    seal: createSeal(),
    redeemedCodes: createOneTimeUse(),
  }
  addDiscoveryEndpoints(app, service)
  addAuthorizeEndpoint(app, service)
  addTokenEndpoint(app, service)
  addAdminConsentEndpoint(app, service)

  try {
    // The name stands for both 127.0.0.1 and, where the machine has it, ::1.
    await app.listen({ host: 'localhost', port })
    if (!addressesOf(app).every(({ address }) => isLoopback(address))) {
      throw new Error('localhost is not a loopback address on this machine')
    }
  } catch (error) {
    await app.close()
    throw error
  }
  const [address] = addressesOf(app)
  origin = `${https ? 'https' : 'http'}://localhost:${address?.port ?? port}`

  const stop = async (): Promise<void> => app.close()
  return {
    origin,
    cloud: Object.freeze({
      authority: origin,
      v1Issuer: issuerOf(origin, '{tenantid}', '1.0'),
      v2Issuer: issuerOf(origin, '{tenantid}', '2.0'),
      cloudInstanceName,
    }),
    clock,
    get requests() {
      return log.entries
    },
    certificate: tls?.certificate,
    issueToken: (token) => issueToken(service, token),
    rotateKeys: () => service.keys.rotate(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function addressesOf(app: FastifyInstance): AddressInfo[] {
  return app.addresses().flatMap((address) => (typeof address === 'string' ? [] : [address]))
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}

const optionNames: ReadonlySet<string> = new Set([
  'registration',
  'port',
  'https',
  'clock',
  'accessTokenLifetimeSeconds',
])

function readOptions(options: EmulatorOptions): Required<Omit<EmulatorOptions, 'registration'>> {
  if (typeof options !== 'object' || options === null) throw new TypeError('options: expected an object')
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) throw new TypeError(`${name}: is not an option of the emulator`)
  }
  const { port = 0, https = false, clock = runningClock(), accessTokenLifetimeSeconds = 3600 } = options
  checkInteger('port', port, 0, 65_535)
  checkInteger('accessTokenLifetimeSeconds', accessTokenLifetimeSeconds, 1, 86_400)
  if (typeof https !== 'boolean') throw new TypeError('https: expected true or false')
  const isClock = [clock?.now, clock?.advance, clock?.set].every((method) => typeof method === 'function')
  if (!isClock) throw new TypeError('clock: expected an object with the functions now, advance and set')
  return { port, https, clock, accessTokenLifetimeSeconds }
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new TypeError(`${name}: expected a whole number from ${least} to ${most}`)
  }
}
