import {
  type ApplicationRegistration,
  type Emulator,
  type EmulatorOptions,
  fixedClock,
  startEmulator,
  type TenantRegistration,
} from '@countersign/emulator'

/** A user's application, the API that it calls, and the API after that, in one tenant of an emulator. */
export const tiers = {
  tenantId: '6f0e0d0c-0b0a-4908-8706-050403020100',
  nativeId: '10111111-0b0a-4908-8706-050403020100',
  firstTierId: '11111111-0b0a-4908-8706-050403020100',
  secondTierId: '12111111-0b0a-4908-8706-050403020100',
  lonelyId: '13111111-0b0a-4908-8706-050403020100',
  user: 'alice@contoso.example',
  secret: 'not-a-secret',
  start: 1_800_000_000,
} as const

const xms_cc = { optionalClaims: { accessToken: [{ name: 'xms_cc' }] } }

export interface TiersOptions extends Pick<EmulatorOptions, 'clock' | 'https'> {
  readonly tenant?: Partial<TenantRegistration>
  readonly firstTier?: Partial<ApplicationRegistration>
  readonly applications?: readonly ApplicationRegistration[]
}

/** `api://second-tier` has the user's consent, `api://lonely` has nobody's. */
export function startTiers({
  tenant = {},
  firstTier = {},
  applications = [],
  clock = fixedClock(tiers.start),
  ...options
}: TiersOptions = {}): Promise<Emulator> {
  const api = (name: string, appId: string): ApplicationRegistration => ({
    displayName: name,
    appId,
    identifierUris: [`api://${name}`],
    appRoles: [{ value: 'Orders.Read.All', allowedMemberTypes: ['Application'] }],
    api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
    ...xms_cc,
  })
  return startEmulator({
    ...options,
    clock,
    registration: {
      tenants: [
        {
          id: tiers.tenantId,
          domains: ['contoso.example'],
          users: [{ userPrincipalName: tiers.user }],
          oauth2PermissionGrants: [
            { clientId: 'native', resourceId: 'first-tier', scope: 'access_as_user' },
            { clientId: 'first-tier', resourceId: 'second-tier', scope: 'Orders.Read' },
          ],
          appRoleAssignments: [
            { principalId: 'first-tier', resourceId: 'second-tier', appRoleId: 'Orders.Read.All' },
          ],
          ...tenant,
        },
      ],
      applications: [
        {
          displayName: 'native',
          appId: tiers.nativeId,
          publicClient: { redirectUris: ['http://localhost'] },
          requiredResourceAccess: [
            { resourceAppId: 'first-tier', resourceAccess: [{ id: 'access_as_user', type: 'Scope' }] },
          ],
        },
        {
          displayName: 'first-tier',
          appId: tiers.firstTierId,
          identifierUris: ['api://first-tier'],
          passwordCredentials: [{ secretText: tiers.secret }],
          requiredResourceAccess: ['second-tier', 'lonely'].map((resourceAppId) => ({
            resourceAppId,
            resourceAccess: [{ id: 'Orders.Read', type: 'Scope' as const }],
          })),
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'access_as_user' }] },
          ...xms_cc,
          ...firstTier,
        },
        api('second-tier', tiers.secondTierId),
        api('lonely', tiers.lonelyId),
        ...applications,
      ],
    },
  })
}

/** The user's token for the first tier. */
export function userTokenOf(
  emulator: Emulator,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return emulator.issueToken({
    client: 'native',
    resource: 'api://first-tier',
    user: tiers.user,
    scopes: ['access_as_user'],
    claims,
  })
}
