import { EntraError, printedTime } from '../base/errors.js'
import { checkNotSelfByUri, readScopeRequest } from '../directory/scope-request.js'
import type { Tenant } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import type { TokenAnswer } from './answer.js'
import { authenticateClientOf } from './client-authentication.js'
import { answerDelegated, type RefreshTokenContent } from './delegated.js'
import type { TokenRequest } from './request.js'

/**
 * A new token without asking the user. Each use gives a new refresh token and leaves the old one valid, as Entra does;
 * it is valid for every API the client has consent for.
 */
export async function refreshToken(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { directory, clock } = service
  const authority = directory.readAuthority(request.segment)
  const content = openRefreshToken(service, request.form.require('refresh_token'))
  joinFlow(request.facts, `session ${content.session.id} ${content.clientId}`)
  const isElsewhere = authority.kind === 'tenant' && authority.tenant.id !== content.tenantId
  if (isElsewhere) throw new EntraError(70000, { parameter: 'refresh_token' })
  const tenant = directory.tenant(content.tenantId)
  const client = await authenticateClientOf(content.platform, service, request, tenant)
  const user = tenant.users.get(content.userId)
  if (client.application.appId !== content.clientId || user === undefined) {
    throw new EntraError(70000, { parameter: 'refresh_token' })
  }
  checkAge(tenant, content, clock.now())

  const scope = request.form.get('scope') ?? content.scope
  const resource = request.form.get('resource') ?? (request.version === '1.0' ? content.resource : undefined)
  const asked = readScopeRequest(service, tenant, { version: request.version, scope, resource })
  // With a scope in the request, live answers accept the API's URI.
  if (request.form.get('scope') === undefined && request.version === '2.0') {
    for (const target of asked.targets) checkNotSelfByUri(client.application, target)
  }
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: content.platform,
    session: content.session,
    asked,
    scope,
    resource,
    withIdToken: asked.signIn.has('openid'),
    withRefreshToken: true,
    ...(content.platform === 'spa' ? { refreshTokenEnd: content.expiresAt } : {}),
  })
}

/**
 * Refuses a token that was not used for 90 days, or one day old for a single-page application, or older than the
 * tenant's sign-in frequency.
 */
function checkAge({ signInFrequencySeconds }: Tenant, content: RefreshTokenContent, now: number): void {
  const { issuedAt, expiresAt, platform, session } = content
  const issued = printedTime(issuedAt)
  if (now >= expiresAt) {
    if (platform === 'spa') throw new EntraError(700084, { issued, lifetime: '1.00:00:00' })
    const days = Math.round((expiresAt - issuedAt) / 86_400)
    throw new EntraError(700082, { issued, lifetime: `${days} days` })
  }
  if (signInFrequencySeconds !== undefined && now >= session.startedAt + signInFrequencySeconds) {
    throw new EntraError(70043, {
      issued: printedTime(session.startedAt),
      lifetime: String(signInFrequencySeconds),
    })
  }
}

function openRefreshToken(service: Service, text: string): RefreshTokenContent {
  const content = service.seal.open('refresh_token', text) as RefreshTokenContent | undefined
  if (content === undefined) throw new EntraError(9002313, {}, { error: 'invalid_grant' })
  return content
}
