import { startEmulator, type Emulator, type EmulatorOptions } from '@countersign/emulator'
import { run } from '../src/run.js'
import type { Terminal } from '../src/terminal.js'

/** What a command printed and how it ended. */
export interface Ended {
  readonly code: number
  /** The answer, line by line. */
  readonly lines: readonly string[]
  readonly output: string
  /** The answer without its line breaks. */
  readonly flat: string
  /** Notes and errors. */
  readonly errors: string
}

export interface Given {
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly isColoured?: boolean
}

/** Runs the command as the process does, with a terminal that remembers. */
export async function command(args: readonly string[], given: Given = {}): Promise<Ended> {
  const lines: string[] = []
  const errors: string[] = []
  const terminal: Terminal = {
    environment: given.environment ?? {},
    isColoured: given.isColoured ?? false,
    columns: 80,
    showsProgress: false,
    write: (line) => void lines.push(...line.split('\n')),
    complain: (line) => void errors.push(line),
    progress: () => {},
    readInput: async () => given.input ?? '',
  }
  const code = await run(args, terminal)
  const output = lines.join('\n')
  return { code, lines, output, flat: output.replaceAll(/\s+/g, ' '), errors: errors.join('\n') }
}

export const alice = 'alice@contoso.example'

export const tenantId = '11111111-0000-4000-8000-000000000001'
export const apiId = '22222222-0000-4000-8000-000000000002'
export const webId = '33333333-0000-4000-8000-000000000003'

/** An API, a web application, a daemon, and an API that nobody may call. */
export const registration: EmulatorOptions['registration'] = {
  tenants: [
    {
      id: tenantId,
      displayName: 'Contoso',
      domains: ['contoso.example'],
      users: [
        { userPrincipalName: alice, displayName: 'Alice Ash' },
        { userPrincipalName: 'bob@contoso.example', displayName: 'Bob Birch' },
      ],
      oauth2PermissionGrants: [
        {
          clientId: 'orders-web',
          resourceId: 'orders-api',
          scope: 'Orders.Read',
          consentType: 'AllPrincipals',
        },
        {
          clientId: 'orders-web',
          resourceId: 'orders-api',
          scope: 'Orders.Write',
          consentType: 'Principal',
          principalId: alice,
        },
      ],
      appRoleAssignments: [
        { principalId: 'nightly', resourceId: 'orders-api', appRoleId: 'Orders.Read.All' },
      ],
    },
  ],
  applications: [
    {
      appId: apiId,
      displayName: 'orders-api',
      identifierUris: [`api://${apiId}`],
      appRoles: [{ value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }],
      api: {
        requestedAccessTokenVersion: 2,
        oauth2PermissionScopes: [{ value: 'Orders.Read' }, { value: 'Orders.Write' }],
      },
    },
    {
      appId: webId,
      displayName: 'orders-web',
      passwordCredentials: [{ secretText: 'not-a-secret' }],
      requiredResourceAccess: [
        {
          resourceAppId: 'orders-api',
          resourceAccess: [{ id: 'Orders.Read', type: 'Scope' }],
        },
      ],
    },
    { displayName: 'nightly', passwordCredentials: [{ secretText: 'not-a-secret' }] },
  ],
}

export function startTestEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  return startEmulator({ registration, ...options })
}

/** A good token of the web application for Alice. */
export const asked = { client: 'orders-web', resource: 'orders-api', user: alice, scopes: ['Orders.Read'] }
