import { parseArgs } from 'node:util'
import { imitatedIssuers } from './instance/issuer-labels.js'

/*
 * The settings of the command, one entry each: its name as an argument and in the environment, and its line of the help.
 * An argument wins over the environment.
 */

interface Setting {
  /** What stands for its value in the help; absent: it is on or off. */
  readonly value?: string
  /** May be given several times; in the environment separated by commas. */
  readonly isList?: true
  /** Read from the environment alone: arguments are visible to every user of the machine. */
  readonly isSecret?: true
  readonly help: readonly string[]
}

const settings = {
  config: { value: '<file>', help: ['the registration, a JSON file (default: a small example)'] },
  port: { value: '<number>', help: ['default 8400; 0 takes any that is free'] },
  watch: { help: ['read the registration again when the file changes'] },
  state: { value: '<file>', help: ['keep keys, consents and the certificate authority in a file'] },
  lifetime: { value: '<seconds>', help: ['of access tokens (default 3600)'] },
  token: { isSecret: true, value: '<text>', help: ['of the control API (default: random, printed)'] },
  https: {
    help: ['with --state by a certificate authority that is kept there, else', 'self-signed for this run'],
  },
  cert: { value: '<file>', help: ['a certificate of your own for https, PEM'] },
  key: { value: '<file>', help: ['its private key, PEM'] },
  'certificate-out': { value: '<file>', help: ['write the certificate that clients must trust'] },
  origin: { value: '<url>', help: ['the address by which clients call it: a mapped port, a TLS proxy'] },
  'host-name': {
    value: '<name>',
    isList: true,
    help: ['a further name by which requests come; may be repeated'],
  },
  'allow-password-grant': { help: ['grant_type=password, for users with a passwordProfile'] },
  'imitate-microsoft-issuers': {
    value: `<${imitatedIssuers.join('|')}>`,
    help: ["put the names of Microsoft's issuers into tokens"],
  },
  'allow-connections-from-other-machines': {
    help: [
      'listen on the address of --listen, as the first --host-name;',
      'anyone who reaches it can sign in as anyone',
    ],
  },
  listen: { value: '<IP>', help: ['the address to listen on; only with the setting above'] },
} as const satisfies Readonly<Record<string, Setting>>

type Name = keyof typeof settings

/** The values as texts; a switch that is on is `true`. */
export type CommandValues = {
  readonly [name in Name]?: (typeof settings)[name] extends { readonly isList: true }
    ? readonly string[]
    : (typeof settings)[name] extends { readonly value: string }
      ? string
      : boolean
}

/** What the command is asked to do. */
type Asked = 'help' | 'version' | 'health' | 'start'

const prefix = 'COUNTERSIGN_EMULATOR_'
const named = Object.entries(settings) as [Name, Setting][]

/** A setting's name in the environment. */
function inEnvironment(name: string): string {
  return `${prefix}${name.toUpperCase().replaceAll('-', '_')}`
}

/**
 * Reads arguments and environment. Throws an Error with a message for the terminal for an unknown or incomplete argument,
 * and for an unknown variable with the command's prefix.
 */
export function readSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly values: CommandValues; readonly asked: Asked } {
  const { values: given } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      'check-health': { type: 'boolean' },
      ...Object.fromEntries(
        named
          .filter(([, { isSecret }]) => isSecret !== true)
          .map(([name, { value, isList }]) => [
            name,
            {
              type: value === undefined ? ('boolean' as const) : ('string' as const),
              multiple: isList === true,
            },
          ]),
      ),
    },
  })
  const { help, version, 'check-health': health, ...values } = given
  const asked = help === true ? 'help' : version === true ? 'version' : health === true ? 'health' : 'start'
  return { values: { ...fromEnvironment(environment), ...values } as CommandValues, asked }
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const known = new Map(named.map(([name, setting]) => [inEnvironment(name), { name, ...setting }]))
  const values: Record<string, unknown> = {}
  for (const [variable, text] of Object.entries(environment)) {
    // An empty variable counts as absent: compose files have no other way.
    if (!variable.startsWith(prefix) || text === undefined || text === '') continue
    if (isOfOrchestrator(variable, text)) continue
    const setting = known.get(variable)
    if (setting === undefined) throw new Error(`${variable}: is not a setting; see --help`)
    if (setting.value === undefined) values[setting.name] = readSwitch(variable, text)
    else values[setting.name] = setting.isList ? text.split(',').map((part) => part.trim()) : text
  }
  return values
}

/** Kubernetes sets such variables for a service of that name. */
function isOfOrchestrator(variable: string, text: string): boolean {
  return /_SERVICE_(HOST|PORT)|_PORT_\d+_/.test(variable) || /^(tcp|udp):\/\//.test(text)
}

function readSwitch(variable: string, text: string): boolean {
  if (!['true', 'false', '1', '0'].includes(text)) throw new Error(`${variable}: must be true or false`)
  return text === 'true' || text === '1'
}

/** Every setting, as the terminal shows it. */
export function helpText(): string {
  const lines = named.flatMap(([name, { value, isSecret, help }]) => {
    const argument = isSecret ? inEnvironment(name) : `--${name}${value === undefined ? '' : ` ${value}`}`
    const [first = '', ...more] = help
    // A long argument has a line of its own.
    const head =
      argument.length > 24
        ? [`  ${argument}`, `    ${''.padEnd(24)}${first}`]
        : [`  ${argument.padEnd(26)}${first}`]
    return [...head, ...more.map((line) => `${''.padEnd(28)}${line}`)]
  })
  return [
    'countersign-emulator: a local token service in the shape of Microsoft Entra ID,',
    'for development and tests only',
    '',
    '  countersign-emulator --config registration.json --watch',
    '  countersign-emulator --https --state emulator-state.json --certificate-out emulator.pem',
    '',
    ...lines,
    `  ${'--check-health'.padEnd(26)}end with 0 if an emulator on this machine answers, else with 1`,
    `  ${'--version'.padEnd(26)}print the version`,
    `  ${'--help'.padEnd(26)}print this`,
    '',
    `Each setting is also a variable: --certificate-out is ${inEnvironment('certificate-out')}.`,
    'A switch is true or false there, a list is separated by commas. An argument wins.',
    'The page is at /_/, the control API at /_/api/v1, the health of the process at /_/health.',
  ].join('\n')
}
