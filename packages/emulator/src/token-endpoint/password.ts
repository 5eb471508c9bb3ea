import { createHash, timingSafeEqual } from 'node:crypto'
import { EntraError } from '../base/errors.js'
import { consumersTenantId } from '../directory/directory.js'
import { userNamed } from '../directory/lookup.js'
import { readScopeOfOneApi } from '../directory/scope-request.js'
import { startSession } from '../directory/sessions.js'
import type { Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import type { TokenAnswer } from './answer.js'
import { authenticateDeviceClient } from './client-authentication.js'
import { answerDelegated } from './delegated.js'
import type { TokenRequest } from './request.js'

/**
 * The resource owner password credentials grant (RFC 6749 §4.3), which Microsoft advises against. A policy that demands
 * more than a password refuses it: there is no one to ask.
 */
export async function password(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { form, version } = request
  const tenant = tenantFor(service, request, form.require('username'))
  const client = await authenticateDeviceClient(service, request, tenant)
  const user = checkedUser(tenant, form.require('username'), form.require('password'))
  const [scope, resource] = [form.get('scope'), form.get('resource')]
  if (version === '1.0') form.require('resource')
  else form.require('scope', 90014)
  const asked = readScopeOfOneApi(service, tenant, { version, scope, resource })
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: client.authentication === '0' ? 'publicClient' : 'web',
    session: startSession(service.moment()),
    asked,
    scope,
    resource,
    withIdToken: version === '1.0' || asked.signIn.has('openid'),
    withRefreshToken: version === '1.0' || asked.signIn.has('offline_access'),
  })
}

/** The named tenant; under `organizations` that of the user's domain. Personal accounts have no such grant. */
function tenantFor({ directory }: Service, { segment }: TokenRequest, username: string): Tenant {
  const authority = directory.readAuthority(segment)
  if (authority.kind === 'tenant' && authority.tenant.id !== consumersTenantId) return authority.tenant
  if (authority.kind !== 'organizations') throw new EntraError(9001023)
  const user = userNamed(directory.usersOf(authority), username)
  if (user === undefined) throw new EntraError(50034, { user: username, tenant: segment })
  return directory.tenant(user.tenantId)
}

function checkedUser(tenant: Tenant, username: string, text: string): User {
  const user = userNamed(tenant.users.values(), username)
  if (user === undefined) throw new EntraError(50034, { user: username, tenant: tenant.displayName })
  const digest = createHash('sha256').update(text).digest()
  // A user without a password in the registration has none that is right.
  const isRight = user.passwordDigest !== undefined && timingSafeEqual(user.passwordDigest, digest)
  if (!isRight) throw new EntraError(50126)
  return user
}
