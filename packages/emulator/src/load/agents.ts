import { deriveId } from '../base/guid.js'
import type { Directory } from '../directory/directory.js'
import { isSameName } from '../directory/lookup.js'
import type { Tenant } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type {
  AgentIdentityRegistration,
  ApplicationRegistration,
  TenantRegistration,
} from '../registration/types.js'
import { applicationAt } from './references.js'
import { tenantIdOf } from './tenants.js'

/*
 * Agent identities (https://learn.microsoft.com/entra/agent-id): the blueprint is an application that holds the
 * credentials, the agent a client without any, and the agent's user account a user whom only the agent can act as.
 */

const blueprintType = '#microsoft.graph.agentIdentityBlueprint'

/** The client that each agent identity is, at home in its tenant. */
export function agentsOf(tenants: readonly TenantRegistration[]): ApplicationRegistration[] {
  return tenants.flatMap((tenant) =>
    (tenant.agentIdentities ?? []).map((agent) => ({
      displayName: agent.displayName,
      appId: idOf(tenantIdOf(tenant), agent),
      publisherDomain: tenant.domains[0] ?? null,
    })),
  )
}

function idOf(tenantId: string, { id, displayName }: AgentIdentityRegistration): string {
  return id?.toLowerCase() ?? deriveId('agentIdentity', tenantId, displayName)
}

/** Binds the agents of a tenant to their blueprints, and the user accounts of agents to the agents. */
export function loadAgents(
  directory: Directory,
  tenant: Tenant,
  { agentIdentities = [], users = [] }: TenantRegistration,
  path: string,
): void {
  for (const [index, agent] of agentIdentities.entries()) {
    const place = `${path}.agentIdentities[${index}]`
    const at = `${place}.agentIdentityBlueprintId`
    const blueprint = applicationAt(directory.applications.values(), agent.agentIdentityBlueprintId, at)
    checkBlueprint(blueprint.registration, at)
    const application = directory.applications.get(idOf(tenant.id, agent))
    if (application === undefined) throw new RegistrationError(place, 'is not an application here')
    if (!tenant.servicePrincipals.has(blueprint.appId)) {
      throw new RegistrationError(at, 'has no service principal in this tenant: add it to servicePrincipals')
    }
    tenant.servicePrincipals.set(application.appId, {
      ...directory.addServicePrincipal(tenant, application),
      id: application.appId,
      isEnabled: agent.accountEnabled ?? true,
    })
    tenant.agentIdentities.set(application.appId, { application, blueprint })
  }
  for (const [index, { userPrincipalName, identityParentId }] of users.entries()) {
    if (identityParentId === undefined) continue
    const found = [...tenant.agentIdentities.values()].filter(({ application: { appId, displayName } }) =>
      isSameName(identityParentId, appId, displayName),
    )
    const [parent] = found
    const user = [...tenant.users.values()].find((other) => other.userPrincipalName === userPrincipalName)
    if (parent === undefined || found.length > 1 || user === undefined) {
      throw new RegistrationError(
        `${path}.users[${index}].identityParentId`,
        'is not the id or displayName of one agent identity of this tenant',
      )
    }
    tenant.users.set(user.id, { ...user, agentId: parent.application.appId })
  }
}

function checkBlueprint(registration: ApplicationRegistration, place: string): void {
  if (registration['@odata.type'] !== blueprintType) {
    throw new RegistrationError(place, `is an application without the @odata.type ${blueprintType}`)
  }
  const uris = [registration.web, registration.spa, registration.publicClient].flatMap(
    (platform) => platform?.redirectUris ?? [],
  )
  if (uris.length > 0 || registration.isFallbackPublicClient === true) {
    throw new RegistrationError(place, 'is a blueprint with redirect URIs: nobody signs in to one')
  }
}
