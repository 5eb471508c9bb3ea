import { readFile } from 'node:fs/promises'
import { type EmulatorFlags, withEmulator } from './emulator/control.js'
import { type ExitCode, exitCodes, UsageError } from './exit-codes.js'
import { factsOf } from './explain/facts.js'
import { decode } from './explain/unverified.js'
import type { Terminal } from './terminal.js'
import { visible, wrap } from './text.js'

export interface TokenCommandFlags extends EmulatorFlags {
  readonly client?: string | undefined
  readonly api?: string | undefined
  readonly user?: string | undefined
  readonly scope?: readonly string[] | undefined
  readonly role?: readonly string[] | undefined
  readonly flaw?: string | undefined
  readonly lifetime?: string | undefined
  readonly tenant?: string | undefined
  readonly issuer?: string | undefined
  readonly authority?: string | undefined
  readonly cloud?: 'global' | 'usGovernment' | 'china' | undefined
  readonly v1?: boolean | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly json?: boolean | undefined
}

const secretVariable = 'COUNTERSIGN_CLIENT_SECRET'

/** `countersign token`: the token alone on stdout, what it is on stderr. */
export async function token(flags: TokenCommandFlags, terminal: Terminal): Promise<ExitCode> {
  const isReal = flags.tenant !== undefined || flags.issuer !== undefined
  if (!isReal) return print(await mint(flags, terminal), flags, terminal)
  const { acquire } = await import('./token-authority.js')
  const acquired = await acquire(flags, await credentialOf(flags, terminal))
  if (typeof acquired === 'string') return print(acquired, flags, terminal)
  for (const line of wrap(`error: ${visible(acquired.message)}`, terminal.columns, '  ')) {
    terminal.complain(line)
  }
  if (acquired.aadsts !== undefined) terminal.complain(`More: countersign explain AADSTS${acquired.aadsts}`)
  return acquired.isOutage ? exitCodes.undecided : exitCodes.no
}

/** From the emulator, without a request of a client: consent is not checked. */
async function mint(flags: TokenCommandFlags, terminal: Terminal): Promise<string> {
  const { client, api, user, scope, role, flaw, lifetime } = flags
  if (client === undefined || api === undefined) {
    throw new UsageError(
      'name --client and --api of the emulator; or --tenant or --issuer for a real token service',
    )
  }
  if (lifetime !== undefined && !/^-?\d{1,9}$/.test(lifetime))
    throw new UsageError('--lifetime must be whole seconds')
  return withEmulator(flags, terminal, 0, async (control) => {
    if (flags.config !== undefined) {
      terminal.complain(
        'note: the emulator of this token ends with the command, so no API can verify it; see --emulator',
      )
    }
    const answer = (await control.post('/tokens', {
      client,
      resource: api,
      ...(user === undefined ? {} : { user }),
      ...(scope === undefined ? {} : { scopes: scope }),
      ...(role === undefined ? {} : { roles: role }),
      ...(flaw === undefined ? {} : { flaw }),
      ...(lifetime === undefined ? {} : { lifetimeSeconds: Number(lifetime) }),
    })) as { readonly token: string }
    return answer.token
  })
}

/** How the client proves itself: a secret never comes as an argument, which other users of the machine can read. */
export type Credential =
  | { readonly secret: string }
  | { readonly certificate: string; readonly privateKey: string }

async function credentialOf(
  { certificate, key }: TokenCommandFlags,
  { environment }: Terminal,
): Promise<Credential> {
  if ((certificate === undefined) !== (key === undefined))
    throw new UsageError('--certificate and --key must be given together')
  if (certificate !== undefined && key !== undefined) {
    return {
      certificate: await readText('--certificate', certificate),
      privateKey: await readText('--key', key),
    }
  }
  const secret = environment[secretVariable]
  if (secret !== undefined && secret !== '') return { secret }
  throw new UsageError(`set ${secretVariable} to the secret of the client, or give --certificate and --key`)
}

async function readText(name: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${name}: cannot read ${path} (${String((error as { code?: unknown }).code)})`)
  }
}

function print(text: string, { json }: TokenCommandFlags, terminal: Terminal): ExitCode {
  const facts = factsOf(decode(text), Date.now() / 1000, {})
  if (json === true) {
    terminal.write(JSON.stringify({ access_token: text, token_type: 'Bearer', ...facts }, undefined, 2))
    return exitCodes.yes
  }
  terminal.complain(
    [facts.kind, ...(facts.audience === undefined ? [] : [`for ${facts.audience}`]), facts.times]
      .filter(Boolean)
      .join(', '),
  )
  terminal.write(text)
  return exitCodes.yes
}
