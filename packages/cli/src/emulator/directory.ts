import { UsageError } from '../exit-codes.js'
import type { Control } from './control.js'

/** What the commands read of the emulator's directory. */
export interface Directory {
  readonly tenants: readonly DirectoryTenant[]
  readonly applications: readonly DirectoryApplication[]
}

export interface DirectoryTenant {
  readonly id: string
  readonly displayName: string
  readonly users: readonly DirectoryUser[]
  readonly grants: readonly {
    readonly clientAppId: string
    readonly resourceAppId: string
    readonly scopes: readonly string[]
  }[]
}

export interface DirectoryUser {
  readonly id: string
  readonly tenantId: string
  readonly userPrincipalName: string
  readonly isEnabled: boolean
}

export interface DirectoryApplication {
  readonly appId: string
  readonly displayName: string
  readonly homeTenantId: string
  readonly identifierUris: readonly string[]
  readonly tokenVersion: '1.0' | '2.0'
  readonly scopes: readonly { readonly value: string; readonly isEnabled: boolean }[]
  readonly roles: readonly {
    readonly value: string
    readonly isEnabled: boolean
    readonly forUsers: boolean
    readonly forApplications: boolean
  }[]
  readonly requiredAccess: readonly {
    readonly resourceAppId: string
    readonly scopes: readonly string[]
    readonly roles: readonly string[]
  }[]
}

/** The directory with the applications of the registration alone: Microsoft's own are known to everybody. */
export async function readDirectory(control: Control): Promise<Directory> {
  const [directory, registration] = (await Promise.all([
    control.get('/directory'),
    control.get('/registration'),
  ])) as [Directory, { readonly applications?: readonly { readonly displayName: string }[] }]
  const registered = new Set(registration.applications?.map(({ displayName }) => displayName))
  return {
    ...directory,
    applications: directory.applications.filter(({ displayName }) => registered.has(displayName)),
  }
}

/** An application by appId, name or identifier URI. Throws a UsageError that lists what there is. */
export function findApplication(
  { applications }: Directory,
  name: string,
  what: string,
): DirectoryApplication {
  const found = applications.find(
    ({ appId, displayName, identifierUris }) =>
      appId === name.toLowerCase() || displayName === name || identifierUris.includes(name),
  )
  if (found !== undefined) return found
  const names = applications.map(({ displayName }) => displayName).join(', ')
  throw new UsageError(`${what}: the registration has no application "${name}"; it has ${names}`)
}

/** A user by userPrincipalName or id. Throws a UsageError that lists some. */
export function findUser({ tenants }: Directory, name: string, what: string): DirectoryUser {
  const users = tenants.flatMap((tenant) => tenant.users)
  const found = users.find(
    ({ id, userPrincipalName }) => id === name || userPrincipalName.toLowerCase() === name.toLowerCase(),
  )
  if (found !== undefined) return found
  const names = users.slice(0, 10).map(({ userPrincipalName }) => userPrincipalName)
  throw new UsageError(
    `${what}: the registration has no user "${name}"; it has ${names.join(', ')}${users.length > 10 ? ', …' : ''}`,
  )
}
