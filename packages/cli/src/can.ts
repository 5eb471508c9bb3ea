import { type Control, type EmulatorFlags, withEmulator } from './emulator/control.js'
import { findApplication, findUser, readDirectory } from './emulator/directory.js'
import { type ExitCode, exitCodes, UsageError } from './exit-codes.js'
import type { Terminal } from './terminal.js'
import { createPaint, type Paint, visible, wrap } from './text.js'

export interface CanFlags extends EmulatorFlags {
  readonly scope?: readonly string[] | undefined
  readonly role?: readonly string[] | undefined
  readonly as?: string | undefined
  readonly json?: boolean | undefined
}

/** The answer of the emulator about one caller. */
interface Permission {
  readonly isIssued: boolean
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly grantedBy: Readonly<Record<string, string>>
  readonly errorCode?: number
  readonly error?: string
  readonly fix?: string
}

/** Whether one caller may call: a user by the client, or the client itself. */
interface Answer extends Permission {
  readonly caller: string
  readonly isAllowed: boolean
}

/** `countersign can <client> call <api>`: yes or no, and which grant is missing. */
export async function can(
  client: string,
  verb: string,
  api: string,
  flags: CanFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  if (verb !== 'call') throw new UsageError('write it as in "countersign can orders-web call orders-api"')
  return withEmulator(flags, terminal, 0, async (control) => {
    const answers = await ask(control, client, api, flags)
    const isAllowed = answers.every((answer) => answer.isAllowed)
    if (flags.json === true) terminal.write(JSON.stringify({ isAllowed, answers }, undefined, 2))
    else {
      const lines = linesOf(
        answers,
        (isAllowed) => `${client} may ${isAllowed ? '' : 'not '}call ${api}`,
        createPaint(terminal.isColoured),
        terminal.columns,
      )
      for (const line of lines) terminal.write(line)
    }
    return isAllowed ? exitCodes.yes : exitCodes.no
  })
}

async function ask(control: Control, client: string, api: string, flags: CanFlags): Promise<Answer[]> {
  const directory = await readDirectory(control)
  const parties = {
    client: findApplication(directory, client, 'can').appId,
    resource: findApplication(directory, api, 'call').appId,
  }
  const explain = async (user: string | undefined, caller: string): Promise<Answer> => {
    const question = {
      ...parties,
      ...(user === undefined ? {} : { user, ...(flags.scope === undefined ? {} : { scopes: flags.scope }) }),
    }
    return answerOf(
      (await control.post('/permissions/explain', question)) as Permission,
      visible(caller),
      flags,
    )
  }
  if (flags.as !== undefined) {
    const { id, userPrincipalName } = findUser(directory, flags.as, '--as')
    return [await explain(id, userPrincipalName)]
  }
  if (flags.scope === undefined) return [await explain(undefined, 'the client itself')]
  const users = directory.tenants.flatMap((tenant) => tenant.users).filter(({ isEnabled }) => isEnabled)
  if (users.length === 0) throw new UsageError('the registration has no user: a scope is what a user grants')
  const answers: Answer[] = []
  for (const { id, userPrincipalName } of users) answers.push(await explain(id, userPrincipalName))
  return answers
}

/** A token that lacks what is asked for, or carries nothing at all, does not help. */
function answerOf(permission: Permission, caller: string, { scope = [], role = [] }: CanFlags): Answer {
  const { isIssued, scopes, roles } = permission
  if (!isIssued) return { ...permission, caller, isAllowed: false }
  const missing = [
    ...scope.filter((each) => !scopes.includes(each)),
    ...role.filter((each) => !roles.includes(each)),
  ]
  if (missing.length > 0) {
    return {
      ...permission,
      caller,
      isAllowed: false,
      error: `A token is issued, and lacks ${missing.join(', ')}.`,
      fix: fixFor(missing, role),
    }
  }
  if (scopes.length + roles.length > 0) return { ...permission, caller, isAllowed: true }
  return {
    ...permission,
    caller,
    isAllowed: false,
    error: 'A token is issued, as to every client of the tenant, and carries neither scopes nor roles.',
    fix: 'Assign an app role to the client in appRoleAssignments, or name a user with --as.',
  }
}

function fixFor(missing: readonly string[], roles: readonly string[]): string {
  return missing.every((name) => roles.includes(name))
    ? 'Assign the role in appRoleAssignments.'
    : 'Add the scope to oauth2PermissionGrants, and the role to appRoleAssignments.'
}

const grantedBy: Readonly<Record<string, string>> = {
  administrator: 'consented for everyone',
  user: 'consented by the user',
  preAuthorizedApplications: 'pre-authorised by the API',
}

const mostShown = 20

function linesOf(
  answers: readonly Answer[],
  statement: (isAllowed: boolean) => string,
  paint: Paint,
  columns: number,
): string[] {
  const [only] = answers
  if (only !== undefined && answers.length === 1) {
    return [
      verdict(only.isAllowed, `${statement(only.isAllowed)} as ${only.caller}`, paint),
      ...detailLines(only, paint, columns),
    ]
  }
  const refused = answers.filter(({ isAllowed }) => !isAllowed)
  const [first] = refused
  const all = `${answers.length} users`
  return [
    verdict(
      first === undefined,
      first === undefined
        ? `${statement(true)} for all ${all}`
        : `${statement(false)} for ${refused.length} of ${all}`,
      paint,
    ),
    ...answers
      .slice(0, mostShown)
      .map(
        ({ isAllowed, caller, errorCode }) =>
          `  ${isAllowed ? paint('green', 'yes') : paint('red', 'no ')}  ${caller}${errorCode === undefined ? '' : `  AADSTS${errorCode}`}`,
      ),
    ...(answers.length > mostShown ? [`       … and ${answers.length - mostShown} more`] : []),
    ...(first === undefined ? [] : ['', ...detailLines(first, paint, columns)]),
  ]
}

function verdict(isAllowed: boolean, text: string, paint: Paint): string {
  return `${paint(isAllowed ? 'green' : 'red', paint('bold', isAllowed ? 'yes' : 'no'))}  ${text}`
}

function detailLines(
  { isAllowed, scopes, roles, grantedBy: by, errorCode, error, fix }: Answer,
  paint: Paint,
  columns: number,
): string[] {
  const labelled = (label: string, text: string | undefined): string[] =>
    text === undefined || text === ''
      ? []
      : [
          `  ${paint('bold', label)}${' '.repeat(8 - label.length)}${wrap(text, columns, ' '.repeat(10)).join('\n')}`,
        ]
  const granted = scopes.map((scope) => `${scope} (${grantedBy[by[scope] ?? ''] ?? 'granted'})`)
  return [
    ...labelled('Scopes', granted.join(', ')),
    ...labelled('Roles', roles.join(', ')),
    ...(isAllowed ? [] : labelled('Why', error === undefined ? undefined : visible(error))),
    ...(isAllowed ? [] : labelled('Fix', fix)),
    ...labelled('More', errorCode === undefined ? undefined : `countersign explain AADSTS${errorCode}`),
  ]
}
