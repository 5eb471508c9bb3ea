import { createHash } from 'node:crypto'
import { deriveId, guidPattern } from '../base/guid.js'
import { isSameName, userNamed } from '../directory/lookup.js'
import type { Tenant, User } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type { GroupRegistration, TenantRegistration, UserRegistration } from '../registration/types.js'
import { isReservedClaim } from '../tokens/reserved-claims.js'
import { uniqueness, userAt } from './references.js'

/** Directory roles whose holders may consent for the whole organisation, by name and by template id. */
const administratorRoles: ReadonlyMap<string, string> = new Map([
  ['Global Administrator', '62e90394-69f5-4237-9190-012177145e10'],
  ['Privileged Role Administrator', 'e8611ab8-c189-46e8-94e1-60213ab1f814'],
  ['Application Administrator', '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3'],
  ['Cloud Application Administrator', '158c047a-c907-4556-b7ef-446551a6b5f7'],
])

type Unique = ReturnType<typeof uniqueness>

interface Group extends GroupRegistration {
  readonly id: string
}

export function tenantIdOf({ id, domains }: TenantRegistration): string {
  return (id ?? deriveId('tenant', domains[0] ?? '')).toLowerCase()
}

/** All tenants with their users, without applications. */
export function loadTenants(registrations: readonly TenantRegistration[]): Map<string, Tenant> {
  const tenants = new Map<string, Tenant>()
  const ids = uniqueness('is the id of another tenant, user or group')
  const domains = uniqueness('is a domain of another tenant')
  const userNames = uniqueness('is the name of another user')
  for (const [index, registration] of registrations.entries()) {
    const path = `tenants[${index}]`
    const id = tenantIdOf(registration)
    ids(id, `${path}.id`)
    for (const [place, domain] of registration.domains.entries()) domains(domain, `${path}.domains[${place}]`)
    const groups = loadGroups(id, registration, ids, path)
    const users = loadUsers(id, registration, groups, ids, userNames, path)
    checkMembers(groups, users, path)
    tenants.set(id, {
      id,
      displayName: registration.displayName ?? registration.domains[0] ?? id,
      domains: registration.domains,
      country: registration.countryLetterCode,
      preferredLanguage: registration.preferredLanguage,
      usersMayConsent: (registration.userConsent ?? 'allowed') === 'allowed',
      users,
      groups: new Map(groups.map(({ id: groupId, displayName }) => [groupId, { id: groupId, displayName }])),
      policies: [],
      authenticationContexts: registration.authenticationContexts ?? [],
      signInFrequencySeconds: registration.signInFrequencySeconds,
      managedIdentities: [],
      agentIdentities: new Map(),
      servicePrincipals: new Map(),
      grants: [],
      assignments: [],
    })
  }
  linkGuests(registrations, tenants)
  return tenants
}

function loadGroups(
  tenantId: string,
  { groups = [] }: TenantRegistration,
  ids: Unique,
  path: string,
): readonly Group[] {
  return groups.map((group, index) => {
    const id = group.id?.toLowerCase() ?? deriveId('group', tenantId, group.displayName)
    ids(id, `${path}.groups[${index}].id`)
    return { ...group, id }
  })
}

function loadUsers(
  tenantId: string,
  { users = [] }: TenantRegistration,
  groups: readonly Group[],
  ids: Unique,
  userNames: Unique,
  path: string,
): Map<string, User> {
  return new Map(
    users.map((user, index) => {
      const name = user.userPrincipalName.toLowerCase()
      const id = user.id?.toLowerCase() ?? deriveId('user', tenantId, name)
      userNames(name, `${path}.users[${index}].userPrincipalName`)
      ids(id, `${path}.users[${index}].id`)
      for (const claim of Object.keys(user.claims ?? {})) {
        if (!isReservedClaim(claim)) continue
        throw new RegistrationError(`${path}.users[${index}].claims`, 'has a claim that the protocol needs')
      }
      return [id, loadUser(tenantId, id, user, groups)]
    }),
  )
}

function loadUser(tenantId: string, id: string, user: UserRegistration, groups: readonly Group[]): User {
  const roleIds = directoryRoleIds(user.directoryRoles)
  return {
    id,
    tenantId,
    userPrincipalName: user.userPrincipalName,
    displayName: user.displayName ?? user.userPrincipalName,
    givenName: user.givenName,
    surname: user.surname,
    mail: user.mail,
    otherMails: user.otherMails ?? [],
    country: user.country,
    preferredLanguage: user.preferredLanguage,
    preferredDataLocation: user.preferredDataLocation,
    onPremisesSecurityIdentifier: user.onPremisesSecurityIdentifier,
    isEnabled: user.accountEnabled ?? true,
    isDisabledByControl: false,
    isGuest: user.userType === 'Guest',
    home: undefined,
    agentId: undefined,
    isAdmin: roleIds.some((role) => [...administratorRoles.values()].includes(role)),
    directoryRoleIds: roleIds,
    sessionsValidFrom: -Infinity,
    passwordDigest: digestOf(user.passwordProfile?.password),
    claims: user.claims ?? {},
    groupIds: groups
      .filter(({ members = [] }) => members.some((member) => isSameName(member, id, user.userPrincipalName)))
      .map((group) => group.id),
  }
}

/** The text itself is not kept. */
function digestOf(text: string | null | undefined): Buffer | undefined {
  return typeof text === 'string' ? createHash('sha256').update(text).digest() : undefined
}

function directoryRoleIds(roles: readonly string[] = []): string[] {
  return roles
    .map((role) => administratorRoles.get(role) ?? role.toLowerCase())
    .filter((id) => guidPattern.test(id))
}

function checkMembers(groups: readonly Group[], users: Map<string, User>, path: string): void {
  for (const [index, { members = [] }] of groups.entries()) {
    for (const [place, member] of members.entries()) {
      userAt({ users }, member, `${path}.groups[${index}].members[${place}]`)
    }
  }
}

/** Guests are accounts of another tenant; which ones, is known once all tenants are. */
function linkGuests(registrations: readonly TenantRegistration[], tenants: Map<string, Tenant>): void {
  for (const [index, registration] of registrations.entries()) {
    const tenant = tenants.get(tenantIdOf(registration))
    for (const [place, { userPrincipalName, guestOf }] of (registration.users ?? []).entries()) {
      if (guestOf === undefined || tenant === undefined) continue
      const others = [...tenants.values()].filter((other) => other !== tenant)
      const home = userNamed(
        others.flatMap(({ users }) => [...users.values()]),
        guestOf,
      )
      const guest = userNamed(tenant.users.values(), userPrincipalName)
      if (home === undefined || guest === undefined) {
        throw new RegistrationError(
          `tenants[${index}].users[${place}].guestOf`,
          'is not a user of another tenant here',
        )
      }
      tenant.users.set(guest.id, {
        ...guest,
        isGuest: true,
        home: { tenantId: home.tenantId, userId: home.id },
      })
    }
  }
}
