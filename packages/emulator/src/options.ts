import { isIP } from 'node:net'
import { type EmulatorClock, runningClock } from './base/clock.js'
import {
  checkBoolean,
  checkNames,
  checkObject,
  checkOneOf,
  checkWholeNumber,
  wrongValue,
} from './base/options.js'
import type { TokenIssuanceHook } from './instance/issuance-hook.js'
import { type ImitatedIssuers, imitatedIssuers } from './instance/issuer-labels.js'
import type { EmulatorState } from './instance/state.js'
import type { Registration } from './registration/types.js'

/** Where an emulator listens that other machines can reach. */
export interface OtherMachinesOptions {
  /** The IP address to listen on; `0.0.0.0` and `::` are all addresses of the machine. */
  readonly address: string
  /** The name by which clients call it, in lower case. A request by any other name is refused. */
  readonly hostName: string
}

/** A certificate of your own for https, as PEM. */
export interface OwnCertificate {
  /** The certificate, and after it others of its chain. */
  readonly certificate: string
  /** Its private key: PKCS #8, or another form that Node reads. A secret. */
  readonly privateKey: string
}

/** The options of `startEmulator`. All have a default. */
export interface EmulatorOptions {
  /**
   * Tenants, users, applications, permissions and consents; or the path of a JSON file. A value is copied: later
   * changes to it have no effect. Default: a small example with an API, an application and a daemon.
   */
  readonly registration?: Registration | string | undefined
  /** The TCP port, from 0 to 65535. Default 0: any free port. */
  readonly port?: number | undefined
  /**
   * Serves https: with a certificate of a certificate authority that the state file keeps, or without a state file with a
   * self-signed certificate of this run; or with a certificate and private key of your own. Default false.
   */
  readonly https?: boolean | OwnCertificate | undefined
  /**
   * The address by which clients call it, if there is a proxy or a mapped port in between: `https://login.test`. Documents
   * and issuers name it. Default: its own address.
   */
  readonly origin?: string | undefined
  /**
   * Further names by which requests may come, in lower case, such as `host.docker.internal` or the name of a service. A
   * request by one of them is answered with documents and tokens of that name; with `origin`, the issuers name that
   * address all the same. Default: none.
   */
  readonly hostNames?: readonly string[] | undefined
  /** The emulator's time. Default: `runningClock()`, the machine's clock, which can be moved. */
  readonly clock?: EmulatorClock | undefined
  /** How long access tokens and id tokens are valid, in seconds, from 1 to 86400. Default 3600. */
  readonly accessTokenLifetimeSeconds?: number | undefined
  /**
   * The path of a file that keeps keys, consents and ended sign-ins from one run to the next, readable by its owner
   * alone; or what `exportState` of another instance returned, to continue from in memory. Default: none.
   */
  readonly state?: string | EmulatorState | undefined
  /**
   * The token of the control API, 16 to 256 visible ASCII characters. Default: a random one of this run, in
   * `emulator.controlApi.token`.
   */
  readonly controlToken?: string | undefined
  /**
   * Knows the resource owner password credentials grant (`grant_type=password`), for users with a `passwordProfile`.
   * Microsoft advises against it. Default false: it is refused with AADSTS70003.
   */
  readonly allowPasswordGrant?: boolean | undefined
  /**
   * Called before a token is signed; what it returns joins the claims. One that throws, returns something else, or takes
   * longer than two seconds ends the request with AADSTS1100001. Default: none.
   */
  readonly onTokenIssuanceStart?: TokenIssuanceHook | undefined
  /** Serves the page under `/_/`. Default true. */
  readonly page?: boolean | undefined
  /**
   * Puts the names of Microsoft's own issuers into tokens and documents, for code whose issuer cannot be configured.
   * Nothing outside this machine trusts such a token: the keys are the emulator's. Default: the emulator's own address.
   */
  readonly imitateMicrosoftIssuers?: ImitatedIssuers | undefined
  /**
   * Listens on another address than loopback (containers that call each other). Anyone who reaches it can sign in as
   * anyone, without a password. Default: loopback alone.
   */
  readonly allowConnectionsFromOtherMachines?: OtherMachinesOptions | undefined
}

/** The options as they were read, with their defaults. */
export interface Settings {
  readonly registration: Registration | string | undefined
  readonly port: number
  readonly https: boolean | OwnCertificate
  readonly origin: string | undefined
  readonly hostNames: readonly string[]
  readonly clock: EmulatorClock
  readonly accessTokenLifetimeSeconds: number
  readonly state: string | EmulatorState | undefined
  readonly page: boolean
  readonly controlToken: string | undefined
  readonly allowsPasswordGrant: boolean
  readonly onTokenIssuanceStart: TokenIssuanceHook | undefined
  readonly imitated: ImitatedIssuers | undefined
  readonly others: OtherMachinesOptions | undefined
  /** What was made less strict than the default. */
  readonly warnings: readonly string[]
}

const what = 'startEmulator'

const optionNames = [
  'registration',
  'port',
  'https',
  'origin',
  'hostNames',
  'clock',
  'accessTokenLifetimeSeconds',
  'state',
  'page',
  'controlToken',
  'allowPasswordGrant',
  'onTokenIssuanceStart',
  'imitateMicrosoftIssuers',
  'allowConnectionsFromOtherMachines',
] as const satisfies readonly (keyof EmulatorOptions)[]

/** Throws a TypeError for an option that is unknown or wrong. Does not read the registration and the state. */
export function readOptions(options: EmulatorOptions): Settings {
  checkObject(what, options)
  checkNames(what, options, optionNames)
  const { registration, state, imitateMicrosoftIssuers: imitated } = options
  const { port = 0, https = false, page = true, accessTokenLifetimeSeconds = 3600 } = options
  const { allowPasswordGrant = false, onTokenIssuanceStart } = options
  checkWholeNumber(what, 'port', port, 0, 65_535)
  checkWholeNumber(what, 'accessTokenLifetimeSeconds', accessTokenLifetimeSeconds, 1, 86_400)
  checkHttps(https)
  checkOrigin(options.origin)
  checkBoolean(what, 'page', page)
  checkBoolean(what, 'allowPasswordGrant', allowPasswordGrant)
  if (onTokenIssuanceStart !== undefined && typeof onTokenIssuanceStart !== 'function') {
    throw wrongValue(what, 'onTokenIssuanceStart', 'a function')
  }
  if (state !== undefined && (state === '' || !['string', 'object'].includes(typeof state))) {
    throw wrongValue(what, 'state', 'the path of a file, or what exportState returned')
  }
  const clock = readClock(options.clock)
  if (imitated !== undefined) checkOneOf(what, 'imitateMicrosoftIssuers', imitated, imitatedIssuers)
  const others = readOthers(options.allowConnectionsFromOtherMachines)
  const warnings = warningsOf(imitated, others)
  return {
    registration,
    port,
    https,
    origin: options.origin,
    hostNames: readHostNames(options.hostNames),
    clock,
    accessTokenLifetimeSeconds,
    state,
    page,
    controlToken: options.controlToken,
    allowsPasswordGrant: allowPasswordGrant,
    onTokenIssuanceStart,
    imitated,
    others,
    warnings,
  }
}

function checkHttps(https: unknown): void {
  if (typeof https === 'boolean') return
  const { certificate, privateKey, ...unknown } = Object(https) as Partial<OwnCertificate>
  const isPair = typeof certificate === 'string' && typeof privateKey === 'string'
  if (!isPair || Object.keys(unknown).length > 0) {
    throw wrongValue(what, 'https', 'true or false, or an object of a certificate and its privateKey, as PEM')
  }
}

function checkOrigin(origin: unknown): void {
  if (origin === undefined) return
  const isOrigin =
    typeof origin === 'string' && URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol)
  if (!isOrigin || new URL(origin).origin !== origin) {
    throw wrongValue(what, 'origin', 'scheme, host and port alone, such as https://login.test:8443')
  }
}

function readHostNames(names: readonly string[] = []): readonly string[] {
  if (!Array.isArray(names) || !names.every(isHostName)) {
    throw wrongValue(what, 'hostNames', 'a list of host names in lower case')
  }
  return [...names]
}

function isHostName(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)
}

function readClock(clock: EmulatorClock = runningClock()): EmulatorClock {
  const isClock = [clock?.now, clock?.advance, clock?.set].every((method) => typeof method === 'function')
  if (!isClock) throw wrongValue(what, 'clock', 'an object with the functions now, advance and set')
  return clock
}

function readOthers(option: OtherMachinesOptions | undefined): OtherMachinesOptions | undefined {
  if (option === undefined) return undefined
  const { address, hostName, ...unknown } = option ?? {}
  const isHost = isHostName(hostName)
  if (typeof address !== 'string' || isIP(address) === 0 || !isHost || Object.keys(unknown).length > 0) {
    throw wrongValue(
      what,
      'allowConnectionsFromOtherMachines',
      'an object of an address (the IP address to listen on) and a hostName in lower case',
    )
  }
  return { address, hostName }
}

function warningsOf(imitated: Settings['imitated'], others: Settings['others']): string[] {
  const warnings: string[] = []
  if (imitated !== undefined) {
    warnings.push(
      'imitateMicrosoftIssuers: tokens carry the issuer names of Microsoft; they are worth nothing there',
    )
  }
  if (others !== undefined) {
    warnings.push(
      `allowConnectionsFromOtherMachines: anyone who reaches ${others.address} can sign in as anyone, without a password`,
    )
  }
  return warnings
}
