import { deriveId } from '../base/guid.js'
import type { Directory } from '../directory/directory.js'
import type { ConditionalAccessPolicy, Tenant } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type { ConditionalAccessRegistration, TenantRegistration } from '../registration/types.js'
import { applicationAt, userAt } from './references.js'

/** The Conditional Access policies of a tenant. */
export function loadPolicies(
  directory: Directory,
  tenant: Tenant,
  { conditionalAccess = [] }: TenantRegistration,
  path: string,
): ConditionalAccessPolicy[] {
  return conditionalAccess.map((policy, index) =>
    loadPolicy(directory, tenant, policy, `${path}.conditionalAccess[${index}]`),
  )
}

function loadPolicy(
  { applications }: Directory,
  tenant: Tenant,
  policy: ConditionalAccessRegistration,
  place: string,
): ConditionalAccessPolicy {
  const named = (
    member: 'users' | 'clients' | 'resources',
    idOf: (reference: string, path: string) => string,
  ): ReadonlySet<string> | 'all' => {
    const references = policy[member]
    if (references === undefined) return 'all'
    return new Set(references.map((reference, index) => idOf(reference, `${place}.${member}[${index}]`)))
  }
  const appIdOf = (reference: string, at: string): string =>
    applicationAt(applications.values(), reference, at).appId
  const kind = policy.kind ?? 'user'
  if (kind === 'workload' && policy.demand !== 'block') {
    throw new RegistrationError(`${place}.demand`, 'must be "block" for a workload: it can meet no demand')
  }
  return {
    id: policy.id?.toLowerCase() ?? deriveId('policy', tenant.id, policy.displayName),
    displayName: policy.displayName,
    kind,
    demand: policy.demand,
    users: named('users', (reference, at) => userAt(tenant, reference, at).id),
    clients: named('clients', appIdOf),
    resources: named('resources', appIdOf),
  }
}
