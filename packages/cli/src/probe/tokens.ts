import type { Control } from '../emulator/control.js'
import {
  findApplication,
  findUser,
  readDirectory,
  type Directory,
  type DirectoryApplication,
} from '../emulator/directory.js'
import { UsageError } from '../exit-codes.js'

/** Which tokens the API is probed with. */
export interface TokenFlags {
  readonly api?: string | undefined
  readonly client?: string | undefined
  readonly user?: string | undefined
  readonly scope?: readonly string[] | undefined
  readonly role?: readonly string[] | undefined
}

/** Mints the tokens of a probe. */
export interface Mint {
  readonly api: DirectoryApplication
  /** "alice@contoso.example by orders-web": for whom. */
  readonly caller: string
  readonly isForUser: boolean
  /** A token; good without differences. */
  token(differences?: {
    readonly flaw?: string
    readonly claims?: object
    readonly needsUser?: boolean
  }): Promise<string>
}

/**
 * Chooses what was left out: the only API, a client that has to do with it, the first user, and every scope or role, so that
 * the good token is accepted whatever the route demands.
 */
export async function createMint(control: Control, flags: TokenFlags): Promise<Mint> {
  const directory = await readDirectory(control)
  const api = apiOf(directory, flags.api)
  const client = clientOf(directory, api, flags.client)
  const users = directory.tenants.flatMap((tenant) => tenant.users).filter(({ isEnabled }) => isEnabled)
  const [first] = users
  const wantsUser =
    flags.user !== undefined ||
    flags.scope !== undefined ||
    (flags.role === undefined && api.scopes.length > 0)
  const user =
    flags.user === undefined ? (wantsUser ? first : undefined) : findUser(directory, flags.user, '--user')
  if (wantsUser && user === undefined)
    throw new UsageError('the registration has no user: name a role with --role')
  const asked = {
    client: client.appId,
    resource: api.appId,
    ...(user === undefined
      ? { roles: flags.role ?? valuesOf(api.roles.filter(({ forApplications }) => forApplications)) }
      : {
          user: user.id,
          scopes: flags.scope ?? valuesOf(api.scopes),
          roles: flags.role ?? valuesOf(api.roles.filter(({ forUsers }) => forUsers)),
        }),
  }
  return {
    api,
    caller: user === undefined ? client.displayName : `${user.userPrincipalName} by ${client.displayName}`,
    isForUser: user !== undefined,
    async token({ needsUser, ...differences } = {}) {
      const someone =
        needsUser === true && user === undefined && first !== undefined ? { user: first.id } : {}
      const { token } = (await control.post('/tokens', { ...asked, ...someone, ...differences })) as {
        token: string
      }
      return token
    },
  }
}

function valuesOf(permissions: readonly { readonly value: string; readonly isEnabled: boolean }[]): string[] {
  return permissions.filter(({ isEnabled }) => isEnabled).map(({ value }) => value)
}

function apiOf(directory: Directory, name: string | undefined): DirectoryApplication {
  if (name !== undefined) return findApplication(directory, name, '--api')
  const apis = directory.applications.filter(({ scopes, roles }) => scopes.length + roles.length > 0)
  const [only, ...more] = apis
  if (only !== undefined && more.length === 0) return only
  throw new UsageError(
    `name the API with --api: the registration has ${apis.map(({ displayName }) => displayName).join(', ')}`,
  )
}

function clientOf(
  directory: Directory,
  api: DirectoryApplication,
  name: string | undefined,
): DirectoryApplication {
  if (name !== undefined) return findApplication(directory, name, '--client')
  const others = directory.applications.filter(({ appId }) => appId !== api.appId)
  const granted = directory.tenants.flatMap(({ grants }) => grants)
  const related = others.find(
    ({ appId, requiredAccess }) =>
      requiredAccess.some(({ resourceAppId }) => resourceAppId === api.appId) ||
      granted.some(({ clientAppId, resourceAppId }) => clientAppId === appId && resourceAppId === api.appId),
  )
  const client = related ?? others[0]
  if (client === undefined)
    throw new UsageError('the registration has no application that could call the API')
  return client
}
