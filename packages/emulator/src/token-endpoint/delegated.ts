import { EntraError } from '../base/errors.js'
import { readClaims } from '../base/parameters.js'
import { checkUserAssigned } from '../directory/assignment.js'
import { checkContexts, refuseUnsatisfied, unsatisfiedPolicies } from '../directory/conditional-access.js'
import { effectiveScopes } from '../directory/consent.js'
import { graphAppId } from '../directory/graph.js'
import type { ScopeRequest, Target } from '../directory/scope-request.js'
import { checkSessionAlive, type Session } from '../directory/sessions.js'
import type { Platform, Tenant, User } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { delegatedClaims, issueAccessToken } from '../tokens/access-token.js'
import { clientInfo, issueIdToken } from '../tokens/id-token.js'
import { mappedClaimsOf } from '../tokens/mapped-claims.js'
import { type TokenAnswer, tokenAnswer } from './answer.js'
import type { AuthenticatedClient } from './client-authentication.js'
import type { TokenRequest } from './request.js'

/*
 * What the four grants that act for a user have in common: the last step, from a checked request to the answer.
 */

/** A refresh token is valid this long after its last use; one of a single-page application this long in total. */
export const refreshTokenLifetimeSeconds: number = 90 * 86_400
const spaRefreshTokenLifetimeSeconds = 86_400

/** What is sealed in a refresh token: bound to a user and a client, not to an API. */
export interface RefreshTokenContent {
  readonly userId: string
  readonly tenantId: string
  readonly clientId: string
  readonly platform: Platform
  readonly session: Session
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface DelegatedRequest {
  readonly tenant: Tenant
  readonly user: User
  readonly client: AuthenticatedClient
  readonly platform: Platform
  readonly session: Session
  readonly asked: ScopeRequest
  /** What a later refresh asks for if it names nothing. */
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly nonce?: string | undefined
  readonly withIdToken: boolean
  readonly withRefreshToken: boolean
  /** The fixed end of the refresh token this one follows, for single-page applications. */
  readonly refreshTokenEnd?: number
}

/**
 * Issues the token for the first API that is asked for. Throws an EntraError for what is missing: consent, an
 * assignment, a Conditional Access demand.
 */
export async function answerDelegated(
  service: Service,
  request: TokenRequest,
  delegated: DelegatedRequest,
): Promise<TokenAnswer> {
  const { directory } = service
  const { tenant, user, client, asked, session } = delegated
  request.facts.userId = user.id
  joinFlow(request.facts, `session ${session.id} ${client.application.appId}`)
  checkSessionAlive(user, session)
  checkUserAssigned(directory, tenant, user, client.principal)
  const { target, scopes } = readTarget(service, request, delegated)
  checkUserAssigned(directory, tenant, user, target.resource)

  const resource = target.resource.application
  const claims = readClaims(request.form.get('claims'))
  const policies = unsatisfiedPolicies(
    tenant,
    { user, client: client.application, resources: [resource] },
    session,
    claims,
  )
  refuseUnsatisfied(request.version, policies, resource)
  checkContexts(tenant, session, claims, resource)
  const token = {
    tenant,
    client,
    resource,
    identifier: target.identifier,
    user,
    scopes,
    roles: directory.userRoles(tenant, user, resource),
    withProfile: asked.signIn.has('profile'),
    session,
    claims,
    mappedClaims: mappedClaimsOf(service, tenant, target.resource, target.identifier),
  }
  const issued = await issueAccessToken(service, token, delegatedClaims(service, token))
  const idToken = delegated.withIdToken
    ? await issueIdToken(service, {
        version: request.version,
        tenant,
        client: client.application,
        user,
        session,
        roles: directory.userRoles(tenant, user, client.application),
        nonce: delegated.nonce,
        signIn: asked.signIn,
      })
    : undefined
  return tokenAnswer(request.version, {
    issued,
    identifier: target.identifier,
    scope: request.version === '1.0' ? scopes.join(' ') : echoedScopes(asked, target, scopes),
    refreshToken: delegated.withRefreshToken ? sealRefreshToken(service, delegated) : undefined,
    idToken,
    clientInfo: request.form.get('client_info') === '1' ? clientInfo(user) : undefined,
  })
}

/** The API the token is for. A request for sign-in scopes alone gets a token for Graph, the API of these scopes. */
function readTarget(
  { directory }: Service,
  request: TokenRequest,
  { tenant, user, client, asked }: DelegatedRequest,
): { target: Target; scopes: string[] } {
  const [target] = asked.targets
  if (target !== undefined) {
    return { target, scopes: effectiveScopes(directory, tenant, client.application, user, target) }
  }
  if (request.version === '1.0') throw new EntraError(900144, { parameter: 'resource' })
  if (asked.signIn.size === 0) throw new EntraError(90014, { parameter: 'scope' })
  const resource = directory.resourceIn(tenant, graphAppId)
  const granted = directory.grantedScopes(tenant, client.application, resource.application, user)
  const scopes = [...new Set([...signInEcho(asked), ...granted])]
  return { target: { identifier: graphAppId, prefix: '', resource, scopes: [] }, scopes }
}

/**
 * The scopes of a v2.0 answer are written as they were asked: MSAL finds its cache entries by them. Sign-in scopes are
 * scopes of Graph; an answer for another API does not have them.
 */
function echoedScopes(
  asked: ScopeRequest,
  { prefix, resource, scopes: wanted }: Target,
  scopes: readonly string[],
): string {
  const issued = scopes.map((scope) => `${prefix}${scope}`)
  const signIn = resource.application.appId === graphAppId ? signInEcho(asked) : []
  const all = [...signIn, ...issued, ...(wanted === '.default' ? [`${prefix}.default`] : [])]
  return [...new Set(all)].join(' ')
}

function signInEcho({ signIn }: ScopeRequest): string[] {
  return [...signIn].filter((scope) => scope !== 'offline_access')
}

function sealRefreshToken(service: Service, delegated: DelegatedRequest): string {
  const now = service.clock.now()
  const lifetime = delegated.platform === 'spa' ? spaRefreshTokenLifetimeSeconds : refreshTokenLifetimeSeconds
  const content: RefreshTokenContent = {
    userId: delegated.user.id,
    tenantId: delegated.tenant.id,
    clientId: delegated.client.application.appId,
    platform: delegated.platform,
    session: delegated.session,
    scope: delegated.scope,
    resource: delegated.resource,
    issuedAt: now,
    expiresAt: delegated.refreshTokenEnd ?? now + lifetime,
  }
  return service.seal.seal('refresh_token', content)
}
