import { createHash } from 'node:crypto'
import type { Session } from '../directory/sessions.js'
import type { Application, Tenant, User, Version } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'
import {
  backdatedSeconds,
  groupClaims,
  guestClaims,
  methodsOf,
  noise,
  pairwiseSubject,
  v1Profile,
  v2Profile,
} from './claims.js'
import { optionalClaims } from './optional-claims.js'

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
  const claims = {
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
      : groupClaims(service, client, 'idToken', { tenant, user })),
    oid: user.id,
    ...(roles.length > 0 ? { roles } : {}),
    sub: pairwiseSubject(tenant, client, user),
    tid: tenant.id,
    ...optionalClaims(client.optionalClaims.idToken, { user, tenant, session }),
    ver: version,
    ...user.claims,
  }
  const custom = await service.customClaims({
    kind: 'idToken',
    tenantId: tenant.id,
    clientId: client.appId,
    resourceId: client.appId,
    userId: user.id,
    claims,
  })
  return service.keys.sign({ ...claims, ...custom }, version)
}

/** In a token that travels in an address. */
const groupLimitAtSignIn = 5

/** OpenID Connect Core §3.3.2.11: the left half of the hash. */
function halfHash(text: string): string {
  return createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url')
}

/** Who the user is across all applications: MSAL keys its accounts by it. */
export function clientInfo(user: User): string {
  const { tenantId, userId } = user.home ?? { tenantId: user.tenantId, userId: user.id }
  return Buffer.from(JSON.stringify({ uid: userId, utid: tenantId })).toString('base64url')
}
