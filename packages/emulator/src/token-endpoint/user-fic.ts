import { EntraError } from '../base/errors.js'
import { userNamed } from '../directory/lookup.js'
import { readScopeOfOneApi } from '../directory/scope-request.js'
import { startSession } from '../directory/sessions.js'
import type { Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { exchangeClaims } from './agent-assertion.js'
import type { TokenAnswer } from './answer.js'
import { authenticateConfidentialClient } from './client-authentication.js'
import { answerDelegated } from './delegated.js'
import type { TokenRequest } from './request.js'

/** A token for the agent's own user account, by a token of the agent and one that vouches for it. */
export async function userFederatedCredential(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { form, version } = request
  if (version === '1.0') throw new EntraError(70003, { grantType: 'user_fic' })
  if (form.require('requested_token_use') !== 'on_behalf_of') throw new EntraError(9002313)
  const credential = form.require('user_federated_identity_credential')
  const tenant = service.directory.readTenant(request.segment)
  const client = await authenticateConfidentialClient(service, request, tenant, 7000218)
  const agentId = client.application.appId
  const claims = await exchangeClaims(service, tenant, credential)
  if (claims['azp'] !== agentId || claims['sub'] !== agentId) {
    throw new EntraError(700213, { value: String(claims['sub']) })
  }
  const user = readAgentUser(tenant, agentId, form.get('user_id') ?? form.require('username'))
  const scope = form.require('scope', 90014)
  const resource = form.get('resource')
  const asked = readScopeOfOneApi(service, tenant, { version, scope, resource })
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: 'web',
    session: startSession(service.moment()),
    asked,
    scope,
    resource,
    withIdToken: asked.signIn.has('openid'),
    withRefreshToken: asked.signIn.has('offline_access'),
  })
}

/** A person, or the account of another agent, is none that this agent can act as. */
function readAgentUser(tenant: Tenant, agentId: string, name: string): User {
  const user = userNamed(tenant.users.values(), name)
  if (user?.agentId !== agentId) throw new EntraError(70000, { parameter: 'username' })
  return user
}
