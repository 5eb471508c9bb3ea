/*
 * A registration as it is written: plain data with the names Microsoft Graph uses. Ids may be left out; they are then
 * derived from the names, the same on every start. Where Graph has an object id, a readable name is accepted too.
 */

export interface Registration {
  readonly $schema?: string
  /** The first tenant is the home of every application that names no other. */
  readonly tenants: readonly TenantRegistration[]
  readonly applications?: readonly ApplicationRegistration[]
}

export interface TenantRegistration {
  readonly id?: string
  readonly displayName?: string
  /** Verified domains. The first names the tenant in texts. */
  readonly domains: readonly string[]
  /** May users consent for themselves? Default `allowed`. */
  readonly userConsent?: 'allowed' | 'disabled'
  readonly users?: readonly UserRegistration[]
  readonly groups?: readonly GroupRegistration[]
  /** Applications of other tenants that this tenant has consented to, and settings for those of its own. */
  readonly servicePrincipals?: readonly ServicePrincipalRegistration[]
  readonly oauth2PermissionGrants?: readonly PermissionGrantRegistration[]
  readonly appRoleAssignments?: readonly AppRoleAssignmentRegistration[]
  /** Identities of machines and services, for the managed identity endpoint. */
  readonly managedIdentities?: readonly ManagedIdentityRegistration[]
  readonly conditionalAccess?: readonly ConditionalAccessRegistration[]
  /** The authentication contexts this tenant knows: `c1` to `c99`. */
  readonly authenticationContexts?: readonly string[]
  /** The longest a sign-in may be refreshed (the sign-in frequency of Conditional Access). */
  readonly signInFrequencySeconds?: number
}

export interface ManagedIdentityRegistration {
  readonly displayName: string
  /** The client id. */
  readonly appId?: string
  /** The object id of the service principal. */
  readonly id?: string
  /** Default `userAssigned`. A tenant has at most one `systemAssigned`: the identity of the machine the emulator plays. */
  readonly type?: 'systemAssigned' | 'userAssigned'
}

/** A Conditional Access policy, as its outcome. */
export interface ConditionalAccessRegistration {
  /** What `capolids` names. */
  readonly id?: string
  readonly displayName: string
  /** What it demands. `block` cannot be met; the others are met at the sign-in page, where a person can meet them. */
  readonly demand:
    | 'mfa'
    | 'mfaEnrolment'
    | 'deviceAuthentication'
    | 'otherCondition'
    | 'externalControl'
    | 'compliantDevice'
    | 'joinedDevice'
    | 'block'
  /** `user` (the default): people at clients. `workload`: applications that act as themselves. */
  readonly kind?: 'user' | 'workload'
  /** Default: all of them. Users by userPrincipalName or id, applications by appId or displayName. */
  readonly users?: readonly string[]
  readonly clients?: readonly string[]
  readonly resources?: readonly string[]
}

export interface UserRegistration {
  readonly id?: string
  readonly userPrincipalName: string
  readonly displayName?: string
  readonly givenName?: string
  readonly surname?: string
  readonly mail?: string
  /** Default true. */
  readonly accountEnabled?: boolean
  readonly userType?: 'Member' | 'Guest'
  /** For a guest: the account at home, by the userPrincipalName or id it has in another tenant here. */
  readonly guestOf?: string
  /** Directory roles by name or template id; `Global Administrator` may consent for the organisation. */
  readonly directoryRoles?: readonly string[]
}

export interface GroupRegistration {
  readonly id?: string
  readonly displayName: string
  /** Users by userPrincipalName or id. */
  readonly members?: readonly string[]
}

export interface ServicePrincipalRegistration {
  /** The application, by appId or displayName. */
  readonly appId: string
  /** The object id: never the appId. */
  readonly id?: string
  /** Default true. */
  readonly accountEnabled?: boolean
  /** Default false: tokens are issued without an assignment, and then carry no roles. */
  readonly appRoleAssignmentRequired?: boolean
  /** Claims that a claims mapping policy puts into this API's tokens, with their values. */
  readonly mappedClaims?: Readonly<Record<string, unknown>>
}

export interface PermissionGrantRegistration {
  /** The client application, by appId, displayName or the object id of its service principal. */
  readonly clientId: string
  /** The API, named the same ways. */
  readonly resourceId: string
  /** Granted scopes, separated by spaces. */
  readonly scope: string
  /** Default `AllPrincipals`. */
  readonly consentType?: 'AllPrincipals' | 'Principal'
  /** For `Principal`: the user, by userPrincipalName or id. */
  readonly principalId?: string
}

export interface AppRoleAssignmentRegistration {
  /** Who has the role: a user, a group or an application, by id or name. */
  readonly principalId: string
  /** The API, by appId, displayName or the object id of its service principal. */
  readonly resourceId: string
  /** The role, by id or value; the nil GUID is access without a role. */
  readonly appRoleId: string
}

export type SignInAudience =
  | 'AzureADMyOrg'
  | 'AzureADMultipleOrgs'
  | 'AzureADandPersonalMicrosoftAccount'
  | 'PersonalMicrosoftAccount'

export interface ApplicationRegistration {
  readonly appId?: string
  readonly displayName: string
  /** A domain of the home tenant. Default: the first tenant. */
  readonly publisherDomain?: string | null
  /** Default `AzureADMyOrg`. */
  readonly signInAudience?: SignInAudience
  readonly identifierUris?: readonly string[]
  readonly web?: WebPlatform
  readonly spa?: RedirectUris
  readonly publicClient?: RedirectUris
  /** A public client in the flows that have no redirect URI. */
  readonly isFallbackPublicClient?: boolean | null
  readonly passwordCredentials?: readonly PasswordCredential[]
  readonly keyCredentials?: readonly KeyCredential[]
  readonly federatedIdentityCredentials?: readonly FederatedIdentityCredential[]
  readonly requiredResourceAccess?: readonly RequiredResourceAccess[]
  readonly appRoles?: readonly AppRole[]
  readonly optionalClaims?: OptionalClaims | null
  readonly groupMembershipClaims?: string | null
  readonly api?: ApiRegistration
}

export interface RedirectUris {
  readonly redirectUris?: readonly string[]
}

export interface WebPlatform extends RedirectUris {
  /** Called in a frame when the user signs out elsewhere. */
  readonly logoutUrl?: string | null
  readonly implicitGrantSettings?: ImplicitGrantSettings
}

export interface ImplicitGrantSettings {
  /** Id tokens from the authorize endpoint itself. */
  readonly enableIdTokenIssuance?: boolean
  /** Read over: access tokens are not given out there. */
  readonly enableAccessTokenIssuance?: boolean
}

/** A token of another issuer that stands for this application's credential. */
export interface FederatedIdentityCredential {
  readonly name?: string
  /** Its discovery document is fetched: https, or http on a loopback address. */
  readonly issuer: string
  /** Exact and case-sensitive. */
  readonly subject?: string | null
  /** Instead of a subject: `claims['sub'] matches 'repo:contoso/*'`, parts joined by `and`. */
  readonly claimsMatchingExpression?: { readonly value: string; readonly languageVersion: 1 } | null
  readonly audiences: readonly string[]
}

export interface PasswordCredential {
  readonly displayName?: string | null
  /** A development value in plain text. Exported manifests have null here: such a secret never matches. */
  readonly secretText?: string | null
  readonly startDateTime?: string
  readonly endDateTime?: string
}

export interface KeyCredential {
  readonly displayName?: string | null
  readonly type?: 'AsymmetricX509Cert'
  readonly usage?: 'Verify'
  /** The public certificate: base64 of its DER, or PEM text. */
  readonly key: string
  readonly startDateTime?: string
  readonly endDateTime?: string
}

export interface RequiredResourceAccess {
  /** The API, by appId or displayName. */
  readonly resourceAppId: string
  /** What is needed of it: the id or value of a scope (`Scope`) or of an app role (`Role`). */
  readonly resourceAccess: readonly { readonly id: string; readonly type: 'Scope' | 'Role' }[]
}

export interface AppRole {
  readonly id?: string
  readonly value: string
  readonly displayName?: string
  readonly description?: string
  readonly allowedMemberTypes: readonly ('User' | 'Application')[]
  /** Default true. */
  readonly isEnabled?: boolean
}

export interface OptionalClaims {
  readonly accessToken?: readonly OptionalClaim[]
  readonly idToken?: readonly OptionalClaim[]
}

export interface OptionalClaim {
  readonly name: string
  readonly additionalProperties?: readonly string[]
}

export interface ApiRegistration {
  /** Which version of access token this API gets: null and 1 are v1.0, 2 is v2.0. */
  readonly requestedAccessTokenVersion?: 1 | 2 | null
  readonly oauth2PermissionScopes?: readonly PermissionScope[]
  readonly acceptMappedClaims?: boolean | null
  readonly preAuthorizedApplications?: readonly PreAuthorizedApplication[]
  /** Clients whose consent covers this API's own needs as well: by appId or displayName. */
  readonly knownClientApplications?: readonly string[]
}

export interface PermissionScope {
  readonly id?: string
  readonly value: string
  /** `User`: users may consent for themselves (the default). `Admin`: only an administrator may. */
  readonly type?: 'User' | 'Admin'
  /** Default true. */
  readonly isEnabled?: boolean
  readonly adminConsentDisplayName?: string
  readonly adminConsentDescription?: string
  readonly userConsentDisplayName?: string | null
  readonly userConsentDescription?: string | null
}

export interface PreAuthorizedApplication {
  /** The client, by appId or displayName. */
  readonly appId: string
  /** Scopes by id or value. */
  readonly delegatedPermissionIds: readonly string[]
}
