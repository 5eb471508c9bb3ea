import { EntraError, printedTime } from '../base/errors.js'
import { isIdentifiedBy } from '../directory/lookup.js'
import { checkNotSelfByUri, readScopeOfOneApi } from '../directory/scope-request.js'
import { openSession } from '../directory/sessions.js'
import type { Application, Tenant, User } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import type { TokenAnswer } from './answer.js'
import { authenticateConfidentialClient } from './client-authentication.js'
import { answerDelegated } from './delegated.js'
import type { TokenRequest } from './request.js'

/** An API asks for a token of the next API, for the user whose token it was called with. */
export async function onBehalfOf(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { directory } = service
  const { form, version } = request
  if (form.require('requested_token_use') !== 'on_behalf_of') throw new EntraError(9002313)
  const authority = directory.readAuthority(request.segment)
  const assertion = await readAssertion(service, form.require('assertion'))
  const { uti } = assertion.claims
  if (typeof uti === 'string') joinFlow(request.facts, `token ${uti}`)
  if (authority.kind === 'tenant' && authority.tenant !== assertion.tenant) {
    throw new EntraError(50013, { reason: 'The assertion was issued for another tenant.' })
  }
  const { tenant } = assertion
  const client = await authenticateConfidentialClient(service, request, tenant, 7000218)
  const user = checkAssertion(service, client.application, assertion)

  const [scope, resource] = [form.get('scope'), form.get('resource')]
  if (version === '1.0') form.require('resource')
  else form.require('scope', 90014)
  const asked = readScopeOfOneApi(service, tenant, { version, scope, resource })
  for (const target of asked.targets) checkNotSelfByUri(client.application, target)
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: 'web',
    session: openSession(service, assertion.claims),
    asked,
    scope,
    resource,
    withIdToken: asked.signIn.has('openid'),
    withRefreshToken: version === '1.0' || asked.signIn.has('offline_access'),
  })
}

interface Assertion {
  readonly tenant: Tenant
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Reads a token that this instance signed for one of its tenants. Everything else is refused as a bad signature:
 * AADSTS50013.
 */
async function readAssertion(service: Service, text: string): Promise<Assertion> {
  const { verifiedClaims } = await import('../tokens/own-token.js')
  const claims = await verifiedClaims(service, text)
  const tenant = service.directory.tenants.get(String(claims['tid']))
  const isOurs = tenant !== undefined && service.isOwnIssuer(claims['iss'], tenant.id)
  if (!isOurs) throw new EntraError(50013, { reason: 'The issuer of the assertion is not trusted.' })
  return { tenant, claims }
}

/** The user of the assertion, if it is a user's valid access token for this API. */
function checkAssertion(service: Service, client: Application, { tenant, claims }: Assertion): User {
  if (claims['appid'] === undefined && claims['azp'] === undefined) throw new EntraError(240002)
  if (claims['idtyp'] === 'app' || typeof claims['scp'] !== 'string') {
    throw new EntraError(7000114, { client: client.appId })
  }
  const audience = String(claims['aud'])
  // A person calls the blueprint, and its agent acts on behalf of that person.
  const called = tenant.agentIdentities.get(client.appId)?.blueprint ?? client
  if (!isIdentifiedBy(called, audience)) {
    throw new EntraError(500131, { actual: audience, expected: called.appId })
  }
  const [now, nbf, exp] = [service.clock.now(), Number(claims['nbf']), Number(claims['exp'])]
  // No tolerance at the end: Entra has none.
  if (!(nbf <= now && now < exp)) {
    throw new EntraError(500133, { now: printedTime(now), expiry: printedTime(exp) })
  }
  const user = tenant.users.get(String(claims['oid']))
  if (user === undefined) throw new EntraError(50013, { reason: 'The user of the assertion is not known.' })
  return user
}
