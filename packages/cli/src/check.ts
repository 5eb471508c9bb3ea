import { withEmulator } from './emulator/control.js'
import { type Directory, type DirectoryApplication, readDirectory } from './emulator/directory.js'
import { type ExitCode, exitCodes, UsageError } from './exit-codes.js'
import type { Terminal } from './terminal.js'
import { count, createPaint, visible } from './text.js'

/** What the registration says of credentials. */
interface Registration {
  readonly applications?: readonly {
    readonly displayName: string
    readonly passwordCredentials?: readonly { readonly endDateTime?: string }[]
  }[]
}

/** `countersign check <registration>`: whether an emulator can use it, and what is probably forgotten. */
export async function check(
  path: string,
  { json }: { readonly json?: boolean | undefined },
  terminal: Terminal,
): Promise<ExitCode> {
  const paint = createPaint(terminal.isColoured)
  try {
    return await withEmulator({ config: path }, terminal, 0, async (control) => {
      const directory = await readDirectory(control)
      const registration = (await control.get('/registration')) as Registration
      const notes = [...notesOf(directory), ...expiredSecrets(registration)]
      const users = directory.tenants.flatMap((tenant) => tenant.users).length
      const counts = [
        count(directory.tenants.length, 'tenant'),
        count(users, 'user'),
        count(directory.applications.length, 'application'),
      ]
      if (json === true) terminal.write(JSON.stringify({ isUsable: true, counts, notes }, undefined, 2))
      else {
        terminal.write(`${paint('green', paint('bold', 'yes'))}  ${path} can be used: ${counts.join(', ')}`)
        for (const note of notes) terminal.write(`  ${paint('yellow', 'note')}  ${visible(note)}`)
      }
      return exitCodes.yes
    })
  } catch (error) {
    // "--config: registration: <place>: <what is wrong>"
    if (!(error instanceof UsageError) || !error.message.startsWith('--config: registration')) throw error
    const problem = error.message.replace('--config: ', '')
    if (json === true) terminal.write(JSON.stringify({ isUsable: false, problem }, undefined, 2))
    else terminal.write(`${paint('red', paint('bold', 'no'))}  ${visible(problem)}`)
    return exitCodes.no
  }
}

function notesOf({ tenants, applications }: Directory): string[] {
  const grants = tenants.flatMap((tenant) => tenant.grants)
  const nameOf = (appId: string): string =>
    applications.find((each) => each.appId === appId)?.displayName ?? appId
  return applications.flatMap((application) => [
    ...(isApi(application) && application.tokenVersion === '1.0'
      ? [`${application.displayName} gets v1.0 tokens: set api.requestedAccessTokenVersion to 2 for v2.0`]
      : []),
    ...application.requiredAccess.flatMap(({ resourceAppId, scopes }) => {
      const granted = grants
        .filter((grant) => grant.clientAppId === application.appId && grant.resourceAppId === resourceAppId)
        .flatMap((grant) => grant.scopes)
      const missing = scopes.filter((scope) => !granted.includes(scope))
      return missing.length === 0
        ? []
        : [
            `${application.displayName} lists ${missing.join(', ')} of ${nameOf(resourceAppId)}, and oauth2PermissionGrants does not grant it: users are asked to consent (AADSTS65001 without a page)`,
          ]
    }),
  ])
}

function isApi({ scopes, roles }: DirectoryApplication): boolean {
  return scopes.length + roles.length > 0
}

function expiredSecrets({ applications = [] }: Registration): string[] {
  return applications.flatMap(({ displayName, passwordCredentials = [] }) => {
    const isPast = ({ endDateTime }: { readonly endDateTime?: string }): boolean =>
      endDateTime !== undefined && Date.parse(endDateTime) < Date.now()
    return passwordCredentials.length > 0 && passwordCredentials.every(isPast)
      ? [`all secrets of ${displayName} have expired: AADSTS7000222`]
      : []
  })
}
