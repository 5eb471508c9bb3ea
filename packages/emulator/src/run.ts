import { watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Emulator } from './emulator.js'
import { imitatedIssuers } from './instance/issuer-labels.js'
import type { EmulatorOptions } from './options.js'
import { startEmulator } from './start.js'
import { systemCode } from './base/system-error.js'

const help = `countersign-emulator: a local token service in the shape of Microsoft Entra ID,
for development and tests only

  --config <file>    the registration, a JSON file (default: a small example)
  --port <number>    default 8400; 0 takes any that is free
  --https            with a self-signed certificate made for this run
  --watch            read the registration again when the file changes
  --state <file>     keep keys and consents in a file from one run to the next
  --lifetime <s>     of access tokens, in seconds (default 3600)
  --imitate-microsoft-issuers <${imitatedIssuers.join('|')}>
                     put the names of Microsoft's issuers into tokens
  --allow-connections-from-other-machines --listen <IP> --host-name <name>
                     listen on another address than loopback; anyone who reaches it
                     can sign in as anyone
  --help`

/** The parts of the terminal that `run` uses. */
export interface Terminal {
  write(line: string): void
  complain(line: string): void
  /** Resolves when the user ends the run. */
  untilStopped(): Promise<void>
}

/** Runs the emulator until it is stopped. Resolves to the exit code: 0, 1 if it could not start, 64 for wrong arguments. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let values: Values
  try {
    values = readArguments(args)
  } catch (error) {
    terminal.complain(error instanceof Error ? error.message : 'wrong arguments')
    terminal.complain(help)
    return 64
  }
  if (values.help) {
    terminal.write(help)
    return 0
  }
  let emulator: Emulator
  try {
    emulator = await startEmulator(optionsOf(values))
  } catch (error) {
    terminal.complain(problemOf(error, values))
    return 1
  }
  for (const line of startLines(emulator, values)) terminal.write(line)
  const stopWatching = values.watch ? watchConfig(emulator, values.config ?? '', terminal) : () => {}
  await terminal.untilStopped()
  stopWatching()
  await emulator.stop()
  terminal.write('stopped')
  return 0
}

interface Values {
  readonly config?: string
  readonly port: number
  readonly https: boolean
  readonly watch: boolean
  readonly state?: string
  readonly lifetime?: number
  readonly imitated?: string
  readonly others?: { readonly address: string; readonly hostName: string }
  readonly help: boolean
}

function readArguments(args: readonly string[]): Values {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      config: { type: 'string' },
      port: { type: 'string' },
      https: { type: 'boolean' },
      watch: { type: 'boolean' },
      state: { type: 'string' },
      lifetime: { type: 'string' },
      'imitate-microsoft-issuers': { type: 'string' },
      'allow-connections-from-other-machines': { type: 'boolean' },
      listen: { type: 'string' },
      'host-name': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const { config, state, listen, 'host-name': hostName, lifetime } = values
  const isOpen = values['allow-connections-from-other-machines'] ?? false
  const three = [isOpen, listen !== undefined, hostName !== undefined]
  if (three.some(Boolean) && !three.every(Boolean)) {
    throw new Error(
      '--allow-connections-from-other-machines, --listen and --host-name must be given together',
    )
  }
  if (values.watch && config === undefined) throw new Error('--watch needs --config')
  const imitated = values['imitate-microsoft-issuers']
  return {
    ...(config === undefined ? {} : { config }),
    ...(state === undefined ? {} : { state }),
    ...(lifetime === undefined ? {} : { lifetime: readNumber('--lifetime', lifetime) }),
    ...(imitated === undefined ? {} : { imitated }),
    ...(isOpen ? { others: { address: listen ?? '', hostName: hostName ?? '' } } : {}),
    port: readNumber('--port', values.port ?? '8400'),
    https: values.https ?? false,
    watch: values.watch ?? false,
    help: values.help ?? false,
  }
}

function readNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name}: must be a whole number`)
  return Number(text)
}

function optionsOf({ config, port, https, state, lifetime, imitated, others }: Values): EmulatorOptions {
  return {
    port,
    https,
    ...(config === undefined ? {} : { registration: config }),
    ...(state === undefined ? {} : { state }),
    ...(lifetime === undefined ? {} : { accessTokenLifetimeSeconds: lifetime }),
    // `startEmulator` checks the name.
    ...(imitated === undefined ? {} : { imitateMicrosoftIssuers: imitated as never }),
    ...(others === undefined ? {} : { allowConnectionsFromOtherMachines: others }),
  }
}

function problemOf(error: unknown, { port }: Values): string {
  if (systemCode(error) === 'EADDRINUSE') {
    return `port ${port} is in use: choose another with --port, or 0 for any`
  }
  return error instanceof Error ? error.message : 'the emulator could not be started'
}

function startLines(emulator: Emulator, values: Values): string[] {
  const { origin, cloud } = emulator
  return [
    'Countersign emulator: FOR DEVELOPMENT AND TESTS ONLY. It signs anyone in without a password.',
    `  address    ${origin}`,
    `  page       ${origin}/_/`,
    `  discovery  ${origin}/common/v2.0/.well-known/openid-configuration`,
    `  issuers    v1.0 ${cloud.v1Issuer}   v2.0 ${cloud.v2Issuer}`,
    `  config     ${values.config === undefined ? 'a small example' : resolve(values.config)}${values.watch ? ', watched' : ''}`,
    `  state      ${values.state === undefined ? 'in memory' : `${resolve(values.state)} (holds private keys)`}`,
    ...(values.https ? ['  trust      the certificate is self-signed and new in every run'] : []),
    ...(values.imitated === undefined
      ? []
      : [
          `LENIENT: --imitate-microsoft-issuers ${values.imitated}: tokens carry issuer names of Microsoft, and are worth nothing there`,
        ]),
    ...(values.others === undefined
      ? []
      : [
          `LENIENT: --allow-connections-from-other-machines: anyone who reaches ${values.others.address} can sign in as anyone, without a password`,
        ]),
    'Stop with Ctrl-C.',
  ]
}

/** Watches the folder, because editors replace files; several events in 50 ms are one change. */
function watchConfig(emulator: Emulator, config: string, terminal: Terminal): () => void {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dirname(resolve(config)), (_, name) => {
    if (name !== basename(config)) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      try {
        emulator.reload(config)
        terminal.write(`read ${config} again`)
      } catch (error) {
        terminal.complain(
          `${error instanceof Error ? error.message : 'unreadable'}; the old registration stays in use`,
        )
      }
    }, 50)
  })
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
