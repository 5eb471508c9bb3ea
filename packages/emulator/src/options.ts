import { isIP } from 'node:net'
import { type EmulatorClock, runningClock } from './base/clock.js'
import { type ImitatedIssuers, imitatedIssuers } from './instance/issuer-labels.js'
import type { Registration } from './registration/types.js'
import type { EmulatorState } from './instance/state.js'

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
  /**
   * The path of a file that keeps keys, consents and ended sign-ins from one run to the next, private to its owner; or
   * what `exportState` of another instance gave, to go on from in memory. Default: none.
   */
  readonly state?: string | EmulatorState
  /** Serve the page under `/_/`. Default true. */
  readonly page?: boolean
  /**
   * Put the names of Microsoft's own issuers into tokens and documents, for code whose issuer cannot be configured.
   * Nothing outside this machine trusts such a token: the keys are the emulator's. Default: its own address.
   */
  readonly imitateMicrosoftIssuers?: ImitatedIssuers
  /**
   * Listen on another address than loopback (containers that call each other). Whoever reaches it can sign in as
   * anyone. `hostName` is the name clients call it by; a request by any other name is refused. Default: never.
   */
  readonly allowConnectionsFromOtherMachines?: { readonly address: string; readonly hostName: string }
}

export interface Settings {
  readonly port: number
  readonly https: boolean
  readonly clock: EmulatorClock
  readonly accessTokenLifetimeSeconds: number
  readonly state: string | EmulatorState | undefined
  readonly page: boolean
  readonly imitated: ImitatedIssuers | undefined
  readonly others: { readonly address: string; readonly hostName: string } | undefined
  /** What was made less strict than the default, to be said aloud. */
  readonly warnings: readonly string[]
}

const optionNames: ReadonlySet<string> = new Set([
  'registration',
  'port',
  'https',
  'clock',
  'accessTokenLifetimeSeconds',
  'state',
  'page',
  'imitateMicrosoftIssuers',
  'allowConnectionsFromOtherMachines',
] satisfies (keyof EmulatorOptions)[])

export function readOptions(options: EmulatorOptions): Settings {
  if (typeof options !== 'object' || options === null) throw new TypeError('options: expected an object')
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) throw new TypeError(`${name}: is not an option of the emulator`)
  }
  const { port = 0, https = false, clock = runningClock(), accessTokenLifetimeSeconds = 3600 } = options
  const { state, page = true, imitateMicrosoftIssuers: imitated } = options
  checkInteger('port', port, 0, 65_535)
  checkInteger('accessTokenLifetimeSeconds', accessTokenLifetimeSeconds, 1, 86_400)
  if (typeof https !== 'boolean') throw new TypeError('https: expected true or false')
  if (typeof page !== 'boolean') throw new TypeError('page: expected true or false')
  if (state !== undefined && (state === '' || !['string', 'object'].includes(typeof state))) {
    throw new TypeError('state: expected the path of a file, or what exportState gave')
  }
  const isClock = [clock?.now, clock?.advance, clock?.set].every((method) => typeof method === 'function')
  if (!isClock) throw new TypeError('clock: expected an object with the functions now, advance and set')
  if (imitated !== undefined && !imitatedIssuers.includes(imitated)) {
    throw new TypeError(`imitateMicrosoftIssuers: expected one of ${imitatedIssuers.join(', ')}`)
  }
  const others = readOthers(options.allowConnectionsFromOtherMachines)
  const warnings = [
    ...(imitated === undefined
      ? []
      : [
          'imitateMicrosoftIssuers: tokens carry the issuer names of Microsoft; they are worth nothing there',
        ]),
    ...(others === undefined
      ? []
      : [
          `allowConnectionsFromOtherMachines: whoever reaches ${others.address} can sign in as anyone, without a password`,
        ]),
  ]
  return { port, https, clock, accessTokenLifetimeSeconds, state, page, imitated, others, warnings }
}

function readOthers(option: EmulatorOptions['allowConnectionsFromOtherMachines']): Settings['others'] {
  if (option === undefined) return undefined
  const { address, hostName } = option ?? {}
  const isHost = typeof hostName === 'string' && /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(hostName)
  if (typeof address !== 'string' || isIP(address) === 0 || !isHost) {
    throw new TypeError(
      'allowConnectionsFromOtherMachines: expected the IP address to listen on and a hostName in lower case',
    )
  }
  return { address, hostName }
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new TypeError(`${name}: expected a whole number from ${least} to ${most}`)
  }
}
