import type { Application, ServicePrincipal, Tenant, User } from './directory.js'
import type { Service } from './service.js'
import { applicationClaims, type ClientAuthentication, delegatedClaims, issueAccessToken } from './tokens.js'

/** An access token to be issued without any request: for tests of an API. */
export interface IssueTokenOptions {
  /** The client it is issued to, by appId or displayName. */
  readonly client: string
  /** The API it is for, by appId, identifier URI or displayName. */
  readonly resource: string
  /** The user, by userPrincipalName or id. Without one, the token is for the application itself. */
  readonly user?: string
  /** A tenant by id or domain. Default: the user's, else the client's home. */
  readonly tenant?: string
  /** Default: the scopes that are granted. */
  readonly scopes?: readonly string[]
  /** Default: the roles that are assigned. */
  readonly roles?: readonly string[]
  /** Default: the emulator's setting. May be negative: the token has expired then. */
  readonly lifetimeSeconds?: number
  /** Claims laid over the others; undefined takes one out. */
  readonly claims?: Readonly<Record<string, unknown>>
}

const names: ReadonlySet<string> = new Set([
  'client',
  'resource',
  'user',
  'tenant',
  'scopes',
  'roles',
  'lifetimeSeconds',
  'claims',
])

/** Issues what is asked for, whether or not Entra would; throws a TypeError for names nobody has. */
export async function issueToken(service: Service, options: IssueTokenOptions): Promise<string> {
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw new TypeError(`issueToken: ${name} is not an option`)
  }
  const { directory } = service
  const application = findApplication(service, options.client, 'client')
  const user = options.user === undefined ? undefined : findUser(service, options.user)
  const tenant = findTenant(service, options.tenant ?? user?.tenantId ?? application.homeTenantId)
  const principal = findPrincipal(tenant, application, 'client')
  const resource = findPrincipal(
    tenant,
    findApplication(service, options.resource, 'resource'),
    'resource',
  ).application
  const isIdentifier =
    resource.appId === options.resource || resource.identifierUris.includes(options.resource)
  const authentication: ClientAuthentication =
    application.certificates.length > 0 ? '2' : application.secrets.length > 0 ? '1' : '0'
  const common = {
    tenant,
    client: { application, authentication },
    resource,
    identifier: isIdentifier ? options.resource : (resource.identifierUris[0] ?? resource.appId),
    capabilities: [],
    ...(options.lifetimeSeconds === undefined ? {} : { lifetimeSeconds: options.lifetimeSeconds }),
  }
  const claims =
    user === undefined
      ? applicationClaims(service, {
          ...common,
          principal,
          roles: options.roles ?? directory.applicationRoles(tenant, principal, resource),
        })
      : delegatedClaims({
          ...common,
          user,
          scopes: options.scopes ?? [...directory.grantedScopes(tenant, application, resource, user)],
          roles: options.roles ?? directory.userRoles(tenant, user, resource),
          withProfile: true,
        })
  return (await issueAccessToken(service, common, { ...claims, ...options.claims })).token
}

function findApplication({ directory }: Service, reference: string, option: string): Application {
  const applications = [...directory.applications.values()]
  const found =
    directory.applications.get(String(reference).toLowerCase()) ??
    applications.find(({ identifierUris }) => identifierUris.includes(reference)) ??
    applications.find(({ displayName }) => displayName === reference)
  if (found === undefined)
    throw new TypeError(`issueToken: ${option}: expected an application of the registration`)
  return found
}

function findUser({ directory }: Service, reference: string): User {
  const name = String(reference).toLowerCase()
  const user = [...directory.tenants.values()]
    .flatMap(({ users }) => [...users.values()])
    .find(({ id, userPrincipalName }) => id === name || userPrincipalName.toLowerCase() === name)
  if (user === undefined) throw new TypeError('issueToken: user: expected a user of the registration')
  return user
}

function findTenant({ directory }: Service, reference: string): Tenant {
  const name = String(reference).toLowerCase()
  const tenant = [...directory.tenants.values()].find(
    ({ id, domains }) => id === name || domains.includes(name),
  )
  if (tenant === undefined) throw new TypeError('issueToken: tenant: expected a tenant of the registration')
  return tenant
}

function findPrincipal(tenant: Tenant, application: Application, option: string): ServicePrincipal {
  const principal = tenant.servicePrincipals.get(application.appId)
  if (principal === undefined)
    throw new TypeError(`issueToken: ${option}: has no service principal in the tenant`)
  return principal
}
