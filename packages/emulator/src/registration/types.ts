import type { AzureApi } from './azure-api-facts.js'

/*
 * A registration as it is written: plain data with the names Microsoft Graph uses
 * (https://learn.microsoft.com/graph/api/resources/application). Ids may be left out; they are then derived from the
 * names, the same on every start. Where Graph has an object id, a readable name is accepted too. Dates are text in the
 * form of ISO 8601 with a time zone. A member that is undefined counts as absent.
 */

/** Everything an emulator knows at its start: tenants and applications. */
export interface Registration {
  /** The address of the JSON schema, for editors. Ignored. */
  readonly $schema?: string | undefined
  /** The tenants. The first is the home of every application that names no other. */
  readonly tenants: readonly TenantRegistration[]
  /** The applications: clients and APIs. Microsoft Graph and the API of token exchange are added where
   * they are missing. Default: none. */
  readonly applications?: readonly ApplicationRegistration[] | undefined
  /** Well-known APIs of Azure that every tenant has, by name, or all of them. Default: none. */
  readonly azureApis?: readonly AzureApi[] | 'all' | undefined
}

/** A tenant: its users, and what was granted in it. */
export interface TenantRegistration {
  /** The tenant's id, a GUID. Default: derived from the first domain. */
  readonly id?: string | undefined
  /** The organisation's name. Default: the first domain. */
  readonly displayName?: string | undefined
  /** Verified domains, in lower case. The first names the tenant in texts. */
  readonly domains: readonly string[]
  /** The two letters of the organisation's country, for the claim `tenant_ctry`. */
  readonly countryLetterCode?: string | undefined
  /** A language such as `de`, for the claim `xms_tpl`. */
  readonly preferredLanguage?: string | undefined
  /** Whether users may consent for themselves. Default `allowed`. */
  readonly userConsent?: 'allowed' | 'disabled' | undefined
  /** The people, and guests of other tenants. Default: none. */
  readonly users?: readonly UserRegistration[] | undefined
  /** Security groups. Default: none. */
  readonly groups?: readonly GroupRegistration[] | undefined
  /** Applications of other tenants that this tenant has consented to, and settings for those of its own. */
  readonly servicePrincipals?: readonly ServicePrincipalRegistration[] | undefined
  /** Delegated scopes that are granted. Default: none. */
  readonly oauth2PermissionGrants?: readonly PermissionGrantRegistration[] | undefined
  /** Roles that are assigned to users, groups and applications. Default: none. */
  readonly appRoleAssignments?: readonly AppRoleAssignmentRegistration[] | undefined
  /** Identities of machines and services, for the managed identity endpoint. Default: none. */
  readonly managedIdentities?: readonly ManagedIdentityRegistration[] | undefined
  /** Identities of AI agents (Entra Agent ID). Default: none. */
  readonly agentIdentities?: readonly AgentIdentityRegistration[] | undefined
  /** Conditional Access policies, as outcomes. Default: none. */
  readonly conditionalAccess?: readonly ConditionalAccessRegistration[] | undefined
  /** The authentication contexts this tenant knows: `c1` to `c99`. Default: none. */
  readonly authenticationContexts?: readonly string[] | undefined
  /**
   * How long a sign-in may be refreshed, in seconds (the sign-in frequency of Conditional Access). Default: no limit.
   */
  readonly signInFrequencySeconds?: number | undefined
}

/** The identity of a machine or service: an application without credentials. */
export interface ManagedIdentityRegistration {
  /** Its name, and the last part of its resource id. */
  readonly displayName: string
  /** The client id. Default: derived from the name. */
  readonly appId?: string | undefined
  /** The object id of the service principal. Default: derived. */
  readonly id?: string | undefined
  /**
   * Default `userAssigned`. A tenant has at most one `systemAssigned`: the identity of the machine the emulator plays.
   */
  readonly type?: 'systemAssigned' | 'userAssigned' | undefined
}

/** The identity of an AI agent: a client without credentials of its own, which its blueprint vouches for. */
export interface AgentIdentityRegistration {
  /** Its name. */
  readonly displayName: string
  /** Its client id, which is also the object id of its service principal. Default: derived from the name. */
  readonly id?: string | undefined
  /** Its blueprint, by appId or displayName: an application with the `@odata.type` of one. */
  readonly agentIdentityBlueprintId: string
  /** Default true. */
  readonly accountEnabled?: boolean | undefined
}

/** A Conditional Access policy, as its outcome: nothing is evaluated. */
export interface ConditionalAccessRegistration {
  /** What `capolids` names. Default: derived from the name. */
  readonly id?: string | undefined
  /** Its name on the pages. */
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
  readonly kind?: 'user' | 'workload' | undefined
  /** Users by userPrincipalName or id. Default: all of them. */
  readonly users?: readonly string[] | undefined
  /** Client applications by appId or displayName. Default: all of them. */
  readonly clients?: readonly string[] | undefined
  /** APIs by appId or displayName. Default: all of them. */
  readonly resources?: readonly string[] | undefined
}

/** A person, or a guest. Users have no password here. */
export interface UserRegistration {
  /** The object id. Default: derived from the userPrincipalName. */
  readonly id?: string | undefined
  /** The sign-in name, in the form of a mail address. */
  readonly userPrincipalName: string
  /** Default: the userPrincipalName. */
  readonly displayName?: string | undefined
  /** The first name, for claims. */
  readonly givenName?: string | undefined
  /** The last name, for claims. */
  readonly surname?: string | undefined
  /** The mail address, for claims. */
  readonly mail?: string | undefined
  /** Further mail addresses, for the claim `verified_secondary_email`. Default: none. */
  readonly otherMails?: readonly string[] | undefined
  /** The two letters of a country, for the claim `ctry`. */
  readonly country?: string | undefined
  /** A language such as `de-DE`, for the claim `xms_pl`. */
  readonly preferredLanguage?: string | undefined
  /** Where the data is kept, for the claim `xms_pdl`. */
  readonly preferredDataLocation?: string | undefined
  /** The security identifier of the local directory, for the claim `onprem_sid`. */
  readonly onPremisesSecurityIdentifier?: string | undefined
  /** Default true. A disabled account is refused with AADSTS50057. */
  readonly accountEnabled?: boolean | undefined
  /** Default `Member`. */
  readonly userType?: 'Member' | 'Guest' | undefined
  /** For the user account of an agent: its agent identity, by id or displayName. Nobody signs in to such an account. */
  readonly identityParentId?: string | undefined
  /** For a guest: the account at home, by the userPrincipalName or id it has in another tenant here. */
  readonly guestOf?: string | undefined
  /** A password, for `grant_type=password` alone. Default: none, and no password is right. */
  readonly passwordProfile?: PasswordProfile | null | undefined
  /** Claims that every token for this user carries, beside those of Entra. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** Directory roles by name or template id; `Global Administrator` may consent for the organisation. */
  readonly directoryRoles?: readonly string[] | undefined
}

/** The password of a user. */
export interface PasswordProfile {
  /** A development value in plain text. */
  readonly password?: string | null | undefined
  /** Has no effect. */
  readonly forceChangePasswordNextSignIn?: boolean | undefined
}

/** A security group. */
export interface GroupRegistration {
  /** The object id. Default: derived from the name. */
  readonly id?: string | undefined
  /** Its name. */
  readonly displayName: string
  /** Users of the tenant by userPrincipalName or id. Default: none. */
  readonly members?: readonly string[] | undefined
}

/** An application's presence in a tenant. An application's home tenant has one without any entry. */
export interface ServicePrincipalRegistration {
  /** The application, by appId or displayName. */
  readonly appId: string
  /** The object id: never the appId. Default: derived. */
  readonly id?: string | undefined
  /** Default true. */
  readonly accountEnabled?: boolean | undefined
  /** Default false: tokens are issued without an assignment, and then carry no roles. */
  readonly appRoleAssignmentRequired?: boolean | undefined
  /** Claims that a claims mapping policy puts into this API's tokens, with their values. Default: none. */
  readonly mappedClaims?: Readonly<Record<string, unknown>> | undefined
}

/** Consent to delegated scopes of one API. */
export interface PermissionGrantRegistration {
  /** The client application, by appId, displayName or the object id of its service principal. */
  readonly clientId: string
  /** The API, named the same ways. */
  readonly resourceId: string
  /** Granted scopes, separated by spaces. */
  readonly scope: string
  /** Default `AllPrincipals`. */
  readonly consentType?: 'AllPrincipals' | 'Principal' | undefined
  /** For `Principal`: the user, by userPrincipalName or id. */
  readonly principalId?: string | undefined
}

/** A role of a user, group or application in an API. */
export interface AppRoleAssignmentRegistration {
  /** Who has the role: a user, a group or an application, by id or name. */
  readonly principalId: string
  /** The API, by appId, displayName or the object id of its service principal. */
  readonly resourceId: string
  /** The role, by id or value; the nil GUID is access without a role. */
  readonly appRoleId: string
}

/** Whose accounts may sign in to an application. */
export type SignInAudience =
  | 'AzureADMyOrg'
  | 'AzureADMultipleOrgs'
  | 'AzureADandPersonalMicrosoftAccount'
  | 'PersonalMicrosoftAccount'

/** An application: a client, an API, or both. A manifest exported from the portal can be used as it is. */
export interface ApplicationRegistration {
  /** The client id, a GUID. Default: derived from the name. */
  readonly appId?: string | undefined
  /** Its name. Other parts of the registration may refer to the application by it. */
  readonly displayName: string
  /** `#microsoft.graph.agentIdentityBlueprint` for the blueprint of agent identities. Default: an application. */
  readonly '@odata.type'?:
    | '#microsoft.graph.application'
    | '#microsoft.graph.agentIdentityBlueprint'
    | undefined
  /** A domain of the home tenant. Default: the first tenant. */
  readonly publisherDomain?: string | null | undefined
  /** Default `AzureADMyOrg`: the accounts of the home tenant. */
  readonly signInAudience?: SignInAudience | undefined
  /** By which names, beside its appId, clients ask for this API: `api://…` and others. Default: none. */
  readonly identifierUris?: readonly string[] | undefined
  /** Redirect URIs of a web application, which has a credential. */
  readonly web?: WebPlatform | undefined
  /** Redirect URIs of a single-page application. */
  readonly spa?: RedirectUris | undefined
  /** Redirect URIs of a native application. */
  readonly publicClient?: RedirectUris | undefined
  /** A public client in the flows that have no redirect URI. Default false. */
  readonly isFallbackPublicClient?: boolean | null | undefined
  /** Client secrets. Default: none. */
  readonly passwordCredentials?: readonly PasswordCredential[] | undefined
  /** Certificates for client assertions. Default: none. */
  readonly keyCredentials?: readonly KeyCredential[] | undefined
  /** Tokens of other issuers that are accepted as its credential. Default: none. */
  readonly federatedIdentityCredentials?: readonly FederatedIdentityCredential[] | undefined
  /** What the application needs of other APIs. Default: nothing. */
  readonly requiredResourceAccess?: readonly RequiredResourceAccess[] | undefined
  /** Roles that this API offers. Default: none. */
  readonly appRoles?: readonly AppRole[] | undefined
  /** Claims that tokens carry only if they are asked for here. Default: none. */
  readonly optionalClaims?: OptionalClaims | null | undefined
  /** Which groups tokens carry: `SecurityGroup`, `ApplicationGroup`, `DirectoryRole`, `All`. Default `None`. */
  readonly groupMembershipClaims?: string | null | undefined
  /** The application as an API. */
  readonly api?: ApiRegistration | undefined
}

/** The redirect URIs of one platform. */
export interface RedirectUris {
  /** Exact addresses; the port of `localhost` is free. https, or http on localhost. Default: none. */
  readonly redirectUris?: readonly string[] | undefined
}

/** The platform of a web application. */
export interface WebPlatform extends RedirectUris {
  /** Called in a frame when the user signs out elsewhere. */
  readonly logoutUrl?: string | null | undefined
  /** What the authorize endpoint itself may give out. */
  readonly implicitGrantSettings?: ImplicitGrantSettings | undefined
}

/** What the authorize endpoint itself may give out. */
export interface ImplicitGrantSettings {
  /** Id tokens from the authorize endpoint itself. Default false. */
  readonly enableIdTokenIssuance?: boolean | undefined
  /** Ignored: the authorize endpoint issues no access tokens. */
  readonly enableAccessTokenIssuance?: boolean | undefined
}

/** A token of another issuer that is accepted as this application's credential. */
export interface FederatedIdentityCredential {
  /** Its name. Has no effect. */
  readonly name?: string | undefined
  /** Its discovery document is fetched: https, or http on a loopback address. */
  readonly issuer: string
  /** Exact and case-sensitive. */
  readonly subject?: string | null | undefined
  /** Instead of a subject: `claims['sub'] matches 'repo:contoso/*'`, parts joined by `and`. */
  readonly claimsMatchingExpression?:
    | {
        /** The expression. */
        readonly value: string
        /** The version of its language. */
        readonly languageVersion: 1
      }
    | null
    | undefined
  /** One of them must be the token's audience. */
  readonly audiences: readonly string[]
}

/** A client secret. */
export interface PasswordCredential {
  /** Its name on the page. */
  readonly displayName?: string | null | undefined
  /** A development value in plain text. Exported manifests have null here: such a secret never matches. */
  readonly secretText?: string | null | undefined
  /** The first moment it is valid. Default: always valid until its end. */
  readonly startDateTime?: string | undefined
  /** The first moment it is no longer valid. Default: never. */
  readonly endDateTime?: string | undefined
}

/** A certificate for client assertions. */
export interface KeyCredential {
  /** Its name. Has no effect. */
  readonly displayName?: string | null | undefined
  /** The only type there is. */
  readonly type?: 'AsymmetricX509Cert' | undefined
  /** The only usage there is. */
  readonly usage?: 'Verify' | undefined
  /** The public certificate: base64 of its DER, or PEM text. */
  readonly key: string
  /** The first moment it is valid. Default: that of the certificate. */
  readonly startDateTime?: string | undefined
  /** The first moment it is no longer valid. Default: that of the certificate. */
  readonly endDateTime?: string | undefined
}

/** What an application needs of one API. */
export interface RequiredResourceAccess {
  /** The API, by appId or displayName. */
  readonly resourceAppId: string
  /** What is needed of it: the id or value of a scope (`Scope`) or of an app role (`Role`). */
  readonly resourceAccess: readonly {
    /** Id or value. */
    readonly id: string
    /** A delegated scope, or an app role for the client as itself. */
    readonly type: 'Scope' | 'Role'
  }[]
}

/** A role that an API offers. */
export interface AppRole {
  /** Default: derived from the value. */
  readonly id?: string | undefined
  /** What the claim `roles` carries. */
  readonly value: string
  /** Its name on the consent page. Default: the value. */
  readonly displayName?: string | undefined
  /** Has no effect. */
  readonly description?: string | undefined
  /** Who may have it: users and groups, applications, or both. */
  readonly allowedMemberTypes: readonly ('User' | 'Application')[]
  /** Default true. */
  readonly isEnabled?: boolean | undefined
}

/** Claims that tokens carry only if they are asked for. */
export interface OptionalClaims {
  /** In access tokens for this application as an API. Default: none. */
  readonly accessToken?: readonly OptionalClaim[] | undefined
  /** In id tokens for this application as a client. Default: none. */
  readonly idToken?: readonly OptionalClaim[] | undefined
}

/** A claim that a token carries only if it is asked for. */
export interface OptionalClaim {
  /** Its name. What docs/emulator-parity.md lists as absent has no effect. */
  readonly name: string
  /** Variants of it, such as `include_user_token` of `idtyp`. Default: none. */
  readonly additionalProperties?: readonly string[] | undefined
}

/** An application as an API. */
export interface ApiRegistration {
  /** Which version of access token this API gets: null (the default) and 1 are v1.0, 2 is v2.0. */
  readonly requestedAccessTokenVersion?: 1 | 2 | null | undefined
  /** The delegated scopes it offers. Default: none. */
  readonly oauth2PermissionScopes?: readonly PermissionScope[] | undefined
  /** Whether claims may be mapped into its tokens without a signing key of its own. Default false. */
  readonly acceptMappedClaims?: boolean | null | undefined
  /** Clients that have scopes without consent. Default: none. */
  readonly preAuthorizedApplications?: readonly PreAuthorizedApplication[] | undefined
  /** Clients whose consent covers this API's own needs as well: by appId or displayName. Default: none. */
  readonly knownClientApplications?: readonly string[] | undefined
}

/** A delegated scope that an API offers. */
export interface PermissionScope {
  /** Default: derived from the value. */
  readonly id?: string | undefined
  /** What the claim `scp` carries. */
  readonly value: string
  /** `User`: users may consent for themselves (the default). `Admin`: only an administrator may. */
  readonly type?: 'User' | 'Admin' | undefined
  /** Default true. */
  readonly isEnabled?: boolean | undefined
  /** The title on the consent page, if there is none for users. */
  readonly adminConsentDisplayName?: string | undefined
  /** The explanation on the consent page, if there is none for users. */
  readonly adminConsentDescription?: string | undefined
  /** The title on the consent page. Default: that for administrators, then the value. */
  readonly userConsentDisplayName?: string | null | undefined
  /** The explanation on the consent page. Default: that for administrators. */
  readonly userConsentDescription?: string | null | undefined
}

/** A client that has scopes of an API without consent. */
export interface PreAuthorizedApplication {
  /** The client, by appId or displayName. */
  readonly appId: string
  /** Scopes by id or value. */
  readonly delegatedPermissionIds: readonly string[]
}
