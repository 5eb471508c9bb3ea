import { createHash, randomBytes } from 'node:crypto'
import type { Application, ServicePrincipal, Tenant, User, Version } from './directory.js'
import { issuerOf, type Service } from './service.js'

/*
 * The claims of access tokens and id tokens. The API chooses the version of its access tokens; the endpoint chooses
 * that of the id token.
 */

/** How the client proved itself: not at all, by a secret, by a certificate. The value of `appidacr` and `azpacr`. */
export type ClientAuthentication = '0' | '1' | '2'

/** Tokens are backdated by five minutes, so that a clock a little behind accepts them at once. */
const backdatedSeconds = 300
const groupLimit = 200

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
  /** What the client said it can handle (`cp1`). */
  readonly capabilities: readonly string[]
  /** Default: the service's setting. */
  readonly lifetimeSeconds?: number
}

export interface DelegatedTokenRequest extends AccessTokenRequest {
  readonly user: User
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

export function delegatedClaims(request: DelegatedTokenRequest): Claims {
  const { tenant, client, resource, user, scopes, roles, withProfile } = request
  const isV1 = resource.tokenVersion === '1.0'
  return {
    aud: audienceOf(request),
    ...(isV1 ? { acr: '1', amr: ['pwd'] } : {}),
    ...clientClaims(client, resource.tokenVersion),
    ...(isV1 ? v1Profile(user) : {}),
    ...(!isV1 && withProfile ? v2Profile(user) : {}),
    ...groupClaims(resource, tenant, user),
    oid: user.id,
    ...(roles.length > 0 ? { roles } : {}),
    scp: scopes.join(' '),
    sub: pairwiseSubject(tenant, resource, user),
    tid: tenant.id,
    ...optionalClaims(resource.optionalClaims.accessToken, user),
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
      ? { idp: issuerOf(service.origin, tenant.id, version) }
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
  const lifetime = request.lifetimeSeconds ?? service.accessTokenLifetimeSeconds
  const notBefore = now - backdatedSeconds
  const expiresAt = now + lifetime
  const token = await service.keys.sign(
    {
      iss: issuerOf(service.origin, request.tenant.id, version),
      iat: notBefore,
      nbf: notBefore,
      exp: expiresAt,
      ...noise(),
      ver: version,
      ...claims,
    },
    version,
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
    roles: readonly string[]
    nonce: string | undefined
    signIn: ReadonlySet<string>
  },
): Promise<string> {
  const { version, tenant, client, user, roles, nonce, signIn } = request
  const now = Math.floor(service.clock.now())
  const isV1 = version === '1.0'
  return service.keys.sign(
    {
      aud: client.appId,
      iss: issuerOf(service.origin, tenant.id, version),
      iat: now - backdatedSeconds,
      nbf: now - backdatedSeconds,
      exp: now + service.accessTokenLifetimeSeconds,
      ...noise(),
      ...(isV1 ? { amr: ['pwd'], ...v1Profile(user) } : {}),
      ...(!isV1 && signIn.has('profile') ? v2Profile(user) : {}),
      ...(!isV1 && signIn.has('email') && user.mail !== undefined ? { email: user.mail } : {}),
      ...(nonce === undefined ? {} : { nonce }),
      ...groupClaims(client, tenant, user),
      oid: user.id,
      ...(roles.length > 0 ? { roles } : {}),
      sub: pairwiseSubject(tenant, client, user),
      tid: tenant.id,
      ...optionalClaims(client.optionalClaims.idToken, user),
      ver: version,
    },
    version,
  )
}

/** Who the user is across all applications: MSAL keys its accounts by it. */
export function clientInfo(user: User): string {
  return Buffer.from(JSON.stringify({ uid: user.id, utid: user.tenantId })).toString('base64url')
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
function groupClaims(recipient: Application, tenant: Tenant, user: User): Claims {
  if (!recipient.issuesGroups || user.groupIds.length === 0) return {}
  if (user.groupIds.length <= groupLimit) return { groups: user.groupIds }
  return {
    _claim_names: { groups: 'src1' },
    _claim_sources: {
      src1: { endpoint: `https://graph.windows.net/${tenant.id}/users/${user.id}/getMemberObjects` },
    },
  }
}

const userClaims: Readonly<Record<string, (user: User) => unknown>> = {
  acct: ({ isGuest }) => (isGuest ? 1 : 0),
  email: ({ mail }) => mail,
  family_name: ({ surname }) => surname,
  given_name: ({ givenName }) => givenName,
  preferred_username: ({ userPrincipalName }) => userPrincipalName,
  upn: ({ userPrincipalName }) => userPrincipalName,
}

function optionalClaims(requested: readonly { name: string }[], user: User): Claims {
  const claims = requested.map(({ name }) => [name, userClaims[name]?.(user)] as const)
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** Issued only if the client declared the capability and the API asks to be told. */
function capabilityClaims({ resource, capabilities }: AccessTokenRequest): Claims {
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
