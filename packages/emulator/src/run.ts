import { readFileSync, watch, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { packageVersion } from './base/package-info.js'
import { systemCode } from './base/system-error.js'
import { type CommandValues, helpText, readSettings } from './command-settings.js'
import type { Emulator } from './emulator.js'
import { healthProblem } from './health.js'
import type { EmulatorOptions } from './options.js'
import { startEmulator } from './start.js'

/** The parts of the terminal that `run` uses. */
export interface Terminal {
  write(line: string): void
  complain(line: string): void
  /** Resolves when the user ends the run. */
  untilStopped(): Promise<void>
}

/** Runs the emulator until it is stopped. Resolves to the exit code: 0, 1 if it could not start, 64 for wrong arguments. */
export async function run(
  args: readonly string[],
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<number> {
  let values: CommandValues
  let options: EmulatorOptions
  try {
    const read = readSettings(args, environment)
    values = read.values
    if (read.asked === 'health') return await checkHealth(values, terminal)
    if (read.asked !== 'start') {
      terminal.write(read.asked === 'help' ? helpText() : packageVersion())
      return 0
    }
    checkTogether(values)
    options = optionsOf(values)
  } catch (error) {
    terminal.complain(error instanceof Error ? error.message : 'wrong arguments')
    terminal.complain(helpText())
    return 64
  }
  let emulator: Emulator
  try {
    emulator = await startEmulator({ ...options, ...certificateOf(values) })
  } catch (error) {
    terminal.complain(problemOf(error, options))
    return 1
  }
  try {
    writeCertificate(emulator, values)
  } catch (error) {
    terminal.complain(`--certificate-out: cannot write the file (${systemCode(error)})`)
    await emulator.stop()
    return 1
  }
  for (const line of startLines(emulator, values)) terminal.write(line)
  const stopWatching = values.watch === true ? watchConfig(emulator, values.config ?? '', terminal) : () => {}
  await terminal.untilStopped()
  stopWatching()
  await emulator.stop()
  terminal.write('stopped')
  return 0
}

async function checkHealth(values: CommandValues, terminal: Terminal): Promise<number> {
  const port = readNumber('--port', values.port ?? defaultPort)
  const problem = await healthProblem({ port, isHttps: isHttps(values) })
  if (problem === undefined) return 0
  terminal.complain(problem)
  return 1
}

const defaultPort = '8400'

/** Refuses settings that need others. */
function checkTogether(values: CommandValues): void {
  const isOpen = values['allow-connections-from-other-machines'] === true
  const hostNames = values['host-name'] ?? []
  const hasAddress = values.listen !== undefined
  if (isOpen !== hasAddress || (isOpen && hostNames.length === 0)) {
    throw new Error(
      '--allow-connections-from-other-machines, --listen and --host-name must be given together',
    )
  }
  if (values.watch === true && values.config === undefined) throw new Error('--watch needs --config')
  if ((values.cert === undefined) !== (values.key === undefined)) {
    throw new Error('--cert and --key must be given together')
  }
  if (values['certificate-out'] !== undefined && !isHttps(values)) {
    throw new Error('--certificate-out needs --https, or --cert and --key')
  }
}

function isHttps({ https, cert }: CommandValues): boolean {
  return https === true || cert !== undefined
}

function optionsOf(values: CommandValues): EmulatorOptions {
  const { config, state, lifetime, token, origin, listen } = values
  const isOpen = values['allow-connections-from-other-machines'] === true
  const [first = '', ...more] = values['host-name'] ?? []
  return {
    port: readNumber('--port', values.port ?? defaultPort),
    https: isHttps(values),
    registration: config,
    state,
    controlToken: token,
    allowPasswordGrant: values['allow-password-grant'],
    origin,
    hostNames: isOpen ? more : (values['host-name'] ?? []),
    accessTokenLifetimeSeconds: lifetime === undefined ? undefined : readNumber('--lifetime', lifetime),
    // `startEmulator` checks the name.
    imitateMicrosoftIssuers: values['imitate-microsoft-issuers'] as never,
    allowConnectionsFromOtherMachines: isOpen ? { address: listen ?? '', hostName: first } : undefined,
  }
}

function readNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name}: must be a whole number`)
  return Number(text)
}

/** The certificate and key of --cert and --key. */
function certificateOf({ cert, key }: CommandValues): Pick<EmulatorOptions, 'https'> | undefined {
  if (cert === undefined || key === undefined) return undefined
  const read = (name: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw new TypeError(`${name}: cannot read the file ${path} (${systemCode(error)})`)
    }
  }
  return { https: { certificate: read('--cert', cert), privateKey: read('--key', key) } }
}

function writeCertificate({ certificate }: Emulator, values: CommandValues): void {
  const path = values['certificate-out']
  if (path !== undefined && certificate !== undefined) writeFileSync(path, certificate)
}

function problemOf(error: unknown, { port }: EmulatorOptions): string {
  if (systemCode(error) === 'EADDRINUSE') {
    return `port ${port} is in use: choose another with --port, or 0 for any`
  }
  return error instanceof Error ? error.message : 'the emulator could not be started'
}

function startLines(emulator: Emulator, values: CommandValues): string[] {
  const { origin, cloud, controlApi } = emulator
  const { config, state, token, listen } = values
  const imitated = values['imitate-microsoft-issuers']
  return [
    'Countersign emulator: FOR DEVELOPMENT AND TESTS ONLY. It signs anyone in without a password.',
    `  address    ${origin}`,
    `  page       ${origin}/_/${listen === undefined ? '' : '   asks for a password: the token of the control API'}`,
    `  control    ${controlApi.address}   token ${token === undefined ? controlApi.token : 'as configured'}`,
    `  discovery  ${origin}/common/v2.0/.well-known/openid-configuration`,
    `  issuers    v1.0 ${cloud.v1Issuer}   v2.0 ${cloud.v2Issuer}`,
    `  config     ${config === undefined ? 'a small example' : resolve(config)}${values.watch === true ? ', watched' : ''}`,
    `  state      ${state === undefined ? 'in memory' : `${resolve(state)} (holds private keys)`}`,
    ...trustLines(emulator, values),
    ...(imitated === undefined
      ? []
      : [
          `LENIENT: --imitate-microsoft-issuers ${imitated}: tokens carry issuer names of Microsoft, and are worth nothing there`,
        ]),
    ...(values['allow-connections-from-other-machines'] === true
      ? [
          `LENIENT: --allow-connections-from-other-machines: anyone who reaches ${listen} can sign in as anyone, without a password`,
        ]
      : []),
    'Stop with Ctrl-C.',
  ]
}

/** How clients trust the certificate: one line for each platform. */
function trustLines({ origin, certificate }: Emulator, values: CommandValues): string[] {
  if (certificate === undefined) return []
  const out = values['certificate-out']
  const file = out === undefined ? 'emulator.pem' : resolve(out)
  const life =
    values.cert !== undefined
      ? 'your own certificate'
      : values.state === undefined
        ? 'a self-signed certificate, new in every run'
        : 'a certificate authority that is kept with the state, for the names of the emulator alone'
  return [
    `  trust      ${life}`,
    ...(out === undefined
      ? [`             download it: curl -k ${origin}/_/certificate.pem -o ${file}`]
      : []),
    `    Node     NODE_EXTRA_CA_CERTS=${file}`,
    `    Python   SSL_CERT_FILE=${file}   requests, msal: REQUESTS_CA_BUNDLE=${file}`,
    `    .NET     SSL_CERT_FILE=${file}   (Linux; on Windows and macOS the store of the user)`,
    `    Java     keytool -importcert -noprompt -alias emulator -file ${file} -keystore emulator.p12 -storepass changeit`,
    `    curl     --cacert ${file}`,
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
