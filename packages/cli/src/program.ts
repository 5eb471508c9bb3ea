import { Command, Option } from 'commander'
import type { ExplainFlags } from './explain/command.js'
import type { ProbeFlags } from './probe/command.js'
import type { CanFlags } from './can.js'
import type { Shell } from './completions.js'
import type { TokenCommandFlags } from './token.js'
import { packageVersion } from './package-info.js'
import type { Terminal } from './terminal.js'

/** Named here because the help must not wait for the validator to load. */
const clouds = ['global', 'usGovernment', 'china']
const shells = ['bash', 'zsh', 'fish']

/** What every help ends with. */
const exitCodeHelp = `
Exit codes: 0 yes (accepted, allowed, as it must be)   1 no   2 undecided   64 wrong arguments`

/** Gets the exit code of the command that ran. */
type End = (code: number) => void

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

/** Adds a value that may hold commas. */
function another(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** The commands. Each loads what it needs when it runs; `end` gets its exit code. */
export function createProgram(terminal: Terminal, end: End): Command {
  const program = new Command('countersign')
  program
    .version(packageVersion(), '-v, --version')
    .exitOverride()
    .enablePositionalOptions()
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
  addCan(program, terminal, end)
  addToken(program, terminal, end)
  addCheck(program, terminal, end)
  addEmulator(program, end)
  addCompletion(program, terminal)
  return program
}

function addExplain(program: Command, terminal: Terminal, end: End): void {
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
    .addOption(new Option('--cloud <name>', 'a cloud of Entra').choices(clouds))
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

function addProbe(program: Command, terminal: Terminal, end: End): void {
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
    .option('--header <line>', 'a further header, "Name: value"; may be repeated', another)
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

function addCan(program: Command, terminal: Terminal, end: End): void {
  const command = program.command('can')
  describe(command, 'Says whether a client may call an API, and which grant is missing.', [
    'countersign can orders-web call orders-api --scope Orders.Read --config registration.json',
    'countersign can orders-web call orders-api --scope Orders.Read --as alice@contoso.example',
    'countersign can nightly call orders-api --role Orders.Read.All',
  ])
    .argument('<client>', 'by name, appId or identifier URI')
    .argument('<call>', 'the word "call"')
    .argument('<api>', 'by name, appId or identifier URI')
  addEmulatorOptions(command)
    .option('--scope <scope>', 'that a user must have granted; may be repeated', several)
    .option('--role <role>', 'that the caller must have; may be repeated', several)
    .option('--as <user>', 'for this user (default with --scope: for every user)')
    .option('--json', 'print the answer as JSON')
    .action(async (client: string, call: string, api: string, flags: CanFlags) => {
      const { can } = await import('./can.js')
      end(await can(client, call, api, flags, terminal))
    })
}

function addToken(program: Command, terminal: Terminal, end: End): void {
  const command = program.command('token')
  describe(command, 'Gets a token: from the emulator, or from a real token service.', [
    'countersign token --client orders-web --api orders-api --user alice@contoso.example',
    'countersign token --client orders-web --api orders-api --flaw expired | countersign explain',
    'countersign token --tenant contoso.com --client <client id> --api api://orders',
  ])
  addEmulatorOptions(command)
    .option('--client <name>', 'the client: by name, or its client id at a real token service')
    .option('--api <name>', 'the API: by name, or its identifier at a real token service')
    .option('--user <name>', 'of the emulator: a token for this user, without asking')
    .option('--scope <scope>', 'a scope of the token; may be repeated', several)
    .option('--role <role>', 'of the emulator: a role of the token; may be repeated', several)
    .option('--flaw <name>', 'of the emulator: what is wrong with the token; see docs/token-flaws.md')
    .option('--lifetime <seconds>', 'of the emulator: may be negative')
    .option('--tenant <id>', 'a real tenant of Entra, by GUID')
    .addOption(new Option('--cloud <name>', 'a cloud of Entra').choices(clouds))
    .option('--authority <origin>', 'another login host, with --tenant')
    .option('--v1', 'use the v1.0 endpoint')
    .option('--issuer <address>', 'any other token service')
    .option('--certificate <file>', 'how the client proves itself: its certificate, PEM')
    .option('--key <file>', 'and the private key, PEM')
    .option('--json', 'print the token with what it is as JSON')
    .addHelpText(
      'after',
      `
The token alone is on stdout. The secret of a client comes from COUNTERSIGN_CLIENT_SECRET, the token of the
emulator's control API from COUNTERSIGN_EMULATOR_TOKEN.`,
    )
    .action(async (flags: TokenCommandFlags) => {
      const { token } = await import('./token.js')
      end(await token(flags, terminal))
    })
}

function addCheck(program: Command, terminal: Terminal, end: End): void {
  describe(program.command('check'), 'Says whether an emulator can use a registration file.', [
    'countersign check registration.json',
  ])
    .argument('<registration>', 'a JSON file')
    .option('--json', 'print the answer as JSON')
    .action(async (path: string, flags: { readonly json?: boolean }) => {
      const { check } = await import('./check.js')
      end(await check(path, flags, terminal))
    })
}

/** Its arguments are the emulator's own. */
function addEmulator(program: Command, end: End): void {
  program
    .command('emulator')
    .summary('Starts the emulator: a local token service for development.')
    .argument('[settings...]', 'as of countersign-emulator')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (settings: readonly string[]) => {
      const { emulator } = await import('./emulator/command.js')
      end(await emulator(settings))
    })
}

function addCompletion(program: Command, terminal: Terminal): void {
  describe(program.command('completion'), 'Prints the completion script of a shell.', [
    'source <(countersign completion bash)',
    'countersign completion fish > ~/.config/fish/completions/countersign.fish',
  ])
    .addArgument(program.createArgument('<shell>').choices(shells))
    .action(async (shell: Shell) => {
      const [{ completionScript }, { refusalExplanations }, { tokenFlaws }] = await Promise.all([
        import('./completions.js'),
        import('@countersign/explanations/refusals'),
        import('@countersign/emulator'),
      ])
      const words = { explain: Object.keys(refusalExplanations), completion: shells }
      terminal.write(completionScript(shell, program, { words, values: { 'token --flaw': tokenFlaws } }))
    })
}
