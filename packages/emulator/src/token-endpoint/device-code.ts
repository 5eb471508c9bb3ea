import { EntraError } from '../base/errors.js'
import { readScopeRequest } from '../directory/scope-request.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import type { TokenAnswer } from './answer.js'
import { authenticateDeviceClient } from './client-authentication.js'
import { answerDelegated } from './delegated.js'
import type { TokenRequest } from './request.js'

/** The device asks whether its user has signed in. The code is `code` on v1.0 and `device_code` on v2.0. */
export async function deviceCode(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { directory, deviceCodes, clock } = service
  const { form, version } = request
  const name = version === '1.0' ? 'code' : 'device_code'
  const signIn = deviceCodes.byDeviceCode(form.get('device_code') ?? form.require(name))
  if (signIn !== undefined) joinFlow(request.facts, `device ${signIn.userCode}`)
  directory.readAuthority(request.segment)
  if (signIn === undefined || signIn.clientId !== form.require('client_id').toLowerCase()) {
    throw new EntraError(70018)
  }
  if (clock.now() >= signIn.expiresAt) throw new EntraError(70019)
  const { outcome } = signIn
  if (outcome.kind === 'pending') throw new EntraError(70016)
  if (outcome.kind === 'declined') throw new EntraError(65004, {}, { error: 'authorization_declined' })

  const tenant = directory.tenant(outcome.tenantId)
  const client = await authenticateDeviceClient(service, request, tenant)
  const user = tenant.users.get(outcome.userId)
  if (user === undefined) throw new EntraError(70000, { parameter: name })
  const { scope, resource } = signIn
  const asked = readScopeRequest(service, tenant, { version, scope, resource })
  // Ended before the first await: of concurrent requests, only one gets tokens.
  if (!deviceCodes.end(signIn)) throw new EntraError(70018)
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: client.authentication === '0' ? 'publicClient' : 'web',
    session: outcome.session,
    asked,
    scope,
    resource,
    withIdToken: version === '1.0' || asked.signIn.has('openid'),
    withRefreshToken: version === '1.0' || asked.signIn.has('offline_access'),
  })
}
