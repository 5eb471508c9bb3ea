import { clouds } from '@countersign/core'
import { Command, Option } from 'commander'
import type { ExplainFlags } from './explain/command.js'
import type { ProbeFlags } from './probe/command.js'
import type { ExitCode } from './exit-codes.js'
import { packageVersion } from './package-info.js'
import type { Terminal } from './terminal.js'

/** What every help ends with. */
const exitCodeHelp = `
Exit codes: 0 yes (accepted, allowed, as it must be)   1 no   2 undecided   64 wrong arguments`

/** Help that begins with what people come for. */
function describe(command: Command, summary: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  ${example}`).join('\n')
  return command
    .summary(summary)
    .description('')
    .addHelpText('before', `${summary}\n\n${lines}\n`)
    .addHelpText('after', exitCodeHelp)
}

/** Adds a value to those of an option that may be repeated, or separated by commas. */
function several(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(',').map((each) => each.trim())].filter((each) => each !== '')
}

/** The commands. Each loads what it needs when it runs; `end` gets its exit code. */
export async function createProgram(terminal: Terminal, end: (code: ExitCode) => void): Promise<Command> {
  const program = new Command('countersign')
  program
    .version(packageVersion(), '-v, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text.replace(/\n$/, '')),
      writeErr: (text) => terminal.complain(text.replace(/\n$/, '')),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => terminal.isColoured,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(countersign <command> --help shows examples)')
  describe(program, 'Says why a token is refused, and whether an API refuses what it must.', [
    'countersign explain --tenant contoso.com --client-id <API> < token.txt',
    'countersign explain AADSTS65001',
    'countersign probe http://localhost:3000/orders --api orders-api',
    'countersign emulator --config registration.json --watch',
  ])
  addExplain(program, terminal, end)
  addProbe(program, terminal, end)
  return program
}

function addExplain(program: Command, terminal: Terminal, end: (code: ExitCode) => void): void {
  describe(program.command('explain'), 'Says why a token is refused, or what a code means.', [
    'countersign explain --tenant contoso.com --client-id <API> < token.txt',
    'countersign explain --config auth.js --scope Orders.Read < token.txt',
    'countersign explain --issuer https://id.example --audience orders < token.txt',
    'countersign explain token_expired',
    'countersign explain AADSTS65001',
  ])
    .argument('[token or code]', 'default: the token is read from the input')
    .addOption(new Option('--config <file>', 'the options of the API: a module that exports them, or JSON'))
    .option('--tenant <id>', 'a tenant of Entra, by GUID or domain')
    .option('--client-id <id>', 'the application (client) id of the API, with --tenant')
    .addOption(new Option('--cloud <name>', 'a cloud of Entra').choices(Object.keys(clouds)))
    .option('--emulator <origin>', 'the token comes from an emulator, such as http://localhost:8400')
    .option('--issuer <address>', 'any other issuer, by its address')
    .option('--audience <value>', 'what aud must be; may be repeated', several)
    .option('--scope <scope>', 'a scope that a user must have granted; may be repeated', several)
    .option('--role <role>', 'a role that the caller must have; may be repeated', several)
    .option('--at <time>', 'another time than now: a date, or seconds since 1970')
    .option('--offline', 'send no request: the signature is then not verified')
    .option('--json', 'print the report as JSON')
    .action(async (word: string | undefined, flags: ExplainFlags) => {
      const { explain } = await import('./explain/command.js')
      end(await explain(word, flags, terminal))
    })
}

/** Which emulator issues the tokens. */
function addEmulatorOptions(command: Command): Command {
  return command
    .option('--emulator <origin>', 'the emulator that runs (default: http://localhost:8400)')
    .option('--config <file>', 'start an emulator here, with this registration')
}

function addProbe(program: Command, terminal: Terminal, end: (code: ExitCode) => void): void {
  const command = program.command('probe')
  describe(command, 'Says whether an API that trusts the emulator refuses what it must.', [
    'countersign probe http://localhost:3000/orders --api orders-api',
    'countersign probe http://localhost:3000/orders --config registration.json --port 8400',
    'countersign probe http://localhost:3000/orders --api orders-api --versions 2.0 --junit probe.xml',
    'countersign probe http://localhost:3000/orders --method POST --header "Content-Type: application/json" --body {}',
  ]).argument('<url>', 'a route of the API that a good token may call')
  addEmulatorOptions(command)
    .option('--port <number>', 'of the emulator that is started here (default: 8400)')
    .option('--api <name>', 'the API, by name, appId or identifier URI (default: the only one)')
    .option('--client <name>', 'the client (default: one that has to do with the API)')
    .option('--user <name>', 'the user (default: the first, if the API has scopes)')
    .option('--scope <scope>', 'of good tokens (default: all of the API); may be repeated', several)
    .option('--role <role>', 'of good tokens (default: all of the API); may be repeated', several)
    .option('--method <method>', 'of the request (default: GET)')
    .option(
      '--header <line>',
      'a further header, "Name: value"; may be repeated',
      (line, before: string[] = []) => [...before, line],
    )
    .option('--body <text>', 'of the request')
    .option('--versions <list>', 'of tokens that the API accepts: 1.0, 2.0 (default: both)', several)
    .option('--any-tenant', 'the API accepts every tenant on purpose')
    .option('--without-permissions', 'the API accepts tokens without scope and role on purpose')
    .option('--skip <names>', 'cases not to send; may be repeated', several)
    .option('--json', 'print the findings as JSON')
    .option('--junit <file>', 'write them as JUnit XML, too')
    .addHelpText(
      'after',
      `
It sends tokens of an emulator, which are worth nothing elsewhere. COUNTERSIGN_EMULATOR_TOKEN is the token that the
emulator prints at its start. Probe an API of your own: requests that are accepted run its code.`,
    )
    .action(async (url: string, flags: ProbeFlags) => {
      const { probe } = await import('./probe/command.js')
      end(await probe(url, flags, terminal))
    })
}
