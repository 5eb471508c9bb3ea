import { createHash, randomBytes } from 'node:crypto'
import type { Application, ServicePrincipal, Tenant, User, Version } from '../directory/directory.js'
import type { ClaimsRequest } from '../base/parameters.js'
import { issuerOf, type Service } from '../instance/service.js'
import { type Session, sealSession } from '../directory/sessions.js'

/*
 * The claims of access tokens and id tokens. The API chooses the version of its access tokens; the endpoint chooses
 * that of the id token.
 */

/** How the client proved itself: not at all, by a secret, by a certificate. The value of `appidacr` and `azpacr`. */
export type ClientAuthentication = '0' | '1' | '2'

/** Tokens are backdated by five minutes, so that a clock a little behind accepts them at once. */
const backdatedSeconds = 300
const groupLimit = 200
/** In a token that travels in an address. */
const groupLimitAtSignIn = 5
/** Where client and API take part in continuous access evaluation. */
const continuousLifetimeSeconds = 86_400

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
  /** Was `profile` asked for? Without it a v2.0 token does not say who the user is by name. */
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
  /** What the answer says: one second less than the truth, as Entra does. */
  readonly expiresIn: number
}

export type Claims = Record<string, unknown>

export function delegatedClaims(service: Service, request: DelegatedTokenRequest): Claims {
  const { tenant, client, resource, user, session, scopes, roles, withProfile } = request
  const isV1 = resource.tokenVersion === '1.0'
  return {
    aud: audienceOf(request),
    ...(isV1 ? { acr: '1', amr: methodsOf(session) } : {}),
    ...contextClaims(request),
    aio: sealSession(service, session),
    ...clientClaims(client, resource.tokenVersion),
    ...(isV1 ? v1Profile(user) : {}),
    ...(!isV1 && withProfile ? v2Profile(user) : {}),
    ...guestClaims(service, user),
    ...groupClaims(service, resource, tenant, user),
    oid: user.id,
    ...(roles.length > 0 ? { roles } : {}),
    scp: scopes.join(' '),
    sub: pairwiseSubject(tenant, resource, user),
    tid: tenant.id,
    ...optionalClaims(resource.optionalClaims.accessToken, user, session),
    ...(isRequested(resource, 'idtyp', 'include_user_token') ? { idtyp: 'user' } : {}),
    ...capabilityClaims(request),
  }
}

export function applicationClaims(service: Service, request: ApplicationTokenRequest): Claims {
  const { tenant, client, resource, principal, roles } = request
  const version = resource.tokenVersion
  return {
    aud: audienceOf(request),
    ...clientClaims(client, version),
    ...(version === '1.0'
      ? { idp: issuerOf(service, tenant.id, version) }
      : { xms_ftd: randomBytes(32).toString('base64url') }),
    ...(isRequested(resource, 'idtyp') ? { idtyp: 'app' } : {}),
    oid: principal.id,
    ...(roles.length > 0 ? { roles } : {}),
    sub: principal.id,
    tid: tenant.id,
    ...capabilityClaims(request),
  }
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
  // Whoever was told that an older token is void gets one that is not older.
  const asked = Math.min(request.claims.notBefore ?? 0, now)
  const notBefore = Math.max(now - backdatedSeconds, asked)
  const expiresAt = now + lifetime
  const token = await service.keys.sign(
    {
      iss: issuerOf(service, request.tenant.id, version),
      iat: notBefore,
      nbf: notBefore,
      exp: expiresAt,
      ...noise(),
      ver: version,
      ...claims,
      ...request.mappedClaims,
    },
    version,
    request.resource.appId,
  )
  return { token, notBefore, expiresAt, expiresIn: Math.max(lifetime - 1, 0) }
}

/** An id token for the client itself, in the endpoint's version; signed on v1.0 as well. */
export async function issueIdToken(
  service: Service,
  request: {
    version: Version
    tenant: Tenant
    client: Application
    user: User
    session: Session
    roles: readonly string[]
    nonce: string | undefined
    signIn: ReadonlySet<string>
    /** From the authorize endpoint: the code it goes with, and few groups. */
    atSignIn?: { readonly code: string | undefined }
  },
): Promise<string> {
  const { version, tenant, client, user, session, roles, nonce, signIn, atSignIn } = request
  const now = Math.floor(service.clock.now())
  const isV1 = version === '1.0'
  return service.keys.sign(
    {
      aud: client.appId,
      iss: issuerOf(service, tenant.id, version),
      iat: now - backdatedSeconds,
      nbf: now - backdatedSeconds,
      exp: now + service.accessTokenLifetimeSeconds,
      ...noise(),
      ...(isV1 ? { amr: methodsOf(session), ...v1Profile(user) } : {}),
      ...(!isV1 && signIn.has('profile') ? v2Profile(user) : {}),
      ...(!isV1 && signIn.has('email') && user.mail !== undefined ? { email: user.mail } : {}),
      ...(nonce === undefined ? {} : { nonce }),
      ...(atSignIn?.code === undefined ? {} : { c_hash: halfHash(atSignIn.code) }),
      ...guestClaims(service, user),
      ...(atSignIn !== undefined && client.issuesGroups && user.groupIds.length > groupLimitAtSignIn
        ? { hasgroups: true }
        : groupClaims(service, client, tenant, user)),
      oid: user.id,
      ...(roles.length > 0 ? { roles } : {}),
      sub: pairwiseSubject(tenant, client, user),
      tid: tenant.id,
      ...optionalClaims(client.optionalClaims.idToken, user, session),
      ver: version,
    },
    version,
  )
}

/** Who the user is across all applications: MSAL keys its accounts by it. */
export function clientInfo(user: User): string {
  const { tenantId, userId } = user.home ?? { tenantId: user.tenantId, userId: user.id }
  return Buffer.from(JSON.stringify({ uid: userId, utid: tenantId })).toString('base64url')
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

/** Another value at every application, so that two of them cannot compare whom they know. */
function pairwiseSubject(tenant: Tenant, recipient: Application, user: User): string {
  return createHash('sha256').update([tenant.id, recipient.appId, user.id].join('\n')).digest('base64url')
}

function v1Profile(user: User): Claims {
  return {
    ...(user.surname === undefined ? {} : { family_name: user.surname }),
    ...(user.givenName === undefined ? {} : { given_name: user.givenName }),
    ipaddr: '127.0.0.1',
    name: user.displayName,
    unique_name: user.userPrincipalName,
    upn: user.userPrincipalName,
  }
}

function v2Profile(user: User): Claims {
  return { name: user.displayName, preferred_username: user.userPrincipalName }
}

/** Above the limit a token says where to ask instead of listing them. */
function groupClaims({ origin }: Service, recipient: Application, tenant: Tenant, user: User): Claims {
  const withRoles = recipient.issuesDirectoryRoles && user.directoryRoleIds.length > 0
  const wids = withRoles ? { wids: user.directoryRoleIds } : {}
  if (!recipient.issuesGroups || user.groupIds.length === 0) return wids
  if (user.groupIds.length <= groupLimit) return { groups: user.groupIds, ...wids }
  return {
    _claim_names: { groups: 'src1' },
    _claim_sources: {
      // The path is that of the retired Graph, as in Entra's tokens; the host is the emulator, which answers there.
      src1: { endpoint: `${origin}/${tenant.id}/users/${user.id}/getMemberObjects` },
    },
    ...wids,
  }
}

/** A guest is vouched for by the tenant at home. */
function guestClaims(service: Service, { home, isGuest, mail }: User): Claims {
  return {
    ...(home === undefined ? {} : { idp: issuerOf(service, home.tenantId, '1.0') }),
    ...(isGuest && mail !== undefined ? { email: mail } : {}),
  }
}

function methodsOf({ withMfa }: Session): string[] {
  return withMfa ? ['pwd', 'mfa'] : ['pwd']
}

/** Authentication contexts are named to an API that asks for them, or when the client did. */
function contextClaims({ resource, session, claims }: DelegatedTokenRequest): Claims {
  const isAsked = isRequested(resource, 'acrs') || claims.contexts.length > 0
  return isAsked && session.contexts.length > 0 ? { acrs: session.contexts } : {}
}

/** OpenID Connect Core §3.3.2.11: the left half of the hash. */
function halfHash(text: string): string {
  return createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url')
}

const userClaims: Readonly<Record<string, (user: User, session: Session) => unknown>> = {
  auth_time: (_, { startedAt }) => Math.floor(startedAt),
  sid: (_, { id }) => id,
  acct: ({ isGuest }) => (isGuest ? 1 : 0),
  email: ({ mail }) => mail,
  family_name: ({ surname }) => surname,
  given_name: ({ givenName }) => givenName,
  preferred_username: ({ userPrincipalName }) => userPrincipalName,
  upn: ({ userPrincipalName }) => userPrincipalName,
}

function optionalClaims(requested: readonly { name: string }[], user: User, session: Session): Claims {
  const claims = requested.map(({ name }) => [name, userClaims[name]?.(user, session)] as const)
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** Issued only if the client declared the capability and the API asks to be told. */
function capabilityClaims({ resource, claims }: AccessTokenRequest): Claims {
  const { capabilities } = claims
  return capabilities.length > 0 && isRequested(resource, 'xms_cc') ? { xms_cc: capabilities } : {}
}

function isRequested(resource: Application, name: string, property?: string): boolean {
  const claim = resource.optionalClaims.accessToken.find((candidate) => candidate.name === name)
  return claim !== undefined && (property === undefined || claim.properties.includes(property))
}

/** Claims whose values mean nothing to anyone but Entra, in their shape; `uti` names the token. */
function noise(): Claims {
  return {
    aio: randomBytes(24).toString('base64'),
    rh: `1.${randomBytes(33).toString('base64url')}.`,
    uti: randomBytes(16).toString('base64url'),
  }
}
