import { decoded } from '../base/jws.js'
import { checkNames, checkObject, checkOneOf } from '../base/options.js'
import { readClaims } from '../base/parameters.js'
import { findApplication, findPrincipal, findTenant, findUser } from '../directory/find.js'
import { isIdentifiedBy } from '../directory/lookup.js'
import type { Application, Tenant } from '../directory/types.js'
import { startSession } from '../directory/sessions.js'
import type { Service } from '../instance/service.js'
import {
  applicationClaims,
  type ClientAuthentication,
  delegatedClaims,
  issueAccessToken,
} from '../tokens/access-token.js'
import { type TokenFlaw, tokenFlaws } from './flaw-table.js'

/** The options of `issueToken`: an access token that is issued without any request, for tests of an API. */
export interface IssueTokenOptions {
  /** The client it is issued to, by appId or displayName. */
  readonly client: string
  /** The API it is for, by appId, identifier URI or displayName. */
  readonly resource: string
  /** The user, by userPrincipalName or id. Without one, the token is for the application itself. */
  readonly user?: string | undefined
  /** A tenant by id or domain. Default: the user's, else the client's home. */
  readonly tenant?: string | undefined
  /** Delegated scopes by value, granted or not. Default: the scopes that are granted. Only with a user. */
  readonly scopes?: readonly string[] | undefined
  /** Roles by value, assigned or not. Default: the roles that are assigned. */
  readonly roles?: readonly string[] | undefined
  /** In seconds. Default: the emulator's setting. May be negative: the token has expired then. */
  readonly lifetimeSeconds?: number | undefined
  /** Claims that replace or join the others; a value of undefined removes a claim. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** What is wrong with the token: an API must refuse it. Default: nothing. */
  readonly flaw?: TokenFlaw | undefined
}

const names = [
  'client',
  'resource',
  'user',
  'tenant',
  'scopes',
  'roles',
  'lifetimeSeconds',
  'claims',
  'flaw',
] as const satisfies readonly (keyof IssueTokenOptions)[]

/** Whether another party proves the client: a platform for a managed identity, a blueprint for an agent. */
function isVouchedFor({ managedIdentities, agentIdentities }: Tenant, application: Application): boolean {
  return (
    agentIdentities.has(application.appId) ||
    managedIdentities.some(({ principal }) => principal.application === application)
  )
}

/** Issues what is asked for, also what Entra would not issue. Throws a TypeError for a wrong option. */
export async function issueToken(service: Service, options: IssueTokenOptions): Promise<string> {
  const what = 'issueToken'
  checkObject(what, options)
  checkNames(what, options, names)
  if (options.flaw !== undefined) checkOneOf(what, 'flaw', options.flaw, tokenFlaws)
  const { directory } = service
  const application = findApplication(directory, options.client, what, 'client')
  const user = options.user === undefined ? undefined : findUser(directory, options.user, what)
  const tenant = findTenant(directory, options.tenant ?? user?.tenantId ?? application.homeTenantId, what)
  const principal = findPrincipal(tenant, application, what, 'client')
  const resourcePrincipal = findPrincipal(
    tenant,
    findApplication(directory, options.resource, what, 'resource'),
    what,
    'resource',
  )
  const resource = resourcePrincipal.application
  const isIdentifier = isIdentifiedBy(resource, options.resource)
  const authentication: ClientAuthentication =
    application.certificates.length > 0 || isVouchedFor(tenant, application)
      ? '2'
      : application.secrets.length > 0
        ? '1'
        : '0'
  const common = {
    tenant,
    client: { application, authentication },
    resource,
    user,
    identifier: isIdentifier ? options.resource : (resource.identifierUris[0] ?? resource.appId),
    claims: readClaims(undefined),
    mappedClaims: resourcePrincipal.mappedClaims,
    ...(options.lifetimeSeconds === undefined ? {} : { lifetimeSeconds: options.lifetimeSeconds }),
  }
  const claims =
    user === undefined
      ? applicationClaims(service, {
          ...common,
          principal,
          roles: options.roles ?? directory.applicationRoles(tenant, principal, resource),
        })
      : delegatedClaims(service, {
          ...common,
          user,
          session: startSession(service.moment()),
          scopes: options.scopes ?? [...directory.grantedScopes(tenant, application, resource, user)],
          roles: options.roles ?? directory.userRoles(tenant, user, resource),
          withProfile: true,
        })
  const { token } = await issueAccessToken(service, common, { ...claims, ...options.claims })
  if (options.flaw === undefined) return token
  // Loaded at the first flaw: most tokens have none.
  const { makeFlawed } = await import('./flaws.js')
  const [header = '', payload = ''] = token.split('.')
  return makeFlawed(options.flaw, {
    service,
    tenant,
    resource,
    user,
    header: decoded(header),
    claims: decoded(payload),
    token,
    key: await service.keys.signingKey('tenants'),
  })
}
