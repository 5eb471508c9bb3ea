import { randomBytes } from 'node:crypto'
import type { ClaimsRequest } from '../base/parameters.js'
import { sealSession, type Session } from '../directory/sessions.js'
import type { Application, ServicePrincipal, Tenant, User, Version } from '../directory/types.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import { issuerOf, type Service } from '../instance/service.js'
import { agentClaims } from './agent-claims.js'
import {
  backdatedSeconds,
  type Claims,
  groupClaims,
  guestClaims,
  methodsOf,
  noise,
  pairwiseSubject,
  v1Profile,
  v2Profile,
} from './claims.js'
import { optionalClaims } from './optional-claims.js'

/** Where client and API take part in continuous access evaluation. */
const continuousLifetimeSeconds = 86_400

/**
 * How the client was authenticated: not at all, by a secret, by a certificate. The value of `appidacr` and `azpacr`.
 */
export type ClientAuthentication = '0' | '1' | '2'

export interface TokenClient {
  readonly application: Application
  readonly authentication: ClientAuthentication
}

interface AccessTokenRequest {
  readonly tenant: Tenant
  readonly client: TokenClient
  readonly resource: Application
  /** The API as the client named it: v1.0 tokens have it as their audience. */
  readonly identifier: string
  /** Undefined for an application that acts as itself. */
  readonly user?: User | undefined
  /** What the client asked of the token by `claims`. */
  readonly claims: ClaimsRequest
  /** What a claims mapping policy adds. */
  readonly mappedClaims?: Readonly<Record<string, unknown>>
  /** Default: the service's setting. */
  readonly lifetimeSeconds?: number
}

export interface DelegatedTokenRequest extends AccessTokenRequest {
  readonly user: User
  readonly session: Session
  readonly scopes: readonly string[]
  /** Whether `profile` was asked for. Without it a v2.0 token has no name of the user. */
  readonly withProfile: boolean
  /** The user's roles in the API. */
  readonly roles: readonly string[]
}

export interface ApplicationTokenRequest extends AccessTokenRequest {
  readonly principal: ServicePrincipal
  readonly roles: readonly string[]
}

export interface IssuedToken {
  readonly token: string
  readonly notBefore: number
  readonly expiresAt: number
  /** What the answer says: one second less than the lifetime, as Entra does. */
  readonly expiresIn: number
}

/** Adds the claims every access token has, and signs. */
export async function issueAccessToken(
  service: Service,
  request: AccessTokenRequest,
  claims: Claims,
): Promise<IssuedToken> {
  const version = request.resource.tokenVersion
  const now = Math.floor(service.clock.now())
  const isLong =
    request.claims.capabilities.some((name) => name.toLowerCase() === 'cp1') &&
    isRequested(request.resource, 'xms_cc')
  const lifetime =
    request.lifetimeSeconds ?? (isLong ? continuousLifetimeSeconds : service.accessTokenLifetimeSeconds)
  // A client that was refused because its token is too old gets one that is not older than demanded.
  const asked = Math.min(request.claims.notBefore ?? 0, now)
  const notBefore = Math.max(now - backdatedSeconds, asked)
  const expiresAt = now + lifetime
  const all = {
    iss: issuerOf(service, request.tenant.id, version),
    iat: notBefore,
    nbf: notBefore,
    exp: expiresAt,
    ...noise(),
    ver: version,
    ...claims,
    ...request.mappedClaims,
  }
  const custom = await service.customClaims({
    kind: 'accessToken',
    tenantId: request.tenant.id,
    clientId: request.client.application.appId,
    resourceId: request.resource.appId,
    userId: request.user?.id,
    claims: all,
  })
  const token = await service.keys.sign({ ...all, ...custom }, version, request.resource.appId)
  return { token, notBefore, expiresAt, expiresIn: Math.max(lifetime - 1, 0) }
}

export function delegatedClaims(service: Service, request: DelegatedTokenRequest): Claims {
  const { tenant, client, resource, user, session, scopes, roles, withProfile } = request
  const isV1 = resource.tokenVersion === '1.0'
  return {
    aud: audienceOf(request),
    ...(isV1 ? { acr: '1', amr: methodsOf(session) } : { sid: session.id, xms_ftd: opaqueFtd() }),
    ...contextClaims(request),
    aio: sealSession(service, session),
    ...clientClaims(client, resource.tokenVersion),
    ...(isV1 ? v1Profile(user) : {}),
    ...(!isV1 && withProfile ? v2Profile(user) : {}),
    ...guestClaims(service, user),
    oid: user.id,
    ...(roles.length > 0 ? { roles } : {}),
    ...groupClaims(service, resource, 'accessToken', { tenant, user }),
    scp: scopes.join(' '),
    sub: pairwiseSubject(tenant, resource, user),
    tid: tenant.id,
    ...optionalClaims(resource.optionalClaims.accessToken, { user, tenant, session }),
    ...(isRequested(resource, 'idtyp', 'include_user_token') ? { idtyp: 'user' } : {}),
    ...requestedOf(resource, agentClaims(tenant, client.application, user)),
    ...capabilityClaims(request),
    ...user.claims,
  }
}

export function applicationClaims(service: Service, request: ApplicationTokenRequest): Claims {
  const { tenant, client, resource, principal, roles } = request
  const version = resource.tokenVersion
  return {
    aud: audienceOf(request),
    ...clientClaims(client, version),
    ...(version === '1.0' ? { idp: issuerOf(service, tenant.id, version) } : { xms_ftd: opaqueFtd() }),
    ...(isRequested(resource, 'idtyp') ? { idtyp: 'app' } : {}),
    oid: principal.id,
    ...(roles.length > 0 ? { roles } : {}),
    sub: principal.id,
    tid: tenant.id,
    // An agent that acts as itself: a slash, which grants nothing.
    ...(isRequested(resource, 'idtyp') && tenant.agentIdentities.has(client.application.appId)
      ? { scp: '/' }
      : {}),
    ...requestedOf(resource, agentClaims(tenant, client.application, undefined)),
    ...capabilityClaims(request),
  }
}

/** Optional claims with their values; a token for exchange always has them. */
function requestedOf(resource: Application, claims: Claims): Claims {
  return resource.appId === tokenExchangeAppId
    ? claims
    : Object.fromEntries(Object.entries(claims).filter(([name]) => isRequested(resource, name)))
}

/** Means nothing to anyone but Entra. */
function opaqueFtd(): string {
  return randomBytes(32).toString('base64url')
}

function audienceOf({ resource, identifier }: AccessTokenRequest): string {
  return resource.tokenVersion === '2.0' || isRequested(resource, 'aud', 'use_guid')
    ? resource.appId
    : identifier
}

function clientClaims({ application, authentication }: TokenClient, version: Version): Claims {
  return version === '1.0'
    ? { appid: application.appId, appidacr: authentication }
    : { azp: application.appId, azpacr: authentication }
}

/** Authentication contexts are named to an API that asks for them, or when the client did. */
function contextClaims({ resource, session, claims }: DelegatedTokenRequest): Claims {
  const isAsked = isRequested(resource, 'acrs') || claims.contexts.length > 0
  return isAsked && session.contexts.length > 0 ? { acrs: session.contexts } : {}
}

/** `xms_cc`: only if the client declared capabilities and the API asks for the claim. */
function capabilityClaims({ resource, claims }: AccessTokenRequest): Claims {
  const { capabilities } = claims
  return capabilities.length > 0 && isRequested(resource, 'xms_cc') ? { xms_cc: capabilities } : {}
}

function isRequested(resource: Application, name: string, property?: string): boolean {
  const claim = resource.optionalClaims.accessToken.find((candidate) => candidate.name === name)
  return claim !== undefined && (property === undefined || claim.properties.includes(property))
}
