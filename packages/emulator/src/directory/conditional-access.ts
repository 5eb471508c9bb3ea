import { type AadstsCode, EntraError } from '../base/errors.js'
import type { ClaimsRequest } from '../base/parameters.js'
import type { Session } from './sessions.js'
import type { Application, ConditionalAccessPolicy, Demand, Tenant, User, Version } from './types.js'

/*
 * Conditional Access as declared outcomes: a policy names users and applications and a demand, and the user at the
 * sign-in page chooses whether the demand is met. Nothing is evaluated.
 */

const codes: Readonly<Record<Demand, AadstsCode>> = {
  mfa: 50076,
  mfaEnrolment: 50079,
  deviceAuthentication: 50097,
  otherCondition: 50131,
  externalControl: 50158,
  compliantDevice: 53000,
  joinedDevice: 53001,
  block: 53003,
}

/** Demands that a user can meet at the sign-in page. */
const answerable: ReadonlySet<Demand> = new Set(['mfa', 'mfaEnrolment', 'externalControl', 'otherCondition'])

/** The two codes whose `error` is known to differ between the versions. */
const plainOnV2: ReadonlySet<AadstsCode> = new Set([50076, 53003])

/** The policies for a user at a client that wants an API, whose demand this sign-in has not met. */
export function unsatisfiedPolicies(
  tenant: Tenant,
  asked: { user: User; client: Application; resources: readonly Application[] },
  session: Session,
  claims: ClaimsRequest,
): ConditionalAccessPolicy[] {
  return tenant.policies.filter((policy) => {
    if (policy.kind !== 'user' || session.satisfied.includes(policy.id)) return false
    if (!fits(policy.users, asked.user.id)) return false
    if (claims.policies.includes(policy.id)) return true
    return (
      fits(policy.clients, asked.client.appId) &&
      asked.resources.some(({ appId }) => fits(policy.resources, appId))
    )
  })
}

/** Refuses with the code of the demand; `claims` is what the client must send to the sign-in page. */
export function refuseUnsatisfied(
  version: Version,
  policies: readonly ConditionalAccessPolicy[],
  resource: Application,
): void {
  const first = policies.find(({ demand }) => !answerable.has(demand)) ?? policies[0]
  if (first !== undefined) throw refusalOf(version, first, policies, resource)
}

/** A policy for workloads stops an application's own token; there is no user who could meet a demand. */
export function checkWorkloadPolicies(
  tenant: Tenant,
  version: Version,
  client: Application,
  resource: Application,
): void {
  const policy = tenant.policies.find(
    (candidate) =>
      candidate.kind === 'workload' &&
      fits(candidate.clients, client.appId) &&
      fits(candidate.resources, resource.appId),
  )
  if (policy !== undefined) throw refusalOf(version, policy, [policy], resource)
}

/** The first policy whose demand a user cannot meet at the sign-in page. */
export function unanswerable(
  policies: readonly ConditionalAccessPolicy[],
): ConditionalAccessPolicy | undefined {
  return policies.find(({ demand }) => !answerable.has(demand))
}

export function refusalOf(
  version: Version,
  { demand }: ConditionalAccessPolicy,
  policies: readonly ConditionalAccessPolicy[],
  resource: Application,
): EntraError {
  const code = codes[demand]
  const claims = { access_token: { capolids: { essential: true, values: policies.map(({ id }) => id) } } }
  return new EntraError(
    code,
    { resource: resource.appId, reason: 'the policy is declared so in the registration' },
    {
      claims: JSON.stringify(claims),
      error: version === '1.0' && plainOnV2.has(code) ? 'interaction_required' : undefined,
    },
  )
}

/** The sign-in after its user met demands. */
export function satisfy(
  session: Session,
  policies: readonly ConditionalAccessPolicy[],
  contexts: readonly string[],
): Session {
  return {
    ...session,
    satisfied: [...new Set([...session.satisfied, ...policies.map(({ id }) => id)])],
    contexts: [...new Set([...session.contexts, ...contexts])],
    withMfa:
      session.withMfa ||
      contexts.length > 0 ||
      policies.some(({ demand }) => demand === 'mfa' || demand === 'mfaEnrolment'),
  }
}

/** The authentication contexts that are asked for, exist in the tenant, and were not reached yet. */
export function missingContexts(tenant: Tenant, session: Session, claims: ClaimsRequest): string[] {
  return claims.contexts.filter(
    (context) => tenant.authenticationContexts.includes(context) && !session.contexts.includes(context),
  )
}

/** A silent request for a context that this sign-in has not reached ends with what to send to the sign-in page. */
export function checkContexts(
  tenant: Tenant,
  session: Session,
  claims: ClaimsRequest,
  resource: Application,
): void {
  const [missing] = missingContexts(tenant, session, claims)
  if (missing === undefined) return
  throw new EntraError(
    50076,
    { resource: resource.appId },
    { claims: JSON.stringify({ access_token: { acrs: { essential: true, value: missing } } }) },
  )
}

function fits(named: ReadonlySet<string> | 'all', id: string): boolean {
  return named === 'all' || named.has(id)
}
